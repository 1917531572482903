/* SPDX-License-Identifier: Apache-2.0
 * A stub resolver's two messages: one question for an A record, and its answer (RFC 1035). */
#include "client_dns.h"

#include <string.h>

#include "base/buf.h"
#include "base/cursor.h"

enum {
    CLIENT_DNS_TYPE_A = 1,
    CLIENT_DNS_CLASS_IN = 1,
    CLIENT_DNS_LABEL = 63,
    CLIENT_DNS_NAME = 253,
};

size_t client_dns_query(uint8_t *ret_message, size_t capacity, uint16_t id, const char *name)
{
    struct buf buf;
    buf_init(&buf, ret_message, capacity);
    buf_u16be(&buf, id);
    buf_u16be(&buf, 0); /* a query, no recursion: we ask the authoritative servers themselves */
    buf_u16be(&buf, 1);
    buf_u16be(&buf, 0);
    buf_u16be(&buf, 0);
    buf_u16be(&buf, 0);
    if (strlen(name) > CLIENT_DNS_NAME) {
        return 0;
    }
    while (*name != '\0') {
        const size_t label = strcspn(name, ".");
        if (label == 0 || label > CLIENT_DNS_LABEL) {
            return 0;
        }
        buf_u8(&buf, (uint8_t)label);
        buf_bytes(&buf, name, label);
        name += label + (name[label] == '.' ? 1 : 0);
    }
    buf_u8(&buf, 0);
    buf_u16be(&buf, CLIENT_DNS_TYPE_A);
    buf_u16be(&buf, CLIENT_DNS_CLASS_IN);
    return buf.overflow ? 0 : buf.size;
}

/* Steps over a name; a compression pointer ends it. */
static void client_dns_skip_name(struct cursor *cursor)
{
    for (;;) {
        const uint8_t label = cursor_u8(cursor);
        if (label >= 0xc0) {
            cursor_skip(cursor, 1);
            return;
        }
        if (label == 0 || !cursor_ok(cursor)) {
            return;
        }
        cursor_skip(cursor, label);
    }
}

enum err client_dns_parse(const uint8_t *message, size_t size, uint16_t id, struct client_dns_answer *ret_answer)
{
    struct cursor cursor;
    cursor_init(&cursor, message, size);
    const uint16_t got = cursor_u16be(&cursor);
    const uint16_t flags = cursor_u16be(&cursor);
    const uint16_t questions = cursor_u16be(&cursor);
    const uint16_t answers = cursor_u16be(&cursor);
    cursor_skip(&cursor, 4);
    if (!cursor_ok(&cursor) || got != id || (flags & 0x8000) == 0 || questions != 1) {
        return ERR_PROTOCOL;
    }
    const unsigned code = flags & 0xfU;
    if (code != 0) {
        return code == 3 ? ERR_NOT_FOUND : ERR_STATUS;
    }
    client_dns_skip_name(&cursor);
    cursor_skip(&cursor, 4);
    for (uint16_t i = 0; i < answers && cursor_ok(&cursor); i++) {
        client_dns_skip_name(&cursor);
        const uint16_t type = cursor_u16be(&cursor);
        const uint16_t class = cursor_u16be(&cursor);
        const uint32_t ttl = cursor_u32be(&cursor);
        const uint16_t length = cursor_u16be(&cursor);
        if (type == CLIENT_DNS_TYPE_A && class == CLIENT_DNS_CLASS_IN && length == 4) {
            const uint32_t ipv4 = cursor_u32be(&cursor);
            if (cursor_ok(&cursor)) {
                *ret_answer = (struct client_dns_answer){ipv4, ttl};
                return ERR_OK;
            }
        }
        cursor_skip(&cursor, length);
    }
    return cursor_ok(&cursor) ? ERR_NOT_FOUND : ERR_PROTOCOL;
}
