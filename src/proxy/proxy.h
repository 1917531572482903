/* SPDX-License-Identifier: Apache-2.0
 * The SQL plane: relays PostgreSQL sessions to the server that the view names, and obeys its epochs.
 *
 * - A session belongs to the node and the epoch under which its server connection was opened. As soon as a view says
 *   otherwise, nothing more passes in either direction and the session ends with 57P01 (terminating connection: epoch N
 *   was fenced, reconnect).
 * - While a database is on hold, sessions stop at their next transaction boundary; the client's bytes stay in the
 *   kernel. The hold is given up after `hold_timeout_ms` and they go on.
 * - A new session waits up to `connect_wait_ms` for a reachable server: a failover is a delay for whoever reconnects.
 * - Clients may or must be encrypted, by request or from the first byte (proxy_tls.h).
 * - With `challenge` the proxy authenticates clients itself (proxy_auth.h). Else log-in and authentication pass
 * through; encryption is declined ('N'). With `login` the proxy learns from it how to log in again, and a session that
 * is idle lives on when its server goes (proxy_move.h).
 *
 * Proof for the controller: the reader `name` in the view's shared memory (edge/publish.h, kind proxy) announces the
 * lowest version that all workers have carried out: no session forwards under an older epoch, no session of a database
 * on hold is inside a transaction. It is announced after the fact, never before.
 *
 * When the controller is away, the proxy goes on from the last good view; after a cold start from the view's file.
 *
 * Threads: one watcher and `workers` workers. proxy_start, proxy_stop and the questions may be called from any one
 * thread at a time. Start it after fork(2). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/view.h"
#include "proxy/proxy_console.h"
#include "proxy/proxy_door.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_route.h"
#include "proxy/proxy_worker.h"

enum {
    PROXY_NAME = LIMITS_NAME - 5, /* room for "/view" behind it */
    PROXY_PATH = 512,
    PROXY_ACCOUNTS = LIMITS_DATABASES,
};

struct proxy_operator {
    char name[PROXY_ROUTE_NAME];
    struct config_secret password;
};

/* Numbers that are 0 get their defaults. */
struct proxy_options {
    char name[PROXY_NAME];          /* of the reader: "taiwan/proxy" */
    char view_memory[PROXY_PATH];   /* the view's shared memory */
    char view_file[PROXY_PATH];     /* the view's file for a cold start; empty: none */
    char latency_file[PROXY_PATH];  /* how far clients are (edge/latency_watch.h); empty: it is not measured */
    struct proxy_route_place place; /* without any region of its own: a witness */
    struct view_address listen[PROXY_WORKER_LISTENERS];
    uint32_t listen_count;
    struct proxy_route routes[PROXY_ROUTES];
    uint32_t routes_count;
    bool login;                                          /* sessions may outlive their server */
    bool challenge;                                      /* the proxy authenticates clients itself; implies `login` */
    char auth_file[PROXY_PATH];                          /* with `challenge`; empty: none */
    char hba_file[PROXY_PATH];                           /* likewise */
    enum proxy_tls_mode tls_mode;                        /* towards clients */
    struct proxy_tls_files tls_files;                    /* unless DISABLE */
    enum proxy_tls_server_mode server_tls_mode;          /* towards servers */
    char server_ca[PROXY_TLS_PATH];                      /* with the modes that verify */
    char figures[PROXY_PATH];                            /* where what it counts is told; empty: nowhere */
    struct proxy_asker_account accounts[PROXY_ACCOUNTS]; /* who may ask for verifiers, with `login` */
    uint32_t accounts_count;
    char console[PROXY_ROUTE_NAME];                    /* the admin console's database; empty: there is none */
    struct proxy_operator operators[PROXY_DOOR_USERS]; /* who may use it */
    uint32_t operators_count;
    const struct proxy_console_setting *settings; /* for SHOW CONFIG; copied */
    uint32_t settings_count;
    uint32_t workers;            /* 0: one for every two CPUs, at most 8 */
    bool single;                 /* for measurements: sends never go together (proxy_batch.h) */
    uint32_t max_clients;        /* 1000; in all workers, at most 65,000 */
    uint32_t buffer_bytes;       /* 64 kB; per worker, and per session only while something is pending */
    uint32_t connect_wait_ms;    /* 10,000 */
    uint32_t connect_timeout_ms; /* 1,000; one attempt */
    uint32_t startup_timeout_ms; /* 10,000; for the client's start-up packet */
    uint32_t auth_timeout_ms;    /* 60,000; PostgreSQL's authentication_timeout */
    uint32_t hold_timeout_ms;    /* 30,000 */
    uint32_t grace_ms;           /* 4,000; for transactions to end when we stop */
};

struct proxy;

/* Listens and serves. ERR_IN_USE: an address is taken, the log says which. Logs what goes wrong. */
ERR_CHECK enum err proxy_start(const struct proxy_options *options, struct proxy **ret_proxy);

/* Reads certificates, auth file and rules again, and takes what `options` say of routes, operators and place; NULL:
 * these stay. When something is wrong with one it goes on with what it has, and says so in the log; likewise what takes
 * a restart. Sessions of a route that is gone end at their next transaction boundary, others do not feel it. */
void proxy_reload(struct proxy *proxy, const struct proxy_options *options);

/* Stops listening, lets transactions end for `grace_ms`, closes everything, frees it. */
void proxy_stop(struct proxy *proxy);

/* The version that is announced: all workers have carried it out. */
uint64_t proxy_version(struct proxy *proxy);

void proxy_metrics_read(struct proxy *proxy, struct proxy_metrics_sum *ret_sum);

/* One line with all counters that are not zero, into the log. */
void proxy_log_status(struct proxy *proxy);
