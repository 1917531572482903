/* SPDX-License-Identifier: Apache-2.0
 * Files of measured times: a network a line, and how far it is from each place that measured it.
 *
 *   192.0.2.0/24 taiwan=41200@1792713600 tokyo=5300@1792713655
 *
 * Microseconds, and when they were last measured: seconds since 1970 on this machine's clock, which wrote the file and
 * reads it. '#' begins a comment. Read strictly: the file is made by a program. Pure; spans point into the text. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/cursor.h"
#include "wire/network.h"

enum {
    LATENCY_LINE_NAME = 32,   /* with the terminator */
    LATENCY_LINE_PLACES = 16, /* in one line */
    LATENCY_LINE_MOST_US = 60000000,
};

struct latency_line_place {
    char name[LATENCY_LINE_NAME];
    uint32_t rtt_us; /* 1 to LATENCY_LINE_MOST_US */
    int64_t seen_s;  /* not negative */
};

struct latency_line {
    struct network network;
    uint32_t count; /* at least 1, each name once */
    struct latency_line_place places[LATENCY_LINE_PLACES];
};

enum latency_line_item { LATENCY_LINE_ROW, LATENCY_LINE_END, LATENCY_LINE_BROKEN };

/* The next line with a network; `line` counts all lines. BROKEN: nothing may be read after it. */
enum latency_line_item latency_line_next(struct cursor *text, uint32_t *line, struct latency_line *ret_line);

/* With its line break. */
void latency_line_print(const struct latency_line *line, struct buf *buf);
