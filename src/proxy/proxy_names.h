/* SPDX-License-Identifier: Apache-2.0
 * The names under which a client of a pool has prepared statements, and the texts that they mean.
 *
 * What a client does may come to nothing: an error skips the rest of its batch, a lost server takes what it has not
 * answered, and what is sent again is done again. So what is made or closed is marked first and counts at the next
 * boundary (settle), or is taken back (undo, or one by one). Indices are good until then.
 *
 * Bookkeeping only; one owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"
#include "proxy/proxy_shelf.h"

enum {
    PROXY_NAMES_LIMIT = 1000,       /* of a client */
    PROXY_NAMES_BYTES = 256 * 1024, /* of all its texts */
    PROXY_NAMES_NAME = 64,          /* of a name */
    PROXY_NAMES_CHAINS = 64,
    PROXY_NAMES_NONE = 0xffff,
};

struct proxy_names_entry {
    struct proxy_shelf_text *text;
    uint16_t next; /* of its chain */
    uint8_t name_size;
    bool made; /* since the last boundary */
    bool gone; /* closed since then */
    bool dead; /* it never came to be */
    char name[PROXY_NAMES_NAME];
};

struct proxy_names {
    struct proxy_names_entry *data;
    uint32_t count;
    uint32_t capacity;
    uint32_t changed; /* entries that are made, gone or dead */
    size_t bytes;
    uint16_t chains[PROXY_NAMES_CHAINS];
};

void proxy_names_init(struct proxy_names *names);
void proxy_names_free(struct proxy_names *names);

/* The index of a name; PROXY_NAMES_NONE. */
uint32_t proxy_names_find(const struct proxy_names *names, struct span name);

/* A name that is not there means this text, whose user the list becomes. PROXY_NAMES_NONE: it is too much, or out of
 * memory; the text is still the caller's. */
uint32_t proxy_names_add(struct proxy_names *names, struct span name, struct proxy_shelf_text *text);

/* It was closed; it was not after all; it was not made after all. */
void proxy_names_close(struct proxy_names *names, uint32_t index);
void proxy_names_reopen(struct proxy_names *names, uint32_t index);
void proxy_names_fail(struct proxy_names *names, uint32_t index);

/* All were closed. */
void proxy_names_close_all(struct proxy_names *names);

/* A boundary: what was done counts. Or: nothing of it was done. */
void proxy_names_settle(struct proxy_names *names);
void proxy_names_undo(struct proxy_names *names);
