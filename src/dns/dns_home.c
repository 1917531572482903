/* SPDX-License-Identifier: Apache-2.0
 * The homes of clients. */
#include "dns/dns_home.h"

#include <string.h>

#include "base/assert.h"
#include "dns/dns_networks.h"

/* ---- making ---- */

static struct dns_networks_key dns_home_start(const struct view_network *network)
{
    const uint32_t bits = network->prefix_bits;
    struct dns_networks_key key = dns_networks_key(network->address.bytes, network->address.family);
    key.high &= bits == 0 ? 0 : bits >= 64 ? UINT64_MAX : UINT64_MAX << (64 - bits);
    key.low &= bits <= 64 ? 0 : UINT64_MAX << (128 - bits);
    return key;
}

/* Puts an address into its place, if it is not there. */
static void dns_home_border(struct dns_home_side *side, const struct dns_networks_key *border)
{
    uint32_t at = side->count;
    while (at > 0 && dns_networks_before(border, &side->starts[at - 1])) {
        at--;
    }
    if (at > 0 && !dns_networks_before(&side->starts[at - 1], border)) {
        return;
    }
    ASSERT(side->count < DNS_HOME_RANGES);
    memmove(&side->starts[at + 1], &side->starts[at], (side->count - at) * sizeof *side->starts);
    side->starts[at] = *border;
    side->count++;
}

static struct view_address dns_home_address(const struct dns_networks_key *key, uint32_t family)
{
    struct view_address address = {.family = (uint16_t)family};
    for (uint32_t i = 0; i < 8; i++) {
        address.bytes[i] = (uint8_t)(key->high >> (56 - 8 * i));
        address.bytes[8 + i] = (uint8_t)(key->low >> (56 - 8 * i));
    }
    return address;
}

/* Homes of all ranges; those that lead on as the one before are no ranges of their own. */
static void dns_home_fill(struct dns_home_side *side, const struct view *view, uint32_t family)
{
    uint32_t kept = 0;
    for (uint32_t i = 0; i < side->count; i++) {
        const struct view_address address = dns_home_address(&side->starts[i], family);
        const uint8_t home = (uint8_t)view_home(view, &address);
        if (kept == 0 || side->homes[kept - 1] != home) {
            side->starts[kept] = side->starts[i];
            side->homes[kept++] = home;
        }
    }
    side->count = kept;
}

static void dns_home_side(struct dns_home_side *side, const struct view *view, uint32_t family)
{
    static const struct dns_networks_key first;
    side->count = 0;
    dns_home_border(side, &first);
    for (uint32_t i = 0; i < view->networks_count; i++) {
        const struct view_network *network = &view->networks[i];
        if (network->address.family != family) {
            continue;
        }
        const struct dns_networks_key start = dns_home_start(network);
        const struct dns_networks_key end = dns_networks_end(&start, network->prefix_bits);
        dns_home_border(side, &start);
        dns_home_border(side, &end); /* 0 is a border already */
    }
    dns_home_fill(side, view, family);
}

void dns_home_prepare(struct dns_home *home, const struct view *view)
{
    const size_t size = view->networks_count * sizeof *view->networks;
    ASSERT(view->networks_count <= LIMITS_NETWORKS);
    if (home->sides[0].count > 0 && home->networks_count == view->networks_count &&
        memcmp(home->networks, view->networks, size) == 0) {
        return;
    }
    home->networks_count = view->networks_count;
    memcpy(home->networks, view->networks, size);
    dns_home_side(&home->sides[0], view, 4);
    dns_home_side(&home->sides[1], view, 6);
}

/* ---- asking ---- */

struct dns_networks_found dns_home_find(const struct dns_home *home, const struct view_address *client)
{
    const struct dns_home_side *side = &home->sides[client->family == 4 ? 0 : 1];
    const struct dns_networks_key key = dns_networks_key(client->bytes, client->family);
    uint32_t low = 0;
    for (uint32_t left = side->count; left > 1;) {
        const uint32_t half = left / 2;
        low += dns_networks_before(&key, &side->starts[low + half]) ? 0 : half;
        left -= half;
    }
    const struct dns_networks_key *next = low + 1 < side->count ? &side->starts[low + 1] : NULL;
    return (struct dns_networks_found){side->homes[low], dns_networks_bits(&key, &side->starts[low], next)};
}
