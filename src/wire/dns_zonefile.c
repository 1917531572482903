/* SPDX-License-Identifier: Apache-2.0
 * Reads a master file. */
#include "wire/dns_zonefile.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/assert.h"
#include "wire/dns_type.h"

void dns_zonefile_init(struct dns_zonefile *file, struct span text, const struct dns_name *origin)
{
    ASSERT(origin->size >= 1);
    cursor_init(&file->cursor, text.data, text.size);
    file->line = 1;
    file->entry_line = 1;
    file->origin = *origin;
    file->owner.size = 0;
    file->default_ttl_given = false;
    file->default_ttl_s = 0;
    file->tokens_count = 0;
    file->problem[0] = 0;
}

__attribute__((format(printf, 2, 3))) static enum err dns_zonefile_fail(struct dns_zonefile *file, const char *format,
                                                                        ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(file->problem, sizeof file->problem, format, arguments);
    va_end(arguments);
    return ERR_INVALID;
}

/* ---- words ---- */

static bool dns_zonefile_more(const struct dns_zonefile *file)
{
    return cursor_left(&file->cursor) > 0;
}

static uint8_t dns_zonefile_peek(const struct dns_zonefile *file)
{
    return file->cursor.data[file->cursor.at];
}

static bool dns_zonefile_ends_word(uint8_t byte)
{
    return byte == ' ' || byte == '\t' || byte == '\r' || byte == '\n' || byte == ';' || byte == '(' || byte == ')' ||
           byte == '"';
}

/* A word from the present byte on; a quoted one without its quotes, which may not span lines. */
static enum err dns_zonefile_word(struct dns_zonefile *file)
{
    if (file->tokens_count == DNS_ZONEFILE_TOKENS) {
        return dns_zonefile_fail(file, "more than %d words", DNS_ZONEFILE_TOKENS);
    }
    struct dns_rdata_token *token = &file->tokens[file->tokens_count++];
    token->quoted = dns_zonefile_peek(file) == '"';
    cursor_skip(&file->cursor, token->quoted ? 1 : 0);
    const size_t start = file->cursor.at;
    bool closed = !token->quoted;
    while (dns_zonefile_more(file)) {
        const uint8_t byte = dns_zonefile_peek(file);
        if (token->quoted ? byte == '"' || byte == '\n' : dns_zonefile_ends_word(byte)) {
            closed = closed || byte == '"';
            break;
        }
        cursor_skip(&file->cursor, 1);
        if (byte == '\\' && dns_zonefile_more(file) && dns_zonefile_peek(file) != '\n') {
            cursor_skip(&file->cursor, 1);
        }
    }
    token->text = span_of(file->cursor.data + start, file->cursor.at - start);
    if (!closed) {
        return dns_zonefile_fail(file, "a quote is not closed on its line");
    }
    cursor_skip(&file->cursor, token->quoted ? 1 : 0);
    return ERR_OK;
}

static void dns_zonefile_comment(struct dns_zonefile *file)
{
    while (dns_zonefile_more(file) && dns_zonefile_peek(file) != '\n') {
        cursor_skip(&file->cursor, 1);
    }
}

/* The words of one line, or of several held together by parentheses; no words: an empty line. */
static enum err dns_zonefile_entry(struct dns_zonefile *file)
{
    bool open = false;
    file->tokens_count = 0;
    file->entry_line = file->line;
    file->blank_start = dns_zonefile_peek(file) == ' ' || dns_zonefile_peek(file) == '\t';
    while (dns_zonefile_more(file)) {
        const uint8_t byte = dns_zonefile_peek(file);
        if (byte == '(' || byte == ')') {
            if (open == (byte == '(')) {
                return dns_zonefile_fail(file, "unexpected '%c'", byte);
            }
            open = !open;
            cursor_skip(&file->cursor, 1);
        } else if (byte == ';') {
            dns_zonefile_comment(file);
        } else if (byte == '\n') {
            cursor_skip(&file->cursor, 1);
            file->line++;
            if (!open) {
                return ERR_OK;
            }
        } else if (byte == ' ' || byte == '\t' || byte == '\r') {
            cursor_skip(&file->cursor, 1);
        } else {
            const enum err err = dns_zonefile_word(file);
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    return open ? dns_zonefile_fail(file, "a parenthesis is not closed") : ERR_OK;
}

/* ---- entries ---- */

static bool dns_zonefile_is(struct span text, const char *word)
{
    return text.size == strlen(word) && strncasecmp((const char *)text.data, word, text.size) == 0;
}

static enum err dns_zonefile_directive(struct dns_zonefile *file)
{
    const struct span word = file->tokens[0].text;
    if (dns_zonefile_is(word, "$ORIGIN") && file->tokens_count == 2) {
        struct dns_name origin;
        if (dns_name_parse(file->tokens[1].text, &file->origin, &origin) != ERR_OK) {
            return dns_zonefile_fail(file, "$ORIGIN: not a domain name");
        }
        file->origin = origin;
        return ERR_OK;
    }
    if (dns_zonefile_is(word, "$TTL") && file->tokens_count == 2) {
        if (dns_rdata_ttl(file->tokens[1].text, &file->default_ttl_s) != ERR_OK) {
            return dns_zonefile_fail(file, "$TTL: not a time in seconds");
        }
        file->default_ttl_given = true;
        return ERR_OK;
    }
    return dns_zonefile_fail(file, "only $ORIGIN NAME and $TTL TIME are known, not %.*s",
                             (int)(word.size < 32 ? word.size : 32), (const char *)word.data);
}

static enum err dns_zonefile_owner(struct dns_zonefile *file, size_t *at)
{
    if (file->blank_start) {
        return file->owner.size != 0 ? ERR_OK : dns_zonefile_fail(file, "the first record has no owner");
    }
    if (file->tokens[0].quoted || dns_name_parse(file->tokens[0].text, &file->origin, &file->owner) != ERR_OK) {
        return dns_zonefile_fail(file, "the owner is not a domain name");
    }
    (*at)++;
    return ERR_OK;
}

/* [TTL] [class] in either order, then the type (RFC 1035, 5.1). */
static enum err dns_zonefile_head(struct dns_zonefile *file, size_t *at, struct dns_zonefile_record *record)
{
    bool ttl_given = false;
    bool class_given = false;
    for (; *at < file->tokens_count && !file->tokens[*at].quoted; (*at)++) {
        const struct span word = file->tokens[*at].text;
        if (!ttl_given && dns_rdata_ttl(word, &record->ttl_s) == ERR_OK) {
            ttl_given = true;
        } else if (!class_given && dns_zonefile_is(word, "IN")) {
            class_given = true;
        } else {
            break;
        }
    }
    if (*at == file->tokens_count || dns_type_parse(file->tokens[*at].text, &record->type) != ERR_OK) {
        return dns_zonefile_fail(file, "expected a record type of class IN");
    }
    (*at)++;
    if (!ttl_given && !file->default_ttl_given) {
        return dns_zonefile_fail(file, "no TTL: give one or set $TTL above");
    }
    if (!ttl_given) {
        record->ttl_s = file->default_ttl_s;
    }
    return ERR_OK;
}

static enum err dns_zonefile_record(struct dns_zonefile *file, struct dns_zonefile_record *record)
{
    size_t at = 0;
    struct buf buf;
    const char *problem = NULL;
    enum err err = dns_zonefile_owner(file, &at);
    if (err == ERR_OK) {
        err = dns_zonefile_head(file, &at, record);
    }
    if (err != ERR_OK) {
        return err;
    }
    buf_init(&buf, file->rdata, sizeof file->rdata);
    err = dns_rdata_parse(record->type, file->tokens + at, file->tokens_count - at, &file->origin, &buf, &problem);
    if (err != ERR_OK) {
        const char *type = dns_type_name(record->type);
        return dns_zonefile_fail(file, "%s: %s", type != NULL ? type : "record", problem);
    }
    record->owner = file->owner;
    record->line = file->entry_line;
    record->rdata = span_of(file->rdata, buf.size);
    return ERR_OK;
}

enum err dns_zonefile_next(struct dns_zonefile *file, struct dns_zonefile_record *ret_record)
{
    while (dns_zonefile_more(file)) {
        enum err err = dns_zonefile_entry(file);
        if (err != ERR_OK) {
            return err;
        }
        if (file->tokens_count == 0) {
            continue;
        }
        const struct dns_rdata_token *first = &file->tokens[0];
        if (!file->blank_start && !first->quoted && first->text.size > 0 && first->text.data[0] == '$') {
            err = dns_zonefile_directive(file);
            if (err != ERR_OK) {
                return err;
            }
            continue;
        }
        return dns_zonefile_record(file, ret_record);
    }
    return ERR_CLOSED;
}
