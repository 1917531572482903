/* SPDX-License-Identifier: Apache-2.0
 * A store of its own for each test. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/store_sqlite.h"

struct place {
    char directory[64];
    char path[96];
    struct store *store;
};

static inline int place_setup(void **state)
{
    struct place *place = calloc(1, sizeof *place);
    char message[256];
    snprintf(place->directory, sizeof place->directory, "/tmp/holdfast-control-XXXXXX");
    assert_non_null(mkdtemp(place->directory));
    snprintf(place->path, sizeof place->path, "%s/store.db", place->directory);
    const struct store_sqlite_config config = {.path = place->path};
    assert_int_equal(store_sqlite_open(&config, message, sizeof message, &place->store), ERR_OK);
    *state = place;
    return 0;
}

static inline int place_teardown(void **state)
{
    struct place *place = *state;
    static const char *const suffixes[] = {"", "-wal", "-shm", ".lock"};
    store_close(place->store);
    for (size_t i = 0; i < sizeof suffixes / sizeof suffixes[0]; i++) {
        char path[128];
        snprintf(path, sizeof path, "%s%s", place->path, suffixes[i]);
        (void)unlink(path);
    }
    assert_int_equal(rmdir(place->directory), 0);
    free(place);
    return 0;
}
