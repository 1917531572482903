/* SPDX-License-Identifier: Apache-2.0
 * An append-only byte buffer on memory of the caller, with a ceiling and a sticky overflow flag.
 *
 * Appending past the end writes nothing and sets `overflow`; the caller asks once, at the end. The text forms keep a
 * terminating NUL behind the data (not counted in `size`) as long as the capacity is at least 1. One owner, one thread.
 */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct buf {
    uint8_t *data;
    size_t capacity;
    size_t size;
    bool overflow;
};

void buf_init(struct buf *buf, void *memory, size_t capacity);
void buf_reset(struct buf *buf);

void buf_bytes(struct buf *buf, const void *data, size_t size);
void buf_u8(struct buf *buf, uint8_t value);
void buf_u16be(struct buf *buf, uint16_t value);
void buf_u32be(struct buf *buf, uint32_t value);

void buf_text(struct buf *buf, const char *text);
void buf_printf(struct buf *buf, const char *format, ...) __attribute__((format(printf, 2, 3)));
void buf_vprintf(struct buf *buf, const char *format, va_list arguments) __attribute__((format(printf, 2, 0)));

/* The content as a C string. Only for buffers with a capacity of at least 1. */
const char *buf_string(const struct buf *buf);
