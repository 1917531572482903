/* SPDX-License-Identifier: Apache-2.0
 * What the console answers. */
#include "proxy/proxy_console_reply.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "wire/pg_message.h"

enum {
    PROXY_CONSOLE_REPLY_TEXT = 25, /* the oid of text */
};

void proxy_console_reply_free(struct proxy_console_reply *reply)
{
    free(reply->data);
    *reply = (struct proxy_console_reply){.data = NULL};
}

void proxy_console_reply_bytes(struct proxy_console_reply *reply, struct span bytes)
{
    const size_t wanted = reply->size + bytes.size;
    if (reply->failed || wanted > PROXY_CONSOLE_REPLY_BYTES) {
        reply->failed = true;
        return;
    }
    if (wanted > reply->capacity) {
        const size_t capacity = 2 * wanted + 4096;
        uint8_t *data = realloc(reply->data, capacity);
        if (data == NULL) {
            reply->failed = true;
            return;
        }
        reply->data = data;
        reply->capacity = capacity;
    }
    memcpy(reply->data + reply->size, bytes.data, bytes.size);
    reply->size = wanted;
}

static void proxy_console_reply_put(struct proxy_console_reply *reply, const struct buf *buf)
{
    if (buf->overflow) {
        reply->failed = true;
    } else {
        proxy_console_reply_bytes(reply, span_of(buf->data, buf->size));
    }
}

/* Appends a message with this body. */
static void proxy_console_reply_message(struct proxy_console_reply *reply, uint8_t type, const struct buf *body)
{
    uint8_t memory[8];
    struct buf head;
    buf_init(&head, memory, sizeof memory);
    buf_u8(&head, type);
    buf_u32be(&head, (uint32_t)body->size + 4);
    proxy_console_reply_put(reply, &head);
    proxy_console_reply_put(reply, body);
}

void proxy_console_reply_columns(struct proxy_console_reply *reply, const char *const *names)
{
    uint8_t memory[PROXY_CONSOLE_REPLY_ROW];
    struct buf body;
    uint16_t count = 0;
    while (names[count] != NULL) {
        count++;
    }
    buf_init(&body, memory, sizeof memory);
    buf_u16be(&body, count);
    for (uint16_t i = 0; i < count; i++) {
        buf_bytes(&body, names[i], strlen(names[i]) + 1);
        buf_u32be(&body, 0); /* of no table */
        buf_u16be(&body, 0);
        buf_u32be(&body, PROXY_CONSOLE_REPLY_TEXT);
        buf_u16be(&body, UINT16_MAX); /* of any size */
        buf_u32be(&body, UINT32_MAX); /* without a modifier */
        buf_u16be(&body, 0);          /* as text */
    }
    proxy_console_reply_message(reply, 'T', &body);
}

void proxy_console_reply_row(struct proxy_console_reply *reply, const char *const *values, uint32_t count)
{
    uint8_t memory[PROXY_CONSOLE_REPLY_ROW];
    struct buf body;
    buf_init(&body, memory, sizeof memory);
    buf_u16be(&body, (uint16_t)count);
    for (uint32_t i = 0; i < count; i++) {
        buf_u32be(&body, (uint32_t)strlen(values[i]));
        buf_bytes(&body, values[i], strlen(values[i]));
    }
    proxy_console_reply_message(reply, PG_MESSAGE_ROW, &body);
}

void proxy_console_reply_complete(struct proxy_console_reply *reply, const char *tag)
{
    uint8_t memory[64];
    struct buf body;
    buf_init(&body, memory, sizeof memory);
    buf_bytes(&body, tag, strlen(tag) + 1);
    proxy_console_reply_message(reply, PG_MESSAGE_COMPLETE, &body);
}

static void proxy_console_reply_problem(struct proxy_console_reply *reply, const char *severity, const char *sqlstate,
                                        const char *text)
{
    uint8_t memory[512];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_message_error_write(&buf, severity, sqlstate, text, NULL);
    proxy_console_reply_put(reply, &buf);
}

void proxy_console_reply_error(struct proxy_console_reply *reply, const char *sqlstate, const char *text)
{
    proxy_console_reply_problem(reply, "ERROR", sqlstate, text);
}

void proxy_console_reply_fatal(struct proxy_console_reply *reply, const char *sqlstate, const char *text)
{
    proxy_console_reply_problem(reply, "FATAL", sqlstate, text);
}

void proxy_console_reply_ready(struct proxy_console_reply *reply)
{
    uint8_t memory[16];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_message_ready_write(&buf, PG_MESSAGE_STATUS_IDLE);
    proxy_console_reply_put(reply, &buf);
}

void proxy_console_reply_welcome(struct proxy_console_reply *reply)
{
    static const char *const parameters[][2] = {
        {"server_version", "15.0/holdfast"},   {"server_encoding", "UTF8"},
        {"client_encoding", "UTF8"},           {"DateStyle", "ISO"},
        {"standard_conforming_strings", "on"},
    };
    uint8_t memory[512];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    for (size_t i = 0; i < sizeof parameters / sizeof parameters[0]; i++) {
        pg_message_parameter_write(&buf, parameters[i][0], parameters[i][1]);
    }
    proxy_console_reply_put(reply, &buf);
    proxy_console_reply_ready(reply);
}
