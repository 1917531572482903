/* SPDX-License-Identifier: Apache-2.0
 * The tests that every backend of the store must pass. */
#include "store_suite.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

enum {
    SUITE_THREADS = 6,
    SUITE_TURNS = 40,
};

static const struct store_suite_backend *suite_backend;
static struct store *suite_store;

static int suite_setup(void **state)
{
    (void)state;
    suite_backend->prepare();
    suite_store = suite_backend->open();
    return suite_store != NULL ? 0 : -1;
}

static int suite_teardown(void **state)
{
    (void)state;
    store_close(suite_store);
    suite_backend->remove();
    return 0;
}

static void suite_reopen(void)
{
    store_close(suite_store);
    suite_store = suite_backend->open();
    assert_non_null(suite_store);
}

static uint64_t suite_put(const char *key, const char *value)
{
    uint64_t revision = 0;
    assert_int_equal(store_put_if(suite_store, key, span_text(value), STORE_ANY, &revision), ERR_OK);
    return revision;
}

static void suite_delete(const char *key)
{
    const struct store_write write = {.verb = STORE_DELETE, .key = key, .expected = STORE_ANY};
    const struct store_request request = {.ask = STORE_COMMIT, .writes = &write, .write_count = 1};
    struct store_answer answer;
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_OK);
    store_answer_fini(&answer);
}

static void suite_expect(const char *key, const char *value, uint64_t revision)
{
    char have[64];
    uint64_t at = 0;
    assert_int_equal(store_get(suite_store, key, have, sizeof have, &at), ERR_OK);
    assert_string_equal(have, value);
    assert_int_equal(at, revision);
}

static void test_compare_and_swap(void **state)
{
    (void)state;
    uint64_t first = 0;
    uint64_t second = 0;
    uint64_t seen = 77;
    assert_int_equal(store_put_if(suite_store, "lease/shop", span_text("a"), 5, &seen), ERR_CONFLICT);
    assert_int_equal(seen, 0);
    assert_int_equal(store_put_if(suite_store, "lease/shop", span_text("a"), 0, &first), ERR_OK);
    assert_int_equal(store_put_if(suite_store, "lease/shop", span_text("b"), 0, &seen), ERR_CONFLICT);
    assert_int_equal(seen, first);
    assert_int_equal(store_put_if(suite_store, "lease/shop", span_text("b"), first, &second), ERR_OK);
    assert_true(second > first);
    assert_int_equal(store_put_if(suite_store, "lease/shop", span_text("c"), first, &seen), ERR_CONFLICT);
    assert_int_equal(seen, second);
    suite_expect("lease/shop", "b", second);
    suite_reopen();
    suite_expect("lease/shop", "b", second);
}

static void test_what_is_not_there(void **state)
{
    (void)state;
    char value[8];
    uint64_t revision = 9;
    assert_int_equal(store_get(suite_store, "nothing", value, sizeof value, &revision), ERR_NOT_FOUND);
    assert_int_equal(revision, 9);
    suite_put("long", "12345678");
    assert_int_equal(store_get(suite_store, "long", value, sizeof value, &revision), ERR_TOO_LARGE);
    assert_int_equal(store_put_if(suite_store, "", span_text("x"), 0, &revision), ERR_INVALID);
    char *large = calloc(1, STORE_VALUE + 1);
    assert_int_equal(store_put_if(suite_store, "k", span_of(large, STORE_VALUE + 1), 0, &revision), ERR_TOO_LARGE);
    assert_int_equal(store_put_if(suite_store, "k", span_of(large, STORE_VALUE), 0, &revision), ERR_OK);
    free(large);
}

static void test_deleted_and_created_again(void **state)
{
    (void)state;
    const uint64_t first = suite_put("k", "v");
    suite_delete("k");
    char value[8];
    uint64_t revision = 0;
    assert_int_equal(store_get(suite_store, "k", value, sizeof value, &revision), ERR_NOT_FOUND);
    assert_int_equal(store_put_if(suite_store, "k", span_text("w"), first, &revision), ERR_CONFLICT);
    assert_int_equal(revision, 0);
    assert_int_equal(store_put_if(suite_store, "k", span_text("w"), 0, &revision), ERR_OK);
    assert_true(revision > first + 1);
    suite_expect("k", "w", revision);
}

static void test_a_commit_is_all_or_nothing(void **state)
{
    (void)state;
    const uint64_t a = suite_put("a", "1");
    struct store_write writes[] = {
        {.verb = STORE_PUT, .key = "a", .value = span_text("2"), .expected = a},
        {.verb = STORE_PUT, .key = "b", .value = span_text("2"), .expected = 1000000},
        {.verb = STORE_APPEND, .kind = "step", .run = "7", .wall = {5}, .value = span_text("{}")},
    };
    const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = 3};
    struct store_answer answer;
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_CONFLICT);
    assert_int_equal(answer.conflict, 1);
    assert_int_equal(answer.revision, 0);
    store_answer_fini(&answer);
    suite_expect("a", "1", a);
    writes[1].expected = 0;
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_OK);
    assert_int_equal(answer.number, 1);
    const uint64_t revision = answer.revision;
    store_answer_fini(&answer);
    suite_expect("a", "2", revision);
    suite_expect("b", "2", revision);
    writes[1].key = "a";
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_INVALID);
    store_answer_fini(&answer);
}

/* What a leader's commits rest on: they happen only while the record of its term is as it wrote it. */
static void test_a_check_refuses_the_whole_commit(void **state)
{
    (void)state;
    const uint64_t term = suite_put("leader/term", "1");
    struct store_write writes[] = {
        {.verb = STORE_CHECK, .key = "leader/term", .expected = term},
        {.verb = STORE_PUT, .key = "engine", .value = span_text("a"), .expected = 0},
        {.verb = STORE_APPEND, .kind = "step", .value = span_text("{}")},
    };
    const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = 3};
    struct store_answer answer;
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_OK);
    const uint64_t revision = answer.revision;
    store_answer_fini(&answer);
    suite_expect("engine", "a", revision);
    suite_expect("leader/term", "1", term); /* checking changes nothing */
    const uint64_t next = suite_put("leader/term", "2");
    writes[1].expected = revision;
    writes[1].value = span_text("b");
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_CONFLICT);
    assert_int_equal(answer.conflict, 0);
    assert_int_equal(answer.revision, next);
    store_answer_fini(&answer);
    suite_expect("engine", "a", revision);
    const struct store_request entries = {.ask = STORE_READ};
    assert_int_equal(store_call(suite_store, &entries, &answer), ERR_OK);
    assert_int_equal(answer.entry_count, 1);
    store_answer_fini(&answer);
}

/* Entries alone, behind a check; and a check of a record that must not exist. */
static void test_checks_beside_entries_alone(void **state)
{
    (void)state;
    struct store_write writes[] = {
        {.verb = STORE_CHECK, .key = "nothing", .expected = 0},
        {.verb = STORE_APPEND, .kind = "step", .value = span_text("{}")},
    };
    const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = 2};
    struct store_answer answer;
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_OK);
    assert_int_equal(answer.number, 1);
    store_answer_fini(&answer);
    suite_put("nothing", "x");
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_CONFLICT);
    assert_int_equal(answer.conflict, 0);
    store_answer_fini(&answer);
    writes[0].expected = STORE_ANY;
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_OK);
    assert_int_equal(answer.number, 2);
    store_answer_fini(&answer);
    writes[1] =
        (struct store_write){.verb = STORE_PUT, .key = "nothing", .value = span_text("y"), .expected = STORE_ANY};
    assert_int_equal(store_call(suite_store, &request, &answer), ERR_INVALID); /* a key once per commit */
    store_answer_fini(&answer);
}

static void suite_ask(const struct store_request *request, struct store_answer *ret_answer)
{
    assert_int_equal(store_call(suite_store, request, ret_answer), ERR_OK);
}

static void test_list_by_prefix(void **state)
{
    (void)state;
    suite_put("a/2", "two");
    suite_put("a/1", "one");
    suite_put("a", "short");
    suite_put("b/1", "other");
    suite_put("a/3", "gone");
    suite_delete("a/3");
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_LIST, .key = "a/"}, &answer);
    assert_int_equal(answer.record_count, 2);
    assert_string_equal(answer.records[0].key, "a/1");
    assert_string_equal((const char *)answer.records[0].value.data, "one");
    assert_string_equal(answer.records[1].key, "a/2");
    store_answer_fini(&answer);
    suite_ask(&(struct store_request){.ask = STORE_LIST, .key = ""}, &answer);
    assert_int_equal(answer.record_count, 4);
    store_answer_fini(&answer);
}

static void test_changes_in_order(void **state)
{
    (void)state;
    suite_put("w/1", "a");
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_LIST, .key = "w/"}, &answer);
    const uint64_t since = answer.revision;
    store_answer_fini(&answer);
    suite_put("w/2", "b");
    suite_put("x", "unrelated");
    suite_put("w/1", "c");
    suite_delete("w/2");
    suite_reopen();
    suite_ask(&(struct store_request){.ask = STORE_CHANGES, .key = "w/", .after = since}, &answer);
    /* A key may be told once, with its newest state, or each time; the last word on each and the order are fixed. */
    assert_true(answer.record_count >= 2);
    const struct store_record *last = &answer.records[answer.record_count - 1];
    assert_string_equal(last->key, "w/2");
    assert_true(last->deleted);
    assert_string_equal(last[-1].key, "w/1");
    assert_string_equal((const char *)last[-1].value.data, "c");
    for (size_t i = 1; i < answer.record_count; i++) {
        assert_true(answer.records[i - 1].revision <= answer.records[i].revision);
    }
    const uint64_t newest = answer.revision;
    store_answer_fini(&answer);
    suite_ask(&(struct store_request){.ask = STORE_CHANGES, .key = "w/", .after = newest}, &answer);
    assert_int_equal(answer.record_count, 0);
    store_answer_fini(&answer);
}

static void test_many_changes_leave_no_gap(void **state)
{
    (void)state;
    enum { COMMITS = 40, EACH = 60 };
    for (int i = 0; i < COMMITS; i++) {
        struct store_write writes[EACH];
        char keys[EACH][16];
        for (int j = 0; j < EACH; j++) {
            snprintf(keys[j], sizeof keys[j], "m/%d", i * EACH + j);
            writes[j] = (struct store_write){.verb = STORE_PUT, .key = keys[j], .value = span_text("v")};
        }
        struct store_answer answer;
        suite_ask(&(struct store_request){.ask = STORE_COMMIT, .writes = writes, .write_count = EACH}, &answer);
        store_answer_fini(&answer);
    }
    uint64_t after = 0;
    size_t seen = 0;
    bool more = true;
    while (more) {
        struct store_answer answer;
        suite_ask(&(struct store_request){.ask = STORE_CHANGES, .key = "m/", .after = after}, &answer);
        assert_true(answer.record_count > 0 && answer.record_count <= STORE_ROWS);
        seen += answer.record_count;
        after = answer.records[answer.record_count - 1].revision;
        more = answer.more;
        store_answer_fini(&answer);
    }
    assert_int_equal(seen, COMMITS * EACH);
    struct store_answer answer;
    const struct store_request all = {.ask = STORE_LIST, .key = "m/"};
    assert_int_equal(store_call(suite_store, &all, &answer), ERR_TOO_LARGE);
    store_answer_fini(&answer);
}

static void *suite_wait_for_change(void *context)
{
    struct store_answer *answer = context;
    const struct store_request request = {.ask = STORE_CHANGES, .key = "w/", .wait_ms = 60000};
    answer->err = store_call(suite_store, &request, answer);
    return NULL;
}

static void test_waiting_for_a_change(void **state)
{
    (void)state;
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_CHANGES, .key = "w/", .wait_ms = 5}, &answer);
    assert_int_equal(answer.record_count, 0);
    store_answer_fini(&answer);
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, suite_wait_for_change, &answer), 0);
    suite_put("other", "x");
    suite_put("w/1", "news");
    pthread_join(thread, NULL);
    assert_int_equal(answer.err, ERR_OK);
    assert_int_equal(answer.record_count, 1);
    assert_string_equal((const char *)answer.records[0].value.data, "news");
    store_answer_fini(&answer);
}

static void suite_keep_error(void *context, struct store_answer *answer)
{
    *(enum err *)context = answer->err;
}

static void test_closing_cancels_who_waits(void **state)
{
    (void)state;
    enum err err = ERR_OK;
    const struct store_request request = {.ask = STORE_CHANGES, .key = "w/", .wait_ms = 60000};
    assert_int_equal(store_submit(suite_store, &request, suite_keep_error, &err), ERR_OK);
    suite_put("other", "x");
    suite_reopen();
    assert_int_equal(err, ERR_CANCELLED);
}

static void suite_append(const char *kind, const char *run, const char *text)
{
    static uint64_t wall = 100;
    assert_int_equal(store_append(suite_store, kind, run, (struct wall){(int64_t)wall++}, text, NULL), ERR_OK);
}

static void test_journal(void **state)
{
    (void)state;
    uint64_t number = 0;
    assert_int_equal(store_append(suite_store, "decision", NULL, (struct wall){42}, "{\"a\":1}", &number), ERR_OK);
    assert_int_equal(number, 1);
    for (int i = 0; i < 10; i++) {
        suite_append("step", i % 2 == 0 ? "r1" : "r2", "{}");
    }
    suite_reopen();
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_READ}, &answer);
    assert_int_equal(answer.entry_count, 11);
    assert_int_equal(answer.number, 11);
    assert_false(answer.more);
    assert_int_equal(answer.entries[0].number, 1);
    assert_int_equal(answer.entries[0].wall.us, 42);
    assert_string_equal(answer.entries[0].kind, "decision");
    assert_string_equal(answer.entries[0].run, "");
    assert_string_equal(answer.entries[0].text, "{\"a\":1}");
    store_answer_fini(&answer);
    suite_ask(&(struct store_request){.ask = STORE_READ, .run = "r2", .after = 4, .limit = 2}, &answer);
    assert_int_equal(answer.entry_count, 2);
    assert_true(answer.more);
    assert_int_equal(answer.entries[0].number, 5);
    assert_int_equal(answer.entries[1].number, 7);
    store_answer_fini(&answer);
    suite_ask(&(struct store_request){.ask = STORE_READ, .kind = "step", .limit = 3, .newest = true}, &answer);
    assert_int_equal(answer.entry_count, 3);
    assert_int_equal(answer.entries[0].number, 9);
    assert_int_equal(answer.entries[2].number, 11);
    store_answer_fini(&answer);
    suite_ask(&(struct store_request){.ask = STORE_READ, .kind = "decision", .run = "r1"}, &answer);
    assert_int_equal(answer.entry_count, 0);
    store_answer_fini(&answer);
}

static void test_large_entries_come_in_portions(void **state)
{
    (void)state;
    enum { COUNT = 40 };
    char *large = malloc(STORE_VALUE + 1);
    memset(large, 'x', STORE_VALUE);
    large[STORE_VALUE] = '\0';
    for (int i = 0; i < COUNT; i++) {
        suite_append("big", NULL, large);
    }
    free(large);
    uint64_t after = 0;
    size_t seen = 0;
    bool more = true;
    while (more) {
        struct store_answer answer;
        suite_ask(&(struct store_request){.ask = STORE_READ, .after = after}, &answer);
        assert_true(answer.entry_count > 0);
        seen += answer.entry_count;
        after = answer.entries[answer.entry_count - 1].number;
        more = answer.more;
        store_answer_fini(&answer);
    }
    assert_int_equal(seen, COUNT);
}

static void suite_commit(const struct store_write *writes, size_t count)
{
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_COMMIT, .writes = writes, .write_count = count}, &answer);
    store_answer_fini(&answer);
}

/* Asks until nothing up to `number` is left. */
static void suite_trim(uint64_t number)
{
    bool more = true;
    while (more) {
        struct store_answer answer;
        assert_int_equal(store_call(suite_store, &(struct store_request){.ask = STORE_TRIM, .after = number}, &answer),
                         ERR_OK);
        more = answer.more;
        store_answer_fini(&answer);
    }
}

/* What is there: the first number, and how many. */
static void suite_expect_entries(const char *kind, const char *run, uint64_t first, size_t count)
{
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_READ, .kind = kind, .run = run}, &answer);
    assert_int_equal(answer.entry_count, count);
    assert_int_equal(count > 0 ? answer.entries[0].number : 0, first);
    store_answer_fini(&answer);
}

/* The oldest cease, also for who asks by kind or run; the newest stays, and numbers go on. */
static void test_the_oldest_entries_cease(void **state)
{
    (void)state;
    suite_trim(UINT64_MAX); /* of an empty journal */
    const struct store_write writes[] = {
        {.verb = STORE_APPEND, .kind = "step", .run = "7", .value = span_text("a")},
        {.verb = STORE_APPEND, .kind = "step", .run = "8", .value = span_text("b")},
        {.verb = STORE_APPEND, .kind = "decision", .value = span_text("c")},
    };
    for (int i = 0; i < 40; i++) {
        suite_commit(writes, 3);
    }
    suite_expect_entries("decision", NULL, 3, 40);
    suite_trim(60);
    suite_expect_entries(NULL, NULL, 61, 60);
    suite_expect_entries("decision", NULL, 63, 20);
    suite_expect_entries("step", NULL, 61, 40);
    suite_expect_entries(NULL, "8", 62, 20);
    suite_trim(60);
    suite_expect_entries(NULL, NULL, 61, 60);
    suite_reopen();
    suite_trim(UINT64_MAX);
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_READ}, &answer);
    assert_in_range(answer.entry_count, 1, 3); /* those of the last commit may go together only */
    assert_int_equal(answer.entries[answer.entry_count - 1].number, 120);
    store_answer_fini(&answer);
    suite_commit(writes, 3);
    suite_ask(&(struct store_request){.ask = STORE_READ, .newest = true, .limit = 1}, &answer);
    assert_int_equal(answer.entries[0].number, 123);
    store_answer_fini(&answer);
}

/* Everybody adds one to the same counter by compare-and-swap, and notes it in the journal in the same commit. Answers
 * NULL, or its context when the store fails. */
static void *suite_count(void *context)
{
    for (int done = 0; done < SUITE_TURNS;) {
        char text[32] = "0";
        uint64_t revision = 0;
        const enum err got = store_get(suite_store, "counter", text, sizeof text, &revision);
        if (got != ERR_OK && got != ERR_NOT_FOUND) {
            return context;
        }
        char next[32];
        snprintf(next, sizeof next, "%lu", strtoul(text, NULL, 10) + 1);
        const struct store_write writes[] = {
            {.verb = STORE_PUT, .key = "counter", .value = span_text(next), .expected = revision},
            {.verb = STORE_APPEND, .kind = "count", .value = span_text(next)},
        };
        const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = 2};
        struct store_answer answer;
        const enum err err = store_call(suite_store, &request, &answer);
        store_answer_fini(&answer);
        if (err == ERR_OK) {
            done++;
        } else if (err != ERR_CONFLICT) {
            return context;
        }
    }
    return NULL;
}

static void test_many_threads_lose_no_update(void **state)
{
    (void)state;
    pthread_t threads[SUITE_THREADS];
    for (int i = 0; i < SUITE_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, suite_count, &suite_store), 0);
    }
    for (int i = 0; i < SUITE_THREADS; i++) {
        void *complaint = NULL;
        pthread_join(threads[i], &complaint);
        assert_null(complaint);
    }
    char text[32];
    uint64_t revision = 0;
    assert_int_equal(store_get(suite_store, "counter", text, sizeof text, &revision), ERR_OK);
    assert_int_equal(strtoul(text, NULL, 10), SUITE_THREADS * SUITE_TURNS);
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_READ, .kind = "count"}, &answer);
    assert_int_equal(answer.entry_count, SUITE_THREADS * SUITE_TURNS);
    for (size_t i = 0; i < answer.entry_count; i++) {
        assert_int_equal(strtoul(answer.entries[i].text, NULL, 10), i + 1);
    }
    store_answer_fini(&answer);
}

struct suite_seen {
    size_t count;
    uint64_t numbers[200];
    enum err worst;
};

static void suite_note(void *context, struct store_answer *answer)
{
    struct suite_seen *seen = context;
    seen->worst = answer->err != ERR_OK ? answer->err : seen->worst;
    seen->numbers[seen->count++] = answer->number;
}

static void test_submitted_answers_come_in_order_and_closing_finishes_them(void **state)
{
    (void)state;
    struct suite_seen seen = {.count = 0};
    char text[16] = "";
    const struct store_write write = {.verb = STORE_APPEND, .kind = "k", .value = span_of(text, 4)};
    const struct store_request request = {.ask = STORE_COMMIT, .writes = &write, .write_count = 1};
    for (int i = 0; i < 200; i++) {
        snprintf(text, sizeof text, "%04d", i);
        assert_int_equal(store_submit(suite_store, &request, suite_note, &seen), ERR_OK);
    }
    suite_reopen();
    assert_int_equal(seen.count, 200);
    assert_int_equal(seen.worst, ERR_OK);
    struct store_answer answer;
    suite_ask(&(struct store_request){.ask = STORE_READ}, &answer);
    assert_int_equal(answer.entry_count, 200);
    for (size_t i = 0; i < 200; i++) {
        assert_int_equal(seen.numbers[i], i + 1);
        assert_int_equal(strtoul(answer.entries[i].text, NULL, 10), i);
    }
    store_answer_fini(&answer);
}

int store_suite_run(const struct store_suite_backend *backend)
{
    suite_backend = backend;
#define SUITE_TEST(test) cmocka_unit_test_setup_teardown(test, suite_setup, suite_teardown)
    const struct CMUnitTest tests[] = {
        SUITE_TEST(test_compare_and_swap),
        SUITE_TEST(test_what_is_not_there),
        SUITE_TEST(test_deleted_and_created_again),
        SUITE_TEST(test_a_commit_is_all_or_nothing),
        SUITE_TEST(test_a_check_refuses_the_whole_commit),
        SUITE_TEST(test_checks_beside_entries_alone),
        SUITE_TEST(test_list_by_prefix),
        SUITE_TEST(test_changes_in_order),
        SUITE_TEST(test_many_changes_leave_no_gap),
        SUITE_TEST(test_waiting_for_a_change),
        SUITE_TEST(test_closing_cancels_who_waits),
        SUITE_TEST(test_journal),
        SUITE_TEST(test_large_entries_come_in_portions),
        SUITE_TEST(test_the_oldest_entries_cease),
        SUITE_TEST(test_many_threads_lose_no_update),
        SUITE_TEST(test_submitted_answers_come_in_order_and_closing_finishes_them),
    };
    return cmocka_run_group_tests_name(backend->name, tests, NULL, NULL);
}
