/* SPDX-License-Identifier: Apache-2.0
 * What the parts of holdfast-load share: its settings, and the numbers that must be unique. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>

#include "history_write.h"

enum {
    LOAD_TARGETS = 16,
    LOAD_TARGET = 64,
    LOAD_PROCESSES = 256,
    LOAD_ACCOUNTS = 8,
    LOAD_BALANCE = 1000,
    LOAD_LISTS = 8,           /* in use at one time, per level */
    LOAD_LENGTH = 24,         /* appends to one list, about */
    LOAD_NUMBERS = 100000000, /* of one base */
};

/* One "host:port". */
struct load_target {
    char host[LOAD_TARGET];
    char port[8];
};

struct load_config {
    struct load_target writers[LOAD_TARGETS]; /* proxies: any of them leads to the writer */
    size_t writers_count;
    struct load_target nodes[LOAD_TARGETS]; /* servers, for reads at replicas */
    size_t nodes_count;
    const char *dbname;
    const char *user;
    unsigned processes;
    unsigned rate;        /* operations a second, all processes together */
    unsigned seconds;     /* 0: until SIGTERM */
    unsigned end_seconds; /* patience with the reads at the end */
    int64_t timeout_ms;   /* of one operation */
    int64_t base;         /* numbers are above base * LOAD_NUMBERS */
    uint64_t seed;
};

/* Lists in use on one level. */
struct load_lists {
    int64_t key[LOAD_LISTS];
    unsigned appends[LOAD_LISTS];
};

struct load {
    struct load_config config;
    struct history_write write;
    _Atomic int64_t numbers; /* the next value, move or list */
    _Atomic bool stopping;
    pthread_mutex_t lock; /* of the lists */
    struct load_lists lists[HISTORY_LEVELS];
};
