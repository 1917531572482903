/* SPDX-License-Identifier: Apache-2.0
 * The proxy as a process: starts it, answers signals, stops it. */
#pragma once

#include "proxy/proxy.h"

/* Serves until SIGTERM or SIGINT, which stop it gracefully (a second one at once). SIGUSR1 logs the counters. Blocks
 * these signals in all threads that are started: call it first. Returns what proxy_start said. */
ERR_CHECK enum err proxy_serve_run(const struct proxy_options *options);
