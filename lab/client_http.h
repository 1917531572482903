/* SPDX-License-Identifier: Apache-2.0
 * The lab's HTTP customers: each has its own address, its own DNS cache, and posts orders with unique keys.
 *
 * An attempt looks the name up (the cache honours TTLs; servers in rotation, 300 ms each), connects to what was
 * answered, posts, and is journaled as ok, failed or unknown. No attempt is ever repeated under its key. */
#pragma once

#include <stdbool.h>

#include <curl/curl.h>

#include "base/time.h"
#include "client.h"

/* `config` is borrowed for ever. */
void client_http_init(const struct client_config *config, CURLM *multi);
void client_http_fini(void);

/* Starts what is due (unless `stopping`), ends what is late. */
void client_http_tick(struct mono now, bool stopping);

/* Adds the sockets of the look-ups that are under way; gives how many. Afterwards client_http_ready() with the same. */
unsigned client_http_fds(struct curl_waitfd *fds);
void client_http_ready(const struct curl_waitfd *fds, unsigned count);

/* Takes finished transfers from the multi handle. */
void client_http_collect(void);

/* Attempts under way. */
unsigned client_http_busy(void);
