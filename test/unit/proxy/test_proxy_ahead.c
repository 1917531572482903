/* SPDX-License-Identifier: Apache-2.0
 * Tests of connections that are opened ahead of need, over sockets of the loopback. */
#include <arpa/inet.h>

#include "proxy/proxy_ahead.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_move.h"
#include "proxy/proxy_park.h"
#include "session_bench.h"

#define STARTUP "ann, at the shop"
#define STANDBY                                                                                                        \
    "S\0\0\0\x16"                                                                                                      \
    "in_hot_standby\0on\0"
#define KEY   "K\0\0\0\x0c\0\0\0\1\0\0\0\2"
#define ROLE  "SELECT pg_catalog.pg_is_in_recovery()"
#define ROW_F "D\0\0\0\x0b\0\1\0\0\0\1f"
#define ROW_T "D\0\0\0\x0b\0\1\0\0\0\1t"

enum { WRITER, NEXT, NODES };

struct world {
    struct bench *bench;
    struct view view;
    struct proxy_route routes[1];
    int listeners[NODES];
    int peer; /* of the log-in that is under way */
};

static _Atomic uint32_t route_clients[PROXY_ROUTES];

static int listener(struct view_node *node)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof address;
    const int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    ASSERT(fd >= 0 && bind(fd, (struct sockaddr *)&address, size) == 0 && listen(fd, 8) == 0);
    ASSERT(getsockname(fd, (struct sockaddr *)&address, &size) == 0);
    memcpy(node->postgres.bytes, &address.sin_addr, sizeof address.sin_addr);
    node->postgres.port = ntohs(address.sin_port);
    node->postgres.family = 4;
    return fd;
}

/* The view says so, and the worker carries it out. */
static void writer_is(struct world *world, uint32_t writer)
{
    struct proxy_session_context *context = &world->bench->context;
    for (uint32_t i = 0; i < NODES; i++) {
        world->view.nodes[i].role = i == writer ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY;
    }
    world->view.databases[0].writer = writer;
    world->view.databases[0].epoch++;
    context->view = &world->view;
    static const struct proxy_route_place nowhere = {.count = 0};
    proxy_route_resolve(&world->routes[0], &world->view, &nowhere, &context->targets[0]);
    proxy_ahead_view(context);
}

static int setup_world(void **state)
{
    struct world *world = calloc(1, sizeof *world);
    ASSERT(world != NULL && setup_keep((void **)&world->bench) == 0);
    struct proxy_session_context *context = &world->bench->context;
    struct proxy_session *session = world->bench->session;
    world->routes[0] = (struct proxy_route){.name = "shop", .database = "shop", .spares = 1, .spares_limit = 8};
    context->routes = world->routes;
    context->route_clients = route_clients;
    context->cancel = proxy_cancel_new(16);
    world->view.nodes_count = NODES;
    world->view.databases_count = 1;
    memcpy(world->view.databases[0].name, "shop", 5);
    for (uint32_t i = 0; i < NODES; i++) {
        world->view.nodes[i].name[0] = (char)('a' + i);
        world->view.nodes[i].healthy = 1;
        world->listeners[i] = listener(&world->view.nodes[i]);
    }
    world->peer = -1;
    writer_is(world, WRITER);
    session->startup = (uint8_t *)strdup(STARTUP);
    session->startup_have = sizeof STARTUP - 1;
    *state = world;
    return 0;
}

static int teardown_world(void **state)
{
    struct world *world = *state;
    struct proxy_session_context *context = &world->bench->context;
    if (world->bench->session->state < PROXY_SESSION_DRAINING) {
        proxy_session_end(context, world->bench->session, PROXY_SESSION_STOPPING, NULL);
    }
    if (world->bench->session->state == PROXY_SESSION_DRAINING) {
        context->now = time_add_ms(context->now, PROXY_SESSION_DRAIN_MS + PROXY_SESSION_LINGER_MS);
        proxy_session_drain(context, world->bench->session);
    }
    proxy_ahead_end(context);
    proxy_park_end(context);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 0);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SERVERS), 0);
    assert_int_equal(context->logins, 0);
    proxy_cancel_free(context->cancel);
    for (uint32_t i = 0; i < NODES; i++) {
        close(world->listeners[i]);
    }
    if (world->peer >= 0) {
        close(world->peer);
    }
    assert_int_equal(teardown((void **)&world->bench), 0);
    free(world);
    return 0;
}

/* Time passes, and what is due is done. */
static void tend(struct world *world, int64_t ms)
{
    world->bench->context.now = time_add_ms(world->bench->context.now, ms);
    proxy_ahead_tend(&world->bench->context);
}

static void event(struct world *world)
{
    struct proxy_server *server = world->bench->context.ahead.server;
    if (server != NULL) {
        server->end.readable = true;
        server->end.writable = true;
        proxy_ahead_event(&world->bench->context, server);
    }
}

/* The log-in that is under way has come to this node, and has said who it is. */
static void arrived(struct world *world, uint32_t node)
{
    char memory[64];
    assert_non_null(world->bench->context.ahead.server);
    const int fd = accept4(world->listeners[node], NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);
    assert_true(fd >= 0);
    if (world->peer >= 0) {
        close(world->peer);
    }
    world->peer = fd;
    event(world);
    assert_int_equal(got(fd, memory, sizeof memory), sizeof STARTUP - 1);
    assert_memory_equal(memory, STARTUP, sizeof STARTUP - 1);
}

/* What the server says, in two pieces. */
static void says(struct world *world, const char *bytes, size_t size, size_t cut)
{
    put(world->peer, bytes, cut);
    event(world);
    put(world->peer, bytes + cut, size - cut);
    event(world);
}
#define SAYS(world, bytes) says(world, bytes, sizeof(bytes) - 1, 0)

static void a_spare_stands_at_the_standby(void **state)
{
    static const char talk[] = AUTH_OK STANDBY KEY READY_I;
    assert_int_equal(teardown_world(state), 0);
    for (size_t cut = 0; cut < sizeof talk; cut++) {
        assert_int_equal(setup_world(state), 0);
        struct world *world = *state;
        proxy_ahead_note(&world->bench->context, world->bench->session);
        tend(world, 0);
        arrived(world, NEXT);
        assert_int_equal(world->bench->context.logins, 1);
        says(world, talk, sizeof talk - 1, cut);
        assert_null(world->bench->context.ahead.server);
        assert_int_equal(world->bench->context.logins, 0);
        assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 1);
        tend(world, 1000);
        assert_null(world->bench->context.ahead.server); /* one was wanted */
        assert_int_equal(teardown_world(state), 0);
    }
    assert_int_equal(setup_world(state), 0);
}

/* One that has logged in. */
static void spare(struct world *world)
{
    proxy_ahead_note(&world->bench->context, world->bench->session);
    tend(world, 0);
    arrived(world, NEXT);
    SAYS(world, AUTH_OK STANDBY KEY READY_I);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 1);
}

/* The writer is gone, the standby is promoted; the session takes the spare and asks it for its role. */
static void adopted(struct world *world)
{
    struct bench *bench = world->bench;
    char memory[128];
    writer_is(world, NEXT);
    shutdown(bench->server, SHUT_RDWR);
    pump(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_CONNECTING);
    assert_int_equal(counter(bench, PROXY_METRICS_SPARES), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_SPARES_TAKEN), 1);
    assert_ptr_equal(bench->context.ready.next, &bench->session->ready);
    list_remove(&bench->session->ready);
    proxy_connect_step(&bench->context, bench->session);
    assert_int_equal(bench->session->state, PROXY_SESSION_LOGIN);
    assert_int_equal(got(world->peer, memory, sizeof memory), sizeof ROLE + PG_FRAME_HEAD);
    assert_memory_equal(memory + PG_FRAME_HEAD, ROLE, sizeof ROLE);
}

static void a_moved_session_finds_it(void **state)
{
    struct world *world = *state;
    struct bench *bench = world->bench;
    char memory[128];
    spare(world);
    adopted(world);
    PUT(world->peer, ROW_F COMPLETE "S\0\0\0\x17"
                                    "in_hot_standby\0off\0" READY_I);
    PUT(bench->client, SELECT); /* it has waited */
    step(bench);
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
    step(bench);
    assert_false(bench->session->server->standby);
    assert_int_equal(got(world->peer, memory, sizeof memory), sizeof SELECT - 1);
    assert_memory_equal(memory, SELECT, sizeof SELECT - 1);
    assert_int_equal(counter(bench, PROXY_METRICS_MOVED), 1);
    /* It was told in_hot_standby, as a server of its own would have told it. */
    assert_true(got(bench->client, memory, sizeof memory) > 0);
}

static void one_that_is_a_standby_is_left(void **state)
{
    struct world *world = *state;
    spare(world);
    adopted(world);
    PUT(world->peer, ROW_T COMPLETE READY_I);
    step(world->bench);
    assert_int_equal(world->bench->session->state, PROXY_SESSION_CONNECTING);
    assert_null(world->bench->session->server);
    assert_int_equal(counter(world->bench, PROXY_METRICS_WRONG_SERVER), 1);
}

/* An error, whatever it says, is the spare's and not the session's. */
static void one_that_complains_is_left(void **state)
{
    struct world *world = *state;
    char memory[256];
    spare(world);
    adopted(world);
    put(world->peer, memory, fatal(memory, sizeof memory, "42501"));
    step(world->bench);
    assert_int_equal(world->bench->session->state, PROXY_SESSION_CONNECTING);
    assert_int_equal(got(world->bench->client, memory, sizeof memory), 0);
}

/* Nobody wants it any more: it is closed a minute after its server became the writer. */
static void one_that_nobody_takes_is_closed(void **state)
{
    struct world *world = *state;
    spare(world);
    writer_is(world, NEXT);
    tend(world, 0);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 1);
    tend(world, 60 * 1000);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 0);
}

static void the_last_session_takes_its_way_along(void **state)
{
    struct world *world = *state;
    struct proxy_session_context *context = &world->bench->context;
    spare(world);
    proxy_session_end(context, world->bench->session, PROXY_SESSION_STOPPING, NULL);
    tend(world, 1000);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 1); /* the client may come back */
    tend(world, 60 * 1000);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 0);
    assert_true(list_empty(&context->spares));
}

static void a_node_that_is_no_standby_loses_its_spares(void **state)
{
    struct world *world = *state;
    spare(world);
    world->view.nodes[NEXT].role = VIEW_NODE_UNKNOWN;
    proxy_ahead_view(&world->bench->context);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 0);
}

/* What the server says to nobody ends it, and another one follows. */
static void one_that_dies_is_replaced(void **state)
{
    struct world *world = *state;
    struct proxy_session_context *context = &world->bench->context;
    spare(world);
    struct proxy_spare_way *way = world->bench->session->way;
    struct proxy_server *server = LIST_ENTRY(way->ready.next, struct proxy_server, pooled);
    shutdown(world->peer, SHUT_RDWR);
    server->end.readable = true;
    proxy_park_event(context, server);
    assert_int_equal(counter(world->bench, PROXY_METRICS_SPARES), 0);
    tend(world, 1000);
    arrived(world, NEXT);
}

/* A way that is refused is not tried again before a session comes with it. */
static void a_password_that_is_refused_waits(void **state)
{
    struct world *world = *state;
    struct proxy_session_context *context = &world->bench->context;
    char memory[256];
    proxy_ahead_note(context, world->bench->session);
    tend(world, 0);
    arrived(world, NEXT);
    put(world->peer, memory, fatal(memory, sizeof memory, "28P01"));
    event(world);
    assert_int_equal(counter(world->bench, PROXY_METRICS_AHEAD_FAILURES), 1);
    for (int i = 0; i < 100; i++) {
        tend(world, 10 * 1000);
        assert_null(context->ahead.server);
    }
    proxy_spare_leave(world->bench->session->way, context->now);
    world->bench->session->way = NULL;
    proxy_ahead_note(context, world->bench->session);
    tend(world, 0);
    arrived(world, NEXT);
}

/* Each failure doubles the pause, up to a minute. */
static void a_server_that_does_not_answer_is_asked_less_and_less(void **state)
{
    struct world *world = *state;
    proxy_ahead_note(&world->bench->context, world->bench->session);
    tend(world, 0);
    for (int64_t pause_ms = 500; pause_ms < 60 * 1000; pause_ms *= 2) {
        assert_non_null(world->bench->context.ahead.server);
        tend(world, 5000); /* its time is over */
        assert_null(world->bench->context.ahead.server);
        tend(world, pause_ms - 1);
        assert_null(world->bench->context.ahead.server);
        tend(world, 1);
    }
    assert_int_equal(counter(world->bench, PROXY_METRICS_AHEAD_FAILURES), 7);
}

/* The minimum of a pool: opened one after the other at the writer, while the user has clients. */
static void a_pool_is_filled_ahead(void **state)
{
    struct world *world = *state;
    struct proxy_session_context *context = &world->bench->context;
    struct proxy_session *session = world->bench->session;
    world->routes[0].spares = 0;
    world->routes[0].pool = (struct proxy_route_pool){.mode = PROXY_ROUTE_TRANSACTION, .size = 4, .minimum = 2};
    assert_int_equal(proxy_line_join(context, session), ERR_OK);
    const struct proxy_pool *pool = session->pool;
    proxy_ahead_note(context, session);
    for (uint32_t i = 1; i <= 2; i++) {
        tend(world, 1000);
        arrived(world, WRITER);
        assert_int_equal(pool->count, i); /* its place is taken */
        SAYS(world, AUTH_OK KEY READY_I);
        assert_false(list_empty(&pool->idle));
    }
    tend(world, 1000);
    assert_null(context->ahead.server);
    /* A failure gives the place back. */
    proxy_park_close(context, LIST_ENTRY(pool->idle.next, struct proxy_server, pooled), false);
    tend(world, 1000);
    arrived(world, WRITER);
    assert_int_equal(pool->count, 2);
    SAYS(world, AUTH_OK STANDBY);
    assert_null(context->ahead.server);
    assert_int_equal(pool->count, 1);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_world, teardown_world)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_spare_stands_at_the_standby),
        TEST(a_moved_session_finds_it),
        TEST(one_that_is_a_standby_is_left),
        TEST(one_that_complains_is_left),
        TEST(one_that_nobody_takes_is_closed),
        TEST(the_last_session_takes_its_way_along),
        TEST(a_node_that_is_no_standby_loses_its_spares),
        TEST(one_that_dies_is_replaced),
        TEST(a_password_that_is_refused_waits),
        TEST(a_server_that_does_not_answer_is_asked_less_and_less),
        TEST(a_pool_is_filled_ahead),
    };
    return cmocka_run_group_tests_name("proxy_ahead", tests, NULL, NULL);
}
