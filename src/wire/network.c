/* SPDX-License-Identifier: Apache-2.0
 * A network of IP addresses. */
#include "wire/network.h"

#include <arpa/inet.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"

struct network network_of(const uint8_t bytes[16], uint32_t family, uint32_t bits)
{
    const uint32_t most = family == 4 ? 32 : 128;
    struct network network = {.family = (uint8_t)family, .bits = (uint8_t)bits};
    ASSERT((family == 4 || family == 6) && bits <= most);
    memcpy(network.bytes, bytes, bits / 8);
    if (bits % 8 != 0) {
        network.bytes[bits / 8] = (uint8_t)(bytes[bits / 8] & 0xff << (8 - bits % 8));
    }
    return network;
}

struct network network_of_client(const uint8_t bytes[16], uint32_t family)
{
    static const uint8_t mapped[12] = {[10] = 0xff, [11] = 0xff};
    if (family == 6 && memcmp(bytes, mapped, sizeof mapped) == 0) {
        uint8_t four[16] = {0};
        memcpy(four, bytes + 12, 4);
        return network_of(four, 4, NETWORK_CLIENT_FOUR);
    }
    return network_of(bytes, family, family == 4 ? NETWORK_CLIENT_FOUR : NETWORK_CLIENT_SIX);
}

/* Up to three digits, without a leading zero; UINT32_MAX: it is no such number. */
static uint32_t network_parse_bits(struct span digits)
{
    uint32_t bits = 0;
    if (digits.size == 0 || digits.size > 3 || (digits.data[0] == '0' && digits.size > 1)) {
        return UINT32_MAX;
    }
    for (size_t i = 0; i < digits.size; i++) {
        if (digits.data[i] < '0' || digits.data[i] > '9') {
            return UINT32_MAX;
        }
        bits = bits * 10 + (uint32_t)(digits.data[i] - '0');
    }
    return bits;
}

bool network_parse(struct span text, struct network *ret_network)
{
    char address[INET6_ADDRSTRLEN];
    uint8_t bytes[16] = {0};
    const uint8_t *slash = text.size > 0 ? memchr(text.data, '/', text.size) : NULL;
    const size_t size = slash != NULL ? (size_t)(slash - text.data) : 0;
    if (size == 0 || size >= sizeof address || memchr(text.data, 0, size) != NULL) {
        return false;
    }
    memcpy(address, text.data, size);
    address[size] = 0;
    const uint32_t family = memchr(address, ':', size) != NULL ? 6 : 4;
    const uint32_t bits = network_parse_bits(span_of(slash + 1, text.size - size - 1));
    if (inet_pton(family == 4 ? AF_INET : AF_INET6, address, bytes) != 1 || bits > (family == 4 ? 32 : 128)) {
        return false;
    }
    const struct network network = network_of(bytes, family, bits);
    if (memcmp(network.bytes, bytes, sizeof bytes) != 0) {
        return false;
    }
    *ret_network = network;
    return true;
}

void network_print(const struct network *network, char text[NETWORK_TEXT])
{
    char address[INET6_ADDRSTRLEN] = "";
    inet_ntop(network->family == 4 ? AF_INET : AF_INET6, network->bytes, address, sizeof address);
    snprintf(text, NETWORK_TEXT, "%s/%u", address, network->bits);
}

int network_compare(const struct network *a, const struct network *b)
{
    if (a->family != b->family) {
        return a->family < b->family ? -1 : 1;
    }
    const int order = memcmp(a->bytes, b->bytes, sizeof a->bytes);
    return order != 0 ? order : (int)a->bits - (int)b->bits;
}

bool network_holds(const struct network *network, const uint8_t bytes[16], uint32_t family)
{
    if (network->family != family) {
        return false;
    }
    const struct network same = network_of(bytes, family, network->bits);
    return memcmp(same.bytes, network->bytes, sizeof same.bytes) == 0;
}
