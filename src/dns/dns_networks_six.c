/* SPDX-License-Identifier: Apache-2.0
 * IPv6 addresses and ranges. */
#include "dns/dns_networks_six.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* ---- making ---- */

/* Every so many of the ranges; filled up to whole steps with the highest key. */
static bool dns_networks_six_level(const struct dns_networks_ranges *ranges, size_t every,
                                   struct dns_networks_six_level *level)
{
    level->count = (uint32_t)((ranges->count + every - 1) / every);
    const uint32_t filled = (level->count + DNS_NETWORKS_SIX_FAN - 1) / DNS_NETWORKS_SIX_FAN * DNS_NETWORKS_SIX_FAN;
    level->high = aligned_alloc(64, filled * sizeof *level->high);
    level->low = aligned_alloc(64, filled * sizeof *level->low);
    if (level->high == NULL || level->low == NULL) {
        return false;
    }
    for (uint32_t i = 0; i < filled; i++) {
        const bool real = i < level->count;
        level->high[i] = real ? ranges->starts[i * every].high : UINT64_MAX;
        level->low[i] = real ? ranges->starts[i * every].low : UINT64_MAX;
    }
    return true;
}

enum err dns_networks_six_make(const struct dns_networks_ranges *ranges, struct dns_networks_six *ret_six)
{
    struct dns_networks_six *six = ret_six;
    size_t every = 1;
    six->classes = malloc(ranges->count * sizeof *six->classes);
    if (six->classes == NULL) {
        return ERR_NO_MEMORY;
    }
    memcpy(six->classes, ranges->classes, ranges->count * sizeof *six->classes);
    do {
        ASSERT(six->levels_count < DNS_NETWORKS_SIX_LEVELS);
        if (!dns_networks_six_level(ranges, every, &six->levels[six->levels_count])) {
            return ERR_NO_MEMORY;
        }
        every *= DNS_NETWORKS_SIX_FAN;
    } while (six->levels[six->levels_count++].count > DNS_NETWORKS_SIX_FAN);
    return ERR_OK;
}

void dns_networks_six_free(struct dns_networks_six *six)
{
    for (uint32_t i = 0; i < DNS_NETWORKS_SIX_LEVELS; i++) {
        free(six->levels[i].high);
        free(six->levels[i].low);
    }
    free(six->classes);
}

/* ---- asking ---- */

/* The last of 16 starts that is not beyond the key, from `at`; the first one never is. Behind the last start there are
 * only the highest keys, so the highest of all may go too far. All are counted: which way it goes is anybody's guess.
 */
static uint32_t dns_networks_six_step(const struct dns_networks_six_level *level, uint32_t at,
                                      const struct dns_networks_key *key)
{
    const uint64_t *high = level->high + at;
    uint32_t reached = 0;
    for (uint32_t i = 0; i < DNS_NETWORKS_SIX_FAN; i++) {
        reached += high[i] <= key->high;
    }
    at += reached - 1;
    at = at < level->count ? at : level->count - 1;
    /* Several in one /64 are rare. */
    while (level->high[at] == key->high && level->low[at] > key->low) {
        at--;
    }
    return at;
}

struct dns_networks_found dns_networks_six_find(const struct dns_networks_six *six, const struct dns_networks_key *key)
{
    const struct dns_networks_six_level *all = &six->levels[0];
    uint32_t at = 0;
    for (uint32_t level = six->levels_count; level-- > 1;) {
        at = dns_networks_six_step(&six->levels[level], at, key) * DNS_NETWORKS_SIX_FAN;
    }
    __builtin_prefetch(six->classes + at); /* comes from memory while the keys do */
    at = dns_networks_six_step(all, at, key);
    const struct dns_networks_key start = {all->high[at], all->low[at]};
    struct dns_networks_key next;
    const bool more = at + 1 < all->count;
    if (more) {
        next = (struct dns_networks_key){all->high[at + 1], all->low[at + 1]};
    }
    return (struct dns_networks_found){six->classes[at], dns_networks_bits(key, &start, more ? &next : NULL)};
}
