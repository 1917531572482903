/* SPDX-License-Identifier: Apache-2.0
 * Who was heard when: silence is only what a listener that listened did not hear. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "edge/ear_table.h"

enum { WINDOW_MS = 400, TURN_MS = 20 };

static struct ear_table table;
static struct mono now;
static uint64_t sequence;

static int setup(void **state)
{
    (void)state;
    static const struct ear_table_node nodes[] = {{.name = "taiwan-a", .window_ms = WINDOW_MS},
                                                  {.name = "taiwan-b", .window_ms = WINDOW_MS}};
    memset(&table, 0, sizeof table);
    now = (struct mono){1000000000};
    sequence = 0;
    ear_table_set(&table, nodes, 2);
    ear_table_turn(&table, now);
    return 0;
}

static struct beat beat_of(const char *node, uint8_t state)
{
    struct beat beat = {.state = state, .boot = 7, .started = 100, .sequence = ++sequence, .mono_us = (uint64_t)now.us};
    memcpy(beat.node, node, strlen(node));
    return beat;
}

static struct ear_table_news take(const struct beat *beat, enum err wanted)
{
    struct ear_table_news news = {.node = LIMITS_NONE};
    assert_int_equal(ear_table_take(&table, beat, now, &news), wanted);
    return news;
}

/* The listener turns, and nobody says anything. */
static void listen(uint32_t ms)
{
    for (uint32_t at = 0; at < ms; at += TURN_MS) {
        now = time_add_ms(now, TURN_MS);
        ear_table_turn(&table, now);
    }
}

static struct ear_table_word look(void)
{
    struct ear_table_word word;
    ear_table_look(&table, now, &word);
    assert_int_equal(word.heard & word.silent, 0);
    return word;
}

static void who_was_never_heard_is_unknown(void **state)
{
    (void)state;
    listen(10 * WINDOW_MS);
    assert_int_equal(look().heard | look().silent, 0);
}

static void silence_is_a_whole_window(void **state)
{
    (void)state;
    listen(1000);
    const struct beat beat = beat_of("taiwan-b", BEAT_RUNNING);
    assert_int_equal(take(&beat, ERR_OK).node, 1);
    listen(WINDOW_MS - TURN_MS);
    assert_int_equal(look().heard, 2);
    assert_int_equal(look().age_ms[1], WINDOW_MS - TURN_MS);
    listen(TURN_MS);
    assert_int_equal(look().heard, 0);
    assert_int_equal(look().silent, 2);
    const struct beat again = beat_of("taiwan-b", BEAT_RUNNING);
    take(&again, ERR_OK);
    assert_int_equal(look().heard, 2);
}

/* It stood still for longer than a third of the window: it does not know, until it has listened for a window. */
static void a_pause_of_its_own_is_nobodys_silence(void **state)
{
    (void)state;
    listen(1000);
    const struct beat beat = beat_of("taiwan-a", BEAT_RUNNING);
    take(&beat, ERR_OK);
    now = time_add_ms(now, 5000);
    assert_int_equal(look().silent, 0); /* somebody asks before it has turned */
    ear_table_turn(&table, now);
    assert_int_equal(look().silent, 0);
    assert_int_equal(look().heard, 0);
    listen(WINDOW_MS - TURN_MS);
    assert_int_equal(look().silent, 0);
    listen(TURN_MS);
    assert_int_equal(look().silent, 1);
}

static void a_short_pause_changes_nothing(void **state)
{
    (void)state;
    listen(1000);
    const struct beat beat = beat_of("taiwan-a", BEAT_RUNNING);
    take(&beat, ERR_OK);
    listen(WINDOW_MS - 100);
    now = time_add_ms(now, 110);
    ear_table_turn(&table, now);
    assert_int_equal(look().silent, 1);
}

static void a_goodbye_is_no_silence(void **state)
{
    (void)state;
    listen(1000);
    const struct beat beat = beat_of("taiwan-a", BEAT_RUNNING);
    take(&beat, ERR_OK);
    const struct beat goodbye = beat_of("taiwan-a", BEAT_RUNNING | BEAT_LEAVING);
    take(&goodbye, ERR_OK);
    listen(2 * WINDOW_MS);
    assert_int_equal(look().heard | look().silent, 0);
}

static void replays_and_strangers_change_nothing(void **state)
{
    (void)state;
    const struct beat old = beat_of("taiwan-a", BEAT_RUNNING);
    const struct beat fresh = beat_of("taiwan-a", BEAT_RUNNING);
    const struct beat strange = beat_of("osaka-a", BEAT_RUNNING);
    listen(1000);
    take(&fresh, ERR_OK);
    listen(WINDOW_MS);
    take(&old, ERR_STALE);
    take(&fresh, ERR_STALE);
    take(&strange, ERR_NOT_FOUND);
    assert_int_equal(look().silent, 1);
    assert_int_equal(look().age_ms[0], WINDOW_MS);
}

static void a_death_is_told_once(void **state)
{
    (void)state;
    struct beat beat = beat_of("taiwan-a", BEAT_DIED);
    assert_true(take(&beat, ERR_OK).died);
    beat = beat_of("taiwan-a", BEAT_DIED);
    assert_false(take(&beat, ERR_OK).died);
    beat = beat_of("taiwan-a", BEAT_RUNNING);
    assert_false(take(&beat, ERR_OK).died);
    beat = beat_of("taiwan-a", BEAT_DIED);
    assert_true(take(&beat, ERR_OK).died);
    beat = beat_of("taiwan-a", BEAT_DIED);
    beat.epoch = 9;
    assert_true(take(&beat, ERR_OK).died);
}

static void a_server_that_is_gone_is_told_with_its_epoch(void **state)
{
    (void)state;
    listen(1000);
    struct beat beat = beat_of("taiwan-b", BEAT_FENCED);
    beat.epoch = 4;
    take(&beat, ERR_OK);
    assert_int_equal(look().gone, 2);
    assert_int_equal(table.nodes[1].gone, 4);
    listen(WINDOW_MS);
    assert_int_equal(look().gone, 0); /* what it is now nobody knows */
    beat = beat_of("taiwan-b", BEAT_RUNNING);
    take(&beat, ERR_OK);
    assert_int_equal(look().gone, 0);
}

static void jitter_is_the_ways_difference(void **state)
{
    (void)state;
    struct beat beat = beat_of("taiwan-a", BEAT_RUNNING);
    assert_int_equal(take(&beat, ERR_OK).jitter_us, -1);
    listen(100);
    beat = beat_of("taiwan-a", BEAT_RUNNING);
    beat.mono_us -= 3000; /* 3 ms longer on the way */
    assert_int_equal(take(&beat, ERR_OK).jitter_us, 3000);
}

static void another_configuration_keeps_who_is_known(void **state)
{
    (void)state;
    static const struct ear_table_node nodes[] = {{.name = "tokyo-a", .window_ms = 1000},
                                                  {.name = "taiwan-a", .window_ms = 1000}};
    listen(1000);
    const struct beat beat = beat_of("taiwan-a", BEAT_RUNNING);
    take(&beat, ERR_OK);
    ear_table_set(&table, nodes, 2);
    take(&beat, ERR_STALE);
    listen(WINDOW_MS);
    assert_int_equal(look().heard, 2); /* its window is longer now */
    listen(1000 - WINDOW_MS);
    assert_int_equal(look().silent, 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(who_was_never_heard_is_unknown, setup),
        cmocka_unit_test_setup(silence_is_a_whole_window, setup),
        cmocka_unit_test_setup(a_pause_of_its_own_is_nobodys_silence, setup),
        cmocka_unit_test_setup(a_short_pause_changes_nothing, setup),
        cmocka_unit_test_setup(a_goodbye_is_no_silence, setup),
        cmocka_unit_test_setup(replays_and_strangers_change_nothing, setup),
        cmocka_unit_test_setup(a_death_is_told_once, setup),
        cmocka_unit_test_setup(a_server_that_is_gone_is_told_with_its_epoch, setup),
        cmocka_unit_test_setup(jitter_is_the_ways_difference, setup),
        cmocka_unit_test_setup(another_configuration_keeps_who_is_known, setup),
    };
    return cmocka_run_group_tests_name("edge/ear_table", tests, NULL, NULL);
}
