/* SPDX-License-Identifier: Apache-2.0
 * Looks IPv6 addresses up in ranges, by a tree of samples: level 0 has all starts, each level above every
 * DNS_NETWORKS_SIX_FAN-th of the one below. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "dns/dns_networks_range.h"

enum {
    DNS_NETWORKS_SIX_LEVELS = 8,
    DNS_NETWORKS_SIX_FAN = 16,
};

struct dns_networks_six_level {
    uint32_t count;
    uint64_t
        *high; /* whole steps, the rest is the highest key; the halves apart, for the lower one is rarely asked for */
    uint64_t *low;
};

struct dns_networks_six {
    uint32_t levels_count;
    struct dns_networks_six_level levels[DNS_NETWORKS_SIX_LEVELS];
    uint16_t *classes; /* of the ranges of level 0 */
};

/* ERR_NO_MEMORY: what there is has still to be freed. */
enum err dns_networks_six_make(const struct dns_networks_ranges *ranges, struct dns_networks_six *ret_six) ERR_CHECK;
void dns_networks_six_free(struct dns_networks_six *six);

struct dns_networks_found dns_networks_six_find(const struct dns_networks_six *six, const struct dns_networks_key *key);
