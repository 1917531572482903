/* SPDX-License-Identifier: Apache-2.0
 * What PostgreSQL writes for people: read right, and refused when it is not what it should be. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "agent/pgparse.h"

static const char control_text[] = "pg_control version number:            1300\n"
                                   "Database system identifier:           7441234567890123456\n"
                                   "Database cluster state:               shut down\n"
                                   "pg_control last modified:             Sun Nov 22 06:40:00 2026\n"
                                   "Latest checkpoint location:           0/3000148\n"
                                   "Latest checkpoint's REDO location:    0/3000110\n"
                                   "Latest checkpoint's TimeLineID:       3\n"
                                   "Latest checkpoint's PrevTimeLineID:   3\n"
                                   "Minimum recovery ending location:     0/0\n"
                                   "Min recovery ending loc's timeline:   0\n"
                                   "Bytes per WAL segment:                1048576\n"
                                   "Data page checksum version:           1\n";

static void test_control(void **state)
{
    (void)state;
    struct pgparse_control control;
    assert_int_equal(pgparse_control(span_text(control_text), &control), ERR_OK);
    assert_int_equal(control.system_id, 7441234567890123456U);
    assert_int_equal(control.state, PGPARSE_SHUT_DOWN);
    assert_int_equal(control.checkpoint.position, 0x3000148);
    assert_int_equal(control.timeline, 3);
    assert_int_equal(control.minimum.position, 0);
    assert_int_equal(control.segment_bytes, 1024 * 1024);
    assert_true(control.checksums);
}

static void test_control_states(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum pgparse_state state;
    } cases[] = {
        {"in production", PGPARSE_IN_PRODUCTION},
        {"in archive recovery", PGPARSE_IN_RECOVERY},
        {"shut down in recovery", PGPARSE_SHUT_DOWN_IN_RECOVERY},
        {"shutting down", PGPARSE_STATE_OTHER},
        {"starting up", PGPARSE_STATE_OTHER},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char text[512];
        struct pgparse_control control;
        snprintf(text, sizeof text,
                 "Database system identifier: 7\nDatabase cluster state:   %s\nLatest checkpoint location: 1/0\n"
                 "Latest checkpoint's TimeLineID: 1\nBytes per WAL segment: 16777216\n",
                 cases[i].text);
        assert_int_equal(pgparse_control(span_text(text), &control), ERR_OK);
        assert_int_equal(control.state, cases[i].state);
    }
}

static void test_control_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "Database system identifier: 7\n",
        "Database system identifier: 99999999999999999999999\n",
        "Database system identifier: 7\nLatest checkpoint location: 1/0\nLatest checkpoint's TimeLineID: 1\n",
        "Database system identifier: 7x\nLatest checkpoint location: 1/0\nLatest checkpoint's TimeLineID: 1\n",
        "Database system identifier: 7\nLatest checkpoint location: 1-0\nLatest checkpoint's TimeLineID: 1\n",
        "Database system identifier: 7\nLatest checkpoint location: 1/0\nLatest checkpoint's TimeLineID: 4294967296\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pgparse_control control;
        assert_int_equal(pgparse_control(span_text(bad[i]), &control), ERR_INVALID);
    }
}

static void test_checkpoint_end(void **state)
{
    (void)state;
    static const struct {
        uint64_t start;
        uint64_t end;
    } cases[] = {
        {0x3000028, 0x30000a0},                               /* 114 bytes, rounded up to 8 */
        {0x3000000 + 8192 - 120, 0x3002000},                  /* fits the page to its last bytes */
        {0x3000000 + 8192 - 16, 0x3000000 + 8192 + 24 + 104}, /* goes on behind the next page's header */
        {0x4000000 - 16, 0x4000000 + 40 + 104},               /* ... of a new segment */
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct lsn end = pgparse_checkpoint_end((struct lsn){cases[i].start}, 16 * 1024 * 1024);
        assert_int_equal(end.position, cases[i].end);
    }
}

static void test_pid(void **state)
{
    (void)state;
    struct pgparse_pid pid;
    assert_int_equal(pgparse_pid(span_text("4711\n/data\n1700000000\n5432\n/run\n127.0.0.1\n"), &pid), ERR_OK);
    assert_int_equal(pid.pid, 4711);
    assert_int_equal(pid.port, 5432);
    assert_int_equal(pgparse_pid(span_text("4711\n"), &pid), ERR_OK);
    assert_int_equal(pid.port, 0);
    assert_int_equal(pgparse_pid(span_text(""), &pid), ERR_INVALID);
    assert_int_equal(pgparse_pid(span_text("-4711\n"), &pid), ERR_INVALID);
    assert_int_equal(pgparse_pid(span_text("1\n"), &pid), ERR_INVALID);
    assert_int_equal(pgparse_pid(span_text("99999999999\n"), &pid), ERR_INVALID);
    assert_int_equal(pgparse_pid(span_text("7\nx\ny\n77777\n"), &pid), ERR_INVALID);
}

static void test_history(void **state)
{
    (void)state;
    struct pgparse_history history;
    assert_int_equal(
        pgparse_history(span_text("1\t0/3000148\tno recovery target specified\n\n# a comment\n2\t0/5000000\tx\n"),
                        &history),
        ERR_OK);
    assert_int_equal(history.count, 2);
    assert_int_equal(history.switches[0].end.position, 0x3000148);
    assert_int_equal(history.switches[1].timeline, 2);
    assert_int_equal(pgparse_history(span_text(""), &history), ERR_OK);
    assert_int_equal(history.count, 0);
    assert_int_equal(pgparse_history(span_text("x\t0/1\n"), &history), ERR_INVALID);
    assert_int_equal(pgparse_history(span_text("1\n"), &history), ERR_INVALID);
    assert_int_equal(pgparse_history(span_text("2\t0/1\n1\t0/2\n"), &history), ERR_INVALID);
    assert_int_equal(pgparse_history(span_text("0\t0/1\n"), &history), ERR_INVALID);
}

static void test_who_may_follow(void **state)
{
    (void)state;
    struct pgparse_history history;
    assert_int_equal(pgparse_history(span_text("1\t0/300\tx\n3\t0/500\ty\n"), &history), ERR_OK);
    static const struct {
        uint32_t timeline;
        uint64_t position;
        bool may;
    } cases[] = {
        {1, 0x2ff, true},  {1, 0x300, true}, {1, 0x301, false}, {2, 0x100, false}, {3, 0x500, true},
        {3, 0x501, false}, {4, 0x600, true}, {4, 0x601, false}, {5, 0x100, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        assert_int_equal(
            pgparse_history_holds(&history, 4, (struct lsn){0x600}, cases[i].timeline, (struct lsn){cases[i].position}),
            cases[i].may);
    }
    struct pgparse_history own;
    assert_int_equal(pgparse_history(span_text("1\t0/300\tx\n"), &own), ERR_OK);
    assert_true(pgparse_history_within(&own, &history));
    assert_int_equal(pgparse_history(span_text("1\t0/301\tx\n"), &own), ERR_OK);
    assert_false(pgparse_history_within(&own, &history));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_control),
        cmocka_unit_test(test_control_states),
        cmocka_unit_test(test_control_refused),
        cmocka_unit_test(test_checkpoint_end),
        cmocka_unit_test(test_pid),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_who_may_follow),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
