/* SPDX-License-Identifier: Apache-2.0
 * The way of results from probe threads to one consumer: bounded, and never blocking a probe.
 *
 * Only the newest result of a check in a region matters: a newer one takes the place of one that was not taken yet,
 * which is counted. So the queue holds at most one entry per probe. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "edge/probe.h"

struct observe_queue;

/* `wake` is called from probe threads when the queue stops being empty (to send a uv_async, write an eventfd...), must
 * not block, and may be NULL. */
enum err observe_queue_new(void (*wake)(void *context), void *context, struct observe_queue **ret_queue) ERR_CHECK;

/* Any thread. Has the form of a probe_sink: context is the queue. */
void observe_queue_push(void *queue, const struct probe_result *result);

/* Takes up to `capacity` results, oldest first; when there is none, waits up to `wait_ms` for the first. The number
 * taken. */
uint32_t observe_queue_take(struct observe_queue *queue, struct probe_result *ret_results, uint32_t capacity,
                            uint32_t wait_ms);

/* Ends a take or a rest that waits, or the next one: there is something to say besides results. Any thread. */
void observe_queue_urge(struct observe_queue *queue);

/* Waits, in vain but for observe_queue_urge. */
void observe_queue_rest(struct observe_queue *queue, uint32_t wait_ms);

/* Results that were replaced, or found no room (more than LIMITS_PROBES different probes), so far. */
uint64_t observe_queue_dropped(struct observe_queue *queue);

/* Nobody may push or take any more. NULL is fine. */
void observe_queue_free(struct observe_queue *queue);
