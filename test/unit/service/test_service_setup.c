/* SPDX-License-Identifier: Apache-2.0
 * Tests of slots that services keep from one configuration to the next. */
#include "service_bench.h"

static uint32_t open_now[LIMITS_SERVICES];

static struct service_setup setup_of(const char *const *names, uint32_t count)
{
    struct service_setup setup = {.listeners_count = count};
    for (uint32_t i = 0; i < count; i++) {
        text_copy(setup.services[i].name, LIMITS_NAME, names[i]);
        setup.services[i].present = true;
        setup.services[i].max_connections = i + 1;
        setup.listeners[i] = (struct service_setup_listener){
            .slot = i, .address = {.bytes = {127, 9, 0, 1}, .port = (uint16_t)(names[i][0] * 10), .family = 4}};
    }
    return setup;
}

static void services_keep_their_slots(void **state)
{
    (void)state;
    const struct service_setup none = {.listeners_count = 0};
    struct service_setup first = setup_of((const char *const[]){"a", "b"}, 2);
    assert_int_equal(service_setup_align(&none, open_now, &first), ERR_OK);
    struct service_setup second = setup_of((const char *const[]){"c", "b"}, 2);
    assert_int_equal(service_setup_align(&first, open_now, &second), ERR_OK);
    assert_string_equal(second.services[0].name, "a");
    assert_false(second.services[0].present);
    assert_string_equal(second.services[1].name, "b");
    assert_true(second.services[1].present);
    assert_int_equal(second.services[1].max_connections, 2);
    assert_string_equal(second.services[2].name, "c");
    assert_true(second.services[2].present);
    assert_int_equal(second.listeners[0].slot, 2);
    assert_int_equal(second.listeners[1].slot, 1);
    assert_true(service_setup_listens(&second, &first.listeners[1]));
    assert_false(service_setup_listens(&second, &first.listeners[0]));
}

static void a_slot_is_used_again_when_its_connections_have_ended(void **state)
{
    (void)state;
    char names[LIMITS_SERVICES + 1][LIMITS_NAME];
    const char *pointers[LIMITS_SERVICES + 1];
    for (uint32_t i = 0; i <= LIMITS_SERVICES; i++) {
        text_copy(names[i], LIMITS_NAME, "x");
        names[i][0] = (char)('a' + i);
        pointers[i] = names[i];
    }
    const struct service_setup none = {.listeners_count = 0};
    struct service_setup all = setup_of(pointers, LIMITS_SERVICES);
    assert_int_equal(service_setup_align(&none, open_now, &all), ERR_OK);
    struct service_setup last = setup_of(&pointers[LIMITS_SERVICES], 1);
    uint32_t busy[LIMITS_SERVICES];
    memset(busy, 1, sizeof busy);
    assert_int_equal(service_setup_align(&all, busy, &last), ERR_QUEUE_FULL);
    assert_string_equal(last.services[0].name, pointers[LIMITS_SERVICES]); /* untouched */
    busy[3] = 0;
    assert_int_equal(service_setup_align(&all, busy, &last), ERR_OK);
    assert_string_equal(last.services[3].name, pointers[LIMITS_SERVICES]);
    assert_int_equal(last.listeners[0].slot, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(services_keep_their_slots),
        cmocka_unit_test(a_slot_is_used_again_when_its_connections_have_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
