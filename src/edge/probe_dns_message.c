/* SPDX-License-Identifier: Apache-2.0
 * The question of a dns probe, and whether an answer is the one that was expected (RFC 1035, 4.1). */
#include "edge/probe_dns_message.h"

#include <arpa/inet.h>
#include <string.h>

#include "base/cursor.h"
#include "wire/dns_message.h"
#include "wire/dns_query.h"
#include "wire/dns_rdata.h"
#include "wire/dns_type.h"

/* The words of the expected record data, as a master file would have them. */
static enum err probe_dns_message_expect(const char *text, struct probe_dns_question *question)
{
    struct dns_word words[16];
    size_t count = 0;
    const char *at = text + strspn(text, " ");
    while (*at != 0) {
        if (count == sizeof words / sizeof words[0]) {
            return ERR_TOO_LARGE;
        }
        const bool quoted = *at == '"';
        at += quoted ? 1 : 0;
        const size_t size = strcspn(at, quoted ? "\"" : " ");
        words[count++] = (struct dns_word){.text = span_of(at, size), .quoted = quoted};
        at += size + (quoted && at[size] == '"' ? 1 : 0);
        at += strspn(at, " ");
    }
    struct buf data;
    struct dns_rdata_problem problem;
    buf_init(&data, question->expect, sizeof question->expect);
    const enum err err = dns_rdata_parse(question->type, words, count, NULL, &data, &problem);
    question->expects = true;
    question->expect_size = data.size;
    return err == ERR_OK && data.overflow ? ERR_TOO_LARGE : err;
}

enum err probe_dns_message_question(const char *name, const char *type, const char *expect,
                                    struct probe_dns_question *ret_question)
{
    struct probe_dns_question question;
    memset(&question, 0, sizeof question);
    enum err err = dns_type_parse(span_text(type[0] != 0 ? type : "A"), &question.type);
    if (err == ERR_OK) {
        err = dns_name_parse(span_text(name), NULL, &question.name);
    }
    if (err == ERR_OK && expect[0] != 0) {
        err = probe_dns_message_expect(expect, &question);
    }
    if (err == ERR_OK) {
        *ret_question = question;
    }
    return err;
}

void probe_dns_message_write(const struct probe_dns_question *question, struct buf *buf)
{
    /* No recursion wanted: the server must know by itself. */
    dns_query_write(
        &(struct dns_query){.id = question->id, .name = question->name, .type = question->type, .class = DNS_CLASS_IN},
        buf);
}

/* Record data without compression. Names inside are at the end of the data for the types that we compare. */
static bool probe_dns_message_equal(const struct probe_dns_question *question, struct cursor cursor, uint16_t size)
{
    if (question->type == DNS_TYPE_CNAME || question->type == DNS_TYPE_NS || question->type == DNS_TYPE_PTR) {
        struct dns_name name;
        struct dns_name expected = {.size = (uint8_t)question->expect_size};
        memcpy(expected.bytes, question->expect, expected.size);
        dns_name_read(&cursor, &name);
        return cursor_ok(&cursor) && dns_name_equal(&name, &expected);
    }
    return span_equal(cursor_span(&cursor, size), span_of(question->expect, question->expect_size));
}

/* The first record that was not the expected one, in words. */
static void probe_dns_message_print(const struct probe_dns_question *question, struct cursor cursor, uint16_t size,
                                    struct buf *words)
{
    char text[INET6_ADDRSTRLEN];
    const struct span data = cursor_span(&cursor, size);
    if (data.size == 4 && question->type == DNS_TYPE_A && inet_ntop(AF_INET, data.data, text, sizeof text) != NULL) {
        buf_printf(words, " %s", text);
    } else if (data.size == 16 && question->type == DNS_TYPE_AAAA &&
               inet_ntop(AF_INET6, data.data, text, sizeof text) != NULL) {
        buf_printf(words, " %s", text);
    } else {
        buf_printf(words, " %u bytes", size);
    }
}

static enum err probe_dns_message_records(const struct probe_dns_question *question, struct cursor *cursor,
                                          uint16_t count, struct buf *words)
{
    uint32_t found = 0;
    bool equal = false;
    for (uint32_t i = 0; i < count && cursor_ok(cursor); i++) {
        struct dns_name owner;
        dns_name_read(cursor, &owner);
        const uint16_t type = cursor_u16be(cursor);
        const uint16_t class = cursor_u16be(cursor);
        cursor_skip(cursor, 4);
        const uint16_t size = cursor_u16be(cursor);
        if (cursor_ok(cursor) && size <= cursor_left(cursor) && type == question->type && class == DNS_CLASS_IN) {
            equal = equal || !question->expects || probe_dns_message_equal(question, *cursor, size);
            found++;
            if (found <= 4) {
                probe_dns_message_print(question, *cursor, size, words);
            }
        }
        cursor_skip(cursor, size);
    }
    if (!cursor_ok(cursor)) {
        buf_reset(words);
        buf_text(words, "a broken answer");
        return ERR_PROTOCOL;
    }
    if (found == 0) {
        buf_text(words, " nothing");
    }
    return found > 0 && equal ? ERR_OK : ERR_CONTENT;
}

enum err probe_dns_message_check(const struct probe_dns_question *question, struct span answer, struct buf *words)
{
    struct cursor cursor;
    cursor_init(&cursor, answer.data, answer.size);
    const uint16_t id = cursor_u16be(&cursor);
    const uint16_t flags = cursor_u16be(&cursor);
    const uint16_t questions = cursor_u16be(&cursor);
    const uint16_t answers = cursor_u16be(&cursor);
    cursor_skip(&cursor, 4);
    if (!cursor_ok(&cursor) || id != question->id || (flags & DNS_MESSAGE_QR) == 0) {
        return ERR_STALE;
    }
    const uint16_t rcode = flags & 0x000f;
    if (rcode != DNS_RCODE_NOERROR) {
        const char *name = dns_type_rcode_name(rcode);
        buf_printf(words, "answered %s", name != NULL ? name : "an unknown response code");
        return ERR_STATUS;
    }
    struct dns_name name;
    dns_name_read(&cursor, &name);
    const uint16_t type = cursor_u16be(&cursor);
    cursor_skip(&cursor, 2);
    if (!cursor_ok(&cursor) || questions != 1) {
        buf_text(words, "a broken answer");
        return ERR_PROTOCOL;
    }
    if (!dns_name_equal(&name, &question->name) || type != question->type) {
        return ERR_STALE;
    }
    buf_printf(words, "answered%s", (flags & DNS_MESSAGE_TC) != 0 ? " (truncated)" : "");
    return probe_dns_message_records(question, &cursor, answers, words);
}
