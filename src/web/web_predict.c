/* SPDX-License-Identifier: Apache-2.0
 * What a run would cost: time until the clients are served again, and commits that would be left behind. */
#include <stdio.h>

#include "core/candidate.h"
#include "core/plan.h"
#include "web/web_state.h"

enum {
    WEB_PREDICT_FENCED_MS = 300, /* by the agent's word */
    WEB_PREDICT_TEXT = 256,
};

/* Ungraceful runs, until nothing was measured here; graceful ones likewise. */
static uint32_t web_predict_usual_ms(const struct model *model, enum plan_step step)
{
    switch ((int)step) {
    case PLAN_PROMOTE:
    case PLAN_STOP:
    case PLAN_CHECKPOINT:
    case PLAN_VERIFY:
        return 1000;
    case PLAN_PROVE:
    case PLAN_HOLD:
        return 100;
    case PLAN_ROUTE_SQL:
    case PLAN_ROUTE_BALANCERS:
    case PLAN_ROUTE_DNS:
    case PLAN_SHIFT_25:
    case PLAN_SHIFT_50:
    case PLAN_SHIFT_75:
    case PLAN_SHIFT_ALL:
    case PLAN_CATCH_UP:
        return 200;
    case PLAN_LOWER_TTL:
        return model->ttl_most_s * 1000;
    case PLAN_COMPARE:
        return 5000;
    case PLAN_CANARY:
        return model->failback.canary_hold_ms;
    case PLAN_RAMP:
        return model->failback.ramp_hold_ms;
    default:
        return 0;
    }
}

const struct durable_run *web_predict_similar(const struct engine *engine, const struct durable_run *run)
{
    for (uint32_t i = 0; i < DURABLE_RUNS; i++) {
        const struct durable_run *past = &engine->durable.past[i];
        const bool ended_well = past->state == DURABLE_RUN_SUCCEEDED || past->state == DURABLE_RUN_UNPROVEN;
        if (past->id != 0 && past->id != run->id && past->plan == run->plan && ended_well &&
            past->moves_count == run->moves_count) {
            return past;
        }
    }
    return NULL;
}

static int64_t web_predict_measured_ms(const struct durable_run *similar, enum plan_step step)
{
    for (uint32_t i = 0; similar != NULL && i < similar->steps_count; i++) {
        const struct durable_step *past = &similar->steps[i];
        if (past->step == step && past->state == DURABLE_STEP_DONE && past->ended_us >= past->started_us) {
            return (past->ended_us - past->started_us) / TIME_US_PER_MS;
        }
    }
    return -1;
}

/* A writer that answers is ended at its agent's word; a silent one holds its lease until it and the margin are over,
 * unless nothing is acknowledged without the target. */
static int64_t web_predict_fence_ms(const struct engine *engine, const struct durable_run *run)
{
    int64_t worst = 0;
    for (uint32_t i = 0; i < run->moves_count; i++) {
        const struct durable_move *move = &run->moves[i];
        const struct model_database *model = &engine->model.databases[move->database];
        const bool answers =
            (move->source != LIMITS_NONE && engine->nodes[move->source].alive) ||
            (move->target != LIMITS_NONE && candidate_indispensable(engine, move->database, move->target));
        const int64_t ms = answers ? WEB_PREDICT_FENCED_MS : (int64_t)model->lease_ms + model->margin_ms;
        worst = ms > worst ? ms : worst;
    }
    return worst;
}

int64_t web_predict_step_ms(const struct engine *engine, const struct durable_run *run, enum plan_step step)
{
    if (step == PLAN_APPROVAL) {
        return -1; /* a person's */
    }
    if (step == PLAN_FENCE) {
        return web_predict_fence_ms(engine, run);
    }
    const int64_t measured = web_predict_measured_ms(web_predict_similar(engine, run), step);
    return measured >= 0 ? measured : web_predict_usual_ms(&engine->model, step);
}

static bool web_predict_graceful(const struct durable_run *run)
{
    return plan_graceful(run->plan);
}

/* Ungraceful: from the start to the last route. Graceful: while the sessions are held. */
int64_t web_predict_rto_ms(const struct engine *engine, const struct durable_run *run)
{
    const bool graceful = web_predict_graceful(run);
    bool counting = !graceful;
    int64_t sum = 0;
    int64_t until_route = 0;
    for (uint32_t i = 0; i < run->steps_count; i++) {
        const enum plan_step step = run->steps[i].step;
        const int64_t ms = web_predict_step_ms(engine, run, step);
        counting |= step == PLAN_HOLD;
        sum += counting && ms > 0 ? ms : 0;
        if (step == PLAN_ROUTE_SQL || (!graceful && (step == PLAN_ROUTE_BALANCERS || step == PLAN_ROUTE_DNS))) {
            until_route = sum;
        }
    }
    return until_route;
}

/* ---- loss ---- */

static uint64_t web_predict_behind_bytes(const struct engine *engine, uint32_t source, uint32_t target)
{
    const uint64_t written = engine->nodes[source].report.written.position;
    const uint64_t received = engine->nodes[target].report.received.position;
    return written > received ? written - received : 0;
}

static json_t *web_predict_certain(const char *database, const char *text)
{
    return json_pack("{s:s,s:s,s:i,s:i}", "database", database, "text", text, "tier1_bytes", 0, "bytes", 0);
}

static json_t *web_predict_loss_of(const struct engine *engine, const struct durable_run *run,
                                   const struct durable_move *move)
{
    const struct model_database *model = &engine->model.databases[move->database];
    const struct durable_database *state = &engine->durable.databases[move->database];
    char text[WEB_PREDICT_TEXT];
    uint32_t lag_ms = 0;
    if (web_predict_graceful(run)) {
        return web_predict_certain(model->name, "none: the target replays everything before it is promoted");
    }
    const uint32_t excluded = move->refused | (move->source != LIMITS_NONE ? 1U << move->source : 0);
    const struct candidate candidate =
        candidate_choose(engine, move->database, run->target, excluded, run->accept_loss);
    if (candidate.node == LIMITS_NONE) {
        return json_pack("{s:s,s:s,s:n,s:n}", "database", model->name, "text", candidate.why, "tier1_bytes", "bytes");
    }
    const char *node = engine->model.nodes[candidate.node].name;
    const bool member = (state->members >> candidate.node & 1U) != 0;
    const bool known = candidate_lag_ms(engine, candidate.node, &lag_ms) && move->source != LIMITS_NONE;
    const uint64_t bytes = known ? web_predict_behind_bytes(engine, move->source, candidate.node) : 0;
    if (member && model->tier1) {
        snprintf(text, sizeof text, "tier-1 none: %s holds every acknowledged commit; behind by %llu bytes, %u.%03u s",
                 node, (unsigned long long)bytes, lag_ms / 1000, lag_ms % 1000);
    } else if (known) {
        snprintf(text, sizeof text, "up to %llu bytes, %u.%03u s%s: %s does not acknowledge commits",
                 (unsigned long long)bytes, lag_ms / 1000, lag_ms % 1000, model->tier1 ? ", TIER-1 INCLUDED" : "",
                 node);
    } else {
        snprintf(text, sizeof text, "unknown: how far %s is behind cannot be told", node);
    }
    return json_pack("{s:s,s:s,s:s,s:b,s:o,s:o,s:o}", "database", model->name, "text", text, "candidate", node,
                     "in_durability_set", (int)member, "tier1_bytes",
                     member || !model->tier1 ? json_integer(0)
                     : known                 ? json_integer((json_int_t)bytes)
                                             : json_null(),
                     "bytes", known ? json_integer((json_int_t)bytes) : json_null(), "seconds",
                     known ? json_real(lag_ms / 1000.0) : json_null());
}

json_t *web_predict_loss(const struct engine *engine, const struct durable_run *run)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < run->moves_count; i++) {
        json_array_append_new(list, web_predict_loss_of(engine, run, &run->moves[i]));
    }
    return list;
}
