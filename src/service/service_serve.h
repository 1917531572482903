/* SPDX-License-Identifier: Apache-2.0
 * The relay as a process: starts it, answers signals, stops it. */
#pragma once

#include <stdbool.h>

#include "service/service.h"

/* Reads the set-up anew. False: it is wrong, and that was logged. */
typedef bool service_serve_read(void *context, struct service_setup *ret_setup);

/* Serves until SIGTERM or SIGINT, which stop it gracefully (a second one at once). SIGHUP takes what `read` says,
 * SIGUSR1 logs the counters. Blocks these signals in all threads that are started: call it first. Returns what
 * service_start said. */
ERR_CHECK enum err service_serve_run(const struct service_options *options, service_serve_read *read, void *context);
