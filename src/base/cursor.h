/* SPDX-License-Identifier: Apache-2.0
 * The only way to read bytes from outside: bounds-checked, with a sticky error that is tested once at the end.
 *
 * After an error every read gives zeroes and an empty span, so parsers are straight lines. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

struct cursor {
    const uint8_t *data;
    size_t size;
    size_t at;
    bool failed;
};

static inline void cursor_init(struct cursor *cursor, const void *data, size_t size)
{
    *cursor = (struct cursor){.data = (const uint8_t *)data, .size = size};
}

static inline size_t cursor_left(const struct cursor *cursor)
{
    return cursor->failed ? 0 : cursor->size - cursor->at;
}

/* What is left, without taking it. */
static inline struct span cursor_rest(const struct cursor *cursor)
{
    return cursor->failed ? (struct span){NULL, 0}
                          : (struct span){cursor->data + cursor->at, cursor->size - cursor->at};
}

static inline bool cursor_ok(const struct cursor *cursor)
{
    return !cursor->failed;
}

static inline void cursor_fail(struct cursor *cursor)
{
    cursor->failed = true;
}

static inline struct span cursor_span(struct cursor *cursor, size_t size)
{
    if (cursor_left(cursor) < size) {
        cursor->failed = true;
        return (struct span){NULL, 0};
    }
    const struct span span = {cursor->data + cursor->at, size};
    cursor->at += size;
    return span;
}

static inline void cursor_skip(struct cursor *cursor, size_t size)
{
    (void)cursor_span(cursor, size);
}

static inline uint8_t cursor_u8(struct cursor *cursor)
{
    const struct span span = cursor_span(cursor, 1);
    return span.data != NULL ? span.data[0] : 0;
}

static inline uint16_t cursor_u16be(struct cursor *cursor)
{
    const struct span span = cursor_span(cursor, 2);
    return (uint16_t)(span.data != NULL ? span.data[0] << 8 | span.data[1] : 0);
}

static inline uint32_t cursor_u32be(struct cursor *cursor)
{
    const struct span span = cursor_span(cursor, 4);
    return span.data != NULL ? (uint32_t)span.data[0] << 24 | (uint32_t)span.data[1] << 16 |
                                   (uint32_t)span.data[2] << 8 | (uint32_t)span.data[3]
                             : 0;
}

/* The bytes before the next `stop`, which is skipped. Fails when there is none. */
static inline struct span cursor_until(struct cursor *cursor, uint8_t stop)
{
    const size_t left = cursor_left(cursor);
    const uint8_t *found = left > 0 ? (const uint8_t *)memchr(cursor->data + cursor->at, stop, left) : NULL;
    if (found == NULL) {
        cursor->failed = true;
        return (struct span){NULL, 0};
    }
    const size_t size = (size_t)(found - (cursor->data + cursor->at));
    const struct span span = cursor_span(cursor, size);
    cursor->at++;
    return span;
}
