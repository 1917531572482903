/* SPDX-License-Identifier: Apache-2.0
 * Walks a stream of typed PostgreSQL messages as it passes. */
#include "wire/pg_frame.h"

#include "base/assert.h"
#include "base/cursor.h"

void pg_frame_init(struct pg_frame *frame)
{
    *frame = (struct pg_frame){.head_have = 0};
}

bool pg_frame_boundary(const struct pg_frame *frame)
{
    return frame->head_have == 0 && !frame->failed;
}

static size_t pg_frame_minimum(size_t a, size_t b)
{
    return a < b ? a : b;
}

static struct span pg_frame_take(struct span *bytes, size_t size)
{
    ASSERT(size <= bytes->size);
    const struct span taken = span_of(bytes->data, size);
    bytes->data += size;
    bytes->size -= size;
    return taken;
}

/* Fills the head; at its end the body's size is known. */
static void pg_frame_head(struct pg_frame *frame, struct span *bytes)
{
    const struct span taken = pg_frame_take(bytes, pg_frame_minimum(bytes->size, PG_FRAME_HEAD - frame->head_have));
    memcpy(frame->head + frame->head_have, taken.data, taken.size);
    frame->head_have = (uint8_t)(frame->head_have + taken.size);
    if (frame->head_have < PG_FRAME_HEAD) {
        return;
    }
    struct cursor cursor;
    cursor_init(&cursor, frame->head, sizeof frame->head);
    cursor_skip(&cursor, 1);
    const uint32_t length = cursor_u32be(&cursor);
    frame->failed = length < 4 || length - 4 > PG_FRAME_BODY_LIMIT || frame->head[0] == 0;
    frame->body_left = frame->failed ? 0 : length - 4;
    frame->peek_have = 0;
}

static uint32_t pg_frame_body_size(const struct pg_frame *frame)
{
    struct cursor cursor;
    cursor_init(&cursor, frame->head, sizeof frame->head);
    cursor_skip(&cursor, 1);
    return cursor_u32be(&cursor) - 4;
}

bool pg_frame_step(struct pg_frame *frame, struct span *bytes, struct pg_frame_message *ret_message)
{
    if (frame->failed || bytes->size == 0) {
        return false;
    }
    if (frame->head_have < PG_FRAME_HEAD) {
        pg_frame_head(frame, bytes);
        if (frame->failed || frame->head_have < PG_FRAME_HEAD) {
            return false;
        }
    }
    const struct span taken = pg_frame_take(bytes, pg_frame_minimum(bytes->size, frame->body_left));
    const size_t peeked = pg_frame_minimum(taken.size, (size_t)PG_FRAME_PEEK - frame->peek_have);
    if (peeked > 0) {
        memcpy(frame->peek + frame->peek_have, taken.data, peeked);
        frame->peek_have = (uint8_t)(frame->peek_have + peeked);
    }
    frame->body_left -= (uint32_t)taken.size;
    if (frame->body_left > 0) {
        return false;
    }
    frame->head_have = 0;
    *ret_message = (struct pg_frame_message){
        .type = frame->head[0],
        .body_size = pg_frame_body_size(frame),
        .peek = span_of(frame->peek, frame->peek_have),
    };
    return true;
}
