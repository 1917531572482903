/* SPDX-License-Identifier: Apache-2.0
 * The tests that every backend of the store must pass, written against edge/store.h only. */
#pragma once

#include "edge/store.h"

struct store_suite_backend {
    const char *name;
    /* An empty place; then opened any number of times, one after the other, with what was written still there. */
    void (*prepare)(void);
    struct store *(*open)(void);
    void (*remove)(void);
};

/* Runs the suite; the number of failed tests. */
int store_suite_run(const struct store_suite_backend *backend);
