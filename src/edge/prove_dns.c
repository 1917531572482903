/* SPDX-License-Identifier: Apache-2.0
 * The proof over DNS: one question to one server (RFC 1035), with just enough of the format for addresses. */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/cursor.h"
#include "edge/clock.h"
#include "edge/prove.h"

enum {
    PROVE_DNS_PACKET = 1232, /* what is sure to pass unfragmented */
    PROVE_DNS_LABEL = 63,
    PROVE_DNS_NAME = 255,
    PROVE_DNS_RESEND_MS = 200,
    PROVE_DNS_TYPE_A = 1,
    PROVE_DNS_TYPE_AAAA = 28,
    PROVE_DNS_CLASS_IN = 1,
    PROVE_DNS_QR = 0x8000,
    PROVE_DNS_AA = 0x0400,
    PROVE_DNS_NXDOMAIN = 3,
};

static enum err prove_dns_name_write(struct buf *buf, const char *name)
{
    const size_t start = buf->size;
    const char *at = name;
    while (*at != '\0') {
        const size_t size = strcspn(at, ".");
        if (size == 0 || size > PROVE_DNS_LABEL) {
            return ERR_INVALID;
        }
        buf_u8(buf, (uint8_t)size);
        buf_bytes(buf, at, size);
        at += size;
        at += *at == '.' ? 1 : 0;
    }
    buf_u8(buf, 0);
    return buf->size - start > PROVE_DNS_NAME ? ERR_INVALID : ERR_OK;
}

static enum err prove_dns_question(struct buf *buf, uint16_t id, const char *name, uint16_t type)
{
    buf_u16be(buf, id);
    buf_u16be(buf, 0); /* a query, no recursion wanted */
    buf_u16be(buf, 1);
    buf_u16be(buf, 0);
    buf_u16be(buf, 0);
    buf_u16be(buf, 0);
    const enum err err = prove_dns_name_write(buf, name);
    buf_u16be(buf, type);
    buf_u16be(buf, PROVE_DNS_CLASS_IN);
    return err;
}

/* A name is labels and at most one pointer at its end; what it says is of no interest here. */
static void prove_dns_name_skip(struct cursor *cursor)
{
    for (;;) {
        const uint8_t size = cursor_u8(cursor);
        if (size == 0 || !cursor_ok(cursor)) {
            return;
        }
        if ((size & 0xc0) == 0xc0) {
            cursor_skip(cursor, 1);
            return;
        }
        if (size > PROVE_DNS_LABEL) {
            cursor_fail(cursor);
            return;
        }
        cursor_skip(cursor, size);
    }
}

static void prove_dns_record(struct cursor *cursor, uint16_t type, struct prove_dns_answer *answer)
{
    prove_dns_name_skip(cursor);
    const uint16_t record_type = cursor_u16be(cursor);
    const uint16_t record_class = cursor_u16be(cursor);
    const uint32_t ttl = cursor_u32be(cursor);
    const struct span data = cursor_span(cursor, cursor_u16be(cursor));
    const size_t size = type == PROVE_DNS_TYPE_A ? 4 : 16;
    if (!cursor_ok(cursor) || record_type != type || record_class != PROVE_DNS_CLASS_IN || data.size != size) {
        return;
    }
    answer->ttl_s = answer->count == 0 || ttl < answer->ttl_s ? ttl : answer->ttl_s;
    if (answer->count < PROVE_ADDRESSES) {
        struct view_address *address = &answer->addresses[answer->count];
        *address = (struct view_address){.family = type == PROVE_DNS_TYPE_A ? 4 : 6};
        memcpy(address->bytes, data.data, data.size);
        answer->count++;
    }
}

/* ERR_UNAVAILABLE: not the answer to this question, wait on. */
static enum err prove_dns_parse(struct span packet, struct span question, uint16_t type,
                                struct prove_dns_answer *ret_answer)
{
    struct cursor cursor;
    cursor_init(&cursor, packet.data, packet.size);
    struct cursor asked;
    cursor_init(&asked, question.data, question.size);
    const uint16_t id = cursor_u16be(&cursor);
    const uint16_t flags = cursor_u16be(&cursor);
    const uint16_t questions = cursor_u16be(&cursor);
    const uint16_t records = cursor_u16be(&cursor);
    cursor_skip(&cursor, 4);
    const size_t head = cursor.at;
    if (!cursor_ok(&cursor) || id != cursor_u16be(&asked) || (flags & PROVE_DNS_QR) == 0 || questions != 1) {
        return ERR_UNAVAILABLE;
    }
    const struct span echoed = cursor_span(&cursor, question.size - head);
    if (!cursor_ok(&cursor) ||
        strncasecmp((const char *)echoed.data, (const char *)question.data + head, question.size - head) != 0) {
        return ERR_UNAVAILABLE;
    }
    const uint16_t code = flags & 0xf;
    if (code != 0) {
        return code == PROVE_DNS_NXDOMAIN ? ERR_NOT_FOUND : ERR_STATUS;
    }
    struct prove_dns_answer answer = {.count = 0};
    for (uint16_t i = 0; i < records && cursor_ok(&cursor); i++) {
        prove_dns_record(&cursor, type, &answer);
    }
    if (!cursor_ok(&cursor) || (flags & PROVE_DNS_AA) == 0) {
        return ERR_PROTOCOL;
    }
    if (answer.count == 0) {
        return ERR_NOT_FOUND;
    }
    *ret_answer = answer;
    return ERR_OK;
}

static int prove_dns_socket(const struct view_address *server)
{
    struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(server->port)};
    struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(server->port)};
    memcpy(&six.sin6_addr, server->bytes, sizeof six.sin6_addr);
    memcpy(&four.sin_addr, server->bytes, sizeof four.sin_addr);
    const bool is_six = server->family == 6;
    const int fd = socket(is_six ? AF_INET6 : AF_INET, SOCK_DGRAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return -1;
    }
    const struct sockaddr *address = is_six ? (const struct sockaddr *)&six : (const struct sockaddr *)&four;
    if (connect(fd, address, is_six ? sizeof six : sizeof four) != 0) {
        const int kept = errno;
        close(fd);
        errno = kept;
        return -1;
    }
    return fd;
}

/* Sends the question again and again until an answer to it is there. */
static enum err prove_dns_ask(int fd, struct span question, uint16_t type, struct mono deadline,
                              struct prove_dns_answer *ret_answer)
{
    struct mono resend = clock_mono();
    enum err last = ERR_TIMEOUT;
    for (;;) {
        const struct mono now = clock_mono();
        if (time_reached(now, deadline)) {
            return last;
        }
        if (time_reached(now, resend)) {
            if (send(fd, question.data, question.size, 0) < 0) {
                last = err_from_errno(errno);
            }
            resend = time_add_ms(now, PROVE_DNS_RESEND_MS);
        }
        struct pollfd poller = {.fd = fd, .events = POLLIN};
        const int64_t wait_us = time_since_us(time_min(deadline, resend), now);
        if (poll(&poller, 1, (int)(wait_us / TIME_US_PER_MS) + 1) <= 0) {
            continue;
        }
        uint8_t memory[PROVE_DNS_PACKET];
        const ssize_t size = recv(fd, memory, sizeof memory, 0);
        if (size < 0) {
            last = errno == ECONNREFUSED ? ERR_REFUSED : last; /* perhaps it is just starting: ask again */
            continue;
        }
        const enum err err = prove_dns_parse(span_of(memory, (size_t)size), question, type, ret_answer);
        if (err != ERR_UNAVAILABLE) {
            return err;
        }
    }
}

enum err prove_dns(const struct view_address *server, const char *name, uint16_t family, int64_t timeout_ms,
                   struct prove_dns_answer *ret_answer, char message[PROVE_MESSAGE])
{
    ASSERT(timeout_ms > 0);
    message[0] = '\0';
    const struct mono deadline = time_add_ms(clock_mono(), timeout_ms);
    const uint16_t type = family == 6 ? PROVE_DNS_TYPE_AAAA : PROVE_DNS_TYPE_A;
    uint16_t id = 0;
    const ssize_t random = getrandom(&id, sizeof id, 0);
    ASSERT(random == (ssize_t)sizeof id);
    uint8_t memory[PROVE_DNS_NAME + 64];
    struct buf question;
    buf_init(&question, memory, sizeof memory);
    enum err err = prove_dns_question(&question, id, name, type);
    if (err != ERR_OK || question.overflow) {
        snprintf(message, PROVE_MESSAGE, "'%.200s' is no domain name", name);
        return ERR_INVALID;
    }
    const int fd = prove_dns_socket(server);
    if (fd < 0) {
        err = err_from_errno(errno);
    } else {
        err = prove_dns_ask(fd, span_of(question.data, question.size), type, deadline, ret_answer);
        close(fd);
    }
    if (err != ERR_OK) {
        snprintf(message, PROVE_MESSAGE, "%.180s %s: %s", name, family == 6 ? "AAAA" : "A", err_text(err));
    }
    return err;
}
