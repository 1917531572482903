/* SPDX-License-Identifier: Apache-2.0
 * The inbox of the decision loop: a bounded queue of events from all threads, with one consumer.
 *
 * An event that finds it full is dropped and counted: observations and reports come again by themselves, results are
 * asked for again by the engine's own time-outs. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "core/event.h"

struct inbox;

ERR_CHECK enum err inbox_new(uint32_t capacity, struct inbox **ret_inbox);
void inbox_free(struct inbox *inbox);

/* Stamps the event with the present time and appends it. False: full, dropped. Any thread. */
bool inbox_push(struct inbox *inbox, const struct event *event);

/* Wakes the consumer although there is no event. Any thread. */
void inbox_wake(struct inbox *inbox);

/* Takes the next event. False: none came until `deadline`, or inbox_wake was called. */
bool inbox_take(struct inbox *inbox, struct mono deadline, struct event *ret_event);

uint64_t inbox_dropped(struct inbox *inbox);
