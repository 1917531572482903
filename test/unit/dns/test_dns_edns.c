/* SPDX-License-Identifier: Apache-2.0
 * What EDNS asks of an authoritative server, cookies and client subnets included, one test per duty. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "answer_sample.h"

/* A question with an OPT record of these options; `more` is added to the number of additional records. */
static size_t edns(const char *name, uint16_t type, uint8_t version, const void *options, size_t size)
{
    uint8_t opt[600] = {0, 0, 41, 4, 0xd0, 0, version, 0, 0, (uint8_t)(size >> 8), (uint8_t)size};
    memcpy(opt + 11, options, size);
    return with_opt(question(name, type, 1), opt, 11 + size);
}

#define EDNS(options) edns("mail.example.test.", DNS_TYPE_AAAA, 0, options, sizeof options - 1)

/* The value of an option of the answer's OPT, which is its last record. */
static struct span option_of(size_t size, uint16_t wanted)
{
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, message, size);
    cursor_skip(&cursor, 4);
    const uint32_t questions = cursor_u16be(&cursor);
    uint32_t records = cursor_u16be(&cursor);
    records += cursor_u16be(&cursor);
    records += cursor_u16be(&cursor);
    for (uint32_t i = 0; i < questions; i++) {
        dns_name_read(&cursor, &name);
        cursor_skip(&cursor, 4);
    }
    for (uint32_t i = 0; i < records; i++) {
        dns_name_read(&cursor, &name);
        const uint16_t type = cursor_u16be(&cursor);
        cursor_skip(&cursor, 6);
        const uint16_t length = cursor_u16be(&cursor);
        const struct span data = cursor_span(&cursor, length);
        struct cursor options;
        cursor_init(&options, data.data, type == DNS_TYPE_OPT ? data.size : 0);
        while (cursor_left(&options) > 0) {
            const uint16_t code = cursor_u16be(&options);
            const uint16_t bytes = cursor_u16be(&options);
            const struct span value = cursor_span(&options, bytes);
            if (code == wanted) {
                return value;
            }
        }
    }
    return (struct span){NULL, 0};
}

static uint16_t extended_rcode(size_t size)
{
    /* OPT is last here and its class and TTL are found from its name on. */
    for (size_t at = 12; at + 11 <= size; at++) {
        if (memcmp(message + at, "\0\0\51\4\320", 5) == 0) {
            return (uint16_t)(message[at + 5] << 4 | (message[3] & 15));
        }
    }
    return message[3] & 15;
}

static void test_edns_version_above_0_is_badvers_with_ours(void **state)
{
    (void)state;
    const size_t size = build(edns("mail.example.test.", DNS_TYPE_A, 1, "\0\10\0\1\0", 5), false);
    assert_string_equal(summary(size), "0 0/0/1 OPT");
    assert_int_equal(extended_rcode(size), DNS_RCODE_BADVERS);
    assert_int_equal(message[size - 5], 0);
}

static void test_a_second_opt_or_one_elsewhere_is_formerr(void **state)
{
    (void)state;
    static const uint8_t two[] = {0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0, 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0};
    size_t size = with_opt(question("mail.example.test.", DNS_TYPE_A, 1), two, sizeof two);
    message[11] = 2;
    assert_int_equal(build(size, false) > 0 ? message[3] & 15 : 99, DNS_RCODE_FORMERR);
    size = with_opt(question("mail.example.test.", DNS_TYPE_A, 1), two, 11);
    message[9] = 1; /* in the authority section */
    message[11] = 0;
    assert_int_equal(build(size, false) > 0 ? message[3] & 15 : 99, DNS_RCODE_FORMERR);
    static const uint8_t named[] = {1, 'a', 0, 0, 41, 4, 0xd0, 0, 0, 0, 0, 0, 0};
    size = with_opt(question("mail.example.test.", DNS_TYPE_A, 1), named, sizeof named);
    assert_int_equal(build(size, false) > 0 ? message[3] & 15 : 99, DNS_RCODE_FORMERR);
}

static void test_unknown_options_are_skipped(void **state)
{
    (void)state;
    assert_string_equal(summary(build(EDNS("\xff\xfe\0\2ab\0\3\0\0"), false)), "0 aa 1/0/1 AAAA OPT");
    assert_int_equal(build(EDNS("\xff\xfe\0\3ab"), false) > 0 ? message[3] & 15 : 99, DNS_RCODE_FORMERR);
}

static void test_nsid_is_told_when_there_is_one(void **state)
{
    (void)state;
    size_t size = build(EDNS("\0\3\0\0"), false);
    assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_NSID).size, 0);
    snprintf(catalog->settings.identity, DNS_CATALOG_TEXT, "taiwan");
    size = build(EDNS("\0\3\0\0"), false);
    assert_true(span_is(option_of(size, DNS_MESSAGE_OPTION_NSID), "taiwan"));
    size = build(EDNS(""), false);
    assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_NSID).size, 0);
}

static void test_keepalive_is_for_tcp(void **state)
{
    (void)state;
    size_t size = build(EDNS("\0\13\0\0"), true);
    assert_true(span_equal(option_of(size, DNS_MESSAGE_OPTION_KEEPALIVE), span_of("\1\54", 2)));
    size = build(EDNS("\0\13\0\0"), false);
    assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_KEEPALIVE).size, 0);
    size = build(EDNS(""), true);
    assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_KEEPALIVE).size, 0);
}

/* RFC 7830, 6: only over an encrypted transport. */
static void test_padding_in_the_clear_is_not_answered_with_padding(void **state)
{
    (void)state;
    const size_t size = build(EDNS("\0\14\0\4\0\0\0\0"), true);
    assert_string_equal(summary(size), "0 aa 1/0/1 AAAA OPT");
    assert_int_equal(option_of(size, 12).size, 0);
}

/* ---- cookies ---- */

static void test_a_client_cookie_is_answered_with_ours_which_is_then_good(void **state)
{
    (void)state;
    uint8_t options[64] = {0, 10, 0, 8, 'c', 'l', 'i', 'e', 'n', 't', '0', '1'};
    size_t size = build(edns("mail.example.test.", DNS_TYPE_AAAA, 0, options, 12), false);
    assert_string_equal(summary(size), "0 aa 1/0/1 AAAA OPT");
    struct span cookie = option_of(size, DNS_MESSAGE_OPTION_COOKIE);
    assert_int_equal(cookie.size, DNS_COOKIE_BYTES);
    assert_memory_equal(cookie.data, "client01", 8);
    options[3] = DNS_COOKIE_BYTES;
    memcpy(options + 4, cookie.data, cookie.size);
    catalog->settings.cookie_required = true;
    size = build(edns("mail.example.test.", DNS_TYPE_AAAA, 0, options, 28), false);
    assert_string_equal(summary(size), "0 aa 1/0/1 AAAA OPT");
    assert_true(span_equal(option_of(size, DNS_MESSAGE_OPTION_COOKIE), span_of(options + 4, 24)));
}

static void test_without_ours_badcookie_over_udp_where_it_is_required(void **state)
{
    (void)state;
    static const char client[] = "\0\12\0\10client01";
    static const char wrong[] = "\0\12\0\30client01\1\0\0\0\0\0\0\0notours!";
    catalog->settings.cookie_required = true;
    size_t size = build(EDNS(client), false);
    assert_string_equal(summary(size), "7 0/0/1 OPT"); /* 23: the upper bits are in OPT */
    assert_int_equal(extended_rcode(size), DNS_RCODE_BADCOOKIE);
    assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_COOKIE).size, DNS_COOKIE_BYTES);
    size = build(EDNS(wrong), false);
    assert_int_equal(extended_rcode(size), DNS_RCODE_BADCOOKIE);
    /* TCP has proved the address; clients without cookies are served; and by default everybody is. */
    assert_string_equal(summary(build(EDNS(wrong), true)), "0 aa 1/0/1 AAAA OPT");
    assert_string_equal(summary(build(EDNS(""), false)), "0 aa 1/0/1 AAAA OPT");
    catalog->settings.cookie_required = false;
    assert_string_equal(summary(build(EDNS(wrong), false)), "0 aa 1/0/1 AAAA OPT");
}

static void test_cookies_of_other_lengths_are_formerr(void **state)
{
    (void)state;
    for (uint8_t length = 0; length <= 48; length++) {
        uint8_t options[64] = {0, 10, 0, length};
        const size_t size = build(edns("mail.example.test.", DNS_TYPE_A, 0, options, 4U + length), false);
        const bool good = length == 8 || (length >= 16 && length <= 40);
        assert_true(size > 0);
        assert_int_equal(message[3] & 15, good ? DNS_RCODE_NOERROR : DNS_RCODE_FORMERR);
    }
    assert_int_equal(build(EDNS("\0\12\0\10client01\0\12\0\10client01"), false) > 0 ? message[3] & 15 : 99,
                     DNS_RCODE_FORMERR);
}

/* RFC 7873, 5.4. */
static void test_no_question_but_a_cookie_asks_for_ours(void **state)
{
    (void)state;
    static const uint8_t bare[] = {0xab, 0xcd, 0, 0, 0,  0, 0,  0, 0, 0,   0,   1,   0,   0,   41,  4,   0xd0, 0,
                                   0,    0,    0, 0, 12, 0, 10, 0, 8, 'c', 'l', 'i', 'e', 'n', 't', '0', '1'};
    memcpy(message, bare, sizeof bare);
    size_t size = build(sizeof bare, false);
    assert_string_equal(summary(size), "0 0/0/1 OPT");
    assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_COOKIE).size, DNS_COOKIE_BYTES);
    memcpy(message, bare, sizeof bare);
    message[22] = 0; /* without the cookie it is no query */
    size = build(23, false);
    assert_int_equal(message[3] & 15, DNS_RCODE_FORMERR);
}

/* ---- client subnet ---- */

static void test_client_subnets_that_break_rfc_7871_are_formerr(void **state)
{
    (void)state;
    static const struct {
        const char *option;
        size_t size;
        bool good;
    } cases[] = {
        {"\0\10\0\7\0\1\30\0\12\2\2", 11, true},       /* /24 */
        {"\0\10\0\4\0\1\0\0", 8, true},                /* /0: decide by the resolver */
        {"\0\10\0\4\0\2\0\0", 8, true},                /* /0, IPv6 */
        {"\0\10\0\4\0\0\0\0", 8, true},                /* /0, no family */
        {"\0\10\0\5\0\1\7\0\12", 9, true},             /* /7 */
        {"\0\10\0\10\0\1\40\0\12\2\2\1", 12, true},    /* /32 */
        {"\0\10\0\5\0\1\7\0\13", 9, false},            /* a bit beyond the prefix */
        {"\0\10\0\10\0\1\30\0\12\2\2\0", 12, false},   /* a byte too many */
        {"\0\10\0\6\0\1\30\0\12\2", 10, false},        /* a byte too few */
        {"\0\10\0\11\0\1\41\0\12\2\2\1\0", 13, false}, /* /33 */
        {"\0\10\0\7\0\1\30\1\12\2\2", 11, false},      /* a scope in a query */
        {"\0\10\0\7\0\3\30\0\12\2\2", 11, false},      /* family 3 */
        {"\0\10\0\7\0\0\30\0\12\2\2", 11, false},      /* no family, but a prefix */
        {"\0\10\0\3\0\1\0", 7, false},
        {"\0\10\0\0", 4, false},
        {"\0\10\0\4\0\1\0\0\0\10\0\4\0\1\0\0", 16, false}, /* two of them */
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t size = build(edns("www.example.test.", DNS_TYPE_A, 0, cases[i].option, cases[i].size), false);
        if ((message[3] & 15) != (cases[i].good ? DNS_RCODE_NOERROR : DNS_RCODE_FORMERR)) {
            fail_msg("case %zu: %u", i, message[3] & 15U);
        }
        const struct span echoed = option_of(size, DNS_MESSAGE_OPTION_ECS);
        if (cases[i].good) {
            /* The same but for the scope. */
            assert_int_equal(echoed.size, cases[i].size - 4);
            assert_memory_equal(echoed.data, cases[i].option + 4, 3);
            assert_memory_equal(echoed.data + 4, cases[i].option + 8, echoed.size - 4);
        } else {
            assert_int_equal(echoed.size, 0);
        }
    }
}

static void test_scopes_are_0_where_nothing_depends_on_the_client(void **state)
{
    (void)state;
    static const char option[] = "\0\10\0\7\0\1\30\0\12\2\2";
    static const struct {
        const char *name;
        uint8_t scope;
    } cases[] = {{"www.example.test.", 17},    {"toapp.example.test.", 17}, {"mail.example.test.", 0},
                 {"missing.example.test.", 0}, {"x.wild.example.test.", 0}, {"x.sub.example.test.", 0},
                 {"www.elsewhere.test.", 0}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const size_t size = build(edns(cases[i].name, DNS_TYPE_A, 0, option, 11), false);
        assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_ECS).data[3], cases[i].scope);
    }
    /* The client sent less than decides: the scope says how much would (RFC 7871, 7.2.1). */
    const size_t size = build(edns("www.example.test.", DNS_TYPE_A, 0, "\0\10\0\5\0\1\10\0\12", 9), false);
    assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_ECS).data[2], 8);
    assert_true(option_of(size, DNS_MESSAGE_OPTION_ECS).data[3] > 8);
}

/* ---- response rate limiting ---- */

/* Of a name in the zone that a wildcard or a DNAME makes. */
static uint64_t made_up(const char *name)
{
    uint64_t hash = 0;
    const size_t size = build(question(name, DNS_TYPE_TXT, 1), false);
    assert_int_equal(dns_answer_kind(message, size, result.made_by, &hash), DNS_RATE_ANSWER);
    return hash;
}

/* Or each random name would have a limit of its own. */
static void test_names_that_are_made_up_have_one_limit(void **state)
{
    (void)state;
    assert_true(made_up("a.wild.example.test.") == made_up("b.c.wild.example.test."));
    other_zone("$TTL 60\n@ SOA ns h 9 1 1 1 60\n@ NS ns\n@ TXT here\nold DNAME new\n*.new TXT x\n"
               "b TXT b\nc CNAME any.new\n*.other TXT y\n");
    assert_true(made_up("a.old.example.test.") == made_up("b.old.example.test."));
    assert_true(made_up("a.old.example.test.") != made_up("a.new.example.test."));
    assert_true(made_up("a.other.example.test.") != made_up("a.new.example.test."));
    assert_true(made_up("b.example.test.") != made_up("c.example.test.")); /* their own */
    assert_true(made_up("c.example.test.") != made_up("a.new.example.test."));
}

static void test_kinds_of_answers_and_what_slips(void **state)
{
    (void)state;
    uint64_t first = 0;
    uint64_t second = 0;
    size_t size = build(question("mail.example.test.", DNS_TYPE_A, 1), false);
    assert_int_equal(dns_answer_kind(message, size, result.made_by, &first), DNS_RATE_ANSWER);
    size = build(question("MAIL.example.test.", DNS_TYPE_AAAA, 1), false);
    assert_int_equal(dns_answer_kind(message, size, result.made_by, &second), DNS_RATE_ANSWER);
    assert_true(first == second);
    size = build(question("missing.example.test.", DNS_TYPE_A, 1), false);
    assert_int_equal(dns_answer_kind(message, size, result.made_by, &second), DNS_RATE_NEGATIVE);
    size = build(question("mail.example.test.", DNS_TYPE_TXT, 1), false);
    assert_int_equal(dns_answer_kind(message, size, result.made_by, &second), DNS_RATE_NEGATIVE);
    size = build(question("other.", DNS_TYPE_A, 1), false);
    assert_int_equal(dns_answer_kind(message, size, result.made_by, &second), DNS_RATE_ERROR);
    assert_string_equal(summary(dns_answer_slip(message, size)), "5 tc 0/0/0");
    size = build(question("x.sub.example.test.", DNS_TYPE_A, 1), false);
    assert_string_equal(summary(dns_answer_slip(message, size)), "0 tc 0/0/0");
    size = build(EDNS("\0\12\0\10client01"), false);
    size = dns_answer_slip(message, size);
    assert_string_equal(summary(size), "0 aa tc 0/0/1 OPT");
    assert_int_equal(option_of(size, DNS_MESSAGE_OPTION_COOKIE).size, DNS_COOKIE_BYTES);
}

#define DUTY(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        DUTY(test_edns_version_above_0_is_badvers_with_ours),
        DUTY(test_a_second_opt_or_one_elsewhere_is_formerr),
        DUTY(test_unknown_options_are_skipped),
        DUTY(test_nsid_is_told_when_there_is_one),
        DUTY(test_keepalive_is_for_tcp),
        DUTY(test_padding_in_the_clear_is_not_answered_with_padding),
        DUTY(test_a_client_cookie_is_answered_with_ours_which_is_then_good),
        DUTY(test_without_ours_badcookie_over_udp_where_it_is_required),
        DUTY(test_cookies_of_other_lengths_are_formerr),
        DUTY(test_no_question_but_a_cookie_asks_for_ours),
        DUTY(test_client_subnets_that_break_rfc_7871_are_formerr),
        DUTY(test_scopes_are_0_where_nothing_depends_on_the_client),
        DUTY(test_kinds_of_answers_and_what_slips),
        DUTY(test_names_that_are_made_up_have_one_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
