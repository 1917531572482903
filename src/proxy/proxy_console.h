/* SPDX-License-Identifier: Apache-2.0
 * The admin console: a database of the proxy's own, in which operators look and pause, with the words of PgBouncer's.
 *
 * One thread serves all consoles. It asks workers by message and collects copies (proxy_census.h), so that nothing of
 * it is on a session's path; it may wait, they never do. Simple queries only: SHOW HELP names them.
 *
 * PAUSE ends when every session of the database stands at a transaction boundary, or with a RESUME on another console;
 * who leaves before leaves the pause behind. Sessions that are paused wait, and so do new ones, as long as they wait
 * for a server. A pause is the proxy's own, and ends with it; the controller's hold is another thing. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "proxy/proxy_census.h"
#include "proxy/proxy_end.h"
#include "proxy/proxy_entries.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_route.h"
#include "proxy/proxy_stat.h"

enum {
    PROXY_CONSOLE_CLIENTS = 16, /* at a time */
    PROXY_CONSOLE_QUERY = 1024, /* bytes of a message */
    PROXY_CONSOLE_KEY = 128,    /* of the configuration */
    PROXY_CONSOLE_VALUE = 320,
};

/* One line of SHOW CONFIG: key, value and default as the configuration has them. */
struct proxy_console_setting {
    char key[PROXY_CONSOLE_KEY];
    char value[PROXY_CONSOLE_VALUE];
    char standard[PROXY_CONSOLE_KEY];
};

/* What the console asks; any thread but a worker's. Constant while it runs. */
struct proxy_console_source {
    uint32_t max_clients;
    /* The entries as they are now. */
    void (*entries)(void *owner, struct proxy_entries *ret_entries);
    /* Each setting, one after the other. */
    void (*settings)(void *owner, void (*take)(void *taker, const struct proxy_console_setting *setting), void *taker);
    /* Reads the configuration again, a moment later. */
    void (*reload)(void *owner);
    /* One census per worker, `whole` only if every worker has answered. The caller frees what is in it. */
    void (*census)(void *owner, struct proxy_census_row **ret_rows, uint32_t *ret_count);
    void (*metrics)(void *owner, struct proxy_metrics_sum *ret_sum);
    /* The sums now and a while ago; and how long ago, in microseconds. */
    int64_t (*stats)(void *owner, struct proxy_stat_sum *ret_now, struct proxy_stat_sum *ret_before);
    void (*target)(void *owner, uint32_t route, struct proxy_route_target *ret_target);
    /* Sets or ends a pause; the number of the change. And: whether all workers have carried out that change, and what
     * is paused stands still. And: whether a route is paused. */
    uint32_t (*pause)(void *owner, uint32_t route, bool paused);
    bool (*quiet)(void *owner, uint32_t change);
    /* A pause that begins with the end of all sessions; the number of the change. */
    uint32_t (*kill)(void *owner, uint32_t route);
    bool (*paused)(void *owner, uint32_t route);
    /* Server connections are to be replaced; the number of the change. */
    uint32_t (*renew)(void *owner, uint32_t route);
    void *owner;
};

struct proxy_console;

ERR_CHECK enum err proxy_console_start(const struct proxy_console_source *source, struct proxy_console **ret_console);
void proxy_console_stop(struct proxy_console *console); /* NULL is fine */

/* Takes over a client that has proved its password (struct proxy_door). Any thread. */
void proxy_console_enter(void *owner, struct proxy_end *end, const char *user);
