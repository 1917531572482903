/* SPDX-License-Identifier: Apache-2.0
 * Around a call: the breakers of the regions, and what becomes known of a region by calling it. */
#include "base/assert.h"
#include "holdfast_breaker.h"
#include "holdfast_context.h"

/* Under the breaker's lock. */
static void holdfast_breaker_news(void *context, const struct holdfast_breaker_event *event)
{
    const struct holdfast_region_place *place = (const struct holdfast_region_place *)context;
    struct holdfast *holdfast = place->holdfast;
    if (event->kind != HOLDFAST_EVENT_STATE_TRANSITION) {
        return;
    }
    const bool open = event->to == HOLDFAST_BREAKER_OPEN || event->to == HOLDFAST_BREAKER_FORCED_OPEN;
    const int64_t until_ms = event->to == HOLDFAST_BREAKER_OPEN
                                 ? holdfast_breaker_retry_us(holdfast->breakers[place->region]) / 1000 + 1
                                 : HOLDFAST_STATE_FAR_MS;
    holdfast_state_breaker(&holdfast->state, place->region, open, until_ms);
    if (holdfast->state.publish != NULL) {
        const struct holdfast_news news = {
            .kind = HOLDFAST_NEWS_BREAKER,
            .region = place->region,
            .node = HOLDFAST_NONE,
            .from = event->from,
            .to = event->to,
            .at_us = event->at_us,
        };
        holdfast->state.publish(holdfast->state.publish_context, &news);
    }
}

enum holdfast_error holdfast_breakers_init(struct holdfast *holdfast, const struct holdfast_breaker_config *config)
{
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        struct holdfast_breaker_config own = *config;
        holdfast->places[i] = (struct holdfast_region_place){holdfast, i};
        own.clock_us = holdfast->state.clock_us;
        own.clock_context = holdfast->state.clock_context;
        own.publish = holdfast_breaker_news;
        own.publish_context = &holdfast->places[i];
        own.publish_transitions_only = 1;
        const enum holdfast_error error = holdfast_breaker_new(&own, &holdfast->breakers[i]);
        if (error != HOLDFAST_OK) {
            return error;
        }
    }
    return HOLDFAST_OK;
}

void holdfast_breakers_fini(struct holdfast *holdfast)
{
    for (uint32_t i = 0; i < LIMITS_REGIONS; i++) {
        holdfast_breaker_free(holdfast->breakers[i]);
    }
}

int holdfast_begin(struct holdfast *holdfast, const struct holdfast_target *target, uint64_t *ret_period)
{
    return target->region < LIMITS_REGIONS
               ? holdfast_breaker_acquire_period(holdfast->breakers[target->region], ret_period)
               : 0;
}

void holdfast_end(struct holdfast *holdfast, const struct holdfast_target *target, uint64_t period,
                  const struct holdfast_verdict *verdict, int64_t duration_ns)
{
    if (target->region >= LIMITS_REGIONS) {
        return;
    }
    holdfast_breaker_record_period(holdfast->breakers[target->region], period, verdict->outcome, duration_ns);
    const bool failed = verdict->outcome == HOLDFAST_ERROR || verdict->outcome == HOLDFAST_FAILED_RESULT;
    if ((verdict->flags & HOLDFAST_VERDICT_SHUN) != 0) {
        holdfast_state_failed(&holdfast->state, target->region);
    } else if (!failed) {
        holdfast_state_answered(&holdfast->state, target->region);
    }
    holdfast_note(holdfast, target, verdict, duration_ns);
    if ((verdict->flags & HOLDFAST_VERDICT_LOOK) != 0) {
        pthread_mutex_lock(&holdfast->lock);
        holdfast_look(holdfast);
        pthread_mutex_unlock(&holdfast->lock);
    }
}

void holdfast_report(struct holdfast *holdfast, uint32_t region, int healthy, int64_t latency_ns)
{
    if (region < LIMITS_REGIONS) {
        holdfast_state_check(&holdfast->state, region, healthy != 0, latency_ns);
    }
}

struct holdfast_breaker *holdfast_region_breaker(struct holdfast *holdfast, uint32_t region)
{
    return region < LIMITS_REGIONS ? holdfast->breakers[region] : NULL;
}
