/* SPDX-License-Identifier: Apache-2.0
 * What an attached application holds. Private to libholdfast; the functions on it are in holdfast.h. */
#pragma once

#include <holdfast.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"
#include "core/view.h"
#include "holdfast_attach.h"

struct holdfast {
    _Atomic uint64_t seen; /* the published word that was looked at last, taken over or not */
    struct holdfast_attach attach;

    pthread_mutex_t lock; /* around all below */
    char region[LIMITS_NAME];
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

/* Under the lock: takes over a newer view when one is published. */
void holdfast_look(struct holdfast *holdfast);
