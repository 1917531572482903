/* SPDX-License-Identifier: Apache-2.0
 * What of the server's answers is awaited for a client whose prepared statements have names of our own
 * (proxy_prepare.h), and what becomes of them on their way to the client.
 *
 * Only ParseComplete and CloseComplete are awaited (and one tag), in the order in which the server gives them. Belongs
 * to the worker's thread. */
#pragma once

#include "proxy/proxy_prepare.h"

/* What the answer is to, and so what becomes of it. */
enum proxy_await_kind {
    PROXY_AWAIT_PASS,       /* the client's own, not renamed */
    PROXY_AWAIT_PARSE,      /* the client's Parse, under our name */
    PROXY_AWAIT_SAME,       /* a Close in place of the client's Parse: told as ParseComplete */
    PROXY_AWAIT_CLOSE,      /* a Close in place of the client's */
    PROXY_AWAIT_AGAIN,      /* our Parse: left out */
    PROXY_AWAIT_OUT,        /* our Close of a text that makes room: left out */
    PROXY_AWAIT_REDO,       /* our Close of one of which it is not known whether it is there: left out */
    PROXY_AWAIT_DEALLOCATE, /* the tag of the first of two statements in place of the client's: left out */
};

/* An answer to a message of the present group, about a name of the client's and a text (NULL: none). False: out of
 * memory, or too many. */
bool proxy_await_push(struct proxy_prepare *prepare, enum proxy_await_kind kind, uint32_t name,
                      struct proxy_shelf_text *text);

/* Nothing of what is awaited will come: it has not happened. `copies` NULL: the server is gone. */
void proxy_await_skip(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies);

/* Whether bytes of the server pass as they are; if not, appends to `out` what the client gets for them. `received` is
 * where the server's stream stands before them, as far as it has passed. */
bool proxy_await_still(const struct proxy_prepare *prepare);
void proxy_await_down(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies, const struct pg_frame *received,
                      struct span bytes, struct buf *out);

/* A whole message of the server has passed to the client: groups that end, DEALLOCATE ALL, DISCARD ALL. True: the
 * server no longer has what it should, and had better be replaced. */
bool proxy_await_passed(struct proxy_prepare *prepare, struct proxy_shelf_copies *copies,
                        const struct pg_frame_message *message);
