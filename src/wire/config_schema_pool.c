/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of the SQL proxy's pools. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

static const struct config_schema_choice config_schema_pool_modes[] = {
    {"none", CONFIG_POOL_NONE, "each session has a server connection of its own"},
    {"session", CONFIG_POOL_SESSION, "a session has one for its life, and leaves it to the user's next client"},
    {"transaction", CONFIG_POOL_TRANSACTION, "a session has one for each transaction"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_pool_rows[] = {
    ROW("mode", ENUM, config_proxy_pool, mode, .fallback = "none", .choices = config_schema_pool_modes,
        .prose = "Who has a server connection, and for how long."),
    ROW("size", INTEGER, config_proxy_pool, size, .fallback = "20", .min = 1, .max = 10000,
        .prose = "Server connections per user. Each worker of the proxy has its share of them, one at least; likewise "
                 "the other numbers."),
    ROW("reserve", INTEGER, config_proxy_pool, reserve, .fallback = "0", .min = 0, .max = 10000,
        .prose = "So many more for clients that have waited for reserve_timeout."),
    ROW("reserve_timeout", DURATION_MS, config_proxy_pool, reserve_timeout_ms, .fallback = "5s", .min = 0,
        .max = HOURS(1), .prose = "How long a client waits before it may use the reserve."),
    ROW("min", INTEGER, config_proxy_pool, minimum, .fallback = "0", .min = 0, .max = 10000,
        .prose = "So many per user are opened before anybody waits for them, while the user has clients, and are not "
                 "closed for being idle."),
    ROW("max_connections", INTEGER, config_proxy_pool, max_connections, .fallback = "0", .min = 0, .max = 100000,
        .prose = "Server connections of all users of this entry; 0: no limit but theirs. An idle one of another user "
                 "makes room."),
    ROW("max_clients", INTEGER, config_proxy_pool, max_clients, .fallback = "0", .min = 0, .max = 100000,
        .prose = "Sessions of all users of this entry; 0: no limit but the proxy's."),
    ROW("wait_timeout", DURATION_MS, config_proxy_pool, wait_timeout_ms, .fallback = "2m", .min = 0, .max = HOURS(1),
        .prose = "A client that has stood in line for so long is told 53300, or 57P03 when there is no server; 0: it "
                 "waits for ever."),
    ROW("idle_timeout", DURATION_MS, config_proxy_pool, idle_timeout_ms, .fallback = "10m", .min = 0, .max = DAYS(7),
        .prose = "A server connection that nobody has used for so long is closed; 0: never."),
    ROW("lifetime", DURATION_MS, config_proxy_pool, lifetime_ms, .fallback = "1h", .min = 0, .max = DAYS(7),
        .prose = "An older server connection is closed as soon as nobody has it; 0: never."),
    ROW("max_prepared_statements", INTEGER, config_proxy_pool, max_prepared_statements, .fallback = "0", .min = 0,
        .max = 10000,
        .prose = "With mode transaction: statements prepared by the protocol get names of the proxy's, so that clients "
                 "which prepare the same share it, whatever they call it; a server connection has at most so many. 0: "
                 "they keep their names, and clients with different ones prepare them again."),
    END};
const struct config_schema_section config_schema_pool =
    SECTION("proxy_pool", config_proxy_pool, config_schema_pool_rows,
            .prose = "How sessions share server connections. Needs proxy.auth: login or scram; with login each log-in "
                     "passes to a server and takes a connection of the pool for that, with scram it does not.");
