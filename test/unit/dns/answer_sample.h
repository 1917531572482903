/* SPDX-License-Identifier: Apache-2.0
 * Questions to the sample zone and short forms of the answers, for the DNS tests. */
#pragma once

#include "dns/dns_answer.h"
#include "wire/dns_message.h"
#include "zone_sample.h"

enum { CAPACITY = 65535 };

static struct view view;
static struct dns_policy policy;
static struct dns_catalog *catalog;
static struct dns_answer_source source;
static uint8_t message[CAPACITY];
static struct dns_transfer transfer;

static inline int set_up(void **state)
{
    (void)state;
    sample_view(&view);
    struct dns_zone *zone = sample_zone();
    catalog = dns_catalog_new();
    if (zone == NULL || catalog == NULL || dns_catalog_add(catalog, zone) != ERR_OK ||
        dns_catalog_index(catalog) != ERR_OK) {
        return -1;
    }
    catalog->settings.cookies = (struct dns_cookie_secrets){1, {"0123456789abcde"}};
    dns_policy_prepare(&policy, &view, catalog->dynamic, catalog->dynamic_count);
    source = (struct dns_answer_source){catalog, &policy, 0, 1000000, NULL};
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    dns_catalog_free(catalog);
    return 0;
}

static inline size_t question(const char *text, uint16_t type, uint16_t class)
{
    static const uint8_t header[] = {0xab, 0xcd, 1, 0x10, 0, 1, 0, 0, 0, 0, 0, 0};
    struct buf buf;
    const struct dns_name name = sample_name(text);
    buf_init(&buf, message, sizeof message);
    buf_bytes(&buf, header, sizeof header);
    buf_bytes(&buf, name.bytes, name.size);
    buf_u16be(&buf, type);
    buf_u16be(&buf, class);
    return buf.size;
}

static const struct view_address home_client = {.family = 4, .bytes = {10, 1, 1, 1}};

/* "RCODE flags answers/authority/additional", then the types of all records in order. */
static inline const char *summary(size_t size)
{
    static char text[256];
    struct buf buf;
    struct cursor cursor;
    struct dns_name name;
    buf_init(&buf, text, sizeof text);
    cursor_init(&cursor, message, size);
    assert_int_equal(cursor_u16be(&cursor), 0xabcd);
    const uint16_t flags = cursor_u16be(&cursor);
    const uint16_t questions = cursor_u16be(&cursor);
    const uint32_t counts[3] = {cursor_u16be(&cursor), cursor_u16be(&cursor), cursor_u16be(&cursor)};
    buf_printf(&buf, "%u%s%s %u/%u/%u", flags & 0xf, flags & DNS_MESSAGE_AA ? " aa" : "",
               flags & DNS_MESSAGE_TC ? " tc" : "", counts[0], counts[1], counts[2]);
    for (uint32_t i = 0; i < questions; i++) {
        dns_name_read(&cursor, &name);
        cursor_skip(&cursor, 4);
    }
    for (uint32_t i = 0; i < counts[0] + counts[1] + counts[2]; i++) {
        dns_name_read(&cursor, &name);
        const char *type = dns_type_name(cursor_u16be(&cursor));
        cursor_skip(&cursor, 6);
        const uint16_t length = cursor_u16be(&cursor);
        cursor_skip(&cursor, length);
        buf_printf(&buf, " %s", type != NULL ? type : "?");
    }
    assert_true(cursor_ok(&cursor));
    assert_int_equal(cursor_left(&cursor), 0);
    return buf_string(&buf);
}

static struct dns_answer_result result;

static inline size_t build(size_t size, bool tcp)
{
    const struct dns_answer_packet packet = {message, size, tcp ? CAPACITY : 1472, home_client, tcp ? &transfer : NULL,
                                             300};
    return dns_answer_build(&source, &packet, &result);
}

static inline size_t with_opt(size_t size, const void *opt, size_t opt_size)
{
    memcpy(message + size, opt, opt_size);
    message[11] = 1;
    return size + opt_size;
}

/* One question and its summary. */
struct sample_case {
    const char *name;
    uint16_t type;
    const char *summary;
};

static inline void expect_answers(const struct sample_case *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        const char *got = summary(build(question(cases[i].name, cases[i].type, DNS_CLASS_IN), false));
        if (strcmp(got, cases[i].summary) != 0) {
            fail_msg("%s %u: \"%s\" instead of \"%s\"", cases[i].name, cases[i].type, got, cases[i].summary);
        }
    }
}

#define EXPECT_ANSWERS(...)                                                                                            \
    do {                                                                                                               \
        static const struct sample_case all[] = {__VA_ARGS__};                                                         \
        expect_answers(all, sizeof all / sizeof *all);                                                                 \
    } while (0)

/* The zone becomes this text. */
static inline void other_zone(const char *text)
{
    char problem[DNS_ZONE_PROBLEM];
    struct dns_zone *other = NULL;
    const struct dns_name origin = sample_name("example.test.");
    const enum err err =
        dns_zone_parse("other", span_text(text), &(struct dns_zone_want){&origin, NULL, 0, false}, problem, &other);
    if (err != ERR_OK) {
        fail_msg("%s", problem);
    }
    dns_zone_free(catalog->zones[0]);
    catalog->zones[0] = other;
    catalog->dynamic_count = 0;
    assert_int_equal(dns_catalog_index(catalog), ERR_OK);
}
