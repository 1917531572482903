/* SPDX-License-Identifier: Apache-2.0
 * Lookups in merged networks. */
#include "dns/dns_networks.h"

#include <stdlib.h>

struct dns_networks_key dns_networks_key(const uint8_t bytes[16], uint32_t family)
{
    struct dns_networks_key key = {0, 0};
    for (uint32_t i = 0; i < 8; i++) {
        key.high |= (uint64_t)(family == 4 && i >= 4 ? 0 : bytes[i]) << (56 - 8 * i);
        key.low |= (uint64_t)(family == 4 ? 0 : bytes[8 + i]) << (56 - 8 * i);
    }
    return key;
}

struct dns_networks_found dns_networks_find(const struct dns_networks *networks, const struct view_address *client)
{
    if (client->family == 4) {
        const uint8_t *bytes = client->bytes;
        const uint32_t address =
            (uint32_t)bytes[0] << 24 | (uint32_t)bytes[1] << 16 | (uint32_t)bytes[2] << 8 | (uint32_t)bytes[3];
        return dns_networks_four_find(&networks->four, address);
    }
    const struct dns_networks_key key = dns_networks_key(client->bytes, 6);
    return dns_networks_six_find(&networks->six, &key);
}

void dns_networks_free(struct dns_networks *networks)
{
    if (networks == NULL) {
        return;
    }
    dns_networks_four_free(&networks->four);
    dns_networks_six_free(&networks->six);
    free(networks);
}
