/* SPDX-License-Identifier: Apache-2.0
 * Blocking SQL with deadlines over libpq: for worker threads that prove, measure or act, never for a loop's thread.
 *
 * Every call ends at its deadline. After an error of the connection, or a deadline, the connection is of no use any
 * more: close it. The server side is ended by its own statement_timeout, set when the connection is opened. Passwords
 * go to libpq in memory only and never into a message. One owner, one thread per connection. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "base/time.h"
#include "core/view.h"

enum {
    SQL_MESSAGE = 256,
    SQL_SQLSTATE = 6,
};

/* Borrowed text. `password` NULL: none is sent. `application_name` NULL: "holdfast". */
struct sql_login {
    struct view_address address;
    const char *dbname;
    const char *user;
    const char *password;
    const char *application_name;
    const char *sslmode;     /* NULL: libpq's own, prefer */
    const char *sslrootcert; /* NULL: none */
};

struct sql {
    PGconn *connection;          /* NULL: closed */
    char sqlstate[SQL_SQLSTATE]; /* of the last error; empty when the server did not say one */
    char message[SQL_MESSAGE];   /* one line about the last error, for people */
};

/* Connects. ERR_REFUSED: nobody listens; ERR_UNREACHABLE; ERR_TIMEOUT; ERR_AUTH; ERR_UNAVAILABLE: starting up, shutting
 * down, says no; ERR_NOT_FOUND: no such database. `sql->message` says more; sql_close is fine after an error, and on a
 * zeroed struct. */
ERR_CHECK enum err sql_open(struct sql *sql, const struct sql_login *login, struct mono deadline);
void sql_close(struct sql *sql);

/* Runs `statement` (several, separated by semicolons, when there are no parameters) and gives the last result, which
 * the caller frees with PQclear. `parameters` ends with NULL; NULL: none. ERR_TIMEOUT; ERR_CLOSED: the connection
 * broke, the outcome is unknown; ERR_ROLE: the server is read-only; ERR_STATUS: any other error, see sqlstate. */
ERR_CHECK enum err sql_query(struct sql *sql, const char *statement, const char *const *parameters,
                             struct mono deadline, PGresult **ret_result);

/* The same without a result. */
ERR_CHECK enum err sql_run(struct sql *sql, const char *statement, struct mono deadline);

/* The two halves of sql_query, so that two servers can work at the same time. */
ERR_CHECK enum err sql_send(struct sql *sql, const char *statement, const char *const *parameters);
ERR_CHECK enum err sql_wait(struct sql *sql, struct mono deadline, PGresult **ret_result);

/* Reads text as a signed number. False: it is none. */
bool sql_number(const char *text, int64_t *ret_number);

/* Reads "192.0.2.1" or "2001:db8::1" (also with a prefix length behind it, as inet prints it). */
bool sql_address(const char *text, uint16_t port, struct view_address *ret_address);
