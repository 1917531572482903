/* SPDX-License-Identifier: Apache-2.0
 * Explanations on the screen. */
#include "bin/cli_explain.h"

#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "bin/cli_event.h"
#include "bin/cli_run.h"
#include "bin/cli_view.h"
#include "bin/verb.h"

enum {
    CLI_EXPLAIN_BEFORE = 300,              /* entries looked at before a run's first */
    CLI_EXPLAIN_LEAD_US = 2000000,         /* before the evidence */
    CLI_EXPLAIN_ORDERED_US = 30 * 1000000, /* before a run that a person ordered */
};

/* ---- the present decision ---- */

static void cli_explain_checks(struct cli_text *text, const json_t *evidence)
{
    static const char *const titles[] = {"check", "verdict", ">failures in a row", NULL};
    struct cli_text_table *table = cli_text_table_new(titles);
    const json_t *observers = json_object_get(evidence, "observers");
    const json_t *target = json_object_get(evidence, "target");
    size_t index = 0;
    const json_t *check = NULL;
    json_array_foreach(json_object_get(evidence, "checks"), index, check)
    {
        const char *status = cli_text_member(check, "status");
        cli_text_table_row(table);
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(check, "check"));
        cli_text_table_cell(table,
                            strcmp(status, "PASSED") == 0   ? CLI_TEXT_GOOD
                            : strcmp(status, "FAILED") == 0 ? CLI_TEXT_BAD
                                                            : CLI_TEXT_WARN,
                            "%s", status);
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld",
                            (long long)cli_text_integer(check, "consecutive_failures", 0));
    }
    buf_text(&text->out, "  evidence\n");
    cli_text_table_end(table, "    ", text);
    buf_printf(&text->out, "    observers: %lld of %lld report, %lld see it by themselves\n",
               (long long)cli_text_integer(observers, "reporting", 0),
               (long long)cli_text_integer(observers, "total", 0),
               (long long)cli_text_integer(observers, "see_down", 0));
    buf_printf(&text->out, "    target: database %s, application %s, cache %s, queue %s",
               cli_text_true(target, "db") ? "good" : "BAD", cli_text_true(target, "app") ? "good" : "BAD",
               cli_text_true(target, "cache") ? "good" : "BAD", cli_text_true(target, "queue") ? "good" : "BAD");
    const double lag = cli_text_real(target, "replication_lag_s", -1);
    if (lag >= 0) {
        buf_printf(&text->out, ", lag %.1f s", lag);
    } else {
        buf_text(&text->out, ", lag unknown");
    }
    buf_printf(&text->out, ", capacity %.2f\n", cli_text_real(target, "capacity_ratio", 0));
}

static void cli_explain_distances(struct cli_text *text, const json_t *distances)
{
    static const char *const titles[] = {">rule", "trigger", ">now", "needs", ">missing", "", NULL};
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *distance = NULL;
    json_array_foreach(distances, index, distance)
    {
        const bool reached = cli_text_true(distance, "reached");
        const enum cli_text_paint paint = reached ? CLI_TEXT_WARN : CLI_TEXT_PLAIN;
        cli_text_table_row(table);
        cli_text_table_cell(table, paint, "%lld", (long long)cli_text_integer(distance, "rule", 0));
        cli_text_table_cell(table, paint, "%s", cli_text_member(distance, "trigger"));
        cli_text_table_cell(table, paint, "%.6g", cli_text_real(distance, "value", 0));
        cli_text_table_cell(table, paint, "%s %.6g", cli_text_member(distance, "needs"),
                            cli_text_real(distance, "bound", 0));
        cli_text_table_cell(table, paint, "%.6g", cli_text_real(distance, "distance", 0));
        const char *unit = cli_text_member(distance, "unit");
        cli_text_table_cell(table, paint, "%s", reached ? "REACHED" : strcmp(unit, "count") == 0 ? "" : unit);
    }
    buf_text(&text->out, "  distance to each trigger\n");
    cli_text_table_end(table, "    ", text);
}

/* Of an automatic failover: how long it takes by the rule, and what to be aware of. */
static void cli_explain_consequence(struct cli_text *text, const json_t *region)
{
    size_t index = 0;
    const json_t *warning = NULL;
    if (json_is_integer(json_object_get(region, "estimated_rto_s"))) {
        buf_printf(&text->out, "  estimated recovery time: %lld s\n",
                   (long long)cli_text_integer(region, "estimated_rto_s", 0));
    }
    json_array_foreach(json_object_get(region, "warnings"), index, warning)
    {
        cli_text_print(text, CLI_TEXT_WARN, "  warning: %s\n", json_string_value(warning));
    }
}

static void cli_explain_region(struct cli_text *text, const json_t *region)
{
    const json_t *explain = json_object_get(region, "explain");
    const json_t *gate = json_object_get(explain, "gate");
    const bool calm = strcmp(cli_text_member(region, "decision"), "NO_ACTION") == 0;
    cli_text_print(text, CLI_TEXT_BOLD, "%s", cli_text_member(region, "region"));
    buf_text(&text->out, ": ");
    cli_text_print(text, calm ? CLI_TEXT_GOOD : CLI_TEXT_WARN, "%s", cli_text_member(region, "decision"));
    buf_printf(&text->out, ", %s, confidence %s\n", cli_text_member(region, "reason"),
               cli_text_member(region, "confidence"));
    cli_explain_consequence(text, region);
    if (!json_is_object(explain)) {
        buf_text(&text->out, "  nothing was decided yet\n");
        return;
    }
    buf_printf(&text->out, "  rule %lld: %s\n    %s\n", (long long)cli_text_integer(explain, "rule", 0),
               cli_text_member(explain, "condition"), cli_text_member(explain, "why"));
    if (json_is_object(gate)) {
        cli_text_print(text, CLI_TEXT_WARN, "  gate %s: %s\n", cli_text_member(gate, "name"),
                       cli_text_member(gate, "condition"));
        buf_printf(&text->out, "    %s\n", cli_text_member(gate, "why"));
    } else {
        buf_text(&text->out, "  gate: none speaks against it\n");
    }
    cli_explain_checks(text, json_object_get(region, "evidence"));
    cli_explain_distances(text, json_object_get(explain, "distances"));
    size_t index = 0;
    const json_t *change = NULL;
    json_array_foreach(json_object_get(explain, "counterfactual"), index, change)
    {
        const char *held = cli_text_member(change, "gate");
        buf_printf(&text->out, "%s    %s: %s, %s%s%s\n", index == 0 ? "  it would be otherwise\n" : "",
                   cli_text_member(change, "change"), cli_text_member(change, "decision"),
                   cli_text_member(change, "reason"), held[0] != 0 ? ", gate " : "", held);
    }
}

/* What is heard of a writer, by whom. */
static void cli_explain_heartbeats(struct cli_text *text, const json_t *entry)
{
    const bool confirmed = strcmp(cli_text_member(entry, "verdict"), "confirmed") == 0;
    const long long window_ms = (long long)cli_text_integer(entry, "window_ms", 0);
    const char *gate = cli_text_member(entry, "gate");
    size_t index = 0;
    const json_t *site = NULL;
    cli_text_print(text, confirmed ? CLI_TEXT_BAD : CLI_TEXT_PLAIN,
                   "\nheartbeats of %s, writer of %s: ", cli_text_member(entry, "node"),
                   cli_text_member(entry, "database"));
    json_array_foreach(json_object_get(entry, "sites"), index, site)
    {
        const char *says = cli_text_member(site, "says");
        buf_printf(&text->out, "%s%s %s", index > 0 ? ", " : "", cli_text_member(site, "site"), says);
        if (strcmp(says, "silent") == 0) {
            buf_printf(&text->out, " for %lld ms", (long long)cli_text_integer(site, "age_ms", 0));
        }
    }
    buf_text(&text->out, "\n");
    if (window_ms == 0) {
        buf_text(&text->out, "  their silence starts nothing (databases.*.heartbeat.failover)\n");
        return;
    }
    buf_printf(&text->out,
               "  more than half of %lld sites silent for %lld ms, and no report (%lld ms ago) and no renewal (%lld ms "
               "ago) as long, would start a failover inside the region: %s\n",
               (long long)cli_text_integer(entry, "total", 0), window_ms,
               (long long)cli_text_integer(entry, "report_age_ms", -1),
               (long long)cli_text_integer(entry, "renewal_age_ms", -1), cli_text_member(entry, "verdict"));
    if (gate[0] != 0 && strcmp(gate, "NONE") != 0) {
        cli_text_print(text, CLI_TEXT_WARN, "  held by gate %s\n", gate);
    }
}

/* What waits in a ledger; nothing when all is settled. */
static void cli_explain_ledger(struct cli_text *text, const json_t *ledger)
{
    const long long open = (long long)cli_text_integer(ledger, "open", 0);
    const long long away = (long long)cli_text_integer(ledger, "away", 0);
    const char *holds = cli_text_true(ledger, "holds_failback") ? "; a failback is refused until they are settled" : "";
    const char *database = cli_text_member(ledger, "database");
    if (open > 0) {
        cli_text_print(text, CLI_TEXT_WARN, "\nledger of %s: %lld transactions wait for a person%s\n", database, open,
                       holds);
        buf_printf(&text->out, "  holdfast ledger list --open --database %s\n", database);
    }
    if (away > 0) {
        cli_text_print(text, CLI_TEXT_WARN,
                       "\nledger of %s: %lld former writers have not brought home what they hold%s\n", database, away,
                       holds);
    }
}

/* How a lost writer would be replaced where every commit waits. */
static void cli_explain_commits(struct cli_text *text, const json_t *commits)
{
    const char *database = cli_text_member(commits, "database");
    if (cli_text_true(commits, "early")) {
        buf_printf(&text->out,
                   "\n%s: every commit waits for the durability set: a lost writer's lease is not waited for\n",
                   database);
    } else if (cli_text_integer(commits, "lowers", 0) > 0) {
        cli_text_print(text, CLI_TEXT_WARN,
                       "\n%s: a lost writer's lease is waited for: %s lowers synchronous_commit (%lld in all)\n",
                       database, cli_text_member(commits, "lowers_by"),
                       (long long)cli_text_integer(commits, "lowers", 0));
    } else {
        cli_text_print(text, CLI_TEXT_WARN, "\n%s: a lost writer's lease is waited for: %s\n", database,
                       cli_text_true(commits, "kept") ? "no member of the durability set could take over alone"
                                                      : "whether every commit waits is not known");
    }
}

void cli_explain_draw(struct cli_text *text, const json_t *explain)
{
    size_t index = 0;
    const json_t *region = NULL;
    json_array_foreach(json_object_get(explain, "regions"), index, region)
    {
        buf_text(&text->out, index > 0 ? "\n" : "");
        cli_explain_region(text, region);
    }
    const json_t *heartbeats = NULL;
    json_array_foreach(json_object_get(explain, "heartbeats"), index, heartbeats)
    {
        cli_explain_heartbeats(text, heartbeats);
    }
    const json_t *ledger = NULL;
    json_array_foreach(json_object_get(explain, "ledger"), index, ledger)
    {
        cli_explain_ledger(text, ledger);
    }
    const json_t *commits = NULL;
    json_array_foreach(json_object_get(explain, "commits"), index, commits)
    {
        cli_explain_commits(text, commits);
    }
}

static int cli_explain_page(struct cli_text *text, const json_t *answer, struct cli_client *client,
                            const struct cli_option *option)
{
    (void)client;
    (void)option;
    cli_explain_draw(text, answer);
    return VERB_OK;
}

/* ---- a run ---- */

static bool cli_explain_trouble(const char *kind)
{
    static const char *const kinds[] = {"DECISION",     "CHECK_FAILED", "CHECK_UNKNOWN", "SITE_SILENT", "NODE_SILENT",
                                        "BEATS_SILENT", "BEATS_HELD",   "NO_CANDIDATE",  "REFUSED"};
    for (size_t i = 0; i < sizeof kinds / sizeof kinds[0]; i++) {
        if (strcmp(kind, kinds[i]) == 0) {
            return true;
        }
    }
    return false;
}

json_t *cli_explain_evidence(const json_t *run, const json_t *events, int64_t first)
{
    const int64_t began = cli_text_integer(run, "began_boot_us", 0);
    const int64_t seen = cli_text_integer(run, "evidence_boot_us", 0);
    const int64_t from = seen > 0 ? seen - CLI_EXPLAIN_LEAD_US : began - CLI_EXPLAIN_ORDERED_US;
    json_t *evidence = json_array();
    size_t index = 0;
    json_t *event = NULL;
    json_array_foreach(events, index, event)
    {
        const int64_t at = cli_text_integer(event, "boot_us", 0);
        if (cli_text_integer(event, "number", 0) < first && cli_explain_trouble(cli_text_member(event, "kind")) &&
            at >= from && at <= began) {
            json_array_append(evidence, event);
        }
    }
    return evidence;
}

static void cli_explain_run_draw(struct cli_text *text, const json_t *run, const json_t *evidence)
{
    char span[CLI_TEXT_SPAN];
    const int64_t began = cli_text_integer(run, "began_boot_us", 0);
    const int64_t detect = cli_text_integer(run, "detect_ms", -1);
    const char *problem = cli_text_member(run, "problem");
    cli_text_print(text, CLI_TEXT_BOLD, "run %lld: %s %s -> %s: %s", (long long)cli_text_integer(run, "id", 0),
                   cli_text_member(run, "plan"), cli_text_member(run, "source"), cli_text_member(run, "target"),
                   cli_text_member(run, "state"));
    buf_printf(&text->out, "%s%s\n", problem[0] != 0 ? ": " : "", problem);
    if (cli_text_true(run, "automatic")) {
        buf_printf(&text->out, "started by rule %lld, %s", (long long)cli_text_integer(run, "rule", 0),
                   cli_text_member(run, "reason"));
    } else {
        buf_printf(&text->out, "ordered by %s: %s", cli_text_member(run, "who"), cli_text_member(run, "reason"));
    }
    if (detect >= 0) {
        buf_printf(&text->out, ", %s after the first failed probe", cli_text_span(detect, span));
    }
    buf_text(&text->out, "\n\nevidence (seconds before the start)\n");
    if (json_array_size(evidence) == 0) {
        buf_text(&text->out, "  the journal has none\n");
    }
    cli_event_draw(text, evidence, began);
    buf_text(&text->out, "\nsteps ((!) cannot be undone)\n");
    cli_run_steps(text, run, "  ");
    if (cli_text_integer(run, "rto_ms", -1) >= 0) {
        buf_printf(&text->out, "\nserved again %s after the %s\n",
                   cli_text_span(cli_text_integer(run, "rto_ms", -1), span),
                   detect >= 0 ? "first failed probe" : "order");
    }
}

static int cli_explain_show(const struct cli_option *option, json_t *run, json_t *evidence, json_t *journal)
{
    if (option->format >= CLI_OPTION_JSON) {
        json_t *all = json_pack("{s:O,s:O,s:O}", "run", run, "evidence", evidence, "journal", journal);
        const int code = cli_view_data(option, all);
        json_decref(all);
        return code;
    }
    struct cli_text text;
    cli_view_begin(&text, option);
    cli_explain_run_draw(&text, run, evidence);
    return cli_view_flush(&text);
}

static int cli_explain_run(struct cli_client *client, const struct cli_option *option)
{
    char path[64];
    json_t *run = NULL;
    json_t *journal = NULL;
    json_t *before = NULL;
    snprintf(path, sizeof path, "/v1/runs/%.20s", option->run);
    int code = cli_client_get(client, path, &run);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    code = cli_event_read(client, option->run, 0, &journal);
    const int64_t first = cli_text_integer(json_array_get(journal, 0), "number", 0);
    if (code == VERB_OK) {
        /* The page behind this number holds more than what precedes the run; the rest is left out below. */
        char page[64];
        snprintf(page, sizeof page, "/v1/events?after=%" PRId64,
                 first > CLI_EXPLAIN_BEFORE ? first - CLI_EXPLAIN_BEFORE : 0);
        code = cli_client_get(client, page, &before);
        code = code != VERB_OK ? cli_client_complain(client, code) : code;
    }
    if (code == VERB_OK) {
        json_t *evidence = cli_explain_evidence(run, json_object_get(before, "events"), first);
        code = cli_explain_show(option, run, evidence, journal);
        json_decref(evidence);
    }
    json_decref(run);
    json_decref(journal);
    json_decref(before);
    return code;
}

int cli_explain(int argc, char **argv)
{
    static const struct cli_option_verb verb = {
        .name = "explain",
        .usage = "[REGION | --run ID] [OPTION...]",
        .about = "Why the present decision is what it is: rule, evidence, gate, distance to each trigger, what would\n"
                 "change it. With --run: what led to that run, and what each of its steps did.",
        .example = "holdfast explain --run 7",
        .takes = CLI_OPTION_WATCHES | CLI_OPTION_RUN,
        .operands_max = 1};
    static const struct cli_view view = {.path = "/v1/explain", .draw = cli_explain_page};
    struct cli_option option;
    struct cli_client *client = NULL;
    int code = cli_option_parse(argc, argv, &verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    if (option.run == NULL) {
        return cli_view_verb(argc, argv, &verb, &view);
    }
    if (option.run[0] == 0 || strspn(option.run, "0123456789") != strlen(option.run) || strlen(option.run) > 18) {
        fprintf(stderr, "holdfast explain: --run is the number of a run: %s\n", option.run);
        return VERB_USAGE;
    }
    code = cli_client_open(&option, false, &client);
    code = code != VERB_OK ? code : cli_explain_run(client, &option);
    cli_client_close(client);
    return code;
}
