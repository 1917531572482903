/* SPDX-License-Identifier: Apache-2.0
 * Tests of walking a message stream. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/pg_frame.h"

static const char stream[] = "Q\0\0\0\x0dselect 1\0"
                             "S\0\0\0\x04"
                             "Z\0\0\0\x05I";

/* The types seen when the stream arrives in pieces of `piece` bytes. */
static void types_in_pieces(size_t piece, char types[8])
{
    struct pg_frame frame;
    pg_frame_init(&frame);
    size_t count = 0;
    const size_t whole = sizeof stream - 1;
    for (size_t at = 0; at < whole; at += piece) {
        struct span bytes = span_of(stream + at, whole - at < piece ? whole - at : piece);
        struct pg_frame_message message;
        while (pg_frame_step(&frame, &bytes, &message)) {
            assert_true(count < 7);
            types[count++] = (char)message.type;
            if (message.type == 'Z') {
                assert_true(span_is(message.peek, "I"));
                assert_int_equal(message.body_size, 1);
            }
        }
        assert_int_equal(bytes.size, 0);
    }
    types[count] = '\0';
    assert_true(pg_frame_boundary(&frame));
}

static void sees_every_message_whatever_the_pieces(void **state)
{
    (void)state;
    for (size_t piece = 1; piece <= sizeof stream; piece++) {
        char types[8];
        types_in_pieces(piece, types);
        assert_string_equal(types, "QSZ");
    }
}

static void knows_the_middle_of_a_message(void **state)
{
    (void)state;
    struct pg_frame frame;
    pg_frame_init(&frame);
    assert_true(pg_frame_boundary(&frame));
    struct span bytes = span_of(stream, 9);
    struct pg_frame_message message;
    assert_false(pg_frame_step(&frame, &bytes, &message));
    assert_false(pg_frame_boundary(&frame));
}

static void keeps_only_the_first_bytes_of_a_body(void **state)
{
    (void)state;
    char large[5 + 1000] = {'d', 0, 0, 0x03, (char)0xec};
    memset(large + 5, 'x', 1000);
    struct pg_frame frame;
    pg_frame_init(&frame);
    struct span bytes = span_of(large, sizeof large);
    struct pg_frame_message message;
    assert_true(pg_frame_step(&frame, &bytes, &message));
    assert_int_equal(message.body_size, 1000);
    assert_int_equal(message.peek.size, PG_FRAME_PEEK);
}

static void fails_for_good_on_nonsense(void **state)
{
    (void)state;
    static const char *const bad[] = {"Q\0\0\0\3", "Q\xff\xff\xff\xff", "\0\0\0\0\4"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct pg_frame frame;
        pg_frame_init(&frame);
        struct span bytes = span_of(bad[i], 5);
        struct pg_frame_message message;
        assert_false(pg_frame_step(&frame, &bytes, &message));
        assert_true(frame.failed);
        assert_false(pg_frame_boundary(&frame));
        bytes = span_of(stream, sizeof stream - 1);
        assert_false(pg_frame_step(&frame, &bytes, &message));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(sees_every_message_whatever_the_pieces),
        cmocka_unit_test(knows_the_middle_of_a_message),
        cmocka_unit_test(keeps_only_the_first_bytes_of_a_body),
        cmocka_unit_test(fails_for_good_on_nonsense),
    };
    return cmocka_run_group_tests_name("pg_frame", tests, NULL, NULL);
}
