/* SPDX-License-Identifier: Apache-2.0
 * The proxy as a process: starts it, answers signals, stops it. */
#pragma once

#include "proxy/proxy.h"

/* Reads the options anew, into a structure of zeroes; what they point to stays until the next call. False: they are
 * wrong, and that was logged. */
typedef bool proxy_serve_read(void *context, struct proxy_options *ret_options);

/* Serves until SIGTERM or SIGINT, which stop it gracefully (a second one at once). SIGHUP takes what `read` says (NULL:
 * only files, see proxy_reload), SIGUSR1 logs the counters. Blocks these signals in all threads that are started: call
 * it first. Returns what proxy_start said. */
ERR_CHECK enum err proxy_serve_run(const struct proxy_options *options, proxy_serve_read *read, void *context);
