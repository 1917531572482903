/* SPDX-License-Identifier: Apache-2.0
 * Answers as a client reads them, and the queries that it writes. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/dns_query.h"
#include "wire/dns_rdata_print.h"
#include "wire/dns_reply.h"
#include "wire/dns_type.h"
#include "wire/dns_writer.h"

static struct dns_reply_walk walk;
static uint8_t memory[4096];

static struct dns_name name_of(const char *text)
{
    struct dns_name name;
    assert_int_equal(dns_name_parse(span_text(text), NULL, &name), ERR_OK);
    return name;
}

/* Header and question of an answer to "www.ex. IN MX". */
static void start(struct dns_writer *writer, uint16_t flags)
{
    struct buf buf;
    const struct dns_query query = {
        .id = 0x1234, .name = name_of("www.ex."), .type = DNS_TYPE_MX, .class = DNS_CLASS_IN};
    buf_init(&buf, memory, sizeof memory);
    dns_query_write(&query, &buf);
    dns_writer_init(writer, memory, sizeof memory, buf.size);
    dns_writer_flags(writer, flags);
}

static void test_queries_are_what_servers_read(void **state)
{
    (void)state;
    struct dns_query query = {.id = 7,
                              .name = name_of("a.ex."),
                              .type = DNS_TYPE_AAAA,
                              .class = DNS_CLASS_IN,
                              .edns = true,
                              .dnssec_ok = true,
                              .nsid = true,
                              .cookie_size = 8,
                              .cookie = "12345678",
                              .subnet_given = true,
                              .subnet = {.family = 1, .source_bits = 20, .address = {10, 1, 0x20}}};
    for (int i = 0; i < 3; i++) {
        struct buf buf;
        struct dns_message_query read;
        query.recursion = i == 1;
        query.edns = i != 1;
        query.cookie_size = i == 2 ? DNS_COOKIE_MOST : 8;
        buf_init(&buf, memory, DNS_QUERY_BYTES + 1);
        dns_query_write(&query, &buf);
        assert_false(buf.overflow);
        assert_int_equal(dns_message_parse(buf.data, buf.size, &read), DNS_MESSAGE_GOOD);
        assert_int_equal(read.id, 7);
        assert_int_equal(read.type, DNS_TYPE_AAAA);
        assert_int_equal(read.class, DNS_CLASS_IN);
        assert_true(dns_name_equal(&read.name, &query.name));
        assert_int_equal(read.flags, i == 1 ? DNS_MESSAGE_RD : 0);
        assert_int_equal(read.edns, query.edns);
        assert_int_equal(read.dnssec_ok, query.edns);
        assert_int_equal(read.nsid, query.edns);
        assert_int_equal(read.cookie_size, query.edns ? query.cookie_size : 0);
        assert_int_equal(read.subnet_given, query.edns);
        assert_int_equal(read.subnet.source_bits, query.edns ? 20 : 0);
        assert_int_equal(read.udp_size, query.edns ? DNS_MESSAGE_UDP_MAX : 0);
    }
}

static void test_records_come_with_whole_names(void **state)
{
    (void)state;
    struct dns_writer writer;
    struct dns_reply reply;
    struct dns_reply_record record;
    const struct dns_name zone = name_of("ex.");
    start(&writer, DNS_MESSAGE_QR | DNS_MESSAGE_AA);
    dns_writer_record(&writer, DNS_WRITER_ANSWER, NULL, DNS_TYPE_MX, 300, span_of("\0\12\4mail\2ex", 11));
    dns_writer_record(&writer, DNS_WRITER_AUTHORITY, &zone, DNS_TYPE_SOA, 60,
                      span_of("\2ns\2ex\0\1h\2ex\0\0\0\0\1\0\0\0\2\0\0\0\3\0\0\0\4\0\0\0\5", 33));
    dns_writer_record(&writer, DNS_WRITER_ADDITIONAL, &zone, 65280, 1, span_of("\300\14", 2));
    assert_false(writer.overflow);
    assert_int_equal(dns_reply_parse(span_of(memory, writer.size), &reply), ERR_OK);
    assert_int_equal(reply.trailing, 0);
    assert_int_equal(reply.rcode, 0);
    assert_false(reply.edns.given);
    assert_true(dns_reply_answers(&reply, 0x1234, &(struct dns_name){.size = 8, .bytes = "\3WWW\2ex"}, DNS_TYPE_MX));
    assert_false(dns_reply_answers(&reply, 0x1235, &reply.name, DNS_TYPE_MX));
    assert_false(dns_reply_answers(&reply, 0x1234, &reply.name, DNS_TYPE_A));
    assert_false(dns_reply_answers(&reply, 0x1234, &zone, DNS_TYPE_MX));
    static const struct {
        enum dns_reply_section section;
        const char *owner;
        uint32_t ttl_s;
        const char *data;
    } rows[] = {{DNS_REPLY_ANSWER, "www.ex.", 300, "10 mail.ex."},
                {DNS_REPLY_AUTHORITY, "ex.", 60, "ns.ex. h.ex. 1 2 3 4 5"},
                {DNS_REPLY_ADDITIONAL, "ex.", 1, "\\# 2 C00C"}};
    dns_reply_begin(&reply, &walk);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        char text[200];
        struct buf buf;
        assert_true(dns_reply_next(&walk, &record));
        assert_int_equal(record.section, rows[i].section);
        assert_int_equal(record.ttl_s, rows[i].ttl_s);
        buf_init(&buf, text, sizeof text);
        dns_name_print(&record.owner, &buf);
        assert_string_equal(text, rows[i].owner);
        buf_reset(&buf);
        dns_rdata_print(record.type, record.rdata, &buf);
        assert_string_equal(text, rows[i].data);
    }
    assert_false(dns_reply_next(&walk, &record));
    /* Cut anywhere, it is no answer. */
    for (size_t size = 0; size < writer.size; size++) {
        assert_int_equal(dns_reply_parse(span_of(memory, size), &reply), ERR_PROTOCOL);
    }
    memory[writer.size] = 0;
    assert_int_equal(dns_reply_parse(span_of(memory, writer.size + 1), &reply), ERR_OK);
    assert_int_equal(reply.trailing, 1);
}

static void test_opt_is_told(void **state)
{
    (void)state;
    struct dns_writer writer;
    struct dns_reply reply;
    struct dns_reply_record record;
    const struct dns_message_subnet subnet = {.family = 1, .source_bits = 20, .address = {10, 1, 0x20}};
    const struct dns_writer_options options = {.rcode = DNS_RCODE_BADCOOKIE,
                                               .dnssec_ok = true,
                                               .subnet = &subnet,
                                               .scope_bits = 16,
                                               .cookie = span_text("123456789012345678901234"),
                                               .nsid = span_text("site"),
                                               .keepalive_100ms = 300};
    start(&writer, DNS_MESSAGE_QR | (DNS_RCODE_BADCOOKIE & 15));
    dns_writer_opt(&writer, &options);
    assert_int_equal(dns_reply_parse(span_of(memory, writer.size), &reply), ERR_OK);
    assert_int_equal(reply.rcode, DNS_RCODE_BADCOOKIE);
    assert_true(reply.edns.given && reply.edns.subnet_given && reply.edns.nsid_given);
    assert_int_equal(reply.edns.flags, DNS_MESSAGE_DO);
    assert_int_equal(reply.edns.subnet.family, 1);
    assert_int_equal(reply.edns.subnet.source_bits, 20);
    assert_int_equal(reply.edns.scope_bits, 16);
    assert_memory_equal(reply.edns.subnet.address, subnet.address, 16);
    assert_int_equal(reply.edns.cookie.size, 24);
    assert_true(span_is(reply.edns.nsid, "site"));
    dns_reply_begin(&reply, &walk);
    assert_false(dns_reply_next(&walk, &record)); /* OPT is no record */
    /* A second one. */
    dns_writer_opt(&writer, &options);
    assert_int_equal(dns_reply_parse(span_of(memory, writer.size), &reply), ERR_PROTOCOL);
}

/* OPT with those options behind header and question. */
static enum err parse_options(const char *options, size_t size, struct dns_reply *ret_reply)
{
    struct dns_writer writer;
    start(&writer, DNS_MESSAGE_QR);
    const uint8_t opt[] = {0, 0, DNS_TYPE_OPT, 4, 0xd0, 0, 0, 0, 0, 0, (uint8_t)size};
    memcpy(memory + writer.size, opt, sizeof opt);
    memcpy(memory + writer.size + sizeof opt, options, size);
    memory[11] = 1;
    return dns_reply_parse(span_of(memory, writer.size + sizeof opt + size), ret_reply);
}

static void test_options_of_others(void **state)
{
    (void)state;
    struct dns_reply reply;
    assert_int_equal(parse_options("\0\17\0\10\0\22Hidden\0\17\0\2\0\3\0\143\0\1x", 23, &reply), ERR_OK);
    assert_int_equal(reply.edns.errors_count, 2);
    assert_int_equal(reply.edns.errors[0].code, 18);
    assert_true(span_is(reply.edns.errors[0].text, "Hidden"));
    assert_int_equal(reply.edns.errors[1].code, 3);
    assert_int_equal(reply.edns.errors[1].text.size, 0);
    assert_int_equal(parse_options("\0\10\0\4\0\0\0\0", 8, &reply), ERR_OK); /* a subnet of prefix 0 */
    assert_true(reply.edns.subnet_given);
    assert_int_equal(parse_options("\0\10\0\4\0\1\30\0", 8, &reply), ERR_PROTOCOL);  /* its address is missing */
    assert_int_equal(parse_options("\0\10\0\5\0\1\0\0\1", 9, &reply), ERR_PROTOCOL); /* there is more than it says */
    assert_int_equal(parse_options("\0\17\0\1\0", 5, &reply), ERR_PROTOCOL);         /* half a code */
    assert_int_equal(parse_options("\0\17\0\3\0\1", 6, &reply), ERR_PROTOCOL);       /* cut */
    assert_int_equal(parse_options("\0\12\0\51"
                                   "12345678901234567890123456789012345678901",
                                   45, &reply),
                     ERR_PROTOCOL); /* a cookie that is too long */
}

static void test_what_is_no_answer(void **state)
{
    (void)state;
    struct dns_writer writer;
    struct dns_reply reply;
    start(&writer, 0);
    assert_int_equal(dns_reply_parse(span_of(memory, writer.size), &reply), ERR_PROTOCOL); /* a query */
    start(&writer, DNS_MESSAGE_QR);
    memory[5] = 2;
    assert_int_equal(dns_reply_parse(span_of(memory, writer.size), &reply), ERR_PROTOCOL); /* two questions */
    memory[5] = 0;
    assert_int_equal(dns_reply_parse(span_of(memory, 12), &reply), ERR_OK); /* as FORMERR may be */
    assert_false(reply.question_given);
    start(&writer, DNS_MESSAGE_QR);
    memory[12] = 0xc0;
    memory[13] = 12;
    assert_int_equal(dns_reply_parse(span_of(memory, writer.size), &reply), ERR_PROTOCOL); /* a name of itself */
}

/* A name in the data that points beyond its own start is left as the bytes that came. */
static void test_data_that_is_broken_stays_as_it_is(void **state)
{
    (void)state;
    struct dns_writer writer;
    struct dns_reply reply;
    struct dns_reply_record record;
    start(&writer, DNS_MESSAGE_QR);
    dns_writer_record(&writer, DNS_WRITER_ANSWER, NULL, 65280, 1, span_of("\0\12\377\377", 4));
    const uint8_t mx[] = {0, DNS_TYPE_MX};
    memcpy(memory + writer.size - 4 - 10, mx, 2);
    assert_int_equal(dns_reply_parse(span_of(memory, writer.size), &reply), ERR_OK);
    dns_reply_begin(&reply, &walk);
    assert_true(dns_reply_next(&walk, &record));
    assert_int_equal(record.type, DNS_TYPE_MX);
    assert_true(span_equal(record.rdata, span_of("\0\12\377\377", 4)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_queries_are_what_servers_read),
        cmocka_unit_test(test_records_come_with_whole_names),
        cmocka_unit_test(test_opt_is_told),
        cmocka_unit_test(test_options_of_others),
        cmocka_unit_test(test_what_is_no_answer),
        cmocka_unit_test(test_data_that_is_broken_stays_as_it_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
