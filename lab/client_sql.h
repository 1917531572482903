/* SPDX-License-Identifier: Apache-2.0
 * The lab's SQL clients: each keeps one connection through the proxies and inserts rows with unique keys.
 *
 * Home region's proxy first, then the others in turn. An attempt without a connection connects until its deadline; one
 * that was sent and not answered is journaled as unknown and its key never used again. */
#pragma once

#include <stdbool.h>

#include <curl/curl.h>

#include "base/time.h"
#include "client.h"

/* `config` is borrowed for ever. */
void client_sql_init(const struct client_config *config);
void client_sql_fini(void);

/* Starts what is due (unless `stopping`), ends what is late. */
void client_sql_tick(struct mono now, bool stopping);

/* As client_http_fds() and client_http_ready(). */
unsigned client_sql_fds(struct curl_waitfd *fds);
void client_sql_ready(const struct curl_waitfd *fds, unsigned count);

/* Attempts under way. */
unsigned client_sql_busy(void);
