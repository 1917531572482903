/* SPDX-License-Identifier: Apache-2.0
 * Runs of bytes by words: what is behind a run never counts. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "base/word.h"

enum { LONGEST = 40, ROOM = LONGEST + WORD_SLACK };

static void fill(uint8_t *bytes, size_t size, uint8_t behind)
{
    memset(bytes, behind, ROOM);
    for (size_t i = 0; i < size; i++) {
        bytes[i] = (uint8_t)(i * 37 + 1);
    }
}

static void test_every_byte_of_a_run_counts_and_none_behind_it(void **state)
{
    (void)state;
    for (size_t size = 1; size <= LONGEST; size++) {
        uint8_t a[ROOM];
        uint8_t b[ROOM];
        fill(a, size, 0);
        fill(b, size, 0xff);
        assert_true(word_same(a, b, size));
        assert_true(word_hash(a, size) == word_hash(b, size));
        for (size_t i = 0; i < size; i++) {
            b[i] ^= 0x80;
            assert_false(word_same(a, b, size));
            assert_true(word_hash(a, size) != word_hash(b, size));
            b[i] ^= 0x80;
        }
    }
}

static void test_the_size_is_part_of_the_hash(void **state)
{
    (void)state;
    const uint8_t zeroes[ROOM] = {0};
    for (size_t size = 1; size < LONGEST; size++) {
        assert_true(word_hash(zeroes, size) != word_hash(zeroes, size + 1));
    }
}

static void test_a_word_within_a_run_ends_with_it(void **state)
{
    (void)state;
    for (size_t size = WORD_BYTES; size <= LONGEST; size++) {
        uint8_t bytes[ROOM];
        fill(bytes, size, 0xff);
        for (size_t at = 0; at < size; at += WORD_BYTES) {
            uint8_t expected[WORD_BYTES] = {0};
            uint8_t stored[WORD_BYTES];
            memcpy(expected, bytes + at, size - at < WORD_BYTES ? size - at : WORD_BYTES);
            word_store(stored, word_within(bytes, size, at));
            assert_memory_equal(stored, expected, WORD_BYTES);
        }
    }
}

/* The lowest bits choose a place in a table. */
static void test_spread(void **state)
{
    (void)state;
    uint32_t places[16] = {0};
    for (uint32_t i = 0; i < 16000; i++) {
        uint8_t name[ROOM] = "\4host\7example\4test";
        name[1] = (uint8_t)('a' + i % 16);
        name[2] = (uint8_t)('a' + i / 16 % 16);
        name[3] = (uint8_t)('a' + i / 256 % 16);
        name[4] = (uint8_t)('a' + i / 4096);
        places[word_hash(name, 19) % 16]++;
    }
    for (uint32_t i = 0; i < 16; i++) {
        assert_in_range(places[i], 1000 - 160, 1000 + 160); /* five standard deviations */
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_byte_of_a_run_counts_and_none_behind_it),
        cmocka_unit_test(test_the_size_is_part_of_the_hash),
        cmocka_unit_test(test_a_word_within_a_run_ends_with_it),
        cmocka_unit_test(test_spread),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
