/* SPDX-License-Identifier: Apache-2.0
 * Tests of what a session keeps: streams of client messages whole and cut at every byte, answers, parameters, log-ins.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "proxy/proxy_keep.h"
#include "wire/pg_message.h"

struct stream {
    struct proxy_keep *keep;
    struct pg_frame frame;
    uint8_t memory[4096];
    struct buf buf;
};

static void start(struct stream *stream)
{
    stream->keep = proxy_keep_new(span_text("ann"));
    assert_non_null(stream->keep);
    pg_frame_init(&stream->frame);
    buf_init(&stream->buf, stream->memory, sizeof stream->memory);
}

static void put(struct stream *stream, uint8_t type, const char *body, size_t size)
{
    buf_u8(&stream->buf, type);
    buf_u32be(&stream->buf, (uint32_t)size + 4);
    buf_bytes(&stream->buf, body, size);
}

#define PUT(stream, type, text) put(stream, type, text, sizeof(text) - 1)

/* Feeds what was put, in pieces. */
static unsigned feed(struct stream *stream, size_t piece)
{
    unsigned count = 0;
    for (size_t at = 0; at < stream->buf.size; at += piece) {
        const size_t left = stream->buf.size - at;
        struct span bytes = span_of(stream->buf.data + at, left < piece ? left : piece);
        struct pg_frame_message message;
        while (proxy_keep_step(stream->keep, &stream->frame, &bytes, &message)) {
            count++;
        }
    }
    buf_reset(&stream->buf);
    return count;
}

static void answer(struct stream *stream, uint8_t type, const char *body, size_t size, bool idle)
{
    const struct pg_frame_message message = {.type = type, .body_size = (uint32_t)size, .peek = span_of(body, size)};
    proxy_keep_server(stream->keep, &message, idle);
}

static unsigned entries(const struct proxy_keep *keep)
{
    struct proxy_journal_entry entry;
    unsigned count = 0;
    for (size_t at = 0; proxy_journal_next(&keep->journal, &at, &entry);) {
        count += entry.pending ? 0 : 1;
    }
    return count;
}

static void check_stream(size_t piece)
{
    struct stream stream;
    const char *why = NULL;
    start(&stream);
    PUT(&stream, 'Q', "SELECT 1\0");
    PUT(&stream, 'P', "\0SET a = 1\0\0\0");
    PUT(&stream, 'B', "\0\0\0\0\0\0\0\0");
    PUT(&stream, 'E', "\0\0\0\0\0");
    PUT(&stream, 'S', "");
    PUT(&stream, 'P', "named\0SELECT $1\0\0\1\0\0\0\x17");
    PUT(&stream, 'P', "other\0SELECT 2\0\0\0");
    PUT(&stream, 'C', "Sother\0");
    PUT(&stream, 'C', "Pportal\0");
    PUT(&stream, 'Q', "LISTEN news\0");
    PUT(&stream, 'd', "SET b = 1\0");
    assert_int_equal(feed(&stream, piece), 11);
    answer(&stream, 'Z', "I", 1, true);
    assert_int_equal(entries(stream.keep), 3);
    assert_true(proxy_keep_movable(stream.keep, &why));
    struct proxy_journal_entry entry;
    size_t at = 0;
    while (proxy_journal_next(&stream.keep->journal, &at, &entry) && entry.kind != PROXY_JOURNAL_STATEMENT) {
    }
    assert_true(span_is(entry.key, "named"));
    assert_int_equal(entry.message.size, PG_FRAME_HEAD + 22);
    assert_memory_equal(entry.message.data + PG_FRAME_HEAD, "named\0SELECT $1\0\0\1\0\0\0\x17", 22);
    proxy_keep_free(stream.keep);
}

static void test_stream_cut_at_every_size(void **state)
{
    (void)state;
    for (size_t piece = 1; piece < 200; piece++) {
        check_stream(piece);
    }
}

static void test_rolled_back_settings_are_forgotten(void **state)
{
    (void)state;
    const char *why = NULL;
    struct stream stream;
    start(&stream);
    PUT(&stream, 'Q', "SET a = 1\0");
    feed(&stream, 100);
    answer(&stream, 'E', "SERROR\0C22023\0\0", 16, false);
    answer(&stream, 'Z', "I", 1, true);
    assert_int_equal(entries(stream.keep), 0);
    /* A part of a transaction was rolled back: which settings it had is not known. */
    PUT(&stream, 'Q', "SET a = 2\0");
    feed(&stream, 100);
    answer(&stream, 'C', "ROLLBACK\0", 9, false);
    answer(&stream, 'C', "COMMIT\0", 7, false);
    answer(&stream, 'Z', "I", 1, true);
    assert_false(proxy_keep_movable(stream.keep, &why));
    assert_non_null(strstr(why, "rolled back"));
    /* DISCARD ALL makes it as new. */
    PUT(&stream, 'Q', "DISCARD ALL\0");
    feed(&stream, 100);
    answer(&stream, 'C', "DISCARD ALL\0", 12, false);
    answer(&stream, 'Z', "I", 1, true);
    assert_true(proxy_keep_movable(stream.keep, &why));
    assert_int_equal(entries(stream.keep), 0);
    proxy_keep_free(stream.keep);
}

static void test_what_cannot_be_moved(void **state)
{
    (void)state;
    static const struct {
        uint8_t type;
        const char *body;
        size_t size;
        const char *why;
    } samples[] = {
#define SAMPLE(type, text, why) {type, text, sizeof(text) - 1, why}
        SAMPLE('Q', "CREATE TEMP TABLE t()\0", "temporary table"),
        SAMPLE('P', "\0SELECT pg_advisory_lock(1)\0\0\0", "advisory lock"),
        SAMPLE('P', "s\0SET a = 1\0\0\0", "prepared statement that changes"),
        SAMPLE('Q', "SET a = 1; SELECT 1\0", "among other statements"),
        SAMPLE('Q', "SET a = 1; LISTEN x\0", "among other statements"),
#undef SAMPLE
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct stream stream;
        const char *why = NULL;
        start(&stream);
        put(&stream, samples[i].type, samples[i].body, samples[i].size);
        feed(&stream, 3);
        answer(&stream, 'Z', "I", 1, true);
        assert_false(proxy_keep_movable(stream.keep, &why));
        assert_non_null(strstr(why, samples[i].why));
        proxy_keep_free(stream.keep);
    }
}

/* What a transaction that is lost has made is gone with it; a lock was another's business than the transaction's. */
static void test_what_is_undone_with_its_transaction(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        size_t size;
        bool undone;
    } samples[] = {
#define SAMPLE(text, undone) {text, sizeof(text) - 1, undone}
        SAMPLE("CREATE TEMP TABLE t()\0", true),       SAMPLE("SELECT set_config('a', 'b', false)\0", true),
        SAMPLE("SET a = 1; SELECT 1\0", true),         SAMPLE("DECLARE c CURSOR WITH HOLD FOR SELECT 1\0", true),
        SAMPLE("SELECT pg_advisory_lock(1)\0", false), SAMPLE("LOAD 'plpgsql'\0", false),
        SAMPLE("PREPARE p AS SELECT 1\0", false),
#undef SAMPLE
    };
    for (size_t i = 0; i < 2 * sizeof samples / sizeof samples[0]; i++) {
        struct stream stream;
        const char *why = NULL;
        const bool committed = i % 2 == 0;
        start(&stream);
        PUT(&stream, 'Q', "BEGIN\0");
        put(&stream, 'Q', samples[i / 2].text, samples[i / 2].size);
        feed(&stream, 1000);
        answer(&stream, 'Z', "T", 1, false);
        if (committed) {
            answer(&stream, 'Z', "I", 1, true);
        } else {
            proxy_keep_forget(stream.keep);
        }
        assert_int_equal(proxy_keep_movable(stream.keep, &why), !committed && samples[i / 2].undone);
        proxy_keep_free(stream.keep);
    }
}

static void prepared(struct stream *stream, const char *name, const char *text)
{
    char body[200];
    const int size = snprintf(body, sizeof body, "%s%c%s%c%c", name, 0, text, 0, 0);
    put(stream, 'P', body, (size_t)size + 1);
}

static void bind(struct stream *stream, const char *name)
{
    char body[300] = "";
    snprintf(body + 1, sizeof body - 1, "%s", name);
    put(stream, 'B', body, strlen(name) + 8);
}

/* A driver that prepares all that it says often: which of it is executed is told by name. */
static void test_commits_in_flight(void **state)
{
    (void)state;
    struct stream stream;
    const struct proxy_keep *keep = NULL;
    char name[16];
    start(&stream);
    keep = stream.keep;
    prepared(&stream, "b", "BEGIN");
    prepared(&stream, "c", "COMMIT");
    prepared(&stream, "i", "INSERT INTO t VALUES (1)");
    prepared(&stream, "r", "ROLLBACK");
    feed(&stream, 7);
    proxy_keep_flight_begin(stream.keep, true);
    bind(&stream, "b");
    bind(&stream, "i");
    feed(&stream, 7);
    assert_int_equal(keep->flight_units, 2);
    assert_true((keep->flight_first & PG_STATEMENT_BEGIN) != 0);
    assert_false(proxy_keep_flight_commits(keep));
    answer(&stream, 'Z', "T", 1, false);
    proxy_keep_flight_begin(stream.keep, true);
    bind(&stream, "r");
    feed(&stream, 7);
    assert_true((keep->flight_first & PG_STATEMENT_ROLLBACK) != 0);
    bind(&stream, "c");
    feed(&stream, 7);
    assert_true(proxy_keep_flight_commits(keep));
    assert_true((keep->flight_first & PG_STATEMENT_COMMIT) == 0);
    /* It was bound and may be executed later, until the transaction has ended. */
    proxy_keep_flight_begin(stream.keep, true);
    assert_true(proxy_keep_flight_commits(keep));
    answer(&stream, 'Z', "I", 1, true);
    assert_false(proxy_keep_flight_commits(keep));
    /* The unnamed statement outlives its batch. */
    prepared(&stream, "", "END");
    feed(&stream, 7);
    proxy_keep_flight_begin(stream.keep, true);
    bind(&stream, "");
    feed(&stream, 7);
    assert_true(proxy_keep_flight_commits(keep));
    answer(&stream, 'Z', "I", 1, true);
    /* More names than are told apart, and one that is too long to be looked at: either could be a COMMIT. */
    for (int i = 0; i < PROXY_KEEP_NAMES; i++) {
        snprintf(name, sizeof name, "c%d", i);
        prepared(&stream, name, "COMMIT");
    }
    feed(&stream, 7);
    proxy_keep_flight_begin(stream.keep, true);
    bind(&stream, "i");
    feed(&stream, 7);
    assert_true(proxy_keep_flight_commits(keep));
    proxy_keep_free(stream.keep);
    start(&stream);
    prepared(&stream, "c", "COMMIT");
    feed(&stream, 7);
    proxy_keep_flight_begin(stream.keep, true);
    char longer[200];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    bind(&stream, longer);
    feed(&stream, 7);
    assert_true(proxy_keep_flight_commits(stream.keep));
    proxy_keep_free(stream.keep);
}

/* The number that a client has asked for, as long as its transaction is open. */
static void test_number_of_a_transaction(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        const char *row;
        size_t size;
        uint64_t xid;
    } samples[] = {
#define SAMPLE(text, row, xid) {text, row, sizeof(row) - 1, xid}
        SAMPLE("SELECT pg_current_xact_id()",
               "\0\1\0\0\0\4"
               "4711",
               4711),
        SAMPLE("SELECT txid_current_if_assigned()",
               "\0\1\0\0\0\4"
               "4711",
               4711),
        SAMPLE("SELECT pg_current_xact_id_if_assigned()", "\0\1\xff\xff\xff\xff", 0),
        SAMPLE("SELECT 1",
               "\0\1\0\0\0\4"
               "4711",
               0),
        SAMPLE("SELECT txid_current(), 1",
               "\0\2\0\0\0\4"
               "4711\0\0\0\1"
               "1",
               0),
        SAMPLE("SELECT txid_current()", "\0\1\0\0\0\x08\0\0\0\0\0\0\x12\x67", 0), /* binary */
        SAMPLE("SELECT txid_current()",
               "\0\1\0\0\0\4"
               "47",
               0),
        SAMPLE("SELECT 1; SELECT txid_current()",
               "\0\1\0\0\0\4"
               "4711",
               0),
#undef SAMPLE
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        struct stream stream;
        start(&stream);
        proxy_keep_flight_begin(stream.keep, true);
        put(&stream, 'Q', samples[i].text, strlen(samples[i].text) + 1);
        feed(&stream, 7);
        answer(&stream, 'D', samples[i].row, samples[i].size, false);
        answer(&stream, 'Z', "T", 1, false);
        if (stream.keep->xid != samples[i].xid) {
            fail_msg("%s: %llu", samples[i].text, (unsigned long long)stream.keep->xid);
        }
        answer(&stream, 'Z', "I", 1, true);
        assert_int_equal(stream.keep->xid, 0);
        proxy_keep_free(stream.keep);
    }
}

/* Where a backslash hides a quote in any string, words cannot be told from strings. */
static void test_old_strings_may_hide_a_commit(void **state)
{
    (void)state;
    struct stream stream;
    start(&stream);
    proxy_keep_flight_begin(stream.keep, true);
    PUT(&stream, 'Q', "SELECT 1\0");
    feed(&stream, 7);
    answer(&stream, 'S', "standard_conforming_strings\0on\0", 31, false);
    assert_false(proxy_keep_flight_commits(stream.keep));
    answer(&stream, 'S', "standard_conforming_strings\0off\0", 32, false);
    assert_true(proxy_keep_flight_commits(stream.keep));
    proxy_keep_free(stream.keep);
}

static void test_statement_that_is_too_large_to_keep(void **state)
{
    (void)state;
    const char *why = NULL;
    struct proxy_keep *keep = proxy_keep_new(span_text("ann"));
    struct pg_frame frame;
    struct pg_frame_message message;
    const size_t size = PROXY_KEEP_CAPTURE + 100;
    uint8_t *bytes = calloc(1, size);
    struct buf head;
    assert_non_null(bytes);
    pg_frame_init(&frame);
    memset(bytes, ' ', size);
    buf_init(&head, bytes, size);
    buf_u8(&head, 'P');
    buf_u32be(&head, (uint32_t)size - 1);
    buf_bytes(&head, "s\0", 2);
    memset(bytes + size - 3, 0, 3);
    struct span rest = span_of(bytes, size);
    assert_true(proxy_keep_step(keep, &frame, &rest, &message));
    assert_false(proxy_keep_movable(keep, &why));
    assert_non_null(strstr(why, "more prepared statements"));
    free(bytes);
    proxy_keep_free(keep);
}

static void test_parameters(void **state)
{
    (void)state;
    struct stream stream;
    start(&stream);
    answer(&stream, 'S', "a\0one\0", 6, false);
    answer(&stream, 'S', "b\0two\0", 6, false);
    answer(&stream, 'S', "a\0three\0", 8, false);
    answer(&stream, 'S', "cut\0off", 7, false); /* not whole: will be told again */
    assert_true(proxy_keep_parameter_told(stream.keep, span_text("a"), span_text("three")));
    assert_false(proxy_keep_parameter_told(stream.keep, span_text("a"), span_text("one")));
    assert_false(proxy_keep_parameter_told(stream.keep, span_text("cut"), span_text("off")));
    proxy_keep_parameter(&stream.keep->fresh, span_of("a\0four\0", 7));
    proxy_keep_parameters_take(stream.keep);
    assert_true(proxy_keep_parameter_told(stream.keep, span_text("a"), span_text("four")));
    assert_false(proxy_keep_parameter_told(stream.keep, span_text("b"), span_text("two")));
    proxy_keep_free(stream.keep);
}

/* RFC 7677's example, as messages. */
static void test_log_in_is_learnt(void **state)
{
    (void)state;
    static const char verifier[] =
        "SCRAM-SHA-256$4096:W22ZaJ0SNY7soEsUEjb6gQ==$WG5d8oPm3OtcPnkdi4Uo7BkeZkBFzpcXkuLmtbsT4qY=:"
        "wfPLwcE6nTWhTAmQ7tl2KeoiWGPlZqQxSrmfPwDl2dU=";
    static const char first[] = "\0\0\0\x0br=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,s="
                                "W22ZaJ0SNY7soEsUEjb6gQ==,i=4096";
    const char *why = NULL;
    for (size_t piece = 1; piece < 200; piece++) {
        struct stream stream;
        start(&stream);
        proxy_learn_request(&stream.keep->learn, span_of("\0\0\0\nSCRAM-SHA-256\0\0", 19));
        PUT(&stream, 'p', "SCRAM-SHA-256\0\0\0\0\x20n,,n=user,r=rOprNGfwEbeRWgbNEkqO");
        feed(&stream, piece);
        proxy_learn_request(&stream.keep->learn, span_of(first, sizeof first - 1));
        PUT(&stream, 'p',
            "c=biws,r=rOprNGfwEbeRWgbNEkqO%hvYDpWUa2RaTCAfuxFIlj)hNlF$k0,p="
            "dHzbZapWIk4jUhN+Ute9ytag9zjfMHgsqmmiz7AndVQ=");
        feed(&stream, piece);
        assert_true(proxy_learn_wants(&stream.keep->learn));
        assert_false(proxy_keep_movable(stream.keep, &why));
        assert_int_equal(proxy_learn_verifier(&stream.keep->learn, span_text(verifier)), ERR_OK);
        assert_true(proxy_keep_movable(stream.keep, &why));
        proxy_keep_free(stream.keep);
    }
}

static void test_other_ways_to_log_in(void **state)
{
    (void)state;
    const char *why = NULL;
    uint8_t memory[128];
    struct buf reply;
    buf_init(&reply, memory, sizeof memory);
    struct stream stream;
    start(&stream);
    assert_int_equal(proxy_learn_reply(&stream.keep->learn, span_of("\0\0\0\0", 4), &reply), ERR_OK); /* trust */
    assert_int_equal(reply.size, 0);
    proxy_learn_request(&stream.keep->learn, span_of("\0\0\0\3", 4));
    PUT(&stream, 'p', "hidden\0");
    feed(&stream, 2);
    assert_true(proxy_keep_movable(stream.keep, &why));
    assert_int_equal(proxy_learn_reply(&stream.keep->learn, span_of("\0\0\0\3", 4), &reply), ERR_OK);
    assert_int_equal(reply.size, 12);
    assert_memory_equal(reply.data, "p\0\0\0\x0bhidden", 12);
    assert_int_equal(proxy_learn_reply(&stream.keep->learn, span_of("\0\0\0\5salt", 8), &reply), ERR_UNSUPPORTED);
    proxy_learn_request(&stream.keep->learn, span_of("\0\0\0\7", 4)); /* GSSAPI */
    assert_false(proxy_keep_movable(stream.keep, &why));
    proxy_keep_free(stream.keep);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_stream_cut_at_every_size),
        cmocka_unit_test(test_rolled_back_settings_are_forgotten),
        cmocka_unit_test(test_what_cannot_be_moved),
        cmocka_unit_test(test_what_is_undone_with_its_transaction),
        cmocka_unit_test(test_commits_in_flight),
        cmocka_unit_test(test_number_of_a_transaction),
        cmocka_unit_test(test_old_strings_may_hide_a_commit),
        cmocka_unit_test(test_statement_that_is_too_large_to_keep),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_log_in_is_learnt),
        cmocka_unit_test(test_other_ways_to_log_in),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
