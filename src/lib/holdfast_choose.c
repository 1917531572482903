/* SPDX-License-Identifier: Apache-2.0
 * Choosing a route: loads, no lock, no system call.
 *
 * Everything is read from a plan that may be replaced meanwhile. So indices are kept inside their tables whatever was
 * read, and the answer counts only when the plan was still there afterwards. */
#include "base/hash.h"
#include "holdfast_context.h"

/* Acquire, so that the question whether the plan was still there is not asked before. Costs nothing on x86. */
#define HOLDFAST_LOAD(field) __atomic_load_n(&(field), __ATOMIC_ACQUIRE)

struct holdfast_question {
    enum holdfast_intent intent;
    bool keyed;
    bool next; /* another one after a target that did not do */
    uint64_t hash;
    struct holdfast_target before;
};

static _Thread_local uint32_t holdfast_turn __attribute__((tls_model("initial-exec")));

/* One thread takes a new view over, the others go on with the old one. */
static void holdfast_catch_up(struct holdfast *holdfast)
{
    if (pthread_mutex_trylock(&holdfast->lock) == 0) {
        holdfast_look(holdfast);
        pthread_mutex_unlock(&holdfast->lock);
    }
}

/* Whether something was published that nobody has looked at (or a file was mapped in which nothing is). */
static inline bool holdfast_news_waits(const struct holdfast *holdfast)
{
    const uint64_t word = holdfast_attach_word(&holdfast->attach);
    return word != atomic_load_explicit(&holdfast->seen, memory_order_relaxed);
}

static void holdfast_watch(struct holdfast *holdfast)
{
    if (holdfast_news_waits(holdfast)) {
        holdfast_catch_up(holdfast);
    }
}

static bool holdfast_can_read(const struct holdfast_plan *plan, uint32_t region)
{
    return HOLDFAST_LOAD(plan->nodes_needed) == 0 || HOLDFAST_LOAD(plan->count[region % LIMITS_REGIONS]) > 0;
}

static uint32_t holdfast_read_node(const struct holdfast_plan *plan, uint32_t region,
                                   const struct holdfast_question *question)
{
    const uint32_t count = HOLDFAST_LOAD(plan->count[region % LIMITS_REGIONS]);
    if (HOLDFAST_LOAD(plan->nodes_needed) == 0) {
        return HOLDFAST_NONE;
    }
    if (count == 0) {
        const uint32_t any = HOLDFAST_LOAD(plan->any[region % LIMITS_REGIONS]);
        return any != HOLDFAST_PLAN_NO_NODE ? any : HOLDFAST_NONE;
    }
    uint32_t index = 0;
    if (count > 1) {
        index = question->keyed ? (uint32_t)(question->hash / VIEW_SHARES_WHOLE % count) : holdfast_turn++ % count;
    }
    return HOLDFAST_LOAD(plan->nodes[(HOLDFAST_LOAD(plan->first[region % LIMITS_REGIONS]) + index) % LIMITS_NODES]);
}

static uint32_t holdfast_share(const struct holdfast_plan *plan, uint32_t region)
{
    const uint32_t end = HOLDFAST_LOAD(plan->bounds[region % LIMITS_REGIONS]);
    const uint32_t start = region > 0 ? HOLDFAST_LOAD(plan->bounds[(region - 1) % LIMITS_REGIONS]) : 0;
    return end > start ? end - start : 0;
}

/* The region that the call should go to. */
static uint32_t holdfast_drawn(const struct holdfast_plan *plan, const struct holdfast_question *question)
{
    if (question->keyed && HOLDFAST_LOAD(plan->weighted) != 0) {
        const uint32_t point = (uint32_t)(question->hash % VIEW_SHARES_WHOLE);
        for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
            if (point < HOLDFAST_LOAD(plan->bounds[i])) {
                return i;
            }
        }
    }
    return HOLDFAST_LOAD(plan->preferred) % LIMITS_REGIONS;
}

static bool holdfast_may(const struct holdfast *holdfast, const struct holdfast_plan *plan,
                         const struct holdfast_question *question, uint32_t region, int64_t now_ms)
{
    const bool tried = question->next && (question->before.tried >> region & 1) != 0;
    return !tried && holdfast_can_read(plan, region) && holdfast_state_peek(&holdfast->state, region, now_ms);
}

/* The rule of DNS (dns/dns_policy.h): a draw among those that can answer, in proportion to their shares. */
static uint32_t holdfast_redrawn(const struct holdfast *holdfast, const struct holdfast_plan *plan,
                                 const struct holdfast_question *question, int64_t now_ms)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        sum += holdfast_may(holdfast, plan, question, i, now_ms) ? holdfast_share(plan, i) : 0;
    }
    if (sum == 0) {
        return HOLDFAST_NONE;
    }
    uint32_t point = (uint32_t)(question->hash / VIEW_SHARES_WHOLE % sum);
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        const uint32_t share = holdfast_may(holdfast, plan, question, i, now_ms) ? holdfast_share(plan, i) : 0;
        if (point < share) {
            return i;
        }
        point -= share;
    }
    return HOLDFAST_NONE; /* somebody became unusable between the two */
}

static uint32_t holdfast_usable_region(struct holdfast *holdfast, const struct holdfast_plan *plan,
                                       const struct holdfast_question *question, uint32_t drawn, int64_t now_ms)
{
    if (holdfast_may(holdfast, plan, question, drawn, now_ms) && holdfast_state_take(&holdfast->state, drawn, now_ms)) {
        return drawn;
    }
    if (question->keyed && HOLDFAST_LOAD(plan->weighted) != 0) {
        const uint32_t other = holdfast_redrawn(holdfast, plan, question, now_ms);
        if (other != HOLDFAST_NONE && holdfast_state_take(&holdfast->state, other, now_ms)) {
            return other;
        }
    }
    const uint32_t count = HOLDFAST_LOAD(plan->regions_count);
    for (uint32_t i = 0; i < count && i < LIMITS_REGIONS; i++) {
        const uint32_t region = HOLDFAST_LOAD(plan->order[i]) % LIMITS_REGIONS;
        if (region != drawn && holdfast_may(holdfast, plan, question, region, now_ms) &&
            holdfast_state_take(&holdfast->state, region, now_ms)) {
            return region;
        }
    }
    return HOLDFAST_NONE;
}

static enum holdfast_error holdfast_choose_read(struct holdfast *holdfast, const struct holdfast_plan *plan,
                                                const struct holdfast_question *question,
                                                struct holdfast_target *ret_target)
{
    const int64_t now_ms = holdfast_state_now_ms(&holdfast->state);
    const uint32_t drawn = holdfast_drawn(plan, question);
    uint32_t region = holdfast_usable_region(holdfast, plan, question, drawn, now_ms);
    if (region == HOLDFAST_NONE && question->next) {
        return HOLDFAST_NO_ROUTE;
    }
    if (region == HOLDFAST_NONE) {
        region = drawn;
        ret_target->flags |= HOLDFAST_TARGET_DEGRADED;
    } else if (region != drawn) {
        ret_target->flags |= HOLDFAST_TARGET_FAILOVER;
    }
    ret_target->region = region;
    ret_target->node = holdfast_read_node(plan, region, question);
    return HOLDFAST_OK;
}

static enum holdfast_error holdfast_choose_local(struct holdfast *holdfast, const struct holdfast_plan *plan,
                                                 const struct holdfast_question *question,
                                                 struct holdfast_target *ret_target)
{
    const uint32_t local = HOLDFAST_LOAD(plan->local);
    if (local >= LIMITS_REGIONS) {
        return HOLDFAST_NOT_FOUND;
    }
    if (question->next) {
        return HOLDFAST_NO_ROUTE;
    }
    const bool may = holdfast_state_plain(&holdfast->state, local) ||
                     holdfast_state_peek(&holdfast->state, local, holdfast_state_now_ms(&holdfast->state));
    ret_target->region = local;
    ret_target->node = holdfast_read_node(plan, local, question);
    ret_target->flags |= may && holdfast_can_read(plan, local) ? 0 : (uint32_t)HOLDFAST_TARGET_DEGRADED;
    return HOLDFAST_OK;
}

/* The view's writer or nobody: no opinion of ours is above its epoch. */
static enum holdfast_error holdfast_choose_write(struct holdfast *holdfast, const struct holdfast_plan *plan,
                                                 const struct holdfast_question *question,
                                                 struct holdfast_target *ret_target)
{
    const uint32_t writer = HOLDFAST_LOAD(plan->writer);
    const uint32_t region = HOLDFAST_LOAD(plan->writer_region);
    if (HOLDFAST_LOAD(plan->nodes_needed) == 0) {
        return HOLDFAST_NOT_FOUND;
    }
    if (writer == LIMITS_NONE || region >= LIMITS_REGIONS) {
        return HOLDFAST_NO_WRITER;
    }
    const uint64_t epoch = HOLDFAST_LOAD(plan->epoch);
    if (question->next && question->before.epoch == epoch && question->before.node == writer) {
        return HOLDFAST_NO_ROUTE;
    }
    ret_target->region = region;
    ret_target->node = writer;
    ret_target->flags |= HOLDFAST_LOAD(plan->hold) != 0 ? HOLDFAST_TARGET_HOLD : 0U;
    if (!holdfast_state_plain(&holdfast->state, region) &&
        !holdfast_state_peek(&holdfast->state, region, holdfast_state_now_ms(&holdfast->state))) {
        ret_target->flags |= HOLDFAST_TARGET_DEGRADED;
    }
    return HOLDFAST_OK;
}

static enum holdfast_error holdfast_choose_from(struct holdfast *holdfast, const struct holdfast_plan *plan,
                                                const struct holdfast_question *question,
                                                struct holdfast_target *ret_target)
{
    const enum holdfast_error error = (enum holdfast_error)HOLDFAST_LOAD(plan->error);
    if (error != HOLDFAST_OK) {
        return error;
    }
    *ret_target = (struct holdfast_target){
        .epoch = HOLDFAST_LOAD(plan->epoch),
        .version = HOLDFAST_LOAD(plan->version),
        .tried = question->next ? question->before.tried : 0,
    };
    switch (question->intent) {
    case HOLDFAST_WRITE:
        return holdfast_choose_write(holdfast, plan, question, ret_target);
    case HOLDFAST_LOCAL:
        return holdfast_choose_local(holdfast, plan, question, ret_target);
    case HOLDFAST_READ:
        return holdfast_choose_read(holdfast, plan, question, ret_target);
    }
    return HOLDFAST_INVALID_ARGUMENT;
}

/* Until the plan was the same before and after: another turn needs as many new views as there are plans. */
static enum holdfast_error holdfast_choose_slow(struct holdfast *holdfast, const struct holdfast_question *question,
                                                struct holdfast_target *ret_target)
{
    for (;;) {
        struct holdfast_target target;
        const uint64_t number = atomic_load_explicit(&holdfast->published, memory_order_acquire);
        if (number == 0) {
            return HOLDFAST_NO_VIEW;
        }
        const struct holdfast_plan *plan = &holdfast->plans[number % HOLDFAST_PLANS];
        const enum holdfast_error error = holdfast_choose_from(holdfast, plan, question, &target);
        if (atomic_load_explicit(&holdfast->started, memory_order_relaxed) < number + HOLDFAST_PLANS) {
            if (error == HOLDFAST_OK) {
                *ret_target = target;
            }
            return error;
        }
    }
}

/* All that is not quick. Never inlined, so that the quick path keeps everything in registers. */
static __attribute__((noinline)) enum holdfast_error
holdfast_choose_plain(struct holdfast *holdfast, enum holdfast_intent intent, struct holdfast_target *ret_target)
{
    const struct holdfast_question question = {.intent = intent};
    holdfast_watch(holdfast);
    return holdfast_choose_slow(holdfast, &question, ret_target);
}

/* Whether the plan is still there, after everything was read from it. */
static inline bool holdfast_still(const struct holdfast *holdfast, uint64_t number)
{
    return atomic_load_explicit(&holdfast->started, memory_order_relaxed) < number + HOLDFAST_PLANS;
}

/* Reads that go to somebody else: one after the other of those that stand in, where nothing is to be tried or divided.
 * The clock is not read. */
static __attribute__((noinline)) enum holdfast_error holdfast_choose_further(struct holdfast *holdfast,
                                                                             struct holdfast_target *ret_target)
{
    holdfast_watch(holdfast);
    const uint64_t number = atomic_load_explicit(&holdfast->published, memory_order_acquire);
    const struct holdfast_plan *plan = &holdfast->plans[number % HOLDFAST_PLANS];
    const int64_t tick_ms = atomic_load_explicit(&holdfast->state.tick_ms, memory_order_relaxed);
    uint64_t regions = HOLDFAST_LOAD(plan->read_regions);
    uint32_t flags = 0;
    for (uint64_t nodes = HOLDFAST_LOAD(plan->read_nodes); nodes != UINT64_MAX;
         nodes = nodes >> 8 | UINT64_C(0xff) << 56) {
        const uint32_t node = (uint32_t)(nodes & 0xff);
        const uint32_t region = (uint32_t)(regions % LIMITS_REGIONS);
        const uint64_t word = holdfast_state_word(&holdfast->state, region);
        if ((word & HOLDFAST_STATE_FLAGS) == 0 && (int64_t)(word >> 8) > tick_ms && node < HOLDFAST_PLAN_SEVERAL) {
            const uint64_t epoch = HOLDFAST_LOAD(plan->epoch);
            const uint64_t version = HOLDFAST_LOAD(plan->version);
            if (!holdfast_still(holdfast, number)) {
                break;
            }
            ret_target->region = region;
            ret_target->node = node != HOLDFAST_PLAN_REGION_ONLY ? node : HOLDFAST_NONE;
            ret_target->flags = flags;
            ret_target->tried = 0;
            ret_target->epoch = epoch;
            ret_target->version = version;
            return HOLDFAST_OK;
        }
        const bool never = (word & (HOLDFAST_STATE_VIEW | HOLDFAST_STATE_CHECK)) != 0 || node == HOLDFAST_PLAN_NO_NODE;
        if (!never) {
            break;
        }
        flags = HOLDFAST_TARGET_FAILOVER;
        regions >>= 8;
    }
    return holdfast_choose_plain(holdfast, HOLDFAST_READ, ret_target);
}

enum holdfast_error holdfast_choose(struct holdfast *holdfast, enum holdfast_intent intent,
                                    struct holdfast_target *ret_target)
{
    const uint64_t number = atomic_load_explicit(&holdfast->published, memory_order_acquire);
    const struct holdfast_plan *plan = &holdfast->plans[number % HOLDFAST_PLANS];
    const uint64_t quick = HOLDFAST_LOAD(plan->quick[(unsigned)intent < 3 ? (unsigned)intent : 3]);
    const uint64_t epoch = HOLDFAST_LOAD(plan->epoch);
    const uint64_t version = HOLDFAST_LOAD(plan->version);
    /* One word that was stored whole: whatever plan it is of, the index is one. */
    const uint64_t word = atomic_load_explicit(&holdfast->state.words[(uint32_t)quick], memory_order_acquire);
    if (__builtin_expect(!holdfast_state_clear(&holdfast->state, word) || holdfast_news_waits(holdfast) ||
                             !holdfast_still(holdfast, number),
                         0)) {
        return intent == HOLDFAST_READ ? holdfast_choose_further(holdfast, ret_target)
                                       : holdfast_choose_plain(holdfast, intent, ret_target);
    }
    ret_target->region = (uint32_t)quick;
    ret_target->node = (uint32_t)(quick >> 32);
    ret_target->flags = 0;
    ret_target->tried = 0;
    ret_target->epoch = epoch;
    ret_target->version = version;
    return HOLDFAST_OK;
}

enum holdfast_error holdfast_choose_key(struct holdfast *holdfast, enum holdfast_intent intent, const void *key,
                                        uint64_t key_size, struct holdfast_target *ret_target)
{
    holdfast_watch(holdfast);
    const struct holdfast_question question = {.intent = intent, .keyed = true, .hash = hash_bytes(key, key_size)};
    return holdfast_choose_slow(holdfast, &question, ret_target);
}

enum holdfast_error holdfast_choose_next(struct holdfast *holdfast, enum holdfast_intent intent,
                                         struct holdfast_target *target)
{
    holdfast_watch(holdfast);
    struct holdfast_question question = {.intent = intent, .next = true, .before = *target};
    if (target->region < LIMITS_REGIONS) {
        question.before.tried |= 1U << target->region;
    }
    return holdfast_choose_slow(holdfast, &question, target);
}
