/* SPDX-License-Identifier: Apache-2.0
 * Where two histories part, equal numbers of different timelines included. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "reconcile/salvage_fork.h"

#define TWO "1\t0/1000\tno recovery target specified\n\n"

static const struct {
    const char *own;
    uint32_t own_timeline;
    const char *writer;
    uint32_t writer_timeline;
    bool stranger;
    uint64_t fork; /* 0: nothing in common */
    uint32_t timeline;
} cases[] = {
    {"", 1, TWO, 2, false, 0x1000, 2},
    {TWO, 2, TWO "2\t0/2000\tx\n", 3, false, 0x2000, 3},
    {"", 1, TWO "2\t0/2000\tx\n", 3, false, 0x1000, 2},
    {"1\t0/900\tx\n", 2, TWO, 2, false, 0x900, 2}, /* two promotions to number 2, the old node's came first */
    {"1\t0/1100\tx\n", 2, TWO, 2, false, 0x1000, 2},
    {TWO, 2, TWO, 2, true, 0x1000, 2}, /* parted at one place, under two epochs */
    {TWO, 2, TWO "2\t0/2000\tx\n", 3, true, 0x1000, 2},
    {"", 1, "", 1, true, 0, 0},
    {"1\t0/900\tx\n2\t0/1500\tx\n", 3, TWO, 2, false, 0x900, 2},
};

static void test_find(void **state)
{
    (void)state;
    static struct salvage_fork_history own;
    static struct salvage_fork_history writer;
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct lsn fork = {0};
        uint32_t timeline = 0;
        assert_int_equal(salvage_fork_read(span_text(cases[i].own), cases[i].own_timeline, &own), ERR_OK);
        assert_int_equal(salvage_fork_read(span_text(cases[i].writer), cases[i].writer_timeline, &writer), ERR_OK);
        assert_int_equal(salvage_fork_find(&own, &writer, cases[i].stranger, &fork, &timeline),
                         cases[i].fork > 0 ? ERR_OK : ERR_NOT_FOUND);
        assert_int_equal(fork.position, cases[i].fork);
        assert_int_equal(timeline, cases[i].timeline);
    }
}

static void test_refused(void **state)
{
    (void)state;
    static struct salvage_fork_history history;
    static const char *const wrong[] = {
        "x\n", "1\n", "1 y z\n", "0\t0/1\tx\n", "2\t0/1\tx\n1\t0/2\tx\n", "5\t0/1\tx\n", "99999999999\t0/1\tx\n"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(salvage_fork_read(span_text(wrong[i]), 4, &history), ERR_INVALID);
    }
    assert_int_equal(salvage_fork_read(span_text("# a comment\n\n1\t0/1000\tx\n"), 2, &history), ERR_OK);
    assert_int_equal(history.count, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_find),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
