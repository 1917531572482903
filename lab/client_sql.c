/* SPDX-License-Identifier: Apache-2.0
 * The lab's SQL clients: each keeps one connection through the proxies and inserts rows with unique keys. */
#include "client_sql.h"

#include <inttypes.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "journal.h"

enum {
    CLIENT_SQL_MAX = CLIENT_HOMES * CLIENT_SQL_PER_HOME,
    CLIENT_SQL_CONNECT_MS = 300, /* one attempt to connect; doubled each time that it was not enough: a busy machine
                                  * that is asked anew before it could answer never answers */
    CLIENT_SQL_CONNECT_MAX_MS = 10000,
    CLIENT_SQL_PAUSE_MS = 20, /* before the next proxy, after a failure */
};

enum client_sql_state { CLIENT_SQL_IDLE, CLIENT_SQL_PAUSING, CLIENT_SQL_CONNECTING, CLIENT_SQL_WRITING };

struct client_sql {
    enum client_sql_state state;
    const struct client_home *home;
    size_t proxy;         /* index into the homes: whose proxy is used */
    PGconn *pg;           /* NULL: none */
    PGresult *result;     /* of the statement; an acknowledgement only when ReadyForQuery has come as well */
    short events;         /* poll events waited for */
    bool half_open;       /* the connection of the attempt before is still coming about */
    bool warned;          /* a warning came with the statement: the commit may not be durable */
    uint32_t patience_ms; /* with one attempt to connect */
    struct mono due;
    struct mono deadline; /* of the attempt */
    struct mono until;    /* of the pause or of the connecting */
    struct journal_entry entry;
};

static const struct client_config *client_sql_config;
static struct client_sql client_sql_list[CLIENT_SQL_MAX];
static size_t client_sql_count;
static size_t client_sql_waiting[CLIENT_SQL_MAX];
static int64_t client_sql_each_us; /* between attempts of one client */
static uint64_t client_sql_number;

void client_sql_init(const struct client_config *config)
{
    client_sql_config = config;
    for (size_t i = 0; i < config->homes; i++) {
        for (unsigned j = 0; j < config->home[i].sql_connections; j++) {
            client_sql_list[client_sql_count++] =
                (struct client_sql){.home = &config->home[i], .proxy = i, .patience_ms = CLIENT_SQL_CONNECT_MS};
        }
    }
    if (config->sql_rate == 0 || client_sql_count == 0) {
        client_sql_count = 0;
        return;
    }
    client_sql_each_us = (int64_t)client_sql_count * TIME_US_PER_S / config->sql_rate;
    for (size_t i = 0; i < client_sql_count; i++) {
        client_sql_list[i].due = time_add_us(clock_mono(), client_sql_each_us * (int64_t)i / (int64_t)client_sql_count);
    }
}

static void client_sql_close(struct client_sql *client)
{
    PQclear(client->result);
    client->result = NULL;
    if (client->pg != NULL) {
        PQfinish(client->pg);
        client->pg = NULL;
    }
}

void client_sql_fini(void)
{
    for (size_t i = 0; i < client_sql_count; i++) {
        client_sql_close(&client_sql_list[i]);
    }
}

static void client_sql_end(struct client_sql *client, enum journal_outcome outcome, const char *error)
{
    client->entry.end_us = clock_mono().us;
    client->entry.outcome = outcome;
    if (outcome == JOURNAL_OK) {
        memcpy(client->entry.region, client_sql_config->home[client->proxy].name, JOURNAL_NAME);
    }
    journal_set_error(&client->entry, error);
    journal_write(client_sql_config->journal, &client->entry);
    client->state = CLIENT_SQL_IDLE;
    /* Paced, but what was missed is not caught up. */
    client->due = time_max(time_add_us(client->due, client_sql_each_us), clock_mono());
}

/* Its session is over: "lost", the proxy ended it, or "left", the client would not wait any longer. Told on standard
 * error, with the time and the proxy that had it. */
static void client_sql_over(const struct client_sql *client, const char *how)
{
    const struct client_home *proxy = &client_sql_config->home[client->proxy];
    (void)fprintf(stderr, "session-%s %" PRId64 " %s:%s\n", how, clock_mono().us, proxy->proxy_host, proxy->proxy_port);
}

static void client_sql_notice(void *argument, const PGresult *notice)
{
    struct client_sql *client = argument;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    client->warned = client->warned || (severity != NULL && strcmp(severity, "WARNING") == 0);
}

static void client_sql_connect(struct client_sql *client)
{
    const struct client_home *proxy = &client_sql_config->home[client->proxy];
    char conninfo[256];
    (void)snprintf(conninfo, sizeof(conninfo), "host=%s port=%s dbname=%s user=%s application_name=lab-client",
                   proxy->proxy_host, proxy->proxy_port, client_sql_config->dbname, client_sql_config->user);
    client_sql_close(client);
    client->pg = PQconnectStart(conninfo);
    ASSERT(client->pg != NULL);
    client->events = POLLOUT;
    client->state = CLIENT_SQL_CONNECTING;
    client->until = time_add_ms(clock_mono(), client->patience_ms);
}

/* No connection came about, or the server refused: the next proxy, after a pause. */
static void client_sql_elsewhere(struct client_sql *client, const char *error)
{
    char text[JOURNAL_ERROR];
    (void)snprintf(text, sizeof(text), "%.190s", error);
    client_sql_close(client);
    client->proxy = (client->proxy + 1) % client_sql_config->homes;
    client->state = CLIENT_SQL_PAUSING;
    client->until = time_add_ms(clock_mono(), CLIENT_SQL_PAUSE_MS);
    journal_set_error(&client->entry, text);
}

static void client_sql_write(struct client_sql *client)
{
    const char *const parameters[] = {client->entry.key, client->home->name};
    client->warned = false;
    PQclear(client->result);
    client->result = NULL;
    if (PQsendQueryParams(client->pg, "INSERT INTO ledger_probe (key, client_id) VALUES ($1, $2)", 2, NULL, parameters,
                          NULL, NULL, 0) != 1) {
        client_sql_over(client, "lost");
        client_sql_elsewhere(client, PQerrorMessage(client->pg));
        return;
    }
    client->state = CLIENT_SQL_WRITING;
    client->events = POLLIN;
}

/* A connection that rested may have been closed meanwhile; nothing was sent on it. */
static bool client_sql_alive(struct client_sql *client)
{
    if (client->pg == NULL || PQstatus(client->pg) != CONNECTION_OK) {
        return false;
    }
    struct pollfd fd = {.fd = PQsocket(client->pg), .events = POLLIN};
    if (poll(&fd, 1, 0) > 0) {
        return PQconsumeInput(client->pg) == 1 && PQstatus(client->pg) == CONNECTION_OK && poll(&fd, 1, 0) == 0;
    }
    return true;
}

static void client_sql_begin(struct client_sql *client, struct mono now)
{
    client->entry = (struct journal_entry){.start_us = now.us, .path = JOURNAL_SQL, .tier = 1, .table = "ledger_probe"};
    memcpy(client->entry.home, client->home->name, sizeof(client->entry.home));
    (void)snprintf(client->entry.key, JOURNAL_KEY, "s-%.20s-%" PRIu64, client_sql_config->run, client_sql_number++);
    client->deadline = time_add_ms(now, CLIENT_DEADLINE_MS);
    if (client->half_open) {
        client->half_open = false;
        client->state = CLIENT_SQL_CONNECTING;
    } else if (client_sql_alive(client)) {
        client_sql_write(client);
    } else {
        if (client->pg != NULL) {
            client_sql_over(client, "lost");
        }
        client->proxy = (size_t)(client->home - client_sql_config->home);
        client_sql_connect(client);
    }
}

/* The socket has something while connecting. */
static void client_sql_connecting(struct client_sql *client)
{
    const PostgresPollingStatusType status = PQconnectPoll(client->pg);
    if (status == PGRES_POLLING_OK) {
        client->patience_ms = CLIENT_SQL_CONNECT_MS;
        (void)PQsetNoticeReceiver(client->pg, client_sql_notice, client);
        client_sql_write(client);
    } else if (status == PGRES_POLLING_FAILED) {
        client_sql_elsewhere(client, PQerrorMessage(client->pg));
    } else {
        client->events = status == PGRES_POLLING_READING ? POLLIN : POLLOUT;
    }
}

static void client_sql_judge(struct client_sql *client)
{
    const PGresult *last = client->result;
    const ExecStatusType status = PQresultStatus(last);
    if (last == NULL || PQstatus(client->pg) != CONNECTION_OK) {
        client_sql_over(client, "lost");
        client_sql_end(client, JOURNAL_UNKNOWN, PQerrorMessage(client->pg));
        client_sql_close(client);
    } else if (status != PGRES_COMMAND_OK) {
        const char *state = PQresultErrorField(last, PG_DIAG_SQLSTATE);
        /* 25006: a server that does not write; 57P03: one that starts or stops. Nothing was done there. */
        if (state != NULL && (strcmp(state, "25006") == 0 || strcmp(state, "57P03") == 0)) {
            client_sql_elsewhere(client, PQresultErrorMessage(last));
        } else {
            /* 08007: the proxy keeps the session, but what became of the statement nobody knows. */
            const bool unknown = state != NULL && strcmp(state, "08007") == 0;
            client_sql_end(client, unknown ? JOURNAL_UNKNOWN : JOURNAL_FAILED, PQresultErrorMessage(last));
        }
    } else if (client->warned) {
        client_sql_end(client, JOURNAL_UNKNOWN, "committed with a warning");
    } else {
        client_sql_end(client, JOURNAL_OK, "");
    }
}

/* The socket has something while a statement is out. */
static void client_sql_writing(struct client_sql *client)
{
    (void)PQconsumeInput(client->pg); /* an error shows as a result */
    while (!PQisBusy(client->pg)) {
        PGresult *next = PQgetResult(client->pg);
        if (next == NULL) {
            client_sql_judge(client);
            return;
        }
        PQclear(client->result);
        client->result = next;
    }
}

static void client_sql_late(struct client_sql *client, struct mono now)
{
    if (client->state == CLIENT_SQL_IDLE) {
        return;
    }
    if (time_reached(now, client->deadline)) {
        const bool sent = client->state == CLIENT_SQL_WRITING;
        const bool half_open = client->state == CLIENT_SQL_CONNECTING && !time_reached(now, client->until);
        if (sent) {
            client_sql_over(client, "left");
        }
        char text[JOURNAL_ERROR];
        (void)snprintf(text, sizeof(text), "no answer in time %.170s", client->entry.error);
        client_sql_end(client, sent ? JOURNAL_UNKNOWN : JOURNAL_FAILED, text);
        client->half_open = half_open;
        if (!half_open) {
            client_sql_close(client);
        }
    } else if (client->state == CLIENT_SQL_PAUSING && time_reached(now, client->until)) {
        client_sql_connect(client);
    } else if (client->state == CLIENT_SQL_CONNECTING && time_reached(now, client->until)) {
        const uint32_t doubled_ms = 2 * client->patience_ms;
        client->patience_ms = doubled_ms < CLIENT_SQL_CONNECT_MAX_MS ? doubled_ms : CLIENT_SQL_CONNECT_MAX_MS;
        client_sql_elsewhere(client, "connecting took too long");
    }
}

void client_sql_tick(struct mono now, bool stopping)
{
    for (size_t i = 0; i < client_sql_count; i++) {
        struct client_sql *client = &client_sql_list[i];
        client_sql_late(client, now);
        if (client->state == CLIENT_SQL_IDLE && time_reached(now, client->due) && !stopping) {
            client_sql_begin(client, now);
        }
    }
}

unsigned client_sql_fds(struct curl_waitfd *fds)
{
    unsigned count = 0;
    for (size_t i = 0; i < client_sql_count; i++) {
        const struct client_sql *client = &client_sql_list[i];
        if ((client->state == CLIENT_SQL_CONNECTING || client->state == CLIENT_SQL_WRITING) &&
            PQsocket(client->pg) >= 0) {
            client_sql_waiting[count] = i;
            fds[count++] = (struct curl_waitfd){
                .fd = PQsocket(client->pg),
                .events = client->events == POLLIN ? CURL_WAIT_POLLIN : CURL_WAIT_POLLOUT,
            };
        }
    }
    return count;
}

void client_sql_ready(const struct curl_waitfd *fds, unsigned count)
{
    for (unsigned i = 0; i < count; i++) {
        struct client_sql *client = &client_sql_list[client_sql_waiting[i]];
        if (fds[i].revents == 0) {
            continue;
        }
        if (client->state == CLIENT_SQL_CONNECTING) {
            client_sql_connecting(client);
        } else if (client->state == CLIENT_SQL_WRITING) {
            client_sql_writing(client);
        }
    }
}

unsigned client_sql_busy(void)
{
    unsigned busy = 0;
    for (size_t i = 0; i < client_sql_count; i++) {
        busy += client_sql_list[i].state != CLIENT_SQL_IDLE ? 1 : 0;
    }
    return busy;
}
