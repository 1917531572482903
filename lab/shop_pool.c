/* SPDX-License-Identifier: Apache-2.0
 * A pool of PostgreSQL connections with one deadline per statement, and an honest word on what became of it. */
#include "shop_pool.h"

#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <libpq-fe.h>

#include "base/assert.h"
#include "edge/clock.h"

enum {
    SHOP_POOL_LIMIT = 64,
    SHOP_POOL_CONNECT_MS = 300, /* one attempt to connect */
    SHOP_POOL_PAUSE_MS = 20,    /* between attempts that failed */
    /* Attempts at a time. A server forks and computes for each: if every request tried on its own, the attempts alone
     * could keep a small machine so busy that none ever comes through. */
    SHOP_POOL_OPENING = 2,
};

struct shop_pool_conn {
    PGconn *pg;
    bool not_durable; /* a warning came with the commit */
};

struct shop_pool {
    char *conninfo;
    size_t limit;
    pthread_mutex_t lock;
    pthread_cond_t returned;
    size_t open;
    size_t opening; /* of these: not there yet */
    size_t idle_count;
    struct shop_pool_conn *idle[SHOP_POOL_LIMIT];
};

struct shop_pool *shop_pool_new(const char *conninfo, size_t limit)
{
    ASSERT(limit > 0 && limit <= SHOP_POOL_LIMIT);
    struct shop_pool *pool = calloc(1, sizeof(*pool));
    ASSERT(pool != NULL);
    pool->conninfo = strdup(conninfo);
    ASSERT(pool->conninfo != NULL);
    pool->limit = limit;
    (void)pthread_mutex_init(&pool->lock, NULL);
    pthread_condattr_t attributes;
    (void)pthread_condattr_init(&attributes);
    (void)pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&pool->returned, &attributes);
    (void)pthread_condattr_destroy(&attributes);
    return pool;
}

static void shop_pool_discard(struct shop_pool *pool, struct shop_pool_conn *conn)
{
    PQfinish(conn->pg);
    free(conn);
    (void)pthread_mutex_lock(&pool->lock);
    ASSERT(pool->open > 0);
    pool->open--;
    (void)pthread_cond_signal(&pool->returned);
    (void)pthread_mutex_unlock(&pool->lock);
}

void shop_pool_free(struct shop_pool *pool)
{
    if (pool == NULL) {
        return;
    }
    while (pool->idle_count > 0) {
        shop_pool_discard(pool, pool->idle[--pool->idle_count]);
    }
    ASSERT(pool->open == 0);
    (void)pthread_cond_destroy(&pool->returned);
    (void)pthread_mutex_destroy(&pool->lock);
    free(pool->conninfo);
    free(pool);
}

static void shop_pool_give_back(struct shop_pool *pool, struct shop_pool_conn *conn)
{
    (void)pthread_mutex_lock(&pool->lock);
    ASSERT(pool->idle_count < pool->limit);
    pool->idle[pool->idle_count++] = conn;
    (void)pthread_cond_signal(&pool->returned);
    (void)pthread_mutex_unlock(&pool->lock);
}

static int shop_pool_left_ms(struct mono deadline)
{
    const int64_t left_us = time_since_us(deadline, clock_mono());
    return left_us <= 0 ? 0 : (int)(left_us / TIME_US_PER_MS) + 1;
}

/* Waits for the socket. False when the deadline passed first. */
static bool shop_pool_wait(PGconn *pg, short events, struct mono deadline)
{
    struct pollfd fd = {.fd = PQsocket(pg), .events = events};
    const int left_ms = shop_pool_left_ms(deadline);
    return fd.fd >= 0 && left_ms > 0 && poll(&fd, 1, left_ms) > 0;
}

/* "canceling wait for synchronous replication" is a WARNING whose SQLSTATE is only 01000 and whose text is translated:
 * any warning during a statement of ours means that the tag cannot be trusted. */
static void shop_pool_notice(void *argument, const PGresult *notice)
{
    struct shop_pool_conn *conn = argument;
    const char *severity = PQresultErrorField(notice, PG_DIAG_SEVERITY_NONLOCALIZED);
    conn->not_durable = conn->not_durable || (severity != NULL && strcmp(severity, "WARNING") == 0);
}

static void shop_pool_set_error(struct shop_pool_result *result, const char *text)
{
    (void)snprintf(result->error, sizeof(result->error), "%s", text);
    for (char *at = result->error; *at != '\0'; at++) {
        if ((unsigned char)*at < ' ' || *at == '"' || *at == '\\') {
            *at = ' ';
        }
    }
}

/* Takes a slot: gives an idle connection, or NULL with `ret_new` when a new one may be opened. */
static struct shop_pool_conn *shop_pool_take(struct shop_pool *pool, struct mono deadline, bool *ret_new)
{
    struct shop_pool_conn *conn = NULL;
    *ret_new = false;
    (void)pthread_mutex_lock(&pool->lock);
    while (pool->idle_count == 0 && (pool->open == pool->limit || pool->opening == SHOP_POOL_OPENING)) {
        struct timespec until;
        const int left_ms = shop_pool_left_ms(deadline);
        (void)clock_gettime(CLOCK_MONOTONIC, &until);
        until.tv_nsec += (long)(left_ms % 1000) * 1000000;
        until.tv_sec += left_ms / 1000 + until.tv_nsec / 1000000000;
        until.tv_nsec %= 1000000000;
        if (left_ms == 0 || pthread_cond_timedwait(&pool->returned, &pool->lock, &until) != 0) {
            break;
        }
    }
    if (pool->idle_count > 0) {
        conn = pool->idle[--pool->idle_count];
    } else if (pool->open < pool->limit && pool->opening < SHOP_POOL_OPENING) {
        pool->open++;
        pool->opening++;
        *ret_new = true;
    }
    (void)pthread_mutex_unlock(&pool->lock);
    return conn;
}

static bool shop_pool_connect(struct shop_pool_conn *conn, struct mono deadline)
{
    const struct mono own = time_min(deadline, time_add_ms(clock_mono(), SHOP_POOL_CONNECT_MS));
    PostgresPollingStatusType status = PGRES_POLLING_WRITING;
    while (status != PGRES_POLLING_OK) {
        if (status == PGRES_POLLING_FAILED || PQstatus(conn->pg) == CONNECTION_BAD ||
            !shop_pool_wait(conn->pg, status == PGRES_POLLING_READING ? POLLIN : POLLOUT, own)) {
            return false;
        }
        status = PQconnectPoll(conn->pg);
    }
    (void)PQsetNoticeReceiver(conn->pg, shop_pool_notice, conn);
    return true;
}

static struct shop_pool_conn *shop_pool_open(struct shop_pool *pool, struct mono deadline,
                                             struct shop_pool_result *result)
{
    struct shop_pool_conn *conn = calloc(1, sizeof(*conn));
    ASSERT(conn != NULL);
    conn->pg = PQconnectStart(pool->conninfo);
    ASSERT(conn->pg != NULL);
    const bool good = shop_pool_connect(conn, deadline);
    (void)pthread_mutex_lock(&pool->lock);
    pool->opening--;
    (void)pthread_cond_signal(&pool->returned);
    (void)pthread_mutex_unlock(&pool->lock);
    if (good) {
        return conn;
    }
    const char *text = PQerrorMessage(conn->pg);
    shop_pool_set_error(result, text[0] != '\0' ? text : "connecting took too long");
    shop_pool_discard(pool, conn);
    return NULL;
}

/* A connection that rested may have been closed meanwhile: nothing has been sent, so this is no error of the request.
 */
static bool shop_pool_alive(struct shop_pool_conn *conn)
{
    struct pollfd fd = {.fd = PQsocket(conn->pg), .events = POLLIN};
    if (fd.fd >= 0 && poll(&fd, 1, 0) > 0) {
        return PQconsumeInput(conn->pg) == 1 && PQstatus(conn->pg) == CONNECTION_OK && poll(&fd, 1, 0) == 0;
    }
    return fd.fd >= 0 && PQstatus(conn->pg) == CONNECTION_OK;
}

static void shop_pool_copy_row(const PGresult *pg, struct shop_pool_result *result)
{
    result->rows = (size_t)PQntuples(pg);
    for (int i = 0; result->rows > 0 && i < PQnfields(pg) && i < SHOP_POOL_VALUES; i++) {
        (void)snprintf(result->value[i], SHOP_POOL_VALUE, "%s", PQgetvalue(pg, 0, i));
    }
}

static bool shop_pool_is_elsewhere(const PGresult *pg)
{
    const char *state = PQresultErrorField(pg, PG_DIAG_SQLSTATE);
    /* 25006: this server does not write; 57P03: it starts or stops. Nothing was done: ask again, elsewhere. */
    return state != NULL && (strcmp(state, "25006") == 0 || strcmp(state, "57P03") == 0);
}

/* 08007: the proxy keeps the session, but what became of the statement nobody knows. */
static bool shop_pool_is_unknown(const PGresult *pg)
{
    const char *state = PQresultErrorField(pg, PG_DIAG_SQLSTATE);
    return state != NULL && strcmp(state, "08007") == 0;
}

/* After the statement was sent. `ret_again`: certainly without effect, and worth another connection. */
static void shop_pool_read(struct shop_pool_conn *conn, struct mono deadline, struct shop_pool_result *result,
                           bool *ret_again)
{
    PGresult *last = NULL;
    *ret_again = false;
    for (;;) {
        while (PQisBusy(conn->pg)) {
            if (!shop_pool_wait(conn->pg, POLLIN, deadline)) {
                shop_pool_set_error(result, "no answer from the database in time");
                PQclear(last);
                return;
            }
            if (PQconsumeInput(conn->pg) != 1) {
                break;
            }
        }
        PGresult *next = PQgetResult(conn->pg);
        if (next == NULL) {
            break; /* ReadyForQuery, or the connection is gone */
        }
        PQclear(last);
        last = next;
    }
    if (last == NULL || PQstatus(conn->pg) != CONNECTION_OK) {
        shop_pool_set_error(result, PQerrorMessage(conn->pg));
    } else if (PQresultStatus(last) == PGRES_FATAL_ERROR) {
        *ret_again = shop_pool_is_elsewhere(last);
        result->outcome = shop_pool_is_unknown(last) ? SHOP_POOL_UNKNOWN : SHOP_POOL_REFUSED;
        shop_pool_set_error(result, PQresultErrorMessage(last));
    } else if (conn->not_durable) {
        shop_pool_set_error(result, "committed with a warning: the durability set may not have it");
    } else {
        result->outcome = SHOP_POOL_DONE;
        shop_pool_copy_row(last, result);
    }
    PQclear(last);
}

void shop_pool_execute(struct shop_pool *pool, const char *sql, const char *const *parameters, size_t count,
                       struct mono deadline, struct shop_pool_result *ret_result)
{
    *ret_result = (struct shop_pool_result){.outcome = SHOP_POOL_REFUSED};
    shop_pool_set_error(ret_result, "no database connection in time");
    while (!time_reached(clock_mono(), deadline)) {
        bool fresh = false;
        struct shop_pool_conn *conn = shop_pool_take(pool, deadline, &fresh);
        if (fresh) {
            conn = shop_pool_open(pool, deadline, ret_result);
        } else if (conn != NULL && !shop_pool_alive(conn)) {
            shop_pool_discard(pool, conn);
            continue;
        }
        if (conn == NULL) {
            const struct timespec pause = {.tv_nsec = SHOP_POOL_PAUSE_MS * 1000000L};
            (void)nanosleep(&pause, NULL);
            continue;
        }
        conn->not_durable = false;
        if (PQsendQueryParams(conn->pg, sql, (int)count, NULL, parameters, NULL, NULL, 0) != 1) {
            shop_pool_set_error(ret_result, PQerrorMessage(conn->pg));
            shop_pool_discard(pool, conn); /* the Sync did not leave: the server cannot have committed */
            continue;
        }
        ret_result->outcome = SHOP_POOL_UNKNOWN;
        bool again = false;
        shop_pool_read(conn, deadline, ret_result, &again);
        if (ret_result->outcome == SHOP_POOL_UNKNOWN || again) {
            shop_pool_discard(pool, conn);
        } else {
            shop_pool_give_back(pool, conn);
        }
        if (!again) {
            return;
        }
        const struct timespec pause = {.tv_nsec = SHOP_POOL_PAUSE_MS * 1000000L};
        (void)nanosleep(&pause, NULL);
    }
}
