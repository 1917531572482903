/* SPDX-License-Identifier: Apache-2.0
 * Finds the word synchronous_commit in what a client sends.
 *
 * Where every commit waits for the durability set (view_database.locked_commit) a failover rests on it, so nobody may
 * lower the setting: the proxy refuses texts, parameters and start-up options that name it. The word is looked for, in
 * any mixture of capitals and over the seams of pieces, not understood; who builds it from parts is found by the agent
 * where it is stored, and by nobody where it is not. Pure, one owner per struct. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/span.h"

#define PROXY_BAN_WORD "synchronous_commit"

enum {
    PROXY_BAN_SIZE = sizeof PROXY_BAN_WORD - 1,
};

/* The last bytes of the stream so far. */
struct proxy_ban {
    uint8_t tail_size;
    uint8_t tail[PROXY_BAN_SIZE - 1];
};

/* Takes the next piece of the stream. True: the word ends in it; `ret_end` is behind its first occurrence. */
bool proxy_ban_find(struct proxy_ban *ban, struct span bytes, size_t *ret_end);

/* The same in bytes without a before. */
bool proxy_ban_in(struct span bytes, size_t *ret_end);
