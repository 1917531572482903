/* SPDX-License-Identifier: Apache-2.0
 * One DNS worker: a thread with its own sockets, that answers from the zones and the view.
 *
 * UDP in batches (recvmmsg, sendmmsg), answers built where the queries lie; the view is entered once per batch and left
 * before sleeping. TCP beside it (dns/dns_tcp.h). No lock and no allocation after the start.
 *
 * UDP sockets are waited for by poll(2). In epoll they would cost more: it stays in a socket's queue of waiters, and
 * the kernel wakes that for each packet that has left, while poll is in it only as long as it sleeps. */
#pragma once

#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <sys/socket.h>

#include "core/view.h"
#include "dns/dns_answer.h"
#include "dns/dns_figures.h"
#include "dns/dns_tcp.h"
#include "edge/publish.h"

enum {
    DNS_WORKER_BATCH = 32,
    /* A query beyond this is none that we want. 1,472 is Ethernet's 1,500 without IP and UDP. Not a power of two, so
     * that the batch's buffers do not fall into the same cache sets. */
    DNS_WORKER_MESSAGE = 1472,
    DNS_WORKER_LISTENS = 16,
    DNS_WORKER_UDP = 64,      /* sockets: one for each address, more where more were taken over */
    DNS_WORKER_FEW = 4,       /* of larger batches ... */
    DNS_WORKER_SAMPLE = 64,   /* ... one query of so many is looked at for the sketches, and counts for these */
    DNS_WORKER_TICK_MS = 250, /* sign of life, idle TCP connections */
};

/* What the workers of a server share. Workers only read. */
struct dns_worker_shared {
    _Atomic(const struct dns_catalog *) catalog;
    _Atomic uint64_t generation; /* grows after each change of `catalog` */
    _Atomic bool stop;
    uint32_t workers;             /* that share a limit of answers */
    const struct view *file_view; /* answers when nothing has been published since the machine's boot; NULL: none */
};

/* Memory of one batch. */
struct dns_worker_batch {
    uint32_t used; /* heads that are not as recvmmsg wants them */
    bool any;      /* they have room for the address that was asked */
    struct mmsghdr heads[DNS_WORKER_BATCH];
    struct iovec parts[DNS_WORKER_BATCH];
    struct sockaddr_storage peers[DNS_WORKER_BATCH];
    _Alignas(16) uint8_t control[DNS_WORKER_BATCH][64];
    _Alignas(64) uint8_t messages[DNS_WORKER_BATCH][DNS_WORKER_MESSAGE];
};

struct dns_worker {
    struct dns_worker_shared *shared;
    struct publish_reader reader;
    const char *view_path;
    _Atomic uint64_t generation_seen; /* it uses no catalogue older than this */
    const struct dns_catalog *catalog;
    struct dns_rate *rate; /* always there; used where a limit is configured */
    struct dns_sign *sign; /* the same, where a zone is signed */
    struct mono stops;     /* since when it is told to; 0: it is not */
    uint32_t now_ms;       /* of a clock that goes round */
    uint32_t now_s;        /* wall clock of the present batch */
    struct dns_policy policy;
    uint32_t rotation;
    int epoll; /* TCP, and the call to wake up */
    int wake;  /* eventfd: stop, or a new catalogue */
    uint32_t udp_count;
    struct pollfd waits[DNS_WORKER_UDP + 1]; /* the UDP sockets, then epoll */
    bool any[DNS_WORKER_UDP];                /* bound to all addresses: answers leave from the one that was asked */
    struct dns_tcp tcp;
    pthread_t thread;
    struct dns_figures *figures; /* written by the worker only, with atomic stores */
    uint32_t sample;             /* how many queries the present one stands for in the sketches; 0: none */
    uint32_t unsampled;          /* that came since one was looked at */
    struct dns_worker_batch batch;
};

/* Where a worker works. Borrowed for the call, but `view_path`. */
struct dns_worker_place {
    const char *name; /* of its reader of the view */
    const char *view_path;
    const struct sockaddr_storage *listens; /* ports may be 0 only for one worker */
    uint32_t listens_count;
    struct dns_figures *figures;
    struct dns_socket_given *given; /* sockets that were taken over; NULL: none */
    bool last;                      /* it takes what is left of them */
};

/* On zeroed memory: opens the sockets and the reader, starts nothing. On an error everything is closed again. */
enum err dns_worker_init(struct dns_worker *worker, struct dns_worker_shared *shared,
                         const struct dns_worker_place *place) ERR_CHECK;
void dns_worker_fini(struct dns_worker *worker);

/* The thread's main function; returns when shared->stop is set and TCP clients have been served (dns_tcp_drain). */
void *dns_worker_run(void *worker);

/* Answers one query in place; see dns_answer_build. `connection` NULL: UDP; else a transfer may have begun there. */
size_t dns_worker_answer(struct dns_worker *worker, uint8_t *message, size_t size, size_t capacity,
                         const struct sockaddr_storage *peer, struct dns_tcp_connection *connection);
