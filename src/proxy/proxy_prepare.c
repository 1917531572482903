/* SPDX-License-Identifier: Apache-2.0
 * Prepared statements of a pool's clients under names of our own. */
#include "proxy/proxy_prepare.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "proxy/proxy_await.h"
#include "wire/pg_message.h"
#include "wire/pg_statement.h"

struct proxy_prepare *proxy_prepare_new(struct proxy_shelf *shelf, uint32_t limit)
{
    ASSERT(limit > 0);
    struct proxy_prepare *prepare = calloc(1, sizeof *prepare);
    if (prepare != NULL) {
        prepare->shelf = shelf;
        prepare->limit = limit;
        proxy_names_init(&prepare->names);
    }
    return prepare;
}

/* ---- boundaries ---- */

static void proxy_prepare_rewind(struct proxy_prepare *prepare)
{
    free(prepare->part);
    prepare->part = NULL;
    prepare->part_size = 0;
    prepare->part_capacity = 0;
    prepare->left = 0;
    prepare->held_size = 0;
}

void proxy_prepare_free(struct proxy_prepare *prepare)
{
    if (prepare != NULL) {
        proxy_await_skip(prepare, NULL);
        proxy_prepare_rewind(prepare);
        proxy_names_free(&prepare->names);
        free(prepare->waits);
        free(prepare);
    }
}

void proxy_prepare_begin(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies)
{
    proxy_await_skip(prepare, copies);
    proxy_names_settle(&prepare->names);
    prepare->since = copies->clock;
}

void proxy_prepare_lost(struct proxy_prepare *prepare, bool again)
{
    proxy_await_skip(prepare, NULL);
    if (again) {
        proxy_names_undo(&prepare->names);
    } else {
        proxy_names_settle(&prepare->names);
    }
    proxy_prepare_rewind(prepare);
    prepare->since = 0;
}

/* ---- what the server gets ---- */

static void proxy_prepare_write_parse(const struct proxy_shelf_text *named, struct span body, struct buf *out)
{
    char name[PROXY_SHELF_NAME];
    proxy_shelf_name(named, name);
    buf_u8(out, PG_MESSAGE_PARSE);
    buf_u32be(out, (uint32_t)(4 + strlen(name) + 1 + body.size));
    buf_bytes(out, name, strlen(name) + 1);
    buf_bytes(out, body.data, body.size);
}

/* Close or Describe of a statement. */
static void proxy_prepare_write_name(uint8_t type, const struct proxy_shelf_text *text, struct buf *out)
{
    char name[PROXY_SHELF_NAME];
    proxy_shelf_name(text, name);
    buf_u8(out, type);
    buf_u32be(out, (uint32_t)(4 + 1 + strlen(name) + 1));
    buf_u8(out, 'S');
    buf_bytes(out, name, strlen(name) + 1);
}

static bool proxy_prepare_room(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, struct buf *out)
{
    struct proxy_shelf_copy *old = NULL;
    while (copies->count - copies->leaving >= prepare->limit &&
           (old = proxy_shelf_oldest(copies, prepare->since)) != NULL) {
        if (!proxy_await_push(prepare, PROXY_AWAIT_OUT, 0, old->text)) {
            return false;
        }
        proxy_prepare_write_name(PG_MESSAGE_CLOSE, old->text, out);
        proxy_shelf_leaves(copies, old);
    }
    return true;
}

/* Prepares it there, by the client's Parse or by ours. */
static bool proxy_prepare_send(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                               struct proxy_shelf_text *text, const struct proxy_prepare_wait *why, struct buf *out)
{
    struct proxy_shelf_copy *copy = proxy_shelf_find(copies, text);
    if (copy != NULL) {
        if (!proxy_await_push(prepare, PROXY_AWAIT_REDO, 0, text)) {
            return false;
        }
        proxy_prepare_write_name(PG_MESSAGE_CLOSE, text, out);
    } else {
        copy = proxy_prepare_room(prepare, copies, out) ? proxy_shelf_add(copies, text) : NULL;
    }
    if (copy == NULL || !proxy_await_push(prepare, (enum proxy_await_kind)why->kind, why->name, text)) {
        return false;
    }
    proxy_shelf_stays(copies, copy);
    copy->group = prepare->group;
    copy->pending++;
    proxy_prepare_write_parse(text, span_of(text->body, text->size), out);
    return true;
}

/* Whether what follows may rely on it: it is there, or it fails together with what follows. */
static bool proxy_prepare_has(const struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                              const struct proxy_shelf_text *text)
{
    const struct proxy_shelf_copy *copy = proxy_shelf_find(copies, text);
    if (copy == NULL || copy->leaving) {
        return false;
    }
    return copy->pending > 0 ? copy->group == prepare->group : copy->there;
}

/* The server has the text of a name that a message is about to use. */
static bool proxy_prepare_ensure(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, uint32_t name,
                                 struct buf *out)
{
    const struct proxy_prepare_wait again = {.kind = PROXY_AWAIT_AGAIN};
    struct proxy_shelf_text *text = prepare->names.data[name].text;
    return proxy_prepare_has(prepare, copies, text) || proxy_prepare_send(prepare, copies, text, &again, out);
}

/* ---- the client's messages ---- */

/* What there is of one: head and body as far as it has come. */
struct proxy_prepare_message {
    struct span bytes;
    size_t size; /* of all of it */
    bool whole;
};

/* What has become of it. */
enum proxy_prepare_step {
    PROXY_PREPARE_MORE_OF_IT, /* cannot be told before more has come */
    PROXY_PREPARE_TAKEN,      /* `ret_taken` bytes were dealt with, the rest passes as it is */
    PROXY_PREPARE_FAILED,
};

static enum proxy_prepare_step proxy_prepare_as_it_is(const struct proxy_prepare_message *message, size_t *ret_taken,
                                                      struct buf *out)
{
    buf_bytes(out, message->bytes.data, message->bytes.size);
    *ret_taken = message->bytes.size;
    return PROXY_PREPARE_TAKEN;
}

/* A name that means nothing to us; its answer passes as well. */
static enum proxy_prepare_step proxy_prepare_foreign(struct proxy_prepare *prepare,
                                                     const struct proxy_prepare_message *message, size_t *ret_taken,
                                                     struct buf *out)
{
    return proxy_await_push(prepare, PROXY_AWAIT_PASS, 0, NULL) ? proxy_prepare_as_it_is(message, ret_taken, out)
                                                                : PROXY_PREPARE_FAILED;
}

/* A whole Parse with a name. */
static enum proxy_prepare_step proxy_prepare_named(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                                                   const struct proxy_prepare_message *message, struct span name,
                                                   struct buf *out)
{
    const size_t head = PG_FRAME_HEAD + name.size + 1;
    const struct span body = span_of(message->bytes.data + head, message->size - head);
    uint32_t index = proxy_names_find(&prepare->names, name);
    if (index != PROXY_NAMES_NONE) {
        /* The server will say that there is one of this name. */
        if (!proxy_prepare_ensure(prepare, copies, index, out) ||
            !proxy_await_push(prepare, PROXY_AWAIT_PASS, 0, NULL)) {
            return PROXY_PREPARE_FAILED;
        }
        proxy_prepare_write_parse(prepare->names.data[index].text, body, out);
        return PROXY_PREPARE_TAKEN;
    }
    struct proxy_shelf_text *text = proxy_shelf_take(prepare->shelf, body);
    if (text == NULL) {
        return PROXY_PREPARE_FAILED;
    }
    index = proxy_names_add(&prepare->names, name, text);
    if (index == PROXY_NAMES_NONE) {
        proxy_shelf_leave(text);
        return PROXY_PREPARE_MORE_OF_IT; /* too much: told by the caller's rule for what is too long */
    }
    const struct proxy_prepare_wait parse = {.kind = PROXY_AWAIT_PARSE, .name = (uint16_t)index};
    if (!proxy_prepare_has(prepare, copies, text)) {
        return proxy_prepare_send(prepare, copies, text, &parse, out) ? PROXY_PREPARE_TAKEN : PROXY_PREPARE_FAILED;
    }
    proxy_prepare_write_name(PG_MESSAGE_CLOSE, NULL, out);
    return proxy_await_push(prepare, PROXY_AWAIT_SAME, index, text) ? PROXY_PREPARE_TAKEN : PROXY_PREPARE_FAILED;
}

static enum proxy_prepare_step proxy_prepare_parse(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                                                   const struct proxy_prepare_message *message, size_t *ret_taken,
                                                   struct buf *out)
{
    struct cursor cursor;
    cursor_init(&cursor, message->bytes.data, message->bytes.size);
    cursor_skip(&cursor, PG_FRAME_HEAD);
    const struct span name = cursor_until(&cursor, 0);
    if (!cursor_ok(&cursor) && !message->whole && message->bytes.size < PROXY_PREPARE_PREFIX) {
        return PROXY_PREPARE_MORE_OF_IT;
    }
    if (cursor_ok(&cursor) && name.size == 0) {
        return proxy_prepare_foreign(prepare, message, ret_taken, out);
    }
    if (cursor_ok(&cursor) && name.size <= PROXY_NAMES_NAME && message->size <= PROXY_PREPARE_MESSAGE) {
        const enum proxy_prepare_step step =
            message->whole ? proxy_prepare_named(prepare, copies, message, name, out) : PROXY_PREPARE_MORE_OF_IT;
        *ret_taken = message->size;
        if (step != PROXY_PREPARE_MORE_OF_IT || !message->whole) {
            return step;
        }
    }
    prepare->full = true;
    return proxy_prepare_foreign(prepare, message, ret_taken, out);
}

static enum proxy_prepare_step proxy_prepare_bind(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                                                  const struct proxy_prepare_message *message, size_t *ret_taken,
                                                  struct buf *out)
{
    struct cursor cursor;
    cursor_init(&cursor, message->bytes.data, message->bytes.size);
    cursor_skip(&cursor, PG_FRAME_HEAD);
    const struct span portal = cursor_until(&cursor, 0);
    const struct span name = cursor_until(&cursor, 0);
    if (!cursor_ok(&cursor) && !message->whole && message->bytes.size < PROXY_PREPARE_PREFIX) {
        return PROXY_PREPARE_MORE_OF_IT;
    }
    const uint32_t index =
        cursor_ok(&cursor) && name.size > 0 ? proxy_names_find(&prepare->names, name) : PROXY_NAMES_NONE;
    if (index == PROXY_NAMES_NONE) {
        return proxy_prepare_as_it_is(message, ret_taken, out);
    }
    if (!proxy_prepare_ensure(prepare, copies, index, out)) {
        return PROXY_PREPARE_FAILED;
    }
    char ours[PROXY_SHELF_NAME];
    proxy_shelf_name(prepare->names.data[index].text, ours);
    *ret_taken = cursor.at;
    buf_u8(out, PG_MESSAGE_BIND);
    buf_u32be(out, (uint32_t)(message->size - 1 - name.size + strlen(ours)));
    buf_bytes(out, portal.data, portal.size + 1);
    buf_bytes(out, ours, strlen(ours) + 1);
    return PROXY_PREPARE_TAKEN;
}

/* Describe and Close: a kind and a name. */
static enum proxy_prepare_step proxy_prepare_target(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                                                    const struct proxy_prepare_message *message, size_t *ret_taken,
                                                    struct buf *out)
{
    const uint8_t type = message->bytes.data[0];
    if (!message->whole && message->size <= PROXY_PREPARE_PREFIX) {
        return PROXY_PREPARE_MORE_OF_IT;
    }
    struct cursor cursor;
    cursor_init(&cursor, message->bytes.data, message->bytes.size);
    cursor_skip(&cursor, PG_FRAME_HEAD);
    const uint8_t kind = cursor_u8(&cursor);
    const struct span name = cursor_until(&cursor, 0);
    const uint32_t index =
        cursor_ok(&cursor) && kind == 'S' ? proxy_names_find(&prepare->names, name) : PROXY_NAMES_NONE;
    *ret_taken = message->size;
    if (index == PROXY_NAMES_NONE) {
        return type == PG_MESSAGE_CLOSE ? proxy_prepare_foreign(prepare, message, ret_taken, out)
                                        : proxy_prepare_as_it_is(message, ret_taken, out);
    }
    if (type == PG_MESSAGE_DESCRIBE) {
        const bool good = proxy_prepare_ensure(prepare, copies, index, out);
        proxy_prepare_write_name(type, prepare->names.data[index].text, out);
        return good ? PROXY_PREPARE_TAKEN : PROXY_PREPARE_FAILED;
    }
    proxy_prepare_write_name(type, NULL, out);
    proxy_names_close(&prepare->names, index);
    return proxy_await_push(prepare, PROXY_AWAIT_CLOSE, index, NULL) ? PROXY_PREPARE_TAKEN : PROXY_PREPARE_FAILED;
}

/* Whether a simple query may be a DEALLOCATE, as far as it has come. */
static bool proxy_prepare_may_deallocate(const struct proxy_prepare_message *message)
{
    static const char spaces[] = " \t\r\n";
    size_t at = PG_FRAME_HEAD;
    while (at < message->bytes.size && memchr(spaces, message->bytes.data[at], sizeof spaces - 1) != NULL) {
        at++;
    }
    return message->size <= PROXY_PREPARE_QUERY &&
           (at == message->bytes.size || (message->bytes.data[at] | 0x20) == 'd');
}

static enum proxy_prepare_step proxy_prepare_query(struct proxy_prepare *prepare,
                                                   const struct proxy_prepare_message *message, size_t *ret_taken,
                                                   struct buf *out)
{
    if (!proxy_prepare_may_deallocate(message)) {
        return proxy_prepare_as_it_is(message, ret_taken, out);
    }
    if (!message->whole) {
        return PROXY_PREPARE_MORE_OF_IT;
    }
    struct pg_statement statement;
    struct cursor cursor;
    cursor_init(&cursor, message->bytes.data, message->size);
    cursor_skip(&cursor, PG_FRAME_HEAD);
    pg_statement_begin(&statement);
    pg_statement_feed(&statement, cursor_until(&cursor, 0));
    pg_statement_end(&statement);
    const bool one = cursor_ok(&cursor) && statement.statements == 1 && statement.kind == PG_STATEMENT_DEALLOCATE;
    const uint32_t index = one ? proxy_names_find(&prepare->names, span_text(statement.name)) : PROXY_NAMES_NONE;
    if (index == PROXY_NAMES_NONE) {
        return proxy_prepare_as_it_is(message, ret_taken, out);
    }
    pg_message_query_write(out, span_text("PREPARE \"holdfast_0\" AS SELECT 1; DEALLOCATE \"holdfast_0\""));
    proxy_names_close(&prepare->names, index);
    *ret_taken = message->size;
    return proxy_await_push(prepare, PROXY_AWAIT_DEALLOCATE, index, NULL) ? PROXY_PREPARE_TAKEN : PROXY_PREPARE_FAILED;
}

static enum proxy_prepare_step proxy_prepare_message(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                                                     const struct proxy_prepare_message *message, size_t *ret_taken,
                                                     struct buf *out)
{
    prepare->type = message->bytes.data[0];
    switch (prepare->type) {
    case PG_MESSAGE_PARSE:
        return proxy_prepare_parse(prepare, copies, message, ret_taken, out);
    case PG_MESSAGE_BIND:
        return proxy_prepare_bind(prepare, copies, message, ret_taken, out);
    case PG_MESSAGE_DESCRIBE:
    case PG_MESSAGE_CLOSE:
        return proxy_prepare_target(prepare, copies, message, ret_taken, out);
    case PG_MESSAGE_QUERY:
        return proxy_prepare_query(prepare, message, ret_taken, out);
    default:
        return proxy_prepare_as_it_is(message, ret_taken, out);
    }
}

/* ---- the client's stream ---- */

static void proxy_prepare_ended(struct proxy_prepare *prepare)
{
    prepare->group +=
        prepare->type == PG_MESSAGE_QUERY || prepare->type == PG_MESSAGE_SYNC || prepare->type == PG_MESSAGE_FUNCTION
            ? 1
            : 0;
}

/* One message that begins with these bytes. How many were taken; 0: more are needed. */
static enum proxy_prepare_step proxy_prepare_first(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                                                   struct span bytes, size_t *ret_taken, struct buf *out)
{
    struct cursor cursor;
    cursor_init(&cursor, bytes.data, bytes.size);
    (void)cursor_u8(&cursor);
    const uint32_t length = cursor_u32be(&cursor);
    if (!cursor_ok(&cursor)) {
        return PROXY_PREPARE_MORE_OF_IT;
    }
    ASSERT(length >= 4); /* the relay has looked at it before us */
    const size_t size = (size_t)length + 1;
    const struct proxy_prepare_message message = {
        .bytes = span_of(bytes.data, bytes.size < size ? bytes.size : size), .size = size, .whole = bytes.size >= size};
    const enum proxy_prepare_step step = proxy_prepare_message(prepare, copies, &message, ret_taken, out);
    if (step == PROXY_PREPARE_TAKEN) {
        ASSERT(*ret_taken <= message.bytes.size);
        prepare->left = (uint32_t)(size - *ret_taken);
        if (prepare->left == 0) {
            proxy_prepare_ended(prepare);
        }
    }
    return step;
}

static void proxy_prepare_pass(struct proxy_prepare *prepare, struct span *bytes, struct buf *out)
{
    const size_t size = bytes->size < prepare->left ? bytes->size : prepare->left;
    if (size == 0) {
        return;
    }
    buf_bytes(out, bytes->data, size);
    *bytes = span_of(bytes->data + size, bytes->size - size);
    prepare->left -= (uint32_t)size;
    if (prepare->left == 0) {
        proxy_prepare_ended(prepare);
    }
}

/* Keeps more of a message that has begun: up to its end if that is in sight, else up to its head's. */
static bool proxy_prepare_keep(struct proxy_prepare *prepare, struct span *bytes)
{
    size_t wanted = PG_FRAME_HEAD;
    if (prepare->part_size >= PG_FRAME_HEAD) {
        struct cursor cursor;
        cursor_init(&cursor, prepare->part, prepare->part_size);
        (void)cursor_u8(&cursor);
        wanted = (size_t)cursor_u32be(&cursor) + 1;
    }
    const size_t missing = wanted - prepare->part_size;
    const size_t size = bytes->size < missing ? bytes->size : missing;
    if (prepare->part_size + size > prepare->part_capacity) {
        const size_t capacity = (prepare->part_size + size) * 2;
        uint8_t *part = realloc(prepare->part, capacity);
        if (part == NULL) {
            return false;
        }
        prepare->part = part;
        prepare->part_capacity = capacity;
    }
    memcpy(prepare->part + prepare->part_size, bytes->data, size);
    prepare->part_size += size;
    *bytes = span_of(bytes->data + size, bytes->size - size);
    return true;
}

/* With the first bytes of a message kept from before. */
static bool proxy_prepare_part(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, struct span *bytes,
                               struct buf *out)
{
    size_t taken = 0;
    if (!proxy_prepare_keep(prepare, bytes)) {
        return false;
    }
    const enum proxy_prepare_step step =
        proxy_prepare_first(prepare, copies, span_of(prepare->part, prepare->part_size), &taken, out);
    if (step == PROXY_PREPARE_TAKEN) {
        struct span rest = span_of(prepare->part + taken, prepare->part_size - taken);
        proxy_prepare_pass(prepare, &rest, out);
        ASSERT(rest.size == 0);
        prepare->part_size = 0;
    }
    return step != PROXY_PREPARE_FAILED;
}

bool proxy_prepare_up(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, struct span bytes,
                      uint32_t ahead, struct buf *out)
{
    bool good = true;
    prepare->group = prepare->heard + ahead;
    while (good && bytes.size > 0) {
        proxy_prepare_pass(prepare, &bytes, out);
        if (bytes.size == 0) {
            break;
        }
        size_t taken = 0;
        if (prepare->part_size > 0) {
            good = proxy_prepare_part(prepare, copies, &bytes, out);
            continue;
        }
        const enum proxy_prepare_step step = proxy_prepare_first(prepare, copies, bytes, &taken, out);
        if (step == PROXY_PREPARE_TAKEN) {
            bytes = span_of(bytes.data + taken, bytes.size - taken);
        } else {
            good = step == PROXY_PREPARE_MORE_OF_IT && proxy_prepare_keep(prepare, &bytes);
        }
    }
    if (prepare->part_size == 0 && prepare->part != NULL) {
        free(prepare->part);
        prepare->part = NULL;
        prepare->part_capacity = 0;
    }
    return good && !out->overflow;
}
