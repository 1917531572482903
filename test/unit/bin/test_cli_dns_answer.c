/* SPDX-License-Identifier: Apache-2.0
 * What `holdfast dns query` shows of answers, and how it judges them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "bin/cli_dns_answer.h"
#include "bin/cli_dns_judge.h"
#include "wire/dns_type.h"
#include "wire/dns_writer.h"

static struct dns_client_answer answer;
static char screen[CLI_TEXT_BYTES];

static struct dns_name name_of(const char *text)
{
    struct dns_name name;
    assert_int_equal(dns_name_parse(span_text(text), NULL, &name), ERR_OK);
    return name;
}

/* An answer to "WWW.ex. A" with these addresses. */
static json_t *answer_of(const char *server, uint16_t rcode, const char *const *addresses, size_t count)
{
    struct dns_writer writer;
    struct buf buf;
    const struct dns_query query = {.id = 1, .name = name_of("WWW.ex."), .type = DNS_TYPE_A, .class = DNS_CLASS_IN};
    const struct dns_message_subnet subnet = {.family = 1, .source_bits = 24, .address = {10, 1, 2}};
    const struct dns_writer_options options = {.rcode = rcode,
                                               .dnssec_ok = true,
                                               .subnet = &subnet,
                                               .scope_bits = 16,
                                               .nsid = span_text("tai\1wan"),
                                               .cookie = span_text("1234567812345678"),
                                               .keepalive_100ms = -1};
    memset(&answer, 0, sizeof answer);
    assert_int_equal(address_parse("127.0.0.1:4242", &answer.source), ERR_OK);
    answer.took_us = 1234;
    answer.tries = 2;
    buf_init(&buf, answer.message, sizeof answer.message);
    dns_query_write(&query, &buf);
    dns_writer_init(&writer, answer.message, sizeof answer.message, buf.size);
    dns_writer_flags(&writer, (uint16_t)(DNS_MESSAGE_QR | DNS_MESSAGE_AA | (rcode & 15)));
    for (size_t i = 0; i < count; i++) {
        uint8_t bytes[4] = {192, 0, 2, (uint8_t)addresses[i][0]};
        dns_writer_record(&writer, DNS_WRITER_ANSWER, NULL, DNS_TYPE_A, (uint32_t)(5 + i), span_of(bytes, 4));
    }
    dns_writer_opt(&writer, &options);
    assert_int_equal(dns_reply_parse(span_of(answer.message, writer.size), &answer.reply), ERR_OK);
    return cli_dns_answer_json(server, &answer);
}

static void test_an_answer_as_text(void **state)
{
    (void)state;
    struct cli_text text = {0};
    buf_init(&text.out, screen, sizeof screen);
    json_t *json = answer_of("192.0.2.53:53", 0, (const char *const[]){"\1", "\2"}, 2);
    cli_dns_answer_draw(json, &text);
    assert_string_equal(screen, "server    192.0.2.53:53, udp, 1.234 ms, 109 bytes, 2 tries\n"
                                "status    NOERROR, flags qr aa\n"
                                "edns      version 0, udp 1232, flags do\n"
                                "subnet    10.1.2.0/24 scope /16\n"
                                "nsid      tai\\001wan\n"
                                "cookie    31323334353637383132333435363738\n"
                                "answer\n"
                                "  WWW.ex. 5 IN A 192.0.2.1\n"
                                "  WWW.ex. 6 IN A 192.0.2.2\n");
    assert_string_equal(cli_text_member(json, "client"), "127.0.0.1");
    buf_reset(&text.out);
    cli_dns_answer_rows(json, &text.out);
    assert_string_equal(screen, "www.ex. A 192.0.2.1\nwww.ex. A 192.0.2.2\n");
    json_decref(json);
    buf_reset(&text.out);
    json = cli_dns_answer_problem("[::1]:53", "over udp: timed out");
    cli_dns_answer_draw(json, &text);
    assert_string_equal(screen, "server    [::1]:53\nproblem   over udp: timed out\n");
    json_decref(json);
}

static const char *wrong_of(const json_t *answers, size_t i)
{
    return cli_text_member(json_array_get(answers, i), "wrong");
}

static void test_servers_are_compared(void **state)
{
    (void)state;
    const struct cli_dns_judge judge = {.type = DNS_TYPE_A};
    json_t *answers = json_array();
    /* In another order, and with other times to live. */
    json_array_append_new(answers, answer_of("a", 0, (const char *const[]){"\1", "\2"}, 2));
    json_array_append_new(answers, answer_of("b", 0, (const char *const[]){"\2", "\1"}, 2));
    assert_int_equal(cli_dns_judge(&judge, answers), VERB_OK);
    json_array_append_new(answers, cli_dns_answer_problem("c", "timed out"));
    assert_int_equal(cli_dns_judge(&judge, answers), VERB_DEGRADED);
    json_array_append_new(answers, answer_of("d", 0, (const char *const[]){"\1"}, 1));
    assert_int_equal(cli_dns_judge(&judge, answers), VERB_FAILED);
    assert_string_equal(wrong_of(answers, 0), "");
    assert_string_equal(wrong_of(answers, 3), "not what a answers");
    /* It was asked for another client: no wonder. */
    json_object_set_new(json_array_get(answers, 3), "client", json_string("127.0.0.2"));
    json_object_del(json_array_get(answers, 3), "wrong");
    assert_int_equal(cli_dns_judge(&judge, answers), VERB_DEGRADED);
    json_array_clear(answers);
    json_array_append_new(answers, cli_dns_answer_problem("c", "timed out"));
    assert_int_equal(cli_dns_judge(&judge, answers), VERB_UNREACHABLE);
    json_array_clear(answers);
    json_array_append_new(answers, answer_of("a", DNS_RCODE_SERVFAIL, NULL, 0));
    assert_int_equal(cli_dns_judge(&judge, answers), VERB_FAILED);
    json_array_clear(answers);
    json_array_append_new(answers, answer_of("a", DNS_RCODE_NXDOMAIN, NULL, 0));
    assert_int_equal(cli_dns_judge(&judge, answers), VERB_OK);
    json_decref(answers);
}

static void test_the_view_decides(void **state)
{
    (void)state;
    const struct cli_dns_judge judge = {.type = DNS_TYPE_A};
    json_t *answers = json_array();
    json_array_append_new(answers, answer_of("a", 0, (const char *const[]){"\1"}, 1));
    json_array_append_new(answers, answer_of("b", 0, (const char *const[]){"\2"}, 1));
    json_object_set_new(json_array_get(answers, 0), "view", answer_of("view", 0, (const char *const[]){"\1"}, 1));
    json_object_set_new(json_array_get(answers, 1), "view", answer_of("view", 0, (const char *const[]){"\1"}, 1));
    assert_int_equal(cli_dns_judge(&judge, answers), VERB_FAILED);
    assert_string_equal(wrong_of(answers, 0), "");
    assert_null(json_object_get(json_array_get(answers, 0), "view"));
    assert_string_equal(wrong_of(answers, 1), "not what the view and the zone files here say");
    assert_non_null(json_object_get(json_array_get(answers, 1), "view"));
    json_decref(answers);
}

/* The exit code for one answer with those addresses, or that code, and those expectations. */
static enum verb_exit judged(uint16_t rcode, const char *addresses, const char *expect, const char *also)
{
    const char *rows[4] = {addresses, addresses + 1};
    const struct cli_dns_judge judge = {
        .type = DNS_TYPE_A, .expects = {expect, also}, .expects_count = also != NULL ? 2 : 1};
    const char *wrong = NULL;
    json_t *answers = json_array();
    assert_int_equal(cli_dns_judge_check(&judge, &wrong), ERR_OK);
    json_array_append_new(answers, answer_of("a", rcode, rows, strlen(addresses)));
    const enum verb_exit result = cli_dns_judge(&judge, answers);
    json_decref(answers);
    return result;
}

static void test_expectations(void **state)
{
    (void)state;
    assert_int_equal(judged(0, "\1", "192.0.2.1", NULL), VERB_OK);
    assert_int_equal(judged(0, "\1", "192.0.2.2", NULL), VERB_FAILED);
    assert_int_equal(judged(0, "\1\2", "192.0.2.2", "192.0.2.1"), VERB_OK);
    assert_int_equal(judged(0, "\1\2", "192.0.2.1", NULL), VERB_FAILED); /* there is one more */
    assert_int_equal(judged(0, "\1\2", "192.0.2.1", "192.0.2.3"), VERB_FAILED);
    assert_int_equal(judged(0, "\1", "\\# 4 c0000201", NULL), VERB_OK); /* in any form that a zone file has */
    assert_int_equal(judged(0, "", "NODATA", NULL), VERB_OK);
    assert_int_equal(judged(0, "\1", "nodata", NULL), VERB_FAILED);
    assert_int_equal(judged(DNS_RCODE_NXDOMAIN, "", "NODATA", NULL), VERB_FAILED);
    assert_int_equal(judged(DNS_RCODE_NXDOMAIN, "", "nxdomain", NULL), VERB_OK);
    assert_int_equal(judged(DNS_RCODE_REFUSED, "", "REFUSED", NULL), VERB_OK); /* as it should be */
    assert_int_equal(judged(DNS_RCODE_REFUSED, "", "NOERROR", NULL), VERB_FAILED);
    const char *wrong = NULL;
    struct cli_dns_judge judge = {.type = DNS_TYPE_A, .expects = {"192.0.2"}, .expects_count = 1};
    assert_int_equal(cli_dns_judge_check(&judge, &wrong), ERR_INVALID);
    assert_string_equal(wrong, "192.0.2");
    judge = (struct cli_dns_judge){.type = DNS_TYPE_A, .expects = {"192.0.2.1", "NODATA"}, .expects_count = 2};
    assert_int_equal(cli_dns_judge_check(&judge, &wrong), ERR_INVALID);
    judge = (struct cli_dns_judge){.type = DNS_TYPE_MX, .expects = {"10 Mail.EX."}, .expects_count = 1};
    assert_int_equal(cli_dns_judge_check(&judge, &wrong), ERR_OK);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_an_answer_as_text),
        cmocka_unit_test(test_servers_are_compared),
        cmocka_unit_test(test_the_view_decides),
        cmocka_unit_test(test_expectations),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
