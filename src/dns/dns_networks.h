/* SPDX-License-Identifier: Apache-2.0
 * Which class a client's address belongs to: all networks of all lists, merged ahead into ranges.
 *
 * The whole address space of a family is cut into ranges of one class each; neighbours never have the same one. A
 * lookup descends a tree of samples, 16 keys at a time, and also tells how many bits of the address decided: the prefix
 * of that length, and none shorter, lies inside the range (RFC 7871, 7.2). Made by one thread
 * (dns/dns_networks_merge.h), never changed, read by all. Neither lock nor allocation nor any state in a lookup. */
#pragma once

#include <stdint.h>

#include "core/view.h"

enum {
    DNS_NETWORKS_LEVELS = 8,
    DNS_NETWORKS_FAN = 16,
};

/* An address, its first bit the highest; IPv4 in the upper half of `high`. */
struct dns_networks_key {
    uint64_t high;
    uint64_t low;
};

struct dns_networks_level {
    uint32_t count;
    uint32_t *four; /* IPv4: where each range starts; whole steps, the rest is the highest */
    uint64_t *high; /* IPv6: the halves apart, for the lower one is rarely asked for */
    uint64_t *low;
};

/* The ranges of one family: level 0 has all, each level above every DNS_NETWORKS_FAN-th of the one below. */
struct dns_networks_side {
    uint32_t levels_count;
    struct dns_networks_level levels[DNS_NETWORKS_LEVELS];
    uint16_t *classes; /* of the ranges of level 0 */
};

struct dns_networks {
    struct dns_networks_side sides[2]; /* IPv4, IPv6 */
};

struct dns_networks_found {
    uint16_t class;
    uint8_t bits; /* of the address: every address that shares them has this class */
};

struct dns_networks_found dns_networks_find(const struct dns_networks *networks, const struct view_address *client);

struct dns_networks_key dns_networks_key(const uint8_t bytes[16], uint32_t family);

void dns_networks_free(struct dns_networks *networks);
