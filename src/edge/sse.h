/* SPDX-License-Identifier: Apache-2.0
 * Server-sent events as a client reads them (WHATWG HTML, section 9.2.6): bytes in any portions, events out.
 *
 * On memory of the caller; one owner, one thread. Ids are our event numbers: others are ignored, as are comments,
 * "retry" and unknown fields. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct sse_event {
    uint64_t id;      /* the last one told, also by an earlier event; 0: none yet */
    const char *name; /* "message" when the server names none */
    const char *data;
    size_t size;
};

struct sse {
    void (*event)(void *context, const struct sse_event *event);
    void *context;
    struct buf line;
    struct buf data;
    char name[64];
    uint64_t id;
    size_t seen;   /* bytes of the stream, up to the end of a byte order mark */
    bool has_data; /* the event in progress has a data line, maybe an empty one */
    bool after_cr; /* a line feed now belongs to the line that has ended */
};

/* `memory` holds one line and one event's data, half of it each: the limit of both. */
void sse_init(struct sse *sse, void *memory, size_t capacity,
              void (*event)(void *context, const struct sse_event *event), void *context);

/* Calls `event` for each event that is complete; it borrows everything. ERR_TOO_LARGE: a line or an event's data
 * exceeds the limit: give the connection up. */
ERR_CHECK enum err sse_feed(struct sse *sse, const void *data, size_t size);
