/* SPDX-License-Identifier: Apache-2.0
 * An append-only byte buffer with a ceiling. */
#include "base/buf.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"

void buf_init(struct buf *buf, void *memory, size_t capacity)
{
    ASSERT(memory != NULL || capacity == 0);
    *buf = (struct buf){.data = memory, .capacity = capacity};
    buf_reset(buf);
}

void buf_reset(struct buf *buf)
{
    buf->size = 0;
    buf->overflow = false;
    if (buf->capacity > 0) {
        buf->data[0] = 0;
    }
}

/* One byte stays free for the terminator of the text forms. */
static bool buf_room(struct buf *buf, size_t size)
{
    if (buf->overflow || buf->capacity == 0 || size > buf->capacity - 1 - buf->size) {
        buf->overflow = true;
        return false;
    }
    return true;
}

void buf_bytes(struct buf *buf, const void *data, size_t size)
{
    if (size > 0 && buf_room(buf, size)) {
        memcpy(buf->data + buf->size, data, size);
        buf->size += size;
        buf->data[buf->size] = 0;
    }
}

void buf_u8(struct buf *buf, uint8_t value)
{
    buf_bytes(buf, &value, 1);
}

void buf_u16be(struct buf *buf, uint16_t value)
{
    const uint8_t bytes[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    buf_bytes(buf, bytes, sizeof bytes);
}

void buf_u32be(struct buf *buf, uint32_t value)
{
    const uint8_t bytes[4] = {(uint8_t)(value >> 24), (uint8_t)(value >> 16), (uint8_t)(value >> 8), (uint8_t)value};
    buf_bytes(buf, bytes, sizeof bytes);
}

void buf_text(struct buf *buf, const char *text)
{
    buf_bytes(buf, text, strlen(text));
}

void buf_vprintf(struct buf *buf, const char *format, va_list arguments)
{
    if (buf->overflow || buf->capacity == 0) {
        buf->overflow = true;
        return;
    }
    const size_t room = buf->capacity - buf->size;
    const int written = vsnprintf((char *)buf->data + buf->size, room, format, arguments);
    if (written < 0 || (size_t)written >= room) {
        buf->data[buf->size] = 0;
        buf->overflow = true;
        return;
    }
    buf->size += (size_t)written;
}

void buf_printf(struct buf *buf, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(buf, format, arguments);
    va_end(arguments);
}

const char *buf_string(const struct buf *buf)
{
    ASSERT(buf->capacity > 0);
    return (const char *)buf->data;
}
