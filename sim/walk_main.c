/* SPDX-License-Identifier: Apache-2.0
 * holdfast-walk: each thing that makes a run begin, and each second fault at each of its steps, in a small topology.
 *
 * Where the seeds look for the unexpected, the walk leaves nothing out: two regions, three sites with a controller
 * each, three PostgreSQL nodes; a first fault or an operator's order; then every other fault there is, at that instant,
 * a second later, and at the beginning of every step that the run reaches; short, and until everything is repaired. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "core/event.h"
#include "core/plan.h"
#include "sim/sim.h"
#include "sim/sim_model.h"
#include "sim/sim_report.h"

enum {
    WALK_S = 1000 * 1000,
    WALK_AT_US = 30 * WALK_S, /* the world has settled */
    WALK_SHORT_US = WALK_S,
    WALK_LEASE_MS = 3000,
    WALK_LONG_MS = 10000, /* it outlasts the checks */
    WALK_MOST = 96,       /* second faults */
    WALK_NOW = PLAN_STEP_COUNT,
    WALK_LATER,
    WALK_MOMENTS,
    WALK_LASTS = 2,
};

enum { WALK_TAIWAN_A, WALK_TAIWAN_B, WALK_TOKYO_A, WALK_NODES };

static void walk_model_checks(struct model *model)
{
    static const struct model_check checks[] = {
        {"region-connectivity", MODEL_CRITICAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_NONE, MODEL_FIGURE_NONE, 0},
        {"database-master", MODEL_CRITICAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_DB, MODEL_FIGURE_NONE, 0},
        {"redis-cluster", MODEL_CRITICAL, 1, 2000, 800, 3, 2, 0, MODEL_COMPONENT_CACHE, MODEL_FIGURE_NONE, 0},
        {"order-service", MODEL_CRITICAL, 2, 2000, 800, 3, 2, 0, MODEL_COMPONENT_APP, MODEL_FIGURE_NONE, 0},
    };
    sim_model_checks(model, checks, sizeof checks / sizeof checks[0]);
}

static void walk_model_database(struct model *model)
{
    static const struct {
        const char *name;
        uint32_t region;
        uint32_t priority;
    } nodes[WALK_NODES] = {
        {"taiwan-a", SIM_MODEL_TAIWAN, 2}, {"taiwan-b", SIM_MODEL_TAIWAN, 1}, {"tokyo-a", SIM_MODEL_TOKYO, 0}};
    struct model_database *database = &model->databases[model->databases_count++];
    text_copy(database->name, sizeof database->name, "shop");
    database->lease_ms = WALK_LEASE_MS;
    database->margin_ms = 300;
    database->tier1 = true;
    database->initial_writer = WALK_TAIWAN_A;
    database->durability_members = (1U << WALK_NODES) - 1;
    database->durability_required = 2; /* with the neighbour */
    model->nodes_count = WALK_NODES;
    for (uint32_t node = 0; node < WALK_NODES; node++) {
        struct model_node *entry = &model->nodes[node];
        text_copy(entry->name, sizeof entry->name, nodes[node].name);
        entry->region = nodes[node].region;
        entry->priority = nodes[node].priority;
        entry->postgres = (struct view_address){{127, 1, 0, (uint8_t)node}, 5432, 4};
    }
}

static void walk_model(struct model *ret_model)
{
    memset(ret_model, 0, sizeof *ret_model);
    text_copy(ret_model->name, sizeof ret_model->name, "walk");
    sim_model_two_regions(ret_model);
    for (uint32_t site = 0; site < ret_model->sites_count; site++) {
        ret_model->sites[site].controls = true;
    }
    walk_model_checks(ret_model);
    walk_model_database(ret_model);
    sim_model_policy(ret_model);
    ret_model->failback = (struct model_failback){.min_stable_ms = 1000,
                                                  .canary_share = 1000,
                                                  .canary_hold_ms = 1000,
                                                  .ramp_share = 5000,
                                                  .ramp_hold_ms = 1000,
                                                  .max_error_ppm = 20000,
                                                  .max_p95_us = 500000,
                                                  .max_lag_ms = 5000};
}

/* What makes a run begin: a fault that lasts, or orders. */
struct walk_cause {
    const char *name;
    int64_t chaos_us;
    uint32_t orders;
    bool every; /* every commit waits for the set, and the lease is long: it is not waited for */
    struct sim_fault fault;
    struct sim_order order[2];
};

static const struct walk_cause walk_causes[] = {
    {.name = "the writer's region is lost", .chaos_us = 60, .fault = {.kind = SIM_FAULT_REGION, .a = SIM_MODEL_TAIWAN}},
    {.name = "the writer's region is cut off",
     .chaos_us = 60,
     .fault = {.kind = SIM_FAULT_ISOLATE, .a = SIM_MODEL_TAIWAN}},
    {.name = "cut off, every commit waits",
     .chaos_us = 60,
     .every = true,
     .fault = {.kind = SIM_FAULT_ISOLATE, .a = SIM_MODEL_TAIWAN}},
    {.name = "the writer's machine dies", .chaos_us = 60, .fault = {.kind = SIM_FAULT_NODE, .a = WALK_TAIWAN_A}},
    {.name = "the writer's server dies", .chaos_us = 60, .fault = {.kind = SIM_FAULT_SERVER, .a = WALK_TAIWAN_A}},
    {.name = "the writer's machine stands still",
     .chaos_us = 60,
     .fault = {.kind = SIM_FAULT_FREEZE_NODE, .a = WALK_TAIWAN_A}},
    {.name = "a switchover to the other region",
     .chaos_us = 60,
     .orders = 1,
     .order = {{.command = EVENT_COMMAND_SWITCHOVER, .source = SIM_MODEL_TAIWAN, .target = SIM_MODEL_TOKYO}}},
    {.name = "a switchover to the neighbour",
     .chaos_us = 60,
     .orders = 1,
     .order = {{.command = EVENT_COMMAND_SWITCHOVER, .source = SIM_MODEL_TAIWAN, .target = SIM_MODEL_TAIWAN}}},
    {.name = "there and back",
     .chaos_us = 110,
     .orders = 2,
     .order = {{.command = EVENT_COMMAND_SWITCHOVER, .source = SIM_MODEL_TAIWAN, .target = SIM_MODEL_TOKYO},
               {.command = EVENT_COMMAND_FAILBACK, .source = LIMITS_NONE, .target = SIM_MODEL_TAIWAN}}},
};

enum { WALK_CAUSES = sizeof walk_causes / sizeof walk_causes[0], WALK_BACK_US = 25 * WALK_S };

static void walk_script(const struct walk_cause *cause, struct sim_script *ret_script)
{
    memset(ret_script, 0, sizeof *ret_script);
    ret_script->chaos_us = cause->chaos_us * WALK_S;
    ret_script->heal_us = 240 * (int64_t)WALK_S;
    ret_script->judged = true;
    for (uint32_t i = 0; i < cause->orders; i++) {
        ret_script->orders[i] = cause->order[i];
        ret_script->orders[i].at_us = WALK_AT_US + i * (int64_t)WALK_BACK_US;
        ret_script->orders_count++;
    }
    if (cause->orders == 0) {
        ret_script->faults[0] = cause->fault;
        ret_script->faults[0].at_us = WALK_AT_US;
        ret_script->faults[0].end_us = INT64_MAX;
        ret_script->faults_count = 1;
    }
}

/* ---- the second fault ---- */

/* What a fault of this kind may hit: the numbers of things for its `a`, and for its `b`. Those not named hit nodes. */
struct walk_reach {
    uint32_t a;
    uint32_t b;
};

static struct walk_reach walk_reach(enum sim_fault_kind kind)
{
    static const struct walk_reach reaches[SIM_FAULT_COUNT] = {
        [SIM_FAULT_REGION] = {SIM_MODEL_WITNESS, 1},
        [SIM_FAULT_CACHE] = {SIM_MODEL_WITNESS, 1},
        [SIM_FAULT_APP] = {SIM_MODEL_WITNESS, 1},
        [SIM_FAULT_ERRORS] = {SIM_MODEL_WITNESS, 1},
        [SIM_FAULT_SITE] = {SIM_MODEL_PLACES, 1},
        [SIM_FAULT_ISOLATE] = {SIM_MODEL_PLACES, 1},
        [SIM_FAULT_LOSS] = {SIM_MODEL_PLACES, 1},
        [SIM_FAULT_WALL] = {SIM_MODEL_PLACES, 1},
        [SIM_FAULT_READERS] = {SIM_MODEL_PLACES, 1},
        [SIM_FAULT_CUT] = {SIM_MODEL_PLACES, SIM_MODEL_PLACES},
        [SIM_FAULT_CUT_BOTH] = {SIM_MODEL_PLACES, SIM_MODEL_PLACES},
        [SIM_FAULT_LIAR] = {SIM_MODEL_PLACES, SIM_MODEL_WITNESS},
        [SIM_FAULT_CONTROL] = {2, 1}, /* the leader, another */
        [SIM_FAULT_STORE_FULL] = {1, 1},
        [SIM_FAULT_STORE_SLOW] = {1, 1},
    };
    return reaches[kind].a > 0 ? reaches[kind] : (struct walk_reach){WALK_NODES, 1};
}

static uint32_t walk_seconds(struct sim_fault *ret_faults)
{
    uint32_t count = 0;
    for (uint32_t kind = 0; kind < SIM_FAULT_COUNT; kind++) {
        const struct walk_reach reach = walk_reach((enum sim_fault_kind)kind);
        for (uint32_t i = 0; i < reach.a * reach.b; i++) {
            const struct sim_fault fault = {.kind = (enum sim_fault_kind)kind, .a = i / reach.b, .b = i % reach.b};
            const bool link = kind == SIM_FAULT_CUT || kind == SIM_FAULT_CUT_BOTH;
            if (!(link && fault.a == fault.b) && !(kind == SIM_FAULT_CUT_BOTH && fault.a > fault.b)) {
                ASSERT(count < WALK_MOST);
                ret_faults[count++] = fault;
            }
        }
    }
    return count;
}

/* ---- walking ---- */

struct walk {
    struct model model;
    struct sim_fault seconds[WALK_MOST];
    uint32_t seconds_count;
    uint64_t part; /* this one of so many */
    uint64_t parts;
    uint64_t only; /* this case alone, told as a story; UINT64_MAX: all */
    uint64_t number;
    uint64_t met; /* second faults that began */
    bool bad;
    struct sim_report report;
};

static void walk_line(void *context, const char *line)
{
    (void)context;
    puts(line);
}

static void walk_run(struct walk *walk, const struct sim_script *script, struct sim_result *ret_result)
{
    const struct sim_options options = {
        .seed = 1, .model = &walk->model, .script = script, .say = walk->only == walk->number ? walk_line : NULL};
    sim_run(&options, ret_result);
}

static void walk_case(struct walk *walk, const struct walk_cause *cause, const struct sim_fault *second,
                      uint32_t moment, bool lasting)
{
    const uint64_t number = ++walk->number;
    if (walk->only != UINT64_MAX ? walk->only != number : number % walk->parts != walk->part) {
        return;
    }
    struct sim_script script;
    struct sim_result result;
    walk_script(cause, &script);
    struct sim_fault *fault = &script.faults[script.faults_count++];
    *fault = *second;
    if (moment < PLAN_STEP_COUNT) {
        fault->step = moment + 1;
        fault->end_us = lasting ? INT64_MAX : WALK_SHORT_US;
    } else {
        fault->at_us = WALK_AT_US + (moment == WALK_LATER ? WALK_S : 0);
        fault->end_us = lasting ? INT64_MAX : fault->at_us + WALK_SHORT_US;
    }
    walk_run(walk, &script, &result);
    walk->met += result.faults == script.faults_count;
    sim_report_add(&walk->report, &result);
    if (result.violated) {
        walk->bad = true;
        printf("case %llu: %s; %s %u %u %s%s%s: %s\n", (unsigned long long)number, cause->name,
               sim_fault_name(second->kind), second->a, second->b, lasting ? "for good " : "for a second ",
               moment == WALK_NOW     ? "at once"
               : moment == WALK_LATER ? "a second later"
                                      : "at ",
               moment < PLAN_STEP_COUNT ? plan_step_of((enum plan_step)moment)->name : "", result.violation);
        fflush(stdout);
    }
}

static void walk_cause(struct walk *walk, const struct walk_cause *cause)
{
    struct sim_script script;
    struct sim_result alone;
    walk->model.databases[0].every_commit = cause->every;
    walk->model.databases[0].lease_ms = cause->every ? WALK_LONG_MS : WALK_LEASE_MS;
    walk_script(cause, &script);
    walk_run(walk, &script, &alone);
    if (alone.violated || alone.begun == 0) {
        printf("%s: %s\n", cause->name, alone.violated ? alone.violation : "no run began");
        walk->bad = true;
    }
    const uint64_t before = walk->report.seeds;
    for (uint32_t moment = 0; moment < WALK_MOMENTS; moment++) {
        if (moment < PLAN_STEP_COUNT && (alone.begun >> moment & 1U) == 0) {
            continue;
        }
        for (uint32_t second = 0; second < walk->seconds_count; second++) {
            for (uint32_t lasting = 0; lasting < WALK_LASTS; lasting++) {
                walk_case(walk, cause, &walk->seconds[second], moment, lasting != 0);
            }
        }
    }
    printf("%-36s %2d steps, %5llu cases\n", cause->name, __builtin_popcount(alone.begun),
           (unsigned long long)(walk->report.seeds - before));
    fflush(stdout);
}

static int walk_usage(void)
{
    fprintf(stderr, "usage: holdfast-walk [PART PARTS | CASE]\n");
    return 2;
}

int main(int argc, char **argv)
{
    static struct walk walk = {.parts = 1, .only = UINT64_MAX};
    if (argc == 3) {
        walk.part = strtoull(argv[1], NULL, 10);
        walk.parts = strtoull(argv[2], NULL, 10);
    } else if (argc == 2) {
        walk.only = strtoull(argv[1], NULL, 10);
    }
    if (argc > 3 || walk.parts == 0 || walk.part >= walk.parts || walk.only == 0) {
        return walk_usage();
    }
    walk_model(&walk.model);
    walk.seconds_count = walk_seconds(walk.seconds);
    for (uint32_t cause = 0; cause < WALK_CAUSES; cause++) {
        walk_cause(&walk, &walk_causes[cause]);
    }
    printf("%u second faults; the second one began in %llu cases\n", walk.seconds_count, (unsigned long long)walk.met);
    sim_report_print(&walk.report, stdout);
    return walk.bad ? 1 : 0;
}
