/* SPDX-License-Identifier: Apache-2.0
 * The parts of the etcd store that need no etcd: base64, names, requests, answers, blocks, what errors mean. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "edge/store_etcd_answer.h"
#include "edge/store_etcd_block.h"
#include "edge/store_etcd_chief.h"
#include "edge/store_etcd_code.h"
#include "edge/store_etcd_meaning.h"
#include "edge/store_etcd_name.h"
#include "edge/store_etcd_text.h"

static struct arena arena;

static int setup(void **state)
{
    (void)state;
    arena_init(&arena, 1024 * 1024);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_fini(&arena);
    return 0;
}

/* RFC 4648 section 10. */
static void test_base64(void **state)
{
    (void)state;
    static const char *const cases[][2] = {{"", ""},
                                           {"f", "Zg=="},
                                           {"fo", "Zm8="},
                                           {"foo", "Zm9v"},
                                           {"foob", "Zm9vYg=="},
                                           {"fooba", "Zm9vYmE="},
                                           {"foobar", "Zm9vYmFy"}};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        char memory[32];
        struct buf buf;
        struct span bytes;
        buf_init(&buf, memory, sizeof memory);
        store_etcd_code_put(&buf, span_text(cases[i][0]));
        assert_string_equal(buf_string(&buf), cases[i][1]);
        assert_int_equal(store_etcd_code_get(span_text(cases[i][1]), &arena, &bytes), ERR_OK);
        assert_true(span_is(bytes, cases[i][0]));
    }
    static const char *const wrong[] = {"Zg=", "Z===", "=Zg=", "Zg==Zg==", "Zm=v", "Zm9!", "Zm9 "};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        struct span bytes;
        assert_int_equal(store_etcd_code_get(span_text(wrong[i]), &arena, &bytes), ERR_PROTOCOL);
    }
    const uint8_t high[] = {0xfb, 0xff, 0xbf};
    struct span bytes;
    assert_int_equal(store_etcd_code_get(span_text("+/+/"), &arena, &bytes), ERR_OK);
    assert_true(span_equal(bytes, span_of(high, 3)));
}

static bool is_in(const struct store_etcd_range *range, const struct store_etcd_name *name)
{
    const size_t shorter = range->end.size < name->size ? range->end.size : name->size;
    const int below = memcmp(name->data, range->end.data, shorter);
    const size_t common = range->first.size < name->size ? range->first.size : name->size;
    const int above = memcmp(name->data, range->first.data, common);
    return (above > 0 || (above == 0 && name->size >= range->first.size)) &&
           (below < 0 || (below == 0 && name->size < range->end.size));
}

static void test_names(void **state)
{
    (void)state;
    const struct store_etcd_name record = store_etcd_name_record("p/", "lease/shop");
    const struct store_etcd_name gone = store_etcd_name_gone("p/", "lease/shop");
    const struct store_etcd_range leases = store_etcd_name_records("p/", "lease/");
    const struct store_etcd_range changes = store_etcd_name_changes("p/");
    const struct store_etcd_name journal = store_etcd_name_journal("p/", 255);
    bool is_gone = true;
    assert_true(span_is(store_etcd_name_key("p/", store_etcd_name_span(&record), &is_gone), "lease/shop"));
    assert_false(is_gone);
    assert_true(span_is(store_etcd_name_key("p/", store_etcd_name_span(&gone), &is_gone), "lease/shop"));
    assert_true(is_gone);
    assert_null(store_etcd_name_key("p/", store_etcd_name_span(&journal), &is_gone).data);
    assert_null(store_etcd_name_key("other/", store_etcd_name_span(&record), &is_gone).data);
    assert_true(is_in(&leases, &record) && !is_in(&leases, &gone));
    assert_true(is_in(&changes, &record) && is_in(&changes, &gone) && !is_in(&changes, &journal));
    const struct store_etcd_range blocks = store_etcd_name_blocks("p/", 254);
    const struct store_etcd_range later = store_etcd_name_blocks("p/", 255);
    assert_true(is_in(&blocks, &journal) && !is_in(&later, &journal));
    assert_int_equal(store_etcd_name_number(store_etcd_name_span(&journal)), 255);
    assert_int_equal(store_etcd_name_number(span_text("0123")), 0);
}

/* A kind or run that looks like the beginning of another one, with a number behind it. */
static void test_indexes_do_not_mix(void **state)
{
    (void)state;
    const struct store_etcd_range range = store_etcd_name_indexes("p/", STORE_ETCD_INDEX_RUN, "7", 0);
    const struct store_etcd_name mine = store_etcd_name_index("p/", STORE_ETCD_INDEX_RUN, "7", 3);
    const struct store_etcd_name other = store_etcd_name_index("p/", STORE_ETCD_INDEX_RUN, "70000000000000001", 3);
    const struct store_etcd_name slash = store_etcd_name_index("p/", STORE_ETCD_INDEX_RUN, "7/0000000000000001", 3);
    assert_true(is_in(&range, &mine));
    assert_false(is_in(&range, &other));
    assert_false(is_in(&range, &slash));
    const struct store_etcd_range none = store_etcd_name_indexes("p/", STORE_ETCD_INDEX_RUN, "7", UINT64_MAX);
    assert_false(is_in(&none, &mine));
}

static json_t *transaction_of(size_t writes, char *memory, size_t size)
{
    struct buf buf;
    struct store_etcd_text text;
    const struct store_etcd_name name = store_etcd_name_record("p/", "k");
    buf_init(&buf, memory, size);
    store_etcd_text_begin(&text, &buf, writes);
    store_etcd_text_compare(&text, &name, 7);
    store_etcd_text_compare(&text, &name, 0);
    store_etcd_text_then(&text);
    for (size_t i = 0; i < writes; i++) {
        if (i % 2 == 0) {
            store_etcd_text_put(&text, &name, span_text("v"));
        } else {
            store_etcd_text_delete(&text, &name);
        }
    }
    store_etcd_text_else(&text);
    store_etcd_text_ask(&text, &(struct store_etcd_text_range){.first = &name, .keys_only = true});
    store_etcd_text_ask(
        &text, &(struct store_etcd_text_range){.first = &name, .end = &name, .changes = true, .after = 8, .limit = 3});
    store_etcd_text_end(&text);
    assert_false(buf.overflow);
    json_t *json = json_loadb(memory, buf.size, JSON_REJECT_DUPLICATES, NULL);
    assert_non_null(json);
    return json;
}

static void test_transactions_are_json(void **state)
{
    (void)state;
    static char memory[65536];
    json_t *json = transaction_of(3, memory, sizeof memory);
    assert_string_equal(
        json_string_value(json_object_get(json_array_get(json_object_get(json, "compare"), 0), "mod_revision")), "7");
    assert_int_equal(json_array_size(json_object_get(json, "success")), 3);
    const json_t *asked = json_object_get(json_array_get(json_object_get(json, "failure"), 1), "request_range");
    assert_string_equal(json_string_value(json_object_get(asked, "min_mod_revision")), "9");
    assert_string_equal(json_string_value(json_object_get(asked, "sort_target")), "MOD");
    json_decref(json);
    /* 200 writes: inner transactions, none larger than 32, and together all of them. */
    json = transaction_of(200, memory, sizeof memory);
    const json_t *success = json_object_get(json, "success");
    size_t writes = 0;
    for (size_t i = 0; i < json_array_size(success); i++) {
        const json_t *inner = json_object_get(json_array_get(success, i), "request_txn");
        const size_t count = json_array_size(json_object_get(inner, "success"));
        assert_true(count > 0 && count <= 32);
        writes += count;
    }
    assert_int_equal(writes, 200);
    json_decref(json);
}

static void test_answers(void **state)
{
    (void)state;
    struct store_etcd_answer answer;
    const char *failed =
        "{\"header\":{\"revision\":\"9007199254740993\"},\"responses\":[{\"response_range\":{\"kvs\":[{"
        "\"key\":\"aw==\",\"value\":\"dg==\",\"mod_revision\":\"2\"}],\"count\":\"1\"}},{\"response_"
        "range\":{\"header\":{}}},{\"response_put\":{}}]}";
    assert_int_equal(store_etcd_answer_read(span_text(failed), &arena, &answer), ERR_OK);
    assert_int_equal(answer.code, 0);
    assert_false(answer.succeeded);
    assert_true(answer.revision == UINT64_C(9007199254740993));
    assert_int_equal(answer.part_count, 3);
    assert_int_equal(answer.parts[0].count, 1);
    assert_true(span_is(answer.parts[0].pairs[0].key, "k"));
    assert_int_equal(answer.parts[0].pairs[0].revision, 2);
    assert_int_equal(answer.parts[1].count, 0);
    assert_int_equal(store_etcd_answer_read(span_text("{\"error\":\"x: no leader\",\"code\":14}"), &arena, &answer),
                     ERR_OK);
    assert_int_equal(answer.code, 14);
    assert_string_equal(answer.message, "x: no leader");
    static const char *const wrong[] = {"",
                                        "[]",
                                        "{\"kvs\":{}}",
                                        "{\"kvs\":[1]}",
                                        "{\"kvs\":[{\"key\":1}]}",
                                        "{\"kvs\":[{\"key\":\"a\"}]}",
                                        "{\"header\":{\"revision\":\"-1\"}}",
                                        "{\"header\":{\"revision\":\"99999999999999999999\"}}",
                                        "{\"token\":1}"};
    for (size_t i = 0; i < sizeof wrong / sizeof wrong[0]; i++) {
        assert_int_equal(store_etcd_answer_read(span_text(wrong[i]), &arena, &answer), ERR_PROTOCOL);
    }
}

/* Numbers of members have 64 bits without a sign. */
static void test_status(void **state)
{
    (void)state;
    static const char text[] =
        "{\"header\":{\"cluster_id\":\"1\",\"member_id\":\"18446744073709551615\",\"revision\":\"7\"},"
        "\"version\":\"3.4.23\",\"dbSize\":\"20480\",\"leader\":\"9372538179322589801\"}";
    struct store_etcd_answer answer;
    assert_int_equal(store_etcd_answer_read(span_text(text), &arena, &answer), ERR_OK);
    assert_string_equal(answer.member, "18446744073709551615");
    assert_string_equal(answer.leader, "9372538179322589801");
    static const char *const nobody[] = {"{}", "{\"leader\":\"0\"}", "{\"leader\":7}", "{\"leader\":\"12x\"}",
                                         "{\"leader\":\"123456789012345678901234\"}"};
    for (size_t i = 0; i < sizeof nobody / sizeof nobody[0]; i++) {
        assert_int_equal(store_etcd_answer_read(span_text(nobody[i]), &arena, &answer), ERR_OK);
        assert_string_equal(answer.leader, "");
        assert_string_equal(answer.member, "");
    }
}

static void test_who_should_lead(void **state)
{
    (void)state;
    static const struct {
        struct store_etcd_chief_member members[3];
        uint32_t wanted;
        bool moves;
        size_t from;
        size_t to;
    } cases[] = {
        {{{"1", "1"}, {"2", "1"}, {"3", "1"}}, 6, true, 0, 1},  {{{"1", "1"}, {"2", "1"}, {"3", "1"}}, 4, true, 0, 2},
        {{{"1", "2"}, {"2", "2"}, {"3", "2"}}, 6, false, 0, 0}, /* a wanted one leads already */
        {{{"1", "1"}, {"", ""}, {"3", "1"}}, 6, true, 0, 2},    /* the first is silent */
        {{{"1", "1"}, {"2", "3"}, {"3", "1"}}, 6, true, 0, 2},  /* the first follows somebody else */
        {{{"1", "1"}, {"2", ""}, {"3", ""}}, 6, false, 0, 0},   /* no wanted one follows */
        {{{"", ""}, {"2", "1"}, {"3", "1"}}, 6, false, 0, 0},   /* the leader is silent */
        {{{"1", "3"}, {"2", "3"}, {"3", "3"}}, 3, true, 2, 0},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        size_t from = 9;
        size_t to = 9;
        assert_int_equal(store_etcd_chief_choose(cases[i].members, 3, cases[i].wanted, &from, &to), cases[i].moves);
        assert_int_equal(from, cases[i].moves ? cases[i].from : 9);
        assert_int_equal(to, cases[i].moves ? cases[i].to : 9);
    }
}

static void test_news(void **state)
{
    (void)state;
    struct store_etcd_news news;
    const char *events =
        "{\"result\":{\"header\":{\"revision\":\"5\"},\"events\":[{\"type\":\"DELETE\",\"kv\":{\"key\":"
        "\"aw==\",\"mod_revision\":\"5\"}}]}}";
    assert_int_equal(store_etcd_answer_read_news(span_text(events), &arena, &news), ERR_OK);
    assert_int_equal(news.event_count, 1);
    assert_int_equal(news.events[0].revision, 5);
    const char *gone = "{\"result\":{\"header\":{},\"canceled\":true,\"compact_revision\":\"10\"}}";
    assert_int_equal(store_etcd_answer_read_news(span_text(gone), &arena, &news), ERR_OK);
    assert_true(news.cancelled && news.compacted_to == 10 && !news.created);
    const char *error = "{\"error\":{\"grpc_code\":14,\"http_code\":503,\"message\":\"etcdserver: no leader\"}}";
    assert_int_equal(store_etcd_answer_read_news(span_text(error), &arena, &news), ERR_OK);
    assert_int_equal(news.code, 14);
    assert_int_equal(store_etcd_answer_read_news(span_text("{}"), &arena, &news), ERR_PROTOCOL);
}

static void test_what_errors_mean(void **state)
{
    (void)state;
    static const struct {
        int64_t code;
        const char *message;
        enum store_etcd_outcome outcome;
        enum err err;
        bool again;
    } cases[] = {
        {0, "", STORE_ETCD_ANSWERED, ERR_OK, false},
        {14, "etcdserver: no leader", STORE_ETCD_REFUSED, ERR_UNAVAILABLE, true},
        /* These may have been written: */
        {14, "etcdserver: request timed out", STORE_ETCD_UNKNOWN, ERR_UNAVAILABLE, true},
        {14, "etcdserver: request timed out, possibly due to previous leader failure", STORE_ETCD_UNKNOWN,
         ERR_UNAVAILABLE, true},
        {14, "etcdserver: leader changed", STORE_ETCD_UNKNOWN, ERR_UNAVAILABLE, true},
        {13, "something new", STORE_ETCD_UNKNOWN, ERR_UNAVAILABLE, true},
        {8, "etcdserver: mvcc: database space exceeded", STORE_ETCD_UNKNOWN, ERR_DISK_FULL, false},
        {8, "etcdserver: too many requests", STORE_ETCD_REFUSED, ERR_UNAVAILABLE, true},
        {3, "etcdserver: request is too large", STORE_ETCD_REFUSED, ERR_TOO_LARGE, false},
        {16, "etcdserver: invalid auth token", STORE_ETCD_REFUSED, ERR_AUTH, true},
        {7, "etcdserver: permission denied", STORE_ETCD_REFUSED, ERR_PERMISSION, false},
        {11, "etcdserver: mvcc: required revision has been compacted", STORE_ETCD_REFUSED, ERR_STALE, false},
    };
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        const struct store_etcd_meaning meaning = store_etcd_meaning_of(cases[i].code, cases[i].message);
        assert_int_equal(meaning.outcome, cases[i].outcome);
        assert_int_equal(meaning.err, cases[i].err);
        assert_int_equal(meaning.again, cases[i].again);
    }
}

static void test_blocks(void **state)
{
    (void)state;
    const struct store_write writes[] = {
        {.verb = STORE_APPEND, .kind = "step", .run = "7", .wall = {INT64_MIN}, .value = span_text("{}")},
        {.verb = STORE_PUT, .key = "k", .value = span_text("v")},
        {.verb = STORE_APPEND, .kind = "decision", .wall = {INT64_MAX}, .value = span_text("1\n2 3")},
    };
    char memory[256];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    store_etcd_block_put(&buf, writes, 3);
    const struct store_entry *entries = NULL;
    size_t count = 0;
    assert_int_equal(store_etcd_block_get(span_of(memory, buf.size), 42, &arena, &entries, &count), ERR_OK);
    assert_int_equal(count, 2);
    assert_int_equal(entries[0].number, 41);
    assert_true(entries[0].wall.us == INT64_MIN && entries[1].wall.us == INT64_MAX);
    assert_string_equal(entries[0].run, "7");
    assert_string_equal(entries[1].kind, "decision");
    assert_string_equal(entries[1].run, "");
    assert_string_equal(entries[1].text, "1\n2 3");
    for (size_t size = 0; size < buf.size; size++) {
        assert_int_equal(store_etcd_block_get(span_of(memory, size), 42, &arena, &entries, &count), ERR_CONTENT);
    }
    assert_int_equal(store_etcd_block_get(span_of(memory, buf.size), 1, &arena, &entries, &count), ERR_CONTENT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_base64, setup, teardown),
        cmocka_unit_test_setup_teardown(test_names, setup, teardown),
        cmocka_unit_test_setup_teardown(test_indexes_do_not_mix, setup, teardown),
        cmocka_unit_test_setup_teardown(test_transactions_are_json, setup, teardown),
        cmocka_unit_test_setup_teardown(test_answers, setup, teardown),
        cmocka_unit_test_setup_teardown(test_status, setup, teardown),
        cmocka_unit_test(test_who_should_lead),
        cmocka_unit_test_setup_teardown(test_news, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_errors_mean, setup, teardown),
        cmocka_unit_test_setup_teardown(test_blocks, setup, teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
