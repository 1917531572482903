/* SPDX-License-Identifier: Apache-2.0
 * One question to one DNS server. */
#include "edge/dns_client.h"

#include <errno.h>
#include <poll.h>
#include <string.h>
#include <sys/random.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "wire/dns_type.h"

/* One try: its socket, what is sent, when it ends. */
struct dns_client {
    const struct dns_client_want *want;
    const struct dns_query *query;
    struct dns_client_answer *answer;
    int fd;
    struct mono deadline;
};

static enum err dns_client_wait(const struct dns_client *client, short events)
{
    for (;;) {
        struct pollfd poller = {.fd = client->fd, .events = events};
        const int64_t left_us = time_since_us(client->deadline, clock_mono());
        if (left_us <= 0) {
            return ERR_TIMEOUT;
        }
        const int ready = poll(&poller, 1, (int)(left_us / TIME_US_PER_MS) + 1);
        if (ready > 0) {
            return ERR_OK;
        }
        if (ready < 0 && errno != EINTR) {
            return err_from_errno(errno);
        }
    }
}

/* What was read, judged. ERR_STALE: not an answer to this question, wait for another. */
static enum err dns_client_judge(const struct dns_client *client, size_t size)
{
    struct dns_client_answer *answer = client->answer;
    const uint8_t *message = answer->message;
    const struct dns_query *query = client->query;
    if (size < 2 || (message[0] << 8 | message[1]) != query->id) {
        return ERR_STALE;
    }
    const enum err err = dns_reply_parse(span_of(message, size), &answer->reply);
    if (err != ERR_OK) {
        return err;
    }
    return dns_reply_answers(&answer->reply, query->id, &query->name, query->type) ? ERR_OK : ERR_STALE;
}

/* ---- UDP ---- */

static enum err dns_client_udp(const struct dns_client *client)
{
    uint8_t memory[DNS_QUERY_BYTES + 1];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_query_write(client->query, &buf);
    if (send(client->fd, buf.data, buf.size, MSG_NOSIGNAL) < 0) {
        return err_from_errno(errno);
    }
    for (;;) {
        enum err err = dns_client_wait(client, POLLIN);
        if (err != ERR_OK) {
            return err;
        }
        const ssize_t size = recv(client->fd, client->answer->message, DNS_CLIENT_BYTES, MSG_DONTWAIT);
        if (size < 0 && errno != EAGAIN && errno != EINTR) {
            return err_from_errno(errno);
        }
        err = size >= 0 ? dns_client_judge(client, (size_t)size) : ERR_STALE;
        if (err != ERR_STALE) {
            return err;
        }
    }
}

/* ---- TCP (RFC 7766): a length of two bytes in front of each message ---- */

static enum err dns_client_write(const struct dns_client *client, const uint8_t *data, size_t size)
{
    while (size > 0) {
        const ssize_t sent = send(client->fd, data, size, MSG_NOSIGNAL | MSG_DONTWAIT);
        if (sent < 0 && errno != EAGAIN && errno != EINTR) {
            return err_from_errno(errno);
        }
        data += sent > 0 ? sent : 0;
        size -= sent > 0 ? (size_t)sent : 0;
        const enum err err = size > 0 ? dns_client_wait(client, POLLOUT) : ERR_OK;
        if (err != ERR_OK) {
            return err;
        }
    }
    return ERR_OK;
}

static enum err dns_client_read(const struct dns_client *client, uint8_t *data, size_t size)
{
    while (size > 0) {
        const enum err err = dns_client_wait(client, POLLIN);
        if (err != ERR_OK) {
            return err;
        }
        const ssize_t got = recv(client->fd, data, size, MSG_DONTWAIT);
        if (got == 0) {
            return ERR_CLOSED;
        }
        if (got < 0 && errno != EAGAIN && errno != EINTR) {
            return err_from_errno(errno);
        }
        data += got > 0 ? got : 0;
        size -= got > 0 ? (size_t)got : 0;
    }
    return ERR_OK;
}

static enum err dns_client_tcp(const struct dns_client *client)
{
    uint8_t memory[2 + DNS_QUERY_BYTES + 1];
    struct buf buf;
    enum err err = dns_client_wait(client, POLLOUT); /* connected, or not: writing tells */
    buf_init(&buf, memory, sizeof memory);
    buf_u16be(&buf, 0);
    dns_query_write(client->query, &buf);
    ASSERT(!buf.overflow);
    memory[0] = (uint8_t)((buf.size - 2) >> 8);
    memory[1] = (uint8_t)(buf.size - 2);
    err = err == ERR_OK ? dns_client_write(client, memory, buf.size) : err;
    for (;;) {
        uint8_t head[2];
        err = err == ERR_OK ? dns_client_read(client, head, sizeof head) : err;
        const size_t size = err == ERR_OK ? (size_t)(head[0] << 8 | head[1]) : 0;
        err = err == ERR_OK ? dns_client_read(client, client->answer->message, size) : err;
        err = err == ERR_OK ? dns_client_judge(client, size) : err;
        if (err != ERR_STALE) {
            return err;
        }
        err = ERR_OK;
    }
}

/* ---- tries ---- */

static enum err dns_client_open(struct dns_client *client, bool tcp)
{
    const struct address *server = &client->want->server;
    struct address *source = &client->answer->source;
    client->fd = socket(server->storage.ss_family, (tcp ? SOCK_STREAM : SOCK_DGRAM) | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (client->fd < 0) {
        return err_from_errno(errno);
    }
    source->size = sizeof source->storage;
    if ((connect(client->fd, (const struct sockaddr *)&server->storage, server->size) != 0 && errno != EINPROGRESS) ||
        getsockname(client->fd, (struct sockaddr *)&source->storage, &source->size) != 0) {
        const enum err err = err_from_errno(errno);
        close(client->fd);
        return err;
    }
    return ERR_OK;
}

/* Asks once. */
static enum err dns_client_try(struct dns_client *client, struct dns_query *query, bool tcp)
{
    const ssize_t random = getrandom(&query->id, sizeof query->id, 0);
    ASSERT(random == (ssize_t)sizeof query->id);
    const struct mono begin = clock_mono();
    client->deadline = time_add_ms(begin, client->want->timeout_ms);
    enum err err = dns_client_open(client, tcp);
    if (err == ERR_OK) {
        err = tcp ? dns_client_tcp(client) : dns_client_udp(client);
        close(client->fd);
    }
    client->answer->tcp = tcp;
    client->answer->took_us = time_since_us(clock_mono(), begin);
    return err;
}

/* The server's cookie for the next try; false: there is none, or it was tried. */
static bool dns_client_cookie(const struct dns_reply *reply, struct dns_query *query)
{
    const struct span cookie = reply->edns.cookie;
    const bool fresh = reply->rcode == DNS_RCODE_BADCOOKIE && cookie.size >= (size_t)2 * DNS_COOKIE_CLIENT &&
                       query->cookie_size == DNS_COOKIE_CLIENT;
    if (fresh) {
        memcpy(query->cookie, cookie.data, cookie.size);
        query->cookie_size = (uint8_t)cookie.size;
    }
    return fresh;
}

enum err dns_client_ask(const struct dns_client_want *want, struct dns_query *query, struct dns_client_answer *answer)
{
    ASSERT(want->timeout_ms > 0 && want->tries > 0 && want->tries <= DNS_CLIENT_TRIES);
    struct dns_client client = {.want = want, .query = query, .answer = answer, .fd = -1};
    enum err err = ERR_TIMEOUT;
    bool tcp = want->tcp;
    answer->truncated = false;
    answer->tries = 0;
    /* Two more at most: with the server's cookie, and over TCP. */
    for (uint32_t left = want->tries; left > 0; left--) {
        answer->tries++;
        err = dns_client_try(&client, query, tcp);
        if (err == ERR_OK && dns_client_cookie(&answer->reply, query)) {
            err = dns_client_try(&client, query, tcp);
        }
        if (err == ERR_OK && !tcp && (answer->reply.flags & DNS_MESSAGE_TC) != 0) {
            tcp = true;
            answer->truncated = true;
            err = dns_client_try(&client, query, tcp);
        }
        if (err == ERR_OK || !err_retry(err)) {
            return err;
        }
    }
    return err;
}
