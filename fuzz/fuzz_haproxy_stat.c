/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an answer of `show stat`. */
#include "base/assert.h"
#include "edge/haproxy_stat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct haproxy_stat stat;
    if (haproxy_stat_parse(span_of(data, size), "", &stat) == ERR_OK) {
        ASSERT(stat.servers_up <= stat.servers_count && stat.servers_count <= HAPROXY_STAT_SERVERS);
        ASSERT(stat.requests >= 0 && stat.errors >= 0 && stat.backend[0] != 0);
    }
    (void)!haproxy_stat_parse(span_of(data, size), "shop", &stat);
    return 0;
}
