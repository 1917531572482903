/* SPDX-License-Identifier: Apache-2.0
 * Reads a master file. */
#include "wire/dns_zonefile.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>

#include "base/assert.h"
#include "wire/dns_rdata.h"
#include "wire/dns_type.h"

void dns_zonefile_init(struct dns_zonefile *file, struct span text, const struct dns_name *origin)
{
    ASSERT(origin->size >= 1);
    cursor_init(&file->cursor, text.data, text.size);
    file->line = 1;
    file->line_at = 0;
    file->entry_line = 1;
    file->origin = *origin;
    file->owner.size = 0;
    file->default_ttl_given = false;
    file->default_ttl_directed = false;
    file->default_ttl_s = 0;
    file->words_count = 0;
    file->problem_line = 0;
    file->problem_column = 0;
    file->problem[0] = 0;
}

void dns_zonefile_init_include(struct dns_zonefile *file, struct span text, const struct dns_zonefile *parent)
{
    dns_zonefile_init(file, text, &parent->include.origin);
    file->owner = parent->owner;
    file->default_ttl_given = parent->default_ttl_given;
    file->default_ttl_directed = parent->default_ttl_directed;
    file->default_ttl_s = parent->default_ttl_s;
}

/* ---- problems ---- */

__attribute__((format(printf, 4, 0))) static void
dns_zonefile_note(struct dns_zonefile *file, uint32_t line, uint32_t column, const char *format, va_list arguments)
{
    file->problem_line = line;
    file->problem_column = column;
    vsnprintf(file->problem, sizeof file->problem, format, arguments);
}

/* A problem with the sign that is read next. */
__attribute__((format(printf, 2, 3))) static bool dns_zonefile_fail_here(struct dns_zonefile *file, const char *format,
                                                                         ...)
{
    va_list arguments;
    va_start(arguments, format);
    dns_zonefile_note(file, file->line, (uint32_t)(file->cursor.at - file->line_at) + 1, format, arguments);
    va_end(arguments);
    return false;
}

/* A problem with word `index` of the entry, which is quoted; with what should follow the last one. */
__attribute__((format(printf, 3, 4))) static bool dns_zonefile_fail(struct dns_zonefile *file, size_t index,
                                                                    const char *format, ...)
{
    va_list arguments;
    const size_t last = index < file->words_count ? index : file->words_count - 1;
    const struct dns_word *word = &file->words[last];
    const uint32_t behind = index < file->words_count ? 0 : (uint32_t)word->text.size + (word->quoted ? 2 : 0);
    va_start(arguments, format);
    dns_zonefile_note(file, word->line, word->column + behind, format, arguments);
    va_end(arguments);
    if (index < file->words_count) {
        char found[41];
        size_t size = 0;
        for (; size < word->text.size && size < sizeof found - 1; size++) {
            const uint8_t byte = word->text.data[size];
            found[size] = byte >= ' ' && byte <= '~' ? (char)byte : '?';
        }
        found[size] = 0;
        const size_t at = strlen(file->problem);
        snprintf(file->problem + at, sizeof file->problem - at, " (found \"%s%s\")", found,
                 size < word->text.size ? "..." : "");
    }
    return false;
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
static bool dns_zonefile_word(struct dns_zonefile *file)
{
    if (file->words_count == DNS_ZONEFILE_WORDS) {
        return dns_zonefile_fail_here(file, "more than %d words in one record", DNS_ZONEFILE_WORDS);
    }
    struct dns_word *word = &file->words[file->words_count];
    word->quoted = dns_zonefile_peek(file) == '"';
    word->line = file->line;
    word->column = (uint32_t)(file->cursor.at - file->line_at) + 1;
    cursor_skip(&file->cursor, word->quoted ? 1 : 0);
    const size_t start = file->cursor.at;
    bool closed = !word->quoted;
    while (dns_zonefile_more(file)) {
        const uint8_t byte = dns_zonefile_peek(file);
        if (word->quoted ? byte == '"' || byte == '\n' : dns_zonefile_ends_word(byte)) {
            closed = closed || byte == '"';
            break;
        }
        cursor_skip(&file->cursor, 1);
        if (byte == '\\' && dns_zonefile_more(file) && dns_zonefile_peek(file) != '\n') {
            cursor_skip(&file->cursor, 1);
        }
    }
    word->text = span_of(file->cursor.data + start, file->cursor.at - start);
    file->words_count++;
    if (!closed) {
        return dns_zonefile_fail(file, file->words_count - 1,
                                 "a quote is not closed on its line; expected another \" behind the text");
    }
    cursor_skip(&file->cursor, word->quoted ? 1 : 0);
    return true;
}

static void dns_zonefile_comment(struct dns_zonefile *file)
{
    while (dns_zonefile_more(file) && dns_zonefile_peek(file) != '\n') {
        cursor_skip(&file->cursor, 1);
    }
}

/* The words of one line, or of several held together by parentheses; no words: an empty line. */
static bool dns_zonefile_entry(struct dns_zonefile *file)
{
    bool open = false;
    uint32_t open_line = 0;
    file->words_count = 0;
    file->entry_line = file->line;
    file->blank_start = dns_zonefile_peek(file) == ' ' || dns_zonefile_peek(file) == '\t';
    while (dns_zonefile_more(file)) {
        const uint8_t byte = dns_zonefile_peek(file);
        if (byte == '(' || byte == ')') {
            if (open == (byte == '(')) {
                return dns_zonefile_fail_here(
                    file, "unexpected '%c'; parentheses hold the lines of one record together", byte);
            }
            open = !open;
            open_line = file->line;
            cursor_skip(&file->cursor, 1);
        } else if (byte == ';') {
            dns_zonefile_comment(file);
        } else if (byte == '\n') {
            cursor_skip(&file->cursor, 1);
            file->line++;
            file->line_at = file->cursor.at;
            if (!open) {
                return true;
            }
        } else if (byte == ' ' || byte == '\t' || byte == '\r') {
            cursor_skip(&file->cursor, 1);
        } else if (!dns_zonefile_word(file)) {
            return false;
        }
    }
    return !open || dns_zonefile_fail_here(file, "a parenthesis is not closed; it was opened in line %u", open_line);
}

/* ---- entries ---- */

static bool dns_zonefile_is(struct span text, const char *word)
{
    return text.size == strlen(word) && strncasecmp((const char *)text.data, word, text.size) == 0;
}

static bool dns_zonefile_include(struct dns_zonefile *file)
{
    struct dns_zonefile_include *include = &file->include;
    include->path = file->words[1].text;
    include->origin = file->origin;
    include->line = file->words[1].line;
    include->column = file->words[1].column;
    if (include->path.size == 0 || memchr(include->path.data, 0, include->path.size) != NULL) {
        return dns_zonefile_fail(file, 1, "$INCLUDE: not the name of a file");
    }
    if (file->words_count == 3 && dns_name_parse(file->words[2].text, &file->origin, &include->origin) != ERR_OK) {
        return dns_zonefile_fail(file, 2, "$INCLUDE: not a domain name; expected $INCLUDE FILE [ORIGIN]");
    }
    return true;
}

/* False: broken. `ret_include`: the caller has to read a file. */
static bool dns_zonefile_directive(struct dns_zonefile *file, bool *ret_include)
{
    const struct span word = file->words[0].text;
    if (dns_zonefile_is(word, "$ORIGIN") && file->words_count == 2) {
        struct dns_name origin;
        if (dns_name_parse(file->words[1].text, &file->origin, &origin) != ERR_OK) {
            return dns_zonefile_fail(file, 1, "$ORIGIN: not a domain name");
        }
        file->origin = origin;
        return true;
    }
    if (dns_zonefile_is(word, "$TTL") && file->words_count == 2) {
        if (dns_word_ttl(file->words[1].text, &file->default_ttl_s) != ERR_OK) {
            return dns_zonefile_fail(file, 1, "$TTL: not a time in seconds; expected a number or one as 1h30m");
        }
        file->default_ttl_given = true;
        file->default_ttl_directed = true;
        return true;
    }
    if (dns_zonefile_is(word, "$INCLUDE") && (file->words_count == 2 || file->words_count == 3)) {
        *ret_include = true;
        return dns_zonefile_include(file);
    }
    return dns_zonefile_fail(file, 0, "only $ORIGIN NAME, $TTL TIME and $INCLUDE FILE [ORIGIN] are known");
}

static bool dns_zonefile_owner(struct dns_zonefile *file, size_t *at)
{
    if (file->blank_start) {
        return file->owner.size != 0 ||
               dns_zonefile_fail(file, 0,
                                 "the first record has no owner; a line that begins with a blank goes on with "
                                 "the last one");
    }
    if (file->words[0].quoted || dns_name_parse(file->words[0].text, &file->origin, &file->owner) != ERR_OK) {
        return dns_zonefile_fail(file, 0,
                                 "the owner is not a domain name; expected labels of 1 to 63 bytes, 255 in all");
    }
    (*at)++;
    return true;
}

/* [TTL] [class] in either order, then the type (RFC 1035, 5.1). */
static bool dns_zonefile_head(struct dns_zonefile *file, size_t *at)
{
    struct dns_zonefile_record *record = &file->record;
    bool ttl_given = false;
    bool class_given = false;
    for (; *at < file->words_count && !file->words[*at].quoted; (*at)++) {
        const struct span word = file->words[*at].text;
        if (!ttl_given && dns_word_ttl(word, &record->ttl_s) == ERR_OK) {
            ttl_given = true;
        } else if (!class_given && (dns_zonefile_is(word, "IN") || dns_zonefile_is(word, "CLASS1"))) {
            class_given = true;
        } else {
            break;
        }
    }
    if (*at == file->words_count || dns_type_parse(file->words[*at].text, &record->type) != ERR_OK) {
        return dns_zonefile_fail(file, *at,
                                 "expected a record type of class IN, as A or MX, or TYPE and its number (RFC 3597)");
    }
    if (!ttl_given && !file->default_ttl_given) {
        return dns_zonefile_fail(file, *at, "no TTL: give one before the type or set $TTL above");
    }
    (*at)++;
    if (!ttl_given) {
        record->ttl_s = file->default_ttl_s;
    } else if (!file->default_ttl_directed) {
        file->default_ttl_s = record->ttl_s;
        file->default_ttl_given = true;
    }
    return true;
}

static bool dns_zonefile_record(struct dns_zonefile *file)
{
    size_t at = 0;
    struct buf buf;
    struct dns_rdata_problem problem;
    struct dns_zonefile_record *record = &file->record;
    if (!dns_zonefile_owner(file, &at) || !dns_zonefile_head(file, &at)) {
        return false;
    }
    buf_init(&buf, file->rdata, sizeof file->rdata);
    if (dns_rdata_parse(record->type, file->words + at, file->words_count - at, &file->origin, &buf, &problem) !=
        ERR_OK) {
        const char *type = dns_type_name(record->type);
        return dns_zonefile_fail(file, at + problem.word, "%s: %s", type != NULL ? type : "record", problem.text);
    }
    record->owner = file->owner;
    record->line = file->entry_line;
    record->rdata = span_of(file->rdata, buf.size);
    return true;
}

enum dns_zonefile_item dns_zonefile_next(struct dns_zonefile *file)
{
    while (file->problem[0] == 0 && dns_zonefile_more(file)) {
        if (!dns_zonefile_entry(file)) {
            return DNS_ZONEFILE_BROKEN;
        }
        if (file->words_count == 0) {
            continue;
        }
        const struct dns_word *first = &file->words[0];
        if (file->blank_start || first->quoted || first->text.size == 0 || first->text.data[0] != '$') {
            return dns_zonefile_record(file) ? DNS_ZONEFILE_RECORD : DNS_ZONEFILE_BROKEN;
        }
        bool include = false;
        if (!dns_zonefile_directive(file, &include)) {
            return DNS_ZONEFILE_BROKEN;
        }
        if (include) {
            return DNS_ZONEFILE_INCLUDE;
        }
    }
    return file->problem[0] == 0 ? DNS_ZONEFILE_END : DNS_ZONEFILE_BROKEN;
}
