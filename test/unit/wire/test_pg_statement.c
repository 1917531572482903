/* SPDX-License-Identifier: Apache-2.0
 * Tests of what statements leave behind: each text whole, and cut into two pieces at every byte. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "wire/pg_statement.h"

struct sample {
    const char *text;
    uint32_t marks;
    enum pg_statement_kind kind;
    const char *name;
    uint32_t statements;
};

enum {
    ONCE = PG_STATEMENT_ONCE,
    CONTROL = PG_STATEMENT_ONCE | PG_STATEMENT_CONTROL,
    COMMIT = CONTROL | PG_STATEMENT_COMMIT,
    ROLLBACK = CONTROL | PG_STATEMENT_ROLLBACK,
    BEGIN = PG_STATEMENT_CONTROL | PG_STATEMENT_BEGIN,
    TEMPORARY = PG_STATEMENT_ONCE | PG_STATEMENT_TEMPORARY,
};

static const struct sample samples[] = {
    {"", 0, PG_STATEMENT_PLAIN, "", 0},
    {" ; ; -- nothing\n/* at /* all */ ; */", 0, PG_STATEMENT_PLAIN, "", 0},
    {"SELECT 1", 0, PG_STATEMENT_PLAIN, "", 1},
    {"(SELECT abalance FROM pgbench_accounts WHERE aid = $1);", 0, PG_STATEMENT_PLAIN, "", 1},
    {"INSERT INTO t VALUES ('SET x = 1; LISTEN a', \"temp\")", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT 1; INSERT INTO t VALUES (1); COMMIT", COMMIT, PG_STATEMENT_PLAIN, "", 3},
    {"BEGIN", BEGIN, PG_STATEMENT_PLAIN, "", 1},
    {"start transaction read only", BEGIN, PG_STATEMENT_PLAIN, "", 1},
    {"PREPARE TRANSACTION 'x'", COMMIT | PG_STATEMENT_TWO_PHASE, PG_STATEMENT_PLAIN, "", 1},
    {"COMMIT PREPARED 'x'", COMMIT | PG_STATEMENT_TWO_PHASE, PG_STATEMENT_PLAIN, "", 1},
    {"END WORK", COMMIT, PG_STATEMENT_PLAIN, "", 1},
    {"rollback", ROLLBACK, PG_STATEMENT_PLAIN, "", 1},
    {"ABORT TRANSACTION AND CHAIN;", ROLLBACK, PG_STATEMENT_PLAIN, "", 1},
    {"ROLLBACK TO a", CONTROL, PG_STATEMENT_PLAIN, "", 1},
    {"ROLLBACK WORK TO SAVEPOINT a", CONTROL, PG_STATEMENT_PLAIN, "", 1},
    {"ROLLBACK PREPARED 'x'", CONTROL | PG_STATEMENT_TWO_PHASE, PG_STATEMENT_PLAIN, "", 1},
    {"SAVEPOINT a; RELEASE a", CONTROL, PG_STATEMENT_PLAIN, "", 2},
    {"ROLLBACK; BEGIN", ROLLBACK | BEGIN, PG_STATEMENT_PLAIN, "", 2},
    {"PREPARE p AS SELECT 1", ONCE | PG_STATEMENT_PREPARED, PG_STATEMENT_PLAIN, "", 1},
    {"VACUUM t", ONCE, PG_STATEMENT_PLAIN, "", 1},
    /* settings */
    {"SET statement_timeout = 5", 0, PG_STATEMENT_SET, "statement_timeout", 1},
    {"set /* why */ SESSION Search_Path TO 'a;b'", 0, PG_STATEMENT_SET, "search_path", 1},
    {"SET my.own = 'x'", 0, PG_STATEMENT_SET, "my.own", 1},
    {"SET LOCAL work_mem = '1MB'", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SET TRANSACTION READ ONLY", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SET CONSTRAINTS ALL DEFERRED", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SET TIME ZONE 'UTC'", 0, PG_STATEMENT_SET, "timezone", 1},
    {"SET NAMES 'UTF8'", 0, PG_STATEMENT_SET, "client_encoding", 1},
    {"SET ROLE ann", 0, PG_STATEMENT_SET, "role", 1},
    {"SET SESSION AUTHORIZATION ann", 0, PG_STATEMENT_SET, "authorization", 1},
    {"SET SESSION CHARACTERISTICS AS TRANSACTION READ ONLY", 0, PG_STATEMENT_SET, "characteristics", 1},
    {"RESET work_mem", 0, PG_STATEMENT_SET, "work_mem", 1},
    {"RESET ALL", 0, PG_STATEMENT_RESET_ALL, "", 1},
    {"SET a = 1; SET b = 2;", 0, PG_STATEMENT_SET, "b", 2},
    {"SELECT set_config('a', 'b', false)", PG_STATEMENT_CONFIG, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT pg_catalog.SET_config('a', 'b', false)", PG_STATEMENT_CONFIG, PG_STATEMENT_PLAIN, "", 1},
    {"DISCARD ALL", 0, PG_STATEMENT_DISCARD_ALL, "", 1},
    {"DISCARD TEMP", ONCE, PG_STATEMENT_PLAIN, "", 1},
    /* channels, prepared statements, cursors */
    {"LISTEN news", 0, PG_STATEMENT_LISTEN, "news", 1},
    {"LISTEN \"My News\"", 0, PG_STATEMENT_LISTEN, "My News", 1},
    {"UNLISTEN news", 0, PG_STATEMENT_UNLISTEN, "news", 1},
    {"UNLISTEN *", 0, PG_STATEMENT_UNLISTEN_ALL, "", 1},
    {"DEALLOCATE p", 0, PG_STATEMENT_DEALLOCATE, "p", 1},
    {"DEALLOCATE PREPARE \"P\"", 0, PG_STATEMENT_DEALLOCATE, "P", 1},
    {"deallocate all", 0, PG_STATEMENT_DEALLOCATE_ALL, "all", 1},
    {"CLOSE ALL", 0, PG_STATEMENT_CLOSE_ALL, "", 1},
    {"DECLARE c CURSOR WITH HOLD FOR SELECT 1", ONCE | PG_STATEMENT_CURSOR, PG_STATEMENT_PLAIN, "", 1},
    {"DECLARE c CURSOR WITHOUT HOLD FOR SELECT 1", ONCE, PG_STATEMENT_PLAIN, "", 1},
    {"LOAD 'plpgsql'", ONCE | PG_STATEMENT_LOADED, PG_STATEMENT_PLAIN, "", 1},
    /* what cannot move */
    {"CREATE TEMP TABLE t (a int)", TEMPORARY, PG_STATEMENT_PLAIN, "", 1},
    {"create local temporary sequence s", TEMPORARY, PG_STATEMENT_PLAIN, "", 1},
    {"CREATE OR REPLACE TEMP VIEW v AS SELECT 1", TEMPORARY, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT * INTO TEMP t FROM u", PG_STATEMENT_TEMPORARY, PG_STATEMENT_PLAIN, "", 1},
    {"CREATE TABLE pg_temp.t (a int)", TEMPORARY, PG_STATEMENT_PLAIN, "", 1},
    {"CREATE TABLE temp (temp int)", ONCE, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT temp FROM t", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT pg_try_advisory_lock(1)", PG_STATEMENT_LOCK, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT pg_current_xact_id()", PG_STATEMENT_XID, PG_STATEMENT_PLAIN, "", 1},
    {"select pg_catalog.txid_current_if_assigned()", PG_STATEMENT_XID, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT pg_advisory_xact_lock(1)", 0, PG_STATEMENT_PLAIN, "", 1},
    /* strings of all sorts hide words, DO blocks do not */
    {"SELECT E'it\\'s; SET a = 1', 1", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT e'a''\\'; SET b = 1'", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT 'a\\'; SET b = 1", 0, PG_STATEMENT_SET, "b", 2},
    {"SELECT 'it''s; SET a = 1'", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT $$; SET a = 1; $$", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT $x$; $$ SET a = 1; $y$ $x $x$; SET c = 1", 0, PG_STATEMENT_SET, "c", 2},
    {"SELECT $1; SET c = 1", 0, PG_STATEMENT_SET, "c", 2},
    {"DO $$ BEGIN PERFORM set_config('a', 'b', false); END $$", ONCE | PG_STATEMENT_CONFIG, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT 1 -- ; SET a = 1\n", 0, PG_STATEMENT_PLAIN, "", 1},
    {"SELECT 1 - -1 /* ; SET a = 1 */ / 2", 0, PG_STATEMENT_PLAIN, "", 1},
};

static void check(const struct sample *sample, size_t cut)
{
    struct pg_statement statement;
    const size_t size = strlen(sample->text);
    pg_statement_begin(&statement);
    pg_statement_feed(&statement, span_of(sample->text, cut));
    pg_statement_feed(&statement, span_of(sample->text + cut, size - cut));
    pg_statement_end(&statement);
    if (statement.marks != sample->marks || statement.kind != sample->kind ||
        statement.statements != sample->statements || strcmp(statement.name, sample->name) != 0) {
        fail_msg("%s (cut at %zu): marks %u kind %d name '%s' statements %u", sample->text, cut, statement.marks,
                 (int)statement.kind, statement.name, statement.statements);
    }
    assert_int_equal(statement.text_size, size);
    assert_memory_equal(statement.text, sample->text, size);
}

static void test_samples_cut_at_every_byte(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof samples / sizeof samples[0]; i++) {
        for (size_t cut = 0; cut <= strlen(samples[i].text); cut++) {
            check(&samples[i], cut);
        }
    }
}

static void test_the_first_of_several_statements(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        uint32_t first;
    } texts[] = {
        {"", 0},
        {"; ROLLBACK; BEGIN; SELECT 1; COMMIT", ROLLBACK},
        {"COMMIT; ROLLBACK", COMMIT},
        {"BEGIN", BEGIN},
        {"SELECT 1; BEGIN; COMMIT", 0},
    };
    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++) {
        struct pg_statement statement;
        pg_statement_begin(&statement);
        pg_statement_feed(&statement, span_text(texts[i].text));
        pg_statement_end(&statement);
        assert_int_equal(statement.first, texts[i].first);
    }
}

static void test_counts_of_several_statements(void **state)
{
    (void)state;
    struct pg_statement statement;
    pg_statement_begin(&statement);
    pg_statement_feed(&statement, span_text("SET a = 1; LISTEN x; SELECT 1"));
    pg_statement_end(&statement);
    assert_int_equal(statement.statements, 3);
    assert_int_equal(statement.notable, 2);
    assert_int_equal(statement.settings, 1);
}

static void test_long_texts_and_words(void **state)
{
    (void)state;
    struct pg_statement statement;
    char word[3 * PG_STATEMENT_TEXT];
    memset(word, 'w', sizeof word);
    pg_statement_begin(&statement);
    pg_statement_feed(&statement, span_text("SET "));
    pg_statement_feed(&statement, span_of(word, sizeof word));
    pg_statement_end(&statement);
    assert_int_equal(statement.text_size, sizeof word + 4);
    assert_int_equal(strlen(statement.name), PG_STATEMENT_WORD - 1);
    /* The struct serves for the next text as well. */
    pg_statement_begin(&statement);
    pg_statement_end(&statement);
    assert_int_equal(statement.statements + statement.notable + statement.marks, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_samples_cut_at_every_byte),
        cmocka_unit_test(test_the_first_of_several_statements),
        cmocka_unit_test(test_counts_of_several_statements),
        cmocka_unit_test(test_long_texts_and_words),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
