/* SPDX-License-Identifier: Apache-2.0
 * Why a region's present decision is what it is: the same words and the same code as `holdfast decide --explain`. */
#include <stdlib.h>

#include "core/candidate.h"
#include "core/decide_rule.h"
#include "core/ledger.h"
#include "core/silence.h"
#include "edge/whatif_kind.h"
#include "web/web_state.h"

static json_t *web_explain_evidence(const struct engine *engine, uint32_t region)
{
    const struct decide_snapshot *snapshot = &engine->decisions[region].snapshot;
    const struct decide_observers *observers = &snapshot->observers;
    const struct decide_target *target = &snapshot->target;
    json_t *checks = json_array();
    static const char *const statuses[] = {"UNKNOWN", "PASSED", "FAILED"};
    for (uint32_t i = 0; i < snapshot->checks_count; i++) {
        json_array_append_new(checks, json_pack("{s:s,s:s,s:I}", "check", snapshot->checks[i].name, "status",
                                                statuses[snapshot->checks[i].status], "consecutive_failures",
                                                (json_int_t)snapshot->checks[i].consecutive_failures));
    }
    json_t *lag = target->lag_known ? json_real((double)target->lag_us / 1e6) : json_null();
    return json_pack("{s:o,s:{s:I,s:I,s:I},s:{s:b,s:b,s:b,s:b,s:o,s:f},s:f}", "checks", checks, "observers", "total",
                     (json_int_t)observers->total, "reporting", (json_int_t)observers->reporting, "see_down",
                     (json_int_t)observers->see_down, "target", "db", (int)target->db, "app", (int)target->app, "cache",
                     (int)target->cache, "queue", (int)target->queue, "replication_lag_s", lag, "capacity_ratio",
                     (double)target->capacity_ppm / 1e6, "error_rate", (double)snapshot->metrics.error_rate_ppm / 1e6);
}

static json_t *web_explain_region(const struct engine *engine, uint32_t region)
{
    const struct engine_decision *decision = &engine->decisions[region];
    const struct whatif_options options = {.profile = engine->model.policy.profile,
                                           .thresholds = decide_thresholds_policy(&engine->model.policy)};
    const struct decide_answer *answer = &decision->answer;
    json_t *json =
        json_pack("{s:s,s:s,s:s,s:s,s:s,s:o,s:o}", "region", engine->model.regions[region].name, "decision",
                  decide_decision_name(answer->decision), "reason", decide_reason_name(answer->reason), "confidence",
                  decide_confidence_name(answer->confidence), "gate", decide_gate_name(answer->gate), "estimated_rto_s",
                  whatif_snapshot_rto(answer), "warnings", whatif_snapshot_warnings(answer));
    if (decision->any) {
        json_object_set_new(json, "explain", whatif_explain(&options, &decision->snapshot, answer));
        json_object_set_new(json, "evidence", web_explain_evidence(engine, region));
    }
    return json;
}

/* What former writers left behind, and whether the failback guard holds a failback for it. */
static json_t *web_explain_ledger(const struct engine *engine)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < engine->model.databases_count; i++) {
        const struct ledger_state state = ledger_look(engine, i);
        const bool tier1 = engine->model.databases[i].tier1 && engine->model.policy.profile == MODEL_STANDARD;
        json_array_append_new(list, json_pack("{s:s,s:b,s:i,s:i,s:b}", "database", engine->model.databases[i].name,
                                              "counted", (int)state.known, "open", (int)state.open, "away",
                                              (int)state.away, "holds_failback",
                                              (int)(tier1 && (!state.known || state.open > 0 || state.away > 0))));
    }
    return list;
}

/* Where every commit is to wait: whether somebody may take over before a lost writer's lease has ended. */
static json_t *web_explain_commits(const struct desk *desk, const struct engine *engine)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < engine->model.databases_count; i++) {
        json_t *json = web_status_commits(desk, engine, i);
        bool early = false;
        for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
            early |= engine->model.nodes[node].database == i && candidate_indispensable(engine, i, node);
        }
        if (json != NULL) {
            json_object_set_new(json, "database", json_string(engine->model.databases[i].name));
            json_object_set_new(json, "early", json_boolean(early));
            json_array_append_new(list, json);
        }
    }
    return list;
}

static json_t *web_explain_ears(const struct engine *engine, uint32_t node)
{
    json_t *list = json_array();
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        uint32_t age_ms = 0;
        if (!engine->model.sites[site].observes) {
            continue;
        }
        const enum silence_says says = silence_word(engine, site, node, &age_ms);
        json_t *entry = json_pack("{s:s,s:s}", "site", engine->model.sites[site].name, "says", silence_says_name(says));
        if (says != SILENCE_UNKNOWN) {
            json_object_set_new(entry, "age_ms", json_integer((json_int_t)age_ms));
        }
        json_array_append_new(list, entry);
    }
    return list;
}

/* What is heard of each writer, and what its silence would mean now. */
static json_t *web_explain_heartbeats(const struct engine *engine)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < engine->model.databases_count; i++) {
        const struct silence_state state = silence_look(engine, i);
        if (state.node == LIMITS_NONE) {
            continue;
        }
        json_t *json = json_pack(
            "{s:s,s:s,s:s,s:I,s:I,s:I,s:I,s:I,s:I,s:o}", "database", engine->model.databases[i].name, "node",
            engine->model.nodes[state.node].name, "verdict", silence_name(state.verdict), "window_ms",
            (json_int_t)state.window_ms, "total", (json_int_t)state.total, "reporting", (json_int_t)state.reporting,
            "silent", (json_int_t)state.silent, "report_age_ms", (json_int_t)state.report_ms, "renewal_age_ms",
            (json_int_t)state.renewal_ms, "sites", web_explain_ears(engine, state.node));
        if (state.verdict == SILENCE_CONFIRMED) {
            struct decide_answer answer;
            silence_judge(engine, i, &answer);
            json_object_set_new(json, "decision", json_string(decide_decision_name(answer.decision)));
            json_object_set_new(json, "gate", json_string(decide_gate_name(answer.gate)));
        }
        json_array_append_new(list, json);
    }
    return list;
}

void web_explain_get(const struct http_server_request *request, struct http_server_answer *answer)
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
        json_t *regions = json_array();
        for (uint32_t i = 0; i < engine->model.regions_count; i++) {
            if (region == LIMITS_NONE || region == i) {
                json_array_append_new(regions, web_explain_region(engine, i));
            }
        }
        http_server_answer_json(answer, 200,
                                json_pack("{s:o,s:o,s:o,s:o}", "regions", regions, "heartbeats",
                                          web_explain_heartbeats(engine), "ledger", web_explain_ledger(engine),
                                          "commits", web_explain_commits(web_of(request)->options.desk, engine)));
    }
    free(engine);
}
