/* SPDX-License-Identifier: Apache-2.0
 * A region of memory with one lifetime: a chain of blocks, newest first. */
#include "base/arena.h"

#include <stdalign.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum {
    ARENA_BLOCK_BYTES = 16 * 1024,
};

struct arena_block {
    struct arena_block *next;
    size_t capacity;
    size_t used;
    alignas(max_align_t) uint8_t data[];
};

void arena_init(struct arena *arena, size_t limit)
{
    *arena = (struct arena){.limit = limit};
}

void arena_fini(struct arena *arena)
{
    arena_reset(arena);
}

void arena_reset(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;
        arena->blocks = block->next;
        free(block);
    }
    arena->used = 0;
}

static struct arena_block *arena_grow(struct arena *arena, size_t size)
{
    const size_t capacity = size > ARENA_BLOCK_BYTES ? size : ARENA_BLOCK_BYTES;
    struct arena_block *block = calloc(1, sizeof *block + capacity);
    if (block != NULL) {
        block->capacity = capacity;
        block->next = arena->blocks;
        arena->blocks = block;
    }
    return block;
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t unit = alignof(max_align_t);
    if (size > arena->limit) {
        return NULL;
    }
    const size_t rounded = (size + unit - 1) / unit * unit;
    if (rounded > arena->limit - arena->used) {
        return NULL;
    }
    struct arena_block *block = arena->blocks;
    if (block == NULL || rounded > block->capacity - block->used) {
        block = arena_grow(arena, rounded);
        if (block == NULL) {
            return NULL;
        }
    }
    void *memory = block->data + block->used;
    block->used += rounded;
    arena->used += rounded;
    ASSERT(arena->used <= arena->limit);
    return memory;
}

char *arena_copy(struct arena *arena, const void *data, size_t size)
{
    char *copy = size < SIZE_MAX ? arena_alloc(arena, size + 1) : NULL;
    if (copy != NULL && size > 0) {
        memcpy(copy, data, size);
    }
    return copy;
}

char *arena_text(struct arena *arena, const char *text)
{
    return arena_copy(arena, text, strlen(text));
}
