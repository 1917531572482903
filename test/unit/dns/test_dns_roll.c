/* SPDX-License-Identifier: Apache-2.0
 * One key takes the place of another: the steps, their waits, and that a validator finds its way at each of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "dns/dns_roll.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_steps_of_each_role),
        cmocka_unit_test(test_a_key_that_was_never_used_may_go_at_once),
        cmocka_unit_test(test_nothing_is_retired_that_nobody_replaces),
    };
    return cmocka_run_group_tests_name("dns_roll", tests, NULL, NULL);
}
