/* SPDX-License-Identifier: Apache-2.0
 * What a proxy counts. One block per worker, written by that worker only, read by anybody at any time. */
#pragma once

#include <stdatomic.h>
#include <stdint.h>

/* X(name, text): the text is the Prometheus name behind "holdfast_proxy_". The first seven are gauges. */
#define PROXY_METRICS_TABLE(X)                                                                                         \
    X(SESSIONS, "sessions")                       /* client sessions now, those that wait included */                  \
    X(WAITING, "sessions_waiting")                /* for a reachable server */                                         \
    X(HELD, "sessions_held")                      /* at a transaction boundary, by a planned move */                   \
    X(PINNED, "sessions_pinned")                  /* of a pool, that cannot give their server connection back */       \
    X(POOL_WAITING, "pool_waiting")               /* sessions in line for a server connection */                       \
    X(SERVERS, "pool_servers")                    /* server connections of pools, used or not */                       \
    X(SPARES, "spares")                           /* connections to standbys that nobody has used yet */               \
    X(SESSIONS_TOTAL, "sessions_total")           /* reached a server and logged in */                                 \
    X(WAITED_TOTAL, "waited_total")               /* could not be connected at once */                                 \
    X(WAIT_TIMEOUTS, "wait_timeouts_total")       /* gave up waiting: 57P03 */                                         \
    X(KILLED, "killed_total")                     /* ended by KILL at the console: 57P01 */                            \
    X(FENCED, "fenced_total")                     /* closed because their epoch or server is not the view's */         \
    X(HOLDS, "holds_total")                       /* times a session was held */                                       \
    X(HOLD_TIMEOUTS, "hold_timeouts_total")       /* holds of a database given up */                                   \
    X(REFUSED_CLIENTS, "refused_clients_total")   /* 53300 */                                                          \
    X(REFUSED_DATABASE, "refused_database_total") /* 3D000 */                                                          \
    X(PROTOCOL_ERRORS, "protocol_errors_total")   /* streams that are not PostgreSQL's */                              \
    X(CONNECT_FAILURES, "connect_failures_total") /* attempts to reach a server */                                     \
    X(SERVER_LOST, "server_lost_total")           /* sessions whose server went away */                                \
    X(OUTCOME_UNKNOWN, "outcome_unknown_total")   /* ... with a statement in flight: 08007 */                          \
    X(OUTCOMES, "outcomes_found_total")           /* COMMITs in flight whose outcome was looked up and proven */       \
    X(MOVED, "moved_total")                       /* sessions that went on with another server connection */           \
    X(ROLLED_BACK, "rolled_back_total")           /* transactions that ended with their server, told as 40001 */       \
    X(AGAIN, "sent_again_total")                  /* statements that had not run when their server went */             \
    X(KEYS, "keys_total")                         /* log-ins with a password that the proxy can do again */            \
    X(TLS, "tls_total")                           /* client connections that are encrypted */                          \
    X(TLS_FAILURES, "tls_failures_total")         /* ... and that could not be */                                      \
    X(REFUSED_CLEAR, "refused_clear_total")       /* sessions that were not, where they must be */                     \
    X(SERVER_TLS, "server_tls_total")             /* connections to servers that are encrypted */                      \
    X(SERVER_TLS_FAILURES, "server_tls_failures_total")                                                                \
    X(AUTHENTICATED, "authenticated_total")     /* clients that proved to the proxy who they are */                    \
    X(AUTH_FAILURES, "auth_failures_total")     /* ... and that did not */                                             \
    X(RENEWED, "renewed_total")                 /* server connections replaced by RECONNECT or for their lag */        \
    X(NOT_MOVED, "not_moved_total")             /* sessions that could not: 57P01 */                                   \
    X(PINNED_TOTAL, "pinned_total")             /* times that a session had something that belongs to its server */    \
    X(RESETS, "pool_resets_total")              /* DISCARD ALL before another client's turn */                         \
    X(POOL_TIMEOUTS, "pool_timeouts_total")     /* sessions that stood in line for too long */                         \
    X(SERVERS_FENCED, "pool_fenced_total")      /* idle connections closed because they are not the view's */          \
    X(AHEAD, "opened_ahead_total")              /* connections that were logged in before anybody wanted them */       \
    X(AHEAD_FAILURES, "ahead_failures_total")   /* ... and that could not be */                                        \
    X(SPARES_TAKEN, "spares_taken_total")       /* sessions that went on with one */                                   \
    X(UNWAITED, "unwaited_total")               /* commits that no standby has confirmed, told as 08007 */             \
    X(LOWERED, "synchronous_commit_total")      /* sessions that named synchronous_commit, once each */                \
    X(LOCKED, "refused_commit_total")           /* texts refused or sessions ended because of it */                    \
    X(WRONG_SERVER, "wrong_server_total")       /* 25006, or a standby where the writer was meant */                   \
    X(SERVER_SHUTDOWN, "server_shutdown_total") /* 57P01 to 57P03 from a server */                                     \
    X(CANCELS, "cancels_total")                 /* forwarded */                                                        \
    X(CANCELS_IGNORED, "cancels_ignored_total") /* unknown key, or nothing in flight */                                \
    X(READY, "ready_total")                     /* ReadyForQuery passed: statements or batches finished */             \
    X(BYTES_TO_SERVER, "bytes_to_server_total")                                                                        \
    X(BYTES_TO_CLIENT, "bytes_to_client_total")

enum proxy_metrics_kind {
#define PROXY_METRICS_ENUM(name, text) PROXY_METRICS_##name,
    PROXY_METRICS_TABLE(PROXY_METRICS_ENUM)
#undef PROXY_METRICS_ENUM
        PROXY_METRICS_COUNT
};

struct proxy_metrics {
    _Atomic uint64_t values[PROXY_METRICS_COUNT];
};

/* A plain copy. */
struct proxy_metrics_sum {
    uint64_t values[PROXY_METRICS_COUNT];
};

/* Only the owner calls this: no locked instruction is needed. */
static inline void proxy_metrics_add(struct proxy_metrics *metrics, enum proxy_metrics_kind kind, uint64_t count)
{
    const uint64_t value = atomic_load_explicit(&metrics->values[kind], memory_order_relaxed);
    atomic_store_explicit(&metrics->values[kind], value + count, memory_order_relaxed);
}

static inline void proxy_metrics_take(struct proxy_metrics *metrics, enum proxy_metrics_kind kind, uint64_t count)
{
    const uint64_t value = atomic_load_explicit(&metrics->values[kind], memory_order_relaxed);
    atomic_store_explicit(&metrics->values[kind], value - count, memory_order_relaxed);
}

/* Adds a worker's block to the sum. */
void proxy_metrics_collect(const struct proxy_metrics *metrics, struct proxy_metrics_sum *sum);

/* "sessions", "fenced_total", ... */
const char *proxy_metrics_name(enum proxy_metrics_kind kind);
