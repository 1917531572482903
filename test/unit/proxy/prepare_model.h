/* SPDX-License-Identifier: Apache-2.0
 * A model for prepared statements under names of our own: two clients say what some bytes make them say, once straight
 * to a server of their own and once, rewritten, to servers that they share. Each must hear the same.
 *
 * The servers know names, errors that skip up to the next Sync, and a few simple queries. What a client is told names
 * the text that was meant, so a mix-up is seen. Streams are cut anywhere. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "proxy/proxy_await.h"
#include "proxy/proxy_prepare.h"
#include "wire/pg_message.h"

enum {
    MODEL_NAMES = 64,
    MODEL_BYTES = 256 * 1024,
    MODEL_CLIENTS = 2,
    MODEL_SERVERS = 2,
    MODEL_LIMIT = 2,
};

struct model_statement {
    char name[48];
    uint8_t text[32];
    size_t size;
};

struct model_server {
    struct model_statement statements[MODEL_NAMES];
    uint32_t count;
    struct model_statement bound;
    bool skipping;
    uint8_t said[MODEL_BYTES]; /* what it has been told and not looked at */
    size_t said_size;
    struct buf answer;
    uint8_t memory[MODEL_BYTES];
};

static inline void model_server_init(struct model_server *server)
{
    memset(server, 0, offsetof(struct model_server, said));
    server->said_size = 0;
    buf_init(&server->answer, server->memory, sizeof server->memory);
}

static inline struct model_statement *model_find(struct model_server *server, struct span name)
{
    for (uint32_t i = 0; i < server->count; i++) {
        if (span_is(name, server->statements[i].name)) {
            return &server->statements[i];
        }
    }
    return NULL;
}

static inline void model_remove(struct model_server *server, struct model_statement *statement)
{
    *statement = server->statements[--server->count];
}

static inline void model_say(struct model_server *server, uint8_t type, struct span body)
{
    buf_u8(&server->answer, type);
    buf_u32be(&server->answer, (uint32_t)(4 + body.size));
    buf_bytes(&server->answer, body.data, body.size);
}

static inline void model_complete(struct model_server *server, const char *tag)
{
    model_say(server, 'C', span_of(tag, strlen(tag) + 1));
}

static inline void model_fail(struct model_server *server, const char *sqlstate)
{
    pg_message_error_write(&server->answer, "ERROR", sqlstate, "no", NULL);
    server->skipping = true;
}

static inline void model_parse(struct model_server *server, struct cursor *cursor)
{
    const struct span name = cursor_until(cursor, 0);
    const struct span text = cursor_span(cursor, cursor_left(cursor));
    struct model_statement *there = model_find(server, name);
    ASSERT(cursor_ok(cursor) && text.size <= sizeof there->text && name.size < sizeof there->name);
    if (text.data[0] == '!') {
        model_fail(server, "42601");
    } else if (there != NULL && name.size > 0) {
        model_fail(server, "42P05");
    } else {
        ASSERT(server->count < MODEL_NAMES);
        struct model_statement *statement = there != NULL ? there : &server->statements[server->count++];
        *statement = (struct model_statement){.size = text.size};
        memcpy(statement->name, name.data, name.size);
        memcpy(statement->text, text.data, text.size);
        model_say(server, '1', span_of(NULL, 0));
    }
}

static inline void model_use(struct model_server *server, uint8_t type, struct span name)
{
    const struct model_statement *statement = model_find(server, name);
    if (statement == NULL) {
        model_fail(server, "26000");
    } else if (type == PG_MESSAGE_BIND) {
        server->bound = *statement;
        model_say(server, '2', span_of(NULL, 0));
    } else {
        model_say(server, 't', span_of(statement->text, statement->size));
    }
}

static inline void model_query(struct model_server *server, struct span text)
{
    if (span_is(text, "DEALLOCATE ALL")) {
        server->count = 0;
        model_complete(server, "DEALLOCATE ALL");
    } else if (text.size == 12 && memcmp(text.data, "DEALLOCATE ", 11) == 0) {
        struct model_statement *statement = model_find(server, span_of(text.data + 11, text.size - 11));
        if (statement != NULL) {
            model_remove(server, statement);
            model_complete(server, "DEALLOCATE");
        } else {
            model_fail(server, "26000");
        }
    } else if (memmem(text.data, text.size, "PREPARE \"", 9) != NULL) {
        model_complete(server, "PREPARE");
        model_complete(server, "DEALLOCATE");
    } else if (text.data[0] == '!') {
        model_fail(server, "42601");
    } else {
        model_complete(server, "PREPARE"); /* the same tag as ours, but the client's */
    }
    server->skipping = false;
    server->bound.size = 0;
    model_say(server, 'Z', span_of("I", 1));
}

static inline void model_message(struct model_server *server, uint8_t type, struct span body)
{
    struct cursor cursor;
    cursor_init(&cursor, body.data, body.size);
    if (server->skipping && type != PG_MESSAGE_SYNC) {
        return;
    }
    switch (type) {
    case PG_MESSAGE_PARSE:
        model_parse(server, &cursor);
        break;
    case PG_MESSAGE_BIND:
        (void)cursor_until(&cursor, 0);
        model_use(server, type, cursor_until(&cursor, 0));
        break;
    case PG_MESSAGE_DESCRIBE:
        cursor_skip(&cursor, 1);
        model_use(server, type, cursor_until(&cursor, 0));
        break;
    case PG_MESSAGE_CLOSE:
        if (cursor_u8(&cursor) == 'S') {
            struct model_statement *statement = model_find(server, cursor_until(&cursor, 0));
            if (statement != NULL) {
                model_remove(server, statement);
            }
        }
        model_say(server, '3', span_of(NULL, 0));
        break;
    case PG_MESSAGE_EXECUTE:
        if (server->bound.size == 0) {
            model_fail(server, "34000");
            break;
        }
        model_say(server, 'D', span_of(server->bound.text, server->bound.size));
        model_complete(server, "SELECT 1");
        break;
    case PG_MESSAGE_QUERY:
        model_query(server, cursor_until(&cursor, 0));
        break;
    case PG_MESSAGE_SYNC:
        server->skipping = false;
        server->bound.size = 0;
        model_say(server, 'Z', span_of("I", 1));
        break;
    default:
        ASSERT(false);
    }
}

/* Looks at the whole messages that it has been told. */
static inline void model_work(struct model_server *server)
{
    size_t at = 0;
    while (server->said_size - at >= PG_FRAME_HEAD) {
        struct cursor cursor;
        cursor_init(&cursor, server->said + at + 1, 4);
        const size_t size = (size_t)cursor_u32be(&cursor) + 1;
        if (server->said_size - at < size) {
            break;
        }
        model_message(server, server->said[at], span_of(server->said + at + PG_FRAME_HEAD, size - PG_FRAME_HEAD));
        at += size;
    }
    memmove(server->said, server->said + at, server->said_size - at);
    server->said_size -= at;
    ASSERT(!server->answer.overflow);
}

static inline void model_tell(struct model_server *server, struct span bytes)
{
    ASSERT(server->said_size + bytes.size <= sizeof server->said);
    if (bytes.size > 0) {
        memcpy(server->said + server->said_size, bytes.data, bytes.size);
    }
    server->said_size += bytes.size;
    model_work(server);
}

/* A server that is shared, and what the proxy knows of it. */
struct model_shared {
    struct model_server server;
    struct proxy_shelf_copies copies;
    bool taken;
};

struct model_client {
    struct proxy_prepare *prepare;
    struct model_server straight;
    struct model_shared *server; /* NULL: it rests */
    struct pg_frame up;
    struct pg_frame down;
    uint32_t expected;
    bool open; /* a batch is */
    uint8_t saying[4096];
    size_t saying_size;
    uint8_t heard[MODEL_BYTES];
    size_t heard_size;
};

struct model {
    const uint8_t *data;
    size_t size;
    size_t at;
    struct proxy_shelf *shelf;
    struct model_client clients[MODEL_CLIENTS];
    struct model_shared servers[MODEL_SERVERS];
    uint8_t out[MODEL_BYTES];
};

/* The next decision. */
static inline uint32_t model_pick(struct model *model, uint32_t count)
{
    return model->at < model->size ? model->data[model->at++] % count : 0;
}

static inline bool model_idle(const struct model_client *client)
{
    return client->expected == 0 && !client->open && pg_frame_boundary(&client->up);
}

/* ---- what a client says ---- */

static inline void model_put(struct model_client *client, uint8_t type, const char *format, const char *one,
                             const char *two)
{
    char body[64];
    struct buf buf;
    size_t size = 0;
    for (const char *at = format; *at != '\0'; at++) { /* 1, 2: the strings; 0: a zero */
        const char *text = *at == '1' ? one : *at == '2' ? two : "";
        memcpy(body + size, text, strlen(text) + 1);
        size += *at == 'S' || *at == 'P' ? 0 : strlen(text) + 1;
        if (*at == 'S' || *at == 'P') {
            body[size++] = *at;
        }
    }
    buf_init(&buf, client->saying + client->saying_size, sizeof client->saying - client->saying_size);
    buf_u8(&buf, type);
    buf_u32be(&buf, (uint32_t)(4 + size));
    buf_bytes(&buf, body, size);
    ASSERT(!buf.overflow);
    client->saying_size += buf.size;
}

/* `touched`: names that an earlier group of the pipeline makes or closes. When that fails, a server of the client's own
 * would fail what follows; ours may know the text already, and carry it out. Nobody is told how that is. */
static inline void model_extended(struct model *model, struct model_client *client, uint32_t touched,
                                  uint32_t *touching)
{
    static const char *const names[] = {"a", "b", "c", ""};
    static const char *const texts[] = {"one", "two", "three", "four", "!"};
    uint32_t index = model_pick(model, 4);
    index = (touched >> index & 1) != 0 ? 3 : index;
    const char *name = names[index];
    *touching |= index < 3 ? 1U << index : 0;
    switch (model_pick(model, 6)) {
    case 0:
    case 1:
        model_put(client, PG_MESSAGE_PARSE, "120", name, texts[model_pick(model, 5)]);
        break;
    case 2:
        model_put(client, PG_MESSAGE_BIND, "010", name, "");
        break;
    case 3:
        model_put(client, PG_MESSAGE_DESCRIBE, "S1", name, "");
        break;
    case 4:
        model_put(client, PG_MESSAGE_CLOSE, "S1", name, "");
        break;
    default:
        model_put(client, PG_MESSAGE_EXECUTE, "0", "", "");
        break;
    }
}

static inline void model_chat(struct model *model, struct model_client *client)
{
    static const char *const queries[] = {"DEALLOCATE a",   "DEALLOCATE b", "DEALLOCATE c",
                                          "DEALLOCATE ALL", "hello",        "!"};
    const uint32_t groups = 1 + model_pick(model, 3);
    uint32_t touched = 0;
    for (uint32_t i = 0; i < groups; i++) {
        uint32_t touching = 0;
        if (model_pick(model, 4) == 0) {
            const uint32_t query = touched == 0 ? model_pick(model, 6) : 4;
            touched |= query < 3 ? 1U << query : 0;
            model_put(client, PG_MESSAGE_QUERY, "1", queries[query], "");
            if (client->saying[client->saying_size - 4] == 'A') {
                return; /* ALL is told by its answer, so nothing is said before that */
            }
            continue;
        }
        const uint32_t count = model_pick(model, 5);
        for (uint32_t k = 0; k < count; k++) {
            model_extended(model, client, touched, &touching);
        }
        touched |= touching;
        model_put(client, PG_MESSAGE_SYNC, "", "", "");
    }
}

/* ---- how it passes ---- */

/* The relay's part: counts what ends. */
static inline void model_look_up(struct model_client *client, struct span bytes)
{
    struct pg_frame_message message;
    while (pg_frame_step(&client->up, &bytes, &message)) {
        const bool asks = message.type == PG_MESSAGE_QUERY || message.type == PG_MESSAGE_SYNC;
        client->expected += asks ? 1 : 0;
        client->open = !asks;
    }
}

static inline void model_up(struct model *model, struct model_client *client, struct span bytes)
{
    struct buf out;
    if (client->server == NULL) {
        const uint32_t first = model_pick(model, MODEL_SERVERS);
        for (uint32_t i = 0; i < MODEL_SERVERS; i++) {
            struct model_shared *server = &model->servers[(i + first) % MODEL_SERVERS];
            if (!server->taken && client->server == NULL) {
                server->taken = true;
                client->server = server;
            }
        }
    }
    ASSERT(client->server != NULL);
    if (model_idle(client)) {
        proxy_prepare_begin(client->prepare, &client->server->copies);
    }
    const uint32_t ahead = client->expected;
    buf_init(&out, model->out, sizeof model->out);
    model_tell(&client->straight, bytes);
    model_look_up(client, bytes);
    const bool good = proxy_prepare_up(client->prepare, &client->server->copies, bytes, ahead, &out);
    ASSERT(good);
    model_tell(&client->server->server, span_of(out.data, out.size));
}

static inline void model_look_down(struct model_client *client, struct span bytes)
{
    struct pg_frame_message message;
    ASSERT(client->heard_size + bytes.size <= sizeof client->heard);
    if (bytes.size > 0) {
        memcpy(client->heard + client->heard_size, bytes.data, bytes.size);
    }
    client->heard_size += bytes.size;
    while (pg_frame_step(&client->down, &bytes, &message)) {
        (void)proxy_await_passed(client->prepare, &client->server->copies, &message);
        ASSERT(message.type != PG_MESSAGE_READY || client->expected > 0);
        client->expected -= message.type == PG_MESSAGE_READY ? 1 : 0;
    }
    ASSERT(!client->down.failed);
}

/* What the proxy knows of a server that nobody has is what the server has. */
static inline void model_check(struct model_shared *shared)
{
    uint32_t named = 0;
    for (uint32_t i = 0; i < shared->server.count; i++) {
        named += shared->server.statements[i].name[0] != '\0' ? 1 : 0;
    }
    ASSERT(named == shared->copies.count);
    for (uint32_t i = 0; i < shared->copies.count; i++) {
        char name[PROXY_SHELF_NAME];
        const struct proxy_shelf_copy *copy = &shared->copies.data[i];
        proxy_shelf_name(copy->text, name);
        const struct model_statement *statement = model_find(&shared->server, span_text(name));
        ASSERT(copy->there && copy->pending == 0 && statement != NULL);
        ASSERT(span_equal(span_of(statement->text, statement->size), span_of(copy->text->body, copy->text->size)));
    }
}

static inline void model_down(struct model *model, struct model_client *client, size_t size)
{
    struct model_server *server = &client->server->server;
    struct buf out;
    size = size < server->answer.size ? size : server->answer.size;
    const struct span bytes = span_of(server->answer.data, size);
    if (proxy_await_still(client->prepare)) {
        model_look_down(client, bytes);
    } else {
        buf_init(&out, model->out, sizeof model->out);
        proxy_await_down(client->prepare, &client->server->copies, &client->down, bytes, &out);
        model_look_down(client, span_of(out.data, out.size));
    }
    memmove(server->answer.data, server->answer.data + size, server->answer.size - size);
    server->answer.size -= size;
    if (model_idle(client) && server->answer.size == 0 && client->saying_size == 0) {
        ASSERT(proxy_await_still(client->prepare) && pg_frame_boundary(&client->down));
        ASSERT(client->heard_size == client->straight.answer.size &&
               memcmp(client->heard, client->straight.answer.data, client->heard_size) == 0);
        client->heard_size = 0;
        buf_reset(&client->straight.answer);
        /* The unnamed statement is refused to who has not made it, by the relay: here both forget it. */
        struct model_statement *unnamed = model_find(server, span_of("", 0));
        if (unnamed != NULL) {
            model_remove(server, unnamed);
        }
        unnamed = model_find(&client->straight, span_of("", 0));
        if (unnamed != NULL) {
            model_remove(&client->straight, unnamed);
        }
        model_check(client->server);
        client->server->taken = false;
        client->server = NULL;
    }
}

static inline void model_step(struct model *model, struct model_client *client)
{
    if (client->saying_size == 0 && model_idle(client)) {
        model_chat(model, client);
        return;
    }
    if (model_pick(model, 2) == 0 && client->saying_size > 0) {
        size_t size = 1 + model_pick(model, 64);
        size = size < client->saying_size ? size : client->saying_size;
        model_up(model, client, span_of(client->saying, size));
        memmove(client->saying, client->saying + size, client->saying_size - size);
        client->saying_size -= size;
    } else if (client->server != NULL) {
        model_down(model, client, 1 + model_pick(model, 64));
    }
}

/* All of it. */
static inline void model_run(const uint8_t *data, size_t size)
{
    struct model *model = calloc(1, sizeof *model);
    ASSERT(model != NULL);
    model->data = data;
    model->size = size;
    model->shelf = proxy_shelf_new();
    for (uint32_t i = 0; i < MODEL_SERVERS; i++) {
        model_server_init(&model->servers[i].server);
    }
    for (uint32_t i = 0; i < MODEL_CLIENTS; i++) {
        struct model_client *client = &model->clients[i];
        client->prepare = proxy_prepare_new(model->shelf, MODEL_LIMIT);
        model_server_init(&client->straight);
        pg_frame_init(&client->up);
        pg_frame_init(&client->down);
    }
    while (model->at < model->size) {
        model_step(model, &model->clients[model_pick(model, MODEL_CLIENTS)]);
    }
    for (uint32_t i = 0; i < MODEL_CLIENTS; i++) {
        proxy_prepare_free(model->clients[i].prepare);
    }
    for (uint32_t i = 0; i < MODEL_SERVERS; i++) {
        proxy_shelf_clear(&model->servers[i].copies);
    }
    proxy_shelf_free(model->shelf);
    free(model);
}
