/* SPDX-License-Identifier: Apache-2.0
 * From a pair of numbers to an index: open addressing, grows by itself. One owner, one thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum { CHECK_MAP_NONE = UINT32_MAX >> 1 }; /* no index is as large */

struct check_map_slot {
    int64_t key;
    int64_t value;
    uint32_t index; /* CHECK_MAP_NONE: free */
};

struct check_map {
    struct check_map_slot *slots; /* NULL: empty; zeroed is fine */
    size_t size;                  /* a power of two */
    size_t used;
};

void check_map_fini(struct check_map *map);

/* Sets the index of the pair unless it has one; `ret_index` is what it has now. ERR_NO_MEMORY. */
ERR_CHECK enum err check_map_put(struct check_map *map, int64_t key, int64_t value, uint32_t index,
                                 uint32_t *ret_index);

/* Changes or adds. ERR_NO_MEMORY. */
ERR_CHECK enum err check_map_set(struct check_map *map, int64_t key, int64_t value, uint32_t index);

/* CHECK_MAP_NONE: not there. */
uint32_t check_map_get(const struct check_map *map, int64_t key, int64_t value);
