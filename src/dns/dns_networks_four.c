/* SPDX-License-Identifier: Apache-2.0
 * IPv4 addresses and ranges. */
#include "dns/dns_networks_four.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum {
    DNS_NETWORKS_FOUR_FEW = 8,   /* ranges that are looked at without asking which comes first */
    DNS_NETWORKS_FOUR_BITS = 20, /* of an address behind those that choose a top */
};

/* ---- making ---- */

static uint32_t dns_networks_four_start(const struct dns_networks_ranges *ranges, size_t at)
{
    return (uint32_t)(ranges->starts[at].high >> 32);
}

/* How many bits number the slots of a /12 in which so many ranges begin. */
static uint32_t dns_networks_four_bits(size_t begin)
{
    uint32_t bits = 0;
    while (bits < DNS_NETWORKS_FOUR_BITS && (size_t)1 << bits < begin) {
        bits++;
    }
    return bits;
}

/* Cuts the address space into slots; their number. */
static uint32_t dns_networks_four_cut(const struct dns_networks_ranges *ranges, struct dns_networks_four *four)
{
    uint32_t slots = 0;
    size_t at = 0;
    for (uint32_t top = 0; top < DNS_NETWORKS_FOUR_TOPS; top++) {
        const size_t first = at;
        while (at < ranges->count && dns_networks_four_start(ranges, at) >> DNS_NETWORKS_FOUR_BITS == top) {
            at++;
        }
        const uint32_t bits = dns_networks_four_bits(at - first);
        four->tops[top].slot = slots;
        four->tops[top].shift = DNS_NETWORKS_FOUR_BITS - bits;
        slots += 1U << bits;
    }
    return slots;
}

/* Which range holds the first address of each slot. */
static void dns_networks_four_fill(const struct dns_networks_ranges *ranges, struct dns_networks_four *four)
{
    uint32_t slot = 0;
    uint32_t range = 0;
    for (uint32_t top = 0; top < DNS_NETWORKS_FOUR_TOPS; top++) {
        const uint32_t shift = four->tops[top].shift;
        for (uint32_t i = 0; i < 1U << (DNS_NETWORKS_FOUR_BITS - shift); i++) {
            const uint32_t address = top << DNS_NETWORKS_FOUR_BITS | i << shift;
            while (range + 1 < four->count && dns_networks_four_start(ranges, range + 1) <= address) {
                range++;
            }
            four->slots[slot++] = range;
        }
    }
    four->slots[slot] = four->count - 1;
}

enum err dns_networks_four_make(const struct dns_networks_ranges *ranges, struct dns_networks_four *ret_four)
{
    struct dns_networks_four *four = ret_four;
    ASSERT(ranges->count > 0 && ranges->count < UINT32_MAX && dns_networks_four_start(ranges, 0) == 0);
    const size_t slots = dns_networks_four_cut(ranges, four) + (size_t)1;
    const size_t starts = ranges->count + DNS_NETWORKS_FOUR_FEW;
    four->count = (uint32_t)ranges->count;
    four->slots = malloc(slots * sizeof *four->slots);
    four->starts = malloc(starts * sizeof *four->starts);
    four->classes = malloc(ranges->count * sizeof *four->classes);
    if (four->slots == NULL || four->starts == NULL || four->classes == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < starts; i++) {
        four->starts[i] = i < ranges->count ? dns_networks_four_start(ranges, i) : UINT32_MAX;
    }
    memcpy(four->classes, ranges->classes, ranges->count * sizeof *four->classes);
    dns_networks_four_fill(ranges, four);
    return ERR_OK;
}

void dns_networks_four_free(struct dns_networks_four *four)
{
    free(four->slots);
    free(four->starts);
    free(four->classes);
}

/* ---- asking ---- */

/* The range of an address. */
static uint32_t dns_networks_four_range(const struct dns_networks_four *four, uint32_t address)
{
    const uint32_t top = address >> DNS_NETWORKS_FOUR_BITS;
    const uint32_t inside = address & ((1U << DNS_NETWORKS_FOUR_BITS) - 1);
    const uint32_t *slot = &four->slots[four->tops[top].slot + (inside >> four->tops[top].shift)];
    uint32_t low = slot[0];
    uint32_t high = slot[1];
    while (high - low >= DNS_NETWORKS_FOUR_FEW) {
        const uint32_t middle = low + (high - low) / 2;
        const bool reached = four->starts[middle] <= address;
        low = reached ? middle : low;
        high = reached ? high : middle - 1;
    }
    const uint32_t *starts = four->starts + low;
    uint32_t reached = 0;
    for (uint32_t i = 0; i < DNS_NETWORKS_FOUR_FEW; i++) {
        reached += starts[i] <= address;
    }
    /* What stands behind the last start is not beyond the highest address. */
    return low + reached - 1 < high ? low + reached - 1 : high;
}

/* How many bits of an address tell it from another one. */
static uint32_t dns_networks_four_apart(uint32_t address, uint32_t other)
{
    ASSERT(address != other);
    return (uint32_t)__builtin_clz(address ^ other) + 1;
}

struct dns_networks_found dns_networks_four_find(const struct dns_networks_four *four, uint32_t address)
{
    const uint32_t at = dns_networks_four_range(four, address);
    const uint32_t start = four->starts[at];
    const uint32_t before = start > 0 ? dns_networks_four_apart(address, start - 1) : 0;
    const uint32_t after = at + 1 < four->count ? dns_networks_four_apart(address, four->starts[at + 1]) : 0;
    return (struct dns_networks_found){four->classes[at], (uint8_t)(before > after ? before : after)};
}
