/* SPDX-License-Identifier: Apache-2.0
 * Response rate limiting: what passes, what slips, and whom it does not concern. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "dns/dns_rate.h"

static struct dns_rate rate;

static int set_up(void **state)
{
    (void)state;
    memset(&rate, 0, sizeof rate);
    rate.key[0] = 7;
    return 0;
}

/* Answers out of `tries` that pass and that slip, all in one millisecond. */
struct counts {
    uint32_t passed;
    uint32_t slipped;
};

static struct counts burst(const char *bytes, enum dns_rate_kind kind, uint64_t name, struct dns_rate_limit limit,
                           uint32_t tries)
{
    struct view_address client = {.family = 4};
    struct counts counts = {0};
    memcpy(client.bytes, bytes, 4);
    for (uint32_t i = 0; i < tries; i++) {
        const enum dns_rate_verdict verdict = dns_rate_check(&rate, &client, kind, name, &limit);
        counts.passed += verdict == DNS_RATE_PASS;
        counts.slipped += verdict == DNS_RATE_SLIP;
    }
    return counts;
}

#define EXPECT(bytes, kind, name, now, tries, passed_count, slipped_count)                                             \
    do {                                                                                                               \
        const struct counts counts = burst(bytes, kind, name, (struct dns_rate_limit){10, 2, now}, tries);             \
        assert_int_equal(counts.passed, passed_count);                                                                 \
        assert_int_equal(counts.slipped, slipped_count);                                                               \
    } while (0)

static void test_a_second_of_the_rate_passes_and_then_every_second_one_slips(void **state)
{
    (void)state;
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, 5000, 110, 10, 50);
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, 5099, 10, 0, 5);
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, 5100, 11, 1, 5);
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, 5600, 15, 5, 5);
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, 99999, 30, 10, 10); /* no more than one second is saved up */
}

static void test_buckets_are_by_network_name_and_kind(void **state)
{
    (void)state;
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, 0, 20, 10, 5);
    EXPECT("\12\1\1\2", DNS_RATE_ANSWER, 1, 0, 20, 0, 10); /* the same /24 */
    EXPECT("\12\1\2\1", DNS_RATE_ANSWER, 1, 0, 20, 10, 5);
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 2, 0, 20, 10, 5);
    EXPECT("\12\1\1\1", DNS_RATE_NEGATIVE, 1, 0, 20, 10, 5);
    EXPECT("\12\1\1\1", DNS_RATE_NEGATIVE, 2, 0, 20, 0, 10); /* names that do not exist are all one */
    EXPECT("\12\1\1\1", DNS_RATE_ERROR, 1, 0, 20, 10, 5);
    EXPECT("\12\1\1\1", DNS_RATE_ERROR, 3, 0, 20, 0, 10);
}

static void test_the_clock_goes_round(void **state)
{
    (void)state;
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, UINT32_MAX - 49, 20, 10, 5);
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, 50, 1, 1, 0);
    EXPECT("\12\1\1\1", DNS_RATE_ANSWER, 1, 50, 2, 0, 1);
}

static void test_without_slip_there_is_silence(void **state)
{
    (void)state;
    struct counts counts = burst("\12\1\1\1", DNS_RATE_ANSWER, 1, (struct dns_rate_limit){1, 0, 0}, 20);
    assert_int_equal(counts.passed, 1);
    assert_int_equal(counts.slipped, 0);
    counts = burst("\12\2\1\1", DNS_RATE_ANSWER, 1, (struct dns_rate_limit){1, 1, 0}, 20);
    assert_int_equal(counts.slipped, 19);
}

/* More networks than places: everybody is served, nothing breaks. */
static void test_a_full_table_lets_more_pass(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < 200000; i++) {
        const struct view_address client = {.family = 4,
                                            .bytes = {(uint8_t)(i >> 16), (uint8_t)(i >> 8), (uint8_t)i, 1}};
        const struct dns_rate_limit limit = {1, 2, i / 1000};
        assert_int_equal(dns_rate_check(&rate, &client, DNS_RATE_ANSWER, 1, &limit), DNS_RATE_PASS);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_a_second_of_the_rate_passes_and_then_every_second_one_slips, set_up),
        cmocka_unit_test_setup(test_buckets_are_by_network_name_and_kind, set_up),
        cmocka_unit_test_setup(test_the_clock_goes_round, set_up),
        cmocka_unit_test_setup(test_without_slip_there_is_silence, set_up),
        cmocka_unit_test_setup(test_a_full_table_lets_more_pass, set_up),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
