/* SPDX-License-Identifier: Apache-2.0
 * A file of roles and their secrets. */
#include "wire/pg_userlist.h"

#include "wire/pg_scram.h"

void pg_userlist_init(struct pg_userlist *list, struct span text)
{
    *list = (struct pg_userlist){.line = 1};
    cursor_init(&list->cursor, text.data, text.size);
}

/* The next byte, which stays; 0 at the end. */
static uint8_t pg_userlist_look(const struct pg_userlist *list)
{
    return cursor_left(&list->cursor) > 0 ? list->cursor.data[list->cursor.at] : 0;
}

static void pg_userlist_skip_line(struct pg_userlist *list)
{
    while (cursor_left(&list->cursor) > 0 && pg_userlist_look(list) != '\n') {
        cursor_skip(&list->cursor, 1);
    }
}

static bool pg_userlist_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

static void pg_userlist_skip_blanks(struct pg_userlist *list)
{
    while (pg_userlist_blank(pg_userlist_look(list))) {
        cursor_skip(&list->cursor, 1);
    }
}

/* To the first byte of the next entry. False: there is none. */
static bool pg_userlist_seek(struct pg_userlist *list)
{
    for (;;) {
        pg_userlist_skip_blanks(list);
        const uint8_t c = pg_userlist_look(list);
        if (cursor_left(&list->cursor) == 0) {
            return false;
        }
        if (c == '\n') {
            cursor_skip(&list->cursor, 1);
            list->line++;
        } else if (c == ';' || c == '#') {
            pg_userlist_skip_line(list);
        } else {
            return true;
        }
    }
}

static enum err pg_userlist_wrong(struct pg_userlist *list, const char *problem)
{
    list->problem = problem;
    return ERR_INVALID;
}

/* One field in quotes. */
static enum err pg_userlist_field(struct pg_userlist *list, char *text, size_t capacity)
{
    size_t size = 0;
    if (pg_userlist_look(list) != '"') {
        return pg_userlist_wrong(list, "expected a double quote: a line is \"role\" \"secret\"");
    }
    cursor_skip(&list->cursor, 1);
    for (;;) {
        const uint8_t c = cursor_u8(&list->cursor);
        if (!cursor_ok(&list->cursor) || c == '\n' || c == '\0') {
            return pg_userlist_wrong(list, "a quote is not closed on its line");
        }
        if (c == '"') {
            if (pg_userlist_look(list) != '"') {
                break;
            }
            cursor_skip(&list->cursor, 1);
        }
        if (size + 1 >= capacity) {
            return pg_userlist_wrong(list, "a field is too long: roles have up to 63 bytes, secrets up to 511");
        }
        text[size++] = (char)c;
    }
    text[size] = '\0';
    return ERR_OK;
}

static enum err pg_userlist_judge(struct pg_userlist *list, struct pg_userlist_entry *entry)
{
    static const uint8_t salt[4] = {0};
    char answer[PG_SCRAM_MD5 + 1];
    struct pg_scram_verifier verifier;
    const struct span secret = span_text(entry->secret);
    entry->kind = PG_USERLIST_VERIFIER;
    if (entry->name[0] == '\0') {
        return pg_userlist_wrong(list, "a role needs a name");
    }
    if (pg_scram_md5_answer(secret, salt, answer) == ERR_OK) {
        return ERR_OK;
    }
    if (pg_scram_verifier_parse(secret, &verifier) == ERR_OK) {
        explicit_bzero(&verifier, sizeof verifier);
        return secret.size < PG_SCRAM_VERIFIER
                   ? ERR_OK
                   : pg_userlist_wrong(list, "the SCRAM secret is too long, its salt must be shorter");
    }
    if (strncmp(entry->secret, PG_SCRAM_MECHANISM "$", sizeof PG_SCRAM_MECHANISM) == 0) {
        return pg_userlist_wrong(list, "the SCRAM secret is malformed: copy pg_authid.rolpassword");
    }
    entry->kind = PG_USERLIST_PASSWORD;
    if (secret.size == 0) {
        return pg_userlist_wrong(list, "the secret is empty: leave the role out, it cannot log in");
    }
    for (size_t i = 0; i < secret.size; i++) {
        if (secret.data[i] < 0x20 || secret.data[i] > 0x7e) {
            return pg_userlist_wrong(list, "a password with other characters than printable ASCII: write its SCRAM "
                                           "secret, pg_authid.rolpassword, instead");
        }
    }
    return ERR_OK;
}

enum err pg_userlist_next(struct pg_userlist *list, struct pg_userlist_entry *ret_entry)
{
    if (!pg_userlist_seek(list)) {
        return ERR_NOT_FOUND;
    }
    enum err err = pg_userlist_field(list, ret_entry->name, sizeof ret_entry->name);
    if (err == ERR_OK) {
        pg_userlist_skip_blanks(list);
        err = pg_userlist_field(list, ret_entry->secret, sizeof ret_entry->secret);
    }
    if (err == ERR_OK) {
        err = pg_userlist_judge(list, ret_entry);
    }
    if (err != ERR_OK) {
        explicit_bzero(ret_entry, sizeof *ret_entry);
        return err;
    }
    pg_userlist_skip_line(list);
    return ERR_OK;
}
