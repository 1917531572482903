/* SPDX-License-Identifier: Apache-2.0
 * A region of memory with one lifetime: things are allocated from it and freed together.
 *
 * Used for a configuration (freed whole when the next one is live) and for a request (reset after each). One owner, one
 * thread. Beyond `limit` bytes, or when the system has none left, allocation answers NULL: the caller reports
 * ERR_NO_MEMORY or ERR_TOO_LARGE. */
#pragma once

#include <stddef.h>

struct arena_block;

struct arena {
    struct arena_block *blocks;
    size_t limit;
    size_t used;
};

void arena_init(struct arena *arena, size_t limit);
void arena_fini(struct arena *arena);
void arena_reset(struct arena *arena);

/* Zeroed memory, aligned for any type; NULL beyond the limit. */
void *arena_alloc(struct arena *arena, size_t size);

/* A NUL-terminated copy of `size` bytes. */
char *arena_copy(struct arena *arena, const void *data, size_t size);
char *arena_text(struct arena *arena, const char *text);
