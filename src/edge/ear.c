/* SPDX-License-Identifier: Apache-2.0
 * Hearing heartbeats. */
#include "edge/ear.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/address.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/metric.h"
#include "wire/config_beat.h"

enum {
    EAR_TURN_MS = 10,  /* at least so often it looks at the clock */
    EAR_WORD_MS = 500, /* its word is said again ... */
    EAR_AGAIN_MS = 50, /* ... sooner while a change is fresh */
    EAR_FRESH_MS = 2000,
    EAR_BURST = 256,          /* datagrams of one turn: a flood must not keep it from its own word */
    EAR_BUFFER = 1024 * 1024, /* of the socket */
    EAR_COMPLAIN_MS = 60000,
};

/* Why a datagram was dropped; EAR_REJECTS: it was not. */
enum ear_reject { EAR_FORM, EAR_KEY, EAR_REPLAY, EAR_NODE, EAR_REJECTS };

static const double ear_million = 1e6;

struct ear {
    void *context;
    void (*word)(void *context, const struct observe_beats *beats, bool urgent);
    void (*death)(void *context, const char *node, uint64_t boot, uint64_t epoch);
    int fd;
    pthread_t thread;
    bool running;
    atomic_bool quit;
    pthread_mutex_t lock; /* guards key and table */
    struct beat_key key;
    struct ear_table table;
    /* of the thread: */
    uint32_t silent; /* as last said */
    uint32_t heard;
    uint32_t gone;
    struct mono changed_at;
    struct mono said_at;
    uint64_t rejected;
    struct mono complained_at;
};

static const char *ear_reject_name(enum ear_reject reject)
{
    static const char *const names[EAR_REJECTS] = {"form", "key", "replay", "node"};
    return names[reject];
}

/* Once a minute at most: a flood must not fill the disk. */
static void ear_rejected(struct ear *ear, enum ear_reject reject)
{
    metric_add(METRIC_HEARTBEATS_REJECTED, 1, METRIC_WITH(ear_reject_name(reject)));
    ear->rejected++;
    if (ear->complained_at.us == 0 || time_since_ms(clock_mono(), ear->complained_at) >= EAR_COMPLAIN_MS) {
        ear->complained_at = clock_mono();
        LOG_W("datagrams on the heartbeats' port were dropped: %llu so far, the last one for its %s",
              (unsigned long long)ear->rejected, ear_reject_name(reject));
    }
}

static enum ear_reject ear_hear(struct ear *ear, struct span bytes, struct beat *ret_beat,
                                struct ear_table_news *ret_news)
{
    pthread_mutex_lock(&ear->lock);
    enum ear_reject reject = EAR_REJECTS;
    enum err err = beat_read(bytes, &ear->key, ret_beat);
    if (err != ERR_OK) {
        reject = err == ERR_AUTH ? EAR_KEY : EAR_FORM;
    } else {
        err = ear_table_take(&ear->table, ret_beat, clock_mono(), ret_news);
        reject = err == ERR_OK ? EAR_REJECTS : err == ERR_STALE ? EAR_REPLAY : EAR_NODE;
    }
    pthread_mutex_unlock(&ear->lock);
    return reject;
}

static void ear_take(struct ear *ear, struct span bytes)
{
    struct beat beat;
    struct ear_table_news news;
    const enum ear_reject reject = ear_hear(ear, bytes, &beat, &news);
    if (reject != EAR_REJECTS) {
        ear_rejected(ear, reject);
        return;
    }
    metric_add(METRIC_HEARTBEATS_RECEIVED, 1, METRIC_WITH(beat.node));
    if (news.jitter_us >= 0) {
        metric_observe(METRIC_HEARTBEAT_JITTER, (double)news.jitter_us / ear_million, METRIC_WITH(beat.node));
    }
    if (news.died && ear->death != NULL) {
        ear->death(ear->context, beat.node, beat.boot, beat.epoch);
    }
}

/* Everything that has come, up to a burst. */
static void ear_drain(struct ear *ear)
{
    for (int i = 0; i < EAR_BURST; i++) {
        uint8_t bytes[BEAT_BYTES + 1]; /* one that is too long shows as such */
        const ssize_t size = recv(ear->fd, bytes, sizeof bytes, MSG_DONTWAIT);
        if (size < 0 && errno == EINTR) {
            continue;
        }
        if (size < 0) {
            return; /* nothing more; other errors are of a datagram, and the next turn comes */
        }
        ear_take(ear, span_of(bytes, (size_t)size));
    }
}

/* What is heard, and the bits of it by which a change is seen. */
static void ear_word(struct ear *ear, struct mono now, struct ear_table_word *ret_word, struct observe_beats *ret_beats)
{
    ret_beats->any = true;
    ret_beats->count = 0;
    pthread_mutex_lock(&ear->lock);
    ear_table_look(&ear->table, now, ret_word);
    for (uint32_t i = 0; i < ear->table.count; i++) {
        if (((ret_word->heard | ret_word->silent) >> i & 1U) != 0) {
            struct observe_beat *beat = &ret_beats->entries[ret_beats->count++];
            text_copy(beat->node, sizeof beat->node, ear->table.nodes[i].name);
            beat->silent = (ret_word->silent >> i & 1U) != 0;
            beat->age_ms = ret_word->age_ms[i];
            beat->gone = (ret_word->gone >> i & 1U) != 0 ? ear->table.nodes[i].gone : 0;
        }
    }
    pthread_mutex_unlock(&ear->lock);
}

void ear_look(struct ear *ear, struct observe_beats *ret_beats)
{
    struct ear_table_word word;
    ear_word(ear, clock_mono(), &word, ret_beats);
}

static void ear_say(struct ear *ear)
{
    struct ear_table_word word;
    struct observe_beats beats;
    const struct mono now = clock_mono();
    ear_word(ear, now, &word, &beats);
    const bool changed = word.silent != ear->silent || word.heard != ear->heard || word.gone != ear->gone;
    ear->changed_at = changed ? now : ear->changed_at;
    /* What has just changed is looked at with what the others say, and with how young the rest is. */
    const bool fresh = ear->changed_at.us != 0 && time_since_ms(now, ear->changed_at) < EAR_FRESH_MS;
    if (changed || time_since_ms(now, ear->said_at) >= (fresh ? EAR_AGAIN_MS : EAR_WORD_MS)) {
        ear->gone = word.gone;
        ear->silent = word.silent;
        ear->heard = word.heard;
        ear->said_at = now;
        ear->word(ear->context, &beats, changed || fresh);
    }
}

static void *ear_main(void *context)
{
    struct ear *ear = context;
    while (!atomic_load(&ear->quit)) {
        struct pollfd wait = {.fd = ear->fd, .events = POLLIN};
        (void)poll(&wait, 1, EAR_TURN_MS);
        pthread_mutex_lock(&ear->lock);
        ear_table_turn(&ear->table, clock_mono());
        pthread_mutex_unlock(&ear->lock);
        ear_drain(ear);
        ear_say(ear);
    }
    return NULL;
}

static enum err ear_bind(struct ear *ear, const char *listen)
{
    struct address address;
    const int size = EAR_BUFFER;
    enum err err = address_parse(listen, &address);
    if (err != ERR_OK) {
        return err;
    }
    ear->fd = socket(address.storage.ss_family, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (ear->fd < 0) {
        return err_from_errno(errno);
    }
    (void)setsockopt(ear->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof size); /* less will do */
    if (bind(ear->fd, (const struct sockaddr *)&address.storage, address.size) != 0) {
        return err_from_errno(errno);
    }
    return ERR_OK;
}

enum err ear_new(const struct ear_options *options, struct ear **ret_ear)
{
    struct ear *ear = calloc(1, sizeof *ear);
    if (ear == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(options->word != NULL);
    ear->context = options->context;
    ear->word = options->word;
    ear->death = options->death;
    ear->fd = -1;
    pthread_mutex_init(&ear->lock, NULL);
    ear_set(ear, options->config, options->token);
    enum err err = ear_bind(ear, options->listen);
    if (err == ERR_OK) {
        ear->running = pthread_create(&ear->thread, NULL, ear_main, ear) == 0;
        err = ear->running ? ERR_OK : ERR_NO_MEMORY;
    }
    if (err != ERR_OK) {
        ear_free(ear);
        return err;
    }
    *ret_ear = ear;
    return ERR_OK;
}

void ear_set(struct ear *ear, const struct config *config, const char *token)
{
    struct ear_table_node nodes[LIMITS_NODES] = {{.window_ms = 0}};
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->databases_count; i++) {
        const struct config_database *database = &config->databases[i];
        for (uint32_t j = 0; j < database->nodes_count; j++) {
            ASSERT(count < LIMITS_NODES);
            text_copy(nodes[count].name, LIMITS_NAME, database->nodes[j].name);
            nodes[count++].window_ms = config_beat_silence_ms(database);
        }
    }
    pthread_mutex_lock(&ear->lock);
    beat_key_make(&ear->key, token, config->name);
    ear_table_set(&ear->table, nodes, count);
    pthread_mutex_unlock(&ear->lock);
}

void ear_stop(struct ear *ear)
{
    if (ear != NULL && ear->running) {
        atomic_store(&ear->quit, true);
        pthread_join(ear->thread, NULL);
        ear->running = false;
    }
}

void ear_free(struct ear *ear)
{
    if (ear == NULL) {
        return;
    }
    ear_stop(ear);
    if (ear->fd >= 0) {
        close(ear->fd);
    }
    pthread_mutex_destroy(&ear->lock);
    explicit_bzero(&ear->key, sizeof ear->key);
    free(ear);
}
