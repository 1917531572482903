/* SPDX-License-Identifier: Apache-2.0
 * Tests of the journal: what replaces and undoes what, commits and rollbacks, limits. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/proxy_journal.h"

static void add(struct proxy_journal *journal, enum proxy_journal_kind kind, const char *key, const char *message)
{
    assert_true(proxy_journal_add(journal, kind, span_text(key), span_text(message)));
}

/* All messages that would be restored, in order, with a space behind each. */
static void restored(const struct proxy_journal *journal, const char *expected)
{
    char text[512] = "";
    size_t size = 0;
    struct proxy_journal_entry entry;
    for (size_t at = 0; proxy_journal_next(journal, &at, &entry);) {
        if (!entry.pending) {
            size += (size_t)snprintf(text + size, sizeof text - size, "%.*s ", (int)entry.message.size,
                                     (const char *)entry.message.data);
        }
    }
    assert_string_equal(text, expected);
}

static void test_settings_count_when_committed(void **state)
{
    (void)state;
    struct proxy_journal journal = {.data = NULL};
    add(&journal, PROXY_JOURNAL_SETTING, "a", "a=1");
    add(&journal, PROXY_JOURNAL_SETTING, "b", "b=1");
    restored(&journal, "");
    proxy_journal_settle(&journal, true);
    restored(&journal, "a=1 b=1 ");
    add(&journal, PROXY_JOURNAL_SETTING, "a", "a=2");
    proxy_journal_settle(&journal, false);
    restored(&journal, "a=1 b=1 ");
    add(&journal, PROXY_JOURNAL_SETTING, "a", "a=3");
    add(&journal, PROXY_JOURNAL_SETTING, "a", "a=4");
    proxy_journal_settle(&journal, true);
    restored(&journal, "b=1 a=4 ");
    proxy_journal_free(&journal);
}

static void test_what_undoes_what(void **state)
{
    (void)state;
    struct proxy_journal journal = {.data = NULL};
    add(&journal, PROXY_JOURNAL_SETTING, "role", "role");
    add(&journal, PROXY_JOURNAL_SETTING, "a", "a=1");
    add(&journal, PROXY_JOURNAL_CHANNEL, "x", "x");
    add(&journal, PROXY_JOURNAL_CHANNEL, "y", "y");
    add(&journal, PROXY_JOURNAL_STATEMENT, "s", "s");
    add(&journal, PROXY_JOURNAL_STATEMENT, "t", "t");
    proxy_journal_settle(&journal, true);
    restored(&journal, "role a=1 x y s t ");
    add(&journal, PROXY_JOURNAL_UNLISTEN, "x", "-");
    add(&journal, PROXY_JOURNAL_DEALLOCATE, "t", "-");
    proxy_journal_settle(&journal, false);
    restored(&journal, "role a=1 x y s t ");
    add(&journal, PROXY_JOURNAL_UNLISTEN, "x", "-");
    add(&journal, PROXY_JOURNAL_DEALLOCATE, "t", "-");
    proxy_journal_settle(&journal, true);
    restored(&journal, "role a=1 y s ");
    proxy_journal_close(&journal, span_text("s"));
    restored(&journal, "role a=1 y ");
    add(&journal, PROXY_JOURNAL_RESET_ALL, "*", "reset");
    proxy_journal_settle(&journal, true);
    restored(&journal, "role y reset ");
    add(&journal, PROXY_JOURNAL_RESET_ALL, "*", "reset");
    add(&journal, PROXY_JOURNAL_SETTING, "b", "b=1");
    proxy_journal_settle(&journal, true);
    restored(&journal, "role y reset b=1 ");
    add(&journal, PROXY_JOURNAL_UNLISTEN_ALL, "", "-");
    proxy_journal_settle(&journal, true);
    restored(&journal, "role reset b=1 ");
    add(&journal, PROXY_JOURNAL_DISCARD_ALL, "", "-");
    proxy_journal_settle(&journal, true);
    restored(&journal, "");
    assert_int_equal(journal.size, 0);
    proxy_journal_free(&journal);
}

static void test_several_settings_at_once_are_not_replaced(void **state)
{
    (void)state;
    struct proxy_journal journal = {.data = NULL};
    add(&journal, PROXY_JOURNAL_SETTING, "", "a=1;b=1");
    add(&journal, PROXY_JOURNAL_SETTING, "", "c=1;d=1");
    add(&journal, PROXY_JOURNAL_SETTING, "a", "a=2");
    proxy_journal_settle(&journal, true);
    restored(&journal, "a=1;b=1 c=1;d=1 a=2 ");
    add(&journal, PROXY_JOURNAL_RESET_ALL, "*", "reset");
    proxy_journal_settle(&journal, true);
    restored(&journal, "a=1;b=1 c=1;d=1 reset ");
    proxy_journal_free(&journal);
}

static void test_statements_of_the_same_name(void **state)
{
    (void)state;
    struct proxy_journal journal = {.data = NULL};
    add(&journal, PROXY_JOURNAL_STATEMENT, "s", "one");
    add(&journal, PROXY_JOURNAL_STATEMENT, "s", "two");
    add(&journal, PROXY_JOURNAL_STATEMENT, "s", "one"); /* again: nothing new */
    restored(&journal, "one two ");
    add(&journal, PROXY_JOURNAL_DEALLOCATE_ALL, "", "-");
    proxy_journal_settle(&journal, true);
    restored(&journal, "");
    proxy_journal_free(&journal);
}

static void test_limits(void **state)
{
    (void)state;
    static char large[PROXY_JOURNAL_BYTES + 1];
    memset(large, 'x', sizeof large - 1);
    struct proxy_journal journal = {.data = NULL};
    char key[PROXY_JOURNAL_KEY + 2];
    memset(key, 'k', sizeof key);
    key[sizeof key - 1] = '\0';
    assert_false(proxy_journal_add(&journal, PROXY_JOURNAL_SETTING, span_text(key), span_text("x")));
    assert_false(proxy_journal_add(&journal, PROXY_JOURNAL_STATEMENT, span_text("s"), span_text(large)));
    uint32_t count = 0;
    for (char name[16]; count < PROXY_JOURNAL_BYTES; count++) {
        snprintf(name, sizeof name, "s%u", count);
        if (!proxy_journal_add(&journal, PROXY_JOURNAL_STATEMENT, span_text(name), span_of(large, 1000))) {
            break;
        }
    }
    assert_in_range(count, 40, 64);
    proxy_journal_settle(&journal, true);
    assert_true(journal.size <= PROXY_JOURNAL_BYTES);
    proxy_journal_free(&journal);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_settings_count_when_committed),
        cmocka_unit_test(test_what_undoes_what),
        cmocka_unit_test(test_several_settings_at_once_are_not_replaced),
        cmocka_unit_test(test_statements_of_the_same_name),
        cmocka_unit_test(test_limits),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
