/* SPDX-License-Identifier: Apache-2.0
 * Rules about who may log in. */
#include "wire/pg_hba.h"

#include <arpa/inet.h>
#include <stdarg.h>
#include <stdio.h>

#include "base/assert.h"

enum {
    PG_HBA_WORD = 128, /* of a field that is one word: type, address, mask, method, option */
};

static const char *const pg_hba_methods[] = {"trust", "reject", "md5", "scram-sha-256", "cert"};

void pg_hba_init(struct pg_hba *hba, struct span text)
{
    *hba = (struct pg_hba){.line = 1};
    cursor_init(&hba->cursor, text.data, text.size);
}

const char *pg_hba_method_name(enum pg_hba_method method)
{
    ASSERT(method < sizeof pg_hba_methods / sizeof pg_hba_methods[0]);
    return pg_hba_methods[method];
}

__attribute__((format(printf, 2, 3))) static enum err pg_hba_wrong(struct pg_hba *hba, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(hba->problem, sizeof hba->problem, format, arguments);
    va_end(arguments);
    return ERR_INVALID;
}

/* ---- fields ---- */

static uint8_t pg_hba_look(const struct cursor *cursor, size_t ahead)
{
    return cursor_left(cursor) > ahead ? cursor->data[cursor->at + ahead] : 0;
}

static bool pg_hba_end(const struct cursor *cursor)
{
    const uint8_t c = pg_hba_look(cursor, 0);
    return cursor_left(cursor) == 0 || c == '\n' || c == '#';
}

/* The size of a line's end that a backslash takes back; 0: there is none here. */
static size_t pg_hba_joined(const struct cursor *cursor)
{
    if (pg_hba_look(cursor, 0) != '\\') {
        return 0;
    }
    if (pg_hba_look(cursor, 1) == '\n') {
        return 2;
    }
    return pg_hba_look(cursor, 1) == '\r' && pg_hba_look(cursor, 2) == '\n' ? 3 : 0;
}

static bool pg_hba_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\r' || c == '\f' || c == '\v';
}

static void pg_hba_skip_blanks(struct pg_hba *hba)
{
    for (;;) {
        const size_t joined = pg_hba_joined(&hba->cursor);
        if (joined > 0) {
            cursor_skip(&hba->cursor, joined);
            hba->line++;
        } else if (cursor_left(&hba->cursor) > 0 && pg_hba_blank(pg_hba_look(&hba->cursor, 0))) {
            cursor_skip(&hba->cursor, 1);
        } else {
            return;
        }
    }
}

/* One field as it is written: items with commas between them, blanks only behind a comma or in quotes. Empty: the line
 * has no more. */
static enum err pg_hba_field(struct pg_hba *hba, struct span *ret_field)
{
    struct cursor *cursor = &hba->cursor;
    bool quoted = false;
    bool comma = false;
    pg_hba_skip_blanks(hba);
    const size_t start = cursor->at;
    size_t end = start;
    while (cursor_left(cursor) > 0) {
        const uint8_t c = pg_hba_look(cursor, 0);
        if (c == '\n' || c == 0 || (!quoted && c == '#')) {
            break;
        }
        if (!quoted && (pg_hba_blank(c) || pg_hba_joined(cursor) > 0)) {
            if (!comma) {
                break;
            }
            pg_hba_skip_blanks(hba);
            continue;
        }
        quoted = quoted != (c == '"');
        comma = !quoted && c == ',';
        cursor_skip(cursor, 1);
        end = cursor->at;
    }
    if (quoted) {
        return pg_hba_wrong(hba, "a quote is not closed on its line");
    }
    if (cursor_left(cursor) > 0 && pg_hba_look(cursor, 0) == 0) {
        return pg_hba_wrong(hba, "there is a zero byte: this is not a text file");
    }
    *ret_field = span_of(cursor->data + start, end - start);
    return ERR_OK;
}

/* The next item of a field. False: no more; also when it is longer than any name, with `*ret_long`. */
static bool pg_hba_item(struct cursor *cursor, char text[PG_HBA_NAME], bool *ret_quoted, bool *ret_long)
{
    size_t size = 0;
    bool quoted = false;
    *ret_quoted = false;
    *ret_long = false;
    while (cursor_left(cursor) > 0 &&
           (pg_hba_blank(pg_hba_look(cursor, 0)) || pg_hba_look(cursor, 0) == ',' || pg_hba_joined(cursor) > 0)) {
        const size_t joined = pg_hba_joined(cursor);
        cursor_skip(cursor, joined > 0 ? joined : 1);
    }
    if (cursor_left(cursor) == 0) {
        return false;
    }
    while (cursor_left(cursor) > 0) {
        const uint8_t c = pg_hba_look(cursor, 0);
        if (!quoted && (c == ',' || pg_hba_blank(c))) {
            break;
        }
        cursor_skip(cursor, 1);
        if (c == '"' && !(quoted && pg_hba_look(cursor, 0) == '"')) {
            quoted = !quoted;
            *ret_quoted = true;
            continue;
        }
        if (c == '"') {
            cursor_skip(cursor, 1); /* doubled inside quotes */
        }
        *ret_long = *ret_long || size + 1 >= PG_HBA_NAME;
        text[size] = (char)c;
        size += *ret_long ? 0 : 1;
    }
    text[size] = '\0';
    return true;
}

/* Names, and what may not be among them. */
static enum err pg_hba_names(struct pg_hba *hba, struct span field, const char *what, const char *const *unknown)
{
    char text[PG_HBA_NAME];
    bool quoted = false;
    bool too_long = false;
    uint32_t count = 0;
    struct cursor cursor;
    cursor_init(&cursor, field.data, field.size);
    while (pg_hba_item(&cursor, text, &quoted, &too_long)) {
        count++;
        if (too_long) {
            return pg_hba_wrong(hba, "a %s's name is longer than 63 bytes", what);
        }
        for (size_t i = 0; !quoted && unknown[i] != NULL; i++) {
            const bool sign = strlen(unknown[i]) == 1;
            if (sign ? text[0] == unknown[i][0] : strcmp(text, unknown[i]) == 0) {
                return pg_hba_wrong(
                    hba,
                    "%s \"%s\": a proxy does not know roles' memberships and reads no other files; name "
                    "each %s, or quote the name",
                    what, text, what);
            }
        }
    }
    return count > 0 ? ERR_OK : pg_hba_wrong(hba, "expected a %s", what);
}

/* A field that is one word. */
static enum err pg_hba_word(struct pg_hba *hba, const char *what, char text[PG_HBA_WORD])
{
    struct span field;
    const enum err err = pg_hba_field(hba, &field);
    if (err != ERR_OK) {
        return err;
    }
    const bool bare = field.size > 2 && field.data[0] == '"' && field.data[field.size - 1] == '"';
    const struct span word = bare ? span_of(field.data + 1, field.size - 2) : field;
    if (word.size == 0 || word.size >= PG_HBA_WORD || memchr(word.data, '"', word.size) != NULL ||
        memchr(word.data, ',', word.size) != NULL) {
        return pg_hba_wrong(hba, "expected %s behind what stands before", what);
    }
    memcpy(text, word.data, word.size);
    text[word.size] = '\0';
    return ERR_OK;
}

/* ---- the address ---- */

static uint8_t pg_hba_address_read(const char *text, uint8_t bytes[16])
{
    if (inet_pton(AF_INET, text, bytes) == 1) {
        return 4;
    }
    return inet_pton(AF_INET6, text, bytes) == 1 ? 6 : 0;
}

static void pg_hba_mask(uint32_t bits, uint8_t mask[16])
{
    for (uint32_t i = 0; i < 16; i++) {
        const uint32_t here = bits > i * 8 ? bits - i * 8 : 0;
        mask[i] = (uint8_t)(here >= 8 ? 0xff : 0xff00U >> here);
    }
}

static bool pg_hba_bits(const char *text, uint32_t limit, uint32_t *ret_bits)
{
    uint32_t bits = 0;
    for (size_t i = 0; text[i] != '\0'; i++) {
        if (text[i] < '0' || text[i] > '9' || i > 2) {
            return false;
        }
        bits = bits * 10 + (uint32_t)(text[i] - '0');
    }
    *ret_bits = bits;
    return text[0] != '\0' && bits <= limit;
}

static enum err pg_hba_network(struct pg_hba *hba, char *text, struct pg_hba_rule *rule)
{
    char mask[PG_HBA_WORD];
    char *slash = strchr(text, '/');
    uint32_t bits = 0;
    if (slash != NULL) {
        *slash = '\0';
    }
    rule->family = pg_hba_address_read(text, rule->address);
    if (rule->family == 0) {
        return pg_hba_wrong(hba,
                            "address \"%.60s\": expected all or a network such as 10.0.0.0/8; names of hosts, samehost "
                            "and samenet are not known here",
                            text);
    }
    if (slash != NULL) {
        if (!pg_hba_bits(slash + 1, rule->family == 4 ? 32 : 128, &bits)) {
            return pg_hba_wrong(hba, "address \"%.60s\": the number behind the slash is not a prefix's length", text);
        }
        pg_hba_mask(bits, rule->mask);
        return ERR_OK;
    }
    const enum err err = pg_hba_word(hba, "a mask", mask);
    if (err != ERR_OK || pg_hba_address_read(mask, rule->mask) != rule->family) {
        return pg_hba_wrong(hba, "address \"%.60s\": expected a mask behind it, or a length as in 10.0.0.0/8", text);
    }
    return ERR_OK;
}

static enum err pg_hba_address(struct pg_hba *hba, struct pg_hba_rule *rule)
{
    char text[PG_HBA_WORD];
    const enum err err = pg_hba_word(hba, "an address", text);
    if (err != ERR_OK || strcmp(text, "all") == 0) {
        return err;
    }
    return pg_hba_network(hba, text, rule);
}

/* ---- the rule ---- */

static enum err pg_hba_type_read(struct pg_hba *hba, struct pg_hba_rule *rule, bool *ret_local)
{
    static const struct {
        const char *name;
        enum pg_hba_type type;
    } table[] = {{"local", PG_HBA_NEVER},         {"host", PG_HBA_HOST},        {"hostssl", PG_HBA_HOSTSSL},
                 {"hostnossl", PG_HBA_HOSTNOSSL}, {"hostgssenc", PG_HBA_NEVER}, {"hostnogssenc", PG_HBA_HOST}};
    char text[PG_HBA_WORD];
    const enum err err = pg_hba_word(hba, "a type", text);
    if (err != ERR_OK) {
        return err;
    }
    *ret_local = strcmp(text, "local") == 0;
    for (size_t i = 0; i < sizeof table / sizeof table[0]; i++) {
        if (strcmp(text, table[i].name) == 0) {
            rule->type = table[i].type;
            return ERR_OK;
        }
    }
    return pg_hba_wrong(hba, "type \"%.40s\": expected host, hostssl, hostnossl or local; other files are not included",
                        text);
}

static enum err pg_hba_method_read(struct pg_hba *hba, struct pg_hba_rule *rule)
{
    char text[PG_HBA_WORD];
    const enum err err = pg_hba_word(hba, "a method", text);
    if (err != ERR_OK) {
        return err;
    }
    for (size_t i = 0; i < sizeof pg_hba_methods / sizeof pg_hba_methods[0]; i++) {
        if (strcmp(text, pg_hba_methods[i]) == 0) {
            rule->method = (enum pg_hba_method)i;
            return ERR_OK;
        }
    }
    /* A rule that never matches may say anything: it is often left over from the server's file. */
    if (rule->type == PG_HBA_NEVER) {
        rule->method = PG_HBA_REJECT;
        return ERR_OK;
    }
    return pg_hba_wrong(hba, "method \"%.40s\": expected trust, reject, md5, scram-sha-256 or cert", text);
}

static enum err pg_hba_option(struct pg_hba *hba, struct pg_hba_rule *rule)
{
    char text[PG_HBA_WORD];
    const enum err err = pg_hba_word(hba, "an option", text);
    if (err != ERR_OK || rule->type == PG_HBA_NEVER) {
        return err;
    }
    const bool ca = strcmp(text, "clientcert=verify-ca") == 0;
    if (!ca && strcmp(text, "clientcert=verify-full") != 0) {
        return pg_hba_wrong(hba, "option \"%.40s\": expected clientcert=verify-ca or clientcert=verify-full", text);
    }
    if (rule->type != PG_HBA_HOSTSSL) {
        return pg_hba_wrong(hba, "clientcert needs a client that is encrypted; expected type hostssl");
    }
    if (ca && rule->method == PG_HBA_CERT) {
        return pg_hba_wrong(hba, "method cert always means clientcert=verify-full; leave verify-ca out");
    }
    rule->clientcert = ca ? PG_HBA_VERIFY_CA : PG_HBA_VERIFY_FULL;
    return ERR_OK;
}

static enum err pg_hba_rest(struct pg_hba *hba, struct pg_hba_rule *rule)
{
    enum err err = pg_hba_method_read(hba, rule);
    if (err == ERR_OK && rule->method == PG_HBA_CERT && rule->type != PG_HBA_HOSTSSL) {
        return pg_hba_wrong(hba, "method cert needs a client that is encrypted; expected type hostssl");
    }
    if (err == ERR_OK && rule->method == PG_HBA_CERT) {
        rule->clientcert = PG_HBA_VERIFY_FULL;
    }
    pg_hba_skip_blanks(hba);
    while (err == ERR_OK && !pg_hba_end(&hba->cursor)) {
        err = pg_hba_option(hba, rule);
        pg_hba_skip_blanks(hba);
    }
    return err;
}

static enum err pg_hba_rule_read(struct pg_hba *hba, struct pg_hba_rule *rule)
{
    static const char *const no_database[] = {"samerole", "samegroup", "@", "/", NULL};
    static const char *const no_user[] = {"+", "@", "/", NULL};
    bool local = false;
    enum err err = pg_hba_type_read(hba, rule, &local);
    if (err == ERR_OK) {
        err = pg_hba_field(hba, &rule->databases);
    }
    if (err == ERR_OK) {
        err = pg_hba_names(hba, rule->databases, "database", no_database);
    }
    if (err == ERR_OK) {
        err = pg_hba_field(hba, &rule->users);
    }
    if (err == ERR_OK) {
        err = pg_hba_names(hba, rule->users, "user", no_user);
    }
    if (err == ERR_OK && !local) {
        err = pg_hba_address(hba, rule);
    }
    return err == ERR_OK ? pg_hba_rest(hba, rule) : err;
}

/* To the first byte of the next rule. False: there is none. */
static bool pg_hba_seek(struct pg_hba *hba)
{
    for (;;) {
        pg_hba_skip_blanks(hba);
        if (cursor_left(&hba->cursor) == 0) {
            return false;
        }
        if (pg_hba_look(&hba->cursor, 0) == '\n') {
            cursor_skip(&hba->cursor, 1);
            hba->line++;
        } else if (pg_hba_look(&hba->cursor, 0) == '#') {
            while (cursor_left(&hba->cursor) > 0 && pg_hba_look(&hba->cursor, 0) != '\n') {
                cursor_skip(&hba->cursor, 1);
            }
        } else {
            return true;
        }
    }
}

enum err pg_hba_next(struct pg_hba *hba, struct pg_hba_rule *ret_rule)
{
    hba->problem[0] = '\0';
    if (!pg_hba_seek(hba)) {
        return ERR_NOT_FOUND;
    }
    struct pg_hba_rule rule = {.line = hba->line};
    const enum err err = pg_hba_rule_read(hba, &rule);
    if (err == ERR_OK) {
        *ret_rule = rule;
    }
    return err;
}

/* ---- matching ---- */

static bool pg_hba_named(struct span field, const char *name, const char *same)
{
    char text[PG_HBA_NAME];
    bool quoted = false;
    bool too_long = false;
    struct cursor cursor;
    cursor_init(&cursor, field.data, field.size);
    while (pg_hba_item(&cursor, text, &quoted, &too_long)) {
        if (!quoted &&
            (strcmp(text, "all") == 0 || (same != NULL && strcmp(text, "sameuser") == 0 && strcmp(name, same) == 0))) {
            return true;
        }
        /* `replication` without quotes means connections that do not come here. */
        const bool keyword =
            !quoted && same != NULL && (strcmp(text, "replication") == 0 || strcmp(text, "sameuser") == 0);
        if (!keyword && strcmp(text, name) == 0) {
            return true;
        }
    }
    return false;
}

static bool pg_hba_near(const struct pg_hba_rule *rule, const struct pg_hba_client *client)
{
    if (rule->family == 0) {
        return true;
    }
    bool near = rule->family == client->family;
    const size_t size = rule->family == 4 ? 4 : 16;
    for (size_t i = 0; near && i < size; i++) {
        near = ((rule->address[i] ^ client->address[i]) & rule->mask[i]) == 0;
    }
    return near;
}

bool pg_hba_matches(const struct pg_hba_rule *rule, const struct pg_hba_client *client)
{
    const bool type = rule->type == PG_HBA_HOST || (rule->type == PG_HBA_HOSTSSL && client->encrypted) ||
                      (rule->type == PG_HBA_HOSTNOSSL && !client->encrypted);
    return type && pg_hba_near(rule, client) && pg_hba_named(rule->databases, client->database, client->user) &&
           pg_hba_named(rule->users, client->user, NULL);
}
