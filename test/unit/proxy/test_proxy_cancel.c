/* SPDX-License-Identifier: Apache-2.0
 * Tests of cancel keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/buf.h"
#include "proxy/proxy_cancel.h"

/* A server whose process id is `pid`. */
static struct proxy_cancel_server *server_of(uint32_t pid, size_t size)
{
    static const struct view_address address = {.port = 5432, .family = 4};
    uint8_t memory[64];
    struct buf body;
    struct proxy_cancel_server *server;
    buf_init(&body, memory, sizeof memory);
    buf_u32be(&body, pid);
    for (size_t i = 0; i < size; i++) {
        const uint8_t byte = (uint8_t)pid;
        buf_bytes(&body, &byte, 1);
    }
    assert_int_equal(proxy_cancel_server_new(&address, span_of(body.data, body.size), &server), ERR_OK);
    return server;
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
    struct proxy_cancel_server *servers[3];
    for (uint32_t i = 0; i < 3; i++) {
        servers[i] = server_of(100 + i, 4);
        assert_int_equal(proxy_cancel_add(cancel, 4, &entries[i]), ERR_OK);
        proxy_cancel_serve(entries[i], servers[i]);
    }
    struct proxy_cancel_ticket found;
    assert_int_equal(proxy_cancel_find(cancel, entries[1]->key.pid, secret_of(entries[1]), &found), ERR_UNAVAILABLE);
    proxy_cancel_busy(entries[1], true);
    assert_int_equal(proxy_cancel_find(cancel, entries[1]->key.pid, secret_of(entries[1]), &found), ERR_OK);
    assert_int_equal(found.server->key.pid, 101);
    assert_true(proxy_cancel_wanted(cancel, &found));
    proxy_cancel_busy(entries[1], false);
    assert_false(proxy_cancel_wanted(cancel, &found));
    proxy_cancel_done(cancel, &found);
    proxy_cancel_busy(entries[1], true);
    /* Another's secret does not fit, nor does a cut one, nor the server's own key. */
    assert_int_equal(proxy_cancel_find(cancel, entries[1]->key.pid, secret_of(entries[0]), &found), ERR_NOT_FOUND);
    assert_int_equal(proxy_cancel_find(cancel, entries[1]->key.pid, span_of(entries[1]->key.secret, 3), &found),
                     ERR_NOT_FOUND);
    assert_int_equal(proxy_cancel_find(cancel, 101, span_of("eeee", 4), &found), ERR_NOT_FOUND);
    for (uint32_t i = 0; i < 3; i++) {
        proxy_cancel_remove(cancel, entries[i]);
        proxy_cancel_server_end(cancel, servers[i]);
    }
    proxy_cancel_free(cancel);
}

/* What a pool asks before it gives a server to another client. */
static void a_server_is_not_quiet_while_a_cancel_is_on_its_way(void **state)
{
    (void)state;
    struct proxy_cancel *cancel = proxy_cancel_new(1);
    struct proxy_cancel_server *server = server_of(9, 4);
    struct proxy_cancel_entry *entry;
    struct proxy_cancel_ticket ticket;
    assert_int_equal(proxy_cancel_add(cancel, 4, &entry), ERR_OK);
    assert_int_equal(proxy_cancel_find(cancel, entry->key.pid, secret_of(entry), &ticket), ERR_UNAVAILABLE);
    proxy_cancel_busy(entry, true);
    assert_int_equal(proxy_cancel_find(cancel, entry->key.pid, secret_of(entry), &ticket), ERR_UNAVAILABLE);
    proxy_cancel_serve(entry, server);
    assert_int_equal(proxy_cancel_find(cancel, entry->key.pid, secret_of(entry), &ticket), ERR_OK);
    proxy_cancel_serve(entry, NULL);
    assert_false(proxy_cancel_server_quiet(server));
    assert_false(proxy_cancel_wanted(cancel, &ticket));
    proxy_cancel_done(cancel, &ticket);
    assert_null(ticket.server);
    assert_true(proxy_cancel_server_quiet(server));
    /* Its connection ends before the cancel does: the key is there until then. */
    proxy_cancel_serve(entry, server);
    assert_int_equal(proxy_cancel_find(cancel, entry->key.pid, secret_of(entry), &ticket), ERR_OK);
    proxy_cancel_remove(cancel, entry);
    proxy_cancel_server_end(cancel, server);
    assert_int_equal(ticket.server->key.pid, 9);
    assert_false(proxy_cancel_wanted(cancel, &ticket));
    proxy_cancel_done(cancel, &ticket);
    proxy_cancel_free(cancel);
}

static void a_key_ends_with_its_session(void **state)
{
    (void)state;
    struct proxy_cancel *cancel = proxy_cancel_new(1);
    struct proxy_cancel_server *server = server_of(7, 32);
    struct proxy_cancel_entry *entry;
    assert_int_equal(proxy_cancel_add(cancel, 32, &entry), ERR_OK);
    proxy_cancel_busy(entry, true);
    proxy_cancel_serve(entry, server);
    const struct proxy_cancel_key old = entry->key;
    assert_int_equal(old.secret_size, 32); /* as long as the server's */
    struct proxy_cancel_entry *second;
    assert_int_equal(proxy_cancel_add(cancel, 32, &second), ERR_QUEUE_FULL);
    proxy_cancel_remove(cancel, entry);
    struct proxy_cancel_ticket found;
    assert_int_equal(proxy_cancel_find(cancel, old.pid, span_of(old.secret, 32), &found), ERR_NOT_FOUND);
    assert_int_equal(proxy_cancel_add(cancel, 32, &entry), ERR_OK);
    assert_int_not_equal(entry->key.pid, old.pid); /* the place is the same, the number is not */
    proxy_cancel_busy(entry, true);
    proxy_cancel_serve(entry, server);
    assert_int_equal(proxy_cancel_find(cancel, old.pid, span_of(old.secret, 32), &found), ERR_NOT_FOUND);
    assert_int_equal(proxy_cancel_find(cancel, entry->key.pid, secret_of(entry), &found), ERR_OK);
    proxy_cancel_done(cancel, &found);
    proxy_cancel_remove(cancel, entry);
    proxy_cancel_server_end(cancel, server);
    proxy_cancel_free(cancel);
}

static void a_body_that_is_no_key_is_refused(void **state)
{
    (void)state;
    static const struct view_address address = {.port = 5432, .family = 4};
    struct proxy_cancel_server *server;
    assert_int_equal(proxy_cancel_server_new(&address, span_of("123", 3), &server), ERR_PROTOCOL);
}

static void numbers_are_positive_for_ever(void **state)
{
    (void)state;
    struct proxy_cancel *cancel = proxy_cancel_new(1);
    for (uint32_t i = 0; i < 70000; i++) {
        struct proxy_cancel_entry *entry;
        assert_int_equal(proxy_cancel_add(cancel, 4, &entry), ERR_OK);
        assert_true(entry->key.pid > 0 && entry->key.pid <= INT32_MAX);
        proxy_cancel_remove(cancel, entry);
    }
    proxy_cancel_free(cancel);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(leads_to_the_right_server_process_while_busy),
        cmocka_unit_test(a_server_is_not_quiet_while_a_cancel_is_on_its_way),
        cmocka_unit_test(a_key_ends_with_its_session),
        cmocka_unit_test(a_body_that_is_no_key_is_refused),
        cmocka_unit_test(numbers_are_positive_for_ever),
    };
    return cmocka_run_group_tests_name("proxy_cancel", tests, NULL, NULL);
}
