/* SPDX-License-Identifier: Apache-2.0
 * A plain TCP or unix connection on a probe's loop: connect, write, read, and one call-back for its end.
 *
 * A stream frees itself once closed; its owner forgets it with probe_stream_close, after which no call-back comes. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include <uv.h>

#include "base/err.h"
#include "edge/probe_address.h"

struct probe_stream;

struct probe_stream_events {
    void (*connected)(void *context);
    /* Bytes from the peer, borrowed for the call. */
    void (*data)(void *context, const uint8_t *data, size_t size);
    /* The end: ERR_CLOSED for an orderly one by the peer, or what went wrong. The owner still has to close. */
    void (*ended)(void *context, enum err err);
};

/* NULL only when memory is out. A refusal is told by `ended`, later. */
struct probe_stream *probe_stream_new(uv_loop_t *loop, const struct probe_address *address,
                                      const struct probe_stream_events *events, void *context);

/* Copies. Only after `connected`. */
void probe_stream_write(struct probe_stream *stream, const void *data, size_t size);

/* Any time, also inside its call-backs. NULL is fine. */
void probe_stream_close(struct probe_stream *stream);
