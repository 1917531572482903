/* SPDX-License-Identifier: Apache-2.0
 * Status and health: what `holdfast status` and `holdfast health` show. */
#include <stdlib.h>
#include <string.h>

#include "core/cap.h"
#include "core/decide_rule.h"
#include "core/durability.h"
#include "core/judge.h"
#include "core/ledger.h"
#include "core/split.h"
#include "core/upstream.h"
#include "edge/clock.h"
#include "edge/whatif_kind.h"
#include "web/web_state.h"

/* ---- regions ---- */

static void web_status_checks(const struct engine *engine, uint32_t region, json_t *json)
{
    uint32_t passed = 0;
    uint32_t failed = 0;
    uint32_t unknown = 0;
    uint32_t critical = 0;
    uint32_t critical_passed = 0;
    for (uint32_t probe = 0; probe < engine->model.probes_count; probe++) {
        if (engine->model.probes[probe].region != region) {
            continue;
        }
        const enum health_status status = engine->health.merged[probe].status;
        passed += status == HEALTH_PASSED;
        failed += status == HEALTH_FAILED;
        unknown += status == HEALTH_UNKNOWN;
        if (engine->model.checks[engine->model.probes[probe].check].severity == MODEL_CRITICAL) {
            critical++;
            critical_passed += status == HEALTH_PASSED;
        }
    }
    json_object_set_new(json, "checks_passed", json_integer(passed));
    json_object_set_new(json, "checks_failed", json_integer(failed));
    json_object_set_new(json, "checks_unknown", json_integer(unknown));
    json_object_set_new(json, "critical", json_integer(critical));
    json_object_set_new(json, "critical_passed", json_integer(critical_passed));
}

/* The share of all clients that a region carries: homes count by their weight. */
static double web_status_traffic(const struct engine *engine, uint32_t region)
{
    const struct model *model = &engine->model;
    double weights = 0;
    double carried = 0;
    for (uint32_t home = 0; home < model->regions_count; home++) {
        uint32_t row[LIMITS_REGIONS];
        split_row(model, engine->durable.factor, home, row);
        weights += model->regions[home].weight;
        carried += (double)model->regions[home].weight * row[region] / VIEW_SHARES_WHOLE;
    }
    return weights > 0 ? carried * 100 / weights : 0;
}

/* What is still missing until a rule would start a failover by itself. */
static void web_status_distances(const struct engine *engine, uint32_t region, json_t *json)
{
    const struct model_policy *policy = &engine->model.policy;
    const struct whatif_options options = {.profile = policy->profile, .thresholds = decide_thresholds_policy(policy)};
    uint32_t count = 0;
    const struct decide_rule *rules = decide_rule_table(policy->profile, &count);
    json_t *list = json_array();
    if (engine->decisions[region].any) {
        json_t *all = whatif_explain_distances(&options, &engine->decisions[region].snapshot);
        size_t index = 0;
        json_t *distance = NULL;
        json_array_foreach(all, index, distance)
        {
            const json_int_t rule = json_integer_value(json_object_get(distance, "rule"));
            if (rule >= 1 && rule <= (json_int_t)count && rules[rule - 1].decision == DECIDE_AUTOMATIC_FAILOVER) {
                json_array_append(list, distance);
            }
        }
        json_decref(all);
    }
    json_object_set_new(json, "distances", list);
    json_object_set_new(json, "confidence",
                        json_string(decide_confidence_name(engine->decisions[region].answer.confidence)));
}

static json_t *web_status_region(const struct engine *engine, uint32_t region)
{
    static const char *const states[] = {"SERVING", "STANDBY", "DOWN"};
    const struct engine_decision *decision = &engine->decisions[region];
    const struct decide_metrics *metrics = &decision->snapshot.metrics;
    const double share = engine->durable.factor[region] / (DURABLE_WHOLE / 100.0);
    json_t *json = json_pack(
        "{s:s,s:s,s:f,s:f,s:b,s:f,s:f,s:I,s:s,s:s,s:s,s:i}", "name", engine->model.regions[region].name, "state",
        states[engine->view.regions[region].state], "share_percent", share, "traffic_percent",
        web_status_traffic(engine, region), "healthy", (int)judge_fit(engine, region), "error_percent",
        (double)metrics->error_rate_ppm / 10000, "p95_ms", (double)metrics->p95_ns / 1e6, "stable_s",
        (json_int_t)(judge_stable_ms(engine, region) / 1000), "decision",
        decide_decision_name(decision->answer.decision), "reason", decide_reason_name(decision->answer.reason), "gate",
        decide_gate_name(decision->answer.gate), "rule", (int)decision->answer.rule);
    web_status_checks(engine, region, json);
    web_status_distances(engine, region, json);
    return json;
}

/* ---- databases ---- */

static void web_status_set_lsn(json_t *json, const char *name, struct lsn lsn)
{
    char text[LSN_TEXT];
    lsn_print(lsn, text);
    json_object_set_new(json, name, json_string(text));
}

static json_t *web_status_percentiles(const struct lag *lag, enum lag_kind kind)
{
    return json_pack("{s:I,s:I,s:I,s:I}", "p50", (json_int_t)lag_percentile(lag, kind, 50), "p95",
                     (json_int_t)lag_percentile(lag, kind, 95), "p99", (json_int_t)lag_percentile(lag, kind, 99), "max",
                     (json_int_t)lag_percentile(lag, kind, 100));
}

static json_t *web_status_node(const struct desk *desk, const struct engine *engine, uint32_t node)
{
    static const char *const roles[] = {"none", "writer", "standby"};
    const struct engine_node *entry = &engine->nodes[node];
    struct desk_report *detail = calloc(1, sizeof *detail);
    json_t *json = json_pack("{s:s,s:s,s:b,s:b,s:s,s:I,s:b,s:b,s:b,s:i}", "name", engine->model.nodes[node].name,
                             "region", engine->model.regions[engine->model.nodes[node].region].name, "alive",
                             (int)entry->alive, "running", (int)(entry->alive && entry->report.running), "role",
                             roles[entry->report.role <= VIEW_NODE_STANDBY ? entry->report.role : 0], "epoch",
                             (json_int_t)entry->report.epoch, "lease", (int)entry->report.lease_held, "fenced",
                             (int)entry->report.fenced, "receiving", (int)entry->report.receiving, "timeline",
                             (int)entry->report.timeline);
    web_status_set_lsn(json, "written", entry->report.written);
    web_status_set_lsn(json, "received", entry->report.received);
    web_status_set_lsn(json, "replayed", entry->report.replayed);
    const uint32_t from = upstream_told(engine, node);
    json_object_set_new(json, "part", json_string(upstream_part_name(upstream_part(engine, node))));
    json_object_set_new(json, "upstream",
                        from == LIMITS_NONE ? json_null() : json_string(engine->model.nodes[from].name));
    const uint32_t lag_ms = upstream_lag_ms(engine, node);
    json_object_set_new(json, "lag_ms", lag_ms == UINT32_MAX ? json_null() : json_integer(lag_ms));
    if (entry->alive && lag_samples(&engine->lags[node]) > 0 && entry->report.role == VIEW_NODE_STANDBY) {
        json_object_set_new(json, "lag_recent",
                            json_pack("{s:i,s:o,s:o}", "samples", (int)lag_samples(&engine->lags[node]), "ms",
                                      web_status_percentiles(&engine->lags[node], LAG_MS), "bytes",
                                      web_status_percentiles(&engine->lags[node], LAG_BYTES)));
    }
    json_object_set_new(json, "seen", web_sight_list(desk, &engine->model.nodes[node].postgres));
    json_object_set_new(json, "told", web_sight_told(desk, &engine->model.nodes[node].postgres));
    if (detail != NULL) {
        desk->node_detail(desk->context, node, detail);
        json_object_set_new(json, "activity", json_string(detail->activity));
        json_object_set_new(json, "error", json_string(detail->error));
        json_object_set_new(json, "pending_restart", json_string(detail->pending));
        if (detail->order != 0) {
            json_object_set_new(json, detail->restart ? "restart" : "reinit",
                                json_pack("{s:I,s:s}", "order", (json_int_t)detail->order, "state", detail->ordered));
        }
    }
    free(detail);
    return json;
}

json_t *web_status_commits(const struct desk *desk, const struct engine *engine, uint32_t database)
{
    const uint32_t writer = engine->durable.databases[database].writer;
    if (!engine->model.databases[database].every_commit) {
        return NULL;
    }
    json_t *json = json_pack("{s:b}", "kept", (int)durability_promised(engine, database));
    struct desk_report *detail = writer < engine->model.nodes_count ? calloc(1, sizeof *detail) : NULL;
    if (detail != NULL && engine->nodes[writer].any && engine->nodes[writer].report.lowers != UINT32_MAX) {
        desk->node_detail(desk->context, writer, detail);
        json_object_set_new(json, "lowers", json_integer(engine->nodes[writer].report.lowers));
        json_object_set_new(json, "lowers_by", json_string(detail->lowers_by));
    }
    free(detail);
    return json;
}

static json_t *web_status_database(const struct desk *desk, const struct engine *engine, uint32_t database)
{
    const struct durable_database *state = &engine->durable.databases[database];
    json_t *members = json_array();
    json_t *nodes = json_array();
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((state->members >> node & 1U) != 0) {
            json_array_append_new(members, json_string(engine->model.nodes[node].name));
        }
        if (engine->model.nodes[node].database == database) {
            json_array_append_new(nodes, web_status_node(desk, engine, node));
        }
    }
    const struct ledger_state ledger = ledger_look(engine, database);
    static const char *const states[] = {"kept", "degraded", "blocked"};
    static const char *const caps[] = {"open", "holding", "alone"};
    return json_pack(
        "{s:o,s:s,s:s?,s:I,s:b,s:s,s:b,s:{s:o,s:i,s:s},s:o*,s:o}", "ledger_open",
        ledger.known ? json_integer(ledger.open) : json_null(), "name", engine->model.databases[database].name,
        "writer", state->routed != LIMITS_NONE ? engine->model.nodes[state->routed].name : NULL, "epoch",
        (json_int_t)engine->view.databases[database].epoch, "hold", (int)state->hold, "lag_cap",
        caps[cap_look(engine, database)], "tier1", (int)engine->model.databases[database].tier1, "durability",
        "members", members, "required", (int)state->required, "state", states[durability_look(engine, database)],
        "every_commit", web_status_commits(desk, engine, database), "nodes", nodes);
}

/* ---- sites ---- */

static json_t *web_status_site(const struct engine *engine, uint32_t site)
{
    const struct model_site *model = &engine->model.sites[site];
    const struct health_site *health = &engine->health.sites[site];
    json_t *json = json_pack("{s:s,s:s?,s:b,s:b}", "name", model->name, "region",
                             model->region != LIMITS_NONE ? engine->model.regions[model->region].name : NULL, "alive",
                             (int)health->alive, "controls", (int)model->controls);
    json_object_set_new(json, "age_ms",
                        health->any ? json_integer(time_since_ms(engine->now, health->at)) : json_null());
    static const char *const kinds[ENGINE_READER_KINDS] = {"dns", "proxy", "service"};
    for (uint32_t kind = 0; kind < ENGINE_READER_KINDS; kind++) {
        const struct engine_reader *reader = &engine->readers[site][kind];
        if (reader->any) {
            json_object_set_new(json, kinds[kind],
                                json_pack("{s:I,s:I}", "view", (json_int_t)reader->version, "age_ms",
                                          (json_int_t)time_since_ms(engine->now, reader->at)));
        }
    }
    return json;
}

static bool web_status_degraded(const struct engine *engine)
{
    bool degraded = engine->durable.run.state != DURABLE_RUN_NONE || engine->durable.paused || !engine->leading ||
                    web_service_degraded(engine);
    for (uint32_t region = 0; region < engine->model.regions_count; region++) {
        degraded |= engine->decisions[region].answer.decision != DECIDE_NO_ACTION;
        degraded |= engine->durable.factor[region] != DURABLE_WHOLE;
    }
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        degraded |= engine->durable.databases[database].routed == LIMITS_NONE;
        degraded |= durability_look(engine, database) != DURABILITY_KEPT;
    }
    return degraded;
}

/* ---- controllers ---- */

static json_t *web_status_lead(const struct web *web)
{
    struct desk_lead lead;
    const struct desk *desk = web->options.desk;
    desk->lead(desk->context, &lead);
    uint32_t reachable = 0;
    json_t *sites = json_array();
    for (uint32_t i = 0; i < lead.controllers_count; i++) {
        const struct desk_controller *site = &lead.controllers[i];
        const bool leads = strcmp(site->site, lead.site) == 0;
        reachable += site->alive;
        json_array_append_new(sites, json_pack("{s:s,s:s,s:o}", "site", site->site, "state",
                                               !site->alive ? "silent"
                                               : leads      ? "leader"
                                                            : "follower",
                                               "age_ms", site->age_ms >= 0 ? json_integer(site->age_ms) : json_null()));
    }
    json_t *json = json_pack("{s:i,s:i,s:s,s:s,s:s,s:b,s:I,s:o}", "members", (int)lead.controllers_count, "reachable",
                             (int)reachable, "leader", lead.site, "address", lead.address, "answered_by",
                             web->options.site, "leads", (int)lead.ours, "term", (json_int_t)lead.term, "sites", sites);
    if (lead.term != 0) {
        json_object_set_new(json, "since_ms", json_integer(lead.since_ms));
    }
    return json;
}

void web_status_controllers(const struct http_server_request *request, struct http_server_answer *answer)
{
    http_server_answer_json(answer, 200, web_status_lead(web_of(request)));
}

static json_t *web_status_json(const struct web *web, const struct engine *engine)
{
    const struct desk *desk = web->options.desk;
    json_t *regions = json_array();
    json_t *databases = json_array();
    json_t *sites = json_array();
    for (uint32_t i = 0; i < engine->model.regions_count; i++) {
        json_array_append_new(regions, web_status_region(engine, i));
    }
    for (uint32_t i = 0; i < engine->model.databases_count; i++) {
        json_array_append_new(databases, web_status_database(desk, engine, i));
    }
    for (uint32_t i = 0; i < engine->model.sites_count; i++) {
        json_array_append_new(sites, web_status_site(engine, i));
    }
    const struct durable *durable = &engine->durable;
    json_t *json =
        json_pack("{s:s,s:s,s:s,s:o,s:I,s:b,s:o,s:o,s:o,s:o,s:o}", "name", engine->model.name, "automation",
                  durable->paused ? "PAUSED" : "AUTO", "profile",
                  engine->model.policy.profile == MODEL_STANDARD ? "standard" : "adr-039", "controllers",
                  web_status_lead(web), "view", (json_int_t)engine->view.version, "degraded",
                  (int)web_status_degraded(engine), "regions", regions, "databases", databases, "sites", sites, "run",
                  durable->run.state != DURABLE_RUN_NONE ? web_render_run(engine, &durable->run) : json_null(),
                  "last_run", durable->past[0].id != 0 ? web_render_run(engine, &durable->past[0]) : json_null());
    json_object_set_new(json, "services", web_service_list(desk, engine));
    json_object_set_new(json, "now_ms", json_integer(engine->wall.us / 1000));
    json_object_set_new(json, "last_failover_ms",
                        durable->last_failover_wall_us != 0 ? json_integer(durable->last_failover_wall_us / 1000)
                                                            : json_null());
    return json;
}

void web_status_get(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct engine *engine = web_engine(request, answer);
    if (engine != NULL) {
        http_server_answer_json(answer, 200, web_status_json(web_of(request), engine));
        free(engine);
    }
}

/* ---- health ---- */

static const char *web_status_verdict(enum health_status status)
{
    static const char *const names[] = {"UNKNOWN", "PASSED", "FAILED"};
    return names[status];
}

static json_t *web_status_phases(const struct probe_phases *phases)
{
    return json_pack("{s:I,s:I,s:I,s:I,s:I,s:I}", "queue_us", (json_int_t)phases->queue_us, "resolve_us",
                     (json_int_t)phases->resolve_us, "connect_us", (json_int_t)phases->connect_us, "tls_us",
                     (json_int_t)phases->tls_us, "first_byte_us", (json_int_t)phases->first_byte_us, "total_us",
                     (json_int_t)phases->total_us);
}

static json_t *web_status_seen(const struct desk *desk, const struct engine *engine, uint32_t site, uint32_t probe)
{
    const struct health_seen *seen = &engine->health.seen[site][probe];
    json_t *json = json_pack(
        "{s:s,s:s,s:i,s:i,s:I,s:I}", "site", engine->model.sites[site].name, "verdict",
        web_status_verdict(health_status_of(&engine->health, &engine->model, site, probe, engine->now)), "failures",
        (int)seen->failures, "successes", (int)seen->successes, "window", (json_int_t)seen->window, "age_ms",
        seen->any ? (json_int_t)time_since_ms(engine->now, seen->at) : (json_int_t)-1);
    struct probe_result *result = calloc(1, sizeof *result);
    if (result != NULL && desk->detail(desk->context, site, probe, result)) {
        json_object_set_new(json, "ok", json_boolean(result->ok));
        json_object_set_new(json, "error", result->ok ? json_null() : json_string(err_name(result->error)));
        json_object_set_new(json, "message", json_string(result->message));
        json_object_set_new(json, "phases", web_status_phases(&result->phases));
        json_object_set_new(json, "value_ppm",
                            result->value_ppm == PROBE_NONE ? json_null() : json_integer(result->value_ppm));
    }
    free(result);
    return json;
}

static json_t *web_status_check(const struct desk *desk, const struct engine *engine, uint32_t probe)
{
    static const char *const severities[] = {"critical", "important", "informational"};
    const struct model_check *check = &engine->model.checks[engine->model.probes[probe].check];
    const struct health_merged *merged = &engine->health.merged[probe];
    json_t *observers = json_array();
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        if (engine->model.sites[site].observes) {
            json_array_append_new(observers, web_status_seen(desk, engine, site, probe));
        }
    }
    return json_pack("{s:s,s:s,s:s,s:i,s:s,s:i,s:i,s:i,s:s,s:o}", "check", check->name, "region",
                     engine->model.regions[engine->model.probes[probe].region].name, "severity",
                     severities[check->severity], "layer", (int)check->layer, "verdict",
                     web_status_verdict(merged->status), "reporting", (int)merged->reporting, "failed",
                     (int)merged->failed, "consecutive_failures", (int)merged->consecutive_failures, "error",
                     merged->status == HEALTH_FAILED || merged->error == ERR_AUTH ? err_text(merged->error) : "",
                     "observers", observers);
}

void web_status_health(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct engine *engine = web_engine(request, answer);
    if (engine == NULL) {
        return;
    }
    const char *name = http_server_query(request, "region");
    const uint32_t region = name != NULL ? model_region_find(&engine->model, name) : LIMITS_NONE;
    if (name != NULL && region == LIMITS_NONE) {
        http_server_answer_problem(answer, ERR_NOT_FOUND, "no region '%s'", name);
    } else {
        json_t *checks = json_array();
        for (uint32_t probe = 0; probe < engine->model.probes_count; probe++) {
            if (region == LIMITS_NONE || engine->model.probes[probe].region == region) {
                json_array_append_new(checks, web_status_check(web_of(request)->options.desk, engine, probe));
            }
        }
        http_server_answer_json(answer, 200, json_pack("{s:o}", "checks", checks));
    }
    free(engine);
}

/* ---- liveness ---- */

void web_status_alive(const struct http_server_request *request, struct http_server_answer *answer)
{
    (void)request;
    http_server_answer_text(answer, 200, "text/plain", "alive\n");
}

void web_status_ready(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct view *view = malloc(sizeof *view);
    const enum err err = view == NULL ? ERR_NO_MEMORY : desk->view(desk->context, 0, 0, view);
    free(view);
    if (err == ERR_OK) {
        http_server_answer_text(answer, 200, "text/plain", "ready\n");
    } else {
        http_server_answer_text(answer, 503, "text/plain", "not ready: no view was published yet\n");
    }
}
