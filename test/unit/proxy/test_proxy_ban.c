/* SPDX-License-Identifier: Apache-2.0
 * Tests of the search for synchronous_commit: whole, cut into pieces of every size, beside a plain search. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <strings.h>

#include <cmocka.h>

#include "base/prng.h"
#include "proxy/proxy_ban.h"

/* Where the word's first occurrence ends; 0: nowhere. */
static size_t plain(const char *text, size_t size)
{
    for (size_t end = PROXY_BAN_SIZE; end <= size; end++) {
        if (strncasecmp(text + end - PROXY_BAN_SIZE, PROXY_BAN_WORD, PROXY_BAN_SIZE) == 0) {
            return end;
        }
    }
    return 0;
}

static size_t in_pieces(const char *text, size_t size, size_t piece)
{
    struct proxy_ban ban = {.tail_size = 0};
    for (size_t at = 0; at < size; at += piece) {
        size_t end = 0;
        if (proxy_ban_find(&ban, span_of(text + at, size - at < piece ? size - at : piece), &end)) {
            return at + end;
        }
    }
    return 0;
}

static void check(const char *text, size_t size)
{
    const size_t expected = plain(text, size);
    for (size_t piece = 1; piece <= size; piece++) {
        assert_int_equal(in_pieces(text, size, piece), expected);
    }
    size_t end = 0;
    assert_int_equal(proxy_ban_in(span_of(text, size), &end), expected > 0);
    assert_int_equal(end, expected);
}

static void test_samples(void **state)
{
    (void)state;
    static const char *const samples[] = {
        "SET synchronous_commit = off",
        "set LOCAL Synchronous_COMMIT to off",
        "SELECT set_config('synchronous_commit', 'off', false)",
        "synchronous_commi",
        "synchronous-commit",
        "synchronoussynchronous_commit",
        "synchronous_commsynchronous_commitx",
        "SET synchronous_standby_names = ''",
    };
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        check(samples[i], strlen(samples[i]));
    }
    size_t end = 0;
    assert_false(proxy_ban_in(span_of("synchronous\x7f"
                                      "commit",
                                      18),
                              &end)); /* differs in one bit only */
}

/* Texts of the word's own letters come close to it often. */
static void test_random_texts(void **state)
{
    (void)state;
    struct prng prng;
    prng_init(&prng, 7);
    for (int round = 0; round < 3000; round++) {
        char text[96];
        size_t size = 0;
        while (size < 70) {
            const size_t from = prng_below(&prng, PROXY_BAN_SIZE);
            const size_t take = 1 + prng_below(&prng, PROXY_BAN_SIZE - from);
            memcpy(text + size, &PROXY_BAN_WORD[from], take);
            size += take;
        }
        check(text, size);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples),
        cmocka_unit_test(test_random_texts),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
