/* SPDX-License-Identifier: Apache-2.0
 * What a host tells and is told of measured times: by its observer or controller, with a thread of its own.
 *
 * Every five seconds it reads what the proxy and the relay of the host have written down (edge/latency_watch.h) and
 * reports up to 256 networks of it to every controller, in turns, so that a message is small and a lost one is made up
 * for by the next turn. A controller takes its own host's at once (`take`), and others ask the first controller that
 * answers for the whole table.
 *
 * The times by region that clients are led by are kept here (latency_table_keep), in memory and in LATENCY_TABLE_NAME
 * of the state directory: they survive a restart of this process and the loss of all controllers, until they are older
 * than `max_age_s`. The file is written at most twice a minute: the DNS server reads everything again after each. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/limits.h"
#include "edge/latency_message.h"
#include "edge/latency_table.h"

struct latency_share;

struct latency_share_options {
    const char *site;
    const char *state_dir;
    const char *token;
    const char *controllers[LIMITS_SITES]; /* others' APIs */
    uint32_t controllers_count;
    int64_t max_age_s;
    void *context;
    void (*take)(void *context, const struct latency_message *message); /* NULL: this is no controller */
};

/* Copies what it needs. Start it with latency_share_start once `take` may be called. */
enum err latency_share_new(const struct latency_share_options *options, struct latency_share **ret_share) ERR_CHECK;
enum err latency_share_start(struct latency_share *share) ERR_CHECK;

/* Ends the thread; takes up to some seconds. NULL is fine. */
void latency_share_free(struct latency_share *share);

/* A region's time, as a controller has found it. Any thread. */
void latency_share_keep(struct latency_share *share, const struct network *network, const char *region,
                        const struct latency_table_cell *cell);

/* A copy of what clients are led by. Any thread. */
void latency_share_copy(struct latency_share *share, struct latency_table *ret_table);
