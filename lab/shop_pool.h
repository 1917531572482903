/* SPDX-License-Identifier: Apache-2.0
 * A pool of PostgreSQL connections with one deadline per statement, and an honest word on what became of it.
 *
 * Shared by threads; a statement has one thread. A connection that failed is closed and replaced at once; while nothing
 * was sent the pool goes on trying until the deadline. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/time.h"

enum {
    SHOP_POOL_VALUES = 8, /* columns kept of the first row */
    SHOP_POOL_VALUE = 128,
    SHOP_POOL_ERROR = 200,
};

enum shop_pool_outcome {
    SHOP_POOL_DONE,    /* ReadyForQuery came, and no warning that the durability set was not waited for */
    SHOP_POOL_REFUSED, /* certainly without effect */
    SHOP_POOL_UNKNOWN, /* sent, and no answer that can be trusted: it may be committed or not */
};

struct shop_pool_result {
    enum shop_pool_outcome outcome;
    size_t rows;
    char value[SHOP_POOL_VALUES][SHOP_POOL_VALUE]; /* first row; cut at SHOP_POOL_VALUE - 1 bytes */
    char error[SHOP_POOL_ERROR];
};

struct shop_pool;

/* `conninfo` must hold literal addresses (no name is looked up) and is copied. Opens nothing yet. */
struct shop_pool *shop_pool_new(const char *conninfo, size_t limit);

/* No statement may be running. NULL is fine. */
void shop_pool_free(struct shop_pool *pool);

/* Runs one statement outside any transaction. `parameters` are text. */
void shop_pool_execute(struct shop_pool *pool, const char *sql, const char *const *parameters, size_t count,
                       struct mono deadline, struct shop_pool_result *ret_result);
