/* SPDX-License-Identifier: Apache-2.0
 * What each step of a run would change, in sentences: the list that a dry run prints. */
#include <ctype.h>
#include <stdarg.h>
#include <stdio.h>

#include "core/candidate.h"
#include "core/plan.h"
#include "web/web_state.h"

enum { WEB_MUTATION_TEXT = 256, WEB_MUTATION_NAME = 32 };

__attribute__((format(printf, 2, 3))) static void web_mutation_add(json_t *list, const char *format, ...)
{
    char text[WEB_MUTATION_TEXT];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(text, sizeof text, format, arguments);
    va_end(arguments);
    json_array_append_new(list, json_string(text));
}

/* The node that would be promoted now; "the candidate" while none may be. */
static const char *web_mutation_candidate(const struct engine *engine, const struct durable_run *run,
                                          const struct durable_move *move)
{
    if (move->target != LIMITS_NONE) {
        return web_render_node(engine, move->target);
    }
    const bool free_choice = run->accept_loss || plan_graceful(run->plan);
    const uint32_t excluded = move->refused | (move->source != LIMITS_NONE ? 1U << move->source : 0);
    const struct candidate candidate = candidate_choose(engine, move->database, run->target, excluded, free_choice);
    return candidate.node != LIMITS_NONE ? web_render_node(engine, candidate.node) : "the candidate";
}

/* One database's part of a step. */
static void web_mutation_move(json_t *list, const struct engine *engine, const struct durable_run *run,
                              const struct durable_move *move, enum plan_step step)
{
    const char *database = engine->model.databases[move->database].name;
    const char *source = web_render_node(engine, move->source);
    const char *target = web_mutation_candidate(engine, run, move);
    const unsigned long long next =
        move->epoch != 0 ? move->epoch : engine->durable.databases[move->database].epoch + 1;
    switch ((int)step) {
    case PLAN_FENCE:
        web_mutation_add(list, "fence: lease of %s is revoked from %s in favour of %s, epoch %llu", database, source,
                         target, next);
        web_mutation_add(list, "fence: every PostgreSQL process of %s is ended, the route to %s is closed", source,
                         database);
        break;
    case PLAN_CHECKPOINT:
        web_mutation_add(list, "checkpoint: CHECKPOINT on %s", source);
        break;
    case PLAN_HOLD:
        web_mutation_add(list, "hold: the proxies hold the sessions of %s between transactions", database);
        break;
    case PLAN_STOP:
        web_mutation_add(list, "stop: PostgreSQL of %s is stopped cleanly, its lease given up", source);
        break;
    case PLAN_PROMOTE:
        web_mutation_add(list, "promote: %s becomes the writer of %s under epoch %llu (cannot be undone)", target,
                         database, next);
        web_mutation_add(list, "promote: every other node of %s follows %s; %s is kept aside and cloned if it must be",
                         database, target, source);
        break;
    case PLAN_PROVE:
        web_mutation_add(list, "prove: %s commits a row into holdfast.proof", target);
        break;
    case PLAN_ROUTE_SQL:
        web_mutation_add(list, "route-sql: the proxies send the sessions of %s to %s", database, target);
        break;
    case PLAN_LEDGER:
        web_mutation_add(list, "ledger: the end of %s is recorded", source);
        break;
    default:
        break;
    }
}

/* What the region whose share changes carries of its own clients once the step is done, in percent; -1: unchanged. */
static int64_t web_mutation_share(const struct engine *engine, const struct durable_run *run, enum plan_step step)
{
    const bool home = plan_homeward(run->plan);
    switch ((int)step) {
    case PLAN_ROUTE_DNS:
        return home ? 100 : 0;
    case PLAN_CANARY:
        return engine->model.failback.canary_share * 100 / DURABLE_WHOLE;
    case PLAN_RAMP:
        return engine->model.failback.ramp_share * 100 / DURABLE_WHOLE;
    case PLAN_SHIFT_25:
        return home ? 25 : 75;
    case PLAN_SHIFT_50:
        return 50;
    case PLAN_SHIFT_75:
        return home ? 75 : 25;
    case PLAN_SHIFT_ALL:
        return home ? 100 : 0;
    default:
        return -1;
    }
}

/* "ROUTE_DNS" as people write it. */
static const char *web_mutation_name(enum plan_step step, char ret_name[WEB_MUTATION_NAME])
{
    const char *name = plan_step_of(step)->name;
    size_t i = 0;
    for (; name[i] != 0 && i < WEB_MUTATION_NAME - 1; i++) {
        ret_name[i] = name[i] == '_' ? '-' : (char)tolower((unsigned char)name[i]);
    }
    ret_name[i] = 0;
    return ret_name;
}

json_t *web_mutation_list(const struct engine *engine, const struct durable_run *run)
{
    json_t *list = json_array();
    const bool home = plan_homeward(run->plan);
    const char *region = web_render_region(engine, home ? run->target : run->source);
    int64_t before = (int64_t)run->factor_before * 100 / DURABLE_WHOLE;
    for (uint32_t i = 0; i < run->steps_count; i++) {
        const enum plan_step step = run->steps[i].step;
        for (uint32_t m = 0; m < run->moves_count; m++) {
            web_mutation_move(list, engine, run, &run->moves[m], step);
        }
        if (step == PLAN_LOWER_TTL) {
            web_mutation_add(list, "lower-ttl: DNS answers live %u s, older ones run out first (up to %u s)",
                             engine->model.ttl_floor_s, engine->model.ttl_most_s);
        }
        const int64_t share = web_mutation_share(engine, run, step);
        if (share >= 0) {
            char name[WEB_MUTATION_NAME];
            web_mutation_add(list, "%s: DNS and load balancers: %s carries %lld%% of its own clients, was %lld%%",
                             web_mutation_name(step, name), region, (long long)share, (long long)before);
            before = share;
        }
    }
    return list;
}
