/* SPDX-License-Identifier: Apache-2.0
 * A heartbeat: one small UDP datagram that says "this node's agent runs", and in what state its server is.
 *
 * 96 bytes, numbers in network order (doc/protocol.md): magic and version 4, state 1, zero 3, boot 8, started 8,
 * sequence 8, the sender's clock 8, epoch 8, node's name 32 padded with zeroes, then the first 16 bytes of an
 * HMAC-SHA256 over all before. The key is made of the system's token and name, so a datagram of another system with the
 * same token is foreign.
 *
 * Against replay (beat_life_take): within one boot the sequence grows; another boot must have been started later than
 * the one that is known, by a number that the agent keeps on disk and that never goes back. What this cannot do: a
 * receiver that has only just started knows nothing, and believes the first life that it hears until a later one
 * speaks. A replay can so make a dead node look alive to that receiver, which costs the quick failover, never a wrong
 * one.
 *
 * Pure functions, any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

enum {
    BEAT_BYTES = 96,
    BEAT_BUFFER = 97, /* room to write one: a struct buf keeps a byte for itself */
    BEAT_NAME = 32,   /* terminator included */
    BEAT_MAC = 16,
    BEAT_KEY = 32,
};

/* Bits of a beat's state. Unknown ones are ignored. */
enum beat_state {
    BEAT_RUNNING = 1, /* the server runs */
    BEAT_WRITER = 2,  /* and is, or is becoming, the writer */
    BEAT_DIED = 4,    /* certain death: a writer's server ended by itself, none of its processes remains */
    BEAT_FENCED = 8,  /* proven: no process of the server remains, none starts without a new lease */
    BEAT_FROZEN = 16, /* the server's processes stand still */
    BEAT_LEAVING = 32 /* the agent was told to end: silence is no news from now on */
};

struct beat_key {
    uint8_t bytes[BEAT_KEY];
};

struct beat {
    char node[BEAT_NAME];
    uint8_t state;
    uint64_t boot;     /* random, of this life of the agent: the one of its reports */
    uint64_t started;  /* larger in each later life of the agent on this node */
    uint64_t sequence; /* grows within a boot */
    uint64_t mono_us;  /* the sender's clock at sending; for jitter only, never compared with another clock */
    uint64_t epoch;    /* highest that the node has seen */
};

/* What a receiver remembers of a node. Zeroed: nothing yet. */
struct beat_life {
    bool any;
    uint64_t boot;
    uint64_t started;
    uint64_t sequence;
};

/* `token`: the system's secret; `system`: its name. */
void beat_key_make(struct beat_key *key, const char *token, const char *system);

/* Appends the datagram. The name is not empty and fits. */
void beat_write(struct buf *buf, const struct beat_key *key, const struct beat *beat);

/* Reads a datagram. ERR_PROTOCOL: not of this form; ERR_AUTH: not made with this key. Either way: drop it. */
ERR_CHECK enum err beat_read(struct span bytes, const struct beat_key *key, struct beat *ret_beat);

/* Takes a beat that was read into what is known of its node. ERR_STALE: seen before, overtaken, or of an earlier life;
 * nothing changes: drop it. */
ERR_CHECK enum err beat_life_take(struct beat_life *life, const struct beat *beat);
