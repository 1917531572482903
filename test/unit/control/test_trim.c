/* SPDX-License-Identifier: Apache-2.0
 * The journal has a limit: old entries cease in portions, the newest stay, and nobody looks all the time. */
#include <time.h>

#include "control/trim.h"
#include "edge/store_sqlite_db.h"
#include "store_place.h"

enum { MINUTE_MS = 60000, PATIENCE_MS = 30000, KEPT = 100, ENTRIES = 2 * STORE_SQLITE_DB_PORTION + KEPT + 1 };

static void append(struct store *store, uint32_t count)
{
    struct store_write writes[STORE_WRITES];
    while (count > 0) {
        const uint32_t now = count < STORE_WRITES ? count : STORE_WRITES;
        for (uint32_t i = 0; i < now; i++) {
            writes[i] = (struct store_write){.verb = STORE_APPEND, .kind = "step", .value = span_text("{}")};
        }
        struct store_answer answer = {0};
        const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = now};
        assert_int_equal(store_call(store, &request, &answer), ERR_OK);
        store_answer_fini(&answer);
        count -= now;
    }
}

static uint64_t oldest(struct store *store)
{
    struct store_answer answer = {0};
    const struct store_request request = {.ask = STORE_READ, .limit = 1};
    assert_int_equal(store_call(store, &request, &answer), ERR_OK);
    const uint64_t number = answer.entry_count > 0 ? answer.entries[0].number : 0;
    store_answer_fini(&answer);
    return number;
}

/* One turn of the controller, and what it asked is answered. */
static void turn(struct trim *trim, int64_t *ms, int64_t later_ms)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    *ms += later_ms;
    trim_step(trim, (struct mono){*ms * TIME_US_PER_MS});
    for (int i = 0; i < PATIENCE_MS && atomic_load(&trim->asked); i++) {
        (void)nanosleep(&pause, NULL);
    }
    assert_false(atomic_load(&trim->asked));
}

static void test_old_entries_cease_in_portions(void **state)
{
    struct store *store = ((struct place *)*state)->store;
    struct trim trim;
    int64_t ms = 0;
    append(store, ENTRIES);
    trim_init(&trim, store, KEPT, (struct mono){0});
    turn(&trim, &ms, MINUTE_MS - 1); /* a controller that has just taken over has other things to do */
    assert_int_equal(oldest(store), 1);
    turn(&trim, &ms, 1); /* looks */
    assert_int_equal(oldest(store), 1);
    turn(&trim, &ms, 200);
    assert_int_equal(oldest(store), STORE_SQLITE_DB_PORTION + 1);
    turn(&trim, &ms, 199);
    assert_int_equal(oldest(store), STORE_SQLITE_DB_PORTION + 1);
    turn(&trim, &ms, 1);
    assert_int_equal(oldest(store), 2 * STORE_SQLITE_DB_PORTION + 1);
    turn(&trim, &ms, 200);
    assert_int_equal(oldest(store), ENTRIES - KEPT + 1);
    append(store, KEPT);
    turn(&trim, &ms, MINUTE_MS); /* not yet again */
    turn(&trim, &ms, MINUTE_MS);
    assert_int_equal(oldest(store), ENTRIES - KEPT + 1);
    turn(&trim, &ms, 10 * MINUTE_MS);
    turn(&trim, &ms, 200);
    assert_int_equal(oldest(store), ENTRIES + 1);
}

static void test_a_limit_of_0_keeps_all(void **state)
{
    struct store *store = ((struct place *)*state)->store;
    struct trim trim;
    int64_t ms = 0;
    append(store, KEPT);
    trim_init(&trim, store, 0, (struct mono){0});
    for (int i = 0; i < 4; i++) {
        turn(&trim, &ms, 10 * MINUTE_MS);
    }
    assert_int_equal(oldest(store), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_old_entries_cease_in_portions, place_setup, place_teardown),
        cmocka_unit_test_setup_teardown(test_a_limit_of_0_keeps_all, place_setup, place_teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
