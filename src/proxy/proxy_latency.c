/* SPDX-License-Identifier: Apache-2.0
 * How far the proxy's clients are. */
#include "proxy/proxy_latency.h"

#include <stddef.h>

#include "base/assert.h"
#include "edge/log.h"

_Static_assert((int)PROXY_WORKERS <= (int)LATENCY_WATCH_BLOCKS, "a block for each worker");

struct latency_watch *proxy_latency_start(const char *path, struct proxy_worker *const *workers, uint32_t count)
{
    struct latency_seen *blocks[PROXY_WORKERS];
    struct latency_watch *watch = NULL;
    ASSERT(count <= PROXY_WORKERS);
    if (path[0] == '\0') {
        return NULL;
    }
    for (uint32_t i = 0; i < count; i++) {
        blocks[i] = proxy_worker_latency(workers[i]);
    }
    const enum err err = latency_watch_start(path, blocks, count, &watch);
    if (err != ERR_OK) {
        LOG_W("round trips of clients are not measured: %s", err_text(err));
    }
    return watch;
}
