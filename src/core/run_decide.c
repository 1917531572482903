/* SPDX-License-Identifier: Apache-2.0
 * Starting a run without being told to: by a decision about a region, or by the certain death of a writer. */
#include "base/assert.h"
#include "core/candidate.h"
#include "core/judge.h"
#include "core/run.h"
#include "core/run_start.h"
#include "core/silence.h"

enum {
    RUN_DECIDE_AGAIN_MS = 15000, /* an automatic run that changed nothing is tried again after this */
};

/* A writer of the region that has just come (back), or a view that has just given the region another role: the failed
 * checks are older than that. They get the time to fail again, or to see it. */
static bool run_decide_news(const struct engine *engine, uint32_t region)
{
    const uint32_t patience_ms = model_patience_ms(&engine->model);
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        const struct mono routed_at = engine->routed_at[database];
        if (routed_at.us != 0 && time_since_ms(engine->now, routed_at) < patience_ms) {
            return true;
        }
        if (writer == LIMITS_NONE || engine->model.nodes[writer].region != region) {
            continue;
        }
        const struct engine_node *node = &engine->nodes[writer];
        if (node->alive && node->report.running && node->report.role == VIEW_NODE_WRITER && node->report.lease_held &&
            time_since_ms(engine->now, node->since) < patience_ms) {
            return true;
        }
    }
    return false;
}

/* A node that keeps its region from being in order although all that is wrong is of our own making: the region writes
 * elsewhere, we took this server down, and its agent is at work on it, be it for hours. LIMITS_NONE: there is none. */
static uint32_t run_decide_returning(const struct engine *engine, uint32_t region)
{
    uint32_t found = LIMITS_NONE;
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer == LIMITS_NONE || engine->model.nodes[writer].region == region) {
            return LIMITS_NONE;
        }
    }
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        const struct engine_node *known = &engine->nodes[node];
        if (engine->model.nodes[node].region == region && known->alive && known->returning) {
            found = node;
        }
    }
    return found;
}

/* The region's clients reach the writer as they did before: nothing is gained by moving them. Said once. */
static bool run_decide_waits(struct engine *engine, struct output *output, uint32_t region)
{
    struct engine_decision *decision = &engine->decisions[region];
    const uint32_t node = run_decide_returning(engine, region);
    if (node != LIMITS_NONE && !decision->waits) {
        struct trace *trace = engine_trace(engine, output, TRACE_RETURNING);
        trace->region = region;
        trace->node = node;
    }
    decision->waits = node != LIMITS_NONE;
    return decision->waits;
}

static void run_decide_region(struct engine *engine, struct output *output, uint32_t region)
{
    struct engine_decision *decision = &engine->decisions[region];
    const struct decide_answer *answer = &decision->answer;
    ASSERT(answer->reason <= DECIDE_CRITICAL_SERVICE_FAILURE);
    const enum model_automation automation = engine->model.policy.automation[answer->reason];
    const bool again = decision->tried && time_since_ms(engine->now, decision->tried_at) < RUN_DECIDE_AGAIN_MS;
    const bool database = answer->reason == DECIDE_DATABASE_MASTER_FAILURE;
    const bool news = database && (run_decide_news(engine, region) || run_decide_waits(engine, output, region));
    if (automation == MODEL_OFF || again || news || !engine->durable.good[region]) {
        return;
    }
    const bool local = database && candidate_neighbours(engine, region);
    const uint32_t target = local ? region : judge_target(engine, region);
    if (target == LIMITS_NONE) {
        return;
    }
    decision->tried = false;
    const struct run_start start = {.plan = local ? PLAN_FAILOVER_LOCAL : PLAN_FAILOVER,
                                    .source = region,
                                    .target = target,
                                    .database = LIMITS_NONE,
                                    .automatic = true,
                                    .approved = automation == MODEL_AUTO,
                                    .reason = (uint32_t)answer->reason,
                                    .rule = answer->rule,
                                    .evidence = decision->first_failure,
                                    .text = decide_reason_name(answer->reason),
                                    .who = "holdfast"};
    run_start_begin(engine, output, &start);
}

/* Another member of the database's durability set in the same region takes over. */
static void run_decide_neighbour(struct engine *engine, struct output *output, uint32_t database, struct mono evidence,
                                 const char *text)
{
    const uint32_t region = engine->model.nodes[engine->durable.databases[database].writer].region;
    const struct run_start start = {.plan = PLAN_FAILOVER_LOCAL,
                                    .source = region,
                                    .target = region,
                                    .database = database,
                                    .automatic = true,
                                    .approved = true,
                                    .reason = DECIDE_DATABASE_MASTER_FAILURE,
                                    .evidence = evidence,
                                    .text = text,
                                    .who = "holdfast"};
    run_start_begin(engine, output, &start);
}

/* The certain death of a writer, told by its agent: another member of its durability set in the same region takes over
 * at once, when there is one. */
static void run_decide_death(struct engine *engine, struct output *output)
{
    for (uint32_t database = 0; database < engine->model.databases_count && run_yields(engine); database++) {
        const struct durable_database *state = &engine->durable.databases[database];
        const uint32_t writer = state->writer;
        if (writer == LIMITS_NONE || state->routed != writer) {
            continue;
        }
        const struct engine_node *node = &engine->nodes[writer];
        if (!node->alive || !node->report.died || node->report.epoch != state->routed_epoch ||
            !candidate_neighbour(engine, database)) {
            continue;
        }
        run_decide_neighbour(engine, output, database, node->at, "the writer's agent says that its server died");
    }
}

/* Nobody hears the writer's node any more: another member of its durability set in the same region takes over, without
 * waiting for checks to fail. What the lease has left is waited out by the run's fence. */
static void run_decide_silence(struct engine *engine, struct output *output, uint32_t database)
{
    struct decide_answer answer;
    char text[sizeof engine->durable.run.text];
    struct buf buf;
    const struct silence_state state = silence_look(engine, database);
    if (state.verdict != SILENCE_CONFIRMED) {
        return;
    }
    const uint32_t region = engine->model.nodes[state.node].region;
    struct engine_decision *decision = &engine->decisions[region];
    const bool again = decision->tried && time_since_ms(engine->now, decision->tried_at) < RUN_DECIDE_AGAIN_MS;
    silence_judge(engine, database, &answer);
    silence_say_held(engine, output, database, &answer);
    if (again || answer.decision != DECIDE_AUTOMATIC_FAILOVER || !engine->durable.good[region]) {
        return;
    }
    decision->tried = false;
    buf_init(&buf, text, sizeof text);
    silence_print(engine, &state, &buf);
    run_decide_neighbour(engine, output, database, time_add_ms(engine->now, -(int64_t)state.age_ms), buf_string(&buf));
}

void run_decide(struct engine *engine, struct output *output)
{
    const bool automatic =
        !engine->durable.paused && engine->model.policy.automation[DECIDE_DATABASE_MASTER_FAILURE] == MODEL_AUTO;
    if (automatic) {
        run_decide_death(engine, output);
    }
    for (uint32_t database = 0; automatic && database < engine->model.databases_count; database++) {
        if (run_yields(engine)) {
            run_decide_silence(engine, output, database);
        }
    }
    for (uint32_t region = 0; region < engine->model.regions_count; region++) {
        if (run_yields(engine) && engine->decisions[region].any &&
            engine->decisions[region].answer.decision == DECIDE_AUTOMATIC_FAILOVER) {
            run_decide_region(engine, output, region);
        }
    }
}
