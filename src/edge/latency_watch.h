/* SPDX-License-Identifier: Apache-2.0
 * The thread of a proxy or relay that learns how far its clients are, and writes it down for whoever reports it from
 * this host (edge/latency_share.h).
 *
 * It takes the notes of the threads that serve clients once a second, and replaces its file in the state directory when
 * something has changed, every five seconds at most. So a slow disk delays nobody who serves, and a process that starts
 * anew goes on with what it knew. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "edge/latency_seen.h"

/* In a site's state_dir: what its SQL proxy and its relay have measured. */
#define LATENCY_WATCH_PROXY   "latency.proxy"
#define LATENCY_WATCH_SERVICE "latency.service"
/* The only place in them. */
#define LATENCY_WATCH_HERE "here"

enum { LATENCY_WATCH_BLOCKS = 64 };

struct latency_watch;

/* Borrows the blocks until latency_watch_stop; copies the path. ERR_NO_MEMORY, ERR_INVALID: the path is too long. */
enum err latency_watch_start(const char *path, struct latency_seen *const *blocks, uint32_t count,
                             struct latency_watch **ret_watch) ERR_CHECK;

/* Takes what is left and writes it. NULL is fine. */
void latency_watch_stop(struct latency_watch *watch);
