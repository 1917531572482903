/* SPDX-License-Identifier: Apache-2.0
 * Tests of transactions and batches that lose their server, over socket pairs. */
#include <stdio.h>

#include "proxy/proxy_lost.h"
#include "proxy/proxy_move.h"
#include "session_bench.h"

#define COPY_IN "G\0\0\0\7\0\0\0"

/* What the client sends is written in short: "q BEGIN" is a query, "p INSERT" a batch without its Sync, "s" the Sync,
 * "d" a COPY's data, "D" half of such a message, "c" its end; several are parted by a bar. */
static void say_one(struct buf *buf, const char *text)
{
    const char *rest = text[0] != '\0' && text[1] == ' ' ? text + 2 : "";
    switch (text[0]) {
    case 'q':
        pg_message_query_write(buf, span_text(rest));
        break;
    case 'p':
        buf_u8(buf, PG_MESSAGE_PARSE);
        buf_u32be(buf, (uint32_t)strlen(rest) + 8);
        buf_bytes(buf, "", 1);
        buf_bytes(buf, rest, strlen(rest) + 1);
        buf_bytes(buf, "\0\0", 2);
        pg_message_bind_write(buf, "");
        buf_bytes(buf, EXECUTE, sizeof EXECUTE - 1);
        break;
    case 's':
        pg_message_sync_write(buf);
        break;
    case 'd':
        buf_bytes(buf, COPY_DATA, sizeof COPY_DATA - 1);
        break;
    case 'D':
        buf_bytes(buf, "d\0\0\0\x10half", 9);
        break;
    case 'c':
        buf_bytes(buf, COPY_DONE, sizeof COPY_DONE - 1);
        break;
    case 'H': /* half of a query */
        buf_bytes(buf, "Q\0\0\0\x0dSEL", 8);
        break;
    default:
        fail_msg("%s", text);
    }
}

static void say(struct bench *bench, const char *texts)
{
    char copy[300];
    uint8_t memory[1024];
    struct buf buf;
    char *save = NULL;
    buf_init(&buf, memory, sizeof memory);
    snprintf(copy, sizeof copy, "%s", texts);
    for (const char *text = strtok_r(copy, "|", &save); text != NULL; text = strtok_r(NULL, "|", &save)) {
        say_one(&buf, text);
    }
    put(bench->client, (const char *)buf.data, buf.size);
    step(bench);
}

/* What the client has got, in short: "E40001 ZE". */
static const char *heard(struct bench *bench)
{
    static char text[256];
    static char memory[4096];
    struct pg_frame frame;
    struct pg_frame_message message;
    struct span rest = span_of(memory, got(bench->client, memory, sizeof memory));
    struct buf buf;
    buf_init(&buf, text, sizeof text);
    pg_frame_init(&frame);
    while (pg_frame_step(&frame, &rest, &message)) {
        struct pg_message_error error;
        buf_printf(&buf, "%s%c", buf.size > 0 ? " " : "", message.type);
        if (message.type == PG_MESSAGE_ERROR) {
            assert_int_equal(pg_message_error_parse(message.peek, &error), ERR_OK);
            buf_printf(&buf, "%s%s", error.sqlstate, span_is(error.severity, "FATAL") ? "!" : "");
        } else if (message.type == PG_MESSAGE_READY) {
            buf_printf(&buf, "%c", message.peek.data[0]);
        }
    }
    assert_true(pg_frame_boundary(&frame));
    return buf_string(&buf);
}

static void error(struct bench *bench, const char *severity, const char *sqlstate)
{
    uint8_t memory[256];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_message_error_write(&buf, severity, sqlstate, "what the server says", NULL);
    put(bench->server, (const char *)buf.data, buf.size);
}

static void drop(struct bench *bench)
{
    char memory[4096];
    (void)got(bench->server, memory, sizeof memory);
}

/* The session is inside a transaction, which has failed or not. */
static void open_transaction(struct bench *bench, bool failed)
{
    say(bench, "q BEGIN");
    PUT(bench->server, "C\0\0\0\x0a"
                       "BEGIN\0");
    if (failed) {
        PUT(bench->server, READY_E);
    } else {
        PUT(bench->server, READY_T);
    }
    step(bench);
    assert_string_equal(heard(bench), failed ? "C ZE" : "C ZT");
    drop(bench);
}

static void lose(struct bench *bench)
{
    shutdown(bench->server, SHUT_WR);
    bench->session->server->end.hangup = true; /* as epoll says it */
    step(bench);
}

/* Another server is there and gets into the state that the client believes in. How much of the flight it has got. */
static size_t arrive(struct bench *bench, bool failed, bool skipping)
{
    char memory[1024];
    reconnect(bench);
    PUT(bench->server, AUTH_OK READY_I);
    step(bench);
    const size_t size = got(bench->server, memory, sizeof memory);
    assert_int_equal(failed, size > 0 && memmem(memory, size, "BEGIN; ROLLBACK TO", 18) != NULL);
    if (failed) {
        error(bench, "ERROR", "3B001");
        PUT(bench->server, READY_E);
        step(bench);
    }
    if (skipping) {
        assert_int_equal(bench->session->state, PROXY_SESSION_LOGIN);
        error(bench, "ERROR", "26000");
        step(bench);
    }
    assert_int_equal(bench->session->state, PROXY_SESSION_ACTIVE);
    assert_int_equal(bench->session->doom.open, failed);
    return failed || skipping ? got(bench->server, memory, sizeof memory) : size;
}

/* ---- inside a transaction ---- */

/* Nothing is in flight: the client hears it with its next statement, and goes on when it has rolled back. */
static void an_idle_transaction_is_told_at_the_next_statement(void **state)
{
    struct bench *bench = *state;
    open_transaction(bench, false);
    lose(bench);
    assert_string_equal(heard(bench), "");
    arrive(bench, true, false);
    say(bench, "q SELECT 1");
    error(bench, "ERROR", "25P02");
    PUT(bench->server, READY_E);
    step(bench);
    assert_string_equal(heard(bench), "E40001 ZE");
    say(bench, "q ROLLBACK TO a");
    error(bench, "ERROR", "3B001");
    PUT(bench->server, READY_E);
    step(bench);
    assert_string_equal(heard(bench), "E40001 ZE");
    say(bench, "q COMMIT"); /* it knows: ROLLBACK is the answer, as PostgreSQL gives it */
    PUT(bench->server, "C\0\0\0\x0dROLLBACK\0" READY_I);
    step(bench);
    assert_string_equal(heard(bench), "C ZI");
    assert_false(bench->session->doom.open);
    assert_true(proxy_session_idle(bench->session));
    say(bench, "q bad");
    error(bench, "ERROR", "42601");
    PUT(bench->server, READY_I);
    step(bench);
    assert_string_equal(heard(bench), "E42601 ZI");
    assert_int_equal(counter(bench, PROXY_METRICS_ROLLED_BACK), 1);
    assert_int_equal(counter(bench, PROXY_METRICS_OUTCOME_UNKNOWN), 0);
}

/* A COMMIT that comes first must not look like one; a ROLLBACK is what the client wants anyway. */
static void a_commit_is_refused_and_a_rollback_is_not(void **state)
{
    static const struct {
        const char *sent;
        const char *answer;
        size_t answer_size;
        const char *heard;
    } samples[] = {
#define SAMPLE(sent, answer, heard) {sent, answer, sizeof(answer) - 1, heard}
        SAMPLE("q COMMIT", "C\0\0\0\x0dROLLBACK\0" READY_I, "E40001 ZI"),
        SAMPLE("p END|s",
               "1\0\0\0\4"
               "2\0\0\0\4"
               "C\0\0\0\x0dROLLBACK\0" READY_I,
               "1 2 E40001 ZI"),
        SAMPLE("q ROLLBACK", "C\0\0\0\x0dROLLBACK\0" READY_I, "C ZI"),
        SAMPLE("q ABORT; BEGIN; COMMIT", "C\0\0\0\x0dROLLBACK\0" READY_I, "C ZI"),
        SAMPLE("p ROLLBACK|s",
               "1\0\0\0\4"
               "2\0\0\0\4"
               "C\0\0\0\x0dROLLBACK\0" READY_I,
               "1 2 C ZI"),
#undef SAMPLE
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct bench *bench = *state;
        open_transaction(bench, false);
        lose(bench);
        arrive(bench, true, false);
        say(bench, samples[i].sent);
        put(bench->server, samples[i].answer, samples[i].answer_size);
        step(bench);
        assert_string_equal(heard(bench), samples[i].heard);
        assert_true(proxy_session_idle(bench->session));
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup_keep(state), 0);
    }
}

/* What would be executed behind a COMMIT that fails must not be. */
static void a_commit_among_others_ends_the_session(void **state)
{
    static const char *const samples[] = {"q COMMIT; INSERT", "p COMMIT|p INSERT|s", "q SELECT 1; COMMIT"};
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct bench *bench = *state;
        char memory[256];
        open_transaction(bench, false);
        lose(bench);
        arrive(bench, true, false);
        drop(bench);
        say(bench, samples[i]);
        assert_string_equal(heard(bench), "E57P01!");
        assert_int_equal(got(bench->server, memory, sizeof memory), 0);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup_keep(state), 0);
    }
}

/* Sent inside a transaction; what is heard when the server goes; whether the new one gets a failed transaction, has to
 * ignore the rest of a batch, and is sent the flight. */
struct flight {
    const char *sent;
    const char *heard;
    bool failed;
    bool skipping;
    bool again;
    bool copying;
    bool open; /* sent again without a Sync */
};

static void check_flights(void **state, const struct flight *flights, size_t count, const char *before)
{
    for (size_t i = 0; i < count; i++) {
        struct bench *bench = *state;
        const struct flight *flight = &flights[i];
        char memory[1024];
        if (before != NULL) {
            open_transaction(bench, strcmp(before, "failed") == 0);
        }
        if (flight->copying) {
            say(bench, strncmp(flight->sent, "p", 1) == 0 ? "p COPY t FROM STDIN|s" : "q COPY t FROM STDIN");
            drop(bench);
            PUT(bench->server, COPY_IN);
            step(bench);
            assert_string_equal(heard(bench), "G");
            say(bench, flight->sent + 2);
        } else {
            say(bench, flight->sent);
        }
        drop(bench);
        lose(bench);
        const char *text = heard(bench);
        if (strcmp(text, flight->heard) != 0 || bench->session->state != PROXY_SESSION_CONNECTING) {
            fail_msg("%s: heard %s", flight->sent, text);
        }
        size_t size = arrive(bench, flight->failed, flight->skipping);
        step(bench);
        size += got(bench->server, memory, sizeof memory);
        if (flight->again != (size > 0) || bench->session->open_batch != (flight->skipping || flight->open)) {
            fail_msg("%s: sent again %zu, open %d", flight->sent, size, bench->session->open_batch);
        }
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup_keep(state), 0);
    }
}

static void what_is_in_flight_in_a_transaction(void **state)
{
    static const struct flight flights[] = {
        {.sent = "q INSERT", .heard = "E40001 ZE", .failed = true},
        {.sent = "q INSERT|q INSERT", .heard = "E40001 ZE E40001 ZE", .failed = true},
        {.sent = "p INSERT|s", .heard = "E40001 ZE", .failed = true},
        {.sent = "q SAVEPOINT a", .heard = "E40001 ZE", .failed = true},
        {.sent = "q ROLLBACK TO a", .heard = "E40001 ZE", .failed = true},
        {.sent = "p INSERT", .heard = "E40001", .failed = true, .skipping = true},
        {.sent = "q INSERT|p INSERT", .heard = "E40001 ZE E40001", .failed = true, .skipping = true},
        {.sent = "q ROLLBACK", .heard = "", .failed = true, .again = true},
        {.sent = "p ROLLBACK|s", .heard = "", .failed = true, .again = true},
        {.sent = "q COMMIT", .heard = "E08007 ZI"},
        {.sent = "p COMMIT|s", .heard = "E08007 ZI"},
        {.sent = "p COMMIT", .heard = "E08007", .skipping = true},
        {.sent = "q PREPARE TRANSACTION 'x'", .heard = "E08007 ZI"},
        {.sent = "q INSERT|q END", .heard = "E08007 ZI E08007 ZI"},
        {.sent = "H", .heard = "", .failed = true, .again = true},
        {.sent = "q d|d", .heard = "E40001 ZE", .failed = true, .copying = true},
        {.sent = "q d|c", .heard = "E40001 ZE", .failed = true, .copying = true},
        {.sent = "q D", .heard = "E40001 ZE", .failed = true, .copying = true},
        {.sent = "p d", .heard = "E40001", .failed = true, .skipping = true, .copying = true},
    };
    check_flights(state, flights, sizeof flights / sizeof flights[0], "open");
    static const struct flight ends[] = {
        {.sent = "q ROLLBACK", .heard = "", .failed = true, .again = true},
        {.sent = "q COMMIT", .heard = "", .failed = true, .again = true},
        {.sent = "q SELECT 1", .heard = "E40001 ZE", .failed = true},
        {.sent = "q ROLLBACK; BEGIN; INSERT; COMMIT", .heard = "E08007 ZI"},
    };
    check_flights(state, ends, sizeof ends / sizeof ends[0], "failed");
}

static void what_is_in_flight_outside_a_transaction(void **state)
{
    static const struct flight flights[] = {
        {.sent = "q INSERT", .heard = "E08007 ZI"},
        {.sent = "p INSERT|s", .heard = "E08007 ZI"},
        {.sent = "q BEGIN", .heard = "", .again = true},
        {.sent = "q BEGIN; INSERT", .heard = "", .again = true},
        {.sent = "p BEGIN|p INSERT|s", .heard = "", .again = true},
        {.sent = "p BEGIN|p CREATE TABLE t|s", .heard = "E40001 ZE", .failed = true},
        {.sent = "q BEGIN; INSERT; COMMIT", .heard = "E08007 ZI"},
        {.sent = "q BEGIN; ROLLBACK; INSERT", .heard = "E08007 ZI"},
        {.sent = "q BEGIN|q INSERT", .heard = "E08007 ZI E08007 ZI"}, /* if the first fails the second commits */
        {.sent = "q INSERT|p INSERT", .heard = "E08007 ZI E08007", .skipping = true},
        {.sent = "p INSERT", .heard = "", .again = true, .open = true}, /* its Sync would have committed it */
        {.sent = "p VACUUM", .heard = "E08007", .skipping = true},
        {.sent = "p COMMIT|p INSERT", .heard = "E08007", .skipping = true},
        {.sent = "H", .heard = "", .again = true},
        {.sent = "q d|d", .heard = "E40001 ZI", .copying = true},
        {.sent = "q D", .heard = "E40001 ZI", .copying = true},
        {.sent = "q d|c", .heard = "E08007 ZI", .copying = true},
        {.sent = "p d", .heard = "E40001", .skipping = true, .copying = true},
        {.sent = "p d|c", .heard = "E08007", .skipping = true, .copying = true},
    };
    check_flights(state, flights, sizeof flights / sizeof flights[0], NULL);
}

/* The rest of a batch is ignored by the new server, whose answer to the Sync is the client's. */
static void a_batch_goes_on_up_to_its_sync(void **state)
{
    struct bench *bench = *state;
    open_transaction(bench, false);
    say(bench, "p INSERT");
    lose(bench);
    assert_string_equal(heard(bench), "E40001");
    arrive(bench, true, true);
    drop(bench);
    say(bench, "p INSERT|s");
    assert_int_equal(bench->session->expected, 1);
    PUT(bench->server, READY_E);
    step(bench);
    assert_string_equal(heard(bench), "ZE");
    say(bench, "q ROLLBACK");
    PUT(bench->server, "C\0\0\0\x0dROLLBACK\0" READY_I);
    step(bench);
    assert_string_equal(heard(bench), "C ZI");
    assert_true(proxy_session_idle(bench->session));
}

/* A COPY's message that was cut in two: its second half is nobody's. */
static void the_rest_of_a_copy_is_dropped(void **state)
{
    struct bench *bench = *state;
    char memory[64];
    say(bench, "q COPY t FROM STDIN");
    PUT(bench->server, COPY_IN);
    step(bench);
    say(bench, "D");
    lose(bench);
    assert_string_equal(heard(bench), "G E40001 ZI");
    PUT(bench->client, "half");
    arrive(bench, false, false);
    step(bench);
    assert_int_equal(got(bench->server, memory, sizeof memory), 0);
    PUT(bench->client, "half" COPY_DONE SELECT);
    step(bench);
    const size_t size = got(bench->server, memory, sizeof memory);
    assert_int_equal(size, sizeof(COPY_DONE SELECT) - 1);
    assert_memory_equal(memory, COPY_DONE SELECT, size);
    assert_int_equal(bench->session->expected, 1);
}

/* A second server may go as well; a FATAL that is meant for the client is its own. */
static void a_doomed_session_may_lose_another_server(void **state)
{
    struct bench *bench = *state;
    open_transaction(bench, false);
    lose(bench);
    arrive(bench, true, false);
    error(bench, "FATAL", "57P01");
    step(bench);
    assert_string_equal(heard(bench), "");
    arrive(bench, true, false);
    assert_false(bench->session->doom.told);
    say(bench, "q COMMIT");
    lose(bench);
    assert_string_equal(heard(bench), ""); /* it can only be rolled back: asked again */
    arrive(bench, true, false);
    drop(bench);
    PUT(bench->server, "C\0\0\0\x0dROLLBACK\0" READY_I);
    step(bench);
    assert_string_equal(heard(bench), "E40001 ZI");
    open_transaction(bench, false);
    lose(bench);
    arrive(bench, true, false);
    error(bench, "FATAL", "25P03");
    shutdown(bench->server, SHUT_WR);
    step(bench);
    assert_string_equal(heard(bench), "E25P03!");
}

/* A message that is larger than the buffer passes through a doomed session in pieces. */
static void a_large_notice_passes_through(void **state)
{
    struct bench *bench = *state;
    static char notice[10000] = "N\0\0\x27\x0f";
    open_transaction(bench, false);
    lose(bench);
    arrive(bench, true, false);
    put(bench->server, notice, sizeof notice);
    step(bench);
    step(bench);
    say(bench, "q SELECT 1");
    error(bench, "ERROR", "25P02");
    PUT(bench->server, READY_E);
    step(bench);
    char memory[sizeof notice + 200];
    const size_t size = got(bench->client, memory, sizeof memory);
    assert_true(size > sizeof notice);
    assert_memory_equal(memory, notice, sizeof notice);
    assert_non_null(memmem(memory + sizeof notice, size - sizeof notice, "C40001", 6));
}

/* A writer that turns out to be a standby: the client is not shown its refusal. */
static void a_writer_that_is_a_standby_is_left(void **state)
{
    static const struct {
        const char *sent;
        const char *before; /* what comes ahead of the refusal */
        size_t before_size;
        const char *heard;
    } samples[] = {
#define SAMPLE(sent, before, heard) {sent, before, sizeof(before) - 1, heard}
        SAMPLE("q INSERT", "", ""),
        SAMPLE("q CREATE TABLE t", "", ""),
        SAMPLE("q BEGIN; INSERT; COMMIT", "", ""),
        SAMPLE("p INSERT|s",
               "1\0\0\0\4"
               "2\0\0\0\4"
               "n\0\0\0\4",
               ""),
        SAMPLE("p SELECT 1|p INSERT|s",
               "1\0\0\0\4"
               "2\0\0\0\4"
               "D\0\0\0\6\0\0",
               "1 2 D E25006 ZI"),
#undef SAMPLE
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct bench *bench = *state;
        char memory[512];
        const bool again = samples[i].heard[0] == '\0';
        bench->session->server->standby = true;
        say(bench, samples[i].sent);
        const size_t sent = got(bench->server, memory, sizeof memory);
        uint8_t refusal[512];
        struct buf buf;
        buf_init(&buf, refusal, sizeof refusal);
        buf_bytes(&buf, samples[i].before, samples[i].before_size);
        pg_message_error_write(&buf, "ERROR", "25006", "cannot execute INSERT in a read-only transaction", NULL);
        pg_message_ready_write(&buf, 'I');
        put(bench->server, (const char *)buf.data, buf.size);
        step(bench);
        assert_string_equal(heard(bench), samples[i].heard);
        assert_int_equal(bench->session->state, again ? PROXY_SESSION_CONNECTING : PROXY_SESSION_ACTIVE);
        if (again) {
            /* The next one is no better, the one after that is. */
            reconnect(bench);
            PUT(bench->server, AUTH_OK "S\0\0\0\x16in_hot_standby\0on\0" READY_I);
            step(bench);
            assert_int_equal(bench->session->state, PROXY_SESSION_CONNECTING);
            assert_int_equal(arrive(bench, false, false), sent);
        }
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup_keep(state), 0);
    }
    struct bench *bench = *state;
    open_transaction(bench, false);
    bench->session->server->standby = true;
    say(bench, "q INSERT");
    error(bench, "ERROR", "25006");
    PUT(bench->server, READY_E);
    step(bench);
    assert_string_equal(heard(bench), "E40001 ZE");
    arrive(bench, true, false);
}

/* A standby of a reader's route changes nothing: what it was asked is asked again. */
static void a_reader_asks_another_server(void **state)
{
    static const struct {
        const char *sent;
        const char *answer;
        size_t size;
        const char *heard;
    } samples[] = {
#define SAMPLE(sent, answer, heard) {sent, answer, sizeof(answer) - 1, heard}
        SAMPLE("q SELECT 1", "", ""),
        SAMPLE("q CALL f()", "", ""),
        SAMPLE("p SELECT 1|s", "", ""),
        SAMPLE("q SELECT 1", "D\0\0\0\6\0\0", "D E40001 ZI"),
#undef SAMPLE
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct bench *bench = *state;
        char memory[512];
        bench->session->server->standby = true;
        bench->session->server->target.writer = false;
        say(bench, samples[i].sent);
        const size_t sent = got(bench->server, memory, sizeof memory);
        put(bench->server, samples[i].answer, samples[i].size);
        lose(bench);
        assert_string_equal(heard(bench), samples[i].heard);
        assert_int_equal(arrive(bench, false, false), samples[i].size == 0 ? sent : 0);
        assert_int_equal(teardown(state), 0);
        assert_int_equal(setup_keep(state), 0);
    }
}

static void answered(void *owner)
{
    (void)owner;
}

/* A COMMIT whose number is known waits for the next server; here nobody may ask there, so it is unknown after all. */
static void a_commit_with_a_number_is_looked_up(void **state)
{
    struct bench *bench = *state;
    assert_int_equal(proxy_outcome_start(NULL, 0, answered, NULL, &bench->context.outcome), ERR_OK);
    open_transaction(bench, false);
    bench->session->keep->xid = 4711;
    say(bench, "p COMMIT|s");
    lose(bench);
    assert_string_equal(heard(bench), "");
    assert_true(bench->session->inquiry.wanted);
    reconnect(bench);
    PUT(bench->server, AUTH_OK READY_I);
    step(bench);
    assert_string_equal(heard(bench), "E08007 ZI");
    PUT(bench->server, READY_I);
    step(bench);
    assert_true(proxy_session_idle(bench->session));
    /* Of a two-phase COMMIT nothing is asked. */
    open_transaction(bench, false);
    bench->session->keep->xid = 4711;
    say(bench, "q PREPARE TRANSACTION 'x'");
    lose(bench);
    assert_string_equal(heard(bench), "E08007 ZI");
    proxy_outcome_stop(bench->context.outcome);
    bench->context.outcome = NULL;
}

/* What the transaction has made went with it; a lock of the session did not, and is named. */
static void what_the_transaction_made_is_not_in_the_way(void **state)
{
    struct bench *bench = *state;
    open_transaction(bench, false);
    say(bench, "q CREATE TEMP TABLE t (a int)");
    PUT(bench->server, READY_T);
    step(bench);
    (void)heard(bench);
    lose(bench);
    assert_string_equal(heard(bench), "");
    arrive(bench, true, false);
    assert_int_equal(teardown(state), 0);
    assert_int_equal(setup_keep(state), 0);
    bench = *state;
    open_transaction(bench, false);
    bench->session->keep->lost = PG_STATEMENT_LOCK;
    lose(bench);
    assert_string_equal(heard(bench), "E08006!");
}

/* A server on which no transaction fails as it should. */
static void a_refused_transaction_ends_the_session(void **state)
{
    struct bench *bench = *state;
    open_transaction(bench, false);
    lose(bench);
    reconnect(bench);
    PUT(bench->server, AUTH_OK READY_I);
    step(bench);
    PUT(bench->server, READY_T);
    step(bench);
    assert_string_equal(heard(bench), "E57P01!");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup_keep, teardown)
        TEST(an_idle_transaction_is_told_at_the_next_statement),
        TEST(a_commit_is_refused_and_a_rollback_is_not),
        TEST(a_commit_among_others_ends_the_session),
        TEST(what_is_in_flight_in_a_transaction),
        TEST(what_is_in_flight_outside_a_transaction),
        TEST(a_batch_goes_on_up_to_its_sync),
        TEST(the_rest_of_a_copy_is_dropped),
        TEST(a_doomed_session_may_lose_another_server),
        TEST(a_large_notice_passes_through),
        TEST(a_writer_that_is_a_standby_is_left),
        TEST(a_reader_asks_another_server),
        TEST(a_commit_with_a_number_is_looked_up),
        TEST(what_the_transaction_made_is_not_in_the_way),
        TEST(a_refused_transaction_ends_the_session),
#undef TEST
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
