/* SPDX-License-Identifier: Apache-2.0
 * Tests of cancel keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "proxy/proxy_cancel.h"

static struct proxy_cancel_target server_key(uint32_t pid, uint16_t size)
{
    struct proxy_cancel_target target = {.address = {.port = 5432, .family = 4},
                                         .key = {.pid = pid, .secret_size = size}};
    memset(target.key.secret, (int)pid, size);
    return target;
}

static struct span secret_of(const struct proxy_cancel_entry *entry)
{
    return span_of(entry->key.secret, entry->key.secret_size);
}

static void leads_to_the_right_server_process_while_busy(void **state)
{
    (void)state;
    struct proxy_cancel *cancel = proxy_cancel_new(3);
    struct proxy_cancel_entry *entries[3];
    for (uint32_t i = 0; i < 3; i++) {
        const struct proxy_cancel_target target = server_key(100 + i, 4);
        assert_int_equal(proxy_cancel_add(cancel, &target, &entries[i]), ERR_OK);
    }
    struct proxy_cancel_target found;
    assert_int_equal(proxy_cancel_find(cancel, entries[1]->key.pid, secret_of(entries[1]), &found), ERR_UNAVAILABLE);
    proxy_cancel_busy(entries[1], true);
    assert_int_equal(proxy_cancel_find(cancel, entries[1]->key.pid, secret_of(entries[1]), &found), ERR_OK);
    assert_int_equal(found.key.pid, 101);
    /* Another's secret does not fit, nor does a cut one, nor the server's own key. */
    assert_int_equal(proxy_cancel_find(cancel, entries[1]->key.pid, secret_of(entries[0]), &found), ERR_NOT_FOUND);
    assert_int_equal(proxy_cancel_find(cancel, entries[1]->key.pid, span_of(entries[1]->key.secret, 3), &found),
                     ERR_NOT_FOUND);
    assert_int_equal(proxy_cancel_find(cancel, 101, span_of("eeee", 4), &found), ERR_NOT_FOUND);
    for (uint32_t i = 0; i < 3; i++) {
        proxy_cancel_remove(cancel, entries[i]);
    }
    proxy_cancel_free(cancel);
}

static void a_key_ends_with_its_session(void **state)
{
    (void)state;
    struct proxy_cancel *cancel = proxy_cancel_new(1);
    const struct proxy_cancel_target target = server_key(7, 32);
    struct proxy_cancel_entry *entry;
    assert_int_equal(proxy_cancel_add(cancel, &target, &entry), ERR_OK);
    proxy_cancel_busy(entry, true);
    const struct proxy_cancel_key old = entry->key;
    assert_int_equal(old.secret_size, 32); /* as long as the server's */
    struct proxy_cancel_entry *second;
    assert_int_equal(proxy_cancel_add(cancel, &target, &second), ERR_QUEUE_FULL);
    proxy_cancel_remove(cancel, entry);
    struct proxy_cancel_target found;
    assert_int_equal(proxy_cancel_find(cancel, old.pid, span_of(old.secret, 32), &found), ERR_NOT_FOUND);
    assert_int_equal(proxy_cancel_add(cancel, &target, &entry), ERR_OK);
    assert_int_not_equal(entry->key.pid, old.pid); /* the place is the same, the number is not */
    proxy_cancel_busy(entry, true);
    assert_int_equal(proxy_cancel_find(cancel, old.pid, span_of(old.secret, 32), &found), ERR_NOT_FOUND);
    assert_int_equal(proxy_cancel_find(cancel, entry->key.pid, secret_of(entry), &found), ERR_OK);
    proxy_cancel_remove(cancel, entry);
    proxy_cancel_free(cancel);
}

static void numbers_are_positive_for_ever(void **state)
{
    (void)state;
    struct proxy_cancel *cancel = proxy_cancel_new(1);
    const struct proxy_cancel_target target = server_key(7, 4);
    for (uint32_t i = 0; i < 70000; i++) {
        struct proxy_cancel_entry *entry;
        assert_int_equal(proxy_cancel_add(cancel, &target, &entry), ERR_OK);
        assert_true(entry->key.pid > 0 && entry->key.pid <= INT32_MAX);
        proxy_cancel_remove(cancel, entry);
    }
    proxy_cancel_free(cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_to_the_right_server_process_while_busy),
        cmocka_unit_test(a_key_ends_with_its_session),
        cmocka_unit_test(numbers_are_positive_for_ever),
    };
    return cmocka_run_group_tests_name("proxy_cancel", tests, NULL, NULL);
}
