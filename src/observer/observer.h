/* SPDX-License-Identifier: Apache-2.0
 * A site without a store: probes every region and reports to the controllers, follows their view for the readers of
 * this host, and tells them which version those readers answer from.
 *
 * Everything goes on without a controller: probes run, readers answer from the last good view, reports start again by
 * themselves. */
#pragma once

#include <stddef.h>

#include "base/err.h"

struct observer;

struct observer_options {
    const char *config_path;
    const char *site;
};

/* Loads the configuration and starts its threads. On an error `message` says what to do. */
ERR_CHECK enum err observer_start(const struct observer_options *options, char *message, size_t size,
                                  struct observer **ret_observer);

/* SIGHUP: re-reads the configuration; an invalid file changes nothing and is logged. */
void observer_reload(struct observer *observer);

/* Stops the threads and frees. NULL is fine. */
void observer_stop(struct observer *observer);
