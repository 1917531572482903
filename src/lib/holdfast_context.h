/* SPDX-License-Identifier: Apache-2.0
 * What an attached application holds. Private to libholdfast; the functions on it are in holdfast.h.
 *
 * The plan in use is `plans[published % HOLDFAST_PLANS]`. Who chooses reads it without a lock and asks afterwards
 * whether `started` has come round to the same place: a publisher never waits for a reader, nor a reader for it. */
#pragma once

#include <holdfast.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"
#include "core/view.h"
#include "holdfast_attach.h"
#include "holdfast_note.h"
#include "holdfast_plan.h"
#include "holdfast_state.h"

enum { HOLDFAST_PLANS = 4 };

struct holdfast;

/* What a region's breaker is told with. */
struct holdfast_region_place {
    struct holdfast *holdfast;
    uint32_t region;
};

struct holdfast {
    _Atomic uint64_t seen;      /* the published word that was looked at last, taken over or not */
    _Atomic uint64_t published; /* number of the plan in use; 0: none */
    _Atomic uint64_t started;   /* number of the plan that was begun last */
    struct holdfast_attach attach;
    struct holdfast_plan plans[HOLDFAST_PLANS];
    struct holdfast_state state;
    struct holdfast_note note;
    struct holdfast_breaker *breakers[LIMITS_REGIONS];
    struct holdfast_region_place places[LIMITS_REGIONS];

    pthread_mutex_t lock; /* around all below; then a breaker's, then the state's */
    struct holdfast_plan_wish wish;
    enum holdfast_source source;
    struct holdfast_metrics metrics;
    struct view view; /* in use, when there is a source */
    struct view draft;

    int64_t thread_ms;
    bool threaded;
    bool stopping;
    pthread_t thread;
    pthread_cond_t stop;
};

/* Under the lock: takes over a newer view when one is published (holdfast_follow.c). */
void holdfast_look(struct holdfast *holdfast);

/* Under the lock: takes over the file's view while nothing is published. */
void holdfast_look_file(struct holdfast *holdfast);

/* The breakers of the regions (holdfast_call.c). */
enum holdfast_error holdfast_breakers_init(struct holdfast *holdfast, const struct holdfast_breaker_config *config);
void holdfast_breakers_fini(struct holdfast *holdfast);
