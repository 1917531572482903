/* SPDX-License-Identifier: Apache-2.0
 * What of the server's answers is awaited, and what becomes of them. */
#include "proxy/proxy_await.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "wire/pg_message.h"

bool proxy_await_push(struct proxy_prepare *prepare, enum proxy_await_kind kind, uint32_t name,
                      struct proxy_shelf_text *text)
{
    if (prepare->waits_first == prepare->waits_end) {
        prepare->waits_first = 0;
        prepare->waits_end = 0;
    }
    if (prepare->waits_end == prepare->waits_capacity) {
        const uint32_t capacity = prepare->waits_capacity * 2 + 8;
        struct proxy_prepare_wait *waits =
            capacity <= PROXY_PREPARE_WAITS ? realloc(prepare->waits, capacity * sizeof *waits) : NULL;
        if (waits == NULL) {
            return false;
        }
        prepare->waits = waits;
        prepare->waits_capacity = capacity;
    }
    if (text != NULL) {
        proxy_shelf_share(text);
    }
    prepare->waits[prepare->waits_end++] = (struct proxy_prepare_wait){
        .kind = (uint8_t)kind, .name = (uint16_t)name, .group = prepare->group, .text = text};
    return true;
}

static struct proxy_prepare_wait *proxy_await_front(const struct proxy_prepare *prepare)
{
    return prepare->waits_first < prepare->waits_end ? &prepare->waits[prepare->waits_first] : NULL;
}

static void proxy_await_pop(struct proxy_prepare *prepare)
{
    proxy_shelf_leave(prepare->waits[prepare->waits_first].text);
    prepare->waits_first++;
}

static void proxy_await_skipped_parse(struct proxy_shelf_copies *copies, const struct proxy_shelf_text *text)
{
    struct proxy_shelf_copy *copy = copies != NULL ? proxy_shelf_find(copies, text) : NULL;
    if (copy != NULL) {
        copy->pending -= copy->pending > 0 ? 1 : 0;
        if (copy->pending == 0 && !copy->there) {
            proxy_shelf_remove(copies, copy);
        }
    }
}

/* The text was to make room, and is there still. */
static void proxy_await_skipped_out(struct proxy_shelf_copies *copies, const struct proxy_shelf_text *text)
{
    struct proxy_shelf_copy *copy = copies != NULL ? proxy_shelf_find(copies, text) : NULL;
    if (copy != NULL) {
        proxy_shelf_stays(copies, copy);
    }
}

/* The server has skipped it, or is gone (`copies` NULL): it has not happened. */
static void proxy_await_skipped(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies)
{
    ASSERT(prepare->waits_first < prepare->waits_end);
    const struct proxy_prepare_wait *wait = &prepare->waits[prepare->waits_first];
    switch ((enum proxy_await_kind)wait->kind) {
    case PROXY_AWAIT_PARSE:
        proxy_names_fail(&prepare->names, wait->name);
        proxy_await_skipped_parse(copies, wait->text);
        break;
    case PROXY_AWAIT_SAME:
        proxy_names_fail(&prepare->names, wait->name);
        break;
    case PROXY_AWAIT_AGAIN:
        proxy_await_skipped_parse(copies, wait->text);
        break;
    case PROXY_AWAIT_OUT:
        proxy_await_skipped_out(copies, wait->text);
        break;
    case PROXY_AWAIT_CLOSE:
    case PROXY_AWAIT_DEALLOCATE:
        proxy_names_reopen(&prepare->names, wait->name);
        break;
    case PROXY_AWAIT_PASS:
    case PROXY_AWAIT_REDO:
        break;
    }
    proxy_await_pop(prepare);
}

void proxy_await_skip(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies)
{
    while (proxy_await_front(prepare) != NULL) {
        proxy_await_skipped(prepare, copies);
    }
}

/* ---- the server's stream ---- */

bool proxy_await_still(const struct proxy_prepare *prepare)
{
    return prepare->waits_first == prepare->waits_end;
}

/* ParseComplete or CloseComplete. True: it passes, as `*type`. */
static bool proxy_await_answered(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, uint64_t group,
                                 uint8_t *type)
{
    const struct proxy_prepare_wait *wait = proxy_await_front(prepare);
    if (wait == NULL || wait->group != group || wait->kind == PROXY_AWAIT_DEALLOCATE) {
        return true;
    }
    const enum proxy_await_kind kind = (enum proxy_await_kind)wait->kind;
    struct proxy_shelf_copy *copy = wait->text != NULL ? proxy_shelf_find(copies, wait->text) : NULL;
    if (copy != NULL && (kind == PROXY_AWAIT_PARSE || kind == PROXY_AWAIT_AGAIN)) {
        copy->there = true;
        copy->pending -= copy->pending > 0 ? 1 : 0;
    } else if (copy != NULL && kind == PROXY_AWAIT_OUT && copy->leaving) {
        proxy_shelf_remove(copies, copy);
    } else if (copy != NULL && (kind == PROXY_AWAIT_OUT || kind == PROXY_AWAIT_REDO)) {
        copy->there = false;
    }
    proxy_await_pop(prepare);
    *type = kind == PROXY_AWAIT_SAME ? PG_MESSAGE_PARSED : *type;
    return kind == PROXY_AWAIT_PASS || kind == PROXY_AWAIT_PARSE || kind == PROXY_AWAIT_SAME ||
           kind == PROXY_AWAIT_CLOSE;
}

/* The group has ended: what it has not answered was skipped. */
static void proxy_await_group_end(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, uint64_t group)
{
    const struct proxy_prepare_wait *wait = NULL;
    while ((wait = proxy_await_front(prepare)) != NULL && wait->group <= group) {
        proxy_await_skipped(prepare, copies);
    }
}

/* The first bytes of a message are all held. True: they pass. */
static bool proxy_await_held(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, uint64_t *group)
{
    static const uint8_t tag[] = {PG_MESSAGE_COMPLETE, 0, 0, 0, 12, 'P', 'R', 'E', 'P', 'A', 'R', 'E', 0};
    const struct proxy_prepare_wait *wait = proxy_await_front(prepare);
    switch (prepare->held[0]) {
    case PG_MESSAGE_PARSED:
    case PG_MESSAGE_CLOSED:
        return proxy_await_answered(prepare, copies, *group, &prepare->held[0]);
    case PG_MESSAGE_READY:
        proxy_await_group_end(prepare, copies, *group);
        (*group)++;
        return true;
    case PG_MESSAGE_COMPLETE:
        if (wait != NULL && wait->kind == PROXY_AWAIT_DEALLOCATE && wait->group == *group &&
            span_equal(span_of(prepare->held, prepare->held_size), span_of(tag, sizeof tag))) {
            proxy_await_pop(prepare);
            return false;
        }
        return true;
    default:
        return true;
    }
}

/* Whether this head is that of a message which may be the tag of our PREPARE: all of it must be known. */
static bool proxy_await_tag(const struct proxy_prepare *prepare)
{
    static const uint8_t head[] = {PG_MESSAGE_COMPLETE, 0, 0, 0, PROXY_PREPARE_HELD - 1};
    const struct proxy_prepare_wait *wait = proxy_await_front(prepare);
    return prepare->held_size >= PG_FRAME_HEAD && wait != NULL && wait->kind == PROXY_AWAIT_DEALLOCATE &&
           memcmp(prepare->held, head, sizeof head) == 0;
}

/* Takes bytes of a message's beginning. True: enough of it is there. */
static bool proxy_await_hold(struct proxy_prepare *prepare, struct span *bytes)
{
    for (;;) {
        const size_t wanted = proxy_await_tag(prepare) ? PROXY_PREPARE_HELD : PG_FRAME_HEAD;
        const size_t missing = wanted - prepare->held_size;
        const size_t size = bytes->size < missing ? bytes->size : missing;
        if (size == 0) {
            return missing == 0;
        }
        memcpy(prepare->held + prepare->held_size, bytes->data, size);
        prepare->held_size = (uint8_t)(prepare->held_size + size);
        *bytes = span_of(bytes->data + size, bytes->size - size);
    }
}

static void proxy_await_emit(struct span *bytes, size_t size, struct buf *out)
{
    size = size < bytes->size ? size : bytes->size;
    if (size > 0) {
        buf_bytes(out, bytes->data, size);
        *bytes = span_of(bytes->data + size, bytes->size - size);
    }
}

void proxy_await_down(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, const struct pg_frame *received,
                      struct span bytes, struct buf *out)
{
    uint64_t group = prepare->heard;
    struct pg_frame frame = *received;
    struct pg_frame_message message;
    struct span rest = bytes;
    if (!pg_frame_boundary(&frame)) {
        const bool ended = pg_frame_step(&frame, &rest, &message);
        proxy_await_emit(&bytes, bytes.size - rest.size, out);
        if (ended && message.type == PG_MESSAGE_READY) {
            proxy_await_group_end(prepare, copies, group++);
        }
    }
    while (bytes.size > 0 && proxy_await_hold(prepare, &bytes)) {
        struct cursor cursor;
        cursor_init(&cursor, prepare->held + 1, sizeof(uint32_t));
        const size_t size = (size_t)cursor_u32be(&cursor) + 1;
        const size_t held = prepare->held_size;
        if (proxy_await_held(prepare, copies, &group)) {
            buf_bytes(out, prepare->held, held);
        }
        prepare->held_size = 0;
        proxy_await_emit(&bytes, size > held ? size - held : 0, out);
    }
    if (proxy_await_front(prepare) == NULL) {
        buf_bytes(out, prepare->held, prepare->held_size); /* the rest passes as it is */
        prepare->held_size = 0;
    }
    ASSERT(!out->overflow);
}

static bool proxy_await_names(struct span text, const char *words)
{
    return memmem(text.data, text.size, words, strlen(words)) != NULL;
}

bool proxy_await_passed(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                        const struct pg_frame_message *message)
{
    struct pg_message_error error;
    switch (message->type) {
    case PG_MESSAGE_READY:
        prepare->heard++;
        return false;
    case PG_MESSAGE_COMPLETE:
        if (message->peek.size == message->body_size && (span_equal(message->peek, span_of("DEALLOCATE ALL", 15)) ||
                                                         span_equal(message->peek, span_of("DISCARD ALL", 12)))) {
            proxy_names_close_all(&prepare->names);
            proxy_shelf_clear(copies);
            prepare->full = false;
        }
        return false;
    case PG_MESSAGE_ERROR:
        /* Somebody has taken it away unseen; or its result is another now, and would be for whoever uses it. */
        return pg_message_error_parse(message->peek, &error) == ERR_OK &&
               ((strcmp(error.sqlstate, "26000") == 0 && proxy_await_names(message->peek, "holdfast_")) ||
                (strcmp(error.sqlstate, "0A000") == 0 && proxy_await_names(message->peek, "cached plan")));
    default:
        return false;
    }
}
