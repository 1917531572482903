/* SPDX-License-Identifier: Apache-2.0
 * Whether the answers of DNS servers are what they should be. */
#include "bin/cli_dns_judge.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "bin/cli_dns_answer.h"
#include "wire/dns_rdata_print.h"
#include "wire/dns_rdata_text.h"
#include "wire/dns_type.h"
#include "wire/dns_zonefile.h"

enum { CLI_DNS_JUDGE_BYTES = 512 * 1024 };

/* ---- what the operator expects ---- */

/* A response code, or NODATA: no record. NULL: neither. */
static const char *cli_dns_judge_code(const char *text)
{
    for (uint16_t code = 0; code < DNS_RCODE_COUNT; code++) {
        const char *name = dns_type_rcode_name(code);
        if (name != NULL && strcasecmp(text, name) == 0) {
            return name;
        }
    }
    return strcasecmp(text, "NODATA") == 0 ? "NODATA" : NULL;
}

/* Record data as the answer has it: 2001:DB8::0001 is 2001:db8::1. By the reader of zone files. */
static enum err cli_dns_judge_data(uint16_t type, const char *text, struct buf *buf)
{
    static struct dns_zonefile file;
    static char line[8192];
    const struct dns_name root = {.size = 1};
    struct buf zone;
    buf_init(&zone, line, sizeof line);
    buf_text(&zone, ". 1 ");
    dns_rdata_text_type(type, &zone);
    buf_printf(&zone, " %s\n", text);
    dns_zonefile_init(&file, span_of(zone.data, zone.size), &root);
    if (zone.overflow || dns_zonefile_next(&file) != DNS_ZONEFILE_RECORD) {
        return ERR_INVALID;
    }
    dns_rdata_print(type, file.record.rdata, buf);
    return buf->overflow ? ERR_INVALID : ERR_OK;
}

enum err cli_dns_judge_check(const struct cli_dns_judge *judge, const char **ret_wrong)
{
    for (uint32_t i = 0; i < judge->expects_count; i++) {
        static char memory[CLI_DNS_JUDGE_BYTES];
        struct buf buf;
        const bool code = judge->expects_count == 1 && cli_dns_judge_code(judge->expects[i]) != NULL;
        buf_init(&buf, memory, sizeof memory);
        if (!code && cli_dns_judge_data(judge->type, judge->expects[i], &buf) != ERR_OK) {
            *ret_wrong = judge->expects[i];
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

/* Whether one of the answer's records of the type has that data. */
static bool cli_dns_judge_has(const json_t *records, const char *type, const char *data)
{
    size_t i;
    const json_t *record;
    json_array_foreach(records, i, record)
    {
        if (strcmp(cli_text_member(record, "type"), type) == 0 &&
            strcasecmp(cli_text_member(record, "data"), data) == 0) {
            return true;
        }
    }
    return false;
}

static size_t cli_dns_judge_count(const json_t *records, const char *type)
{
    size_t count = 0;
    size_t i;
    const json_t *record;
    json_array_foreach(records, i, record)
    {
        count += strcmp(cli_text_member(record, "type"), type) == 0;
    }
    return count;
}

static bool cli_dns_judge_code_is(const json_t *answer, const char *type, const char *code)
{
    const json_t *records = json_object_get(answer, "answer");
    if (strcmp(code, "NODATA") == 0) {
        return strcmp(cli_text_member(answer, "rcode"), "NOERROR") == 0 && cli_dns_judge_count(records, type) == 0;
    }
    return strcmp(cli_text_member(answer, "rcode"), code) == 0;
}

static bool cli_dns_judge_expected(const struct cli_dns_judge *judge, const json_t *answer)
{
    char type[16];
    struct buf buf;
    buf_init(&buf, type, sizeof type);
    dns_rdata_text_type(judge->type, &buf);
    const char *code = judge->expects_count == 1 ? cli_dns_judge_code(judge->expects[0]) : NULL;
    if (judge->expects_count == 0 || code != NULL) {
        return code == NULL || cli_dns_judge_code_is(answer, type, code);
    }
    const json_t *records = json_object_get(answer, "answer");
    bool good = cli_dns_judge_count(records, type) == judge->expects_count;
    for (uint32_t i = 0; good && i < judge->expects_count; i++) {
        static char memory[CLI_DNS_JUDGE_BYTES];
        buf_init(&buf, memory, sizeof memory);
        good = cli_dns_judge_data(judge->type, judge->expects[i], &buf) == ERR_OK &&
               cli_dns_judge_has(records, type, memory);
    }
    return good;
}

/* ---- what others say ---- */

static char *cli_dns_judge_rows(const json_t *answer)
{
    char *memory = malloc(CLI_DNS_JUDGE_BYTES);
    struct buf buf;
    if (memory == NULL) {
        abort();
    }
    buf_init(&buf, memory, CLI_DNS_JUDGE_BYTES);
    cli_dns_answer_rows(answer, &buf);
    return memory;
}

static bool cli_dns_judge_same(const json_t *a, const json_t *b)
{
    char *rows_a = cli_dns_judge_rows(a);
    char *rows_b = cli_dns_judge_rows(b);
    const bool same = strcmp(rows_a, rows_b) == 0;
    free(rows_a);
    free(rows_b);
    return same;
}

/* The first answer for the client of `answer`: perhaps itself. Others may get another one, and rightly so. */
static const json_t *cli_dns_judge_first(const json_t *answers, const json_t *answer)
{
    size_t i;
    const json_t *other;
    json_array_foreach(answers, i, other)
    {
        if (json_object_get(other, "problem") == NULL &&
            strcmp(cli_text_member(other, "client"), cli_text_member(answer, "client")) == 0) {
            return other;
        }
    }
    return answer;
}

/* Why an answer is wrong; NULL: it is not. */
static json_t *cli_dns_judge_wrong(const struct cli_dns_judge *judge, const json_t *answers, json_t *answer)
{
    const char *rcode = cli_text_member(answer, "rcode");
    const json_t *first = cli_dns_judge_first(answers, answer);
    const json_t *view = json_object_get(answer, "view");
    if (view != NULL && !cli_dns_judge_same(answer, view)) {
        return json_string("not what the view and the zone files here say");
    }
    if (!cli_dns_judge_expected(judge, answer)) {
        return json_string("not what is expected");
    }
    if (view == NULL && !cli_dns_judge_same(answer, first)) {
        return json_sprintf("not what %s answers", cli_text_member(first, "server"));
    }
    if (judge->expects_count == 0 && strcmp(rcode, "NOERROR") != 0 && strcmp(rcode, "NXDOMAIN") != 0) {
        return json_string("refused, or not able to answer");
    }
    json_object_del(answer, "view");
    return NULL;
}

enum verb_exit cli_dns_judge(const struct cli_dns_judge *judge, json_t *answers)
{
    size_t silent = 0;
    size_t wrong = 0;
    size_t i;
    json_t *answer;
    json_array_foreach(answers, i, answer)
    {
        const bool there = json_object_get(answer, "problem") == NULL;
        json_t *why = there ? cli_dns_judge_wrong(judge, answers, answer) : NULL;
        silent += there ? 0 : 1;
        if (why != NULL) {
            json_object_set_new(answer, "wrong", why);
            wrong++;
        }
    }
    if (silent == json_array_size(answers)) {
        return VERB_UNREACHABLE;
    }
    return wrong > 0 ? VERB_FAILED : silent > 0 ? VERB_DEGRADED : VERB_OK;
}
