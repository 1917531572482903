/* SPDX-License-Identifier: Apache-2.0
 * What a Redis server says about its part in replication: the text of its answer to INFO.
 *
 * Lines "name:value" (https://redis.io/docs/latest/commands/info/); unknown ones are passed over. Pure, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    REDIS_INFO_HOST = 64, /* a literal address and the terminator */
};

struct redis_info {
    bool primary;               /* role:master; else a replica */
    bool linked;                /* a replica whose stream is up, with no full copy under way */
    bool loading;               /* it reads its data from the disk, or from its primary */
    char host[REDIS_INFO_HOST]; /* a replica's primary; empty: longer than that */
    uint16_t port;
    uint64_t offset; /* of the stream: written by a primary, processed by a replica */
};

/* ERR_PROTOCOL: no role, or a number that is none. */
ERR_CHECK enum err redis_info_parse(struct span text, struct redis_info *ret_info);
