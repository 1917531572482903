/* SPDX-License-Identifier: Apache-2.0
 * Literal addresses with a port: parsed, printed, never looked up. */
#include "edge/address.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"

static enum err address_parse_port(struct cursor *cursor, uint16_t *ret_port)
{
    const size_t digits = cursor_left(cursor);
    if (digits == 0 || digits > 5) {
        return ERR_INVALID;
    }
    uint32_t port = 0;
    for (size_t i = 0; i < digits; i++) {
        const uint8_t digit = cursor_u8(cursor);
        if (digit < '0' || digit > '9') {
            return ERR_INVALID;
        }
        port = port * 10 + (uint32_t)(digit - '0');
    }
    if (port > UINT16_MAX) {
        return ERR_INVALID;
    }
    *ret_port = (uint16_t)port;
    return ERR_OK;
}

static enum err address_fill(struct address *address, const char *host, bool six, uint16_t port)
{
    if (six) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        memcpy(&address->storage, &in6, sizeof in6);
        address->size = sizeof in6;
        struct sockaddr_in6 *stored = (struct sockaddr_in6 *)&address->storage;
        return inet_pton(AF_INET6, host, &stored->sin6_addr) == 1 ? ERR_OK : ERR_INVALID;
    }
    struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
    if (inet_pton(AF_INET, host, &in.sin_addr) != 1) {
        return ERR_INVALID;
    }
    memcpy(&address->storage, &in, sizeof in);
    address->size = sizeof in;
    return ERR_OK;
}

enum err address_parse(const char *text, struct address *ret_address)
{
    struct cursor cursor;
    cursor_init(&cursor, text, strlen(text));
    const bool six = text[0] == '[';
    cursor_skip(&cursor, six ? 1 : 0);
    const struct span host = cursor_until(&cursor, six ? ']' : ':');
    if (six && cursor_u8(&cursor) != ':') {
        return ERR_INVALID;
    }
    char copy[INET6_ADDRSTRLEN];
    if (!cursor_ok(&cursor) || host.size == 0 || host.size >= sizeof copy) {
        return ERR_INVALID;
    }
    memcpy(copy, host.data, host.size);
    copy[host.size] = '\0';
    uint16_t port = 0;
    struct address address = {.size = 0};
    if (address_parse_port(&cursor, &port) != ERR_OK || address_fill(&address, copy, six, port) != ERR_OK) {
        return ERR_INVALID;
    }
    *ret_address = address;
    return ERR_OK;
}

enum err address_parse_any(const char *text, uint16_t port, struct address *ret_address)
{
    struct address address = {0};
    if (address_fill(&address, text, false, port) != ERR_OK && address_fill(&address, text, true, port) != ERR_OK) {
        return address_parse(text, ret_address);
    }
    *ret_address = address;
    return ERR_OK;
}

void address_print(const struct address *address, char text[ADDRESS_TEXT])
{
    char host[INET6_ADDRSTRLEN] = "";
    const bool six = address->storage.ss_family == AF_INET6;
    ASSERT(six || address->storage.ss_family == AF_INET);
    const void *bytes = six ? (const void *)&((const struct sockaddr_in6 *)&address->storage)->sin6_addr
                            : (const void *)&((const struct sockaddr_in *)&address->storage)->sin_addr;
    const char *printed = inet_ntop(six ? AF_INET6 : AF_INET, bytes, host, sizeof host);
    ASSERT(printed != NULL);
    snprintf(text, ADDRESS_TEXT, six ? "[%s]:%u" : "%s:%u", host, (unsigned)address_port(address));
}

uint16_t address_port(const struct address *address)
{
    if (address->storage.ss_family == AF_INET6) {
        return ntohs(((const struct sockaddr_in6 *)&address->storage)->sin6_port);
    }
    ASSERT(address->storage.ss_family == AF_INET);
    return ntohs(((const struct sockaddr_in *)&address->storage)->sin_port);
}
