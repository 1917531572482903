/* SPDX-License-Identifier: Apache-2.0
 * DNS over TCP for one worker. */
#include "dns/dns_tcp.h"

#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.h"
#include "dns/dns_worker.h"
#include "wire/dns_message.h"
#include "wire/dns_type.h"

static enum err dns_tcp_listen(struct dns_tcp *tcp, int epoll, const struct sockaddr_storage *address,
                               struct dns_socket_given *given)
{
    int fd = dns_socket_take(given, address, SOCK_STREAM);
    if (fd < 0) {
        const enum err err = dns_socket_open(address, SOCK_STREAM, &fd);
        if (err != ERR_OK) {
            return err;
        }
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = DNS_TCP_LISTEN_TAG + tcp->listens_count};
    if (epoll_ctl(epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        const enum err err = err_from_errno(errno);
        close(fd);
        return err;
    }
    tcp->listens[tcp->listens_count++] = fd;
    return ERR_OK;
}

enum err dns_tcp_init(struct dns_tcp *tcp, int epoll, const struct sockaddr_storage *listens, uint32_t listens_count,
                      struct dns_socket_given *given)
{
    ASSERT(listens_count <= DNS_TCP_LISTENS);
    tcp->listens_count = 0;
    tcp->paused = 0;
    tcp->connections = calloc(DNS_TCP_CONNECTIONS, sizeof *tcp->connections);
    if (tcp->connections == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t i = 0; i < DNS_TCP_CONNECTIONS; i++) {
        tcp->connections[i].fd = -1;
    }
    for (uint32_t i = 0; i < listens_count; i++) {
        const enum err err = dns_tcp_listen(tcp, epoll, &listens[i], given);
        if (err != ERR_OK) {
            dns_tcp_fini(tcp);
            return err;
        }
    }
    return ERR_OK;
}

void dns_tcp_fini(struct dns_tcp *tcp)
{
    for (uint32_t i = 0; i < tcp->listens_count; i++) {
        close(tcp->listens[i]);
    }
    for (uint32_t i = 0; i < DNS_TCP_CONNECTIONS && tcp->connections != NULL; i++) {
        if (tcp->connections[i].fd >= 0) {
            close(tcp->connections[i].fd);
        }
    }
    free(tcp->connections);
    *tcp = (struct dns_tcp){.listens_count = 0};
}

static void dns_tcp_close(struct dns_worker *worker, struct dns_tcp_connection *connection)
{
    close(connection->fd); /* epoll forgets it */
    connection->fd = -1;
    ASSERT(worker->tcp.taken > 0);
    worker->tcp.taken--;
}

static bool dns_tcp_same_host(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family) {
        return false;
    }
    if (a->ss_family == AF_INET) {
        return ((const struct sockaddr_in *)a)->sin_addr.s_addr == ((const struct sockaddr_in *)b)->sin_addr.s_addr;
    }
    /* A host has a /64. */
    return memcmp(&((const struct sockaddr_in6 *)a)->sin6_addr, &((const struct sockaddr_in6 *)b)->sin6_addr, 8) == 0;
}

/* A free place, else that of the connection that was silent longest: of the same host when it has its share, else of
 * all.
 */
static struct dns_tcp_connection *dns_tcp_place(struct dns_worker *worker, const struct sockaddr_storage *peer)
{
    struct dns_tcp_connection *place = NULL;
    struct dns_tcp_connection *oldest = NULL;
    struct dns_tcp_connection *own = NULL;
    uint32_t own_count = 0;
    for (uint32_t i = 0; i < DNS_TCP_CONNECTIONS; i++) {
        struct dns_tcp_connection *connection = &worker->tcp.connections[i];
        if (connection->fd < 0) {
            place = place != NULL ? place : connection;
            continue;
        }
        oldest = oldest == NULL || connection->last.us < oldest->last.us ? connection : oldest;
        if (dns_tcp_same_host(&connection->peer, peer)) {
            own_count++;
            own = own == NULL || connection->last.us < own->last.us ? connection : own;
        }
    }
    if (own_count >= DNS_TCP_CLIENT) {
        place = own;
    } else if (place != NULL) {
        return place;
    } else {
        place = oldest;
    }
    ASSERT(place != NULL);
    dns_figures_add(&worker->figures->counters.tcp_refused, 1);
    dns_tcp_close(worker, place);
    return place;
}

static void dns_tcp_watch_listen(const struct dns_worker *worker, uint32_t listen_index, uint32_t events)
{
    struct epoll_event event = {.events = events, .data.u64 = DNS_TCP_LISTEN_TAG + listen_index};
    (void)epoll_ctl(worker->epoll, EPOLL_CTL_MOD, worker->tcp.listens[listen_index], &event);
}

/* Nobody could be let in. Without descriptors the event would come again and again: it waits for the next reaping. */
static void dns_tcp_refused(struct dns_worker *worker, uint32_t listen_index, int problem)
{
    if (problem == EMFILE || problem == ENFILE || problem == ENOBUFS || problem == ENOMEM) {
        worker->tcp.paused |= 1U << listen_index;
        dns_tcp_watch_listen(worker, listen_index, 0);
    }
}

void dns_tcp_accept(struct dns_worker *worker, uint32_t listen_index, struct mono now)
{
    ASSERT(listen_index < worker->tcp.listens_count);
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    const int one = 1;
    const int fd =
        accept4(worker->tcp.listens[listen_index], (struct sockaddr *)&peer, &peer_size, SOCK_CLOEXEC | SOCK_NONBLOCK);
    if (fd < 0) {
        dns_tcp_refused(worker, listen_index, errno);
        return;
    }
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &one, sizeof one);
    struct dns_tcp_connection *connection = dns_tcp_place(worker, &peer);
    const uint64_t index = (uint64_t)(connection - worker->tcp.connections);
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = DNS_TCP_CONNECTION_TAG + index};
    if (epoll_ctl(worker->epoll, EPOLL_CTL_ADD, fd, &event) != 0) {
        close(fd);
        return;
    }
    worker->tcp.taken++;
    connection->fd = fd;
    connection->peer = peer;
    connection->last = now;
    connection->keeps = false;
    connection->ended = false;
    connection->drained = false;
    connection->transfer.zone = NULL;
    connection->waits_out = false;
    connection->in_size = 0;
    connection->out_size = 0;
    connection->out_sent = 0;
    dns_figures_add(&worker->figures->counters.tcp_connections, 1);
}

/* Sends what is waiting. False: the connection is broken. */
static bool dns_tcp_send(struct dns_tcp_connection *connection, struct mono now)
{
    while (connection->out_sent < connection->out_size) {
        const ssize_t sent = send(connection->fd, connection->out + connection->out_sent,
                                  connection->out_size - connection->out_sent, MSG_NOSIGNAL);
        if (sent < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        connection->out_sent += (size_t)sent;
    }
    connection->last = connection->out_size > 0 ? now : connection->last;
    connection->out_size = 0;
    connection->out_sent = 0;
    return true;
}

/* Bytes of the first whole query with its length, 0: not yet here, SIZE_MAX: none that we want. */
static size_t dns_tcp_query_size(const struct dns_tcp_connection *connection)
{
    struct cursor cursor;
    cursor_init(&cursor, connection->in, connection->in_size);
    const size_t size = cursor_u16be(&cursor);
    if (!cursor_ok(&cursor)) {
        return 0;
    }
    if (size < DNS_MESSAGE_HEADER || size > DNS_TCP_QUERY) {
        return SIZE_MAX;
    }
    return connection->in_size >= 2 + size ? 2 + size : 0;
}

/* The answer to the first whole query into `out`, behind its length. Its size; 0: none, then a transfer may have begun.
 */
static size_t dns_tcp_answer(struct dns_worker *worker, struct dns_tcp_connection *connection, size_t size)
{
    memcpy(connection->out + 2, connection->in + 2, size - 2);
    connection->in_size -= size;
    memmove(connection->in, connection->in + size, connection->in_size);
    dns_figures_add(&worker->figures->counters.tcp_queries, 1);
    worker->sample = 1;
    const size_t answer =
        dns_worker_answer(worker, connection->out + 2, size - 2, DNS_TCP_ANSWER, &connection->peer, connection);
    return answer == 0 && connection->transfer.zone != NULL
               ? dns_transfer_next(&connection->transfer, connection->out + 2)
               : answer;
}

/* Whether the next query may be answered before a transfer is over: any may (RFC 7766, 6.2.1.1) but another transfer.
 */
static bool dns_tcp_passes(const struct dns_tcp_connection *connection)
{
    struct dns_message_query query;
    const size_t size = dns_tcp_query_size(connection);
    return size != 0 && size != SIZE_MAX &&
           dns_message_parse(connection->in + 2, size - 2, &query) == DNS_MESSAGE_GOOD && query.type != DNS_TYPE_AXFR &&
           query.type != DNS_TYPE_IXFR;
}

/* Answers whole queries as long as the peer takes the answers; while a transfer is under way one of them, then a
 * message of the transfer, which takes as long as a turn of queries: everybody else waits for it. False: close. */
static bool dns_tcp_serve(struct dns_worker *worker, struct dns_tcp_connection *connection, struct mono now)
{
    bool transferred = false;
    for (uint32_t turn = 0; turn < DNS_TCP_TURN && connection->out_size == 0 && !transferred; turn++) {
        size_t answer = 0;
        if (connection->transfer.zone != NULL && (turn > 0 || !dns_tcp_passes(connection))) {
            answer = dns_transfer_next(&connection->transfer, connection->out + 2);
            if (answer == 0) {
                continue; /* it is over */
            }
            transferred = true;
        } else {
            const size_t size = dns_tcp_query_size(connection);
            if (size == 0) {
                return true;
            }
            if (size == SIZE_MAX) {
                return false;
            }
            answer = dns_tcp_answer(worker, connection, size);
            if (answer == 0) {
                return false;
            }
        }
        connection->out[0] = (uint8_t)(answer >> 8);
        connection->out[1] = (uint8_t)answer;
        connection->out_size = 2 + answer;
        connection->out_sent = 0;
        if (!dns_tcp_send(connection, now)) {
            return false;
        }
    }
    return true;
}

/* Reads once. False: broken. */
static bool dns_tcp_receive(struct dns_tcp_connection *connection)
{
    const size_t room = sizeof connection->in - connection->in_size;
    if (room == 0) {
        return true;
    }
    const ssize_t got = recv(connection->fd, connection->in + connection->in_size, room, 0);
    if (got < 0) {
        return errno == EAGAIN || errno == EINTR;
    }
    connection->in_size += (size_t)got;
    connection->ended = got == 0;
    return true;
}

/* Watches for what is next: room to write, or the next query; both when whole queries are left for another turn (a
 * socket with room to write reports at once). False: it is over. */
static bool dns_tcp_watch(struct dns_worker *worker, struct dns_tcp_connection *connection)
{
    const size_t next = dns_tcp_query_size(connection);
    const bool out = connection->out_size > 0 || connection->transfer.zone != NULL || (next != 0 && next != SIZE_MAX);
    if (connection->ended && !out) {
        return false; /* half-closed, and all is answered */
    }
    if (out == connection->waits_out) {
        return true;
    }
    const uint64_t index = (uint64_t)(connection - worker->tcp.connections);
    struct epoll_event event = {.events = out ? EPOLLOUT : EPOLLIN, .data.u64 = DNS_TCP_CONNECTION_TAG + index};
    connection->waits_out = out;
    return epoll_ctl(worker->epoll, EPOLL_CTL_MOD, connection->fd, &event) == 0;
}

void dns_tcp_event(struct dns_worker *worker, uint32_t index, struct mono now)
{
    ASSERT(index < DNS_TCP_CONNECTIONS);
    struct dns_tcp_connection *connection = &worker->tcp.connections[index];
    if (connection->fd < 0) {
        return; /* closed earlier in this round of events */
    }
    bool good = dns_tcp_send(connection, now);
    if (connection->drained) {
        connection->in_size = 0;
        good = good && dns_tcp_receive(connection) && !connection->ended;
    } else if (good && connection->out_size == 0) {
        const bool later = connection->waits_out && connection->transfer.zone == NULL; /* whole queries are waiting */
        good = later || connection->ended || dns_tcp_receive(connection);
        good = good && dns_tcp_serve(worker, connection, now);
    }
    if (!good || (!connection->drained && !dns_tcp_watch(worker, connection))) {
        dns_tcp_close(worker, connection);
    }
}

/* Whether all that has arrived is answered, and the answers are with the kernel. */
static bool dns_tcp_settled(const struct dns_tcp_connection *connection)
{
    uint8_t byte;
    return connection->out_size == 0 && connection->transfer.zone == NULL && dns_tcp_query_size(connection) == 0 &&
           recv(connection->fd, &byte, sizeof byte, MSG_PEEK | MSG_DONTWAIT) < 0;
}

uint32_t dns_tcp_drain(struct dns_worker *worker)
{
    struct dns_tcp *tcp = &worker->tcp;
    uint32_t pending = 0;
    for (uint32_t i = 0; i < tcp->listens_count; i++) {
        (void)epoll_ctl(worker->epoll, EPOLL_CTL_DEL, tcp->listens[i], NULL); /* the next one accepts */
    }
    for (uint32_t i = 0; i < DNS_TCP_CONNECTIONS; i++) {
        struct dns_tcp_connection *connection = &tcp->connections[i];
        if (connection->fd < 0 || connection->drained) {
            continue;
        }
        connection->drained = dns_tcp_settled(connection) && shutdown(connection->fd, SHUT_WR) == 0;
        pending += connection->drained ? 0 : 1;
    }
    return pending;
}

void dns_tcp_forget(struct dns_worker *worker)
{
    for (uint32_t i = 0; i < DNS_TCP_CONNECTIONS; i++) {
        struct dns_tcp_connection *connection = &worker->tcp.connections[i];
        if (connection->fd >= 0 && connection->transfer.zone != NULL) {
            dns_tcp_close(worker, connection);
        }
    }
}

void dns_tcp_reap(struct dns_worker *worker, struct mono now)
{
    for (uint32_t i = 0; i < DNS_TCP_CONNECTIONS; i++) {
        struct dns_tcp_connection *connection = &worker->tcp.connections[i];
        if (connection->fd >= 0 &&
            time_since_ms(now, connection->last) > dns_tcp_idle_ms(&worker->tcp, connection->keeps)) {
            dns_tcp_close(worker, connection);
        }
    }
    for (uint32_t i = 0; i < worker->tcp.listens_count; i++) {
        if ((worker->tcp.paused >> i & 1) != 0) {
            dns_tcp_watch_listen(worker, i, EPOLLIN);
        }
    }
    worker->tcp.paused = 0;
}
