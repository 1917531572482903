/* SPDX-License-Identifier: Apache-2.0
 * The controllers' and agents' answers: anything that is not exactly an answer counts as none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "agent/controller.h"

static void test_lease(void **state)
{
    (void)state;
    struct controller_lease lease;
    const char *held = "{\"holder\":\"a\",\"epoch\":7,\"revision\":9,\"state\":\"held\",\"candidate\":null}";
    assert_int_equal(controller_parse_lease(held, strlen(held), &lease), ERR_OK);
    assert_int_equal(lease.state, CONTROLLER_LEASE_HELD);
    assert_string_equal(lease.holder, "a");
    assert_string_equal(lease.candidate, "");
    assert_int_equal(lease.epoch, 7);
    assert_int_equal(lease.revision, 9);
    const char *none = "{\"state\":\"none\"}";
    assert_int_equal(controller_parse_lease(none, strlen(none), &lease), ERR_OK);
    assert_int_equal(lease.state, CONTROLLER_LEASE_NONE);
    static const char *const bad[] = {
        "",
        "[]",
        "{}",
        "{\"state\":\"mine\"}",
        "{\"state\":\"held\"}",
        "{\"state\":\"held\",\"holder\":\"a\",\"epoch\":-1,\"revision\":1}",
        "{\"state\":\"held\",\"holder\":\"a\",\"epoch\":\"7\",\"revision\":1}",
        "{\"state\":\"held\",\"holder\":7,\"epoch\":7,\"revision\":1}",
        "{\"state\":\"none\",\"state\":\"held\"}",
        "{\"state\":\"none\",\"holder\":\"a-name-that-is-much-longer-than-names-may-be\"}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(controller_parse_lease(bad[i], strlen(bad[i]), &lease), ERR_PROTOCOL);
    }
}

static void test_word(void **state)
{
    (void)state;
    struct controller_word word;
    const char *text = "{\"view\":4,\"writer\":\"b\",\"epoch\":3}";
    assert_int_equal(controller_parse_word(text, strlen(text), &word), ERR_OK);
    assert_string_equal(word.writer, "b");
    assert_int_equal(word.epoch, 3);
    text = "{\"view\":4,\"writer\":null}";
    assert_int_equal(controller_parse_word(text, strlen(text), &word), ERR_OK);
    assert_string_equal(word.writer, "");
    text = "{\"writer\":\"b\"}";
    assert_int_equal(controller_parse_word(text, strlen(text), &word), ERR_PROTOCOL);
}

static void test_word_about_whom_to_stream_from(void **state)
{
    (void)state;
    struct controller_word word;
    const char *text = "{\"writer\":\"b\",\"epoch\":3,\"upstream\":\"c\",\"order\":17,\"slots\":[{\"node\":\"d\","
                       "\"flushed\":\"0/3000148\"},{\"node\":\"e\",\"flushed\":\"\"}]}";
    assert_int_equal(controller_parse_word(text, strlen(text), &word), ERR_OK);
    assert_string_equal(word.upstream, "c");
    assert_int_equal(word.order, 17);
    assert_int_equal(word.slots_count, 2);
    assert_string_equal(word.slots[0].node, "d");
    assert_int_equal(word.slots[0].flushed.position, 0x3000148);
    assert_string_equal(word.slots[1].node, "e");
    assert_int_equal(word.slots[1].flushed.position, 0);
    static const char *const bad[] = {
        "{\"writer\":\"b\",\"epoch\":3,\"slots\":7}",
        "{\"writer\":\"b\",\"epoch\":3,\"slots\":[{}]}",
        "{\"writer\":\"b\",\"epoch\":3,\"slots\":[\"d\"]}",
        "{\"writer\":\"b\",\"epoch\":3,\"slots\":[{\"node\":\"d\",\"flushed\":\"here\"}]}",
        "{\"writer\":\"b\",\"epoch\":3,\"upstream\":7}",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(controller_parse_word(bad[i], strlen(bad[i]), &word), ERR_PROTOCOL);
    }
}

static void test_revision_and_promise(void **state)
{
    (void)state;
    struct controller_grant grant = {0};
    const char *text = "{\"revision\":12}";
    assert_int_equal(controller_parse_grant(text, strlen(text), &grant), ERR_OK);
    assert_int_equal(grant.revision, 12);
    assert_int_equal(grant.lease_us, 0);
    text = "{\"revision\":13,\"lease_ms\":3000}";
    assert_int_equal(controller_parse_grant(text, strlen(text), &grant), ERR_OK);
    assert_int_equal(grant.lease_us, 3000000);
    text = "{\"revision\":13,\"lease_ms\":9223372036854775807}";
    assert_int_equal(controller_parse_grant(text, strlen(text), &grant), ERR_OK);
    assert_int_equal(grant.lease_us, 0);
    text = "{\"revision\":1.5}";
    assert_int_equal(controller_parse_grant(text, strlen(text), &grant), ERR_PROTOCOL);
    assert_true(controller_parse_promised("{\"promised\":true}", 17));
    assert_false(controller_parse_promised("{\"promised\":false}", 18));
    assert_false(controller_parse_promised("{\"promised\":1}", 14));
    assert_false(controller_parse_promised("true", 4));
    assert_false(controller_parse_promised("", 0));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lease),
        cmocka_unit_test(test_word),
        cmocka_unit_test(test_word_about_whom_to_stream_from),
        cmocka_unit_test(test_revision_and_promise),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
