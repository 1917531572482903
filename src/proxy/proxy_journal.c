/* SPDX-License-Identifier: Apache-2.0
 * What a session has done that another server must hear again. */
#include "proxy/proxy_journal.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* Before each entry's key and message. */
struct proxy_journal_head {
    uint8_t kind;
    uint8_t pending;
    uint8_t key_size;
    uint8_t zero; /* no padding: journals are compared as bytes */
    uint32_t message_size;
};

enum { PROXY_JOURNAL_FIRST = 512 };

void proxy_journal_free(struct proxy_journal *journal)
{
    free(journal->data);
    *journal = (struct proxy_journal){.data = NULL};
}

bool proxy_journal_next(const struct proxy_journal *journal, size_t *at, struct proxy_journal_entry *ret_entry)
{
    ASSERT(*at <= journal->size);
    if (*at == journal->size) {
        return false;
    }
    struct proxy_journal_head head;
    const uint8_t *data = journal->data + *at;
    memcpy(&head, data, sizeof head);
    *ret_entry = (struct proxy_journal_entry){
        .kind = (enum proxy_journal_kind)head.kind,
        .pending = head.pending != 0,
        .key = span_of(data + sizeof head, head.key_size),
        .message = span_of(data + sizeof head + head.key_size, head.message_size),
        .at = *at,
        .size = sizeof head + head.key_size + head.message_size,
    };
    *at += ret_entry->size;
    ASSERT(*at <= journal->size);
    return true;
}

static bool proxy_journal_room(struct proxy_journal *journal, size_t size)
{
    const size_t wanted = journal->size + size;
    if (wanted > PROXY_JOURNAL_BYTES) {
        return false;
    }
    if (wanted <= journal->capacity) {
        return true;
    }
    size_t capacity = journal->capacity == 0 ? PROXY_JOURNAL_FIRST : journal->capacity;
    while (capacity < wanted) {
        capacity *= 2;
    }
    uint8_t *data = realloc(journal->data, capacity);
    if (data == NULL) {
        return false;
    }
    journal->data = data;
    journal->capacity = capacity;
    return true;
}

/* The same statement under the same name: what clients that prepare without looking do over and over. */
static bool proxy_journal_has(const struct proxy_journal *journal, enum proxy_journal_kind kind, struct span key,
                              struct span message)
{
    struct proxy_journal_entry entry;
    for (size_t at = 0; proxy_journal_next(journal, &at, &entry);) {
        if (entry.kind == kind && span_equal(entry.key, key) && span_equal(entry.message, message)) {
            return true;
        }
    }
    return false;
}

bool proxy_journal_add(struct proxy_journal *journal, enum proxy_journal_kind kind, struct span key,
                       struct span message)
{
    const bool pending = kind != PROXY_JOURNAL_STATEMENT;
    if (!pending && proxy_journal_has(journal, kind, key, message)) {
        return true;
    }
    struct proxy_journal_head head = {.kind = (uint8_t)kind,
                                      .pending = pending ? 1 : 0,
                                      .key_size = (uint8_t)key.size,
                                      .message_size = (uint32_t)message.size};
    if (key.size > PROXY_JOURNAL_KEY || message.size > PROXY_JOURNAL_BYTES ||
        !proxy_journal_room(journal, sizeof head + key.size + message.size)) {
        return false;
    }
    uint8_t *data = journal->data + journal->size;
    memcpy(data, &head, sizeof head);
    if (key.size > 0) {
        memcpy(data + sizeof head, key.data, key.size);
    }
    if (message.size > 0) {
        memcpy(data + sizeof head + key.size, message.data, message.size);
    }
    journal->size += sizeof head + key.size + message.size;
    journal->pending += pending ? 1 : 0;
    return true;
}

static void proxy_journal_cut(struct proxy_journal *journal, const struct proxy_journal_entry *entry)
{
    const size_t end = entry->at + entry->size;
    ASSERT(end <= journal->size);
    memmove(journal->data + entry->at, journal->data + end, journal->size - end);
    journal->size -= entry->size;
}

static bool proxy_journal_role(struct span key)
{
    return span_is(key, "role") || span_is(key, "authorization");
}

/* Whether the commit of `by` takes out `entry`, which came before it. */
static bool proxy_journal_undone(const struct proxy_journal_entry *entry, enum proxy_journal_kind by, struct span key)
{
    const bool same = span_equal(entry->key, key);
    switch (by) {
    case PROXY_JOURNAL_SETTING:
        return entry->kind == PROXY_JOURNAL_SETTING && same && key.size > 0;
    case PROXY_JOURNAL_CHANNEL:
    case PROXY_JOURNAL_UNLISTEN:
        return entry->kind == PROXY_JOURNAL_CHANNEL && same;
    case PROXY_JOURNAL_UNLISTEN_ALL:
        return entry->kind == PROXY_JOURNAL_CHANNEL;
    case PROXY_JOURNAL_STATEMENT:
        return false;
    case PROXY_JOURNAL_DEALLOCATE:
        return entry->kind == PROXY_JOURNAL_STATEMENT && same;
    case PROXY_JOURNAL_DEALLOCATE_ALL:
        return entry->kind == PROXY_JOURNAL_STATEMENT;
    case PROXY_JOURNAL_RESET_ALL:
        /* It leaves the role alone, which may also be among several settings. */
        return entry->kind == PROXY_JOURNAL_SETTING && entry->key.size > 0 && !proxy_journal_role(entry->key);
    case PROXY_JOURNAL_DISCARD_ALL:
        return true;
    }
    return false;
}

/* Takes out what an entry undoes. The entry itself, at `*at`, moves to the front. */
static void proxy_journal_undo(struct proxy_journal *journal, size_t *at, enum proxy_journal_kind by, struct span key)
{
    struct proxy_journal_entry entry;
    for (size_t next = 0; next < *at;) {
        const bool there = proxy_journal_next(journal, &next, &entry);
        ASSERT(there);
        if (proxy_journal_undone(&entry, by, key)) {
            proxy_journal_cut(journal, &entry);
            *at -= entry.size;
            next = entry.at;
        }
    }
}

/* One pending entry at `*at` counts now; `*at` is behind it, or where it was. */
static void proxy_journal_commit(struct proxy_journal *journal, size_t *at)
{
    struct proxy_journal_entry entry;
    size_t next = *at;
    bool there = proxy_journal_next(journal, &next, &entry);
    ASSERT(there && entry.pending);
    uint8_t memory[PROXY_JOURNAL_KEY];
    const struct span key = span_of(memory, entry.key.size);
    memcpy(memory, entry.key.data, entry.key.size);
    proxy_journal_undo(journal, at, entry.kind, key);
    next = *at;
    there = proxy_journal_next(journal, &next, &entry);
    ASSERT(there);
    /* RESET ALL stays as a setting of its own behind several settings, which it could not take out. */
    const bool stays = entry.kind <= PROXY_JOURNAL_CHANNEL || (entry.kind == PROXY_JOURNAL_RESET_ALL && entry.at > 0);
    if (!stays) {
        proxy_journal_cut(journal, &entry);
        return;
    }
    struct proxy_journal_head head;
    memcpy(&head, journal->data + entry.at, sizeof head);
    head.pending = 0;
    head.kind = entry.kind == PROXY_JOURNAL_CHANNEL ? PROXY_JOURNAL_CHANNEL : PROXY_JOURNAL_SETTING;
    memcpy(journal->data + entry.at, &head, sizeof head);
    *at = next;
}

void proxy_journal_settle(struct proxy_journal *journal, bool committed)
{
    struct proxy_journal_entry entry;
    for (size_t at = 0, next = 0; journal->pending > 0 && proxy_journal_next(journal, &next, &entry); next = at) {
        if (!entry.pending) {
            at = next;
            continue;
        }
        journal->pending--;
        if (committed) {
            at = entry.at;
            proxy_journal_commit(journal, &at);
        } else {
            proxy_journal_cut(journal, &entry);
            at = entry.at;
        }
    }
    ASSERT(journal->pending == 0);
}

void proxy_journal_close(struct proxy_journal *journal, struct span name)
{
    size_t end = journal->size;
    proxy_journal_undo(journal, &end, PROXY_JOURNAL_DEALLOCATE, name);
}
