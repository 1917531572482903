/* SPDX-License-Identifier: Apache-2.0
 * DNS over TCP for one worker (RFC 7766): a two-byte length before each message, queries pipelined; answers in order,
 * but those to queries behind a zone transfer, which come between its messages.
 *
 * Everything has a limit: connections in all and of one address (the one of them that was silent longest makes room),
 * size of a query, time for a whole query or answer, which shrinks as places are taken: who only sits there, or
 * dribbles, keeps nobody out. While an answer waits for the peer to read, its next queries wait. All memory is
 * allocated at the start. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"
#include "base/time.h"
#include "dns/dns_socket.h"
#include "dns/dns_transfer.h"

enum {
    DNS_TCP_CONNECTIONS = 64, /* per worker */
    DNS_TCP_CLIENT = 16,      /* of one address, at a time */
    DNS_TCP_LISTENS = 16,
    DNS_TCP_QUERY = 4096,    /* bytes of a query */
    DNS_TCP_ANSWER = 65535,  /* bytes of an answer */
    DNS_TCP_IDLE_MS = 10000, /* for a whole query, or to take a whole answer (RFC 7766, 6.2.3) */
    DNS_TCP_KEEP_MS = 30000, /* clients that ask for keepalive, while half of the places are free (RFC 7828) */
    DNS_TCP_BUSY_MS = 2000,  /* all, while more than three quarters are taken */
    DNS_TCP_TURN = 64,       /* queries of one connection before others get their turn */
    DNS_TCP_DRAIN_MS = 4000, /* at the end, for answers to go */
    DNS_TCP_LINGER_MS = 500, /* there, for clients to close when they have all of them */
};

struct dns_worker;

struct dns_tcp_connection {
    int fd; /* -1: free */
    struct sockaddr_storage peer;
    struct mono last;             /* a whole query came, or a whole answer went */
    bool keeps;                   /* it asked for keepalive */
    bool ended;                   /* the peer sends no more: what it asked is still answered */
    bool drained;                 /* we send no more: what comes is thrown away until the peer closes */
    struct dns_transfer transfer; /* `zone` NULL: none is under way */
    bool waits_out;               /* epoll watches for room to write */
    size_t in_size;
    size_t out_size;
    size_t out_sent;
    uint8_t in[2 + DNS_TCP_QUERY];
    uint8_t out[2 + DNS_TCP_ANSWER];
};

struct dns_tcp {
    int listens[DNS_TCP_LISTENS];
    uint32_t listens_count;
    uint32_t paused;                        /* bit by listener: it waits for a descriptor to become free */
    uint32_t taken;                         /* of the connections */
    struct dns_tcp_connection *connections; /* DNS_TCP_CONNECTIONS */
};

/* Listens on the addresses, with sockets out of `given` (NULL: none) where it has some; events of listener i carry
 * `listen_tag` + i in epoll, those of connection i `connection_tag` + i. */
enum { DNS_TCP_LISTEN_TAG = 1000, DNS_TCP_CONNECTION_TAG = 2000 };

enum err dns_tcp_init(struct dns_tcp *tcp, int epoll, const struct sockaddr_storage *listens, uint32_t listens_count,
                      struct dns_socket_given *given) ERR_CHECK;
void dns_tcp_fini(struct dns_tcp *tcp);

/* Handlers for epoll's events. The view is entered by the caller. */
void dns_tcp_accept(struct dns_worker *worker, uint32_t listen_index, struct mono now);
void dns_tcp_event(struct dns_worker *worker, uint32_t index, struct mono now);

/* Closes connections with a transfer under way: its zone is about to be freed. The secondary asks again. */
void dns_tcp_forget(struct dns_worker *worker);

/* How long a connection may be idle at present. */
static inline int32_t dns_tcp_idle_ms(const struct dns_tcp *tcp, bool keeps)
{
    if (tcp->taken > DNS_TCP_CONNECTIONS / 4 * 3) {
        return DNS_TCP_BUSY_MS;
    }
    return keeps && tcp->taken <= DNS_TCP_CONNECTIONS / 2 ? DNS_TCP_KEEP_MS : DNS_TCP_IDLE_MS;
}

/* The server stops: nobody is accepted any more, what was received is answered, and a connection where all is answered
 * is closed from our side, so that its client sees an end and no reset. Called in turns with the events; how many
 * connections still have something to be answered. */
uint32_t dns_tcp_drain(struct dns_worker *worker);

/* Closes connections without progress, and lets those in that waited for a descriptor. */
void dns_tcp_reap(struct dns_worker *worker, struct mono now);
