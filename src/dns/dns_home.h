/* SPDX-License-Identifier: Apache-2.0
 * Which region is the home of a client: the view's networks as ranges, so that a query looks at a few of them instead
 * of at all, and knows how many bits of the address decided.
 *
 * A worker's own, made anew when a view has other networks than the one before. Memory of the caller, no allocation. */
#pragma once

#include "core/view.h"
#include "dns/dns_networks_range.h"

enum { DNS_HOME_RANGES = 2 * LIMITS_NETWORKS + 1 };

/* The ranges of a family; neighbours have different homes. */
struct dns_home_side {
    uint32_t count;
    struct dns_networks_key starts[DNS_HOME_RANGES];
    uint8_t homes[DNS_HOME_RANGES]; /* region or VIEW_HOME_DEFAULT */
};

struct dns_home {
    uint32_t networks_count; /* what the ranges were made of */
    struct view_network networks[LIMITS_NETWORKS];
    struct dns_home_side sides[2]; /* IPv4, IPv6; count 0: never made */
};

/* `home` is zero before the first time. */
void dns_home_prepare(struct dns_home *home, const struct view *view);

/* The class is the home: region or VIEW_HOME_DEFAULT. */
struct dns_networks_found dns_home_find(const struct dns_home *home, const struct view_address *client);
