/* SPDX-License-Identifier: Apache-2.0
 * Blocking SQL with deadlines over libpq. */
#include "edge/sql.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"

enum {
    SQL_PARAMETERS = 16, /* of one statement */
    SQL_HOST = INET6_ADDRSTRLEN,
};

/* Keeps the first line only: libpq's messages end with a newline and may go on. */
static void sql_say(struct sql *sql, const char *text)
{
    snprintf(sql->message, sizeof sql->message, "%s", text);
    sql->message[strcspn(sql->message, "\n")] = '\0';
}

static enum err sql_class(const char *sqlstate)
{
    static const struct {
        const char *prefix;
        enum err err;
    } classes[] = {
        {"28", ERR_AUTH},         {"25006", ERR_ROLE},     {"3D000", ERR_NOT_FOUND}, {"53", ERR_UNAVAILABLE},
        {"57P", ERR_UNAVAILABLE}, {"08", ERR_UNAVAILABLE}, {"57014", ERR_TIMEOUT},   {"42501", ERR_PERMISSION},
    };
    for (size_t i = 0; i < sizeof classes / sizeof classes[0]; i++) {
        if (strncmp(sqlstate, classes[i].prefix, strlen(classes[i].prefix)) == 0) {
            return classes[i].err;
        }
    }
    return ERR_STATUS;
}

/* Waits for the connection's socket. ERR_TIMEOUT at the deadline. */
static enum err sql_poll(const struct sql *sql, short events, struct mono deadline)
{
    for (;;) {
        const int64_t left_us = time_since_us(deadline, clock_mono());
        if (left_us <= 0) {
            return ERR_TIMEOUT;
        }
        const int64_t left_ms = (left_us + TIME_US_PER_MS - 1) / TIME_US_PER_MS;
        struct pollfd poller = {.fd = PQsocket(sql->connection), .events = events};
        if (poller.fd < 0) {
            return ERR_CLOSED;
        }
        const int count = poll(&poller, 1, left_ms > INT32_MAX ? INT32_MAX : (int)left_ms);
        if (count > 0) {
            return ERR_OK;
        }
        if (count < 0 && errno != EINTR) {
            return err_from_errno(errno);
        }
    }
}

/* libpq tells a failed connection in words only. Nobody listening (REFUSED) is something else than a server that says
 * no. */
static enum err sql_connect_failed(struct sql *sql)
{
    static const struct {
        const char *words;
        enum err err;
    } table[] = {
        {"authentication", ERR_AUTH},        {"password", ERR_AUTH},           {"does not exist", ERR_NOT_FOUND},
        {"Connection refused", ERR_REFUSED}, {"unreachable", ERR_UNREACHABLE}, {"No route to host", ERR_UNREACHABLE},
        {"timed out", ERR_TIMEOUT},
    };
    sql_say(sql, PQerrorMessage(sql->connection));
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strstr(sql->message, table[i].words) != NULL) {
            return table[i].err;
        }
    }
    return ERR_UNAVAILABLE;
}

static enum err sql_connect(struct sql *sql, struct mono deadline)
{
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        if (status == PGRES_POLLING_FAILED) {
            return sql_connect_failed(sql);
        }
        const enum err err = sql_poll(sql, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline);
        if (err != ERR_OK) {
            sql_say(sql, err == ERR_TIMEOUT ? "timed out while connecting" : err_text(err));
            return err;
        }
        status = PQconnectPoll(sql->connection);
    }
    return ERR_OK;
}

static void sql_quiet(void *argument, const PGresult *result)
{
    (void)argument;
    (void)result; /* notices are of no interest here, and libpq would print them */
}

enum err sql_open(struct sql *sql, const struct sql_login *login, struct mono deadline)
{
    *sql = (struct sql){.connection = NULL};
    char host[SQL_HOST];
    char port[8];
    char options[64];
    const int family = login->address.family == 6 ? AF_INET6 : AF_INET;
    const int64_t left_ms = time_since_ms(deadline, clock_mono());
    if (login->address.family == 0 || inet_ntop(family, login->address.bytes, host, sizeof host) == NULL) {
        sql_say(sql, "no address to connect to");
        return ERR_INVALID;
    }
    if (left_ms <= 0) {
        sql_say(sql, "timed out before connecting");
        return ERR_TIMEOUT;
    }
    snprintf(port, sizeof port, "%u", login->address.port);
    snprintf(options, sizeof options, "-c statement_timeout=%lld", (long long)(left_ms < INT32_MAX ? left_ms : 0));
    const char *const names[] = {"hostaddr", "port",       "dbname",          "user", "password", "application_name",
                                 "options",  "gssencmode", "client_encoding", "host", "sslmode",  "sslrootcert",
                                 NULL};
    const char *const values[] = {host,
                                  port,
                                  login->dbname,
                                  login->user,
                                  login->password,
                                  login->application_name != NULL ? login->application_name : "holdfast",
                                  options,
                                  "disable",
                                  "UTF8",
                                  host, /* whose certificate it must be, with verify-full */
                                  login->sslmode,
                                  login->sslrootcert,
                                  NULL};
    sql->connection = PQconnectStartParams(names, values, 0);
    if (sql->connection == NULL) {
        sql_say(sql, "out of memory");
        return ERR_NO_MEMORY;
    }
    PQsetNoticeReceiver(sql->connection, sql_quiet, NULL);
    if (PQstatus(sql->connection) == CONNECTION_BAD) {
        return sql_connect_failed(sql);
    }
    const enum err err = sql_connect(sql, deadline);
    if (err == ERR_OK && PQsetnonblocking(sql->connection, 1) != 0) {
        return ERR_INTERNAL;
    }
    return err;
}

void sql_close(struct sql *sql)
{
    if (sql->connection != NULL) {
        PQfinish(sql->connection);
        sql->connection = NULL;
    }
}

enum err sql_send(struct sql *sql, const char *statement, const char *const *parameters)
{
    ASSERT(sql->connection != NULL);
    sql->sqlstate[0] = '\0';
    sql->message[0] = '\0';
    int count = 0;
    while (parameters != NULL && parameters[count] != NULL) {
        ASSERT(count < SQL_PARAMETERS);
        count++;
    }
    const int sent = count > 0 ? PQsendQueryParams(sql->connection, statement, count, NULL, parameters, NULL, NULL, 0)
                               : PQsendQuery(sql->connection, statement);
    if (sent != 1) {
        sql_say(sql, PQerrorMessage(sql->connection));
        return ERR_CLOSED;
    }
    return ERR_OK;
}

/* Sends what is left and reads until a result can be had without waiting. */
static enum err sql_ready(struct sql *sql, struct mono deadline)
{
    for (;;) {
        const int flushed = PQflush(sql->connection);
        if (flushed < 0) {
            return ERR_CLOSED;
        }
        if (flushed == 0 && PQisBusy(sql->connection) == 0) {
            return ERR_OK;
        }
        const enum err err = sql_poll(sql, (short)(flushed > 0 ? POLLIN | POLLOUT : POLLIN), deadline);
        if (err != ERR_OK) {
            return err;
        }
        if (PQconsumeInput(sql->connection) != 1) {
            return ERR_CLOSED;
        }
    }
}

/* What a result says: remembers SQLSTATE and message of the first error. */
static enum err sql_judge(struct sql *sql, const PGresult *result)
{
    const ExecStatusType status = PQresultStatus(result);
    if (status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK || status == PGRES_EMPTY_QUERY) {
        return ERR_OK;
    }
    const char *sqlstate = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *message = PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY);
    snprintf(sql->sqlstate, sizeof sql->sqlstate, "%s", sqlstate != NULL ? sqlstate : "");
    sql_say(sql, message != NULL ? message : PQresultErrorMessage(result));
    return sqlstate != NULL ? sql_class(sqlstate) : ERR_CLOSED;
}

enum err sql_wait(struct sql *sql, struct mono deadline, PGresult **ret_result)
{
    PGresult *last = NULL;
    enum err verdict = ERR_OK;
    for (;;) {
        const enum err err = sql_ready(sql, deadline);
        if (err != ERR_OK) {
            sql_say(sql, err == ERR_TIMEOUT ? "timed out" : PQerrorMessage(sql->connection));
            PQclear(last);
            return err;
        }
        PGresult *result = PQgetResult(sql->connection);
        if (result == NULL) {
            break;
        }
        if (verdict == ERR_OK) {
            verdict = sql_judge(sql, result);
        }
        PQclear(last);
        last = result;
        const ExecStatusType status = PQresultStatus(result);
        if (status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH) {
            verdict = ERR_UNSUPPORTED;
            break;
        }
    }
    if (verdict == ERR_OK && last == NULL) {
        verdict = ERR_CLOSED;
    }
    if (verdict != ERR_OK) {
        PQclear(last);
        return verdict;
    }
    *ret_result = last;
    return ERR_OK;
}

enum err sql_query(struct sql *sql, const char *statement, const char *const *parameters, struct mono deadline,
                   PGresult **ret_result)
{
    const enum err err = sql_send(sql, statement, parameters);
    return err != ERR_OK ? err : sql_wait(sql, deadline, ret_result);
}

enum err sql_run(struct sql *sql, const char *statement, struct mono deadline)
{
    PGresult *result = NULL;
    const enum err err = sql_query(sql, statement, NULL, deadline, &result);
    if (err == ERR_OK) {
        PQclear(result);
    }
    return err;
}

bool sql_number(const char *text, int64_t *ret_number)
{
    char *end = NULL;
    errno = 0;
    const long long number = strtoll(text, &end, 10);
    if (errno != 0 || end == text || *end != '\0') {
        return false;
    }
    *ret_number = number;
    return true;
}

bool sql_address(const char *text, uint16_t port, struct view_address *ret_address)
{
    char host[SQL_HOST];
    const size_t size = strcspn(text, "/");
    if (size == 0 || size >= sizeof host) {
        return false;
    }
    memcpy(host, text, size);
    host[size] = '\0';
    struct view_address address = {.port = port};
    if (inet_pton(AF_INET, host, address.bytes) == 1) {
        address.family = 4;
    } else if (inet_pton(AF_INET6, host, address.bytes) == 1) {
        address.family = 6;
    } else {
        return false;
    }
    *ret_address = address;
    return true;
}
