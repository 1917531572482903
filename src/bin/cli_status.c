/* SPDX-License-Identifier: Apache-2.0
 * The status screen. */
#include "bin/cli_status.h"

#include <stdio.h>
#include <string.h>

#include "bin/cli_run.h"
#include "bin/cli_service.h"
#include "bin/cli_view.h"
#include "bin/verb.h"

enum { CLI_STATUS_HISTORY = 3 };

/* ---- the first line ---- */

/* The region of the first database's writer; with no database the one that carries most. */
static const char *cli_status_active(const json_t *status)
{
    const json_t *database = json_array_get(json_object_get(status, "databases"), 0);
    const json_t *node = cli_text_named(json_object_get(database, "nodes"), cli_text_member(database, "writer"));
    if (database != NULL) {
        return node != NULL ? cli_text_member(node, "region") : "NONE";
    }
    size_t index = 0;
    double most = 0;
    const char *name = "NONE";
    const json_t *region = NULL;
    json_array_foreach(json_object_get(status, "regions"), index, region)
    {
        const double carried = cli_text_real(region, "traffic_percent", 0);
        if (carried > most) {
            most = carried;
            name = cli_text_member(region, "name");
        }
    }
    return name;
}

static void cli_status_head(struct cli_text *text, const json_t *status)
{
    char span[CLI_TEXT_SPAN];
    const json_t *controllers = json_object_get(status, "controllers");
    const char *active = cli_status_active(status);
    const bool automatic = strcmp(cli_text_member(status, "automation"), "AUTO") == 0;
    const int64_t last = cli_text_integer(status, "last_failover_ms", -1);
    const int64_t now = cli_text_integer(status, "now_ms", -1);
    buf_printf(&text->out, "%-8s ", cli_text_member(status, "name"));
    buf_text(&text->out, "ACTIVE ");
    cli_text_print(text, strcmp(active, "NONE") == 0 ? CLI_TEXT_BAD : CLI_TEXT_BOLD, "%s", active);
    buf_text(&text->out, "   automation ");
    cli_text_print(text, automatic ? CLI_TEXT_GOOD : CLI_TEXT_WARN, "%s", cli_text_member(status, "automation"));
    const char *leader = cli_text_member(controllers, "leader");
    buf_printf(&text->out, "   controllers %lld/%lld leader %s   ",
               (long long)cli_text_integer(controllers, "reachable", 0),
               (long long)cli_text_integer(controllers, "members", 0), leader[0] != 0 ? leader : "NONE");
    if (last > 0 && now >= last) {
        buf_printf(&text->out, "last failover %s ago   ", cli_text_span(now - last, span));
    } else {
        buf_text(&text->out, "no failover so far   ");
    }
    const bool degraded = cli_text_true(status, "degraded");
    cli_text_print(text, degraded ? CLI_TEXT_WARN : CLI_TEXT_GOOD, "%s\n\n", degraded ? "DEGRADED" : "GOOD");
}

/* ---- regions ---- */

static double cli_status_part(const json_t *distance)
{
    const double bound = cli_text_real(distance, "bound", 0);
    return bound > 0 ? cli_text_real(distance, "value", 0) / bound : 0;
}

/* The trigger that is nearest to being reached, with what it lacks; counts of checks before figures that are at rest.
 */
static void cli_status_distance(const json_t *region, char *ret_text, size_t size)
{
    size_t index = 0;
    const json_t *distance = NULL;
    const json_t *nearest = NULL;
    json_array_foreach(json_object_get(region, "distances"), index, distance)
    {
        if (nearest == NULL || cli_status_part(distance) > cli_status_part(nearest)) {
            nearest = distance;
        }
    }
    if (strcmp(cli_text_member(region, "decision"), "NO_ACTION") != 0) {
        const char *gate = cli_text_member(region, "gate");
        snprintf(ret_text, size, "%s, rule %lld%s%s", cli_text_member(region, "decision"),
                 (long long)cli_text_integer(region, "rule", 0),
                 gate[0] != 0 && strcmp(gate, "NONE") != 0 ? ", gate " : "", strcmp(gate, "NONE") != 0 ? gate : "");
    } else if (nearest == NULL) {
        snprintf(ret_text, size, "-");
    } else if (strcmp(cli_text_member(nearest, "unit"), "ratio") == 0) {
        snprintf(ret_text, size, "%s %.1f of %.0f%%", cli_text_member(nearest, "trigger"),
                 cli_text_real(nearest, "value", 0) * 100, cli_text_real(nearest, "bound", 0) * 100);
    } else {
        snprintf(ret_text, size, "%.6g of %.6g %s", cli_text_real(nearest, "value", 0),
                 cli_text_real(nearest, "bound", 0), cli_text_member(nearest, "trigger"));
    }
}

/* The worst lag of the region's standbys; -1: it has none that says. */
static int64_t cli_status_lag(const json_t *status, const char *region)
{
    int64_t worst = -1;
    size_t at = 0;
    const json_t *database = NULL;
    json_array_foreach(json_object_get(status, "databases"), at, database)
    {
        size_t index = 0;
        const json_t *node = NULL;
        json_array_foreach(json_object_get(database, "nodes"), index, node)
        {
            const int64_t lag = cli_text_integer(node, "lag_ms", -1);
            if (strcmp(cli_text_member(node, "region"), region) == 0 &&
                strcmp(cli_text_member(node, "role"), "standby") == 0 && lag > worst) {
                worst = lag;
            }
        }
    }
    return worst;
}

static enum cli_text_paint cli_status_paint(const char *state)
{
    return strcmp(state, "SERVING") == 0 ? CLI_TEXT_GOOD : strcmp(state, "DOWN") == 0 ? CLI_TEXT_BAD : CLI_TEXT_WARN;
}

static void cli_status_region(struct cli_text_table *table, const json_t *status, const json_t *region)
{
    char lag[CLI_TEXT_SPAN];
    char distance[200];
    const char *state = cli_text_member(region, "state");
    const long long critical = (long long)cli_text_integer(region, "critical", 0);
    const long long passed = (long long)cli_text_integer(region, "critical_passed", 0);
    const double errors = cli_text_real(region, "error_percent", 0);
    const double p95 = cli_text_real(region, "p95_ms", 0);
    cli_status_distance(region, distance, sizeof distance);
    cli_text_table_row(table);
    cli_text_table_cell(table, CLI_TEXT_BOLD, "%s", cli_text_member(region, "name"));
    cli_text_table_cell(table, cli_status_paint(state), "%s", state);
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%.0f%%", cli_text_real(region, "traffic_percent", 0));
    cli_text_table_cell(table, passed == critical ? CLI_TEXT_GOOD : CLI_TEXT_BAD, "%lld/%lld", passed, critical);
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%.1f%%", errors);
    if (p95 > 0) {
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%.0f ms", p95);
    } else {
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "-");
    }
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s",
                        cli_text_span(cli_status_lag(status, cli_text_member(region, "name")), lag));
    cli_text_table_cell(table,
                        strcmp(cli_text_member(region, "decision"), "NO_ACTION") == 0 ? CLI_TEXT_PLAIN : CLI_TEXT_WARN,
                        "%s", distance);
}

static void cli_status_regions(struct cli_text *text, const json_t *status)
{
    static const char *const titles[] = {
        "region", "state", ">traffic", ">crit", ">err%", ">p95", ">lag", "distance to trigger", NULL};
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *region = NULL;
    json_array_foreach(json_object_get(status, "regions"), index, region)
    {
        cli_status_region(table, status, region);
    }
    cli_text_table_end(table, "", text);
}

/* ---- databases ---- */

static void cli_status_node(struct cli_text_table *table, const json_t *node, const json_t *members)
{
    char lag[CLI_TEXT_SPAN];
    size_t index = 0;
    const json_t *member = NULL;
    bool in_set = false;
    const bool alive = cli_text_true(node, "alive");
    const bool fenced = cli_text_true(node, "fenced");
    const bool writer = !fenced && strcmp(cli_text_member(node, "role"), "writer") == 0;
    const char *error = cli_text_member(node, "error");
    json_array_foreach(members, index, member)
    {
        in_set |= json_is_string(member) && strcmp(json_string_value(member), cli_text_member(node, "name")) == 0;
    }
    cli_text_table_row(table);
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(node, "name"));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(node, "region"));
    cli_text_table_cell(table, alive ? CLI_TEXT_PLAIN : CLI_TEXT_BAD, "%s",
                        !alive                            ? "SILENT"
                        : !cli_text_true(node, "running") ? "stopped"
                                                          : "running");
    const char *part = cli_text_member(node, "part");
    cli_text_table_cell(table, writer ? CLI_TEXT_BOLD : CLI_TEXT_PLAIN, "%s",
                        fenced                                      ? "fenced"
                        : part[0] != 0 && strcmp(part, "none") != 0 ? part
                                                                    : cli_text_member(node, "role"));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(node, "upstream"));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(node, "epoch", 0));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_true(node, "lease") ? "lease" : in_set ? "member" : "-");
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_span(cli_text_integer(node, "lag_ms", -1), lag));
    cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(node, writer ? "written" : "received"));
    const char *pending = cli_text_member(node, "pending_restart");
    cli_text_table_cell(table,
                        error[0] != 0     ? CLI_TEXT_BAD
                        : pending[0] != 0 ? CLI_TEXT_WARN
                                          : CLI_TEXT_PLAIN,
                        "%s%s",
                        error[0] != 0     ? ""
                        : pending[0] != 0 ? "restart needed: "
                                          : "",
                        error[0] != 0     ? error
                        : pending[0] != 0 ? pending
                                          : cli_text_member(node, "activity"));
}

static void cli_status_durability(struct cli_text *text, const json_t *durability)
{
    size_t index = 0;
    const json_t *member = NULL;
    const json_t *members = json_object_get(durability, "members");
    const long long required = (long long)cli_text_integer(durability, "required", 0);
    const char *state = cli_text_member(durability, "state");
    if (strcmp(state, "blocked") == 0) {
        cli_text_print(text, CLI_TEXT_BAD, "BLOCKED: no standby acknowledges, tier-1 commits wait");
        return;
    }
    if (strcmp(state, "degraded") == 0) {
        cli_text_print(text, CLI_TEXT_BAD, "DEGRADED: no standby acknowledges, tier-1 commits are on one node only");
        return;
    }
    if (json_array_size(members) == 0 || required == 0) {
        cli_text_print(text, CLI_TEXT_WARN, "commits wait for no other node");
        return;
    }
    buf_printf(&text->out, "commits wait for %lld of ", required);
    json_array_foreach(members, index, member)
    {
        buf_printf(&text->out, "%s%s", index > 0 ? ", " : "", json_string_value(member));
    }
}

/* How far each standby was behind over the last minutes. */
static void cli_status_lags(struct cli_text *text, const json_t *nodes)
{
    static const char *const titles[] = {"standby", ">lag p50", ">p95", ">p99", ">max", ">WAL p99", ">max", NULL};
    static const char *const quantiles[] = {"p50", "p95", "p99", "max"};
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *node = NULL;
    json_array_foreach(nodes, index, node)
    {
        const json_t *recent = json_object_get(node, "lag_recent");
        const json_t *ms = json_object_get(recent, "ms");
        const json_t *bytes = json_object_get(recent, "bytes");
        if (recent == NULL) {
            continue;
        }
        cli_text_table_row(table);
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(node, "name"));
        for (size_t i = 0; i < sizeof quantiles / sizeof quantiles[0]; i++) {
            char span[CLI_TEXT_SPAN];
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s",
                                cli_text_span(cli_text_integer(ms, quantiles[i], 0), span));
        }
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld B", (long long)cli_text_integer(bytes, "p99", 0));
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld B", (long long)cli_text_integer(bytes, "max", 0));
    }
    buf_text(&text->out, "\n");
    cli_text_table_end(table, "  ", text);
}

/* What the proxies of each site have met with at the nodes. */
static void cli_status_seen(struct cli_text *text, const json_t *nodes)
{
    static const char *const titles[] = {"node",      "seen from", ">round trip", ">connections",
                                         ">failures", ">wrong",    NULL};
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *node = NULL;
    json_array_foreach(nodes, index, node)
    {
        size_t at = 0;
        const json_t *seen = NULL;
        json_array_foreach(json_object_get(node, "seen"), at, seen)
        {
            const int64_t rtt_us = cli_text_integer(seen, "rtt_us", 0);
            cli_text_table_row(table);
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", at == 0 ? cli_text_member(node, "name") : "");
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(seen, "site"));
            if (rtt_us > 0) {
                cli_text_table_cell(table, CLI_TEXT_PLAIN, "%.2f ms", (double)rtt_us / 1000);
            } else {
                cli_text_table_cell(table, CLI_TEXT_PLAIN, "-");
            }
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(seen, "connections", 0));
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(seen, "failures", 0));
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(seen, "wrong", 0));
        }
    }
    buf_text(&text->out, "\n");
    cli_text_table_end(table, "  ", text);
}

/* What applications of each site have told of them. */
static void cli_status_told(struct cli_text *text, const json_t *nodes)
{
    static const char *const titles[] = {"node", "told from", ">a call", ">answered", ">failures", ">wrong", NULL};
    struct cli_text_table *table = NULL;
    size_t index = 0;
    const json_t *node = NULL;
    json_array_foreach(nodes, index, node)
    {
        size_t at = 0;
        const json_t *told = NULL;
        json_array_foreach(json_object_get(node, "told"), at, told)
        {
            table = table != NULL ? table : cli_text_table_new(titles);
            cli_text_table_row(table);
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", at == 0 ? cli_text_member(node, "name") : "");
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(told, "site"));
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%.2f ms", (double)cli_text_integer(told, "took_us", 0) / 1000);
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(told, "answered", 0));
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(told, "failures", 0));
            cli_text_table_cell(table, CLI_TEXT_PLAIN, "%lld", (long long)cli_text_integer(told, "wrong", 0));
        }
    }
    if (table != NULL) { /* most hosts have none that tell */
        buf_text(&text->out, "\n");
        cli_text_table_end(table, "  ", text);
    }
}

/* The promise that every commit waits, and whether it is kept. */
static void cli_status_commits(struct cli_text *text, const json_t *promise)
{
    if (promise == NULL || cli_text_true(promise, "kept")) {
        buf_text(&text->out, promise != NULL ? ", every commit does" : "");
    } else if (cli_text_integer(promise, "lowers", 0) > 0) {
        cli_text_print(text, CLI_TEXT_BAD, "   every_commit is NOT KEPT: %s lowers synchronous_commit",
                       cli_text_member(promise, "lowers_by"));
    } else {
        cli_text_print(text, CLI_TEXT_WARN, "   whether every commit waits is not known");
    }
}

static void cli_status_database(struct cli_text *text, const json_t *database)
{
    static const char *const titles[] = {"node",  "region", "server", "role", "from", ">epoch",
                                         "holds", ">lag",   "WAL",    "",     NULL};
    const char *writer = cli_text_member(database, "writer");
    const json_t *durability = json_object_get(database, "durability");
    buf_printf(&text->out, "\ndatabase %s   writer ", cli_text_member(database, "name"));
    cli_text_print(text, writer[0] != 0 ? CLI_TEXT_BOLD : CLI_TEXT_BAD, "%s", writer[0] != 0 ? writer : "NONE");
    buf_printf(&text->out, "   epoch %lld   ", (long long)cli_text_integer(database, "epoch", 0));
    cli_status_durability(text, durability);
    cli_status_commits(text, json_object_get(database, "every_commit"));
    if (cli_text_true(database, "hold")) {
        cli_text_print(text, CLI_TEXT_WARN, "   sessions are held");
    }
    if (strcmp(cli_text_member(database, "lag_cap"), "holding") == 0) {
        cli_text_print(text, CLI_TEXT_WARN, "   sessions wait: every standby is behind max_lag");
    } else if (strcmp(cli_text_member(database, "lag_cap"), "alone") == 0) {
        cli_text_print(text, CLI_TEXT_WARN, "   no standby streams: max_lag is not kept");
    }
    buf_text(&text->out, "\n");
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *node = NULL;
    json_array_foreach(json_object_get(database, "nodes"), index, node)
    {
        cli_status_node(table, node, json_object_get(durability, "members"));
    }
    cli_text_table_end(table, "  ", text);
    if (text->wide) {
        cli_status_lags(text, json_object_get(database, "nodes"));
        cli_status_seen(text, json_object_get(database, "nodes"));
        cli_status_told(text, json_object_get(database, "nodes"));
    }
}

/* ---- sites: in a line, or as a table in the wide form ---- */

static void cli_status_site_reader(struct cli_text_table *table, const json_t *site, const char *kind)
{
    const json_t *reader = json_object_get(site, kind);
    char span[CLI_TEXT_SPAN];
    if (reader == NULL) {
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "-");
    } else {
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "view %lld, %s ago", (long long)cli_text_integer(reader, "view", 0),
                            cli_text_span(cli_text_integer(reader, "age_ms", -1), span));
    }
}

static void cli_status_sites_wide(struct cli_text *text, const json_t *sites)
{
    static const char *const titles[] = {"site", "region", "state", ">heard", "dns", "proxy", "service", NULL};
    struct cli_text_table *table = cli_text_table_new(titles);
    size_t index = 0;
    const json_t *site = NULL;
    json_array_foreach(sites, index, site)
    {
        char span[CLI_TEXT_SPAN];
        const bool alive = cli_text_true(site, "alive");
        const char *region = cli_text_member(site, "region");
        cli_text_table_row(table);
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_member(site, "name"));
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", region[0] != 0 ? region : "-");
        cli_text_table_cell(table, alive ? CLI_TEXT_GOOD : CLI_TEXT_BAD, "%s", alive ? "alive" : "SILENT");
        cli_text_table_cell(table, CLI_TEXT_PLAIN, "%s", cli_text_span(cli_text_integer(site, "age_ms", -1), span));
        cli_status_site_reader(table, site, "dns");
        cli_status_site_reader(table, site, "proxy");
        cli_status_site_reader(table, site, "service");
    }
    buf_text(&text->out, "\n");
    cli_text_table_end(table, "", text);
}

static void cli_status_sites(struct cli_text *text, const json_t *sites)
{
    size_t index = 0;
    const json_t *site = NULL;
    if (text->wide) {
        cli_status_sites_wide(text, sites);
        return;
    }
    buf_text(&text->out, "\nsites   ");
    json_array_foreach(sites, index, site)
    {
        const bool alive = cli_text_true(site, "alive");
        buf_printf(&text->out, " %s ", cli_text_member(site, "name"));
        cli_text_print(text, alive ? CLI_TEXT_GOOD : CLI_TEXT_BAD, "%s", alive ? "alive" : "SILENT");
        buf_text(&text->out, index + 1 < json_array_size(sites) ? "," : "\n");
    }
}

/* ---- controllers: only where there are several ---- */

static void cli_status_controllers(struct cli_text *text, const json_t *controllers)
{
    size_t index = 0;
    const json_t *site = NULL;
    char span[CLI_TEXT_SPAN];
    const json_t *sites = json_object_get(controllers, "sites");
    if (json_array_size(sites) < 2) {
        return;
    }
    buf_text(&text->out, "control ");
    json_array_foreach(sites, index, site)
    {
        const char *state = cli_text_member(site, "state");
        const bool leads = strcmp(state, "leader") == 0;
        buf_printf(&text->out, " %s ", cli_text_member(site, "site"));
        cli_text_print(text,
                       leads                            ? CLI_TEXT_BOLD
                       : strcmp(state, "follower") == 0 ? CLI_TEXT_GOOD
                                                        : CLI_TEXT_BAD,
                       "%s", strcmp(state, "silent") == 0 ? "SILENT" : state);
        buf_text(&text->out, index + 1 < json_array_size(sites) ? "," : "");
    }
    buf_printf(&text->out, "   term %lld since %s, answered by %s\n",
               (long long)cli_text_integer(controllers, "term", 0),
               cli_text_span(cli_text_integer(controllers, "since_ms", -1), span),
               cli_text_member(controllers, "answered_by"));
}

/* ---- the screen ---- */

int cli_status_draw(struct cli_text *text, const json_t *status, const json_t *runs)
{
    size_t index = 0;
    const json_t *database = NULL;
    const json_t *run = json_object_get(status, "run");
    cli_status_head(text, status);
    cli_status_regions(text, status);
    json_array_foreach(json_object_get(status, "databases"), index, database)
    {
        cli_status_database(text, database);
    }
    cli_service_draw(text, status);
    cli_status_sites(text, json_object_get(status, "sites"));
    cli_status_controllers(text, json_object_get(status, "controllers"));
    buf_text(&text->out, "\n");
    if (json_is_object(run)) {
        cli_run_draw(text, run);
    } else {
        cli_text_field(text, "now", "no run in progress");
    }
    buf_text(&text->out, "\n");
    if (!cli_run_past(text, runs, CLI_STATUS_HISTORY, "")) {
        cli_text_field(text, "history", "no run has ended yet");
    }
    return cli_text_true(status, "degraded") ? VERB_DEGRADED : VERB_OK;
}

static int cli_status_page(struct cli_text *text, const json_t *answer, struct cli_client *client,
                           const struct cli_option *option)
{
    json_t *runs = NULL;
    if (option->format >= CLI_OPTION_JSON || cli_client_get(client, "/v1/runs", &runs) != VERB_OK) {
        runs = NULL;
    }
    const int code = cli_status_draw(text, answer, json_object_get(runs, "runs"));
    json_decref(runs);
    return code;
}

int cli_status(int argc, char **argv)
{
    static const struct cli_option_verb verb = {
        .name = "status",
        .usage = "[OPTION...]",
        .about = "One screen: who serves, who writes, what is going on. Exit status 10 when something is degraded.",
        .example = "holdfast status --watch",
        .takes = CLI_OPTION_WATCHES};
    static const struct cli_view view = {.path = "/v1/status", .draw = cli_status_page};
    return cli_view_verb(argc, argv, &verb, &view);
}
