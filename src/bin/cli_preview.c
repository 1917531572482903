/* SPDX-License-Identifier: Apache-2.0
 * Previews. */
#include "bin/cli_preview.h"

#include <string.h>

#include "bin/cli_run.h"

bool cli_preview_refused(const json_t *preview)
{
    return strcmp(cli_text_member(preview, "would"), "start") != 0;
}

void cli_preview_checks(struct cli_text *text, const json_t *preview)
{
    static const char *const titles[] = {"pre-check", "result", "", NULL};
    const json_t *checks = json_object_get(preview, "checks");
    if (json_array_size(checks) == 0) {
        return;
    }
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *check = NULL;
    json_array_foreach(checks, index, check)
    {
        const bool good = cli_text_true(check, "ok");
        const bool blocks = cli_text_true(check, "blocks");
        cli_text_table_row(table);
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(check, "check"));
        cli_text_table_cell(table,
                            good     ? CLI_TEXT_GOOD
                            : blocks ? CLI_TEXT_BAD
                                     : CLI_TEXT_WARN,
                            "%s",
                            good     ? "good"
                            : blocks ? "REFUSES"
                                     : "warning");
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(check, "detail"));
    }
    cli_text_table_end(table, "  ", text);
}

static void cli_preview_steps(struct cli_text *text, const json_t *preview)
{
    static const char *const titles[] = {">", "step", ">about", "what it does", NULL};
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *step = NULL;
    json_array_foreach(json_object_get(preview, "steps"), index, step)
    {
        char span[CLI_TEXT_SPAN];
        char name[CLI_RUN_NAME];
        const bool final = cli_text_true(step, "irreversible");
        cli_text_table_row(table);
        cli_text_table_cell(table, CLI_TEXT_DIM, "%zu", index + 1);
        cli_text_table_cell(table, final ? CLI_TEXT_BAD : CLI_TEXT_PLAIN, "%s", cli_run_name(step, name));
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s",
                            cli_text_span(cli_text_integer(step, "predicted_ms", -1), span));
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s%s", cli_text_member(step, "what"),
                            final ? " - CANNOT BE UNDONE" : "");
    }
    cli_text_table_end(table, "  ", text);
}

static void cli_preview_lines(struct cli_text *text, const json_t *lines, const char *title)
{
    size_t index = 0;
    const json_t *line = NULL;
    json_array_foreach(lines, index, line)
    {
        buf_printf(&text->out, "%s  %s\n", index == 0 ? title : "", json_string_value(line));
    }
}

void cli_preview_draw(struct cli_text *text, const json_t *preview)
{
    char rto[CLI_TEXT_SPAN];
    const bool refused = cli_preview_refused(preview);
    cli_text_print(text, CLI_TEXT_BOLD, "%s %s -> %s", cli_text_member(preview, "plan"),
                   cli_text_member(preview, "source"), cli_text_member(preview, "target"));
    buf_text(&text->out, refused ? " would be refused" : " would start");
    if (refused && cli_text_member(preview, "problem")[0] != 0) {
        cli_text_print(text, CLI_TEXT_BAD, ": %s", cli_text_member(preview, "problem"));
    }
    buf_printf(&text->out, "\npredicted recovery time  %s (%s)\n",
               cli_text_span(cli_text_integer(preview, "predicted_rto_ms", -1), rto),
               cli_text_member(preview, "predicted_from"));
    size_t index = 0;
    const json_t *loss = NULL;
    json_array_foreach(json_object_get(preview, "loss"), index, loss)
    {
        buf_printf(&text->out, "predicted loss           %s: %s\n", cli_text_member(loss, "database"),
                   cli_text_member(loss, "text"));
    }
    cli_preview_checks(text, preview);
    cli_preview_steps(text, preview);
    cli_preview_lines(text, json_object_get(preview, "mutations"), "  what it would change:\n");
}
