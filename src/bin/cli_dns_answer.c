/* SPDX-License-Identifier: Apache-2.0
 * The answer of a DNS server as JSON and as text. */
#include "bin/cli_dns_answer.h"

#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "wire/dns_rdata_print.h"
#include "wire/dns_rdata_text.h"
#include "wire/dns_type.h"

enum {
    CLI_DNS_ANSWER_NAME = 1100,
    CLI_DNS_ANSWER_DATA = 300000, /* 65535 bytes, each as \DDD, and quotes */
    CLI_DNS_ANSWER_ROWS = 4096,   /* records that are compared */
};

static const char *const cli_dns_answer_sections[DNS_REPLY_SECTIONS] = {"answer", "authority", "additional"};

/* ---- to JSON ---- */

/* Text of the wire: bytes that are no UTF-8 would be no JSON. */
static json_t *cli_dns_answer_string(struct span bytes)
{
    static char memory[CLI_DNS_ANSWER_DATA];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_rdata_text_escaped(bytes, &buf);
    return json_string(buf_string(&buf));
}

static json_t *cli_dns_answer_hex(struct span bytes)
{
    char memory[2 * DNS_COOKIE_MOST + 1];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_rdata_text_hex(bytes, &buf);
    return json_string(buf_string(&buf));
}

static json_t *cli_dns_answer_name(const struct dns_name *name)
{
    char memory[CLI_DNS_ANSWER_NAME];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_name_print(name, &buf);
    return json_string(buf_string(&buf));
}

static json_t *cli_dns_answer_type(uint16_t type)
{
    char memory[16];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_rdata_text_type(type, &buf);
    return json_string(buf_string(&buf));
}

static json_t *cli_dns_answer_class(uint16_t class)
{
    return class == DNS_CLASS_IN ? json_string("IN") : class == DNS_CLASS_CH ? json_string("CH") : json_integer(class);
}

static json_t *cli_dns_answer_rcode(uint16_t rcode)
{
    const char *name = dns_type_rcode_name(rcode);
    return name != NULL ? json_string(name) : json_sprintf("RCODE%u", rcode);
}

static json_t *cli_dns_answer_flags(uint16_t flags)
{
    static const struct {
        uint16_t bit;
        const char *name;
    } rows[] = {{DNS_MESSAGE_QR, "qr"}, {DNS_MESSAGE_AA, "aa"}, {DNS_MESSAGE_TC, "tc"}, {DNS_MESSAGE_RD, "rd"},
                {0x0080, "ra"},         {0x0020, "ad"},         {DNS_MESSAGE_CD, "cd"}};
    json_t *array = json_array();
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        if ((flags & rows[i].bit) != 0) {
            json_array_append_new(array, json_string(rows[i].name));
        }
    }
    return array;
}

static void cli_dns_answer_subnet(const struct dns_reply_edns *edns, json_t *object)
{
    char text[INET6_ADDRSTRLEN] = "0";
    const int family = edns->subnet.family == 1 ? AF_INET : edns->subnet.family == 2 ? AF_INET6 : AF_UNSPEC;
    if (family != AF_UNSPEC) {
        inet_ntop(family, edns->subnet.address, text, sizeof text);
    }
    json_object_set_new(object, "subnet", json_sprintf("%s/%u", text, edns->subnet.source_bits));
    json_object_set_new(object, "scope", json_integer(edns->scope_bits));
}

static json_t *cli_dns_answer_edns(const struct dns_reply_edns *edns)
{
    json_t *object = json_pack("{s:i, s:i}", "version", edns->version, "udp", edns->udp_size);
    json_t *flags = json_array();
    if ((edns->flags & DNS_MESSAGE_DO) != 0) {
        json_array_append_new(flags, json_string("do"));
    }
    if ((edns->flags & DNS_MESSAGE_CO) != 0) {
        json_array_append_new(flags, json_string("co"));
    }
    json_object_set_new(object, "flags", flags);
    if (edns->subnet_given) {
        cli_dns_answer_subnet(edns, object);
    }
    if (edns->nsid_given) {
        json_object_set_new(object, "nsid", cli_dns_answer_string(edns->nsid));
    }
    if (edns->cookie.size > 0) {
        json_object_set_new(object, "cookie", cli_dns_answer_hex(edns->cookie));
    }
    if (edns->errors_count > 0) {
        json_t *errors = json_array();
        for (uint32_t i = 0; i < edns->errors_count; i++) {
            json_array_append_new(errors, json_pack("{s:i, s:o}", "code", edns->errors[i].code, "text",
                                                    cli_dns_answer_string(edns->errors[i].text)));
        }
        json_object_set_new(object, "errors", errors);
    }
    return object;
}

static json_t *cli_dns_answer_record(const struct dns_reply_record *record)
{
    static char memory[CLI_DNS_ANSWER_DATA];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    dns_rdata_print(record->type, record->rdata, &buf);
    ASSERT(!buf.overflow);
    return json_pack("{s:o, s:I, s:o, s:o, s:s}", "name", cli_dns_answer_name(&record->owner), "ttl",
                     (json_int_t)record->ttl_s, "class", cli_dns_answer_class(record->class), "type",
                     cli_dns_answer_type(record->type), "data", buf_string(&buf));
}

static void cli_dns_answer_records(const struct dns_reply *reply, json_t *object)
{
    static struct dns_reply_walk walk;
    struct dns_reply_record record;
    json_t *sections[DNS_REPLY_SECTIONS];
    for (uint32_t i = 0; i < DNS_REPLY_SECTIONS; i++) {
        sections[i] = json_array();
        json_object_set_new(object, cli_dns_answer_sections[i], sections[i]);
    }
    dns_reply_begin(reply, &walk);
    while (dns_reply_next(&walk, &record)) {
        json_array_append_new(sections[record.section], cli_dns_answer_record(&record));
    }
}

json_t *cli_dns_answer_json(const char *server, const struct dns_client_answer *answer)
{
    const struct dns_reply *reply = &answer->reply;
    char client[ADDRESS_TEXT];
    address_print(&answer->source, client);
    *strrchr(client, ':') = 0; /* the port is another one each time */
    json_t *object =
        json_pack("{s:s, s:s, s:b, s:i, s:I, s:I, s:s, s:o, s:o}", "server", server, "transport",
                  answer->tcp ? "tcp" : "udp", "truncated", answer->truncated, "tries", answer->tries, "time_us",
                  (json_int_t)answer->took_us, "size", (json_int_t)reply->message.size, "client", client, "rcode",
                  cli_dns_answer_rcode(reply->rcode), "flags", cli_dns_answer_flags(reply->flags));
    ASSERT(object != NULL);
    if (reply->trailing > 0) {
        json_object_set_new(object, "trailing", json_integer((json_int_t)reply->trailing));
    }
    if (reply->edns.given) {
        json_object_set_new(object, "edns", cli_dns_answer_edns(&reply->edns));
    }
    if (reply->question_given) {
        json_object_set_new(object, "question",
                            json_pack("{s:o, s:o, s:o}", "name", cli_dns_answer_name(&reply->name), "class",
                                      cli_dns_answer_class(reply->class), "type", cli_dns_answer_type(reply->type)));
    }
    cli_dns_answer_records(reply, object);
    return object;
}

json_t *cli_dns_answer_problem(const char *server, const char *problem)
{
    json_t *object = json_pack("{s:s, s:s}", "server", server, "problem", problem);
    ASSERT(object != NULL);
    return object;
}

/* ---- to text ---- */

static void cli_dns_answer_draw_words(const json_t *array, const char *before, struct cli_text *text)
{
    size_t i;
    const json_t *word;
    json_array_foreach(array, i, word)
    {
        cli_text_print(text, CLI_TEXT_PLAIN, "%s%s", i == 0 ? before : " ", json_string_value(word));
    }
}

static void cli_dns_answer_draw_edns(const json_t *edns, struct cli_text *text)
{
    size_t i;
    const json_t *error;
    cli_text_print(text, CLI_TEXT_PLAIN, "edns      version %d, udp %d", (int)cli_text_integer(edns, "version", 0),
                   (int)cli_text_integer(edns, "udp", 0));
    cli_dns_answer_draw_words(json_object_get(edns, "flags"), ", flags ", text);
    cli_text_print(text, CLI_TEXT_PLAIN, "\n");
    if (json_object_get(edns, "subnet") != NULL) {
        cli_text_print(text, CLI_TEXT_PLAIN, "subnet    %s scope /%d\n", cli_text_member(edns, "subnet"),
                       (int)cli_text_integer(edns, "scope", 0));
    }
    if (json_object_get(edns, "nsid") != NULL) {
        cli_text_print(text, CLI_TEXT_PLAIN, "nsid      %s\n", cli_text_member(edns, "nsid"));
    }
    if (json_object_get(edns, "cookie") != NULL) {
        cli_text_print(text, CLI_TEXT_PLAIN, "cookie    %s\n", cli_text_member(edns, "cookie"));
    }
    json_array_foreach(json_object_get(edns, "errors"), i, error)
    {
        cli_text_print(text, CLI_TEXT_WARN, "error     %d %s\n", (int)cli_text_integer(error, "code", 0),
                       cli_text_member(error, "text"));
    }
}

static void cli_dns_answer_draw_section(const json_t *records, const char *name, struct cli_text *text)
{
    size_t i;
    const json_t *record;
    if (json_array_size(records) == 0) {
        return;
    }
    cli_text_print(text, CLI_TEXT_BOLD, "%s\n", name);
    json_array_foreach(records, i, record)
    {
        /* Data may be long, so straight into the screen. */
        const json_t *class = json_object_get(record, "class");
        buf_text(&text->out, "  ");
        buf_text(&text->out, cli_text_member(record, "name"));
        buf_printf(&text->out, " %d ", (int)cli_text_integer(record, "ttl", 0));
        if (json_is_string(class)) {
            buf_text(&text->out, json_string_value(class));
        } else {
            buf_printf(&text->out, "CLASS%d", (int)json_integer_value(class));
        }
        buf_printf(&text->out, " %s ", cli_text_member(record, "type"));
        buf_text(&text->out, cli_text_member(record, "data"));
        buf_text(&text->out, "\n");
    }
}

void cli_dns_answer_draw(const json_t *answer, struct cli_text *text)
{
    cli_text_print(text, CLI_TEXT_BOLD, "server    %s", cli_text_member(answer, "server"));
    if (json_object_get(answer, "problem") != NULL) {
        cli_text_print(text, CLI_TEXT_BAD, "\nproblem   %s\n", cli_text_member(answer, "problem"));
        return;
    }
    const int64_t us = cli_text_integer(answer, "time_us", 0);
    const int tries = (int)cli_text_integer(answer, "tries", 1);
    cli_text_print(text, CLI_TEXT_PLAIN, ", %s%s, %d.%03d ms, %d bytes", cli_text_member(answer, "transport"),
                   cli_text_true(answer, "truncated") ? " (truncated over udp)" : "", (int)(us / 1000),
                   (int)(us % 1000), (int)cli_text_integer(answer, "size", 0));
    if (tries > 1) {
        cli_text_print(text, CLI_TEXT_WARN, ", %d tries", tries);
    }
    const char *rcode = cli_text_member(answer, "rcode");
    cli_text_print(text, CLI_TEXT_PLAIN, "\nstatus    ");
    cli_text_print(text, strcmp(rcode, "NOERROR") == 0 ? CLI_TEXT_GOOD : CLI_TEXT_WARN, "%s", rcode);
    cli_dns_answer_draw_words(json_object_get(answer, "flags"), ", flags ", text);
    cli_text_print(text, CLI_TEXT_PLAIN, "\n");
    if (json_object_get(answer, "trailing") != NULL) {
        cli_text_print(text, CLI_TEXT_WARN, "trailing  %d bytes behind the last record\n",
                       (int)cli_text_integer(answer, "trailing", 0));
    }
    if (json_object_get(answer, "edns") != NULL) {
        cli_dns_answer_draw_edns(json_object_get(answer, "edns"), text);
    }
    for (uint32_t i = 0; i < DNS_REPLY_SECTIONS; i++) {
        cli_dns_answer_draw_section(json_object_get(answer, cli_dns_answer_sections[i]), cli_dns_answer_sections[i],
                                    text);
    }
}

/* ---- to compare ---- */

static int cli_dns_answer_order(const void *a, const void *b)
{
    const json_t *const *x = a;
    const json_t *const *y = b;
    int order = strcasecmp(cli_text_member(*x, "name"), cli_text_member(*y, "name"));
    order = order != 0 ? order : strcmp(cli_text_member(*x, "type"), cli_text_member(*y, "type"));
    return order != 0 ? order : strcmp(cli_text_member(*x, "data"), cli_text_member(*y, "data"));
}

void cli_dns_answer_rows(const json_t *answer, struct buf *buf)
{
    static const json_t *rows[CLI_DNS_ANSWER_ROWS];
    size_t count = 0;
    size_t i;
    const json_t *record;
    json_array_foreach(json_object_get(answer, "answer"), i, record)
    {
        if (strcmp(cli_text_member(record, "type"), "RRSIG") != 0 && count < CLI_DNS_ANSWER_ROWS) {
            rows[count++] = record;
        }
    }
    qsort(rows, count, sizeof *rows, cli_dns_answer_order);
    if (count == 0) {
        const bool good = strcmp(cli_text_member(answer, "rcode"), "NOERROR") == 0;
        buf_printf(buf, "%s\n", good ? "NODATA" : cli_text_member(answer, "rcode"));
    }
    for (i = 0; i < count; i++) {
        const size_t start = buf->size;
        buf_printf(buf, "%s", cli_text_member(rows[i], "name"));
        for (size_t at = start; at < buf->size; at++) {
            buf->data[at] = dns_name_small(buf->data[at]);
        }
        buf_printf(buf, " %s %s\n", cli_text_member(rows[i], "type"), cli_text_member(rows[i], "data"));
    }
}
