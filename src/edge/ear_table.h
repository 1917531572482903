/* SPDX-License-Identifier: Apache-2.0
 * What a site hears of the nodes' heartbeats: who was heard when, and who has been silent for its window.
 *
 * Pure: the caller reads the clock and the socket (edge/ear.h). A node is unknown until it was heard for the first
 * time, again from its goodbye on, and while the listener has not been listening for a whole window: after a pause of
 * its own (longer than a third of the window) the windows begin anew, for what it did not hear may have been lost in
 * it.
 *
 * One owner, one thread at a time. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "core/limits.h"
#include "wire/beat.h"

struct ear_table_node {
    char name[LIMITS_NAME];
    uint32_t window_ms;
    struct beat_life life;
    bool any;             /* heard since its last goodbye */
    struct mono heard_at; /* last */
    struct mono since;    /* listening without a pause that matters to this window */
    uint64_t mono_us;     /* of the sender, then */
    uint64_t said_boot;   /* the death that was told: of this life, and this epoch */
    uint64_t said_epoch;
    uint64_t gone; /* the last one said: no process of the server remains, under this epoch; 0: it did not */
};

struct ear_table {
    uint32_t count;
    struct ear_table_node nodes[LIMITS_NODES];
    struct mono turned_at; /* 0: never */
};

/* What is heard now: bit per node, in the order of ear_table_set. In neither mask: unknown. */
struct ear_table_word {
    uint32_t heard;
    uint32_t silent;
    uint32_t gone; /* of the heard: their servers are not there */
    uint32_t age_ms[LIMITS_NODES];
};

/* A heartbeat that was taken. */
struct ear_table_news {
    uint32_t node;
    bool died;         /* a certain death that was not told before */
    int64_t jitter_us; /* how much its way differed from that of the one before; -1: there was none */
};

/* Names and windows; what is known of a node whose name stays is kept. */
void ear_table_set(struct ear_table *table, const struct ear_table_node *nodes, uint32_t count);

/* ERR_NOT_FOUND: no such node; ERR_STALE: a replay. Either way nothing has changed. */
ERR_CHECK enum err ear_table_take(struct ear_table *table, const struct beat *beat, struct mono now,
                                  struct ear_table_news *ret_news);

/* At each turn of the listener, before it takes what has come: finds its own pauses. */
void ear_table_turn(struct ear_table *table, struct mono now);

void ear_table_look(const struct ear_table *table, struct mono now, struct ear_table_word *ret_word);
