/* SPDX-License-Identifier: Apache-2.0
 * Probe results as the JSON of doc/protocol.md (RESULT and POST /v1/observations), written and read back.
 *
 * Moments travel as ages: the reader places a result on its own clock. Pure functions, any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/time.h"
#include "edge/probe.h"

enum {
    OBSERVE_RESULTS = LIMITS_PROBES, /* per batch */
    OBSERVE_RESULT_BYTES = 2048,     /* one RESULT at most: all of its text as six-byte escapes */
    OBSERVE_BATCH_BYTES = OBSERVE_RESULTS * OBSERVE_RESULT_BYTES + LIMITS_NODES * 128 + 256,
};

/* What a site hears of heartbeats: nodes that it has a word about. */
struct observe_beat {
    char node[LIMITS_NAME];
    bool silent; /* for its whole window */
    uint32_t age_ms;
    uint64_t gone; /* it is heard to say that no process of its server remains, under this epoch; 0: it does not */
};

struct observe_beats {
    bool any; /* it listens */
    uint32_t count;
    struct observe_beat entries[LIMITS_NODES];
};

struct observe_batch {
    char site[LIMITS_NAME];
    uint64_t boot;     /* < 2^63: changes with each start of the observer */
    uint64_t sequence; /* < 2^63: grows with each batch of a boot */
    struct observe_beats beats;
    uint32_t count;
    struct probe_result results[OBSERVE_RESULTS]; /* when read: without id and kind; started and ended on our clock */
};

/* Appends one RESULT; `now` makes the age. */
void observe_write_result(struct buf *buf, const struct probe_result *result, struct mono now);

/* Appends the body of POST /v1/observations. `buf` needs OBSERVE_BATCH_BYTES at most. */
void observe_write_batch(struct buf *buf, const struct observe_batch *batch, struct mono now);

/* Reads such a body. ERR_INVALID: not this shape (a member missing, of another type, too long; an unknown error name is
 * taken as INTERNAL); ERR_TOO_LARGE: more than OBSERVE_RESULTS results or LIMITS_NODES heartbeats. `now` is when it
 * arrived. */
enum err observe_read_batch(const char *text, size_t size, struct mono now, struct observe_batch *ret_batch) ERR_CHECK;
