/* SPDX-License-Identifier: Apache-2.0
 * What one receiver has yet to get: a list in memory over the journal. */
#include "edge/notify_spool.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/hash.h"

/* -- the record -- */

static void notify_spool_key(const struct notify_spool *spool, char key[STORE_KEY])
{
    snprintf(key, STORE_KEY, "notify/%s", spool->receiver);
}

/* Where the number is among `done`, or would be. */
static size_t notify_spool_place(const struct notify_spool *spool, uint64_t number)
{
    size_t low = 0;
    size_t high = spool->done_count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        if (spool->done[middle] < number) {
            low = middle + 1;
        } else {
            high = middle;
        }
    }
    return low;
}

static bool notify_spool_is_done(const struct notify_spool *spool, uint64_t number)
{
    const size_t place = notify_spool_place(spool, number);
    return number < spool->before || (place < spool->done_count && spool->done[place] == number);
}

static enum err notify_spool_add_done(struct notify_spool *spool, uint64_t number)
{
    if (notify_spool_is_done(spool, number)) {
        return ERR_OK;
    }
    if (spool->done_count == spool->done_room) {
        const size_t room = spool->done_room > 0 ? spool->done_room * 2 : 64;
        uint64_t *grown = realloc(spool->done, room * sizeof *grown);
        if (grown == NULL) {
            return ERR_NO_MEMORY;
        }
        spool->done = grown;
        spool->done_room = room;
    }
    const size_t place = notify_spool_place(spool, number);
    memmove(&spool->done[place + 1], &spool->done[place], (spool->done_count - place) * sizeof *spool->done);
    spool->done[place] = number;
    spool->done_count++;
    return ERR_OK;
}

/* Everything below the first that waits is settled: no need to list it. */
static void notify_spool_advance(struct notify_spool *spool)
{
    uint64_t before = spool->seen + 1;
    if (!list_empty(&spool->items)) {
        before = LIST_ENTRY(spool->items.next, struct notify_spool_item, link)->number;
    }
    if (before <= spool->before) {
        return;
    }
    spool->before = before;
    const size_t gone = notify_spool_place(spool, before);
    if (gone > 0) { /* without any, the array may not be there at all */
        memmove(spool->done, spool->done + gone, (spool->done_count - gone) * sizeof *spool->done);
        spool->done_count -= gone;
    }
}

static enum err notify_spool_parse(struct notify_spool *spool, const char *text)
{
    json_t *object = json_loads(text, JSON_REJECT_DUPLICATES, NULL);
    json_t *before = json_object_get(object, "before");
    json_t *done = json_object_get(object, "done");
    enum err err = json_is_integer(before) && json_is_array(done) ? ERR_OK : ERR_CONTENT;
    spool->before = (uint64_t)json_integer_value(before);
    for (size_t i = 0; err == ERR_OK && i < json_array_size(done); i++) {
        err = notify_spool_add_done(spool, (uint64_t)json_integer_value(json_array_get(done, i)));
    }
    json_decref(object);
    return err;
}

static enum err notify_spool_save(struct notify_spool *spool)
{
    json_t *done = json_array();
    for (size_t i = 0; i < spool->done_count; i++) {
        (void)json_array_append_new(done, json_integer((json_int_t)spool->done[i]));
    }
    json_t *object = json_pack("{s:I, s:o}", "before", (json_int_t)spool->before, "done", done);
    char *text = object != NULL ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (text == NULL) {
        return ERR_NO_MEMORY;
    }
    char key[STORE_KEY];
    notify_spool_key(spool, key);
    const enum err err = store_put_if(spool->store, key, span_text(text), spool->revision, &spool->revision);
    free(text);
    return err;
}

static enum err notify_spool_begin(struct notify_spool *spool)
{
    const struct store_request newest = {.ask = STORE_READ, .limit = 1, .newest = true};
    struct store_answer answer;
    const enum err err = store_call(spool->store, &newest, &answer);
    spool->before = answer.number + 1;
    store_answer_fini(&answer);
    return err == ERR_OK ? notify_spool_save(spool) : err;
}

enum err notify_spool_open(struct notify_spool *spool, struct store *store, const char *receiver, size_t limit)
{
    ASSERT(limit > 0);
    *spool = (struct notify_spool){.store = store, .receiver = receiver, .limit = limit};
    list_init(&spool->items);
    char key[STORE_KEY];
    notify_spool_key(spool, key);
    const struct store_request request = {.ask = STORE_GET, .key = key};
    struct store_answer answer;
    enum err err = store_call(store, &request, &answer);
    if (err == ERR_OK) {
        spool->revision = answer.records[0].revision;
        err = notify_spool_parse(spool, (const char *)answer.records[0].value.data);
    } else if (err == ERR_NOT_FOUND) {
        err = notify_spool_begin(spool);
    }
    store_answer_fini(&answer);
    if (err == ERR_OK) {
        spool->seen = spool->before - 1;
    } else {
        notify_spool_close(spool);
    }
    return err;
}

static void notify_spool_remove(struct notify_spool *spool, struct notify_spool_item *item)
{
    ASSERT(spool->count > 0);
    list_remove(&item->link);
    spool->count--;
    free(item);
}

void notify_spool_close(struct notify_spool *spool)
{
    while (spool->count > 0) {
        notify_spool_remove(spool, LIST_ENTRY(spool->items.next, struct notify_spool_item, link));
    }
    free(spool->done);
    *spool = (struct notify_spool){.store = NULL};
    list_init(&spool->items);
}

/* -- the list -- */

static enum err notify_spool_take(struct notify_spool *spool, const struct store_entry *entry)
{
    char incident[NOTIFY_MESSAGE_INCIDENT];
    enum notify_message_severity severity = NOTIFY_MESSAGE_INFO;
    if (notify_spool_is_done(spool, entry->number) || notify_message_peek(entry->text, incident, &severity) != ERR_OK) {
        return ERR_OK;
    }
    struct notify_spool_item *item = calloc(1, sizeof *item);
    if (item == NULL) {
        return ERR_NO_MEMORY;
    }
    item->number = entry->number;
    item->incident = hash_text(incident);
    item->severity = severity;
    list_append(&spool->items, &item->link);
    spool->count++;
    return ERR_OK;
}

/* The oldest of the lowest severity. */
static struct notify_spool_item *notify_spool_least(struct notify_spool *spool)
{
    struct notify_spool_item *least = NULL;
    LIST_EACH(link, &spool->items)
    {
        struct notify_spool_item *item = LIST_ENTRY(link, struct notify_spool_item, link);
        if (least == NULL || item->severity < least->severity) {
            least = item;
        }
    }
    ASSERT(least != NULL);
    return least;
}

/* Memory only: the next settled item takes it to the store; a restart would drop the same ones again. */
static enum err notify_spool_shrink(struct notify_spool *spool, size_t *dropped)
{
    enum err err = ERR_OK;
    while (err == ERR_OK && spool->count > 0 && (spool->count > spool->limit || spool->done_count > spool->limit)) {
        /* An old one that is never delivered makes the list of settled numbers behind it grow: it goes as well. */
        struct notify_spool_item *item = spool->count > spool->limit
                                             ? notify_spool_least(spool)
                                             : LIST_ENTRY(spool->items.next, struct notify_spool_item, link);
        err = notify_spool_add_done(spool, item->number);
        notify_spool_remove(spool, item);
        notify_spool_advance(spool);
        ++*dropped;
    }
    notify_spool_advance(spool);
    return err;
}

enum err notify_spool_load(struct notify_spool *spool, size_t *ret_dropped)
{
    size_t dropped = 0;
    bool more = true;
    enum err err = ERR_OK;
    while (err == ERR_OK && more) {
        const struct store_request request = {.ask = STORE_READ, .kind = "notify", .after = spool->seen};
        struct store_answer answer;
        err = store_call(spool->store, &request, &answer);
        for (size_t i = 0; err == ERR_OK && i < answer.entry_count; i++) {
            err = notify_spool_take(spool, &answer.entries[i]);
            spool->seen = err == ERR_OK ? answer.entries[i].number : spool->seen;
        }
        more = answer.more;
        store_answer_fini(&answer);
        if (err == ERR_OK) {
            err = notify_spool_shrink(spool, &dropped);
        }
    }
    *ret_dropped = dropped;
    return err;
}

/* Whether an earlier message of the same incident still waits. */
static bool notify_spool_is_behind(const struct notify_spool *spool, const struct notify_spool_item *item)
{
    LIST_EACH(link, &spool->items)
    {
        const struct notify_spool_item *other = LIST_ENTRY(link, struct notify_spool_item, link);
        if (other == item) {
            return false;
        }
        if (other->incident == item->incident) {
            return true;
        }
    }
    return false;
}

struct notify_spool_item *notify_spool_pick(struct notify_spool *spool, struct mono now, struct mono *ret_next)
{
    struct mono next = TIME_NEVER;
    LIST_EACH(link, &spool->items)
    {
        struct notify_spool_item *item = LIST_ENTRY(link, struct notify_spool_item, link);
        if (!time_reached(now, item->next)) {
            next = time_min(next, item->next);
        } else if (!notify_spool_is_behind(spool, item)) {
            return item;
        }
    }
    *ret_next = next;
    return NULL;
}

enum err notify_spool_settle(struct notify_spool *spool, struct notify_spool_item *item)
{
    const enum err err = notify_spool_add_done(spool, item->number);
    notify_spool_remove(spool, item);
    notify_spool_advance(spool);
    if (err != ERR_OK) {
        return err;
    }
    const enum err saved = notify_spool_save(spool);
    /* Nobody else writes this record; after an unknown outcome its revision is known again now. */
    return saved == ERR_CONFLICT ? notify_spool_save(spool) : saved;
}
