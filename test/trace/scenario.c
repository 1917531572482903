/* SPDX-License-Identifier: Apache-2.0
 * Scenario files. */
#include "scenario.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/text.h"
#include "core/event.h"
#include "core/plan.h"
#include "sim/sim_model.h"

enum { SCENARIO_WORDS = 8, SCENARIO_LINE = 256, SCENARIO_S = 1000000 };

struct scenario_line {
    char text[SCENARIO_LINE];
    char *words[SCENARIO_WORDS];
    uint32_t count;
};

static void scenario_checks(struct model *model)
{
    static const struct model_check kinds[] = {
        {"region-connectivity", MODEL_CRITICAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_NONE, MODEL_FIGURE_NONE, 0},
        {"database-master", MODEL_CRITICAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_DB, MODEL_FIGURE_NONE, 0},
        {"redis-cluster", MODEL_CRITICAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_CACHE, MODEL_FIGURE_NONE, 0},
        {"order-service", MODEL_CRITICAL, 2, 1000, 800, 3, 2, 0, MODEL_COMPONENT_APP, MODEL_FIGURE_NONE, 0},
        {"error-rate", MODEL_IMPORTANT, 3, 1000, 800, 2, 2, 0, MODEL_COMPONENT_NONE, MODEL_FIGURE_ERROR_RATE, 100000},
    };
    sim_model_checks(model, kinds, sizeof kinds / sizeof kinds[0]);
}

static void scenario_nodes(struct model *model, const uint32_t counts[2])
{
    model->nodes_count = 0;
    for (uint32_t region = 0; region < 2; region++) {
        for (uint32_t i = 0; i < counts[region]; i++) {
            struct model_node *node = &model->nodes[model->nodes_count];
            memset(node, 0, sizeof *node);
            snprintf(node->name, LIMITS_NAME, "%.16s-%c", model->regions[region].name, (char)('a' + i));
            node->region = region;
            node->postgres = (struct view_address){{127, 1, 0, (uint8_t)model->nodes_count}, 5432, 4};
            model->nodes_count++;
        }
    }
    model->databases[0].durability_members = (1U << model->nodes_count) - 1;
}

static void scenario_world(struct model *model)
{
    static const uint32_t counts[2] = {2, 1};
    text_copy(model->name, LIMITS_NAME, "scenario");
    sim_model_two_regions(model);
    model->sites[SIM_MODEL_WITNESS].controls = true;
    scenario_checks(model);
    model->databases_count = 1;
    struct model_database *database = &model->databases[0];
    text_copy(database->name, LIMITS_NAME, "shop");
    database->lease_ms = 3000;
    database->margin_ms = 300;
    database->tier1 = true;
    database->durability_required = 1;
    scenario_nodes(model, counts);
    model->policy = model_policy_default();
    model->failback = (struct model_failback){.approval = true,
                                              .min_stable_ms = 5000,
                                              .canary_share = 2500,
                                              .canary_hold_ms = 20000,
                                              .ramp_share = 5000,
                                              .ramp_hold_ms = 5000,
                                              .max_error_ppm = 20000,
                                              .max_p95_us = 500000,
                                              .max_lag_ms = 5000};
}

static uint32_t scenario_thing(const struct model *model, enum sim_fault_kind kind, const char *name)
{
    switch (kind) {
    case SIM_FAULT_REGION:
    case SIM_FAULT_CACHE:
    case SIM_FAULT_APP:
    case SIM_FAULT_ERRORS:
        return model_region_find(model, name);
    case SIM_FAULT_NODE:
    case SIM_FAULT_SERVER:
    case SIM_FAULT_AGENT:
    case SIM_FAULT_FREEZE:
    case SIM_FAULT_FREEZE_NODE:
    case SIM_FAULT_DISK:
    case SIM_FAULT_REPLAY:
    case SIM_FAULT_PROMOTE:
    case SIM_FAULT_REFUSE:
        return model_node_find(model, name);
    default:
        return model_site_find(model, name);
    }
}

/* at S [end] FAULT [WHERE [WHERE]] */
static bool scenario_fault(struct scenario *scenario, const struct scenario_line *line, int64_t at_us)
{
    const bool end = strcmp(line->words[2], "end") == 0;
    const uint32_t first = end ? 3 : 2;
    uint32_t kind = 0;
    while (kind < SIM_FAULT_COUNT &&
           (first >= line->count || strcmp(line->words[first], sim_fault_name((enum sim_fault_kind)kind)) != 0)) {
        kind++;
    }
    if (kind == SIM_FAULT_COUNT) {
        return false;
    }
    struct sim_fault fault = {.kind = (enum sim_fault_kind)kind, .at_us = at_us, .end_us = INT64_MAX};
    if (first + 1 < line->count) {
        fault.a = scenario_thing(&scenario->model, fault.kind, line->words[first + 1]);
    }
    if (first + 2 < line->count) {
        fault.b = scenario_thing(&scenario->model, kind == SIM_FAULT_LIAR ? SIM_FAULT_REGION : fault.kind,
                                 line->words[first + 2]);
    }
    if (fault.a == LIMITS_NONE || fault.b == LIMITS_NONE) {
        return false;
    }
    struct sim_script *script = &scenario->script;
    for (uint32_t i = 0; end && i < script->faults_count; i++) {
        struct sim_fault *open = &script->faults[i];
        if (open->kind == fault.kind && open->a == fault.a && open->end_us == INT64_MAX) {
            open->end_us = at_us;
            return true;
        }
    }
    if (end || script->faults_count == SIM_FAULTS) {
        return false;
    }
    script->faults[script->faults_count++] = fault;
    return true;
}

static bool scenario_order(struct scenario *scenario, const struct scenario_line *line, int64_t at_us)
{
    static const char *const names[] = {"failover", "switchover", "failback", "approve", "abort", "pause", "resume"};
    struct sim_script *script = &scenario->script;
    uint32_t command = 0;
    while (command < 7 && strcmp(line->words[2], names[command]) != 0) {
        command++;
    }
    if (command == 7 || script->orders_count == SIM_ORDERS) {
        return false;
    }
    struct sim_order order = {.at_us = at_us, .command = command, .source = LIMITS_NONE, .target = LIMITS_NONE};
    for (uint32_t i = 3; i < line->count; i++) {
        const uint32_t region = model_region_find(&scenario->model, line->words[i]);
        if (strcmp(line->words[i], "accept-loss") == 0) {
            order.accept_loss = true;
        } else if (strcmp(line->words[i], "emergency") == 0) {
            order.emergency = true;
        } else if (region == LIMITS_NONE) {
            return false;
        } else if (order.source == LIMITS_NONE) {
            order.source = region;
        } else {
            order.target = region;
        }
    }
    script->orders[script->orders_count++] = order;
    return true;
}

static bool scenario_seconds(const char *text, int64_t *ret_us)
{
    char *end = NULL;
    const double seconds = strtod(text, &end);
    *ret_us = (int64_t)(seconds * SCENARIO_S);
    return *end == 0 && end != text && seconds >= 0;
}

static bool scenario_crash(struct scenario *scenario, const struct scenario_line *line)
{
    struct sim_script *script = &scenario->script;
    for (uint32_t step = 0; line->count == 3 && script->faults_count < SIM_FAULTS && step < PLAN_STEP_COUNT; step++) {
        if (strcmp(plan_step_of((enum plan_step)step)->name, line->words[1]) == 0) {
            struct sim_fault *fault = &script->faults[script->faults_count++];
            *fault = (struct sim_fault){.kind = SIM_FAULT_CONTROL, .step = step + 1};
            return scenario_seconds(line->words[2], &fault->end_us);
        }
    }
    return false;
}

static bool scenario_durability(struct scenario *scenario, const struct scenario_line *line)
{
    uint32_t members = 0;
    for (uint32_t i = 1; i < line->count; i++) {
        const uint32_t node = model_node_find(&scenario->model, line->words[i]);
        if (node == LIMITS_NONE) {
            return false;
        }
        members |= 1U << node;
    }
    scenario->model.databases[0].durability_members = members;
    return true;
}

static bool scenario_counts(struct scenario *scenario, const struct scenario_line *line)
{
    uint32_t counts[2] = {0, 0};
    const uint32_t region = line->count == 3 ? model_region_find(&scenario->model, line->words[1]) : LIMITS_NONE;
    for (uint32_t node = 0; node < scenario->model.nodes_count; node++) {
        counts[scenario->model.nodes[node].region]++;
    }
    if (region == LIMITS_NONE) {
        return false;
    }
    counts[region] = (uint32_t)strtoul(line->words[2], NULL, 10);
    scenario_nodes(&scenario->model, counts);
    return counts[region] > 0 && counts[region] < 4;
}

static bool scenario_second(struct model *model)
{
    if (model->databases_count != 1) {
        return false;
    }
    struct model_database *database = &model->databases[model->databases_count++];
    *database = model->databases[0];
    text_copy(database->name, LIMITS_NAME, "stock");
    database->initial_writer = model->nodes_count;
    database->durability_members = 0;
    for (uint32_t region = 0; region < 2; region++) {
        struct model_node *node = &model->nodes[model->nodes_count];
        memset(node, 0, sizeof *node);
        snprintf(node->name, LIMITS_NAME, "%.16s-s", model->regions[region].name);
        node->database = 1;
        node->region = region;
        node->postgres = (struct view_address){{127, 1, 0, (uint8_t)model->nodes_count}, 5432, 4};
        database->durability_members |= 1U << model->nodes_count++;
    }
    return true;
}

static bool scenario_statement(struct scenario *scenario, const struct scenario_line *line)
{
    int64_t at_us = 0;
    const char *word = line->words[0];
    if (strcmp(word, "at") == 0) {
        return line->count >= 3 && scenario_seconds(line->words[1], &at_us) &&
               (scenario_order(scenario, line, at_us) || scenario_fault(scenario, line, at_us));
    }
    if (strcmp(word, "tier2") == 0) {
        scenario->model.databases[0].tier1 = false;
        return true;
    }
    if (strcmp(word, "cascade") == 0) {
        scenario->model.databases[0].cascade = true;
        return true;
    }
    if (strcmp(word, "readiness") == 0) {
        scenario->script.readiness = true;
        return true;
    }
    if (strcmp(word, "stock") == 0) {
        return scenario_second(&scenario->model);
    }
    if (line->count < 2) {
        return false;
    }
    if (strcmp(word, "seed") == 0) {
        scenario->seed = strtoull(line->words[1], NULL, 10);
        return true;
    }
    if (strcmp(word, "ttl") == 0) {
        scenario->model.ttl_most_s = (uint32_t)strtoul(line->words[1], NULL, 10);
        scenario->model.ttl_floor_s = 2;
        return true;
    }
    if (strcmp(word, "heartbeats") == 0) {
        scenario->model.databases[0].silence_ms = (uint32_t)strtoul(line->words[1], NULL, 10);
        return scenario->model.databases[0].silence_ms > 0;
    }
    if (strcmp(word, "max-lag") == 0 && scenario_seconds(line->words[1], &at_us)) {
        scenario->model.databases[0].lag_hold = true;
        scenario->model.databases[0].max_lag_ms = (uint32_t)(at_us / 1000);
        return true;
    }
    if (strcmp(word, "every-commit") == 0 && scenario_seconds(line->words[1], &at_us)) {
        scenario->model.databases[0].every_commit = true;
        scenario->model.databases[0].lease_ms = (uint32_t)(at_us / 1000);
        return true;
    }
    return strcmp(word, "from") == 0         ? scenario_seconds(line->words[1], &scenario->from_us)
           : strcmp(word, "until") == 0      ? scenario_seconds(line->words[1], &scenario->script.chaos_us)
           : strcmp(word, "crash") == 0      ? scenario_crash(scenario, line)
           : strcmp(word, "durability") == 0 ? scenario_durability(scenario, line)
           : strcmp(word, "nodes") == 0      ? scenario_counts(scenario, line)
                                             : false;
}

static void scenario_split(const char *text, size_t size, struct scenario_line *ret_line)
{
    char *save = NULL;
    memset(ret_line, 0, sizeof *ret_line);
    snprintf(ret_line->text, sizeof ret_line->text, "%.*s", (int)size, text);
    char *comment = strchr(ret_line->text, '#');
    if (comment != NULL) {
        *comment = 0;
    }
    for (char *word = strtok_r(ret_line->text, " \t", &save); word != NULL && ret_line->count < SCENARIO_WORDS;
         word = strtok_r(NULL, " \t", &save)) {
        ret_line->words[ret_line->count++] = word;
    }
}

bool scenario_parse(const char *text, struct scenario *ret_scenario)
{
    memset(ret_scenario, 0, sizeof *ret_scenario);
    ret_scenario->seed = 1;
    ret_scenario->from_us = 20 * (int64_t)SCENARIO_S;
    ret_scenario->script.chaos_us = 60 * (int64_t)SCENARIO_S;
    scenario_world(&ret_scenario->model);
    while (*text != 0) {
        const size_t size = strcspn(text, "\n");
        struct scenario_line line;
        ret_scenario->line++;
        scenario_split(text, size, &line);
        if (line.count > 0 && !scenario_statement(ret_scenario, &line)) {
            snprintf(ret_scenario->problem, sizeof ret_scenario->problem, "'%.*s' is not a statement",
                     (int)(size < 80 ? size : 80), text);
            return false;
        }
        text += size + (text[size] == '\n');
    }
    return true;
}
