/* SPDX-License-Identifier: Apache-2.0
 * Tests of sessions that share a server connection, over socket pairs. */
#include "proxy/proxy_connect.h"
#include "proxy/proxy_lend.h"
#include "proxy/proxy_line.h"
#include "proxy/proxy_park.h"
#include "proxy/proxy_rest.h"
#include "session_bench.h"

#define BEGIN                                                                                                          \
    "Q\0\0\0\x0a"                                                                                                      \
    "BEGIN\0"
#define SELECT "Q\0\0\0\x0dSELECT 1\0"
#define LISTEN "Q\0\0\0\x0dLISTEN a\0"
#define SET    "Q\0\0\0\x0eSET a = 1\0"
#define DISCARD                                                                                                        \
    "Q\0\0\0\x10"                                                                                                      \
    "DISCARD ALL\0"
#define NAMED "P\0\0\0\x0fs\0SHOW a\0\0\0"
#define DONE  "C\0\0\0\x0dSELECT 1\0" READY_I

static const struct proxy_route pooled[] = {
    {.name = "shop", .database = "shop", .pool = {.mode = PROXY_ROUTE_TRANSACTION, .size = 1}}};
static const struct proxy_route renamed[] = {
    {.name = "shop", .database = "shop", .pool = {.mode = PROXY_ROUTE_TRANSACTION, .size = 1, .statements = 2}}};
static _Atomic uint32_t route_clients[PROXY_ROUTES];

static void join(struct proxy_session_context *context, struct proxy_session *session)
{
    session->keep = proxy_keep_new(span_text("ann"));
    session->startup = malloc(3);
    ASSERT(session->keep != NULL && session->startup != NULL);
    memcpy(session->startup, "ann", 3);
    session->startup_have = 3;
    assert_int_equal(proxy_line_join(context, session), ERR_OK);
}

/* The session's entry is pooled, and its server has the only place. */
static int setup_with(void **state, const struct proxy_route *routes)
{
    if (setup(state) != 0) {
        return -1;
    }
    struct bench *bench = *state;
    struct proxy_session *session = bench->session;
    bench->context.routes = routes;
    bench->context.shelf = proxy_shelf_new();
    bench->context.rewritten_size = 64 * 1024;
    bench->context.rewritten = malloc(bench->context.rewritten_size);
    ASSERT(bench->context.shelf != NULL && bench->context.rewritten != NULL);
    bench->context.route_clients = route_clients;
    bench->context.targets[0] = (struct proxy_route_target){.open = true, .writer = true, .epoch = 5};
    list_init(&bench->context.learning);
    join(&bench->context, session);
    const struct proxy_pool_want want = {.fresh = true};
    struct proxy_server *server = NULL;
    assert_int_equal(proxy_pool_take(session->pool, &want, 0, &server), PROXY_POOL_PLACE);
    assert_true(proxy_server_text_set(&session->server->startup, span_text("ann")));
    proxy_pool_enter(session->pool, session->server, bench->context.now);
    proxy_metrics_add(&bench->context.metrics, PROXY_METRICS_SERVERS, 1);
    return 0;
}

static int setup_pool(void **state)
{
    return setup_with(state, pooled);
}

static int setup_renamed(void **state)
{
    return setup_with(state, renamed);
}

static int teardown_pool(void **state)
{
    struct bench *bench = *state;
    struct proxy_session_context *context = &bench->context;
    struct proxy_shelf *shelf = context->shelf;
    if (bench->session->state < PROXY_SESSION_DRAINING) {
        proxy_session_end(context, bench->session, PROXY_SESSION_STOPPING, NULL);
    }
    if (bench->session->state == PROXY_SESSION_DRAINING) {
        context->now = time_add_ms(context->now, PROXY_SESSION_DRAIN_MS + PROXY_SESSION_LINGER_MS);
        proxy_session_drain(context, bench->session);
    }
    proxy_park_end(context);
    proxy_cancel_free(context->cancel);
    assert_int_equal(counter(bench, PROXY_METRICS_SERVERS), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_PINNED), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_POOL_WAITING), 0);
    free(context->rewritten);
    const int left = teardown(state);
    proxy_shelf_free(shelf); /* with nothing on it */
    return left;
}

/* The client says something, the server answers, both by the test. */
static void exchange(struct bench *bench, const char *says, size_t says_size, const char *answers, size_t answers_size)
{
    char memory[512];
    put(bench->client, says, says_size);
    bench->session->client.readable = true;
    proxy_relay_pump(&bench->context, bench->session);
    assert_int_equal(got(bench->server, memory, sizeof memory), says_size);
    assert_memory_equal(memory, says, says_size);
    put(bench->server, answers, answers_size);
    pump(bench);
    assert_int_equal(got(bench->client, memory, sizeof memory), answers_size);
}
#define EXCHANGE(bench, says, answers) exchange(bench, says, sizeof(says) - 1, answers, sizeof(answers) - 1)

static void an_idle_session_rests_and_takes_again(void **state)
{
    struct bench *bench = *state;
    struct proxy_server *server = bench->session->server;
    for (int i = 0; i < 3; i++) {
        EXCHANGE(bench, SELECT, DONE);
        assert_null(bench->session->server);
        assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
        assert_ptr_equal(bench->session->pool->idle.next, &server->pooled);
    }
    bench->session->client.readable = true; /* a false alarm */
    proxy_relay_pump(&bench->context, bench->session);
    assert_null(bench->session->server);
    EXCHANGE(bench, BEGIN,
             "C\0\0\0\x0a"
             "BEGIN\0" READY_T);
    assert_ptr_equal(bench->session->server, server);
    EXCHANGE(bench, SELECT, "C\0\0\0\x0dSELECT 1\0" READY_T);
    assert_ptr_equal(bench->session->server, server);
    EXCHANGE(bench, SELECT, DONE);
    assert_null(bench->session->server);
}

static void goodbye_is_not_for_the_server(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    EXCHANGE(bench, SELECT, DONE);
    PUT(bench->client, QUIT);
    bench->session->client.readable = true;
    proxy_relay_pump(&bench->context, bench->session);
    assert_true(bench->session->state >= PROXY_SESSION_DRAINING);
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_SERVERS), 1);
    struct proxy_pool *pool = LIST_ENTRY(bench->context.pools.next, struct proxy_pool, link);
    assert_false(list_empty(&pool->idle));
}

static void what_belongs_to_the_connection_pins(void **state)
{
    struct bench *bench = *state;
    EXCHANGE(bench, LISTEN, "C\0\0\0\x0bLISTEN\0" READY_I);
    assert_non_null(bench->session->server);
    assert_int_equal(counter(bench, PROXY_METRICS_PINNED), 1);
    EXCHANGE(bench, DISCARD,
             "C\0\0\0\x10"
             "DISCARD ALL\0" READY_I);
    assert_null(bench->session->server);
    assert_int_equal(counter(bench, PROXY_METRICS_PINNED), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_PINNED_TOTAL), 1);
}

/* The client of a pinned session leaves: the server is told to forget, and is nobody's until it has. */
static void a_pinned_server_is_reset_for_the_next(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    struct proxy_server *server = bench->session->server;
    EXCHANGE(bench, LISTEN, "C\0\0\0\x0bLISTEN\0" READY_I);
    struct proxy_pool *pool = bench->session->pool;
    PUT(bench->client, QUIT);
    bench->session->client.readable = true;
    proxy_relay_pump(&bench->context, bench->session);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof DISCARD - 1);
    assert_memory_equal(memory, DISCARD, sizeof DISCARD - 1);
    assert_true(list_empty(&pool->idle));
    assert_false(proxy_park_quiet(&bench->context, 0));
    PUT(bench->server, "C\0\0\0\x10"
                       "DISCARD ALL\0" READY_I);
    server->end.readable = true;
    proxy_park_event(&bench->context, server);
    assert_ptr_equal(pool->idle.next, &server->pooled);
    assert_true(proxy_park_quiet(&bench->context, 0));
    assert_int_equal(server->settings.size, 0);
}

static void the_loss_of_an_idle_server_is_nobodys(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    struct proxy_server *server = bench->session->server;
    EXCHANGE(bench, SELECT, DONE);
    shutdown(bench->server, SHUT_WR);
    server->end.readable = true;
    server->end.hangup = true;
    proxy_park_event(&bench->context, server);
    assert_int_equal(counter(bench, PROXY_METRICS_SERVERS), 0);
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
    assert_int_equal(got(bench->client, memory, sizeof memory), 0);
}

static void a_fence_closes_what_is_parked(void **state)
{
    struct bench *bench = *state;
    EXCHANGE(bench, SELECT, DONE);
    proxy_park_fence(&bench->context, NULL);
    assert_int_equal(counter(bench, PROXY_METRICS_SERVERS), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_SERVERS_FENCED), 1);
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
}

/* A cancel that was meant for this client must not hit the next one: the server is nobody's until it has been dealt
 * with.
 */
static void a_cancel_on_its_way_keeps_the_server_back(void **state)
{
    struct bench *bench = *state;
    struct proxy_session_context *context = &bench->context;
    static const struct view_address address = {.port = 5432, .family = 4};
    static const uint8_t key[] = {0, 0, 0, 7, 1, 2, 3, 4};
    struct proxy_cancel_ticket ticket = {.server = NULL};
    struct proxy_session *session = bench->session;
    struct proxy_pool *pool = session->pool;
    char memory[64];
    context->cancel = proxy_cancel_new(2);
    assert_int_equal(proxy_cancel_server_new(&address, span_of(key, sizeof key), &session->server->key), ERR_OK);
    assert_int_equal(proxy_cancel_add(context->cancel, 4, &session->key), ERR_OK);
    proxy_cancel_serve(session->key, session->server->key);
    PUT(bench->client, SELECT);
    pump(bench);
    const struct proxy_cancel_key *ours = &session->key->key;
    assert_int_equal(proxy_cancel_find(context->cancel, ours->pid, span_of(ours->secret, 4), &ticket), ERR_OK);
    (void)got(bench->server, memory, sizeof memory);
    PUT(bench->server, DONE);
    pump(bench);
    assert_null(session->server);
    assert_true(list_empty(&pool->idle));
    context->now = time_add_ms(context->now, 5);
    proxy_park_tend(context);
    assert_true(list_empty(&pool->idle));
    assert_false(proxy_cancel_wanted(context->cancel, &ticket));
    proxy_cancel_done(context->cancel, &ticket);
    context->now = time_add_ms(context->now, 5);
    proxy_park_tend(context);
    assert_false(list_empty(&pool->idle));
}

/* Another session that has just said something. */
static struct proxy_session *second(struct bench *bench, int *ret_client)
{
    int client[2];
    ASSERT(socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0, client) == 0);
    struct proxy_session *session = proxy_session_new(&bench->context, client[0]);
    ASSERT(session != NULL);
    session->route = 0;
    join(&bench->context, session);
    proxy_session_move(session, PROXY_SESSION_CONNECTING);
    proxy_session_move(session, PROXY_SESSION_AUTH);
    proxy_session_move(session, PROXY_SESSION_ACTIVE);
    proxy_session_deadline(&bench->context, session, TIME_NEVER);
    session->client.writable = true;
    *ret_client = client[1];
    PUT(client[1], SELECT);
    session->client.readable = true;
    proxy_relay_pump(&bench->context, session);
    return session;
}

static void leave(struct bench *bench, struct proxy_session *session, int client)
{
    proxy_session_end(&bench->context, session, PROXY_SESSION_STOPPING, NULL);
    bench->context.now = time_add_ms(bench->context.now, PROXY_SESSION_DRAIN_MS + PROXY_SESSION_LINGER_MS);
    proxy_session_drain(&bench->context, session);
    proxy_session_free(&bench->context, session);
    close(client);
}

/* The one who has it gives it to the one who waits, though its own client has more to say. */
static void who_waits_is_served_when_a_transaction_ends(void **state)
{
    struct bench *bench = *state;
    char memory[128];
    int client = -1;
    PUT(bench->client, SELECT);
    pump(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof SELECT - 1);
    struct proxy_session *other = second(bench, &client);
    assert_int_equal(other->state, PROXY_SESSION_CONNECTING);
    assert_int_equal(counter(bench, PROXY_METRICS_POOL_WAITING), 1);
    proxy_lend_serve(&bench->context);
    assert_int_equal(other->state, PROXY_SESSION_CONNECTING);
    PUT(bench->client, SELECT);
    PUT(bench->server, DONE);
    pump(bench);
    assert_null(bench->session->server);
    proxy_lend_serve(&bench->context);
    assert_int_equal(other->state, PROXY_SESSION_ACTIVE);
    assert_int_equal(counter(bench, PROXY_METRICS_POOL_WAITING), 0);
    assert_int_equal(counter(bench, PROXY_METRICS_MOVED), 0);
    proxy_relay_pump(&bench->context, other);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof SELECT - 1);
    bench->session->client.readable = true;
    proxy_relay_pump(&bench->context, bench->session);
    assert_int_equal(bench->session->state, PROXY_SESSION_CONNECTING); /* now it waits */
    PUT(bench->server, DONE);
    other->server->end.readable = true;
    proxy_relay_pump(&bench->context, other);
    assert_int_equal(got(client, memory, sizeof memory), sizeof DONE - 1);
    assert_null(other->server);
    proxy_lend_serve(&bench->context);
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
    leave(bench, other, client);
}

/* What the first one has set and prepared is taken away before the second one's turn, and said again in its own. */
static void what_was_set_goes_with_its_client(void **state)
{
    struct bench *bench = *state;
    char memory[256];
    int client = -1;
    EXCHANGE(bench, SET, "C\0\0\0\x08SET\0" READY_I);
    assert_null(bench->session->server);
    EXCHANGE(bench, NAMED SYNC, "1\0\0\0\4" READY_I);
    assert_non_null(bench->session->server); /* lingers */
    struct proxy_session *other = second(bench, &client);
    proxy_lend_serve(&bench->context);
    assert_null(bench->session->server);
    assert_int_equal(other->state, PROXY_SESSION_LOGIN);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof DISCARD - 1);
    assert_memory_equal(memory, DISCARD, sizeof DISCARD - 1);
    PUT(bench->server, "C\0\0\0\x10"
                       "DISCARD ALL\0" READY_I);
    other->server->end.readable = true;
    proxy_connect_step(&bench->context, other);
    assert_int_equal(other->state, PROXY_SESSION_ACTIVE);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof SELECT - 1);
    PUT(bench->server, DONE);
    other->server->end.readable = true;
    proxy_relay_pump(&bench->context, other);
    assert_null(other->server);
    PUT(bench->client, SELECT);
    bench->session->client.readable = true;
    proxy_relay_pump(&bench->context, bench->session);
    proxy_lend_serve(&bench->context);
    assert_int_equal(bench->session->state, PROXY_SESSION_LOGIN);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof(DISCARD SET NAMED SYNC) - 1);
    assert_memory_equal(memory, DISCARD SET NAMED SYNC, sizeof(DISCARD SET NAMED SYNC) - 1);
    leave(bench, other, client);
}

/* Two clients that call the same by different names: it is prepared once, and neither keeps the server. */
static void names_of_our_own_are_shared(void **state)
{
    static const char parse[] = "P\0\0\0\x18holdfast_1\0SHOW a\0\0\0" SYNC;
    static const char closes[] = "C\0\0\0\x10Sholdfast_0\0D\0\0\0\x10Sholdfast_1\0" SYNC;
    struct bench *bench = *state;
    char memory[256];
    int client = -1;
    PUT(bench->client, NAMED SYNC);
    bench->session->client.readable = true;
    proxy_relay_pump(&bench->context, bench->session);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof parse - 1);
    assert_memory_equal(memory, parse, sizeof parse - 1);
    PUT(bench->server, "1\0\0\0\4" READY_I);
    pump(bench);
    assert_int_equal(got(bench->client, memory, sizeof memory), 5 + sizeof READY_I - 1);
    assert_null(bench->session->server); /* it does not linger */
    struct proxy_session *other = second(bench, &client);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof SELECT - 1);
    PUT(bench->server, DONE);
    other->server->end.readable = true;
    proxy_relay_pump(&bench->context, other);
    assert_int_equal(got(client, memory, sizeof memory), sizeof DONE - 1);
    PUT(client, "P\0\0\0\x0ft\0SHOW a\0\0\0D\0\0\0\7St\0" SYNC);
    other->client.readable = true;
    proxy_relay_pump(&bench->context, other);
    assert_int_equal(got(bench->server, memory, sizeof memory), sizeof closes - 1);
    assert_memory_equal(memory, closes, sizeof closes - 1);
    PUT(bench->server, "3\0\0\0\4n\0\0\0\4" READY_I);
    other->server->end.readable = true;
    proxy_relay_pump(&bench->context, other);
    assert_int_equal(got(client, memory, sizeof memory), 10 + sizeof READY_I - 1);
    assert_memory_equal(memory, "1\0\0\0\4n\0\0\0\4" READY_I, 10 + sizeof READY_I - 1);
    assert_null(other->server);
    assert_int_equal(counter(bench, PROXY_METRICS_RESETS), 0);
    leave(bench, other, client);
}

/* A server whose plan is not what its client expects any more is not lent again. */
static void a_stale_plan_is_not_for_the_next(void **state)
{
    struct bench *bench = *state;
    char memory[256];
    char answer[256];
    struct buf buf;
    PUT(bench->client, NAMED SYNC);
    bench->session->client.readable = true;
    proxy_relay_pump(&bench->context, bench->session);
    buf_init(&buf, answer, sizeof answer);
    pg_message_error_write(&buf, "ERROR", "0A000", "cached plan must not change result type", NULL);
    put(bench->server, answer, buf.size);
    PUT(bench->server, READY_I);
    pump(bench);
    assert_int_equal(got(bench->client, memory, sizeof memory), buf.size + sizeof READY_I - 1);
    assert_null(bench->session->server);
    assert_int_equal(counter(bench, PROXY_METRICS_SERVERS), 0);
}

#define TEST(name)    cmocka_unit_test_setup_teardown(name, setup_pool, teardown_pool)
#define RENAMED(name) cmocka_unit_test_setup_teardown(name, setup_renamed, teardown_pool)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(an_idle_session_rests_and_takes_again),     TEST(goodbye_is_not_for_the_server),
        TEST(what_belongs_to_the_connection_pins),       TEST(a_pinned_server_is_reset_for_the_next),
        TEST(the_loss_of_an_idle_server_is_nobodys),     TEST(a_fence_closes_what_is_parked),
        TEST(a_cancel_on_its_way_keeps_the_server_back), TEST(who_waits_is_served_when_a_transaction_ends),
        TEST(what_was_set_goes_with_its_client),         RENAMED(names_of_our_own_are_shared),
        RENAMED(a_stale_plan_is_not_for_the_next),
    };
    return cmocka_run_group_tests_name("proxy_lend", tests, NULL, NULL);
}
