/* SPDX-License-Identifier: Apache-2.0
 * Lookups in merged networks. */
#include "dns/dns_networks.h"

#include <stdlib.h>

#include "base/assert.h"

struct dns_networks_key dns_networks_key(const uint8_t bytes[16], uint32_t family)
{
    struct dns_networks_key key = {0, 0};
    for (uint32_t i = 0; i < 8; i++) {
        key.high |= (uint64_t)(family == 4 && i >= 4 ? 0 : bytes[i]) << (56 - 8 * i);
        key.low |= (uint64_t)(family == 4 ? 0 : bytes[8 + i]) << (56 - 8 * i);
    }
    return key;
}

/* The last of 16 starts that is not beyond the key, from `at`; the first one never is. Behind the last start there are
 * only the highest keys, so the highest of all may go too far. */
static uint32_t dns_networks_step_4(const struct dns_networks_level *level, uint32_t at, uint32_t key)
{
    const uint32_t *starts = level->four + at;
    uint32_t reached = 0;
    for (uint32_t i = 0; i < DNS_NETWORKS_FAN; i++) {
        reached += starts[i] <= key;
    }
    at += reached - 1;
    return at < level->count ? at : level->count - 1;
}

/* No branches: which way it goes is anybody's guess. */
static uint32_t dns_networks_step_6(const struct dns_networks_level *level, uint32_t at,
                                    const struct dns_networks_key *key)
{
    for (uint32_t step = DNS_NETWORKS_FAN / 2; step > 0; step /= 2) {
        const uint64_t high = level->high[at + step];
        uint32_t reached = high < key->high;
        if (high == key->high) {
            reached = level->low[at + step] <= key->low;
        }
        at += reached * step;
    }
    return at < level->count ? at : level->count - 1;
}

/* How many bits of `key` tell it from `other`. */
static uint32_t dns_networks_apart_4(uint32_t key, uint32_t other)
{
    ASSERT(key != other);
    return (uint32_t)__builtin_clz(key ^ other) + 1;
}

static uint32_t dns_networks_apart_6(const struct dns_networks_key *key, const struct dns_networks_key *other)
{
    if (key->high != other->high) {
        return (uint32_t)__builtin_clzll(key->high ^ other->high) + 1;
    }
    ASSERT(key->low != other->low);
    return 64 + (uint32_t)__builtin_clzll(key->low ^ other->low) + 1;
}

static struct dns_networks_found dns_networks_find_4(const struct dns_networks_side *side, uint32_t key)
{
    const struct dns_networks_level *all = &side->levels[0];
    uint32_t at = 0;
    for (uint32_t level = side->levels_count; level-- > 1;) {
        at = dns_networks_step_4(&side->levels[level], at, key) * DNS_NETWORKS_FAN;
    }
    __builtin_prefetch(side->classes + at); /* comes from memory while the keys do */
    at = dns_networks_step_4(all, at, key);
    const uint32_t before = all->four[at] > 0 ? dns_networks_apart_4(key, all->four[at] - 1) : 0;
    const uint32_t after = at + 1 < all->count ? dns_networks_apart_4(key, all->four[at + 1]) : 0;
    return (struct dns_networks_found){side->classes[at], (uint8_t)(before > after ? before : after)};
}

static struct dns_networks_found dns_networks_find_6(const struct dns_networks_side *side,
                                                     const struct dns_networks_key *key)
{
    const struct dns_networks_level *all = &side->levels[0];
    uint32_t at = 0;
    for (uint32_t level = side->levels_count; level-- > 1;) {
        at = dns_networks_step_6(&side->levels[level], at, key) * DNS_NETWORKS_FAN;
    }
    __builtin_prefetch(side->classes + at);
    at = dns_networks_step_6(all, at, key);
    struct dns_networks_key other = {all->high[at], all->low[at]};
    uint32_t before = 0;
    uint32_t after = 0;
    if (other.high != 0 || other.low != 0) {
        other.high -= other.low == 0;
        other.low--;
        before = dns_networks_apart_6(key, &other);
    }
    if (at + 1 < all->count) {
        other = (struct dns_networks_key){all->high[at + 1], all->low[at + 1]};
        after = dns_networks_apart_6(key, &other);
    }
    return (struct dns_networks_found){side->classes[at], (uint8_t)(before > after ? before : after)};
}

struct dns_networks_found dns_networks_find(const struct dns_networks *networks, const struct view_address *client)
{
    if (client->family == 4) {
        const uint8_t *bytes = client->bytes;
        const uint32_t key =
            (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
        return dns_networks_find_4(&networks->sides[0], key);
    }
    const struct dns_networks_key key = dns_networks_key(client->bytes, 6);
    return dns_networks_find_6(&networks->sides[1], &key);
}

void dns_networks_free(struct dns_networks *networks)
{
    if (networks == NULL) {
        return;
    }
    for (uint32_t family = 0; family < 2; family++) {
        struct dns_networks_side *side = &networks->sides[family];
        for (uint32_t i = 0; i < DNS_NETWORKS_LEVELS; i++) {
            free(side->levels[i].four);
            free(side->levels[i].high);
            free(side->levels[i].low);
        }
        free(side->classes);
    }
    free(networks);
}
