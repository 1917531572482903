/* SPDX-License-Identifier: Apache-2.0
 * What data planes count for /metrics, by name: the tables of edge/figure.h.
 *
 * X(symbol, name behind "holdfast_", type, help). COUNTER and GAUGE are numbers, COUNTER_US and GAUGE_US microseconds,
 * which are shown in seconds. A figure of a whole process has no label; the others have one, which they are told with.
 * Names are never reused. */
#pragma once

/* Of an SQL proxy. The word in proxy/proxy_metrics.h is the symbol. */
#define FIGURE_TABLE_PROXY(X)                                                                                          \
    X(SESSIONS, "proxy_sessions", GAUGE, "Client sessions now, those that wait included")                              \
    X(WAITING, "proxy_sessions_waiting", GAUGE, "Sessions that wait for a reachable server")                           \
    X(HELD, "proxy_sessions_held", GAUGE, "Sessions that a planned move or a pause holds at a transaction boundary")   \
    X(PINNED, "proxy_sessions_pinned", GAUGE, "Sessions of pools that cannot give their server connection back")       \
    X(POOL_WAITING, "proxy_pool_waiting", GAUGE, "Sessions in line for a server connection of a pool")                 \
    X(SERVERS, "proxy_pool_servers", GAUGE, "Server connections of pools, used or not")                                \
    X(SPARES, "proxy_spares", GAUGE, "Connections to standbys that nobody has used yet")                               \
    X(SESSIONS_TOTAL, "proxy_sessions_total", COUNTER, "Sessions that reached a server and logged in")                 \
    X(WAITED_TOTAL, "proxy_waited_total", COUNTER, "Sessions that could not be connected at once")                     \
    X(WAIT_TIMEOUTS, "proxy_wait_timeouts_total", COUNTER, "Sessions that gave up waiting, told as 57P03")             \
    X(KILLED, "proxy_killed_total", COUNTER, "Sessions ended by KILL at the console")                                  \
    X(FENCED, "proxy_fenced_total", COUNTER,                                                                           \
      "Sessions closed because their epoch or server is not the one of the view")                                      \
    X(HOLDS, "proxy_holds_total", COUNTER, "Times that a session was held")                                            \
    X(HELD_US, "proxy_held_seconds_total", COUNTER_US, "Time that sessions were held")                                 \
    X(HOLD_TIMEOUTS, "proxy_hold_timeouts_total", COUNTER, "Holds of a database that were given up")                   \
    X(REFUSED_CLIENTS, "proxy_refused_clients_total", COUNTER,                                                         \
      "Clients refused because there are too many, told as 53300")                                                     \
    X(REFUSED_DATABASE, "proxy_refused_database_total", COUNTER,                                                       \
      "Clients refused because there is no such entry, told as 3D000")                                                 \
    X(PROTOCOL_ERRORS, "proxy_protocol_errors_total", COUNTER, "Streams that are not the protocol of PostgreSQL")      \
    X(CONNECT_FAILURES, "proxy_connect_failures_total", COUNTER, "Attempts to reach a server that failed")             \
    X(SERVER_LOST, "proxy_server_lost_total", COUNTER, "Sessions whose server went away")                              \
    X(OUTCOME_UNKNOWN, "proxy_outcome_unknown_total", COUNTER,                                                         \
      "Statements in flight when their server went away, told as 08007")                                               \
    X(OUTCOMES, "proxy_outcomes_found_total", COUNTER, "COMMITs in flight whose outcome was looked up and proven")     \
    X(MOVED, "proxy_moved_total", COUNTER, "Sessions that went on with another server connection")                     \
    X(ROLLED_BACK, "proxy_rolled_back_total", COUNTER, "Transactions that ended with their server, told as 40001")     \
    X(AGAIN, "proxy_sent_again_total", COUNTER,                                                                        \
      "Statements sent again because they had not run when their server went away")                                    \
    X(KEYS, "proxy_keys_total", COUNTER, "Log-ins with a password that the proxy can do again")                        \
    X(TLS, "proxy_tls_total", COUNTER, "Client connections that are encrypted")                                        \
    X(TLS_FAILURES, "proxy_tls_failures_total", COUNTER, "Client connections that could not be encrypted")             \
    X(REFUSED_CLEAR, "proxy_refused_clear_total", COUNTER,                                                             \
      "Clients refused because they were not encrypted and must be")                                                   \
    X(SERVER_TLS, "proxy_server_tls_total", COUNTER, "Connections to servers that are encrypted")                      \
    X(SERVER_TLS_FAILURES, "proxy_server_tls_failures_total", COUNTER,                                                 \
      "Connections to servers that could not be encrypted")                                                            \
    X(AUTHENTICATED, "proxy_authenticated_total", COUNTER, "Clients that proved to the proxy who they are")            \
    X(AUTH_FAILURES, "proxy_auth_failures_total", COUNTER, "Clients that did not prove to the proxy who they are")     \
    X(RENEWED, "proxy_renewed_total", COUNTER, "Server connections replaced by RECONNECT or for their lag")            \
    X(NOT_MOVED, "proxy_not_moved_total", COUNTER, "Sessions that could not be moved, told as 57P01")                  \
    X(PINNED_TOTAL, "proxy_pinned_total", COUNTER, "Times that a session had something that belongs to its server")    \
    X(RESETS, "proxy_pool_resets_total", COUNTER, "Server connections reset before the turn of another client")        \
    X(POOL_TIMEOUTS, "proxy_pool_timeouts_total", COUNTER, "Sessions that stood in line for too long")                 \
    X(SERVERS_FENCED, "proxy_pool_fenced_total", COUNTER,                                                              \
      "Idle server connections closed because they are not those of the view")                                         \
    X(AHEAD, "proxy_opened_ahead_total", COUNTER, "Server connections logged in before anybody wanted them")           \
    X(AHEAD_FAILURES, "proxy_ahead_failures_total", COUNTER, "Server connections that could not be logged in ahead")   \
    X(SPARES_TAKEN, "proxy_spares_taken_total", COUNTER, "Sessions that went on with a connection opened ahead")       \
    X(UNWAITED, "proxy_unwaited_total", COUNTER, "Commits that no standby has confirmed, told as 08007")               \
    X(LOWERED, "proxy_synchronous_commit_total", COUNTER, "Sessions that named synchronous_commit")                    \
    X(LOCKED, "proxy_refused_commit_total", COUNTER,                                                                   \
      "Texts refused or sessions ended because they named synchronous_commit")                                         \
    X(WRONG_SERVER, "proxy_wrong_server_total", COUNTER, "Times that a standby was where the writer was meant")        \
    X(SERVER_SHUTDOWN, "proxy_server_shutdown_total", COUNTER, "Times that a server said 57P01 to 57P03")              \
    X(CANCELS, "proxy_cancels_total", COUNTER, "Cancel requests passed on")                                            \
    X(CANCELS_IGNORED, "proxy_cancels_ignored_total", COUNTER,                                                         \
      "Cancel requests of an unknown key, or with nothing in flight")                                                  \
    X(READY, "proxy_ready_total", COUNTER, "Statements or batches finished")                                           \
    X(BYTES_TO_SERVER, "proxy_bytes_to_server_total", COUNTER, "Bytes passed on to servers")                           \
    X(BYTES_TO_CLIENT, "proxy_bytes_to_client_total", COUNTER, "Bytes passed on to clients")

/* Of its files; where there is none, there is no figure. */
#define FIGURE_TABLE_PROXY_FILE(X)                                                                                     \
    X(CERTIFICATE, "proxy_certificate_expires_timestamp_seconds", GAUGE_US,                                            \
      "When the certificate that clients are shown expires")

/* Of an entry of proxy.databases in one. */
#define FIGURE_TABLE_PROXY_DATABASE(X)                                                                                 \
    X(CLIENTS_ACTIVE, "proxy_clients_active", GAUGE, "Sessions in a query or in a transaction")                        \
    X(CLIENTS_IDLE, "proxy_clients_idle", GAUGE, "Sessions that want nothing now")                                     \
    X(CLIENTS_WAITING, "proxy_clients_waiting", GAUGE, "Sessions that wait for a server connection, or are held")      \
    X(SERVERS_ACTIVE, "proxy_servers_active", GAUGE, "Server connections that a session has")                          \
    X(SERVERS_IDLE, "proxy_servers_idle", GAUGE, "Server connections of pools that nobody has")                        \
    X(LONGEST_WAIT, "proxy_longest_wait_seconds", GAUGE_US,                                                            \
      "How long the session that waits for longest has waited for a server connection")                                \
    X(TRANSACTIONS, "proxy_transactions_total", COUNTER, "Transactions finished")                                      \
    X(QUERIES, "proxy_queries_total", COUNTER, "Statements or batches finished")                                       \
    X(RECEIVED, "proxy_received_bytes_total", COUNTER, "Bytes of clients")                                             \
    X(SENT, "proxy_sent_bytes_total", COUNTER, "Bytes to clients")                                                     \
    X(TRANSACTION_TIME, "proxy_transaction_seconds_total", COUNTER_US, "Time that transactions took")                  \
    X(QUERY_TIME, "proxy_query_seconds_total", COUNTER_US, "Time that statements or batches took")                     \
    X(WAIT_TIME, "proxy_wait_seconds_total", COUNTER_US, "Time that sessions have waited for a server connection")

/* Of a TCP service, by a relay. The word in service/service_metrics.h is the symbol; the first three are gauges. */
#define FIGURE_TABLE_SERVICE(X)                                                                                        \
    X(CONNECTIONS, "service_connections", GAUGE, "Connections of clients now, those that wait included")               \
    X(WAITING, "service_connections_waiting", GAUGE, "Clients that wait for a server that answers")                    \
    X(DRAINING, "service_connections_draining", GAUGE,                                                                 \
      "Connections to a region that gets no clients from there any more")                                              \
    X(RELAYED_TOTAL, "service_connections_total", COUNTER, "Connections that reached a server")                        \
    X(REFUSED_LIMIT, "service_refused_limit_total", COUNTER,                                                           \
      "Clients refused because there are too many, or no descriptors left")                                            \
    X(WAIT_TIMEOUTS, "service_wait_timeouts_total", COUNTER, "Clients that found no server within connect_wait")       \
    X(CONNECT_FAILURES, "service_connect_failures_total", COUNTER, "Attempts to reach a server that failed")           \
    X(ELSEWHERE, "service_elsewhere_total", COUNTER,                                                                   \
      "Connections that reached a server of another region than the split's")                                          \
    X(CUT_FAILED, "service_cut_failed_total", COUNTER, "Connections cut because the service failed in their region")   \
    X(CUT_PRIMARY, "service_cut_primary_total", COUNTER,                                                               \
      "Connections cut because their server is not the primary any more")                                              \
    X(CUT_DRAINED, "service_cut_drained_total", COUNTER, "Connections cut after drain")                                \
    X(CUT_IDLE, "service_cut_idle_total", COUNTER, "Connections cut after idle_timeout")                               \
    X(BROKEN, "service_broken_total", COUNTER, "Connections of which an end was reset or lost")                        \
    X(STALLED, "service_stalled_total", COUNTER, "Times that nothing was read because the other end took nothing")     \
    X(STARVED, "service_starved_total", COUNTER, "Times that nothing was read because all buffers were in use")        \
    X(BYTES_TO_SERVER, "service_bytes_to_server_total", COUNTER, "Bytes passed on to servers")                         \
    X(BYTES_TO_CLIENT, "service_bytes_to_client_total", COUNTER, "Bytes passed on to clients")
