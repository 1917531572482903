/* SPDX-License-Identifier: Apache-2.0
 * The client of bench/ha: one connection that commits a numbered row every few milliseconds, and a journal of each
 * attempt.
 *
 *   ha_client JOURNAL INTERVAL_MS STATEMENT_MS CONNECT_MS CONNINFO...
 *
 * The connection strings are tried in turn, one per attempt; an attempt to connect and a statement that take longer
 * than their deadlines are given up together with their connection, and the next attempt follows at once, or when the
 * interval is over. A number is used once. Until SIGTERM. Passwords: PGPASSFILE. One line per attempt, times in
 * microseconds of CLOCK_BOOTTIME:
 *
 *   row NUMBER BEGIN END ok|failed|unknown SQLSTATE SERVER
 *   connect INDEX BEGIN END ok|failed SQLSTATE -
 *
 * "ok" only when ReadyForQuery came, without the warning that the wait for a synchronous standby was cancelled;
 * "failed": the server said so (not 08007) and went on; everything else is unknown. SERVER: the address of the server
 * that answered. */
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "base/assert.h"
#include "base/decimal.h"
#include "base/time.h"
#include "edge/clock.h"

enum { HOSTS = 8, PAUSE_MS = 2 };

enum outcome { OUTCOME_OK, OUTCOME_FAILED, OUTCOME_UNKNOWN };

struct client {
    FILE *journal;
    PGconn *connection;
    const char *hosts[HOSTS];
    int hosts_count;
    int host;
    int64_t interval_us;
    int64_t statement_us;
    int64_t connect_us;
    bool cancelled; /* a warning came: the commit was not waited for */
    char state[8];  /* SQLSTATE of the latest answer */
    char server[64];
};

static const char *const outcome_names[] = {"ok", "failed", "unknown"};
static volatile sig_atomic_t over;

static void on_signal(int number)
{
    (void)number;
    over = 1;
}

static int64_t now_us(void)
{
    return clock_mono().us;
}

static void sleep_until(int64_t when_us)
{
    const int64_t left_us = when_us - now_us();
    if (left_us > 0) {
        const struct timespec time = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
        (void)nanosleep(&time, NULL);
    }
}

/* Waits for the connection's socket; false: the deadline has come. */
static bool wait_socket(PGconn *connection, short events, int64_t deadline_us)
{
    for (;;) {
        struct pollfd entry = {.fd = PQsocket(connection), .events = events};
        const int64_t left_us = deadline_us - now_us();
        if (left_us <= 0 || over != 0) {
            return false;
        }
        const struct timespec time = {.tv_sec = left_us / 1000000, .tv_nsec = left_us % 1000000 * 1000};
        const int ready = ppoll(&entry, 1, &time, NULL);
        if (ready != 0 && !(ready < 0 && errno == EINTR)) {
            return ready > 0;
        }
    }
}

/* "canceling wait for synchronous replication": acknowledged by the server, held by nobody else. */
static void on_notice(void *argument, const PGresult *result)
{
    struct client *client = argument;
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    client->cancelled = client->cancelled || (state != NULL && strcmp(state, "01000") == 0);
}

static void client_drop(struct client *client)
{
    PQfinish(client->connection);
    client->connection = NULL;
    client->host = (client->host + 1) % client->hosts_count;
}

static void client_connect(struct client *client)
{
    const int64_t begin_us = now_us();
    client->connection = PQconnectStart(client->hosts[client->host]);
    ASSERT(client->connection != NULL);
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    bool in_time = PQstatus(client->connection) != CONNECTION_BAD;
    while (in_time && status != PGRES_POLLING_OK && status != PGRES_POLLING_FAILED) {
        in_time = wait_socket(client->connection, status == PGRES_POLLING_READING ? POLLIN : POLLOUT,
                              begin_us + client->connect_us);
        status = in_time ? PQconnectPoll(client->connection) : status;
    }
    const bool good = in_time && status == PGRES_POLLING_OK;
    fprintf(client->journal, "connect %d %" PRId64 " %" PRId64 " %s %s -\n", client->host, begin_us, now_us(),
            good ? "ok" : "failed", in_time ? "-" : "deadline");
    if (!good) {
        client_drop(client);
        sleep_until(begin_us + (int64_t)PAUSE_MS * TIME_US_PER_MS);
        return;
    }
    PQsetnonblocking(client->connection, 1);
    PQsetNoticeReceiver(client->connection, on_notice, client);
}

static void client_note(struct client *client, const PGresult *result, enum outcome *outcome)
{
    const char *state = PQresultErrorField(result, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(result, PG_DIAG_SEVERITY_NONLOCALIZED);
    if (PQresultStatus(result) == PGRES_TUPLES_OK && PQntuples(result) == 1) {
        *outcome = OUTCOME_OK;
        snprintf(client->server, sizeof client->server, "%s", PQgetvalue(result, 0, 0));
    } else {
        snprintf(client->state, sizeof client->state, "%.5s", state != NULL && state[0] != 0 ? state : "?");
        const bool said = severity != NULL && strcmp(severity, "ERROR") == 0 && strcmp(client->state, "08007") != 0;
        *outcome = said ? OUTCOME_FAILED : OUTCOME_UNKNOWN;
    }
}

static enum outcome client_commit(struct client *client, int64_t number, int64_t deadline_us)
{
    char text[160];
    enum outcome outcome = OUTCOME_UNKNOWN;
    snprintf(text, sizeof text, "INSERT INTO ha_row (n) VALUES (%" PRId64 ") RETURNING host(inet_server_addr())",
             number);
    if (PQsendQuery(client->connection, text) != 1) {
        return OUTCOME_UNKNOWN;
    }
    for (int left = PQflush(client->connection); left != 0; left = PQflush(client->connection)) {
        if (left < 0 || !wait_socket(client->connection, POLLOUT, deadline_us)) {
            return OUTCOME_UNKNOWN;
        }
    }
    for (;;) {
        while (PQisBusy(client->connection) != 0) {
            if (!wait_socket(client->connection, POLLIN, deadline_us) || PQconsumeInput(client->connection) != 1) {
                return OUTCOME_UNKNOWN;
            }
        }
        PGresult *result = PQgetResult(client->connection);
        if (result == NULL) { /* ReadyForQuery, or the connection's end */
            const bool ready = PQtransactionStatus(client->connection) == PQTRANS_IDLE;
            return ready && !client->cancelled ? outcome : OUTCOME_UNKNOWN;
        }
        client_note(client, result, &outcome);
        PQclear(result);
    }
}

static void client_turn(struct client *client, int64_t number)
{
    const int64_t begin_us = now_us();
    client->cancelled = false;
    snprintf(client->state, sizeof client->state, "-");
    snprintf(client->server, sizeof client->server, "-");
    const enum outcome outcome = client_commit(client, number, begin_us + client->statement_us);
    fprintf(client->journal, "row %" PRId64 " %" PRId64 " %" PRId64 " %s %s %s\n", number, begin_us, now_us(),
            outcome_names[outcome], client->state, client->server);
    fflush(client->journal);
    if (outcome != OUTCOME_OK) {
        client_drop(client);
    }
    sleep_until(begin_us + client->interval_us);
}

static int64_t milliseconds(const char *text)
{
    int64_t value = 0;
    if (decimal_parse(text, strlen(text), 0, &value) != ERR_OK || value < 1 || value > 600000) {
        fprintf(stderr, "ha_client: \"%s\" is no number of milliseconds from 1 to 600000\n", text);
        exit(2);
    }
    return value * TIME_US_PER_MS;
}

int main(int argc, char **argv)
{
    struct client client = {0};
    if (argc < 6 || argc > 5 + HOSTS) {
        fputs("usage: ha_client JOURNAL INTERVAL_MS STATEMENT_MS CONNECT_MS CONNINFO...\n", stderr);
        return 2;
    }
    client.interval_us = milliseconds(argv[2]);
    client.statement_us = milliseconds(argv[3]);
    client.connect_us = milliseconds(argv[4]);
    for (int i = 5; i < argc; i++) {
        client.hosts[client.hosts_count++] = argv[i];
    }
    client.journal = fopen(argv[1], "we");
    if (client.journal == NULL) {
        fprintf(stderr, "ha_client: cannot write %s: %s\n", argv[1], strerror(errno));
        return 1;
    }
    const struct sigaction action = {.sa_handler = on_signal};
    sigaction(SIGTERM, &action, NULL);
    sigaction(SIGINT, &action, NULL);
    for (int64_t number = 1; over == 0;) {
        if (client.connection == NULL) {
            client_connect(&client);
        } else {
            client_turn(&client, number++);
        }
    }
    PQfinish(client.connection);
    return fclose(client.journal) == 0 ? 0 : 1;
}
