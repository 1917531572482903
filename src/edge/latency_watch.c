/* SPDX-License-Identifier: Apache-2.0
 * The thread that learns how far clients are. */
#include "edge/latency_watch.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/clock.h"
#include "edge/latency_learn.h"
#include "edge/log.h"

enum {
    LATENCY_WATCH_PATH = 4096,
    LATENCY_WATCH_TAKE_S = 1,
    LATENCY_WATCH_SAVE_S = 5,
    LATENCY_WATCH_STALE_S = 60, /* so old may be in the file when a network was last seen */
};

struct latency_watch {
    char path[LATENCY_WATCH_PATH];
    struct latency_seen *blocks[LATENCY_WATCH_BLOCKS];
    uint32_t count;
    struct latency_learn learn;
    struct latency_table *table; /* scratch for the file */
    bool changed;                /* since the file was written */
    bool noted;                  /* ... at least that somebody was seen again */
    int64_t saved_s;
    bool failing;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    bool stop; /* guarded by lock */
};

static int64_t latency_watch_now_s(void)
{
    return clock_wall().us / TIME_US_PER_S;
}

static void latency_watch_take(struct latency_watch *watch)
{
    struct latency_seen_note note;
    const int64_t now_s = latency_watch_now_s();
    for (uint32_t i = 0; i < watch->count; i++) {
        while (latency_seen_take(watch->blocks[i], &note)) {
            watch->changed |= latency_learn_take(&watch->learn, &note, now_s);
            watch->noted = true;
        }
    }
}

static void latency_watch_save(struct latency_watch *watch)
{
    watch->table->rows_count = 0;
    latency_learn_tell(&watch->learn, watch->table, latency_table_place(watch->table, LATENCY_WATCH_HERE));
    const enum err err = latency_table_save(watch->table, watch->path);
    if (err != ERR_OK && !watch->failing) {
        LOG_W("measured round trips of clients cannot be written to %s: %s", watch->path, err_text(err));
    }
    watch->failing = err != ERR_OK;
    watch->saved_s = latency_watch_now_s();
    watch->changed = false;
    watch->noted = false;
}

static bool latency_watch_due(const struct latency_watch *watch)
{
    const int64_t since_s = latency_watch_now_s() - watch->saved_s;
    const bool back = since_s < 0; /* the clock was set back */
    return (watch->changed && (back || since_s >= LATENCY_WATCH_SAVE_S)) ||
           (watch->noted && (back || since_s >= LATENCY_WATCH_STALE_S));
}

/* False: it is to end. */
static bool latency_watch_rest(struct latency_watch *watch)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LATENCY_WATCH_TAKE_S;
    pthread_mutex_lock(&watch->lock);
    if (!watch->stop) {
        pthread_cond_timedwait(&watch->woken, &watch->lock, &until);
    }
    const bool go_on = !watch->stop;
    pthread_mutex_unlock(&watch->lock);
    return go_on;
}

static void *latency_watch_run(void *argument)
{
    struct latency_watch *watch = argument;
    while (latency_watch_rest(watch)) {
        latency_watch_take(watch);
        if (latency_watch_due(watch)) {
            latency_watch_save(watch);
        }
    }
    latency_watch_take(watch);
    if (watch->changed || watch->noted) {
        latency_watch_save(watch);
    }
    return NULL;
}

/* What a former life has written. A file that cannot be read is learnt anew. */
static void latency_watch_recall(struct latency_watch *watch)
{
    const uint32_t here = latency_table_place(watch->table, LATENCY_WATCH_HERE);
    const enum err err = latency_table_load(watch->table, watch->path);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        LOG_W("measured round trips of clients: %s: %s; they are measured anew", watch->path, err_text(err));
    } else if (err == ERR_OK) {
        latency_learn_recall(&watch->learn, watch->table, here);
    }
    memset(watch->table, 0, sizeof *watch->table);
}

static void latency_watch_free(struct latency_watch *watch)
{
    pthread_cond_destroy(&watch->woken);
    pthread_mutex_destroy(&watch->lock);
    free(watch->table);
    free(watch);
}

enum err latency_watch_start(const char *path, struct latency_seen *const *blocks, uint32_t count,
                             struct latency_watch **ret_watch)
{
    ASSERT(count <= LATENCY_WATCH_BLOCKS);
    if (strlen(path) >= LATENCY_WATCH_PATH) {
        return ERR_INVALID;
    }
    struct latency_watch *watch = calloc(1, sizeof *watch);
    struct latency_table *table = latency_table_new();
    if (watch == NULL || table == NULL) {
        free(watch);
        free(table);
        return ERR_NO_MEMORY;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&watch->lock, NULL);
    pthread_cond_init(&watch->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    text_copy(watch->path, sizeof watch->path, path);
    watch->table = table;
    watch->count = count;
    for (uint32_t i = 0; i < count; i++) {
        watch->blocks[i] = blocks[i];
    }
    latency_watch_recall(watch);
    if (pthread_create(&watch->thread, NULL, latency_watch_run, watch) != 0) {
        latency_watch_free(watch);
        return ERR_NO_MEMORY;
    }
    *ret_watch = watch;
    return ERR_OK;
}

void latency_watch_stop(struct latency_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    pthread_mutex_lock(&watch->lock);
    watch->stop = true;
    pthread_cond_signal(&watch->woken);
    pthread_mutex_unlock(&watch->lock);
    pthread_join(watch->thread, NULL);
    latency_watch_free(watch);
}
