/* SPDX-License-Identifier: Apache-2.0
 * Tests of heartbeats: every bit counts, nothing comes twice. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/beat.h"

static const struct beat example = {.node = "taiwan-a",
                                    .state = BEAT_RUNNING | BEAT_WRITER,
                                    .boot = 0x1122334455667788,
                                    .started = 1700000000000000,
                                    .sequence = 42,
                                    .mono_us = 987654321,
                                    .epoch = 7};

static void make(const char *token, const struct beat *beat, uint8_t memory[BEAT_BUFFER])
{
    struct beat_key key;
    struct buf buf;
    beat_key_make(&key, token, "shop");
    buf_init(&buf, memory, BEAT_BUFFER);
    beat_write(&buf, &key, beat);
    assert_false(buf.overflow);
    assert_int_equal(buf.size, BEAT_BYTES);
}

static enum err read_back(const uint8_t *data, size_t size, const char *token, const char *system, struct beat *beat)
{
    struct beat_key key;
    beat_key_make(&key, token, system);
    return beat_read(span_of(data, size), &key, beat);
}

static void what_is_written_is_read(void **state)
{
    (void)state;
    uint8_t memory[BEAT_BUFFER];
    struct beat beat;
    make("secret", &example, memory);
    assert_int_equal(read_back(memory, BEAT_BYTES, "secret", "shop", &beat), ERR_OK);
    assert_string_equal(beat.node, "taiwan-a");
    assert_int_equal(beat.state, example.state);
    assert_int_equal(beat.boot, example.boot);
    assert_int_equal(beat.started, example.started);
    assert_int_equal(beat.sequence, 42);
    assert_int_equal(beat.mono_us, 987654321);
    assert_int_equal(beat.epoch, 7);
}

/* The bytes of doc/protocol.md. */
static void the_layout_is_the_documented_one(void **state)
{
    (void)state;
    uint8_t memory[BEAT_BUFFER];
    make("secret", &example, memory);
    static const uint8_t head[] = {'H', 'F', 'B', 1, 3, 0, 0, 0, 0x11, 0x22, 0x33, 0x44, 0x55, 0x66, 0x77, 0x88};
    assert_memory_equal(memory, head, sizeof head);
    assert_int_equal(memory[31], 42);
    assert_int_equal(memory[47], 7);
    assert_string_equal((const char *)memory + 48, "taiwan-a");
}

static void every_flipped_bit_is_refused(void **state)
{
    (void)state;
    uint8_t memory[BEAT_BUFFER];
    struct beat beat = {.sequence = 1};
    make("secret", &example, memory);
    for (size_t bit = 0; bit < BEAT_BYTES * 8; bit++) {
        memory[bit / 8] ^= (uint8_t)(1U << bit % 8);
        assert_int_not_equal(read_back(memory, BEAT_BYTES, "secret", "shop", &beat), ERR_OK);
        memory[bit / 8] ^= (uint8_t)(1U << bit % 8);
    }
    assert_int_equal(beat.sequence, 1);
}

static void every_other_length_is_refused(void **state)
{
    (void)state;
    uint8_t memory[BEAT_BYTES + 8] = {0};
    struct beat beat;
    make("secret", &example, memory);
    for (size_t size = 0; size <= sizeof memory; size++) {
        const enum err err = read_back(memory, size, "secret", "shop", &beat);
        assert_int_equal(err, size == BEAT_BYTES ? ERR_OK : ERR_PROTOCOL);
    }
}

static void another_key_is_refused(void **state)
{
    (void)state;
    uint8_t memory[BEAT_BUFFER];
    struct beat beat;
    make("secret", &example, memory);
    assert_int_equal(read_back(memory, BEAT_BYTES, "Secret", "shop", &beat), ERR_AUTH);
    assert_int_equal(read_back(memory, BEAT_BYTES, "", "shop", &beat), ERR_AUTH);
    assert_int_equal(read_back(memory, BEAT_BYTES, "secret", "shop2", &beat), ERR_AUTH);
}

/* Also of somebody who has the key: what cannot be a node's name is not looked up. */
static void a_strange_name_is_refused(void **state)
{
    (void)state;
    uint8_t memory[BEAT_BUFFER];
    struct beat beat;
    struct beat strange = example;
    strange.node[3] = '\n';
    make("secret", &strange, memory);
    assert_int_equal(read_back(memory, BEAT_BYTES, "secret", "shop", &beat), ERR_PROTOCOL);
    memset(strange.node, 'x', BEAT_NAME - 1);
    make("secret", &strange, memory);
    assert_int_equal(read_back(memory, BEAT_BYTES, "secret", "shop", &beat), ERR_OK);
    assert_int_equal(strlen(beat.node), BEAT_NAME - 1);
}

static void a_replay_changes_nothing(void **state)
{
    (void)state;
    struct beat_life life = {.any = false};
    struct beat beat = example;
    assert_int_equal(beat_life_take(&life, &beat), ERR_OK);
    assert_int_equal(beat_life_take(&life, &beat), ERR_STALE);
    beat.sequence = 41; /* overtaken on the way */
    assert_int_equal(beat_life_take(&life, &beat), ERR_STALE);
    beat.sequence = 50; /* some were lost */
    assert_int_equal(beat_life_take(&life, &beat), ERR_OK);
    assert_int_equal(life.sequence, 50);
}

static void an_earlier_life_does_not_come_back(void **state)
{
    (void)state;
    struct beat_life life = {.any = false};
    struct beat old = example;
    struct beat new = example;
    new.boot = 5;
    new.started = old.started + 1;
    new.sequence = 1;
    assert_int_equal(beat_life_take(&life, &old), ERR_OK);
    assert_int_equal(beat_life_take(&life, &new), ERR_OK);
    old.sequence = 1000000;
    assert_int_equal(beat_life_take(&life, &old), ERR_STALE);
    new.boot = 6; /* another life that claims the same start */
    new.sequence = 2;
    assert_int_equal(beat_life_take(&life, &new), ERR_STALE);
    new.boot = 5; /* one life has one start */
    new.started++;
    assert_int_equal(beat_life_take(&life, &new), ERR_STALE);
    assert_int_equal(life.sequence, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read),      cmocka_unit_test(the_layout_is_the_documented_one),
        cmocka_unit_test(every_flipped_bit_is_refused), cmocka_unit_test(every_other_length_is_refused),
        cmocka_unit_test(another_key_is_refused),       cmocka_unit_test(a_strange_name_is_refused),
        cmocka_unit_test(a_replay_changes_nothing),     cmocka_unit_test(an_earlier_life_does_not_come_back),
    };
    return cmocka_run_group_tests_name("wire/beat", tests, NULL, NULL);
}
