/* SPDX-License-Identifier: Apache-2.0
 * The watch's thread: one stream of etcd's JSON gateway after the other. */
#include "edge/store_etcd_watch.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/store_etcd_name.h"
#include "edge/store_etcd_text.h"

enum {
    STORE_ETCD_WATCH_LINE = 16 * 1024 * 1024, /* of one message */
    STORE_ETCD_WATCH_MEMORY = 32 * 1024 * 1024,
    STORE_ETCD_WATCH_BODY = 2048,
    STORE_ETCD_WATCH_PAUSE_MS = 100,
    STORE_ETCD_WATCH_POLL_MS = 1000,
};

struct store_etcd_watch {
    struct store_etcd_members *members;
    struct store_etcd_watch_sink sink;
    struct store_etcd_line line; /* for tokens */
    CURLM *multi;
    CURL *easy;
    pthread_t thread;
    atomic_bool closing;
    atomic_bool restart;
    atomic_bool forget;
    atomic_uint_fast64_t seen;
    atomic_uint_fast64_t streams;

    size_t member; /* the thread's own, from here on */
    bool opened;   /* the member has said that it watches */
    struct mono began;
    char *text; /* the beginning of a message */
    size_t text_size;
    size_t text_room;
    struct arena memory;
    char why[STORE_ETCD_LINE_WHY];
    bool ended;   /* by what was said on the stream */
    bool refused; /* a new token is needed */
};

/* -- what is said -- */

static void store_etcd_watch_end(struct store_etcd_watch *watch, const char *why)
{
    watch->ended = true;
    snprintf(watch->why, sizeof watch->why, "%s", why);
}

static void store_etcd_watch_tell(struct store_etcd_watch *watch, const struct store_etcd_news *news)
{
    const char *prefix = store_etcd_member_config(watch->members)->prefix;
    uint64_t seen = atomic_load(&watch->seen);
    uint64_t newest = seen;
    for (size_t i = 0; i < news->event_count; i++) {
        const struct store_etcd_pair *event = &news->events[i];
        bool gone = false;
        const struct span key = store_etcd_name_key(prefix, event->key, &gone);
        newest = event->revision > newest ? event->revision : newest;
        if (key.data != NULL) {
            watch->sink.changed(watch->sink.context, key, event->revision);
        }
    }
    /* Without events: progress, all up to it has been told. A fragment is not the whole of its last revision. */
    if (news->event_count == 0 && !news->created && news->revision > newest) {
        newest = news->revision;
    }
    if (newest > seen && !news->fragment) {
        atomic_store(&watch->seen, newest);
    }
}

static void store_etcd_watch_hear(struct store_etcd_watch *watch, struct span message)
{
    struct store_etcd_news news;
    arena_reset(&watch->memory);
    const enum err err = store_etcd_answer_read_news(message, &watch->memory, &news);
    if (err != ERR_OK) {
        store_etcd_watch_end(watch, "what it says is not a watch");
    } else if (news.code != 0) {
        watch->refused = store_etcd_meaning_of(news.code, news.message).token;
        store_etcd_watch_end(watch, news.message);
    } else if (news.cancelled) {
        /* Compacted, or etcd has lost history: go on from now, and let everybody look. */
        atomic_store(&watch->seen, 0);
        store_etcd_watch_end(watch, news.compacted_to > 0 ? "compacted" : "cancelled");
    } else if (news.created) {
        watch->opened = true;
        atomic_fetch_add(&watch->streams, 1);
        if (atomic_load(&watch->seen) == 0) {
            atomic_store(&watch->seen, news.revision);
            watch->sink.gap(watch->sink.context);
        }
    } else {
        store_etcd_watch_tell(watch, &news);
    }
}

/* Messages are lines. */
static void store_etcd_watch_split(struct store_etcd_watch *watch)
{
    size_t from = 0;
    while (from < watch->text_size && !watch->ended) {
        const char *end = memchr(watch->text + from, '\n', watch->text_size - from);
        if (end == NULL) {
            break;
        }
        const size_t size = (size_t)(end - (watch->text + from));
        if (size > 0) {
            store_etcd_watch_hear(watch, span_of(watch->text + from, size));
        }
        from += size + 1;
    }
    memmove(watch->text, watch->text + from, watch->text_size - from);
    watch->text_size -= from;
}

static size_t store_etcd_watch_receive(char *data, size_t size, size_t count, void *context)
{
    struct store_etcd_watch *watch = context;
    ASSERT(size == 1);
    size_t room = watch->text_room > 0 ? watch->text_room : 4096;
    while (room < watch->text_size + count) {
        room *= 2;
    }
    char *grown = room > STORE_ETCD_WATCH_LINE ? NULL
                  : room > watch->text_room    ? realloc(watch->text, room)
                                               : watch->text;
    if (grown == NULL) {
        /* Too large to be read: everybody looks instead. */
        atomic_store(&watch->seen, 0);
        store_etcd_watch_end(watch, "a message is larger than the limit");
        return count + 1;
    }
    watch->text = grown;
    watch->text_room = room;
    memcpy(watch->text + watch->text_size, data, count);
    watch->text_size += count;
    store_etcd_watch_split(watch);
    return watch->ended ? count + 1 : count;
}

/* -- the stream -- */

static void store_etcd_watch_body(struct store_etcd_watch *watch, struct buf *body)
{
    const struct store_etcd_range range = store_etcd_name_changes(store_etcd_member_config(watch->members)->prefix);
    struct buf key;
    uint8_t memory[STORE_ETCD_WATCH_BODY];
    buf_init(&key, memory, sizeof memory);
    store_etcd_text_range(&key, &(struct store_etcd_text_range){.first = &range.first, .end = &range.end});
    ASSERT(!key.overflow && key.size > 0);
    const uint64_t seen = atomic_load(&watch->seen);
    buf_text(body, "{\"create_request\":");
    buf_bytes(body, key.data, key.size - 1); /* without its closing brace */
    buf_text(body, ",\"progress_notify\":true,\"fragment\":true");
    if (seen > 0) {
        buf_printf(body, ",\"start_revision\":\"%llu\"", (unsigned long long)seen + 1);
    }
    buf_text(body, "}}");
}

/* Until the stream ends, somebody ends it, or the member has not said in time that it watches. */
static void store_etcd_watch_follow(struct store_etcd_watch *watch, const char *error)
{
    const int64_t timeout_ms = store_etcd_member_config(watch->members)->timeout_ms;
    int running = 1;
    while (running > 0 && !watch->ended && !atomic_load(&watch->closing) && !atomic_load(&watch->restart)) {
        const CURLMcode polled = curl_multi_poll(
            watch->multi, NULL, 0, watch->opened ? STORE_ETCD_WATCH_POLL_MS : STORE_ETCD_WATCH_PAUSE_MS, NULL);
        if (polled != CURLM_OK || curl_multi_perform(watch->multi, &running) != CURLM_OK) {
            store_etcd_watch_end(watch, "libcurl failed");
        }
        if (!watch->opened && time_since_ms(clock_mono(), watch->began) > 2 * timeout_ms) {
            store_etcd_watch_end(watch, "it does not answer");
        }
    }
    if (!watch->ended) {
        snprintf(watch->why, sizeof watch->why, "%s", error[0] != '\0' ? error : "the stream ended");
    }
}

static enum err store_etcd_watch_stream(struct store_etcd_watch *watch)
{
    char token[STORE_ETCD_MEMBER_TOKEN];
    uint64_t version = 0;
    enum err err = store_etcd_line_token(&watch->line, watch->member, token, &version);
    struct curl_slist *lists[2] = {NULL, NULL};
    err = err != ERR_OK ? err
                        : store_etcd_line_prepare(watch->members, watch->easy, watch->member, STORE_ETCD_LINE_WATCH,
                                                  token, lists);
    explicit_bzero(token, sizeof token);
    if (err != ERR_OK) {
        snprintf(watch->why, sizeof watch->why, "%s", err_text(err));
        return err;
    }
    char memory[STORE_ETCD_WATCH_BODY];
    struct buf body;
    buf_init(&body, memory, sizeof memory);
    store_etcd_watch_body(watch, &body);
    ASSERT(!body.overflow);
    char error[CURL_ERROR_SIZE] = "";
    curl_easy_setopt(watch->easy, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)body.size);
    curl_easy_setopt(watch->easy, CURLOPT_POSTFIELDS, body.data);
    curl_easy_setopt(watch->easy, CURLOPT_WRITEFUNCTION, store_etcd_watch_receive);
    curl_easy_setopt(watch->easy, CURLOPT_WRITEDATA, watch);
    curl_easy_setopt(watch->easy, CURLOPT_ERRORBUFFER, error);
    curl_easy_setopt(watch->easy, CURLOPT_TCP_KEEPALIVE, 1L);
    curl_easy_setopt(watch->easy, CURLOPT_FRESH_CONNECT, 1L);
    curl_easy_setopt(watch->easy, CURLOPT_FORBID_REUSE, 1L);
    watch->text_size = 0;
    watch->opened = false;
    watch->ended = false;
    watch->refused = false;
    watch->began = clock_mono();
    const CURLMcode added = curl_multi_add_handle(watch->multi, watch->easy);
    ASSERT(added == CURLM_OK);
    store_etcd_watch_follow(watch, error);
    curl_multi_remove_handle(watch->multi, watch->easy);
    curl_easy_reset(watch->easy);
    curl_slist_free_all(lists[0]);
    curl_slist_free_all(lists[1]);
    if (watch->refused) {
        store_etcd_member_set_token(watch->members, version, NULL);
    }
    return watch->opened ? ERR_OK : ERR_UNAVAILABLE;
}

static void store_etcd_watch_next(struct store_etcd_watch *watch)
{
    const size_t count = store_etcd_member_config(watch->members)->endpoint_count;
    for (size_t i = 0; i < count; i++) {
        watch->member = (watch->member + 1) % count;
        if (store_etcd_member_is_up(watch->members, watch->member)) {
            return;
        }
    }
}

static void *store_etcd_watch_run(void *context)
{
    struct store_etcd_watch *watch = context;
    const struct store_etcd_config *config = store_etcd_member_config(watch->members);
    bool up = false;
    watch->member = store_etcd_member_choose(watch->members, &up);
    while (!atomic_load(&watch->closing)) {
        atomic_store(&watch->restart, false);
        if (atomic_exchange(&watch->forget, false)) {
            atomic_store(&watch->seen, 0);
        }
        const enum err err = store_etcd_watch_stream(watch);
        if (atomic_load(&watch->closing)) {
            break;
        }
        LOG_D("store: the watch at etcd member %s ended: %s", config->endpoints[watch->member],
              atomic_load(&watch->restart) ? "it was deaf" : watch->why);
        store_etcd_watch_next(watch);
        if (err != ERR_OK) {
            const CURLMcode polled = curl_multi_poll(watch->multi, NULL, 0, STORE_ETCD_WATCH_PAUSE_MS, NULL);
            ASSERT(polled == CURLM_OK);
        }
    }
    return NULL;
}

/* -- its life -- */

enum err store_etcd_watch_new(struct store_etcd_members *members, const struct store_etcd_watch_sink *sink,
                              struct store_etcd_watch **ret_watch)
{
    struct store_etcd_watch *watch = calloc(1, sizeof *watch);
    if (watch == NULL || store_etcd_line_init(&watch->line, members) != ERR_OK) {
        free(watch);
        return ERR_NO_MEMORY;
    }
    watch->members = members;
    watch->sink = *sink;
    arena_init(&watch->memory, STORE_ETCD_WATCH_MEMORY);
    watch->multi = curl_multi_init();
    watch->easy = curl_easy_init();
    enum err err = watch->multi != NULL && watch->easy != NULL ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        err = err_from_errno(pthread_create(&watch->thread, NULL, store_etcd_watch_run, watch));
    }
    if (err != ERR_OK) {
        curl_easy_cleanup(watch->easy);
        curl_multi_cleanup(watch->multi);
        store_etcd_line_fini(&watch->line);
        free(watch);
        return err;
    }
    *ret_watch = watch;
    return ERR_OK;
}

uint64_t store_etcd_watch_seen(struct store_etcd_watch *watch)
{
    return atomic_load(&watch->seen);
}

uint64_t store_etcd_watch_streams(struct store_etcd_watch *watch)
{
    return atomic_load(&watch->streams);
}

void store_etcd_watch_restart(struct store_etcd_watch *watch, bool forget)
{
    if (forget) {
        atomic_store(&watch->forget, true);
    }
    atomic_store(&watch->restart, true);
    curl_multi_wakeup(watch->multi);
}

void store_etcd_watch_free(struct store_etcd_watch *watch)
{
    if (watch == NULL) {
        return;
    }
    atomic_store(&watch->closing, true);
    curl_multi_wakeup(watch->multi);
    pthread_join(watch->thread, NULL);
    curl_easy_cleanup(watch->easy);
    curl_multi_cleanup(watch->multi);
    store_etcd_line_fini(&watch->line);
    arena_fini(&watch->memory);
    free(watch->text);
    free(watch);
}
