/* SPDX-License-Identifier: Apache-2.0
 * /metrics: gauges drawn from a snapshot, counters and histograms as they were counted. */
#include <stdlib.h>

#include "core/judge.h"
#include "edge/metric.h"
#include "web/web_state.h"

enum {
    WEB_METRIC_BYTES = 1024 * 1024,
};

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

static void web_metric_databases(const struct engine *engine)
{
    metric_clear(METRIC_ACTIVE_REGION);
    metric_clear(METRIC_REPLICATION_LAG_SECONDS);
    metric_clear(METRIC_REPLICATION_LAG_BYTES);
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct durable_database *state = &engine->durable.databases[database];
        const char *name = engine->model.databases[database].name;
        metric_set(METRIC_FENCE_EPOCH, (double)state->epoch, METRIC_WITH(name));
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
            if (report->lag_ms != UINT32_MAX) {
                metric_set(METRIC_REPLICATION_LAG_SECONDS, report->lag_ms / 1000.0, METRIC_WITH(name, label));
            }
            const uint64_t received = report->received.position;
            metric_set(METRIC_REPLICATION_LAG_BYTES, written > received ? (double)(written - received) : 0,
                       METRIC_WITH(name, label));
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
    metric_set(METRIC_CONTROLLER_LEADER, 1, METRIC_WITH(web->options.site));
    metric_set(METRIC_CONTROLLER_QUORUM_MEMBERS, alive, METRIC_WITH());
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
        web_metric_regions(engine);
        web_metric_databases(engine);
        web_metric_sites(web_of(request), engine);
        metric_render(&buf);
        http_server_answer_text(answer, 200, "text/plain; version=0.0.4", buf_string(&buf));
    }
    free(text);
    free(engine);
}
