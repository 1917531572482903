/* SPDX-License-Identifier: Apache-2.0
 * The matrix of checks and observers. */
#include "bin/cli_health.h"

#include <stdio.h>
#include <string.h>

#include "bin/cli_view.h"
#include "bin/verb.h"

enum {
    CLI_HEALTH_OBSERVERS = 8, /* columns; further ones are left to -o json */
    CLI_HEALTH_BITS = 8,
    CLI_HEALTH_BITS_WIDE = 32,
};

static enum cli_text_paint cli_health_paint(const char *verdict)
{
    return strcmp(verdict, "PASSED") == 0   ? CLI_TEXT_GOOD
           : strcmp(verdict, "FAILED") == 0 ? CLI_TEXT_BAD
                                            : CLI_TEXT_WARN;
}

/* The latest results, the newest at the right: '.' good, 'x' bad. */
static const char *cli_health_window(uint32_t window, uint32_t count, char ret_bits[CLI_HEALTH_BITS_WIDE + 1])
{
    for (uint32_t i = 0; i < count; i++) {
        ret_bits[i] = (window >> (count - 1 - i) & 1U) != 0 ? 'x' : '.';
    }
    ret_bits[count] = 0;
    return ret_bits;
}

static void cli_health_cell(struct cli_text *text, struct cli_text_table *table, const json_t *seen)
{
    char bits[CLI_HEALTH_BITS_WIDE + 1];
    char age[CLI_TEXT_SPAN];
    const char *verdict = cli_text_member(seen, "verdict");
    const int64_t age_ms = cli_text_integer(seen, "age_ms", -1);
    if (age_ms < 0) {
        cli_text_table_cell(table, CLI_TEXT_DIM, "nothing yet");
        return;
    }
    cli_text_table_cell(table, cli_health_paint(verdict), "%-7s %s  %s ago", verdict,
                        cli_health_window((uint32_t)cli_text_integer(seen, "window", 0),
                                          text->wide ? CLI_HEALTH_BITS_WIDE : CLI_HEALTH_BITS, bits),
                        cli_text_span(age_ms, age));
}

static void cli_health_row(struct cli_text *text, struct cli_text_table *table, const json_t *check,
                           const json_t *sites)
{
    const char *verdict = cli_text_member(check, "verdict");
    cli_text_table_row(table);
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(check, "check"));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(check, "severity"));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(check, "layer", 0));
    cli_text_table_cell(table, cli_health_paint(verdict), "%s", verdict);
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld of %lld", (long long)cli_text_integer(check, "failed", 0),
                        (long long)cli_text_integer(check, "reporting", 0));
    for (size_t i = 0; i < json_array_size(sites) && i < CLI_HEALTH_OBSERVERS; i++) {
        cli_health_cell(text, table,
                        cli_text_find(json_object_get(check, "observers"), "site",
                                      cli_text_member(json_array_get(sites, i), "site")));
    }
}

/* The last errors of one region's checks, an observer each line. */
static void cli_health_errors(struct cli_text *text, const json_t *check)
{
    size_t index = 0;
    const json_t *seen = NULL;
    json_array_foreach(json_object_get(check, "observers"), index, seen)
    {
        const char *error = cli_text_member(seen, "error");
        if (error[0] != 0) {
            cli_text_print(text, CLI_TEXT_BAD, "  %s, seen by %s: %s: %s\n", cli_text_member(check, "check"),
                           cli_text_member(seen, "site"), error, cli_text_member(seen, "message"));
        }
    }
}

static void cli_health_region(struct cli_text *text, const json_t *checks, const char *region)
{
    const char *titles[CLI_TEXT_COLUMNS] = {"check", "severity", ">layer", "verdict", "failed for"};
    const json_t *sites = json_object_get(json_array_get(checks, 0), "observers");
    size_t index = 0;
    const json_t *check = NULL;
    for (size_t i = 0; i < json_array_size(sites) && i < CLI_HEALTH_OBSERVERS; i++) {
        titles[5 + i] = cli_text_member(json_array_get(sites, i), "site");
    }
    struct cli_text_table *table = cli_text_table_new(titles);
    cli_text_print(text, CLI_TEXT_BOLD, "%s\n", region);
    json_array_foreach(checks, index, check)
    {
        if (strcmp(cli_text_member(check, "region"), region) == 0) {
            cli_health_row(text, table, check, sites);
        }
    }
    cli_text_table_end(table, "  ", text);
    json_array_foreach(checks, index, check)
    {
        if (strcmp(cli_text_member(check, "region"), region) == 0) {
            cli_health_errors(text, check);
        }
    }
}

/* Whether an earlier check is of the same region already. */
static bool cli_health_shown(const json_t *checks, size_t index)
{
    const char *region = cli_text_member(json_array_get(checks, index), "region");
    for (size_t i = 0; i < index; i++) {
        if (strcmp(cli_text_member(json_array_get(checks, i), "region"), region) == 0) {
            return true;
        }
    }
    return false;
}

void cli_health_draw(struct cli_text *text, const json_t *health)
{
    const json_t *checks = json_object_get(health, "checks");
    bool any = false;
    for (size_t i = 0; i < json_array_size(checks); i++) {
        if (!cli_health_shown(checks, i)) {
            buf_text(&text->out, any ? "\n" : "");
            cli_health_region(text, checks, cli_text_member(json_array_get(checks, i), "region"));
            any = true;
        }
    }
    if (!any) {
        buf_text(&text->out, "no checks\n");
    }
}

static int cli_health_page(struct cli_text *text, const json_t *answer, struct cli_client *client,
                           const struct cli_option *option)
{
    (void)client;
    (void)option;
    cli_health_draw(text, answer);
    return VERB_OK;
}

int cli_health(int argc, char **argv)
{
    static const struct cli_option_verb verb = {
        .name = "health",
        .usage = "[REGION] [OPTION...]",
        .about =
            "Checks and observers: verdict, the latest results (newest at the right, x is a failure), age, last error.",
        .example = "holdfast health taiwan --watch",
        .takes = CLI_OPTION_WATCHES,
        .operands_max = 1};
    static const struct cli_view view = {.path = "/v1/health", .draw = cli_health_page};
    return cli_view_verb(argc, argv, &verb, &view);
}
