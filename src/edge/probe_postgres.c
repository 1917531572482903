/* SPDX-License-Identifier: Apache-2.0
 * The postgres probe: a kept session that is queried each time, and a fresh login at every Nth probe.
 *
 * The session shows at once when the server dies; only the login shows a postmaster that hangs. A good login's
 * connection becomes the session. Which server, and in which role, is asked anew at each probe. */
#include "edge/probe_postgres.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <libpq-fe.h>

#include "base/assert.h"
#include "edge/probe_driver.h"

enum {
    PROBE_POSTGRES_LOGIN_EVERY = 5,
};

/* Lag of a standby: nothing is missing when all that was received is replayed and the stream is up; else the age of the
 * last replayed commit, or of the server when it has replayed none since its start. */
static const char PROBE_POSTGRES_QUERY[] =
    "SELECT pg_catalog.pg_is_in_recovery(), pg_catalog.current_setting('transaction_read_only') = 'on',"
    " CASE WHEN NOT pg_catalog.pg_is_in_recovery() THEN NULL"
    " WHEN pg_catalog.pg_last_wal_receive_lsn() = pg_catalog.pg_last_wal_replay_lsn()"
    " AND EXISTS (SELECT FROM pg_catalog.pg_stat_wal_receiver) THEN 0"
    " ELSE (EXTRACT(EPOCH FROM pg_catalog.clock_timestamp() - COALESCE(pg_catalog.pg_last_xact_replay_timestamp(),"
    " pg_catalog.pg_postmaster_start_time())) * 1000000)::bigint END";

enum probe_postgres_step { PROBE_POSTGRES_NONE, PROBE_POSTGRES_LOGIN, PROBE_POSTGRES_ASKING, PROBE_POSTGRES_IDLE };

struct probe_postgres;

struct probe_postgres_link {
    struct probe_postgres *postgres;
    PGconn *connection;
    uv_poll_t *poll;
    int socket;
    enum probe_postgres_step step;
    bool answered; /* the role's row came */
};

struct probe_postgres {
    struct probe_slot *slot;
    struct probe_postgres_link links[2];
    struct probe_postgres_link *session; /* kept; step NONE: none */
    struct probe_postgres_link *login;   /* the other one */
    struct probe_pg_target target;
    uint64_t runs;
    int64_t mark_us; /* when the step under way began */
    bool login_due;
};

/* ---- words ---- */

/* "FATAL:  28P01: password ...": where the five characters begin, NULL when there are none. */
static const char *probe_postgres_state(const char *text)
{
    static const char letters[] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ";
    for (const char *at = strstr(text, ":  "); at != NULL; at = strstr(at + 1, ":  ")) {
        if (strspn(at + 3, letters) == 5 && at[8] == ':') {
            return at + 3;
        }
    }
    return NULL;
}

static enum err probe_postgres_error_state(const char *state)
{
    static const struct {
        const char *prefix;
        enum err err;
    } rows[] = {{"28", ERR_AUTH},        {"3D000", ERR_NOT_FOUND}, {"42501", ERR_PERMISSION}, {"25006", ERR_ROLE},
                {"57P01", ERR_CLOSED},   {"57P02", ERR_CLOSED},    {"57014", ERR_TIMEOUT},    {"57", ERR_UNAVAILABLE},
                {"53", ERR_UNAVAILABLE}, {"55", ERR_UNAVAILABLE},  {"08", ERR_PROTOCOL}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strncmp(state, rows[i].prefix, strlen(rows[i].prefix)) == 0) {
            return rows[i].err;
        }
    }
    return ERR_CONTENT;
}

static enum err probe_postgres_error_text(const char *text)
{
    static const struct {
        const char *part;
        enum err err;
    } rows[] = {{"Connection refused", ERR_REFUSED},
                {"Connection reset", ERR_RESET},
                {"server closed the connection", ERR_CLOSED},
                {"Broken pipe", ERR_CLOSED},
                {"No route to host", ERR_UNREACHABLE},
                {"Network is unreachable", ERR_UNREACHABLE},
                {"timed out", ERR_TIMEOUT},
                {"invalid response", ERR_PROTOCOL},
                {"expected authentication request", ERR_PROTOCOL},
                {"certificate", ERR_CERTIFICATE},
                {"SSL", ERR_TLS},
                {"no password supplied", ERR_AUTH},
                {"authentication", ERR_AUTH},
                {"out of memory", ERR_NO_MEMORY}};
    for (size_t i = 0; i < sizeof rows / sizeof rows[0]; i++) {
        if (strstr(text, rows[i].part) != NULL) {
            return rows[i].err;
        }
    }
    return ERR_PROTOCOL;
}

enum err probe_postgres_error(const char *text, struct buf *words)
{
    const char *state = probe_postgres_state(text);
    const char *failed = strstr(text, " failed: ");
    const char *begin = state != NULL ? state + 6 : failed != NULL ? failed + 9 : text;
    begin += strspn(begin, " \t\n");
    const size_t size = strcspn(begin, "\n");
    const size_t room = words->capacity - words->size;
    if (room > 1) {
        buf_bytes(words, begin, size < room - 1 ? size : room - 1);
    }
    return state != NULL ? probe_postgres_error_state(state) : probe_postgres_error_text(text);
}

/* ---- links ---- */

static void probe_postgres_freed(uv_handle_t *handle)
{
    free(handle);
}

static void probe_postgres_ignore_poll(struct probe_postgres_link *link)
{
    if (link->poll != NULL) {
        uv_poll_stop(link->poll);
        uv_close((uv_handle_t *)link->poll, probe_postgres_freed);
        link->poll = NULL;
    }
}

/* The handle goes before the descriptor that libpq closes. */
static void probe_postgres_drop(struct probe_postgres_link *link)
{
    probe_postgres_ignore_poll(link);
    PQfinish(link->connection);
    link->connection = NULL;
    link->step = PROBE_POSTGRES_NONE;
}

static void probe_postgres_event(uv_poll_t *poll, int status, int events);

/* libpq may change its socket while it connects: a new handle then. */
static bool probe_postgres_watch(struct probe_postgres_link *link, int events)
{
    const int socket = PQsocket(link->connection);
    if (socket < 0) {
        return false;
    }
    if (link->poll != NULL && link->socket != socket) {
        probe_postgres_ignore_poll(link);
    }
    if (link->poll == NULL) {
        link->poll = calloc(1, sizeof *link->poll);
        if (link->poll == NULL || uv_poll_init(probe_loop_uv(link->postgres->slot->loop), link->poll, socket) != 0) {
            free(link->poll);
            link->poll = NULL;
            return false;
        }
        link->poll->data = link;
        link->socket = socket;
    }
    return uv_poll_start(link->poll, events, probe_postgres_event) == 0;
}

static void probe_postgres_give_up(struct probe_postgres *postgres)
{
    probe_postgres_drop(postgres->login);
    if (postgres->session->step != PROBE_POSTGRES_IDLE) {
        probe_postgres_drop(postgres->session);
    }
}

/* The attempt failed because of what libpq says about this link. */
static void probe_postgres_fail(struct probe_postgres_link *link)
{
    struct probe_postgres *postgres = link->postgres;
    uint8_t memory[PROBE_MESSAGE];
    struct buf words;
    buf_init(&words, memory, sizeof memory);
    const enum err err = probe_postgres_error(PQerrorMessage(link->connection), &words);
    probe_postgres_drop(link);
    probe_postgres_give_up(postgres);
    if (err == ERR_REFUSED || err == ERR_RESET || err == ERR_CLOSED || err == ERR_UNREACHABLE) {
        probe_loop_finish_connection(postgres->slot, err, postgres->target.address);
    } else if (err == ERR_AUTH && postgres->slot->spec.database[0] != 0) {
        probe_loop_finish(postgres->slot, err, "%s: %s; databases.%s.superuser has another one",
                          postgres->target.address, buf_string(&words), postgres->slot->spec.database);
    } else {
        probe_loop_finish(postgres->slot, err, "%s: %s", postgres->target.address, buf_string(&words));
    }
}

static void __attribute__((format(printf, 3, 4)))
probe_postgres_refuse(struct probe_postgres *postgres, enum err err, const char *format, ...)
{
    char message[PROBE_MESSAGE];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(message, sizeof message, format, arguments);
    va_end(arguments);
    probe_postgres_give_up(postgres);
    probe_loop_finish(postgres->slot, err, "%s", message);
}

static void probe_postgres_log_in(struct probe_postgres *postgres);

/* The link has answered well. */
static void probe_postgres_good(struct probe_postgres_link *link)
{
    struct probe_postgres *postgres = link->postgres;
    struct probe_slot *slot = postgres->slot;
    link->step = PROBE_POSTGRES_IDLE;
    slot->result.phases.first_byte_us = probe_loop_elapsed_us(slot) - postgres->mark_us;
    if (!probe_postgres_watch(link, UV_READABLE)) {
        probe_postgres_fail(link);
        return;
    }
    if (link == postgres->session && postgres->login_due) {
        probe_postgres_log_in(postgres);
        return;
    }
    const bool fresh = link == postgres->login;
    if (fresh) {
        postgres->login = postgres->session;
        postgres->session = link;
        probe_postgres_drop(postgres->login);
    }
    probe_loop_finish(slot, ERR_OK, "%s is the expected %s%s", postgres->target.address,
                      slot->spec.database[0] == 0 ? "server"
                      : postgres->target.writer   ? "writer"
                                                  : "standby",
                      fresh ? " (new login)" : "");
}

/* The row of PROBE_POSTGRES_QUERY. False: the slot was finished. */
static bool probe_postgres_role(struct probe_postgres *postgres, const PGresult *result)
{
    if (PQntuples(result) != 1 || PQnfields(result) != 3) {
        probe_postgres_refuse(postgres, ERR_PROTOCOL, "%s gave no row", postgres->target.address);
        return false;
    }
    const bool standby = PQgetvalue(result, 0, 0)[0] == 't';
    const bool read_only = PQgetvalue(result, 0, 1)[0] == 't';
    if (!PQgetisnull(result, 0, 2)) {
        const long long lag_us = strtoll(PQgetvalue(result, 0, 2), NULL, 10);
        postgres->slot->result.value_ppm = lag_us > 0 ? lag_us : 0;
    }
    if (postgres->slot->spec.database[0] == 0) {
        return true;
    }
    if (standby == postgres->target.writer) {
        probe_postgres_refuse(postgres, ERR_ROLE, "%s is a %s, expected the %s", postgres->target.address,
                              standby ? "standby" : "writer", standby ? "writer" : "standby");
        return false;
    }
    if (postgres->target.writer && read_only) {
        probe_postgres_refuse(postgres, ERR_ROLE, "%s is the writer, but read-only", postgres->target.address);
        return false;
    }
    return true;
}

/* False: the slot was finished. */
static bool probe_postgres_result(struct probe_postgres_link *link, PGresult *result)
{
    struct probe_postgres *postgres = link->postgres;
    const ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY) {
        uint8_t memory[PROBE_MESSAGE];
        struct buf words;
        buf_init(&words, memory, sizeof memory);
        const enum err err = probe_postgres_error(PQresultErrorMessage(result), &words);
        probe_postgres_refuse(postgres, err, "%s: %s", postgres->target.address, buf_string(&words));
        return false;
    }
    if (link->answered) {
        return true; /* of the operator's own statement */
    }
    link->answered = true;
    return probe_postgres_role(postgres, result);
}

static void probe_postgres_read(struct probe_postgres_link *link)
{
    while (!PQisBusy(link->connection)) {
        PGresult *result = PQgetResult(link->connection);
        if (result == NULL) {
            if (link->answered) {
                probe_postgres_good(link);
            } else {
                probe_postgres_fail(link);
            }
            return;
        }
        const bool good = probe_postgres_result(link, result);
        PQclear(result);
        if (!good) {
            return;
        }
    }
    if (PQstatus(link->connection) == CONNECTION_BAD) {
        probe_postgres_fail(link);
    }
}

static void probe_postgres_flush(struct probe_postgres_link *link)
{
    const int left = PQflush(link->connection);
    if (left < 0 || !probe_postgres_watch(link, left > 0 ? UV_READABLE | UV_WRITABLE : UV_READABLE)) {
        probe_postgres_fail(link);
    }
}

static void probe_postgres_ask(struct probe_postgres_link *link)
{
    const char *more = link->postgres->slot->spec.query;
    char query[sizeof PROBE_POSTGRES_QUERY + PROBE_QUERY + 2];
    snprintf(query, sizeof query, "%s%s%s", PROBE_POSTGRES_QUERY, more[0] != 0 ? ";" : "", more);
    link->step = PROBE_POSTGRES_ASKING;
    link->answered = false;
    link->postgres->mark_us = probe_loop_elapsed_us(link->postgres->slot);
    link->postgres->slot->doing = "waiting for a query at";
    if (PQsendQuery(link->connection, query) != 1) {
        probe_postgres_fail(link);
        return;
    }
    probe_postgres_flush(link);
}

static void probe_postgres_log_in_step(struct probe_postgres_link *link)
{
    struct probe_slot *slot = link->postgres->slot;
    switch (PQconnectPoll(link->connection)) {
    case PGRES_POLLING_OK:
        slot->result.phases.connect_us = probe_loop_elapsed_us(slot) - link->postgres->mark_us;
        probe_loop_release(slot);
        PQsetnonblocking(link->connection, 1);
        probe_postgres_ask(link);
        return;
    case PGRES_POLLING_READING:
        if (!probe_postgres_watch(link, UV_READABLE)) {
            probe_postgres_fail(link);
        }
        return;
    case PGRES_POLLING_WRITING:
        if (!probe_postgres_watch(link, UV_WRITABLE)) {
            probe_postgres_fail(link);
        }
        return;
    case PGRES_POLLING_FAILED:
    case PGRES_POLLING_ACTIVE:
        probe_postgres_fail(link);
        return;
    }
}

/* The session said something, or died, between or during attempts. */
static void probe_postgres_idle(struct probe_postgres_link *link)
{
    struct probe_postgres *postgres = link->postgres;
    if (PQconsumeInput(link->connection) == 1 && PQisBusy(link->connection) == 0 &&
        PQstatus(link->connection) == CONNECTION_OK) {
        return; /* a notice, a changed parameter */
    }
    uint8_t memory[PROBE_MESSAGE];
    struct buf words;
    buf_init(&words, memory, sizeof memory);
    const enum err err = probe_postgres_error(PQerrorMessage(link->connection), &words);
    probe_postgres_drop(link);
    if (!probe_loop_running(postgres->slot)) {
        probe_loop_news(postgres->slot, err == ERR_PROTOCOL ? ERR_CLOSED : err, "%s broke the kept session: %s",
                        postgres->target.address, buf_string(&words));
    }
}

static void probe_postgres_event(uv_poll_t *poll, int status, int events)
{
    struct probe_postgres_link *link = poll->data;
    (void)status; /* libpq finds out by itself */
    switch (link->step) {
    case PROBE_POSTGRES_LOGIN:
        probe_postgres_log_in_step(link);
        return;
    case PROBE_POSTGRES_ASKING:
        if ((events & UV_WRITABLE) != 0) {
            probe_postgres_flush(link);
            if (link->step != PROBE_POSTGRES_ASKING) {
                return;
            }
        }
        if (PQconsumeInput(link->connection) != 1) {
            probe_postgres_fail(link);
            return;
        }
        probe_postgres_read(link);
        return;
    case PROBE_POSTGRES_IDLE:
        probe_postgres_idle(link);
        return;
    case PROBE_POSTGRES_NONE:
        return;
    }
}

static void probe_postgres_silent(void *context, const char *message)
{
    (void)context;
    (void)message;
}

static PGconn *probe_postgres_connect(const struct probe_spec *spec, const char *address)
{
    char host[PROBE_TEXT];
    snprintf(host, sizeof host, "%s", address[0] == '[' ? address + 1 : address);
    char *colon = strrchr(host, ':');
    ASSERT(colon != NULL);
    *colon = 0;
    host[strcspn(host, "]")] = 0;
    const char *const ca_file = spec->ca_file[0] != 0 ? spec->ca_file : NULL;
    const char *const keywords[] = {"hostaddr",    "port",    "user",       "password",
                                    "dbname",      "sslmode", "gssencmode", "fallback_application_name",
                                    "sslrootcert", NULL};
    const char *const values[] = {host,
                                  colon + 1,
                                  spec->user[0] != 0 ? spec->user : "postgres",
                                  spec->password[0] != 0 ? spec->password : NULL,
                                  spec->dbname[0] != 0 ? spec->dbname : "postgres",
                                  ca_file != NULL ? "verify-ca" : "prefer",
                                  "disable",
                                  "holdfast probe",
                                  ca_file,
                                  NULL};
    return PQconnectStartParams(keywords, values, 0);
}

static void probe_postgres_log_in(struct probe_postgres *postgres)
{
    struct probe_slot *slot = postgres->slot;
    struct probe_postgres_link *link = postgres->login;
    ASSERT(link->step == PROBE_POSTGRES_NONE);
    slot->doing = "logging in at";
    postgres->mark_us = probe_loop_elapsed_us(slot);
    link->connection = probe_postgres_connect(&slot->spec, postgres->target.address);
    link->step = PROBE_POSTGRES_LOGIN;
    if (link->connection == NULL || PQstatus(link->connection) == CONNECTION_BAD) {
        probe_postgres_fail(link);
        return;
    }
    PQsetErrorVerbosity(link->connection, PQERRORS_VERBOSE);
    PQsetNoticeProcessor(link->connection, probe_postgres_silent, NULL);
    if (!probe_postgres_watch(link, UV_WRITABLE)) {
        probe_postgres_fail(link);
    }
}

/* ---- driver ---- */

static struct probe_postgres *probe_postgres_new(struct probe_slot *slot)
{
    struct probe_postgres *postgres = calloc(1, sizeof *postgres);
    if (postgres != NULL) {
        postgres->slot = slot;
        postgres->session = &postgres->links[0];
        postgres->login = &postgres->links[1];
        postgres->links[0].postgres = postgres;
        postgres->links[1].postgres = postgres;
    }
    return postgres;
}

static bool probe_postgres_turn(const struct probe_slot *slot, const struct probe_postgres *postgres)
{
    const uint32_t every = slot->spec.login_every != 0 ? slot->spec.login_every : PROBE_POSTGRES_LOGIN_EVERY;
    return postgres->session->step == PROBE_POSTGRES_NONE || postgres->runs % every == 0;
}

static bool probe_postgres_heavy(const struct probe_slot *slot)
{
    const struct probe_postgres *postgres = slot->state;
    return postgres == NULL || probe_postgres_turn(slot, postgres);
}

static bool probe_postgres_target(struct probe_slot *slot, struct probe_pg_target *ret_target)
{
    struct probe_pg_target target = {.writer = false};
    const struct probe_pool_options *options = probe_loop_options(slot->loop);
    if (slot->spec.database[0] == 0) {
        snprintf(target.address, sizeof target.address, "%s", slot->spec.address);
    } else if (options->resolve == NULL ||
               !options->resolve(options->resolve_context, slot->spec.database, slot->spec.region, &target)) {
        return false;
    }
    *ret_target = target;
    return strchr(target.address, ':') != NULL;
}

static void probe_postgres_start(struct probe_slot *slot)
{
    struct probe_pg_target target;
    if (slot->state == NULL) {
        slot->state = probe_postgres_new(slot);
    }
    struct probe_postgres *postgres = slot->state;
    if (postgres == NULL) {
        probe_loop_finish(slot, ERR_NO_MEMORY, "no memory to probe %s", slot->spec.database);
        return;
    }
    if (!probe_postgres_target(slot, &target)) {
        probe_postgres_drop(postgres->session);
        probe_loop_finish(slot, ERR_UNAVAILABLE, "no server of database %s in %s", slot->spec.database,
                          slot->spec.region);
        return;
    }
    if (strcmp(target.address, postgres->target.address) != 0) {
        probe_postgres_drop(postgres->session);
    }
    postgres->target = target;
    postgres->login_due = probe_postgres_turn(slot, postgres);
    postgres->runs++;
    if (postgres->session->step == PROBE_POSTGRES_IDLE) {
        probe_postgres_ask(postgres->session);
    } else {
        probe_postgres_log_in(postgres);
    }
}

static void probe_postgres_cancel(struct probe_slot *slot)
{
    probe_postgres_give_up(slot->state);
}

static void probe_postgres_expire(struct probe_slot *slot)
{
    struct probe_postgres *postgres = slot->state;
    const char *doing = slot->doing;
    probe_postgres_give_up(postgres);
    probe_loop_finish(slot, ERR_TIMEOUT, "timed out after %u ms %s %s", slot->spec.timeout_ms, doing,
                      postgres->target.address);
}

static void probe_postgres_close(struct probe_slot *slot)
{
    struct probe_postgres *postgres = slot->state;
    if (postgres != NULL) {
        probe_postgres_drop(postgres->login);
        probe_postgres_drop(postgres->session);
        free(postgres);
        slot->state = NULL;
    }
}

const struct probe_driver probe_postgres_driver = {.heavy = probe_postgres_heavy,
                                                   .start = probe_postgres_start,
                                                   .cancel = probe_postgres_cancel,
                                                   .expire = probe_postgres_expire,
                                                   .close = probe_postgres_close};
