/* SPDX-License-Identifier: Apache-2.0
 * A network of IP addresses, "192.0.2.0/24": made of an address, parsed, printed, compared.
 *
 * Plain values; the bits behind the prefix and unused bytes are zero, so equal networks are equal bytes. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum {
    NETWORK_TEXT = 56, /* INET6_ADDRSTRLEN "/128" and the terminator, rounded up */
    NETWORK_CLIENT_FOUR = 24,
    NETWORK_CLIENT_SIX = 48,
};

struct network {
    uint8_t bytes[16]; /* IPv4 in the first four */
    uint8_t family;    /* 4 or 6 */
    uint8_t bits;
};

/* The first `bits` of an address. */
struct network network_of(const uint8_t bytes[16], uint32_t family, uint32_t bits);

/* The network that a client's address stands for: a /24, of IPv6 a /48. An IPv4 address inside IPv6 (::ffff:0:0/96) is
 * one of IPv4. */
struct network network_of_client(const uint8_t bytes[16], uint32_t family);

/* False: it is none, or has bits behind its prefix. */
bool network_parse(struct span text, struct network *ret_network);
void network_print(const struct network *network, char text[NETWORK_TEXT]);

/* IPv4 first, then by address; a network before those that it holds. */
int network_compare(const struct network *a, const struct network *b);

bool network_holds(const struct network *network, const uint8_t bytes[16], uint32_t family);
