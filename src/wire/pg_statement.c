/* SPDX-License-Identifier: Apache-2.0
 * What the text of a statement leaves behind in its session, told from its words. */
#include "wire/pg_statement.h"

#include <stdio.h>

#include "base/assert.h"

enum pg_statement_state {
    PG_STATEMENT_BETWEEN, /* white space, numbers, operators */
    PG_STATEMENT_IN_WORD,
    PG_STATEMENT_IN_STRING,
    PG_STATEMENT_IN_NAME, /* "quoted" */
    PG_STATEMENT_IN_LINE, /* a comment up to the line's end */
    PG_STATEMENT_IN_COMMENT,
    PG_STATEMENT_IN_TAG, /* behind a dollar sign */
    PG_STATEMENT_IN_DOLLARS,
};

static bool pg_statement_starts(uint8_t c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80;
}

static bool pg_statement_goes_on(uint8_t c)
{
    return pg_statement_starts(c) || (c >= '0' && c <= '9') || c == '$' || c == '.';
}

static bool pg_statement_is(const struct pg_statement_word *word, const char *text)
{
    return !word->quoted && strcmp(word->text, text) == 0;
}

static bool pg_statement_one_of(const struct pg_statement_word *word, const char *const *texts)
{
    for (; *texts != NULL; texts++) {
        if (pg_statement_is(word, *texts)) {
            return true;
        }
    }
    return false;
}

static void pg_statement_word_reset(struct pg_statement_word *word, bool quoted)
{
    word->size = 0;
    word->quoted = quoted;
    word->text[0] = '\0';
}

static void pg_statement_word_add(struct pg_statement_word *word, uint8_t c)
{
    if (word->size + 1U < sizeof word->text) {
        const bool upper = !word->quoted && c >= 'A' && c <= 'Z';
        word->text[word->size++] = (char)(upper ? c - 'A' + 'a' : c);
        word->text[word->size] = '\0';
    }
}

/* ---- what the words mean ---- */

/* The text behind the last dot: pg_catalog.set_config. */
static const char *pg_statement_base(const struct pg_statement_word *word)
{
    const char *dot = strrchr(word->text, '.');
    return dot != NULL ? dot + 1 : word->text;
}

static void pg_statement_function(struct pg_statement *statement, const char *name)
{
    if (strcmp(name, "set_config") == 0) {
        statement->marks |= PG_STATEMENT_CONFIG;
    } else if (strcmp(name, "pg_advisory_lock") == 0 || strcmp(name, "pg_advisory_lock_shared") == 0 ||
               strcmp(name, "pg_try_advisory_lock") == 0 || strcmp(name, "pg_try_advisory_lock_shared") == 0) {
        statement->marks |= PG_STATEMENT_LOCK;
    } else if (strcmp(name, "pg_current_xact_id") == 0 || strcmp(name, "pg_current_xact_id_if_assigned") == 0 ||
               strcmp(name, "txid_current") == 0 || strcmp(name, "txid_current_if_assigned") == 0) {
        statement->marks |= PG_STATEMENT_XID;
    }
}

static bool pg_statement_temporary(const struct pg_statement_word *word)
{
    return pg_statement_is(word, "temp") || pg_statement_is(word, "temporary");
}

/* A word anywhere. Nearly all end at the first test. */
static void pg_statement_look(struct pg_statement *statement)
{
    const struct pg_statement_word *word = &statement->word;
    const char *base = pg_statement_base(word);
    switch (base[0]) {
    case 's':
    case 'p':
    case 't':
        pg_statement_function(statement, base);
        break;
    default:
        break;
    }
    if (word->text[0] == 'p' && strncmp(word->text, "pg_temp", 7) == 0) {
        statement->marks |= PG_STATEMENT_TEMPORARY;
    } else if (word->text[0] == 't' && pg_statement_temporary(word)) {
        /* CREATE TEMP, CREATE OR REPLACE TEMP, CREATE LOCAL TEMP, SELECT ... INTO TEMP */
        static const char *const before[] = {"create", "replace", "local", "global", "into", NULL};
        if (pg_statement_one_of(&statement->previous, before)) {
            statement->marks |= PG_STATEMENT_TEMPORARY;
        }
    } else if (word->text[0] == 'h' && pg_statement_is(word, "hold") && pg_statement_is(&statement->previous, "with")) {
        statement->marks |= PG_STATEMENT_CURSOR;
    }
}

static void pg_statement_name(struct pg_statement *statement, enum pg_statement_kind kind, const char *name)
{
    statement->kind = kind;
    statement->notable++;
    statement->settings += kind == PG_STATEMENT_SET ? 1 : 0;
    snprintf(statement->name, sizeof statement->name, "%s", name);
}

/* SET and RESET: the setting is the first word that is not SESSION. */
static void pg_statement_setting(struct pg_statement *statement, const struct pg_statement_word *word)
{
    static const char *const passing[] = {"local", "transaction", "constraints", NULL};
    if (pg_statement_one_of(word, passing)) {
        return;
    }
    if (pg_statement_is(word, "session")) {
        word++;
    }
    const char *name = pg_statement_is(word, "time")    ? "timezone"
                       : pg_statement_is(word, "names") ? "client_encoding"
                                                        : word->text;
    pg_statement_name(statement, PG_STATEMENT_SET, name);
}

/* Statements that can be done again, or undo. True: it was one. */
static bool pg_statement_known(struct pg_statement *statement)
{
    const struct pg_statement_word *words = statement->words;
    const bool all = pg_statement_is(&words[1], "all");
    if (pg_statement_is(&words[0], "set")) {
        pg_statement_setting(statement, &words[1]);
    } else if (pg_statement_is(&words[0], "reset")) {
        if (all) {
            pg_statement_name(statement, PG_STATEMENT_RESET_ALL, "");
        } else {
            pg_statement_setting(statement, &words[1]);
        }
    } else if (pg_statement_is(&words[0], "listen")) {
        pg_statement_name(statement, PG_STATEMENT_LISTEN, words[1].text);
    } else if (pg_statement_is(&words[0], "unlisten")) {
        /* An asterisk is no word. */
        const bool every = statement->words_count == 1;
        pg_statement_name(statement, every ? PG_STATEMENT_UNLISTEN_ALL : PG_STATEMENT_UNLISTEN, words[1].text);
    } else if (pg_statement_is(&words[0], "deallocate")) {
        const struct pg_statement_word *word = pg_statement_is(&words[1], "prepare") ? &words[2] : &words[1];
        const bool every = pg_statement_is(word, "all");
        pg_statement_name(statement, every ? PG_STATEMENT_DEALLOCATE_ALL : PG_STATEMENT_DEALLOCATE, word->text);
    } else if (pg_statement_is(&words[0], "close") && all) {
        pg_statement_name(statement, PG_STATEMENT_CLOSE_ALL, "");
    } else if (pg_statement_is(&words[0], "discard") && all) {
        pg_statement_name(statement, PG_STATEMENT_DISCARD_ALL, "");
    } else {
        return false;
    }
    return true;
}

/* COMMIT, ROLLBACK and relatives. ROLLBACK TO leaves the transaction open; ... PREPARED is about another one. */
static uint32_t pg_statement_control(const struct pg_statement_word *words)
{
    static const char *const others[] = {"savepoint", "release", NULL};
    const bool prepared = pg_statement_is(&words[1], "prepared");
    if (pg_statement_is(&words[0], "commit") || pg_statement_is(&words[0], "end")) {
        return PG_STATEMENT_CONTROL | PG_STATEMENT_COMMIT | (prepared ? (uint32_t)PG_STATEMENT_TWO_PHASE : 0);
    }
    if (pg_statement_is(&words[0], "prepare") && pg_statement_is(&words[1], "transaction")) {
        return PG_STATEMENT_CONTROL | PG_STATEMENT_COMMIT | PG_STATEMENT_TWO_PHASE;
    }
    if (pg_statement_is(&words[0], "rollback") || pg_statement_is(&words[0], "abort")) {
        const bool to = pg_statement_is(&words[1], "to") || pg_statement_is(&words[2], "to");
        return PG_STATEMENT_CONTROL | (prepared ? PG_STATEMENT_TWO_PHASE : to ? 0U : PG_STATEMENT_ROLLBACK);
    }
    return pg_statement_one_of(&words[0], others) ? PG_STATEMENT_CONTROL : 0;
}

/* The statement's words are complete. */
static void pg_statement_judge(struct pg_statement *statement)
{
    static const char *const rows[] = {"select", "insert", "update", "delete", "with",
                                       "values", "table",  "merge",  "show",   NULL};
    const struct pg_statement_word *words = statement->words;
    if (statement->words_count == 0) {
        return;
    }
    statement->statements++;
    if (pg_statement_one_of(&words[0], rows)) {
        return;
    }
    if (pg_statement_known(statement)) {
        return;
    }
    if (pg_statement_is(&words[0], "begin") || pg_statement_is(&words[0], "start")) {
        statement->marks |= PG_STATEMENT_CONTROL | PG_STATEMENT_BEGIN;
        return;
    }
    const uint32_t control = pg_statement_control(words);
    statement->marks |= PG_STATEMENT_ONCE | control;
    if (control == 0 && pg_statement_is(&words[0], "prepare")) {
        statement->marks |= PG_STATEMENT_PREPARED;
    } else if (pg_statement_is(&words[0], "load")) {
        statement->marks |= PG_STATEMENT_LOADED;
    }
}

static void pg_statement_next(struct pg_statement *statement)
{
    pg_statement_judge(statement);
    statement->first = statement->statements <= 1 ? statement->marks : statement->first;
    statement->words_count = 0;
    for (size_t i = 0; i < PG_STATEMENT_WORDS; i++) {
        pg_statement_word_reset(&statement->words[i], false);
    }
    pg_statement_word_reset(&statement->previous, false);
}

static void pg_statement_word_end(struct pg_statement *statement)
{
    pg_statement_look(statement);
    if (statement->words_count < PG_STATEMENT_WORDS) {
        statement->words[statement->words_count++] = statement->word;
    }
    statement->previous = statement->word;
    statement->state = PG_STATEMENT_BETWEEN;
}

/* ---- the scanner ---- */

static void pg_statement_between(struct pg_statement *statement, uint8_t c)
{
    const uint8_t last = statement->last;
    statement->last = c;
    if (pg_statement_starts(c)) {
        pg_statement_word_reset(&statement->word, false);
        pg_statement_word_add(&statement->word, c);
        statement->state = PG_STATEMENT_IN_WORD;
    } else if (c == '\'') {
        statement->state = PG_STATEMENT_IN_STRING;
        statement->escapes = false;
        statement->skip = false;
    } else if (c == '"') {
        pg_statement_word_reset(&statement->word, true);
        statement->state = PG_STATEMENT_IN_NAME;
    } else if (c == '-' && last == '-') {
        statement->state = PG_STATEMENT_IN_LINE;
    } else if (c == '*' && last == '/') {
        statement->state = PG_STATEMENT_IN_COMMENT;
        statement->depth = 1;
        statement->last = 0;
    } else if (c == '$') {
        pg_statement_word_reset(&statement->tag, true);
        statement->state = PG_STATEMENT_IN_TAG;
    } else if (c == ';' && !statement->block) {
        pg_statement_next(statement);
    }
}

static void pg_statement_string(struct pg_statement *statement, uint8_t c)
{
    if (statement->skip) {
        statement->skip = false;
    } else if (c == '\\' && statement->escapes) {
        statement->skip = true;
    } else if (c == '\'') {
        /* A doubled one begins the next string at once, with the same escapes: see pg_statement_word. */
        statement->state = PG_STATEMENT_BETWEEN;
        statement->last = statement->escapes ? '\\' : '\'';
    }
}

static void pg_statement_word(struct pg_statement *statement, uint8_t c)
{
    if (pg_statement_goes_on(c)) {
        pg_statement_word_add(&statement->word, c);
        return;
    }
    const bool prefix = c == '\'' && pg_statement_is(&statement->word, "e");
    if (!prefix) {
        pg_statement_word_end(statement);
    }
    statement->state = PG_STATEMENT_BETWEEN;
    statement->last = 0;
    pg_statement_between(statement, c);
    statement->escapes = prefix;
}

static void pg_statement_comment(struct pg_statement *statement, uint8_t c)
{
    const uint8_t last = statement->last;
    statement->last = c;
    if (c == '/' && last == '*') {
        statement->depth--;
        statement->last = 0;
    } else if (c == '*' && last == '/') {
        statement->depth++;
        statement->last = 0;
    }
    if (statement->depth == 0) {
        statement->state = PG_STATEMENT_BETWEEN;
    }
}

/* Behind a dollar sign: a parameter's number, or the tag of a quoted string. */
static void pg_statement_tag(struct pg_statement *statement, uint8_t c)
{
    if (c == '$') {
        const bool body = pg_statement_is(&statement->words[0], "do");
        statement->block = statement->block || body;
        statement->state = body ? PG_STATEMENT_BETWEEN : PG_STATEMENT_IN_DOLLARS;
        statement->last = 0;
        pg_statement_word_reset(&statement->word, true);
        statement->skip = false;
    } else if (pg_statement_starts(c) || (c >= '0' && c <= '9' && statement->tag.size > 0)) {
        pg_statement_word_add(&statement->tag, c);
    } else {
        statement->state = PG_STATEMENT_BETWEEN;
        statement->last = 0;
        pg_statement_between(statement, c);
    }
}

/* `word` collects what stands behind a dollar sign (`skip`: there was one). */
static void pg_statement_dollars(struct pg_statement *statement, uint8_t c)
{
    if (c != '$') {
        pg_statement_word_add(&statement->word, c);
        return;
    }
    const bool same = statement->skip && statement->word.size == statement->tag.size &&
                      memcmp(statement->word.text, statement->tag.text, statement->tag.size) == 0;
    statement->skip = true;
    pg_statement_word_reset(&statement->word, true);
    if (same) {
        statement->state = PG_STATEMENT_BETWEEN;
        statement->last = 0;
    }
}

static void pg_statement_byte(struct pg_statement *statement, uint8_t c)
{
    switch ((enum pg_statement_state)statement->state) {
    case PG_STATEMENT_BETWEEN: {
        const bool again = c == '\'' && statement->last == '\\';
        pg_statement_between(statement, c);
        statement->escapes = again;
        break;
    }
    case PG_STATEMENT_IN_WORD:
        pg_statement_word(statement, c);
        break;
    case PG_STATEMENT_IN_STRING:
        pg_statement_string(statement, c);
        break;
    case PG_STATEMENT_IN_NAME:
        if (c == '"') {
            pg_statement_word_end(statement);
            statement->last = 0;
        } else {
            pg_statement_word_add(&statement->word, c);
        }
        break;
    case PG_STATEMENT_IN_LINE:
        if (c == '\n' || c == '\r') {
            statement->state = PG_STATEMENT_BETWEEN;
            statement->last = 0;
        }
        break;
    case PG_STATEMENT_IN_COMMENT:
        pg_statement_comment(statement, c);
        break;
    case PG_STATEMENT_IN_TAG:
        pg_statement_tag(statement, c);
        break;
    case PG_STATEMENT_IN_DOLLARS:
        pg_statement_dollars(statement, c);
        break;
    }
}

/* Bytes that change nothing but where the scanner stands, many at once: white space and numbers between words, what is
 * inside of strings. How many there are. */
static size_t pg_statement_run(struct pg_statement *statement, struct span bytes)
{
    static const bool dull[256] = {
        [' '] = true, ['\t'] = true, ['\n'] = true, ['\r'] = true, ['('] = true, [')'] = true, [','] = true,
        ['='] = true, ['.'] = true,  ['0'] = true,  ['1'] = true,  ['2'] = true, ['3'] = true, ['4'] = true,
        ['5'] = true, ['6'] = true,  ['7'] = true,  ['8'] = true,  ['9'] = true,
    };
    size_t size = 0;
    if (statement->state == PG_STATEMENT_BETWEEN) {
        while (size < bytes.size && dull[bytes.data[size]]) {
            size++;
        }
        if (size > 0) {
            statement->last = bytes.data[size - 1];
            statement->escapes = false;
        }
    } else if (statement->state == PG_STATEMENT_IN_STRING && !statement->escapes) {
        const uint8_t *end = memchr(bytes.data, '\'', bytes.size);
        size = end != NULL ? (size_t)(end - bytes.data) : bytes.size;
    } else if (statement->state == PG_STATEMENT_IN_WORD) {
        while (size < bytes.size && pg_statement_goes_on(bytes.data[size])) {
            pg_statement_word_add(&statement->word, bytes.data[size++]);
        }
    }
    return size;
}

void pg_statement_begin(struct pg_statement *statement)
{
    statement->marks = 0;
    statement->first = 0;
    statement->statements = 0;
    statement->notable = 0;
    statement->settings = 0;
    statement->kind = PG_STATEMENT_PLAIN;
    statement->name[0] = '\0';
    statement->text_size = 0;
    statement->state = PG_STATEMENT_BETWEEN;
    statement->block = false;
    statement->escapes = false;
    statement->skip = false;
    statement->last = 0;
    statement->words_count = 0;
    for (size_t i = 0; i < PG_STATEMENT_WORDS; i++) {
        pg_statement_word_reset(&statement->words[i], false);
    }
    pg_statement_word_reset(&statement->previous, false);
}

void pg_statement_feed(struct pg_statement *statement, struct span bytes)
{
    if (statement->text_size < PG_STATEMENT_TEXT && bytes.size > 0) {
        const size_t room = PG_STATEMENT_TEXT - statement->text_size;
        memcpy(statement->text + statement->text_size, bytes.data, bytes.size < room ? bytes.size : room);
    }
    const uint64_t size = (uint64_t)statement->text_size + bytes.size;
    statement->text_size = size < UINT32_MAX ? (uint32_t)size : UINT32_MAX;
    for (size_t i = 0; i < bytes.size;) {
        i += pg_statement_run(statement, span_of(bytes.data + i, bytes.size - i));
        if (i < bytes.size) {
            pg_statement_byte(statement, bytes.data[i++]);
        }
    }
}

void pg_statement_end(struct pg_statement *statement)
{
    if (statement->state == PG_STATEMENT_IN_WORD) {
        pg_statement_word_end(statement);
    }
    pg_statement_next(statement);
}
