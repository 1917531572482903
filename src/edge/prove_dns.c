/* SPDX-License-Identifier: Apache-2.0
 * The proof over DNS: one question to one server over UDP, sent again until it is answered. */
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
#include "edge/clock.h"
#include "edge/prove_dns_message.h"
#include "wire/dns_type.h"

enum {
    PROVE_DNS_PACKET = 1232, /* what is sure to pass unfragmented */
    PROVE_DNS_QUERY = 300,   /* a name of 255 bytes, head and question */
    PROVE_DNS_RESEND_MS = 200,
};

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
static enum err prove_dns_ask(int fd, const struct prove_dns_message_question *question, struct mono deadline,
                              struct prove_dns_answer *ret_answer)
{
    uint8_t query_memory[PROVE_DNS_QUERY];
    struct buf query;
    buf_init(&query, query_memory, sizeof query_memory);
    prove_dns_message_write(&query, question);
    ASSERT(!query.overflow);
    struct mono resend = clock_mono();
    enum err last = ERR_TIMEOUT;
    for (;;) {
        const struct mono now = clock_mono();
        if (time_reached(now, deadline)) {
            return last;
        }
        if (time_reached(now, resend)) {
            if (send(fd, query.data, query.size, 0) < 0) {
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
        const enum err err = prove_dns_message_parse(span_of(memory, (size_t)size), question, ret_answer);
        if (err != ERR_STALE) {
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
    struct prove_dns_message_question question = {.type = family == 6 ? DNS_TYPE_AAAA : DNS_TYPE_A};
    const ssize_t random = getrandom(&question.id, sizeof question.id, 0);
    ASSERT(random == (ssize_t)sizeof question.id);
    enum err err = dns_name_parse(span_text(name), NULL, &question.name);
    if (err != ERR_OK) {
        snprintf(message, PROVE_MESSAGE, "'%.200s' is no domain name", name);
        return ERR_INVALID;
    }
    const int fd = prove_dns_socket(server);
    if (fd < 0) {
        err = err_from_errno(errno);
    } else {
        err = prove_dns_ask(fd, &question, deadline, ret_answer);
        close(fd);
    }
    if (err != ERR_OK) {
        snprintf(message, PROVE_MESSAGE, "%.180s %s: %s", name, family == 6 ? "AAAA" : "A", err_text(err));
    }
    return err;
}
