/* SPDX-License-Identifier: Apache-2.0
 * The queries of the DNS benchmarks. */
#pragma once

#include <stddef.h>
#include <stdint.h>

struct dns_queries_query {
    uint8_t bytes[160];
    size_t size;
};

/* `kind`: static, edns, nxdomain, weighted, source, subnet, cookie or dnssec, about the names of bench/dns/run's zone.
 * Always the same ones. */
void dns_queries_fill(struct dns_queries_query *queries, uint32_t count, const char *kind);
