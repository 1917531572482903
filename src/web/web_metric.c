/* SPDX-License-Identifier: Apache-2.0
 * /metrics: gauges drawn from a snapshot, counters and histograms as they were counted. */
#include <stdio.h>
#include <stdlib.h>

#include "core/cap.h"
#include "core/durability.h"
#include "core/explain.h"
#include "core/judge.h"
#include "core/ledger.h"
#include "core/run.h"
#include "core/silence.h"
#include "core/upstream.h"
#include "edge/metric.h"
#include "web/web_state.h"

enum {
    WEB_METRIC_BYTES = 1024 * 1024,
};

/* How the observers see each check. One that nobody has a verdict about has no figure. */
static void web_metric_observers(const struct engine *engine)
{
    metric_clear(METRIC_HEALTH_OBSERVERS_HEALTHY);
    for (uint32_t probe = 0; probe < engine->model.probes_count; probe++) {
        const struct health_merged *merged = &engine->health.merged[probe];
        if (merged->reporting > 0) {
            metric_set(METRIC_HEALTH_OBSERVERS_HEALTHY,
                       (double)(merged->reporting - merged->failed) / merged->reporting,
                       METRIC_WITH(engine->model.regions[engine->model.probes[probe].region].name,
                                   engine->model.checks[engine->model.probes[probe].check].name));
        }
    }
}

static void web_metric_regions(const struct engine *engine)
{
    static const char *const states[] = {"SERVING", "STANDBY", "DOWN"};
    metric_clear(METRIC_REGION_STATE);
    metric_clear(METRIC_HEALTH_CRITICAL_FAILED);
    metric_clear(METRIC_TRAFFIC_SHARE);
    for (uint32_t region = 0; region < engine->model.regions_count; region++) {
        const char *name = engine->model.regions[region].name;
        uint32_t failed = 0;
        for (uint32_t state = 0; state < 3; state++) {
            metric_set(METRIC_REGION_STATE, engine->view.regions[region].state == state,
                       METRIC_WITH(name, states[state]));
        }
        for (uint32_t probe = 0; probe < engine->model.probes_count; probe++) {
            failed += engine->model.probes[probe].region == region &&
                      engine->model.checks[engine->model.probes[probe].check].severity == MODEL_CRITICAL &&
                      engine->health.merged[probe].status == HEALTH_FAILED;
        }
        metric_set(METRIC_HEALTH_CRITICAL_FAILED, failed, METRIC_WITH(name));
        for (uint32_t home = 0; home < engine->model.regions_count; home++) {
            metric_set(METRIC_TRAFFIC_SHARE, (double)engine->view.split[home][region] / VIEW_SHARES_WHOLE,
                       METRIC_WITH(engine->model.regions[home].name, name));
        }
    }
}

/* 0: the rule holds now; 1: nothing of what it waits for has happened. A rule is as far as its farthest trigger. */
static void web_metric_distances(const struct engine *engine, uint32_t region)
{
    const struct model_policy *policy = &engine->model.policy;
    const struct decide_thresholds thresholds = decide_thresholds_policy(policy);
    struct explain_distance distances[EXPLAIN_DISTANCES];
    if (!engine->decisions[region].any) {
        return;
    }
    const uint32_t count =
        explain_distances(&engine->decisions[region].snapshot, &thresholds, policy->profile, distances);
    for (uint32_t i = 0; i < count; i++) {
        double farthest = 0;
        bool first = true;
        for (uint32_t j = 0; j < count; j++) {
            if (distances[j].rule == distances[i].rule) {
                const double bound = distances[j].bound > 0 ? (double)distances[j].bound : 1;
                const double left = distances[j].reached ? 0 : 1 - (double)distances[j].value / bound;
                farthest = left > farthest ? left : farthest;
                first &= j >= i;
            }
        }
        char rule[12];
        snprintf(rule, sizeof rule, "%u", (unsigned)distances[i].rule);
        if (first) {
            metric_set(METRIC_TRIGGER_DISTANCE, farthest, METRIC_WITH(engine->model.regions[region].name, rule));
        }
    }
}

static void web_metric_targets(const struct engine *engine)
{
    metric_clear(METRIC_TARGET_READY);
    metric_clear(METRIC_REGION_CAPACITY);
    metric_clear(METRIC_TRIGGER_DISTANCE);
    for (uint32_t region = 0; region < engine->model.regions_count; region++) {
        const char *name = engine->model.regions[region].name;
        const uint32_t target = judge_target(engine, region);
        metric_set(METRIC_TARGET_READY, target != LIMITS_NONE && judge_fit(engine, target), METRIC_WITH(name));
        metric_set(METRIC_REGION_CAPACITY, (double)engine->model.regions[region].capacity_ppm / 1e6, METRIC_WITH(name));
        web_metric_distances(engine, region);
    }
}

static void web_metric_run(const struct engine *engine)
{
    const struct durable_run *run = &engine->durable.run;
    metric_clear(METRIC_RUN_STATE);
    if (run->state != DURABLE_RUN_NONE) {
        metric_set(METRIC_RUN_STATE, 1, METRIC_WITH(web_render_kind(run->plan), run_state_name(run->state)));
    }
    metric_set(METRIC_AUTOMATION_PAUSED, engine->durable.paused, METRIC_WITH());
}

static void web_metric_writers(const struct engine *engine)
{
    metric_clear(METRIC_DATABASE_WRITERS);
    metric_clear(METRIC_DURABILITY_MEMBERS);
    metric_clear(METRIC_DURABILITY_DEGRADED);
    metric_clear(METRIC_DURABILITY_BLOCKED);
    metric_clear(METRIC_DURABILITY_LOWERED);
    metric_clear(METRIC_LAG_HELD);
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct durable_database *state = &engine->durable.databases[database];
        uint32_t writers = 0;
        for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
            const struct engine_node *entry = &engine->nodes[node];
            writers += engine->model.nodes[node].database == database && entry->alive && entry->report.running &&
                       entry->report.role == VIEW_NODE_WRITER;
        }
        metric_set(METRIC_DATABASE_WRITERS, writers, METRIC_WITH(engine->model.databases[database].name));
        metric_set(METRIC_DURABILITY_MEMBERS, state->required > 0 ? __builtin_popcount(state->members) : 0,
                   METRIC_WITH(engine->model.databases[database].name));
        metric_set(METRIC_LAG_HELD, cap_look(engine, database) == CAP_HOLDING,
                   METRIC_WITH(engine->model.databases[database].name));
        const enum durability_state durability = durability_look(engine, database);
        metric_set(METRIC_DURABILITY_DEGRADED, durability == DURABILITY_DEGRADED,
                   METRIC_WITH(engine->model.databases[database].name));
        metric_set(METRIC_DURABILITY_BLOCKED, durability == DURABILITY_BLOCKED,
                   METRIC_WITH(engine->model.databases[database].name));
        if (engine->model.databases[database].every_commit && state->writer != LIMITS_NONE &&
            engine->nodes[state->writer].alive && engine->nodes[state->writer].report.lowers != UINT32_MAX) {
            metric_set(METRIC_DURABILITY_LOWERED, engine->nodes[state->writer].report.lowers,
                       METRIC_WITH(engine->model.databases[database].name));
        }
    }
}

/* What each site last said about the heartbeats that it hears; a site without a word about a node has no series. */
static void web_metric_heartbeats(const struct engine *engine)
{
    metric_clear(METRIC_HEARTBEAT_AGE);
    metric_clear(METRIC_HEARTBEAT_SILENT);
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
            const char *const *labels = METRIC_WITH(engine->model.sites[site].name, engine->model.nodes[node].name);
            uint32_t age_ms = 0;
            const enum silence_says says = silence_word(engine, site, node, &age_ms);
            if (says != SILENCE_UNKNOWN) {
                metric_set(METRIC_HEARTBEAT_AGE, age_ms / 1000.0, labels);
                metric_set(METRIC_HEARTBEAT_SILENT, says == SILENCE_HEARS_NONE, labels);
            }
        }
    }
}

static void web_metric_lag(const struct engine *engine, uint32_t node, const char *database)
{
    static const struct {
        const char *name;
        uint32_t percent;
    } quantiles[] = {{"0.5", 50}, {"0.95", 95}, {"0.99", 99}, {"1", 100}};
    const struct lag *lag = &engine->lags[node];
    const char *name = engine->model.nodes[node].name;
    for (size_t i = 0; lag_samples(lag) > 0 && i < sizeof quantiles / sizeof quantiles[0]; i++) {
        const double ms = (double)lag_percentile(lag, LAG_MS, quantiles[i].percent);
        const double bytes = (double)lag_percentile(lag, LAG_BYTES, quantiles[i].percent);
        metric_set(METRIC_REPLICATION_LAG_RECENT_SECONDS, ms / 1000, METRIC_WITH(database, name, quantiles[i].name));
        metric_set(METRIC_REPLICATION_LAG_RECENT_BYTES, bytes, METRIC_WITH(database, name, quantiles[i].name));
    }
}

static void web_metric_databases(const struct engine *engine)
{
    metric_clear(METRIC_ACTIVE_REGION);
    metric_clear(METRIC_REPLICATION_LAG_SECONDS);
    metric_clear(METRIC_REPLICATION_LAG_BYTES);
    metric_clear(METRIC_REPLICATION_LAG_RECENT_SECONDS);
    metric_clear(METRIC_REPLICATION_LAG_RECENT_BYTES);
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct durable_database *state = &engine->durable.databases[database];
        const char *name = engine->model.databases[database].name;
        metric_set(METRIC_FENCE_EPOCH, (double)state->epoch, METRIC_WITH(name));
        metric_set(METRIC_REPLICATION_LAG_LIMIT_SECONDS, engine->model.databases[database].max_lag_ms / 1000.0,
                   METRIC_WITH(name));
        for (uint32_t region = 0; region < engine->model.regions_count; region++) {
            const bool here = state->routed != LIMITS_NONE && engine->model.nodes[state->routed].region == region;
            metric_set(METRIC_ACTIVE_REGION, here, METRIC_WITH(name, engine->model.regions[region].name));
        }
        for (uint32_t node = 0; node < engine->model.nodes_count && state->writer != LIMITS_NONE; node++) {
            const struct event_node *report = &engine->nodes[node].report;
            const uint64_t written = engine->nodes[state->writer].report.written.position;
            if (engine->model.nodes[node].database != database || report->role != VIEW_NODE_STANDBY) {
                continue;
            }
            const char *label = engine->model.nodes[node].name;
            const uint32_t lag_ms = upstream_lag_ms(engine, node);
            if (lag_ms != UINT32_MAX) {
                metric_set(METRIC_REPLICATION_LAG_SECONDS, lag_ms / 1000.0, METRIC_WITH(name, label));
            }
            const uint64_t received = report->received.position;
            metric_set(METRIC_REPLICATION_LAG_BYTES, written > received ? (double)(written - received) : 0,
                       METRIC_WITH(name, label));
            if (engine->nodes[node].alive) { /* of a silent one these are old */
                web_metric_lag(engine, node, name);
            }
        }
    }
}

static void web_metric_parts(const struct engine *engine)
{
    metric_clear(METRIC_REPLICATION_PART);
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        const enum upstream_part part = upstream_part(engine, node);
        const uint32_t from = upstream_told(engine, node);
        if (part != UPSTREAM_NONE) {
            metric_set(METRIC_REPLICATION_PART, 1,
                       METRIC_WITH(engine->model.databases[engine->model.nodes[node].database].name,
                                   engine->model.nodes[node].name, upstream_part_name(part),
                                   from != LIMITS_NONE ? engine->model.nodes[from].name : ""));
        }
    }
}

/* What a silent writer said last is not what is: its series end. */
static void web_metric_guards(const struct desk *desk, const struct engine *engine)
{
    static const enum metric metrics[] = {METRIC_GUARD_SLOTS,       METRIC_GUARD_SLOTS_MISSING,
                                          METRIC_GUARD_SLOTS_LOST,  METRIC_GUARD_RETAINED_BYTES,
                                          METRIC_GUARD_LIMIT_BYTES, METRIC_LEDGER_OPEN};
    for (size_t i = 0; i < sizeof metrics / sizeof metrics[0]; i++) {
        metric_clear(metrics[i]);
    }
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const char *const *labels = METRIC_WITH(engine->model.databases[database].name);
        const uint32_t writer = engine->durable.databases[database].writer;
        struct desk_report report;
        if (writer >= engine->model.nodes_count || !engine->nodes[writer].alive) {
            continue;
        }
        desk->node_detail(desk->context, writer, &report);
        if (report.guard.any) {
            metric_set(METRIC_GUARD_SLOTS, report.guard.slots, labels);
            metric_set(METRIC_GUARD_SLOTS_MISSING, report.guard.missing, labels);
            metric_set(METRIC_GUARD_SLOTS_LOST, report.guard.lost, labels);
            metric_set(METRIC_GUARD_RETAINED_BYTES, (double)report.guard.retained_bytes, labels);
            metric_set(METRIC_GUARD_LIMIT_BYTES, (double)report.guard.limit_bytes, labels);
        }
        const struct ledger_state ledger = ledger_look(engine, database);
        if (ledger.known) {
            metric_set(METRIC_LEDGER_OPEN, ledger.open, labels);
        }
    }
}

/* The leader hears them. A role that was never heard of is as old as the lead: what has not come by now is missed. */
static void web_metric_readers(const struct engine *engine)
{
    metric_clear(METRIC_READER_AGE);
    metric_clear(METRIC_READER_BEHIND);
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        const struct model_site *model = &engine->model.sites[site];
        const struct {
            const char *role;
            bool has;
        } roles[ENGINE_READER_KINDS] = {[EVENT_READER_DNS] = {"dns", model->dns},
                                        [EVENT_READER_PROXY] = {"proxy", model->proxy},
                                        [EVENT_READER_SERVICE] = {"service", model->relays}};
        const char *region = model->region != LIMITS_NONE ? engine->model.regions[model->region].name : "";
        for (uint32_t kind = 0; kind < ENGINE_READER_KINDS; kind++) {
            const struct engine_reader *reader = &engine->readers[site][kind];
            const char *const *labels = METRIC_WITH(model->name, region, roles[kind].role);
            if (!roles[kind].has) {
                continue;
            }
            const struct mono at = reader->any ? reader->at : engine->started;
            metric_set(METRIC_READER_AGE, (double)time_since_us(engine->now, at) / TIME_US_PER_S, labels);
            if (reader->any) {
                const uint64_t present = engine->view.version;
                metric_set(METRIC_READER_BEHIND, present > reader->version ? (double)(present - reader->version) : 0,
                           labels);
            }
        }
    }
}

static void web_metric_sites(const struct web *web, const struct engine *engine)
{
    uint32_t alive = 0;
    metric_clear(METRIC_PROBE_AGE);
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        alive += engine->health.sites[site].alive;
        for (uint32_t probe = 0; probe < engine->model.probes_count; probe++) {
            const struct health_seen *seen = &engine->health.seen[site][probe];
            if (seen->any) {
                metric_set(METRIC_PROBE_AGE, (double)time_since_us(engine->now, seen->at) / TIME_US_PER_S,
                           METRIC_WITH(engine->model.sites[site].name,
                                       engine->model.regions[engine->model.probes[probe].region].name,
                                       engine->model.checks[engine->model.probes[probe].check].name));
            }
        }
    }
    metric_set(METRIC_CONTROLLER_LEADER, engine->leading, METRIC_WITH(web->options.site));
    metric_set(METRIC_CONTROLLER_QUORUM_MEMBERS, alive, METRIC_WITH());
    metric_set(METRIC_CONTROLLER_QUORUM_SIZE, engine->model.sites_count, METRIC_WITH());
}

void web_metric_get(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct engine *engine = web_engine(request, answer);
    if (engine == NULL) {
        return;
    }
    char *text = malloc(WEB_METRIC_BYTES);
    if (text == NULL) {
        http_server_answer_problem(answer, ERR_NO_MEMORY, "no memory");
    } else {
        struct buf buf;
        buf_init(&buf, text, WEB_METRIC_BYTES);
        metric_set(METRIC_BUILD_INFO, 1, METRIC_WITH(HOLDFAST_VERSION));
        if (engine->leading || engine->view.version != 0) { /* a follower has no figures of its own for these */
            web_metric_regions(engine);
            web_metric_observers(engine);
            web_metric_targets(engine);
            web_metric_run(engine);
            web_metric_databases(engine);
            web_metric_heartbeats(engine);
            web_metric_writers(engine);
            if (engine->leading) {
                web_metric_readers(engine);
            }
            web_metric_parts(engine);
            web_service_metrics(engine);
            web_sight_metrics(web_of(request)->options.desk, engine);
            web_metric_guards(web_of(request)->options.desk, engine);
        }
        web_metric_sites(web_of(request), engine);
        web_latency_metrics(web_of(request)->options.desk);
        metric_render(&buf);
        char *figures = web_figure_text(web_of(request)->options.desk);
        buf_text(&buf, figures != NULL ? figures : "");
        free(figures);
        http_server_answer_text(answer, 200, "text/plain; version=0.0.4", buf_string(&buf));
    }
    free(text);
    free(engine);
}
