/* SPDX-License-Identifier: Apache-2.0
 * For tests of probes: small real servers in a thread, and a pool whose next result can be waited for. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "edge/probe.h"

enum probe_peer_manner {
    PROBE_PEER_ANSWER, /* reads something, answers, closes */
    PROBE_PEER_SILENT, /* accepts, never answers */
    PROBE_PEER_RESET,  /* reads something, then resets */
    PROBE_PEER_CLOSE,  /* reads something, then closes */
    PROBE_PEER_KEEP,   /* answers each piece it reads, keeps the connection until told to stop */
};

struct probe_peer;

/* A server on 127.9.0.1 and a free port. `answer` is borrowed. */
struct probe_peer *probe_peer_new(enum probe_peer_manner manner, const char *answer);
const char *probe_peer_address(const struct probe_peer *peer);
uint32_t probe_peer_connections(const struct probe_peer *peer);
void probe_peer_free(struct probe_peer *peer);

/* An address where nobody listens, kept for the life of the process. */
const char *probe_peer_nobody(void);

/* A spec with names, 20 ms interval and 5 s time-out. */
struct probe_spec probe_peer_spec(enum probe_kind kind, const char *address);

struct probe_peer_pool;
struct probe_peer_pool *probe_peer_pool_new(const struct probe_spec *specs, uint32_t count, probe_resolve *resolve,
                                            void *context);
struct probe_pool *probe_peer_pool_inner(struct probe_peer_pool *pool);

/* The next result that came after the last call; fails the test when there is none within 20 s. */
struct probe_result probe_peer_pool_next(struct probe_peer_pool *pool);
void probe_peer_pool_free(struct probe_peer_pool *pool);

/* One result of one spec. */
struct probe_result probe_peer_once(const struct probe_spec *spec);
