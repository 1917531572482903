/* SPDX-License-Identifier: Apache-2.0
 * Health: thresholds, freshness, majority. */
#include "core/health.h"

#include <string.h>

#include "base/assert.h"

enum {
    HEALTH_SITE_SILENT_MS = 3000, /* observers report at least each second: three in a row are missing */
    HEALTH_DOUBTS = 10,           /* failures beyond the threshold that raise a doubt */
};

void health_init(struct health *health)
{
    memset(health, 0, sizeof *health);
}

static void health_count(struct health_seen *seen, const struct model_check *check, bool ok)
{
    seen->window = seen->window << 1 | (ok ? 0U : 1U);
    if (ok) {
        seen->failures = 0;
        seen->refused = 0;
        seen->successes += seen->successes < UINT32_MAX;
        if (seen->status == HEALTH_UNKNOWN || seen->successes >= check->success_threshold) {
            seen->status = HEALTH_PASSED;
        }
        return;
    }
    seen->successes = 0;
    if (seen->error == ERR_AUTH) {
        seen->failures = 0;
        seen->refused += seen->refused < UINT32_MAX;
        if (seen->refused >= check->failure_threshold) {
            seen->status = HEALTH_UNKNOWN;
        }
        return;
    }
    seen->refused = 0;
    seen->failures += seen->failures < UINT32_MAX;
    if (seen->failures >= check->failure_threshold) {
        seen->status = HEALTH_FAILED;
    }
}

void health_observe(struct health *health, const struct model *model, const struct event_observation *observation,
                    struct mono now)
{
    ASSERT(observation->site < model->sites_count && observation->probe < model->probes_count);
    struct health_seen *seen = &health->seen[observation->site][observation->probe];
    const struct model_check *check = &model->checks[model->probes[observation->probe].check];
    const struct mono ended = time_add_ms(now, -(int64_t)observation->age_ms);
    if (seen->any && ended.us < seen->at.us) {
        return; /* overtaken on the way: a newer one is here already */
    }
    if (seen->any && time_since_ms(ended, seen->at) > (int64_t)HEALTH_FRESH_INTERVALS * check->interval_ms) {
        /* A gap: what was counted before it says nothing about now. */
        seen->failures = 0;
        seen->refused = 0;
        seen->successes = 0;
        seen->status = HEALTH_UNKNOWN;
    }
    const bool slow = check->latency_limit_us != 0 && observation->latency_us > check->latency_limit_us;
    const bool ok = observation->ok && !slow;
    seen->any = true;
    seen->at = ended;
    seen->latency_us = observation->latency_us;
    seen->has_value = observation->has_value;
    seen->value = observation->value;
    if (!ok) {
        seen->error = observation->ok ? ERR_SLOW : observation->error;
    }
    health_count(seen, check, ok);
}

void health_site_alive(struct health *health, uint32_t site, struct mono now)
{
    ASSERT(site < LIMITS_SITES);
    health->sites[site].any = true;
    health->sites[site].at = now;
}

static bool health_fresh(const struct health_seen *seen, const struct model_check *check, struct mono now)
{
    const int64_t limit_ms = (int64_t)HEALTH_FRESH_INTERVALS * check->interval_ms;
    return seen->any && time_since_ms(now, seen->at) <= limit_ms;
}

enum health_status health_status_of(const struct health *health, const struct model *model, uint32_t site,
                                    uint32_t probe, struct mono now)
{
    ASSERT(site < model->sites_count && probe < model->probes_count);
    const struct health_seen *seen = &health->seen[site][probe];
    return health_fresh(seen, &model->checks[model->probes[probe].check], now) ? seen->status : HEALTH_UNKNOWN;
}

/* UNKNOWN for this reason, and not because nobody looks. */
static bool health_refused(const struct health_seen *seen, const struct model_check *check, struct mono now)
{
    return health_fresh(seen, check, now) && seen->refused >= check->failure_threshold;
}

bool health_merge(struct health *health, const struct model *model, uint32_t probe, struct mono now)
{
    struct health_merged *merged = &health->merged[probe];
    uint32_t reporting = 0;
    uint32_t failed = 0;
    uint32_t least = UINT32_MAX;
    const enum err before = merged->error;
    bool refused = false;
    for (uint32_t site = 0; site < model->sites_count; site++) {
        const enum health_status status = health_status_of(health, model, site, probe, now);
        if (status == HEALTH_UNKNOWN) {
            refused |= health_refused(&health->seen[site][probe], &model->checks[model->probes[probe].check], now);
            continue;
        }
        reporting++;
        if (status == HEALTH_FAILED) {
            const struct health_seen *seen = &health->seen[site][probe];
            failed++;
            least = seen->failures < least ? seen->failures : least;
            merged->error = seen->error;
        }
    }
    const enum health_status status = reporting == 0           ? HEALTH_UNKNOWN
                                      : 2 * failed > reporting ? HEALTH_FAILED
                                                               : HEALTH_PASSED;
    const enum err error = status != HEALTH_UNKNOWN ? merged->error : refused ? ERR_AUTH : ERR_OK;
    const bool changed = status != merged->status || (status == HEALTH_UNKNOWN && error != before);
    if (changed) {
        merged->since = now;
    }
    merged->error = error;
    merged->status = status;
    merged->reporting = reporting;
    merged->failed = failed;
    merged->consecutive_failures = status == HEALTH_FAILED ? least : 0;
    return changed;
}

bool health_doubted(const struct health *health, const struct model *model, uint32_t probe, struct mono now)
{
    const struct model_check *check = &model->checks[model->probes[probe].check];
    if (health->merged[probe].status == HEALTH_FAILED) {
        return true;
    }
    for (uint32_t site = 0; site < model->sites_count; site++) {
        const struct health_seen *seen = &health->seen[site][probe];
        if (seen->failures > 0 && seen->failures <= check->failure_threshold + HEALTH_DOUBTS &&
            health_fresh(seen, check, now)) {
            return true;
        }
    }
    return false;
}

bool health_site_expire(struct health *health, const struct model *model, uint32_t site, struct mono now)
{
    ASSERT(site < model->sites_count);
    struct health_site *entry = &health->sites[site];
    const bool alive = entry->any && time_since_ms(now, entry->at) <= HEALTH_SITE_SILENT_MS;
    const bool changed = alive != entry->alive;
    entry->alive = alive;
    return changed;
}

bool health_component(const struct health *health, const struct model *model, uint32_t region,
                      enum model_component component)
{
    for (uint32_t probe = 0; probe < model->probes_count; probe++) {
        if (model->probes[probe].region == region && model->checks[model->probes[probe].check].component == component &&
            health->merged[probe].status != HEALTH_PASSED) {
            return false;
        }
    }
    return true;
}

static void health_insert(uint64_t *values, uint32_t count, uint64_t value)
{
    uint32_t at = count;
    for (; at > 0 && values[at - 1] > value; at--) {
        values[at] = values[at - 1];
    }
    values[at] = value;
}

bool health_value(const struct health *health, const struct model *model, uint32_t probe, struct mono now,
                  uint64_t *ret_value)
{
    uint64_t values[LIMITS_SITES];
    uint32_t count = 0;
    for (uint32_t site = 0; site < model->sites_count; site++) {
        const struct health_seen *seen = &health->seen[site][probe];
        if (seen->has_value && health_fresh(seen, &model->checks[model->probes[probe].check], now)) {
            health_insert(values, count++, seen->value);
        }
    }
    if (count > 0) {
        *ret_value = values[(count - 1) / 2];
    }
    return count > 0;
}

bool health_figure(const struct health *health, const struct model *model, uint32_t region, enum model_figure figure,
                   struct mono now, uint64_t *ret_value)
{
    for (uint32_t probe = 0; probe < model->probes_count; probe++) {
        if (model->probes[probe].region == region && model->checks[model->probes[probe].check].figure == figure &&
            health_value(health, model, probe, now, ret_value)) {
            return true;
        }
    }
    return false;
}
