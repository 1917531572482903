/* SPDX-License-Identifier: Apache-2.0
 * Measured times as the JSON of doc/protocol.md: a host's report (POST /v1/latency), and what controllers make of all
 * reports (GET /v1/latency). Moments travel as ages.
 *
 * Pure but for memory. What is out of range or of another form is refused whole: ERR_INVALID. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "edge/latency_table.h"

enum {
    LATENCY_MESSAGE_ROWS = 256,
    LATENCY_MESSAGE_BYTES = LATENCY_MESSAGE_ROWS * 128 + 256,
    LATENCY_MESSAGE_AGE_S = 100 * 86400, /* at most */
};

struct latency_message_row {
    struct network network;
    uint32_t rtt_us;
    uint32_t age_s;
};

struct latency_message {
    char site[LIMITS_NAME];
    uint32_t count;
    struct latency_message_row rows[LATENCY_MESSAGE_ROWS];
};

/* Into a buffer of LATENCY_MESSAGE_BYTES. */
void latency_message_write(const struct latency_message *message, struct buf *buf);
enum err latency_message_read(const char *text, size_t size, struct latency_message *ret_message) ERR_CHECK;

/* A table of times by region. The caller frees it; NULL: no memory. */
char *latency_message_write_table(const struct latency_table *table, int64_t now_s, int64_t max_age_s);

/* Adds to the table by latency_table_put. ERR_TOO_LARGE: more regions than it holds. */
enum err latency_message_read_table(const char *text, size_t size, int64_t now_s,
                                    struct latency_table *table) ERR_CHECK;
