/* SPDX-License-Identifier: Apache-2.0
 * What a host tells and is told of measured times. */
#include "edge/latency_share.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/clock.h"
#include "edge/config_secret.h"
#include "edge/http_client.h"
#include "edge/latency_watch.h"
#include "edge/log.h"

enum {
    LATENCY_SHARE_PATH = 4096,
    LATENCY_SHARE_TURN_S = 5,
    LATENCY_SHARE_ASK = 2, /* turns */
    LATENCY_SHARE_CALL_MS = 2000,
    LATENCY_SHARE_SAVE_S = 30,
    LATENCY_SHARE_LIMIT_BYTES = 4 << 20, /* all networks with LIMITS_REGIONS regions */
    LATENCY_SHARE_ADDRESS = 64,
};

struct latency_share {
    struct latency_share_options options;
    char site[LIMITS_NAME];
    char state_dir[LATENCY_SHARE_PATH];
    char token[CONFIG_SECRET_BYTES];
    char controllers[LIMITS_SITES][LATENCY_SHARE_ADDRESS];
    char file[LATENCY_SHARE_PATH + 32];
    struct latency_table *own;   /* what this host has measured; the thread's */
    struct latency_table *other; /* scratch; the thread's */
    uint32_t cursor;             /* in `own`: from here on it is reported next */
    uint32_t turns;
    bool failing; /* some controller could not be told; the thread's */
    bool broken;  /* the file cannot be written; the thread's */
    int64_t saved_s;
    pthread_t thread;
    bool started;
    atomic_bool stop;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    struct latency_table *kept; /* guarded by lock, like the rest */
    bool changed;               /* since the file was written: somebody may be led elsewhere, or ... */
    bool seen;                  /* ... times are as they were, and newer */
};

static int64_t latency_share_now_s(void)
{
    return clock_wall().us / TIME_US_PER_S;
}

/* ---- what is kept ---- */

static void latency_share_keep_locked(struct latency_share *share, const struct network *network, const char *region,
                                      const struct latency_table_cell *cell)
{
    const uint32_t place = latency_table_place(share->kept, region);
    if (place != LIMITS_NONE) { /* regions of former configurations go with their process */
        share->changed |= latency_table_keep(share->kept, network, place, cell);
        share->seen = true;
    }
}

void latency_share_keep(struct latency_share *share, const struct network *network, const char *region,
                        const struct latency_table_cell *cell)
{
    pthread_mutex_lock(&share->lock);
    latency_share_keep_locked(share, network, region, cell);
    pthread_mutex_unlock(&share->lock);
}

void latency_share_copy(struct latency_share *share, struct latency_table *ret_table)
{
    pthread_mutex_lock(&share->lock);
    *ret_table = *share->kept;
    pthread_mutex_unlock(&share->lock);
}

static void latency_share_save(struct latency_share *share)
{
    const int64_t now_s = latency_share_now_s();
    pthread_mutex_lock(&share->lock);
    share->changed |= latency_table_age(share->kept, now_s, share->options.max_age_s);
    const int64_t since_s = now_s - share->saved_s;
    const bool due = (share->changed && (since_s < 0 || since_s >= LATENCY_SHARE_SAVE_S)) ||
                     (share->seen && (since_s < 0 || since_s >= share->options.max_age_s / 8));
    if (due) {
        *share->other = *share->kept;
        share->changed = false;
        share->seen = false;
    }
    pthread_mutex_unlock(&share->lock);
    if (!due) {
        return;
    }
    const enum err err = latency_table_save(share->other, share->file);
    if (err != ERR_OK && !share->broken) {
        LOG_W("measured times cannot be written to %s: %s", share->file, err_text(err));
    }
    share->broken = err != ERR_OK;
    share->saved_s = now_s;
}

/* ---- this host's ---- */

/* What is in both files: the shorter of two that are about as new, else the newer. */
static void latency_share_gather_one(struct latency_share *share, const char *name)
{
    char path[LATENCY_SHARE_PATH + 32];
    memset(share->other, 0, sizeof *share->other);
    const uint32_t from = latency_table_place(share->other, LATENCY_WATCH_HERE);
    snprintf(path, sizeof path, "%s/%s", share->state_dir, name);
    if (latency_table_load(share->other, path) != ERR_OK) {
        return; /* there is no such process here; what is broken is written anew by its owner */
    }
    const uint32_t to = latency_table_place(share->own, LATENCY_WATCH_HERE);
    for (uint32_t i = 0; i < share->other->rows_count; i++) {
        const struct latency_table_cell *cell = &share->other->rows[i].cells[from];
        if (cell->rtt_us != 0) {
            latency_table_nearer(share->own, &share->other->rows[i].network, to, cell);
        }
    }
}

static void latency_share_gather(struct latency_share *share)
{
    memset(share->own, 0, sizeof *share->own);
    latency_share_gather_one(share, LATENCY_WATCH_PROXY);
    latency_share_gather_one(share, LATENCY_WATCH_SERVICE);
    (void)latency_table_age(share->own, latency_share_now_s(), share->options.max_age_s);
}

/* The next networks; none: all were told, and it begins anew. */
static void latency_share_page(struct latency_share *share, struct latency_message *message)
{
    const int64_t now_s = latency_share_now_s();
    *message = (struct latency_message){.count = 0};
    text_copy(message->site, sizeof message->site, share->site);
    while (share->cursor < share->own->rows_count && message->count < LATENCY_MESSAGE_ROWS) {
        const struct latency_table_row *row = &share->own->rows[share->cursor++];
        const int64_t age_s = now_s - row->cells[0].seen_s;
        message->rows[message->count++] =
            (struct latency_message_row){row->network, row->cells[0].rtt_us,
                                         age_s > LATENCY_MESSAGE_AGE_S ? LATENCY_MESSAGE_AGE_S : (uint32_t)age_s};
    }
}

static enum err latency_share_post(struct latency_share *share, const char *address, const struct buf *body)
{
    const struct http_client_request request = {.method = "POST",
                                                .address = address,
                                                .path = "/v1/latency",
                                                .token = share->token,
                                                .body = body->data,
                                                .body_size = body->size,
                                                .timeout_ms = LATENCY_SHARE_CALL_MS,
                                                .cancel = &share->stop};
    struct http_client_response response = {0};
    char detail[96];
    enum err err = http_client_call(&request, &response);
    if (err == ERR_OK) {
        err = http_client_response_err(&response, detail, sizeof detail);
    }
    http_client_response_fini(&response);
    return err;
}

static void latency_share_report(struct latency_share *share, const struct latency_message *message)
{
    uint8_t memory[LATENCY_MESSAGE_BYTES];
    struct buf body;
    bool failing = false;
    buf_init(&body, memory, sizeof memory);
    latency_message_write(message, &body);
    ASSERT(!body.overflow);
    for (uint32_t i = 0; i < share->options.controllers_count && !atomic_load(&share->stop); i++) {
        const enum err err = latency_share_post(share, share->controllers[i], &body);
        if (err != ERR_OK && !share->failing && !atomic_load(&share->stop)) {
            LOG_W("controller %s: /v1/latency: %s", share->controllers[i], err_text(err));
        }
        failing |= err != ERR_OK;
    }
    share->failing = failing;
}

static void latency_share_tell(struct latency_share *share)
{
    struct latency_message message;
    if (share->options.take != NULL) {
        const uint32_t cursor = share->cursor;
        share->cursor = 0;
        for (latency_share_page(share, &message); message.count > 0; latency_share_page(share, &message)) {
            share->options.take(share->options.context, &message);
        }
        share->cursor = cursor;
    }
    if (share->cursor >= share->own->rows_count) {
        share->cursor = 0;
    }
    latency_share_page(share, &message);
    if (message.count > 0 && share->options.controllers_count > 0) {
        latency_share_report(share, &message);
    }
}

/* ---- what all have measured ---- */

static enum err latency_share_fetch(struct latency_share *share, const char *address)
{
    const struct http_client_request request = {.address = address,
                                                .path = "/v1/latency",
                                                .token = share->token,
                                                .timeout_ms = LATENCY_SHARE_CALL_MS,
                                                .limit_bytes = LATENCY_SHARE_LIMIT_BYTES,
                                                .cancel = &share->stop};
    struct http_client_response response = {0};
    char detail[96];
    enum err err = http_client_call(&request, &response);
    if (err == ERR_OK) {
        err = http_client_response_err(&response, detail, sizeof detail);
    }
    if (err == ERR_OK) {
        memset(share->other, 0, sizeof *share->other);
        err = latency_message_read_table(response.body, response.size, latency_share_now_s(), share->other);
    }
    http_client_response_fini(&response);
    return err;
}

static void latency_share_ask(struct latency_share *share)
{
    enum err err = ERR_UNAVAILABLE;
    for (uint32_t i = 0; i < share->options.controllers_count && err != ERR_OK && !atomic_load(&share->stop); i++) {
        err = latency_share_fetch(share, share->controllers[i]);
    }
    if (err != ERR_OK) {
        return; /* what is kept stays */
    }
    pthread_mutex_lock(&share->lock);
    for (uint32_t i = 0; i < share->other->rows_count; i++) {
        const struct latency_table_row *row = &share->other->rows[i];
        for (uint32_t place = 0; place < share->other->places_count; place++) {
            if (row->cells[place].rtt_us != 0) {
                latency_share_keep_locked(share, &row->network, share->other->places[place], &row->cells[place]);
            }
        }
    }
    pthread_mutex_unlock(&share->lock);
}

/* ---- the thread ---- */

static void latency_share_rest(struct latency_share *share)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    until.tv_sec += LATENCY_SHARE_TURN_S;
    pthread_mutex_lock(&share->lock);
    int waited = 0;
    while (!atomic_load(&share->stop) && waited == 0) {
        waited = pthread_cond_timedwait(&share->woken, &share->lock, &until);
    }
    pthread_mutex_unlock(&share->lock);
}

static void *latency_share_run(void *argument)
{
    struct latency_share *share = argument;
    while (!atomic_load(&share->stop)) {
        latency_share_gather(share);
        latency_share_tell(share);
        if (share->options.take == NULL && share->turns++ % LATENCY_SHARE_ASK == 0) {
            latency_share_ask(share);
        }
        latency_share_save(share);
        latency_share_rest(share);
    }
    return NULL;
}

/* ---- start and stop ---- */

/* What a former life has kept; a file that is broken is begun anew. */
static void latency_share_recall(struct latency_share *share)
{
    const enum err err = latency_table_load(share->kept, share->file);
    if (err != ERR_OK && err != ERR_NOT_FOUND) {
        LOG_W("measured times: %s: %s; they are gathered anew", share->file, err_text(err));
        memset(share->kept, 0, sizeof *share->kept);
    }
}

enum err latency_share_new(const struct latency_share_options *options, struct latency_share **ret_share)
{
    ASSERT(options->controllers_count <= LIMITS_SITES);
    struct latency_share *share = calloc(1, sizeof *share);
    if (share == NULL) {
        return ERR_NO_MEMORY;
    }
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_mutex_init(&share->lock, NULL);
    pthread_cond_init(&share->woken, &attributes);
    pthread_condattr_destroy(&attributes);
    share->options = *options;
    text_copy(share->site, sizeof share->site, options->site);
    text_copy(share->state_dir, sizeof share->state_dir, options->state_dir);
    text_copy(share->token, sizeof share->token, options->token);
    for (uint32_t i = 0; i < options->controllers_count; i++) {
        text_copy(share->controllers[i], LATENCY_SHARE_ADDRESS, options->controllers[i]);
    }
    snprintf(share->file, sizeof share->file, "%s/" LATENCY_TABLE_NAME, share->state_dir);
    share->own = latency_table_new();
    share->other = latency_table_new();
    share->kept = latency_table_new();
    if (share->own == NULL || share->other == NULL || share->kept == NULL) {
        latency_share_free(share);
        return ERR_NO_MEMORY;
    }
    latency_share_recall(share);
    *ret_share = share;
    return ERR_OK;
}

enum err latency_share_start(struct latency_share *share)
{
    if (pthread_create(&share->thread, NULL, latency_share_run, share) != 0) {
        return ERR_NO_MEMORY;
    }
    share->started = true;
    return ERR_OK;
}

void latency_share_free(struct latency_share *share)
{
    if (share == NULL) {
        return;
    }
    pthread_mutex_lock(&share->lock);
    atomic_store(&share->stop, true);
    pthread_cond_signal(&share->woken);
    pthread_mutex_unlock(&share->lock);
    if (share->started) {
        pthread_join(share->thread, NULL);
    }
    pthread_cond_destroy(&share->woken);
    pthread_mutex_destroy(&share->lock);
    free(share->own);
    free(share->other);
    free(share->kept);
    explicit_bzero(share->token, sizeof share->token);
    free(share);
}
