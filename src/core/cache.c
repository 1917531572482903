/* SPDX-License-Identifier: Apache-2.0
 * Caches with one writer. */
#include "core/cache.h"

#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/text.h"
#include "core/judge.h"
#include "core/task.h"

enum {
    CACHE_FRESH_MS = 1500,  /* what a server said so long ago still counts */
    CACHE_SETTLE_MS = 1000, /* what it said before an order was carried out may be told until then */
    CACHE_FIRST_MS = 10000, /* so long the configured first primary is waited for, before another one counts */
    CACHE_ORDER_MS = 1500,  /* time-out of one order */
    CACHE_QUIET_MS = 3000,  /* so long writes pause at least while the next primary catches up */
    CACHE_BACK_MS = 2000,   /* so long a planned change waits for what its two servers say */
    CACHE_AGAIN_MS = 30000, /* after a planned change that did not come about */
    CACHE_MOVE_MS = 10000,  /* so long an operator's order waits for a replica that is fit */
};

static bool cache_same(const struct view_address *a, const struct view_address *b)
{
    return a->family == b->family && a->port == b->port && memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

/* Tells the few servers of a service apart, in the room that a stored record has; never 0. */
static uint16_t cache_mark(const struct view_address *address)
{
    return (uint16_t)(hash_bytes(address, sizeof *address) | 1);
}

uint32_t cache_recorded(const struct engine *engine, uint32_t service)
{
    const struct durable_cache *record = &engine->durable.caches[service];
    for (uint32_t i = 0; i < engine->model.targets_count && record->known; i++) {
        if (engine->model.targets[i].service == service &&
            cache_same(&engine->model.targets[i].address, &record->primary)) {
            return i;
        }
    }
    return LIMITS_NONE;
}

uint32_t cache_primary(const struct engine *engine, uint32_t service)
{
    return engine->durable.caches[service].open ? cache_recorded(engine, service) : LIMITS_NONE;
}

void cache_take(struct engine *engine, const struct event_cache *event)
{
    if (event->target >= engine->model.targets_count) {
        return; /* of another configuration */
    }
    struct engine_cache_server *server = &engine->cache_servers[event->target];
    server->any = true;
    server->at = engine->now;
    server->said = *event;
}

const struct event_cache *cache_said(const struct engine *engine, uint32_t target)
{
    const struct engine_cache_server *server = &engine->cache_servers[target];
    return server->any && time_since_ms(engine->now, server->at) < CACHE_FRESH_MS ? &server->said : NULL;
}

static const struct health_merged *cache_verdict(const struct engine *engine, uint32_t target)
{
    const struct view_target *server = &engine->model.targets[target];
    const uint32_t check = engine->model.services[server->service].check;
    const uint32_t probe = check != LIMITS_NONE ? model_probe_find(&engine->model, check, server->region) : LIMITS_NONE;
    return probe != LIMITS_NONE ? &engine->health.merged[probe] : NULL;
}

bool cache_failed(const struct engine *engine, uint32_t target)
{
    const struct health_merged *merged = cache_verdict(engine, target);
    return merged != NULL && merged->status == HEALTH_FAILED;
}

/* Failed, as most of all observers that there are can say. */
static bool cache_lost(const struct engine *engine, uint32_t target)
{
    uint32_t observers = 0;
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        observers += engine->model.sites[site].observes ? 1 : 0;
    }
    const struct health_merged *merged = cache_verdict(engine, target);
    return merged != NULL && merged->status == HEALTH_FAILED && 2 * merged->reporting > observers;
}

static struct trace *cache_trace(struct engine *engine, struct output *output, enum trace_kind kind, uint32_t service)
{
    struct trace *trace = engine_trace(engine, output, kind);
    trace->service = service;
    trace->n = engine->durable.caches[service].epoch;
    return trace;
}

/* ---- who may become the primary ---- */

/* `live`: the stream must be up now, for a change without loss. */
static bool cache_may(const struct engine *engine, uint32_t target, uint32_t primary, bool live)
{
    const struct event_cache *said = cache_said(engine, target);
    if (target == primary || said == NULL || said->loading || cache_failed(engine, target)) {
        return false;
    }
    /* Of a primary that the configuration no longer has, followers are known by their role only. */
    const bool follows = !said->primary && (primary == LIMITS_NONE || said->upstream == primary);
    return follows && (!live || said->linked);
}

/* The best one, in `region` unless that is LIMITS_NONE. */
static uint32_t cache_candidate(const struct engine *engine, uint32_t service, uint32_t primary, uint32_t region,
                                bool live)
{
    uint32_t best = LIMITS_NONE;
    bool best_fit = false;
    for (uint32_t i = 0; i < engine->model.targets_count; i++) {
        const struct view_target *target = &engine->model.targets[i];
        if (target->service != service || (region != LIMITS_NONE && target->region != region) ||
            !cache_may(engine, i, primary, live)) {
            continue;
        }
        const bool fit = judge_fit(engine, target->region);
        const uint64_t offset = engine->cache_servers[i].said.offset;
        if (best == LIMITS_NONE || (fit && !best_fit) ||
            (fit == best_fit && offset > engine->cache_servers[best].said.offset)) {
            best = i;
            best_fit = fit;
        }
    }
    return best;
}

/* ---- changes ---- */

/* Recorded, closed, under the next epoch. */
static void cache_name(struct engine *engine, struct output *output, uint32_t service, uint32_t target)
{
    struct durable_cache *record = &engine->durable.caches[service];
    record->known = true;
    record->open = false;
    record->epoch++;
    record->primary = engine->model.targets[target].address;
    record->before = 0;
    engine->caches[service].nobody = false;
    engine->caches[service].moving = false;
    engine->caches[service].since = engine->now;
    engine->caches[service].held.us = 0;
    task_clear(engine, TASK_SLOT_CACHE + service);
    engine_persist(engine, output);
    engine->view_dirty = true;
}

static void cache_change(struct engine *engine, struct output *output, uint32_t service, uint32_t target,
                         const char *reason)
{
    const uint32_t before = cache_recorded(engine, service);
    cache_name(engine, output, service, target);
    struct trace *trace = cache_trace(engine, output, TRACE_CACHE_MOVES, service);
    trace->region = before != LIMITS_NONE ? engine->model.targets[before].region : LIMITS_NONE;
    trace->to = engine->model.targets[target].region;
    text_copy(trace->text, sizeof trace->text, reason);
}

/* The first one ever: the configured one, or whom it follows already. */
static void cache_first(struct engine *engine, struct output *output, uint32_t service)
{
    const uint32_t initial = engine->model.services[service].initial;
    const struct event_cache *said = cache_said(engine, initial);
    uint32_t first = said != NULL ? initial : LIMITS_NONE;
    if (said != NULL && !said->primary && said->upstream != LIMITS_NONE) {
        const struct event_cache *other = cache_said(engine, said->upstream);
        first = other != NULL && other->primary ? said->upstream : first;
    }
    const bool patient = time_since_ms(engine->now, engine->started) < CACHE_FIRST_MS;
    for (uint32_t i = 0; i < engine->model.targets_count && first == LIMITS_NONE && !patient; i++) {
        const struct event_cache *other = cache_said(engine, i);
        first = engine->model.targets[i].service == service && other != NULL && other->primary ? i : first;
    }
    if (first != LIMITS_NONE) {
        cache_name(engine, output, service, first);
    }
}

/* What keeps a lost primary from being replaced; NULL: nothing. */
static const char *cache_held(const struct engine *engine, uint32_t candidate)
{
    return engine->durable.paused     ? "automation is paused"
           : candidate == LIMITS_NONE ? "no other server that answers has followed it"
                                      : NULL;
}

/* True: it was replaced. */
static bool cache_replace(struct engine *engine, struct output *output, uint32_t service, uint32_t primary)
{
    const uint32_t candidate = cache_candidate(engine, service, primary, LIMITS_NONE, false);
    const char *held = cache_held(engine, candidate);
    if (held == NULL) {
        cache_change(engine, output, service, candidate, "the primary is lost");
        return true;
    }
    if (!engine->caches[service].nobody) {
        engine->caches[service].nobody = true;
        struct trace *trace = cache_trace(engine, output, TRACE_CACHE_NOBODY, service);
        text_copy(trace->text, sizeof trace->text, held);
    }
    return false;
}

/* ---- orders ---- */

static struct action cache_action(const struct engine *engine, enum action_kind kind, uint32_t target)
{
    const uint32_t service = engine->model.targets[target].service;
    return (struct action){.kind = kind,
                           .region = engine->model.targets[target].region,
                           .node = LIMITS_NONE,
                           .service = service,
                           .target = target,
                           .other = LIMITS_NONE,
                           .epoch = engine->durable.caches[service].epoch,
                           .timeout_ms = CACHE_ORDER_MS};
}

/* It takes over from `before`, which holds its writes until `held`: then it must have everything, for it may have
 * started anew since it said so. LIMITS_NONE: from nobody. */
static void cache_open(struct engine *engine, struct output *output, uint32_t service, uint32_t primary,
                       uint32_t before)
{
    struct action wanted = cache_action(engine, ACTION_CACHE_PROMOTE, primary);
    wanted.other = before;
    wanted.until = before != LIMITS_NONE ? engine->caches[service].held : (struct mono){0};
    if (task_want(engine, output, TASK_SLOT_CACHE + service, &wanted)->state != ENGINE_TASK_OK) {
        return;
    }
    task_clear(engine, TASK_SLOT_CACHE + service);
    engine->durable.caches[service].open = true;
    engine->durable.caches[service].before = 0;
    engine->cache_servers[primary].ordered = engine->now;
    engine_persist(engine, output);
    engine->view_dirty = true;
    struct trace *trace = cache_trace(engine, output, TRACE_CACHE_PRIMARY, service);
    trace->region = engine->model.targets[primary].region;
}

static bool cache_follows(const struct engine *engine, uint32_t target, uint32_t upstream)
{
    const struct event_cache *said = cache_said(engine, target);
    return said != NULL && !said->primary && said->upstream == upstream;
}

/* The primary before this one; LIMITS_NONE: the configuration has it no more. */
static uint32_t cache_before(const struct engine *engine, uint32_t service, uint32_t primary)
{
    const uint16_t mark = engine->durable.caches[service].before;
    for (uint32_t i = 0; i < engine->model.targets_count; i++) {
        if (i != primary && engine->model.targets[i].service == service &&
            cache_mark(&engine->model.targets[i].address) == mark) {
            return i;
        }
    }
    return LIMITS_NONE;
}

/* It answers, and still believes to be the primary. */
static bool cache_lives(const struct engine *engine, uint32_t target)
{
    const struct event_cache *said = target != LIMITS_NONE ? cache_said(engine, target) : NULL;
    return said != NULL && said->primary && !cache_failed(engine, target);
}

/* Has the one before hold its writes, which also shows that the change is stored and published: an order is given
 * behind both. */
static void cache_hold(struct engine *engine, struct output *output, uint32_t service, uint32_t before,
                       uint32_t primary)
{
    struct engine_cache *cache = &engine->caches[service];
    struct action wanted = cache_action(engine, ACTION_CACHE_QUIET, before);
    wanted.other = primary;
    wanted.timeout_ms = CACHE_QUIET_MS;
    if (task_at(engine, TASK_SLOT_CACHE + service)->state == ENGINE_TASK_FREE) {
        cache->asked = engine->now;
    }
    const struct engine_task *task = task_want(engine, output, TASK_SLOT_CACHE + service, &wanted);
    if (task->state == ENGINE_TASK_OK) {
        cache->held = time_add_ms(cache->asked, CACHE_QUIET_MS);
    }
    if (task->state != ENGINE_TASK_SENT || time_reached(engine->now, task->until)) {
        task_clear(engine, TASK_SLOT_CACHE + service);
    }
}

/* Whether writes are held now. When their time is up, so is that of the order which relied on it. */
static bool cache_held_now(struct engine *engine, uint32_t service)
{
    struct engine_cache *cache = &engine->caches[service];
    if (cache->held.us != 0 && time_reached(engine->now, cache->held)) {
        cache->held.us = 0;
        task_clear(engine, TASK_SLOT_CACHE + service);
    }
    return cache->held.us != 0;
}

/* The next primary takes over from one that lives: when it has everything, and while writes are held there. When it
 * cannot, the one before is named again: nobody was sent to this one, so nothing is lost by that. */
static void cache_succeed(struct engine *engine, struct output *output, uint32_t service, uint32_t primary)
{
    const uint32_t before = cache_before(engine, service, primary);
    const bool lives = cache_lives(engine, before);
    const bool patient = time_since_ms(engine->now, engine->caches[service].since) < CACHE_BACK_MS;
    const bool held = cache_held_now(engine, service);
    const bool busy = task_at(engine, TASK_SLOT_CACHE + service)->state != ENGINE_TASK_FREE;
    if (held && before != LIMITS_NONE) {
        cache_open(engine, output, service, primary, before);
    } else if (lives && cache_follows(engine, primary, before) && (patient || busy)) {
        cache_hold(engine, output, service, before, primary);
    } else if (lives && !patient) {
        cache_change(engine, output, service, before, "its successor did not take over");
    } else if (!patient) {
        engine->durable.caches[service].before = 0; /* it is lost as well */
        engine_persist(engine, output);
    }
}

/* Whether it is not what it must be, as it said well after the last order to it. */
static bool cache_astray(const struct engine *engine, uint32_t target, uint32_t primary)
{
    const struct event_cache *said = cache_said(engine, target);
    const struct engine_cache_server *server = &engine->cache_servers[target];
    if (said == NULL || said->loading ||
        (server->ordered.us != 0 && time_since_ms(server->at, server->ordered) < CACHE_SETTLE_MS)) {
        return false;
    }
    return target == primary ? !said->primary : said->primary || said->upstream != primary;
}

/* True: an order is under way. */
static bool cache_turn(struct engine *engine, struct output *output, uint32_t service, uint32_t primary)
{
    for (uint32_t i = 0; i < engine->model.targets_count; i++) {
        if (engine->model.targets[i].service != service || !cache_astray(engine, i, primary)) {
            continue;
        }
        struct action wanted = cache_action(engine, i == primary ? ACTION_CACHE_PROMOTE : ACTION_CACHE_FOLLOW, i);
        wanted.other = i == primary ? LIMITS_NONE : primary;
        if (task_want(engine, output, TASK_SLOT_CACHE + service, &wanted)->state == ENGINE_TASK_OK) {
            task_clear(engine, TASK_SLOT_CACHE + service);
            engine->cache_servers[i].ordered = engine->now;
            struct trace *trace = cache_trace(engine, output, TRACE_CACHE_TURNED, service);
            trace->region = engine->model.targets[i].region;
        }
        return true;
    }
    return false;
}

/* Whether the last run wants the primary elsewhere. Each run is obeyed once. */
static bool cache_wanted(struct engine *engine, struct output *output, uint32_t service, uint32_t primary)
{
    const struct durable_run *last = &engine->durable.past[0];
    struct durable_cache *record = &engine->durable.caches[service];
    const bool moved = last->state == DURABLE_RUN_SUCCEEDED || last->state == DURABLE_RUN_UNPROVEN;
    if (engine_busy(engine) || !moved || last->source == last->target || record->run == last->id) {
        return false;
    }
    if (engine->model.targets[primary].region == last->source) {
        return true;
    }
    record->run = last->id;
    engine_persist(engine, output);
    return false;
}

/* An operator's order has come to nothing. */
static void cache_stay(struct engine *engine, struct output *output, uint32_t service, const char *reason)
{
    struct trace *trace = cache_trace(engine, output, TRACE_CACHE_STAYS, service);
    trace->to = engine->caches[service].region;
    text_copy(trace->text, sizeof trace->text, reason);
    engine->caches[service].moving = false;
    task_clear(engine, TASK_SLOT_CACHE + service);
}

/* The region that the primary shall go to; LIMITS_NONE: it stays. An operator's order counts more than the last run's.
 */
static uint32_t cache_goal(struct engine *engine, struct output *output, uint32_t service, uint32_t primary)
{
    const struct engine_cache *cache = &engine->caches[service];
    if (cache->moving) {
        return cache->region;
    }
    const bool again = cache->missed.us == 0 || time_since_ms(engine->now, cache->missed) >= CACHE_AGAIN_MS;
    return cache_wanted(engine, output, service, primary) && again ? engine->durable.past[0].target : LIMITS_NONE;
}

/* The replica has everything, and writes are held: it is the next primary. What the last run wanted is settled. */
static void cache_hand_over(struct engine *engine, struct output *output, uint32_t service, uint32_t target)
{
    const struct view_address before = engine->durable.caches[service].primary;
    if (engine->caches[service].moving) {
        engine->durable.caches[service].run = engine->durable.past[0].id;
        cache_change(engine, output, service, target, "an operator ordered it");
    } else {
        cache_change(engine, output, service, target, "its region was moved");
    }
    engine->durable.caches[service].before = cache_mark(&before);
}

/* A planned change: after a run that has moved a region the primary goes the same way, or an operator wants it. */
static void cache_plan(struct engine *engine, struct output *output, uint32_t service, uint32_t primary)
{
    struct engine_cache *cache = &engine->caches[service];
    const uint32_t region = cache_goal(engine, output, service, primary);
    const uint32_t target =
        region != LIMITS_NONE ? cache_candidate(engine, service, primary, region, true) : LIMITS_NONE;
    if (target == LIMITS_NONE) {
        return; /* later, when one follows */
    }
    struct action wanted = cache_action(engine, ACTION_CACHE_QUIET, primary);
    wanted.other = target;
    wanted.timeout_ms = CACHE_QUIET_MS;
    const struct engine_task *task = task_want(engine, output, TASK_SLOT_CACHE + service, &wanted);
    if (task->state == ENGINE_TASK_OK) {
        cache_hand_over(engine, output, service, target);
    } else if (task->state != ENGINE_TASK_SENT || time_reached(engine->now, task->until)) {
        cache->missed = engine->now; /* each attempt makes clients wait: not again at once */
        task_clear(engine, TASK_SLOT_CACHE + service);
        if (cache->moving) {
            cache_stay(engine, output, service, "writes were held, and the replica did not catch up in time");
        }
    }
}

/* Whether an operator's order has waited long enough. What is under way is waited for. */
static bool cache_late(const struct engine *engine, uint32_t service)
{
    const struct engine_cache *cache = &engine->caches[service];
    const struct engine_task *task = task_at(engine, TASK_SLOT_CACHE + service);
    const bool held = task->state != ENGINE_TASK_FREE && task->action.kind == ACTION_CACHE_QUIET;
    return cache->moving && !held && time_since_ms(engine->now, cache->ordered) > CACHE_MOVE_MS;
}

static void cache_service(struct engine *engine, struct output *output, uint32_t service)
{
    const struct durable_cache *record = &engine->durable.caches[service];
    if (engine->caches[service].since.us == 0) {
        engine->caches[service].since = engine->now;
    }
    if (!record->known) {
        cache_first(engine, output, service);
        return;
    }
    if (cache_late(engine, service)) {
        cache_stay(engine, output, service, "other servers do not obey, or no replica there was fit in time");
    }
    uint32_t primary = cache_recorded(engine, service);
    const bool planned = record->before != 0 && !record->open;
    if (primary == LIMITS_NONE || (cache_lost(engine, primary) && !planned)) {
        if (cache_replace(engine, output, service, primary)) {
            primary = cache_recorded(engine, service);
        }
    } else {
        engine->caches[service].nobody = false;
    }
    if (primary == LIMITS_NONE) {
        return;
    }
    if (!record->open && record->before != 0) {
        cache_succeed(engine, output, service, primary);
    } else if (!record->open) {
        cache_open(engine, output, service, primary, LIMITS_NONE);
    } else if (!cache_turn(engine, output, service, primary)) {
        cache_plan(engine, output, service, primary);
    }
}

void cache_step(struct engine *engine, struct output *output)
{
    for (uint32_t service = 0; service < engine->model.services_count; service++) {
        if (engine->model.services[service].single) {
            cache_service(engine, output, service);
        }
    }
}
