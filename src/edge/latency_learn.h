/* SPDX-License-Identifier: Apache-2.0
 * From the round trips of single connections to how far a client network is: a table of fixed size.
 *
 * A round trip can be too long for many reasons and too short for none. So a shorter one counts at once, and a longer
 * one only when it was the shortest of a window of ten minutes, and then by a quarter of the difference: one slow
 * connection spoils nothing, a way that has become longer is learnt within some windows. A network is told from its
 * third connection on. When there is no room for one more, the network that was seen longest ago goes.
 * One thread; times are seconds of the wall clock. */
#pragma once

#include <stdint.h>

#include "edge/latency_seen.h"
#include "edge/latency_table.h"

enum {
    LATENCY_LEARN_NETWORKS = 1024,
    LATENCY_LEARN_WINDOW_S = 600,
    LATENCY_LEARN_SAMPLES = 3,
};

struct latency_learn_row {
    struct network network;
    uint32_t samples; /* up to LATENCY_LEARN_SAMPLES */
    uint32_t rtt_us;
    uint32_t least_us; /* of the window */
    int64_t window_s;  /* when it began */
    int64_t seen_s;
};

struct latency_learn {
    uint32_t count;
    struct latency_learn_row rows[LATENCY_LEARN_NETWORKS];
};

/* True: a new network, or a time that has changed. */
bool latency_learn_take(struct latency_learn *learn, const struct latency_seen_note *note, int64_t now_s);

/* Puts what is to be told into the table. */
void latency_learn_tell(const struct latency_learn *learn, struct latency_table *table, uint32_t place);

/* Goes on with what a former life has told. */
void latency_learn_recall(struct latency_learn *learn, const struct latency_table *table, uint32_t place);
