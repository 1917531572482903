/* SPDX-License-Identifier: Apache-2.0
 * A hash table with open addressing, at most half full. */
#include "check_map.h"

#include <stdlib.h>

#include "base/assert.h"

void check_map_fini(struct check_map *map)
{
    free(map->slots);
    *map = (struct check_map){0};
}

/* The pair's slot, or the free one where it belongs. */
static struct check_map_slot *check_map_find(const struct check_map *map, int64_t key, int64_t value)
{
    uint64_t hash = ((uint64_t)key * 0x9e3779b97f4a7c15U) ^ ((uint64_t)value * 0xd6e8feb86659fd93U);
    hash ^= hash >> 32;
    hash *= 0xd6e8feb86659fd93U;
    hash ^= hash >> 29;
    for (size_t at = hash & (map->size - 1);; at = (at + 1) & (map->size - 1)) {
        struct check_map_slot *slot = &map->slots[at];
        if (slot->index == CHECK_MAP_NONE || (slot->key == key && slot->value == value)) {
            return slot;
        }
    }
}

ERR_CHECK static enum err check_map_grow(struct check_map *map)
{
    if (map->used * 2 < map->size) {
        return ERR_OK;
    }
    struct check_map grown = {.size = map->size > 0 ? map->size * 2 : 1024, .used = map->used};
    grown.slots = reallocarray(NULL, grown.size, sizeof(*grown.slots));
    if (grown.slots == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < grown.size; i++) {
        grown.slots[i].index = CHECK_MAP_NONE;
    }
    for (size_t i = 0; i < map->size; i++) {
        const struct check_map_slot *slot = &map->slots[i];
        if (slot->index != CHECK_MAP_NONE) {
            *check_map_find(&grown, slot->key, slot->value) = *slot;
        }
    }
    free(map->slots);
    *map = grown;
    return ERR_OK;
}

enum err check_map_put(struct check_map *map, int64_t key, int64_t value, uint32_t index, uint32_t *ret_index)
{
    ASSERT(index < CHECK_MAP_NONE);
    const enum err err = check_map_grow(map);
    if (err != ERR_OK) {
        return err;
    }
    struct check_map_slot *slot = check_map_find(map, key, value);
    if (slot->index == CHECK_MAP_NONE) {
        *slot = (struct check_map_slot){.key = key, .value = value, .index = index};
        map->used++;
    }
    *ret_index = slot->index;
    return ERR_OK;
}

enum err check_map_set(struct check_map *map, int64_t key, int64_t value, uint32_t index)
{
    uint32_t present;
    const enum err err = check_map_put(map, key, value, index, &present);
    if (err == ERR_OK) {
        check_map_find(map, key, value)->index = index;
    }
    return err;
}

uint32_t check_map_get(const struct check_map *map, int64_t key, int64_t value)
{
    return map->size > 0 ? check_map_find(map, key, value)->index : CHECK_MAP_NONE;
}
