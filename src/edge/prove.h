/* SPDX-License-Identifier: Apache-2.0
 * Proofs that traffic has moved, taken from the client's side of each data plane.
 *
 * Blocking calls with a time-out, for the action workers of the control process: never on a loop's thread. Every one is
 * safe to repeat. On an error `message` holds one line for people; no password is ever in it. Addresses are literal. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/limits.h"
#include "core/lsn.h"
#include "core/view.h"
#include "edge/sql.h"

enum {
    PROVE_MESSAGE = 256,
    PROVE_ADDRESSES = 16, /* of one DNS answer; more are counted, not kept */
};

/* GET http://address/path with this Host header (NULL: the address) answers 200 within the time. ERR_STATUS: another
 * status; ERR_REFUSED, ERR_TIMEOUT, ERR_UNREACHABLE, ERR_PROTOCOL. Redirects are not followed. */
ERR_CHECK enum err prove_http(const struct view_address *address, const char *host, const char *path,
                              int64_t timeout_ms, char message[PROVE_MESSAGE]);

struct prove_dns_answer {
    struct view_address addresses[PROVE_ADDRESSES]; /* port 0 */
    uint32_t count;
    uint32_t ttl_s; /* the lowest */
};

/* Asks one server for the name's A records (or AAAA, `family` 6) over UDP, sending again every 200 ms until the time is
 * over. ERR_NOT_FOUND: no such name or no such record; ERR_STATUS: another response code; ERR_PROTOCOL: malformed or
 * not authoritative; ERR_TIMEOUT. */
ERR_CHECK enum err prove_dns(const struct view_address *server, const char *name, uint16_t family, int64_t timeout_ms,
                             struct prove_dns_answer *ret_answer, char message[PROVE_MESSAGE]);

struct prove_sql_answer {
    struct view_address server; /* the server's own address as the proxy reached it (inet_server_addr, _port);
                                   family 0 when it was reached over a unix socket */
    char node[LIMITS_NAME];     /* of the row with the highest epoch, this proof's own row included */
    uint64_t epoch;             /* the highest epoch in holdfast.proof on that server */
    bool in_recovery;
    struct lsn lsn; /* flushed at least up to here when the proof was committed */
};

/* The row that is committed, and how. */
struct prove_sql_row {
    uint64_t epoch;
    const char *node;
    bool waits; /* every commit of the cluster waits for its durability set, this one too: proxies refuse to hear of
                   less */
};

/* Connects through a proxy and commits the node's row (epoch, node, time) in holdfast.proof, made when missing, and
 * reads in the same transaction who served it. `login->address` is the proxy's. ERR_OK means that the row is committed
 * there; the caller compares `server` with the view. ERR_ROLE: a read-only server answered; ERR_FENCED: it knows a
 * higher epoch than this one, nothing was committed; ERR_UNAVAILABLE, ERR_AUTH, ERR_TIMEOUT; ERR_CLOSED: broken off,
 * the row may be there or not. */
ERR_CHECK enum err prove_sql(const struct sql_login *login, const struct prove_sql_row *row, int64_t timeout_ms,
                             struct prove_sql_answer *ret_answer, char message[PROVE_MESSAGE]);
