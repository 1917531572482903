/* SPDX-License-Identifier: Apache-2.0
 * How far the proxy's clients are: its workers' notes, learnt and written down by a thread (edge/latency_watch.h).
 *
 * A client that comes through a forwarder cannot be told from it: what is measured is the way to the forwarder. */
#pragma once

#include <stdint.h>

#include "edge/latency_watch.h"
#include "proxy/proxy_worker.h"

/* NULL: an empty path, or it cannot be, which is told; the proxy serves without it as well. Stop it after the workers
 * have ended and before they are freed. */
struct latency_watch *proxy_latency_start(const char *path, struct proxy_worker *const *workers, uint32_t count);
