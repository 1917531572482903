/* SPDX-License-Identifier: Apache-2.0
 * Many sends in one system call: a small io_uring (Linux 6.1 or later) that does nothing else.
 *
 * A send never waits (MSG_DONTWAIT), so all that was queued has been tried when ring_submit returns, and the bytes are
 * the caller's again. What was taken in full is not mentioned; ring_shortfall names the others. A failure leaves no
 * trace: opening one proves that the kernel keeps this contract, which those before 6.1 do not (they forget how much of
 * a send that fell short was taken); containers often forbid io_uring altogether. Whoever gets none sends one by one.
 *
 * Belongs to the thread that opened it. io_uring(7), io_uring_enter(2), linux/io_uring.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

struct ring;

/* For at most `entries` sends at a time, a power of two. Errors: UNSUPPORTED, this kernel has none that keeps the
 * contract or forbids it; NO_MEMORY. */
ERR_CHECK enum err ring_open(uint32_t entries, struct ring **ret_ring);

/* NULL is fine. */
void ring_close(struct ring *ring);

/* Queues a send to a stream socket; `tag` names it. The bytes stay where they are until ring_submit. */
void ring_send(struct ring *ring, int fd, struct span bytes, uint64_t tag);

/* Carries out what was queued, in this order. How many the kernel has dealt with; the rest, always the last ones, was
 * not tried and is forgotten (it was out of memory). */
ERR_CHECK uint32_t ring_submit(struct ring *ring);

/* The next send that was not taken in full: bytes taken, 0 or more, or -errno when nothing was. False: no more. */
bool ring_shortfall(struct ring *ring, uint64_t *ret_tag, int32_t *ret_result);
