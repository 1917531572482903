/* SPDX-License-Identifier: Apache-2.0
 * The journal: as an array, or followed as server-sent events. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "edge/clock.h"
#include "web/web_state.h"

enum {
    WEB_EVENT_LIMIT = 500,
    WEB_EVENT_LOOK_MS = 100, /* the store is asked this often for a follower */
    WEB_EVENT_LINE = 1024,
};

/* Notifications have a kind of their own in the journal; they repeat what its other entries say. */
static bool web_event_shown(const struct store_entry *entry)
{
    return strcmp(entry->kind, "notify") != 0;
}

static json_t *web_event_json(const struct store_entry *entry)
{
    char stamp[CLOCK_TEXT];
    clock_print(entry->wall, stamp);
    json_t *json = json_loads(entry->text, 0, NULL);
    if (!json_is_object(json)) {
        json_decref(json);
        json = json_object();
    }
    json_object_set_new(json, "number", json_integer((json_int_t)entry->number));
    json_object_set_new(json, "time", json_string(stamp));
    json_object_set_new(json, "kind", json_string(entry->kind));
    return json;
}

static void web_event_array(const struct http_server_request *request, struct http_server_answer *answer,
                            uint64_t after)
{
    struct store *store = web_of(request)->options.desk->store;
    const struct store_request ask = {.ask = STORE_READ,
                                      .after = after,
                                      .run = http_server_query(request, "run"),
                                      .limit = WEB_EVENT_LIMIT,
                                      .newest = http_server_query(request, "after") == NULL};
    struct store_answer entries = {0};
    const enum err err = store_call(store, &ask, &entries);
    if (err != ERR_OK) {
        http_server_answer_problem(answer, err, "the journal cannot be read now");
    } else {
        json_t *events = json_array();
        for (size_t i = 0; i < entries.entry_count; i++) {
            if (web_event_shown(&entries.entries[i])) {
                json_array_append_new(events, web_event_json(&entries.entries[i]));
            }
        }
        http_server_answer_json(answer, 200,
                                json_pack("{s:o,s:I}", "events", events, "newest", (json_int_t)entries.number));
    }
    store_answer_fini(&entries);
}

struct web_event_follower {
    struct store *store;
    uint64_t after;
};

static void web_event_append(struct web_event_follower *follower, const struct store_entry *entry, struct buf *chunk)
{
    json_t *json = web_event_shown(entry) ? web_event_json(entry) : NULL;
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text != NULL && chunk->capacity - chunk->size > strlen(text) + WEB_EVENT_LINE) {
        http_server_print_event(chunk, entry->number, entry->kind, text);
    }
    free(text);
    json_decref(json);
    follower->after = entry->number;
}

static bool web_event_next(void *context, struct buf *chunk, uint32_t wait_ms)
{
    struct web_event_follower *follower = context;
    const struct mono until = time_add_ms(clock_mono(), wait_ms);
    while (chunk->size == 0 && !time_reached(clock_mono(), until)) {
        const struct store_request ask = {.ask = STORE_READ, .after = follower->after, .limit = 32};
        struct store_answer entries = {0};
        const enum err err = store_call(follower->store, &ask, &entries);
        for (size_t i = 0; err == ERR_OK && i < entries.entry_count; i++) {
            web_event_append(follower, &entries.entries[i], chunk);
        }
        store_answer_fini(&entries);
        if (err == ERR_UNAVAILABLE || err == ERR_CANCELLED) {
            return false;
        }
        if (chunk->size == 0) {
            const struct timespec pause = {.tv_nsec = (long)WEB_EVENT_LOOK_MS * 1000000};
            nanosleep(&pause, NULL);
        }
    }
    return true;
}

void web_event_get(const struct http_server_request *request, struct http_server_answer *answer)
{
    uint64_t after = 0;
    const char *last = http_server_header(request, "Last-Event-ID");
    if (http_server_query_u64(request, "after", 0, &after) != ERR_OK) {
        http_server_answer_problem(answer, ERR_INVALID, "after: the number of an event");
        return;
    }
    if (http_server_query(request, "follow") == NULL) {
        web_event_array(request, answer, after);
        return;
    }
    struct web_event_follower *follower = calloc(1, sizeof *follower);
    if (follower == NULL) {
        http_server_answer_problem(answer, ERR_NO_MEMORY, "no memory");
        return;
    }
    follower->store = web_of(request)->options.desk->store;
    follower->after = last != NULL ? strtoull(last, NULL, 10) : after;
    const struct http_server_stream stream = {.next = web_event_next, .close = free, .context = follower};
    http_server_answer_events(answer, &stream);
}
