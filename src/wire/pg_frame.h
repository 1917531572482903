/* SPDX-License-Identifier: Apache-2.0
 * Walks a stream of typed PostgreSQL messages as it passes, in pieces of any size, without keeping it.
 *
 * A message is a type byte, a 32-bit length that counts itself, and a body. The frame remembers where in a message the
 * stream stands and the first bytes of the body, which is all that a relay has to see. One owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    PG_FRAME_HEAD = 5,
    PG_FRAME_PEEK = 96,               /* enough for severity and SQLSTATE of an ErrorResponse */
    PG_FRAME_BODY_LIMIT = 0x3fffffff, /* PostgreSQL's own limit of a message, 1 GB */
};

struct pg_frame {
    uint8_t head[PG_FRAME_HEAD];
    uint8_t head_have; /* 0: at a message boundary */
    bool failed;       /* sticky: the stream is not PostgreSQL's protocol */
    uint8_t peek_have;
    uint8_t peek[PG_FRAME_PEEK];
    uint32_t body_left;
};

/* A message that has just ended. `peek` points into the frame and is good until the next call. */
struct pg_frame_message {
    uint8_t type;
    uint32_t body_size;
    struct span peek; /* the first bytes of the body */
};

void pg_frame_init(struct pg_frame *frame);

/* Takes bytes off the front of `bytes`. True: a message has just ended, call again for the rest. False: all bytes are
 * taken, or the frame has failed. */
bool pg_frame_step(struct pg_frame *frame, struct span *bytes, struct pg_frame_message *ret_message);

/* Whether the stream stands between two messages. */
bool pg_frame_boundary(const struct pg_frame *frame);
