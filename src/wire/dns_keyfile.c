/* SPDX-License-Identifier: Apache-2.0
 * The state file beside a zone's private keys. */
#include "wire/dns_keyfile.h"

#include <inttypes.h>
#include <string.h>

#include "base/cursor.h"
#include "wire/dns_word.h"

enum { DNS_KEYFILE_WORDS = 6 };

static const char *const dns_keyfile_roles[] = {
#define DNS_KEYFILE_TEXT(name, text) text,
    DNS_KEYFILE_ROLES(DNS_KEYFILE_TEXT)};

static const char *const dns_keyfile_states[] = {DNS_KEYFILE_STATES(DNS_KEYFILE_TEXT)
#undef DNS_KEYFILE_TEXT
};

const char *dns_keyfile_role_text(enum dns_keyfile_role role)
{
    return dns_keyfile_roles[role];
}

const char *dns_keyfile_state_text(enum dns_keyfile_state state)
{
    return dns_keyfile_states[state];
}

/* The index of the word; `count`: none. */
static uint32_t dns_keyfile_index(struct span text, const char *const *texts, uint32_t count)
{
    uint32_t at = 0;
    while (at < count && !span_is(text, texts[at])) {
        at++;
    }
    return at;
}

enum err dns_keyfile_role_parse(struct span text, enum dns_keyfile_role *ret_role)
{
    const uint32_t index = dns_keyfile_index(text, dns_keyfile_roles, 3);
    if (index == 3) {
        return ERR_NOT_FOUND;
    }
    *ret_role = (enum dns_keyfile_role)index;
    return ERR_OK;
}

/* The words of a line up to a comment; their number, also when it is more than there may be. */
static uint32_t dns_keyfile_split(struct span line, struct span words[DNS_KEYFILE_WORDS])
{
    uint32_t count = 0;
    size_t at = 0;
    while (at < line.size && line.data[at] != '#') {
        size_t end = at;
        while (end < line.size && line.data[end] != ' ' && line.data[end] != '\t' && line.data[end] != '\r') {
            end++;
        }
        if (end > at && count < DNS_KEYFILE_WORDS) {
            words[count] = span_of(line.data + at, end - at);
        }
        count += end > at ? 1 : 0;
        at = end > at ? end : at + 1;
    }
    return count;
}

/* A plain name in the directory, so that the file leads nowhere else. */
static bool dns_keyfile_name(struct span text)
{
    bool good = text.size > 0 && text.size < DNS_KEYFILE_NAME && text.data[0] != '.';
    for (size_t i = 0; good && i < text.size; i++) {
        good = text.data[i] > ' ' && text.data[i] < 0x7f && text.data[i] != '/';
    }
    return good;
}

static bool dns_keyfile_row(const struct span words[DNS_KEYFILE_WORDS], struct dns_keyfile_row *ret_row)
{
    uint64_t algorithm = 0;
    uint64_t tag = 0;
    uint64_t since_s = 0;
    const uint32_t role = dns_keyfile_index(words[0], dns_keyfile_roles, 3);
    const uint32_t state = dns_keyfile_index(words[3], dns_keyfile_states, DNS_KEYFILE_STATES_COUNT);
    if (role == 3 || state == DNS_KEYFILE_STATES_COUNT || dns_word_number(words[1], UINT8_MAX, &algorithm) != ERR_OK ||
        dns_word_number(words[2], UINT16_MAX, &tag) != ERR_OK ||
        dns_word_number(words[4], UINT32_MAX * UINT64_C(16), &since_s) != ERR_OK || !dns_keyfile_name(words[5])) {
        return false;
    }
    *ret_row = (struct dns_keyfile_row){.role = (enum dns_keyfile_role)role,
                                        .state = (enum dns_keyfile_state)state,
                                        .algorithm = (uint8_t)algorithm,
                                        .tag = (uint16_t)tag,
                                        .since_s = since_s};
    memcpy(ret_row->file, words[5].data, words[5].size);
    return true;
}

enum err dns_keyfile_parse(struct span text, struct dns_keyfile *ret_file, uint32_t *ret_line)
{
    struct dns_keyfile file = {0};
    struct cursor cursor;
    uint32_t line_number = 0;
    uint64_t changes = 0;
    if (text.size > DNS_KEYFILE_BYTES) {
        return ERR_TOO_LARGE;
    }
    cursor_init(&cursor, text.data, text.size);
    while (cursor_left(&cursor) > 0) {
        struct span words[DNS_KEYFILE_WORDS];
        const uint8_t *start = text.data + cursor.at;
        const uint8_t *end = memchr(start, '\n', cursor_left(&cursor));
        const size_t size = end != NULL ? (size_t)(end - start) : cursor_left(&cursor);
        cursor_skip(&cursor, end != NULL ? size + 1 : size);
        line_number++;
        const uint32_t count = dns_keyfile_split(span_of(start, size), words);
        if (count == 0) {
            continue;
        }
        if (count == 2 && span_is(words[0], "changes") && dns_word_number(words[1], UINT32_MAX, &changes) == ERR_OK) {
            file.changes = (uint32_t)changes;
            continue;
        }
        if (file.count == DNS_KEYFILE_ROWS) {
            return ERR_TOO_LARGE;
        }
        if (count != DNS_KEYFILE_WORDS || !dns_keyfile_row(words, &file.rows[file.count])) {
            *ret_line = line_number;
            return ERR_INVALID;
        }
        file.count++;
    }
    *ret_file = file;
    return ERR_OK;
}

void dns_keyfile_write(const struct dns_keyfile *file, struct buf *buf)
{
    buf_text(buf, "# Written by `holdfast dns key`: ROLE ALGORITHM TAG STATE SINCE FILE\n");
    buf_printf(buf, "changes %u\n", file->changes);
    for (uint32_t i = 0; i < file->count; i++) {
        const struct dns_keyfile_row *row = &file->rows[i];
        buf_printf(buf, "%s %u %u %s %" PRIu64 " %s\n", dns_keyfile_role_text(row->role), row->algorithm, row->tag,
                   dns_keyfile_state_text(row->state), row->since_s, row->file);
    }
}
