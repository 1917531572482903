/* SPDX-License-Identifier: Apache-2.0
 * What the kernel knows of the way to clients, noted by the thread that serves them.
 *
 * TCP_INFO has the shortest round trip of a connection (tcpi_min_rtt). It is asked for when a connection ends and now
 * and then in its life, never for what passes through it, and only if the client has acknowledged something since. Each
 * thread has a block of its own; another thread takes the notes out (edge/latency_watch.h). No lock; what does not fit
 * is counted and forgotten, for it is measured again. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/time.h"
#include "wire/network.h"

enum {
    LATENCY_SEEN_NOTES = 256,
    LATENCY_SEEN_TURN = 32, /* connections that live on, measured in one turn */
};

struct latency_seen_note {
    struct network network; /* of the client */
    uint32_t rtt_us;
};

struct latency_seen {
    struct latency_seen_note notes[LATENCY_SEEN_NOTES];
    _Atomic uint32_t put;
    _Atomic uint32_t taken;
    _Atomic uint64_t lost;
};

/* Of a connection: its client is asked for once, for a connection that was reset cannot tell any more. */
struct latency_seen_mark {
    struct network network; /* of the client; family 0: not known, it is not measured */
    struct mono at;         /* the last look */
    uint64_t acknowledged;
};

/* A connection begins. `peer` is as accept(2) gave it; other families than IP are not measured. */
void latency_seen_begin(struct latency_seen_mark *mark, const struct sockaddr_storage *peer, struct mono now);

/* Notes how far the client of a TCP connection is. By the block's own thread. */
void latency_seen_measure(struct latency_seen *seen, struct latency_seen_mark *mark, int fd);

/* Connections that live on are measured once a minute, some of them in each second. Whether a turn is due, `turn` being
 * the last one; and the next connection of it: false when it was looked at in the last minute, as were those that were
 * looked at after it. */
bool latency_seen_turn(struct mono *turn, struct mono now);
bool latency_seen_again(struct latency_seen *seen, struct latency_seen_mark *mark, int fd, struct mono now);

/* The same of what is known already. */
void latency_seen_put(struct latency_seen *seen, const struct latency_seen_note *note);

/* The oldest note. By one other thread. False: there is none. */
bool latency_seen_take(struct latency_seen *seen, struct latency_seen_note *ret_note);
