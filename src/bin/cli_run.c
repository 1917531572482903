/* SPDX-License-Identifier: Apache-2.0
 * Runs: the bar, the steps, the history. */
#include "bin/cli_run.h"

#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "bin/cli_view.h"
#include "bin/verb.h"

enum {
    CLI_RUN_LINE = 100, /* the bar's line is broken behind so many characters */
    CLI_RUN_HISTORY = 64,
};

int cli_run_exit(const char *state)
{
    static const struct {
        const char *state;
        int code;
    } ends[] = {{"succeeded", VERB_OK},
                {"unproven", VERB_FAILED},
                {"compensated", VERB_ABORTED},
                {"refused", VERB_PRECHECK},
                {"failed", VERB_FAILED}};
    for (size_t i = 0; i < sizeof ends / sizeof ends[0]; i++) {
        if (strcmp(state, ends[i].state) == 0) {
            return ends[i].code;
        }
    }
    return -1;
}

static enum cli_text_paint cli_run_paint(const char *state)
{
    static const struct {
        const char *state;
        enum cli_text_paint paint;
    } paints[] = {{"done", CLI_TEXT_GOOD},    {"succeeded", CLI_TEXT_GOOD}, {"running", CLI_TEXT_BOLD},
                  {"waiting", CLI_TEXT_WARN}, {"unproven", CLI_TEXT_WARN},  {"undone", CLI_TEXT_WARN},
                  {"undoing", CLI_TEXT_WARN}, {"failed", CLI_TEXT_BAD},     {"compensated", CLI_TEXT_WARN},
                  {"refused", CLI_TEXT_WARN}, {"pending", CLI_TEXT_DIM},    {"skipped", CLI_TEXT_DIM}};
    for (size_t i = 0; i < sizeof paints / sizeof paints[0]; i++) {
        if (strcmp(state, paints[i].state) == 0) {
            return paints[i].paint;
        }
    }
    return CLI_TEXT_PLAIN;
}

const char *cli_run_name(const json_t *step, char ret_name[CLI_RUN_NAME])
{
    const char *name = cli_text_member(step, "name");
    size_t i = 0;
    for (; name[i] != 0 && i < CLI_RUN_NAME - 1; i++) {
        ret_name[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
    }
    ret_name[i] = 0;
    return ret_name;
}

/* How long a step took, or has taken so far. -1: not begun. */
static int64_t cli_run_step_ms(const json_t *run, const json_t *step)
{
    const char *state = cli_text_member(step, "state");
    const int64_t started_us = cli_text_integer(step, "started_boot_us", 0);
    if (started_us == 0 || strcmp(state, "pending") == 0) {
        return -1;
    }
    if (strcmp(state, "running") == 0) {
        return (cli_text_integer(run, "now_boot_us", started_us) - started_us) / 1000;
    }
    return cli_text_integer(step, "ms", 0);
}

/* ---- the one in progress ---- */

static void cli_run_bar(struct cli_text *text, const json_t *run)
{
    size_t index = 0;
    size_t length = 0;
    const json_t *step = NULL;
    buf_text(&text->out, "         ");
    json_array_foreach(json_object_get(run, "steps"), index, step)
    {
        char name[CLI_RUN_NAME];
        char piece[96];
        const char *state = cli_text_member(step, "state");
        const int64_t ms = cli_run_step_ms(run, step);
        cli_run_name(step, name);
        const char *mark = cli_text_true(step, "irreversible") ? "!" : "";
        if (ms >= 0) {
            snprintf(piece, sizeof piece, "%s%s %lld.%lld s%s", mark, name, (long long)ms / 1000,
                     (long long)ms % 1000 / 100, strcmp(state, "running") == 0 ? " .." : "");
        } else {
            snprintf(piece, sizeof piece, "%s%s", mark, name);
        }
        if (length > 0 && length + strlen(piece) + 3 > CLI_RUN_LINE) {
            buf_text(&text->out, "\n         ");
            length = 0;
        }
        if (index > 0) {
            buf_text(&text->out, "> ");
        }
        cli_text_print(text, cli_run_paint(state), "%s", piece);
        buf_text(&text->out, " ");
        length += strlen(piece) + 3;
    }
    buf_text(&text->out, "\n");
}

/* The first step still to come that cannot be undone. */
static const json_t *cli_run_irreversible(const json_t *run)
{
    size_t index = 0;
    const json_t *step = NULL;
    json_array_foreach(json_object_get(run, "steps"), index, step)
    {
        const char *state = cli_text_member(step, "state");
        if (cli_text_true(step, "irreversible") && (strcmp(state, "pending") == 0 || strcmp(state, "running") == 0)) {
            return step;
        }
    }
    return NULL;
}

static const json_t *cli_run_present(const json_t *run)
{
    return cli_text_find(json_object_get(run, "steps"), "state", "running");
}

void cli_run_draw(struct cli_text *text, const json_t *run)
{
    char span[CLI_TEXT_SPAN];
    char name[CLI_RUN_NAME];
    const char *state = cli_text_member(run, "state");
    const json_t *present = cli_run_present(run);
    const json_t *next = cli_run_irreversible(run);
    buf_text(&text->out, "now      ");
    cli_text_print(text, cli_run_paint(state), "run %lld %s %s -> %s: %s", (long long)cli_text_integer(run, "id", 0),
                   cli_text_member(run, "plan"), cli_text_member(run, "source"), cli_text_member(run, "target"), state);
    buf_printf(&text->out, " for %s, %s by %s: %s\n", cli_text_span(cli_text_integer(run, "duration_ms", -1), span),
               cli_text_true(run, "automatic") ? "started" : "ordered", cli_text_member(run, "who"),
               cli_text_member(run, "reason"));
    cli_run_bar(text, run);
    if (cli_text_member(run, "problem")[0] != 0) {
        cli_text_print(text, CLI_TEXT_WARN, "         %s\n", cli_text_member(run, "problem"));
    }
    if (present != NULL && cli_text_member(present, "detail")[0] != 0) {
        buf_printf(&text->out, "         %s: %s\n", cli_run_name(present, name), cli_text_member(present, "detail"));
    }
    buf_printf(&text->out, "         next step that cannot be undone: %s\n",
               next != NULL ? cli_run_name(next, name) : "none");
    buf_printf(&text->out, "         `holdfast abort %lld` %s\n", (long long)cli_text_integer(run, "id", 0),
               cli_text_member(run, "abort"));
    if (present != NULL && strcmp(cli_text_member(present, "name"), "APPROVAL") == 0) {
        cli_text_print(text, CLI_TEXT_WARN, "         waits for `holdfast approve %lld`\n",
                       (long long)cli_text_integer(run, "id", 0));
    }
}

void cli_run_steps(struct cli_text *text, const json_t *run, const char *indent)
{
    static const char *const titles[] = {"step", "state", ">took", "detail", NULL};
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *step = NULL;
    json_array_foreach(json_object_get(run, "steps"), index, step)
    {
        char name[CLI_RUN_NAME];
        char span[CLI_TEXT_SPAN];
        const char *state = cli_text_member(step, "state");
        const char *error = cli_text_member(step, "error");
        cli_text_table_row(table);
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s%s", cli_run_name(step, name),
                            cli_text_true(step, "irreversible") ? " (!)" : "");
        cli_text_table_cell(table, cli_run_paint(state), "%s", state);
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_span(cli_run_step_ms(run, step), span));
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s%s%s", error, error[0] != 0 ? ": " : "",
                            cli_text_member(step, "detail"));
    }
    cli_text_table_end(table, indent, text);
}

/* ---- the past ---- */

static void cli_run_row(struct cli_text_table *table, const json_t *run)
{
    char began[CLI_TEXT_SPAN];
    char took[CLI_TEXT_SPAN];
    char rto[CLI_TEXT_SPAN];
    const char *state = cli_text_member(run, "state");
    const char *problem = cli_text_member(run, "problem");
    cli_text_table_row(table);
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(run, "id", 0));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_time(cli_text_integer(run, "began_ms", 0), began));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(run, "plan"));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s -> %s", cli_text_member(run, "source"),
                        cli_text_member(run, "target"));
    cli_text_table_cell(table, cli_run_paint(state), "%s", state);
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_span(cli_text_integer(run, "rto_ms", -1), rto));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_span(cli_text_integer(run, "duration_ms", -1), took));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(run, "who"));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s%s%s", cli_text_member(run, "reason"), problem[0] != 0 ? "; " : "",
                        problem);
}

bool cli_run_past(struct cli_text *text, const json_t *runs, size_t limit, const char *indent)
{
    static const char *const titles[] = {">run", "began (UTC)", "plan", "from -> to", "outcome",
                                         ">RTO", ">took",       "by",   "reason",     NULL};
    struct cli_text_table *table = NULL;
    size_t index = 0;
    size_t count = 0;
    const json_t *run = NULL;
    json_array_foreach(runs, index, run)
    {
        if (count < limit && cli_run_exit(cli_text_member(run, "state")) >= 0) {
            table = table != NULL ? table : cli_text_table_new(titles);
            cli_run_row(table, run);
            count++;
        }
    }
    if (table == NULL) {
        return false;
    }
    cli_text_table_end(table, indent, text);
    return true;
}

static int cli_run_history_draw(struct cli_text *text, const json_t *answer, struct cli_client *client,
                                const struct cli_option *option)
{
    (void)client;
    (void)option;
    size_t index = 0;
    const json_t *run = NULL;
    const json_t *runs = json_object_get(answer, "runs");
    json_array_foreach(runs, index, run)
    {
        if (cli_run_exit(cli_text_member(run, "state")) < 0) {
            cli_run_draw(text, run);
            buf_text(&text->out, "\n");
        }
    }
    if (!cli_run_past(text, runs, CLI_RUN_HISTORY, "")) {
        buf_text(&text->out, "no run has ended yet\n");
    }
    return VERB_OK;
}

int cli_run_history(int argc, char **argv)
{
    static const struct cli_option_verb verb = {
        .name = "history",
        .usage = "[OPTION...]",
        .about = "The latest runs: failovers, switchovers, failbacks, with their outcome and recovery time.",
        .example = "holdfast history -o json",
        .takes = CLI_OPTION_WATCHES};
    static const struct cli_view view = {.path = "/v1/runs", .draw = cli_run_history_draw};
    return cli_view_verb(argc, argv, &verb, &view);
}
