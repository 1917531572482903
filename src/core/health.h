/* SPDX-License-Identifier: Apache-2.0
 * Health: from single probe results to one verdict per check and region.
 *
 * An observer's verdict changes only after a number of equal results in a row (failure_threshold, success_threshold)
 * and is UNKNOWN when its last result is older than three intervals. A merged verdict is FAILED when more than half of
 * the observers that have a fresh verdict say FAILED, UNKNOWN when nobody has one, else PASSED.
 *
 * A target that refuses the observer's password (ERR_AUTH) is alive, and a failover would not make it take it: as often
 * in a row as would make FAILED, it makes UNKNOWN. Part of the engine's state: flat, no pointers. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "core/event.h"
#include "core/limits.h"
#include "core/model.h"

enum health_status { HEALTH_UNKNOWN, HEALTH_PASSED, HEALTH_FAILED };

enum {
    HEALTH_FRESH_INTERVALS = 3,
    HEALTH_WINDOW = 32, /* results shown in the window of bits */
};

/* What one observer believes about one probe. */
struct health_seen {
    enum health_status status;
    uint32_t failures; /* in a row */
    uint32_t refused;  /* times in a row that the observer's password was refused */
    uint32_t successes;
    uint32_t window; /* bit 0 is the newest result, 1 is a failure */
    uint32_t latency_us;
    enum err error; /* of the last failure */
    bool any;       /* a result has ever arrived */
    struct mono at; /* when the last probe ended */
    bool has_value;
    uint64_t value;
};

struct health_merged {
    enum health_status status;
    uint32_t consecutive_failures; /* the smallest of those that say FAILED */
    uint32_t reporting;            /* observers with a fresh verdict */
    uint32_t failed;               /* of those, FAILED */
    enum err error;                /* of FAILED; AUTH: UNKNOWN because passwords are refused */
    struct mono since;             /* of the present status */
};

struct health_site {
    bool any;
    bool alive;
    struct mono at;
};

struct health {
    struct health_seen seen[LIMITS_SITES][LIMITS_PROBES];
    struct health_merged merged[LIMITS_PROBES];
    struct health_site sites[LIMITS_SITES];
};

void health_init(struct health *health);

/* Takes one result. */
void health_observe(struct health *health, const struct model *model, const struct event_observation *observation,
                    struct mono now);
void health_site_alive(struct health *health, uint32_t site, struct mono now);

/* Whether the verdict of this observer is fresh, and what it is: UNKNOWN when it is not. */
enum health_status health_status_of(const struct health *health, const struct model *model, uint32_t site,
                                    uint32_t probe, struct mono now);

/* Recomputes one merged verdict. True when its status changed. */
bool health_merge(struct health *health, const struct model *model, uint32_t probe, struct mono now);

/* Whether the region's verdict may be about to change for the worse: it is FAILED, or an observer's latest result is a
 * failure. One that has failed many times over while the others disagree is the one with the trouble: no doubt. */
bool health_doubted(const struct health *health, const struct model *model, uint32_t probe, struct mono now);

/* Updates who is alive. True when it changed for this site. */
bool health_site_expire(struct health *health, const struct model *model, uint32_t site, struct mono now);

/* The state of a component of a region as a target: false when a check of it is not PASSED. True when nothing is
 * configured. */
bool health_component(const struct health *health, const struct model *model, uint32_t region,
                      enum model_component component);

/* What a probe measures: the median of the fresh observers' values, of two the lower. False when nobody has one. */
bool health_value(const struct health *health, const struct model *model, uint32_t probe, struct mono now,
                  uint64_t *ret_value);

/* The region's present figure: the value of the first of its probes that has one. */
bool health_figure(const struct health *health, const struct model *model, uint32_t region, enum model_figure figure,
                   struct mono now, uint64_t *ret_value);
