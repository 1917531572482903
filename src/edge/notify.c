/* SPDX-License-Identifier: Apache-2.0
 * Telling people: a thread per webhook that delivers from its spool. */
#include "edge/notify.h"

#include <ctype.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/evp.h>
#include <openssl/hmac.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/hash.h"
#include "base/prng.h"
#include "edge/clock.h"
#include "edge/http_client.h"
#include "edge/log.h"
#include "edge/metric.h"
#include "edge/notify_spool.h"

enum {
    NOTIFY_NAME = 64,
    NOTIFY_HEADER = 256,
    NOTIFY_ANSWER = 64 * 1024, /* bytes of an answer that are read */
    NOTIFY_STORE_PAUSE_MS = 1000,
};

/* A receiver and its thread. */
struct notify_worker {
    struct notify *notify;
    char *name;
    char *url;
    char *secret;
    pthread_t thread;
    bool running;
    struct notify_spool spool; /* the thread's own */
    struct prng prng;
    uint32_t dead_attempts; /* in a row without any answer */
    struct mono dead_until; /* no attempt before */
    atomic_size_t waiting;
};

struct notify {
    struct notify_config config;
    char *system;
    struct notify_worker workers[NOTIFY_RECEIVERS];
    size_t worker_count;
    atomic_bool closing;
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    uint64_t woken; /* grows with each wake */
};

/* -- one attempt -- */

enum notify_outcome {
    NOTIFY_ACCEPTED,
    NOTIFY_REFUSED, /* will never be accepted */
    NOTIFY_LATER,   /* this message, later */
    NOTIFY_DEAD,    /* the receiver does not answer: all messages, later */
};

/* HMAC-SHA256 over TIMESTAMP "." BODY, as hexadecimal digits. */
static enum err notify_sign(const char *secret, const char *timestamp, struct span body, struct buf *hex)
{
    const size_t prefix = strlen(timestamp);
    const size_t size = prefix + 1 + body.size;
    uint8_t *signed_bytes = malloc(size);
    if (signed_bytes == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(signed_bytes, timestamp, prefix);
    signed_bytes[prefix] = '.';
    memcpy(signed_bytes + prefix + 1, body.data, body.size);
    uint8_t digest[EVP_MAX_MD_SIZE];
    unsigned digest_size = 0;
    const uint8_t *made = HMAC(EVP_sha256(), secret, (int)strlen(secret), signed_bytes, size, digest, &digest_size);
    free(signed_bytes);
    if (made == NULL) {
        return ERR_INTERNAL;
    }
    for (unsigned i = 0; i < digest_size; i++) {
        buf_printf(hex, "%02x", digest[i]);
    }
    return ERR_OK;
}

static enum notify_outcome notify_judge(const struct notify_worker *worker, uint64_t number,
                                        const struct http_client_response *response)
{
    if (response->status >= 200 && response->status < 300) {
        return NOTIFY_ACCEPTED;
    }
    /* 401, 403 and 404 are mistakes of the set-up, which somebody corrects: they are tried again. */
    const bool refused = response->status == 400 || response->status == 413 || response->status == 422;
    LOG_W("notify %s: HTTP %u for message %llu: %s", worker->name, response->status, (unsigned long long)number,
          refused ? "given up" : "tried again later");
    return refused ? NOTIFY_REFUSED : NOTIFY_LATER;
}

static enum notify_outcome notify_post(struct notify_worker *worker, uint64_t number, struct span body)
{
    const struct notify_config *config = &worker->notify->config;
    char timestamp[32];
    char headers[4][NOTIFY_HEADER];
    struct buf signature;
    snprintf(timestamp, sizeof timestamp, "%lld", (long long)(clock_wall().us / TIME_US_PER_S));
    snprintf(headers[0], NOTIFY_HEADER, "X-Holdfast-Timestamp: %s", timestamp);
    snprintf(headers[1], NOTIFY_HEADER, "X-Holdfast-Delivery: %s-%llu", worker->notify->system,
             (unsigned long long)number);
    snprintf(headers[2], NOTIFY_HEADER, "Idempotency-Key: %s-%llu", worker->notify->system, (unsigned long long)number);
    buf_init(&signature, headers[3], NOTIFY_HEADER);
    buf_text(&signature, "X-Holdfast-Signature: sha256=");
    if (worker->secret != NULL && notify_sign(worker->secret, timestamp, body, &signature) != ERR_OK) {
        return NOTIFY_LATER;
    }
    const struct http_client_request request = {
        .method = "POST",
        .url = worker->url,
        .body = body.data,
        .body_size = body.size,
        .headers = {headers[0], headers[1], headers[2], worker->secret != NULL ? headers[3] : NULL},
        .timeout_ms = config->timeout_ms,
        .limit_bytes = NOTIFY_ANSWER,
        .cancel = &worker->notify->closing,
    };
    struct http_client_response response;
    const enum err err = http_client_call(&request, &response);
    /* It has answered, only at too great a length. */
    if (err == ERR_TOO_LARGE) {
        return NOTIFY_ACCEPTED;
    }
    if (err != ERR_OK) {
        if (err != ERR_CANCELLED && worker->dead_attempts == 0) {
            LOG_W("notify %s: does not answer: %s", worker->name, err_text(err));
        }
        return NOTIFY_DEAD;
    }
    const enum notify_outcome outcome = notify_judge(worker, number, &response);
    http_client_response_fini(&response);
    return outcome;
}

/* -- one message -- */

/* Doubles with each attempt; half of it by chance, so that receivers of many controllers are not hit at once. */
static int64_t notify_pause_ms(struct notify_worker *worker, uint32_t attempts)
{
    const struct notify_config *config = &worker->notify->config;
    int64_t pause = config->retry_min_ms;
    for (uint32_t i = 1; i < attempts && pause < config->retry_max_ms; i++) {
        pause *= 2;
    }
    pause = pause < config->retry_max_ms ? pause : config->retry_max_ms;
    return pause / 2 + prng_between(&worker->prng, 0, pause - pause / 2);
}

static void notify_note_drop(struct notify_worker *worker, size_t count)
{
    if (count > 0) {
        metric_add(METRIC_NOTIFICATIONS_DROPPED, count, METRIC_WITH(worker->name));
    }
}

static void notify_settle(struct notify_worker *worker, struct notify_spool_item *item)
{
    const enum err err = notify_spool_settle(&worker->spool, item);
    if (err != ERR_OK) {
        LOG_W("notify %s: cannot remember a delivery: %s; it may be delivered again", worker->name, err_text(err));
    }
}

static void notify_conclude(struct notify_worker *worker, struct notify_spool_item *item, enum notify_outcome outcome)
{
    if (outcome == NOTIFY_DEAD) {
        worker->dead_attempts++;
        worker->dead_until = time_add_ms(clock_mono(), notify_pause_ms(worker, worker->dead_attempts));
    } else {
        worker->dead_attempts = 0;
    }
    if (outcome == NOTIFY_LATER) {
        item->attempts++;
        item->next = time_add_ms(clock_mono(), notify_pause_ms(worker, item->attempts));
    }
    if (outcome != NOTIFY_ACCEPTED) {
        metric_add(METRIC_NOTIFICATION_FAILURES, 1, METRIC_WITH(worker->name));
    } else {
        metric_add(METRIC_NOTIFICATIONS, 1, METRIC_WITH(worker->name));
    }
    if (outcome == NOTIFY_REFUSED) {
        notify_note_drop(worker, 1);
    }
    if (outcome == NOTIFY_ACCEPTED || outcome == NOTIFY_REFUSED) {
        notify_settle(worker, item);
    }
}

static enum err notify_deliver(struct notify_worker *worker, struct notify_spool_item *item)
{
    const struct store_request request = {.ask = STORE_READ, .kind = "notify", .after = item->number - 1, .limit = 1};
    struct store_answer answer;
    const enum err err = store_call(worker->notify->config.store, &request, &answer);
    if (err == ERR_OK) {
        ASSERT(answer.entry_count == 1 && answer.entries[0].number == item->number);
        notify_conclude(worker, item, notify_post(worker, item->number, span_text(answer.entries[0].text)));
    }
    store_answer_fini(&answer);
    return err;
}

/* -- the thread -- */

static void notify_load(struct notify_worker *worker, struct mono *retry)
{
    size_t dropped = 0;
    const enum err err = notify_spool_load(&worker->spool, &dropped);
    *retry = err == ERR_OK ? TIME_NEVER : time_add_ms(clock_mono(), NOTIFY_STORE_PAUSE_MS);
    if (dropped > 0) {
        LOG_W("notify %s: the spool is full: %zu of the least important messages dropped", worker->name, dropped);
        notify_note_drop(worker, dropped);
    }
}

/* Until a wake, the deadline or the end. Returns the wakes seen. */
static uint64_t notify_sleep(struct notify *notify, uint64_t seen, struct mono deadline)
{
    pthread_mutex_lock(&notify->mutex);
    bool expired = false;
    while (!expired && notify->woken == seen && !atomic_load(&notify->closing)) {
        const int64_t left_us = time_since_us(deadline, clock_mono());
        if (deadline.us == TIME_NEVER.us) {
            pthread_cond_wait(&notify->condition, &notify->mutex);
        } else if (left_us <= 0) {
            expired = true;
        } else {
            struct timespec until;
            clock_gettime(CLOCK_MONOTONIC, &until);
            const int64_t nanoseconds = until.tv_nsec + left_us % TIME_US_PER_S * 1000;
            until.tv_sec += left_us / TIME_US_PER_S + nanoseconds / 1000000000;
            until.tv_nsec = nanoseconds % 1000000000;
            pthread_cond_timedwait(&notify->condition, &notify->mutex, &until);
        }
    }
    seen = notify->woken;
    pthread_mutex_unlock(&notify->mutex);
    return seen;
}

static void *notify_run(void *context)
{
    struct notify_worker *worker = context;
    struct notify *notify = worker->notify;
    uint64_t seen = 0;
    uint64_t loaded = UINT64_MAX;
    struct mono retry = TIME_NEVER;
    while (!atomic_load(&notify->closing)) {
        if (seen != loaded || time_reached(clock_mono(), retry)) {
            loaded = seen;
            notify_load(worker, &retry);
        }
        struct mono next = TIME_NEVER;
        const struct mono now = clock_mono();
        struct notify_spool_item *item = notify_spool_pick(&worker->spool, now, &next);
        if (item != NULL && !time_reached(now, worker->dead_until)) {
            next = worker->dead_until;
            item = NULL;
        }
        if (item != NULL && notify_deliver(worker, item) != ERR_OK) {
            next = time_add_ms(now, NOTIFY_STORE_PAUSE_MS);
            item = NULL;
        }
        atomic_store(&worker->waiting, worker->spool.count);
        metric_set(METRIC_NOTIFICATION_SPOOL, (double)worker->spool.count, METRIC_WITH(worker->name));
        /* Even after a delivery: new entries are to be seen, and the end. */
        seen = notify_sleep(notify, seen, item != NULL ? now : time_min(next, retry));
    }
    return NULL;
}

/* -- the interface -- */

enum err notify_write(const struct notify_message *message, struct arena *memory, struct store_write *ret_write)
{
    char *json = NULL;
    enum err err = notify_message_json(message, &json);
    if (err != ERR_OK) {
        return err;
    }
    const char *text = arena_text(memory, json);
    free(json);
    const char *run = message->run != NULL ? arena_text(memory, message->run) : NULL;
    if (text == NULL || (run == NULL && message->run != NULL)) {
        return ERR_NO_MEMORY;
    }
    *ret_write = (struct store_write){
        .verb = STORE_APPEND, .kind = "notify", .run = run, .wall = message->now, .value = span_text(text)};
    return ERR_OK;
}

void notify_wake(struct notify *notify)
{
    pthread_mutex_lock(&notify->mutex);
    notify->woken++;
    pthread_cond_broadcast(&notify->condition);
    pthread_mutex_unlock(&notify->mutex);
}

static void notify_enqueued(void *context, struct store_answer *answer)
{
    if (answer->err == ERR_OK) {
        notify_wake(context);
    } else {
        LOG_E("notify: a message could not be recorded: %s", err_text(answer->err));
    }
}

enum err notify_enqueue(struct notify *notify, const struct notify_message *message)
{
    struct arena memory;
    struct store_write write;
    arena_init(&memory, (size_t)4 * STORE_VALUE);
    enum err err = notify_write(message, &memory, &write);
    if (err == ERR_OK) {
        const struct store_request request = {.ask = STORE_COMMIT, .writes = &write, .write_count = 1};
        err = store_submit(notify->config.store, &request, notify_enqueued, notify);
    }
    arena_fini(&memory);
    return err;
}

size_t notify_waiting(struct notify *notify, const char *receiver)
{
    for (size_t i = 0; i < notify->worker_count; i++) {
        if (strcmp(notify->workers[i].name, receiver) == 0) {
            return atomic_load(&notify->workers[i].waiting);
        }
    }
    return 0;
}

static void notify_free_worker(struct notify_worker *worker)
{
    notify_spool_close(&worker->spool);
    if (worker->secret != NULL) {
        explicit_bzero(worker->secret, strlen(worker->secret));
    }
    free(worker->secret);
    free(worker->name);
    free(worker->url);
}

/* Answers come in the order of submission: after this one no commit of ours is on its way. */
static void notify_flush(struct notify *notify)
{
    const struct store_request request = {.ask = STORE_READ, .limit = 1, .newest = true};
    struct store_answer answer;
    const enum err err = store_call(notify->config.store, &request, &answer);
    if (err != ERR_OK) {
        LOG_D("notify: closing: %s", err_text(err));
    }
    store_answer_fini(&answer);
}

void notify_close(struct notify *notify)
{
    if (notify == NULL) {
        return;
    }
    pthread_mutex_lock(&notify->mutex);
    atomic_store(&notify->closing, true);
    pthread_cond_broadcast(&notify->condition);
    pthread_mutex_unlock(&notify->mutex);
    for (size_t i = 0; i < notify->worker_count; i++) {
        if (notify->workers[i].running) {
            pthread_join(notify->workers[i].thread, NULL);
        }
        notify_free_worker(&notify->workers[i]);
    }
    notify_flush(notify);
    pthread_cond_destroy(&notify->condition);
    pthread_mutex_destroy(&notify->mutex);
    free(notify->system);
    free(notify);
}

/* Names of headers and ids: one word. */
static char *notify_word(const char *text)
{
    char *word = strndup(text, NOTIFY_NAME);
    for (char *at = word; at != NULL && *at != '\0'; at++) {
        *at = isalnum((unsigned char)*at) || *at == '-' || *at == '_' ? *at : '-';
    }
    return word;
}

static enum err notify_start_worker(struct notify *notify, const struct notify_receiver *receiver)
{
    struct notify_worker *worker = &notify->workers[notify->worker_count++];
    worker->notify = notify;
    worker->name = strdup(receiver->name);
    worker->url = strdup(receiver->url);
    worker->secret = receiver->secret != NULL ? strdup(receiver->secret) : NULL;
    list_init(&worker->spool.items);
    if (worker->name == NULL || worker->url == NULL || (worker->secret == NULL && receiver->secret != NULL)) {
        return ERR_NO_MEMORY;
    }
    prng_init(&worker->prng, hash_text(worker->name) ^ (uint64_t)clock_mono().us);
    const enum err err = notify_spool_open(&worker->spool, notify->config.store, worker->name, notify->config.spool);
    if (err != ERR_OK) {
        return err;
    }
    worker->running = pthread_create(&worker->thread, NULL, notify_run, worker) == 0;
    return worker->running ? ERR_OK : ERR_NO_MEMORY;
}

enum err notify_open(const struct notify_config *config, struct notify **ret_notify)
{
    ASSERT(config->receiver_count <= NOTIFY_RECEIVERS);
    struct notify *notify = calloc(1, sizeof *notify);
    if (notify == NULL) {
        return ERR_NO_MEMORY;
    }
    notify->config = *config;
    struct notify_config *own = &notify->config;
    own->spool = config->spool > 0 && config->spool < NOTIFY_SPOOL ? config->spool : (uint32_t)NOTIFY_SPOOL;
    own->retry_min_ms = config->retry_min_ms > 0 ? config->retry_min_ms : (uint32_t)NOTIFY_RETRY_MIN_MS;
    own->retry_max_ms = config->retry_max_ms > 0 ? config->retry_max_ms : (uint32_t)NOTIFY_RETRY_MAX_MS;
    own->timeout_ms = config->timeout_ms > 0 ? config->timeout_ms : (uint32_t)NOTIFY_TIMEOUT_MS;
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&notify->condition, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_mutex_init(&notify->mutex, NULL);
    notify->system = notify_word(config->system);
    enum err err = notify->system != NULL ? ERR_OK : ERR_NO_MEMORY;
    for (size_t i = 0; err == ERR_OK && i < config->receiver_count; i++) {
        err = notify_start_worker(notify, &config->receivers[i]);
    }
    if (err != ERR_OK) {
        notify_close(notify);
        return err;
    }
    *ret_notify = notify;
    return ERR_OK;
}
