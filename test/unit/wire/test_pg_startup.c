/* SPDX-License-Identifier: Apache-2.0
 * Tests of the start-up packet. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/pg_startup.h"

#define BYTES(text) span_of(text, sizeof(text) - 1)

static void parses_a_session(void **state)
{
    (void)state;
    static const char packet[] = "\0\0\0\x33\0\3\0\0"
                                 "user\0ann\0database\0shop\0application_name\0x\0"; /* + final zero */
    struct pg_startup startup;
    uint32_t size = 1;
    assert_int_equal(pg_startup_measure(span_of(packet, 3), &size), ERR_OK);
    assert_int_equal(size, 0);
    assert_int_equal(pg_startup_measure(span_of(packet, sizeof packet), &size), ERR_OK);
    assert_int_equal(size, sizeof packet);
    assert_int_equal(pg_startup_parse(span_of(packet, sizeof packet), &startup), ERR_OK);
    assert_int_equal(startup.kind, PG_STARTUP_SESSION);
    assert_int_equal(startup.major, 3);
    assert_true(span_is(startup.user, "ann"));
    assert_true(span_is(startup.database, "shop"));
    assert_true(span_is(startup.application_name, "x"));
    assert_int_equal(startup.replication.size, 0);
}

static void every_shorter_packet_is_refused(void **state)
{
    (void)state;
    char packet[] = "\0\0\0\x33\0\3\0\0"
                    "user\0ann\0database\0shop\0application_name\0x\0";
    for (size_t size = 8; size < sizeof packet; size++) {
        packet[3] = (char)size;
        struct pg_startup startup;
        assert_int_equal(pg_startup_parse(span_of(packet, size), &startup), ERR_PROTOCOL);
    }
}

static void database_defaults_to_the_user(void **state)
{
    (void)state;
    struct pg_startup startup;
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x12\0\3\0\0user\0ann\0\0"), &startup), ERR_OK);
    assert_true(span_is(startup.database, "ann"));
}

static void parses_requests(void **state)
{
    (void)state;
    struct pg_startup startup;
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x08\x04\xd2\x16\x2f"), &startup), ERR_OK);
    assert_int_equal(startup.kind, PG_STARTUP_SSL);
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x08\x04\xd2\x16\x30"), &startup), ERR_OK);
    assert_int_equal(startup.kind, PG_STARTUP_GSSENC);
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x10\x04\xd2\x16\x2e\0\0\1\2abcd"), &startup), ERR_OK);
    assert_int_equal(startup.kind, PG_STARTUP_CANCEL);
    assert_int_equal(startup.cancel_pid, 258);
    assert_true(span_is(startup.cancel_secret, "abcd"));
}

static void refuses_what_is_malformed(void **state)
{
    (void)state;
    struct pg_startup startup;
    uint32_t size;
    assert_int_equal(pg_startup_measure(BYTES("\0\0\0\x07"), &size), ERR_PROTOCOL);
    assert_int_equal(pg_startup_measure(BYTES("\0\0\x27\x11"), &size), ERR_TOO_LARGE);
    assert_int_equal(pg_startup_measure(BYTES("GET "), &size), ERR_TOO_LARGE);
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x12\0\2\0\0user\0ann\0\0"), &startup), ERR_UNSUPPORTED);
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x09\0\3\0\0\0"), &startup), ERR_PROTOCOL);
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x0f\x04\xd2\x16\x2e\0\0\1\2abc"), &startup), ERR_PROTOCOL);
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x09\x04\xd2\x16\x2f."), &startup), ERR_PROTOCOL);
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x08\x04\xd2\x16\x31"), &startup), ERR_PROTOCOL);
    assert_int_equal(pg_startup_parse(BYTES("\0\0\0\x14\0\3\0\0user\0ann\0\0.."), &startup), ERR_PROTOCOL);
}

static void rewrites_the_database(void **state)
{
    (void)state;
    static const char packet[] = "\0\0\0\x33\0\3\0\0"
                                 "user\0ann\0database\0shop\0application_name\0x\0";
    struct pg_startup startup;
    assert_int_equal(pg_startup_parse(span_of(packet, sizeof packet), &startup), ERR_OK);
    uint8_t memory[128];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_startup_write(&buf, &startup, "warehouse");
    assert_false(buf.overflow);
    struct pg_startup again;
    assert_int_equal(pg_startup_parse(span_of(buf.data, buf.size), &again), ERR_OK);
    assert_true(span_is(again.database, "warehouse"));
    assert_true(span_is(again.user, "ann"));
    assert_true(span_is(again.application_name, "x"));
}

/* Who asks for more than 3.0 is told so, and the server gets a packet without it. */
static void tells_what_it_speaks(void **state)
{
    (void)state;
    static const uint8_t newer[] = "\0\0\0\x27\0\3\0\2user\0ann\0_pq_.x\0on\0database\0a\0";
    static const uint8_t told[] = "v\0\0\0\x13\0\3\0\0\0\0\0\1_pq_.x\0";
    uint8_t memory[128];
    struct pg_startup startup;
    struct buf buf;
    assert_int_equal(pg_startup_parse(span_of(newer, sizeof newer), &startup), ERR_OK);
    buf_init(&buf, memory, sizeof memory);
    assert_true(pg_startup_negotiate_write(&buf, &startup));
    assert_int_equal(buf.size, sizeof told - 1);
    assert_memory_equal(buf.data, told, sizeof told - 1);
    buf_reset(&buf);
    pg_startup_plain_write(&buf, &startup);
    struct pg_startup again;
    assert_int_equal(pg_startup_parse(span_of(buf.data, buf.size), &again), ERR_OK);
    assert_int_equal(again.minor, 0);
    assert_true(span_is(again.user, "ann") && span_is(again.database, "a"));
    assert_null(memmem(buf.data, buf.size, "_pq_", 4));
    struct buf none;
    buf_init(&none, memory, sizeof memory);
    startup = again;
    assert_false(pg_startup_negotiate_write(&none, &startup));
    assert_int_equal(none.size, 0);
}

static void writes_a_cancel(void **state)
{
    (void)state;
    uint8_t memory[32];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_startup_cancel_write(&buf, 77, span_text("efgh"));
    struct pg_startup startup;
    assert_int_equal(pg_startup_parse(span_of(buf.data, buf.size), &startup), ERR_OK);
    assert_int_equal(startup.kind, PG_STARTUP_CANCEL);
    assert_int_equal(startup.cancel_pid, 77);
    assert_true(span_is(startup.cancel_secret, "efgh"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(parses_a_session),
        cmocka_unit_test(every_shorter_packet_is_refused),
        cmocka_unit_test(database_defaults_to_the_user),
        cmocka_unit_test(parses_requests),
        cmocka_unit_test(refuses_what_is_malformed),
        cmocka_unit_test(rewrites_the_database),
        cmocka_unit_test(tells_what_it_speaks),
        cmocka_unit_test(writes_a_cancel),
    };
    return cmocka_run_group_tests_name("pg_startup", tests, NULL, NULL);
}
