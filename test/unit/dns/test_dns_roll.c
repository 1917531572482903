/* SPDX-License-Identifier: Apache-2.0
 * One key takes the place of another: the steps, their waits, and that a validator finds its way at each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/dns_roll_algorithm.h"

enum { NOW = 1000000, KEYS = 3600, DATA = 7200, PARENT = 86400, SPREAD = 300 };

static const struct dns_roll_times times = {NOW, KEYS, DATA, PARENT, SPREAD};

static struct dns_keyfile file_of(const char *text)
{
    struct dns_keyfile file;
    uint32_t line = 0;
    assert_int_equal(dns_keyfile_parse(span_text(text), &file, &line), ERR_OK);
    return file;
}

static void test_the_steps_of_each_role(void **state)
{
    (void)state;
    static const struct {
        enum dns_keyfile_role role;
        uint32_t removal_s;
        bool parent;
    } cases[] = {{DNS_KEYFILE_ZSK, DATA + SPREAD, false},
                 {DNS_KEYFILE_KSK, PARENT + SPREAD, true},
                 {DNS_KEYFILE_CSK, PARENT + SPREAD, true}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_keyfile file = file_of("ksk 13 1 active 5 a\nzsk 13 2 active 5 b\ncsk 13 3 active 5 c\n");
        struct dns_roll roll = dns_roll_next(&file, cases[i].role, &times);
        assert_int_equal(roll.step, DNS_ROLL_PUBLISH);
        file.rows[3] =
            (struct dns_keyfile_row){.role = cases[i].role, .state = DNS_KEYFILE_PUBLISHED, .tag = 4, .since_s = NOW};
        file.count = 4;
        roll = dns_roll_next(&file, cases[i].role, &times);
        assert_int_equal(roll.step, DNS_ROLL_ACTIVATE);
        assert_int_equal(roll.row, 3);
        assert_int_equal(roll.due_s, NOW + KEYS + SPREAD);
        assert_int_equal(roll.parent, cases[i].parent);
        dns_roll_activate(&file, 3, NOW + 10000);
        assert_int_equal(file.rows[3].state, DNS_KEYFILE_ACTIVE);
        roll = dns_roll_next(&file, cases[i].role, &times);
        assert_int_equal(roll.step, DNS_ROLL_REMOVE);
        assert_int_equal(file.rows[roll.row].role, cases[i].role);
        assert_int_equal(file.rows[roll.row].state, DNS_KEYFILE_RETIRED);
        assert_int_equal(roll.due_s, NOW + 10000 + cases[i].removal_s);
        dns_roll_remove(&file, roll.row);
        assert_int_equal(file.count, 3);
        assert_int_equal(dns_roll_next(&file, cases[i].role, &times).step, DNS_ROLL_PUBLISH);
        for (uint32_t row = 0; row < file.count; row++) {
            assert_int_equal(file.rows[row].state, DNS_KEYFILE_ACTIVE); /* the other roles have not moved */
        }
    }
}

static void test_a_key_that_was_never_used_may_go_at_once(void **state)
{
    (void)state;
    const struct dns_keyfile file = file_of("zsk 13 2 published 5 b\n");
    assert_int_equal(dns_roll_free_s(&file.rows[0], &times), 5);
}

static void test_nothing_is_retired_that_nobody_replaces(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        enum err err;
    } cases[] = {
        {"zsk 13 1 active 5 a\nksk 13 2 active 5 b\n", ERR_REFUSED},
        {"zsk 13 1 active 5 a\nksk 13 2 active 5 b\nzsk 13 3 published 5 c\n", ERR_REFUSED},
        {"zsk 13 1 active 5 a\nksk 13 2 active 5 b\nzsk 13 3 active 5 c\n", ERR_OK},
        {"ksk 13 1 active 5 a\nzsk 13 2 active 5 b\n", ERR_REFUSED},
        {"ksk 13 1 active 5 a\nzsk 13 2 active 5 b\nksk 13 3 active 5 c\n", ERR_OK},
        {"csk 13 1 active 5 a\n", ERR_REFUSED},
        {"csk 13 1 active 5 a\nzsk 13 2 active 5 b\n", ERR_REFUSED},
        {"csk 13 1 active 5 a\nzsk 13 2 active 5 b\nksk 13 3 active 5 c\n", ERR_OK},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct dns_keyfile file = file_of(cases[i].text);
        assert_int_equal(dns_roll_retire(&file, 0, NOW), cases[i].err);
        assert_int_equal(file.rows[0].state, cases[i].err == ERR_OK ? DNS_KEYFILE_RETIRED : DNS_KEYFILE_ACTIVE);
    }
}

/* All steps of a change of algorithm, with their waits; and that no key may change of itself meanwhile. */
static void test_one_algorithm_takes_the_place_of_another(void **state)
{
    (void)state;
    struct dns_keyfile file = file_of("ksk 13 1 active 5 a\nzsk 13 2 active 5 b\n");
    assert_int_equal(dns_roll_algorithm_next(&file, 13, &times).step, DNS_ROLL_ALGORITHM_DONE);
    assert_int_equal(dns_roll_algorithm_next(&file, 15, &times).step, DNS_ROLL_ALGORITHM_BEGIN);
    assert_false(dns_roll_algorithm_mixed(&file));
    file = file_of("ksk 13 1 active 5 a\nzsk 13 2 active 5 b\nksk 15 3 ahead 1000000 c\nzsk 15 4 ahead 1000000 d\n");
    assert_true(dns_roll_algorithm_mixed(&file));
    static const struct {
        enum dns_roll_algorithm_step step;
        uint64_t wait_s;
        enum dns_keyfile_state old; /* afterwards */
        enum dns_keyfile_state fresh;
    } cases[] = {
        {DNS_ROLL_ALGORITHM_TELL, DATA + SPREAD, DNS_KEYFILE_ACTIVE, DNS_KEYFILE_ACTIVE},
        {DNS_ROLL_ALGORITHM_RETIRE, KEYS + SPREAD, DNS_KEYFILE_RETIRED, DNS_KEYFILE_ACTIVE},
        {DNS_ROLL_ALGORITHM_HIDE, PARENT + SPREAD, DNS_KEYFILE_BEHIND, DNS_KEYFILE_ACTIVE},
    };
    uint64_t now_s = NOW;
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dns_roll_algorithm next = dns_roll_algorithm_next(&file, 15, &times);
        assert_int_equal(next.step, cases[i].step);
        assert_int_equal(next.due_s, now_s + cases[i].wait_s);
        now_s = next.due_s + 7;
        dns_roll_algorithm_do(&file, 15, next.step, now_s);
        for (uint32_t row = 0; row < file.count; row++) {
            assert_int_equal(file.rows[row].state, row < 2 ? cases[i].old : cases[i].fresh);
        }
    }
    const struct dns_roll_algorithm last = dns_roll_algorithm_next(&file, 15, &times);
    assert_int_equal(last.step, DNS_ROLL_ALGORITHM_REMOVE);
    assert_int_equal(last.due_s, now_s + KEYS + SPREAD);
    dns_roll_remove(&file, 0);
    dns_roll_remove(&file, 0);
    assert_int_equal(dns_roll_algorithm_next(&file, 15, &times).step, DNS_ROLL_ALGORITHM_DONE);
}

static void test_nothing_changes_its_algorithm_while_a_key_is_on_its_way(void **state)
{
    (void)state;
    static const char *const cases[] = {
        "ksk 13 1 active 5 a\nzsk 13 2 active 5 b\nzsk 13 3 published 5 c\n",
        "ksk 13 1 active 5 a\nzsk 13 2 retired 5 b\nzsk 13 3 active 5 c\n",
        "csk 13 1 retired 5 a\ncsk 15 2 ahead 5 b\n",
        "csk 13 1 active 5 a\ncsk 15 2 published 5 b\n",
        "ksk 13 1 retired 5 a\nzsk 13 2 behind 5 b\ncsk 15 3 active 5 c\n",
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const struct dns_keyfile file = file_of(cases[i]);
        assert_int_equal(dns_roll_algorithm_next(&file, 15, &times).step, DNS_ROLL_ALGORITHM_MIXED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_steps_of_each_role),
        cmocka_unit_test(test_a_key_that_was_never_used_may_go_at_once),
        cmocka_unit_test(test_nothing_is_retired_that_nobody_replaces),
        cmocka_unit_test(test_one_algorithm_takes_the_place_of_another),
        cmocka_unit_test(test_nothing_changes_its_algorithm_while_a_key_is_on_its_way),
    };
    return cmocka_run_group_tests_name("dns_roll", tests, NULL, NULL);
}
