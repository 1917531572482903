/* SPDX-License-Identifier: Apache-2.0
 * Leases in a real store: who may take, renew and revoke, and what twice does. */
#include <string.h>

#include "control/leases.h"
#include "store_place.h"

static void test_first_writer(void **state)
{
    struct store *store = ((struct place *)*state)->store;
    struct desk_lease lease;
    assert_int_equal(leases_get(store, "shop", &lease), ERR_OK);
    assert_int_equal(lease.state, DESK_LEASE_NONE);
    assert_int_equal(leases_renew(store, "shop", "taiwan-a", 7, &lease), ERR_NOT_FOUND);
    assert_int_equal(leases_acquire(store, "shop", "tokyo-a", 1, "taiwan-a", &lease), ERR_CONFLICT);
    assert_int_equal(leases_acquire(store, "shop", "taiwan-a", 2, "taiwan-a", &lease), ERR_CONFLICT);
    assert_int_equal(leases_acquire(store, "shop", "taiwan-a", 1, "taiwan-a", &lease), ERR_OK);
    const uint64_t revision = lease.revision;
    assert_int_equal(leases_acquire(store, "shop", "taiwan-a", 1, "taiwan-a", &lease), ERR_OK);
    assert_true(lease.revision > revision);
    assert_int_equal(leases_renew(store, "shop", "taiwan-a", 1, &lease), ERR_OK);
    assert_int_equal(leases_renew(store, "shop", "taiwan-b", 1, &lease), ERR_CONFLICT);
    assert_int_equal(leases_renew(store, "shop", "taiwan-a", 2, &lease), ERR_CONFLICT);
    assert_string_equal(lease.holder, "taiwan-a");
}

static void test_revocation_moves_the_right(void **state)
{
    struct store *store = ((struct place *)*state)->store;
    struct desk_lease lease;
    assert_int_equal(leases_acquire(store, "shop", "taiwan-a", 1, "taiwan-a", &lease), ERR_OK);
    const uint64_t last = lease.revision;
    assert_int_equal(leases_revoke(store, "shop", "tokyo-a", 1, &lease), ERR_CONFLICT);
    assert_int_equal(leases_revoke(store, "shop", "tokyo-a", 2, &lease), ERR_OK);
    assert_int_equal(lease.replaced, last);
    assert_int_equal(leases_renew(store, "shop", "taiwan-a", 1, &lease), ERR_CONFLICT);
    assert_int_equal(leases_revoke(store, "shop", "tokyo-a", 2, &lease), ERR_OK);
    assert_int_equal(lease.replaced, last);
    /* Another candidate after the first one refused: the last renewal stays what it was. */
    assert_int_equal(leases_revoke(store, "shop", "taiwan-b", 3, &lease), ERR_OK);
    assert_int_equal(lease.replaced, last);
    assert_int_equal(leases_acquire(store, "shop", "tokyo-a", 2, "taiwan-a", &lease), ERR_CONFLICT);
    assert_int_equal(leases_acquire(store, "shop", "taiwan-a", 3, "taiwan-a", &lease), ERR_CONFLICT);
    assert_int_equal(leases_acquire(store, "shop", "taiwan-b", 3, "taiwan-a", &lease), ERR_OK);
    /* A revocation that arrives late must not take the new right away. */
    assert_int_equal(leases_revoke(store, "shop", "tokyo-a", 3, &lease), ERR_CONFLICT);
    assert_int_equal(leases_revoke(store, "shop", "tokyo-a", 2, &lease), ERR_CONFLICT);
    assert_int_equal(leases_renew(store, "shop", "taiwan-b", 3, &lease), ERR_OK);
}

static void test_text(void **state)
{
    (void)state;
    static const char *const broken[] = {
        "",
        "{}",
        "[]",
        "{\"state\":\"held\"}",
        "{\"state\":\"lost\",\"holder\":\"a\",\"epoch\":1,\"candidate\":\"\",\"next\":0,\"replaced\":0}",
        "{\"state\":\"held\",\"holder\":\"a\",\"epoch\":-1,\"candidate\":\"\",\"next\":0,\"replaced\":0}",
        "{\"state\":\"held\",\"holder\":\"0123456789012345678901234567890123\",\"epoch\":1,\"candidate\":\"\",\"next\":"
        "0,"
        "\"replaced\":0}",
    };
    struct desk_lease lease = {
        .state = DESK_LEASE_REVOKED, .holder = "a", .epoch = 7, .candidate = "b", .next = 8, .replaced = 99};
    struct desk_lease read;
    char text[512];
    leases_print(&lease, text, sizeof text);
    assert_int_equal(leases_parse(text, strlen(text), &read), ERR_OK);
    assert_memory_equal(&read, &lease, sizeof lease);
    for (size_t i = 0; i < sizeof broken / sizeof broken[0]; i++) {
        assert_int_equal(leases_parse(broken[i], strlen(broken[i]), &read), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_first_writer, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_revocation_moves_the_right, place_setup, place_teardown),
        cmocka_unit_test(test_text),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
