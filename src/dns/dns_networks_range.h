/* SPDX-License-Identifier: Apache-2.0
 * Ranges of addresses that have one class each, as they are merged (dns/dns_networks_merge.h) and looked up
 * (dns/dns_networks_four.h, dns/dns_networks_six.h). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/assert.h"

/* An address, its first bit the highest; IPv4 in the upper half of `high`. */
struct dns_networks_key {
    uint64_t high;
    uint64_t low;
};

/* All of a family: the first starts at the address 0, each goes to the next one's start. */
struct dns_networks_ranges {
    const struct dns_networks_key *starts;
    const uint16_t *classes;
    size_t count;
};

struct dns_networks_found {
    uint16_t class;
    uint8_t bits; /* of the address: every address that shares them has this class */
};

static inline bool dns_networks_before(const struct dns_networks_key *a, const struct dns_networks_key *b)
{
    return a->high < b->high || (a->high == b->high && a->low < b->low);
}

/* The address behind a network of so many bits; 0: it reaches to the end of the address space. */
static inline struct dns_networks_key dns_networks_end(const struct dns_networks_key *start, uint32_t bits)
{
    struct dns_networks_key end = *start;
    if (bits == 0) {
        return (struct dns_networks_key){0, 0};
    }
    if (bits <= 64) {
        end.high += UINT64_C(1) << (64 - bits);
        return end;
    }
    end.low += UINT64_C(1) << (128 - bits);
    end.high += end.low == 0;
    return end;
}

/* How many bits of an address tell it from another one. */
static inline uint32_t dns_networks_apart(const struct dns_networks_key *key, const struct dns_networks_key *other)
{
    if (key->high != other->high) {
        return (uint32_t)__builtin_clzll(key->high ^ other->high) + 1;
    }
    ASSERT(key->low != other->low);
    return 64 + (uint32_t)__builtin_clzll(key->low ^ other->low) + 1;
}

/* How many of its bits keep an address inside its range. `next`: the start of the range behind it, NULL: none. */
static inline uint8_t dns_networks_bits(const struct dns_networks_key *key, const struct dns_networks_key *start,
                                        const struct dns_networks_key *next)
{
    uint32_t before = 0;
    if (start->high != 0 || start->low != 0) {
        const struct dns_networks_key last = {start->high - (start->low == 0), start->low - 1}; /* of the one before */
        before = dns_networks_apart(key, &last);
    }
    const uint32_t behind = next != NULL ? dns_networks_apart(key, next) : 0;
    return (uint8_t)(before > behind ? before : behind);
}
