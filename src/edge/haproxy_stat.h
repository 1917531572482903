/* SPDX-License-Identifier: Apache-2.0
 * Reads the answer of HAProxy's `show stat` (CSV with a header line; management guide 2.6, section 9.1).
 *
 * Columns are found by their names, so newer versions with more columns are read as well. Pure, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    HAPROXY_STAT_NAME = 64,
    HAPROXY_STAT_SERVERS = 128,
};

struct haproxy_stat_server {
    char name[HAPROXY_STAT_NAME];
    bool up;         /* takes requests, as far as HAProxy knows ("UP", "no check") */
    uint32_t weight; /* the effective one */
};

struct haproxy_stat {
    char backend[HAPROXY_STAT_NAME];
    bool http;        /* counts requests; else (TCP mode) requests are sessions and errors are failed connections */
    int64_t requests; /* since HAProxy started */
    int64_t errors;   /* answers 5xx among them */
    uint32_t servers_up;
    uint32_t servers_count;
    struct haproxy_stat_server servers[HAPROXY_STAT_SERVERS];
};

/* The figures of one backend; an empty name: of the only backend. ERR_PROTOCOL: not such a text; ERR_NOT_FOUND: no such
 * backend, or an empty name and several; ERR_TOO_LARGE: more servers than fit. */
enum err haproxy_stat_parse(struct span text, const char *backend, struct haproxy_stat *ret_stat) ERR_CHECK;
