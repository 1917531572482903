/* SPDX-License-Identifier: Apache-2.0
 * For tests of a session: ACTIVE, over socket pairs whose other ends the test plays. */
#pragma once

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "proxy/proxy_batch.h"
#include "proxy/proxy_connect.h"
#include "proxy/proxy_relay.h"
#include "wire/pg_message.h"

#define PUT(fd, text) put(fd, text, sizeof(text) - 1)

#define SYNC      "S\0\0\0\4"
#define PARSE     "P\0\0\0\7\0\0\0"
#define EXECUTE   "E\0\0\0\x09\0\0\0\0\0"
#define QUERY     "Q\0\0\0\5\0"
#define COPY_DATA "d\0\0\0\5x"
#define COPY_DONE "c\0\0\0\4"
#define QUIT      "X\0\0\0\4"
#define READY_I   "Z\0\0\0\5I"
#define READY_T   "Z\0\0\0\5T"
#define READY_E   "Z\0\0\0\5E"
#define AUTH_OK   "R\0\0\0\x08\0\0\0\0"
#define COMPLETE  "C\0\0\0\x0dSELECT 1\0"
#define SELECT    "Q\0\0\0\x0dSELECT 1\0"

/* An ACTIVE session between two peers that the test plays. */
struct bench {
    struct proxy_session_context context;
    _Atomic uint32_t clients;
    struct proxy_session *session;
    int client;
    int server;
};

/* Whose turn ends whenever a peer looks for something; NULL: the test does that itself. */
static struct bench *bench_of_turn;

static inline void put(int fd, const char *bytes, size_t size)
{
    assert_int_equal(send(fd, bytes, size, MSG_NOSIGNAL), size);
}

static inline size_t got(int fd, char *memory, size_t size)
{
    if (bench_of_turn != NULL) {
        proxy_batch_settle(&bench_of_turn->context);
    }
    const ssize_t count = recv(fd, memory, size, MSG_DONTWAIT);
    return count > 0 ? (size_t)count : 0;
}

/* A server connection for the session. */
static inline void bench_serve(struct bench *bench, int fd)
{
    const struct proxy_route_target target = {.open = true, .writer = true, .epoch = 5};
    struct proxy_server *server = proxy_server_new(&target);
    ASSERT(server != NULL);
    server->end.fd = fd;
    server->end.writable = true;
    proxy_session_take_server(bench->session, server);
}

static inline int setup(void **state)
{
    struct bench *bench = calloc(1, sizeof *bench);
    struct proxy_session_context *context = &bench->context;
    static const struct proxy_route routes[] = {{.name = "shop", .database = "shop"}};
    *context = (struct proxy_session_context){
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .now = clock_mono(),
        .clients = &bench->clients,
        .routes = routes,
        .routes_count = 1,
        .next_deadline = TIME_NEVER,
        .buffer = malloc(4096),
        .buffer_size = 4096,
    };
    list_init(&context->sessions);
    list_init(&context->timed);
    list_init(&context->ready);
    list_init(&context->dead);
    list_init(&context->dropped);
    list_init(&context->inquiries);
    list_init(&context->pools);
    list_init(&context->stirred);
    list_init(&context->spares);
    context->ahead_deadline = TIME_NEVER;
    context->pools_deadline = TIME_NEVER;
    context->workers = 1;
    if (getenv("BENCH_BATCH") != NULL) {
        context->batch = calloc(1, sizeof *context->batch);
        context->batch->open = true;
    }
    int client[2];
    int server[2];
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, client) == 0);
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, server) == 0);
    bench->session = proxy_session_new(context, client[0]);
    ASSERT(bench->session != NULL);
    bench->session->route = 0;
    bench_serve(bench, server[0]);
    proxy_session_move(bench->session, PROXY_SESSION_CONNECTING);
    proxy_session_move(bench->session, PROXY_SESSION_AUTH);
    proxy_session_move(bench->session, PROXY_SESSION_ACTIVE);
    proxy_session_deadline(context, bench->session, TIME_NEVER);
    bench->session->client.writable = true;
    bench->client = client[1];
    bench->server = server[1];
    bench_of_turn = bench;
    *state = bench;
    return 0;
}

static inline int teardown(void **state)
{
    struct bench *bench = *state;
    struct proxy_session_context *context = &bench->context;
    if (bench->session->state < PROXY_SESSION_DRAINING) {
        proxy_session_end(context, bench->session, PROXY_SESSION_STOPPING, NULL);
    }
    if (bench->session->state == PROXY_SESSION_DRAINING) {
        context->now = time_add_ms(context->now, PROXY_SESSION_DRAIN_MS + PROXY_SESSION_LINGER_MS);
        proxy_session_drain(context, bench->session);
    }
    ASSERT(bench->session->state == PROXY_SESSION_CLOSED);
    proxy_session_free(context, bench->session);
    proxy_server_bury(context);
    ASSERT(list_empty(&context->sessions) && list_empty(&context->timed) && list_empty(&context->ready));
    close(context->epoll);
    close(bench->client);
    close(bench->server);
    free(context->buffer);
    bench_of_turn = NULL;
    free(context->batch);
    free(bench);
    return 0;
}

/* Both ends may have something to read. */
static inline void pump(struct bench *bench)
{
    bench->session->client.readable = true;
    bench->session->server->end.readable = true;
    proxy_relay_pump(&bench->context, bench->session);
    proxy_batch_settle(&bench->context);
}

static inline uint64_t counter(const struct bench *bench, enum proxy_metrics_kind kind)
{
    return atomic_load(&bench->context.metrics.values[kind]);
}

/* The SQLSTATE of the only message the client has; empty when it has nothing. */
static inline void told(struct bench *bench, char sqlstate[PG_MESSAGE_SQLSTATE])
{
    char memory[1024];
    const size_t size = got(bench->client, memory, sizeof memory);
    struct pg_message_error error = {.sqlstate = ""};
    if (size > 0) {
        assert_int_equal(memory[0], 'E');
        assert_int_equal(pg_message_error_parse(span_of(memory + 5, size - 5), &error), ERR_OK);
    }
    memcpy(sqlstate, error.sqlstate, PG_MESSAGE_SQLSTATE);
}

/* The session's other life: it may be moved. */
static inline int setup_keep(void **state)
{
    if (setup(state) != 0) {
        return -1;
    }
    struct bench *bench = *state;
    bench->session->keep = proxy_keep_new(span_text("ann"));
    list_init(&bench->context.learning);
    bench->context.connect_wait_ms = 1000;
    bench->context.connect_timeout_ms = 1000;
    return bench->session->keep != NULL ? 0 : -1;
}

static inline size_t fatal(char *memory, size_t size, const char *sqlstate)
{
    struct buf buf;
    buf_init(&buf, memory, size);
    pg_message_error_write(&buf, "FATAL", sqlstate, "going down", NULL);
    ASSERT(!buf.overflow);
    return buf.size;
}

/* Another server is there, and its log-in has passed. */
static inline void reconnect(struct bench *bench)
{
    struct proxy_session *session = bench->session;
    int server[2];
    assert_int_equal(session->state, PROXY_SESSION_CONNECTING);
    assert_true(session->move.under_way);
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, server) == 0);
    close(bench->server);
    bench->server = server[1];
    bench_serve(bench, server[0]);
}

static inline void step(struct bench *bench)
{
    bench->session->server->end.readable = true;
    bench->session->client.readable = true;
    if (bench->session->state == PROXY_SESSION_ACTIVE) {
        proxy_relay_pump(&bench->context, bench->session);
    } else {
        proxy_connect_step(&bench->context, bench->session);
    }
}
