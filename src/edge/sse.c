/* SPDX-License-Identifier: Apache-2.0
 * Server-sent events as a client reads them. */
#include "edge/sse.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "edge/http_route.h"

void sse_init(struct sse *sse, void *memory, size_t capacity,
              void (*event)(void *context, const struct sse_event *event), void *context)
{
    ASSERT(capacity >= 4 && event != NULL);
    *sse = (struct sse){.event = event, .context = context};
    const size_t half = capacity / 2;
    buf_init(&sse->line, memory, half);
    buf_init(&sse->data, (uint8_t *)memory + half, half);
}

static void sse_dispatch(struct sse *sse)
{
    if (sse->has_data) {
        const struct sse_event event = {
            .id = sse->id,
            .name = sse->name[0] != '\0' ? sse->name : "message",
            .data = buf_string(&sse->data),
            .size = sse->data.size,
        };
        sse->event(sse->context, &event);
    }
    sse->name[0] = '\0';
    sse->has_data = false;
    buf_reset(&sse->data);
}

static void sse_field(struct sse *sse, struct span field, struct span value)
{
    if (span_is(field, "data")) {
        if (sse->has_data) {
            buf_text(&sse->data, "\n");
        }
        sse->has_data = true;
        buf_bytes(&sse->data, value.data, value.size);
    } else if (span_is(field, "event") && value.size < sizeof sse->name) {
        memcpy(sse->name, value.data, value.size);
        sse->name[value.size] = '\0';
    } else if (span_is(field, "id")) {
        uint64_t id = 0;
        if (http_route_number(value, &id) == ERR_OK) {
            sse->id = id;
        }
    }
}

static void sse_line(struct sse *sse)
{
    struct cursor cursor;
    cursor_init(&cursor, sse->line.data, sse->line.size);
    if (sse->line.size == 0) {
        sse_dispatch(sse);
        return;
    }
    const uint8_t *colon = memchr(cursor.data, ':', cursor.size);
    const struct span field = colon != NULL ? cursor_until(&cursor, ':') : cursor_span(&cursor, cursor_left(&cursor));
    if (cursor_left(&cursor) > 0 && cursor.data[cursor.at] == ' ') {
        cursor_skip(&cursor, 1);
    }
    const struct span value = cursor_span(&cursor, cursor_left(&cursor));
    /* A comment has an empty field. */
    if (field.size > 0) {
        sse_field(sse, field, value);
    }
    buf_reset(&sse->line);
}

static void sse_byte(struct sse *sse, uint8_t byte)
{
    static const uint8_t mark[] = {0xef, 0xbb, 0xbf};
    if (sse->seen < sizeof mark) {
        sse->seen = byte == mark[sse->seen] ? sse->seen + 1 : sizeof mark + 1;
        if (sse->seen <= sizeof mark) {
            return;
        }
    }
    const bool belongs_to_cr = sse->after_cr && byte == '\n';
    sse->after_cr = byte == '\r';
    if (belongs_to_cr) {
        return;
    }
    if (byte == '\n' || byte == '\r') {
        sse_line(sse);
    } else {
        buf_u8(&sse->line, byte);
    }
}

enum err sse_feed(struct sse *sse, const void *data, size_t size)
{
    const uint8_t *bytes = data;
    for (size_t i = 0; i < size; i++) {
        sse_byte(sse, bytes[i]);
        if (sse->line.overflow || sse->data.overflow) {
            return ERR_TOO_LARGE;
        }
    }
    return ERR_OK;
}
