/* SPDX-License-Identifier: Apache-2.0
 * The etcd store against a real etcd of one member: the common suite, then what only etcd can do. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "edge/clock.h"
#include "edge/store_etcd.h"
#include "edge/store_etcd_keep.h"
#include "etcd_peer.h"
#include "store_suite.h"

enum {
    SKIPPED = 77,
    RIVALS = 3,
    RIVAL_ENTRIES = 30,
};

static char prefix[64];
static int places;
static char message[1024];

static struct store *open_as(const char *owner)
{
    struct store *store = NULL;
    const struct store_etcd_config config = {.endpoints = {etcd_peer_endpoint(0)},
                                             .endpoint_count = 1,
                                             .prefix = prefix,
                                             .owner = owner,
                                             .timeout_ms = 10000};
    if (store_etcd_open(&config, message, sizeof message, &store) != ERR_OK) {
        print_error("%s\n", message);
    }
    return store;
}

static void place_prepare(void)
{
    snprintf(prefix, sizeof prefix, "test/%d/", ++places);
}

static struct store *place_open(void)
{
    return open_as("alone");
}

static void place_remove(void)
{
}

static int setup(void **state)
{
    place_prepare();
    *state = place_open();
    return *state != NULL ? 0 : -1;
}

static int prepare_only(void **state)
{
    (void)state;
    place_prepare();
    return 0;
}

static int teardown(void **state)
{
    store_close(*state);
    return 0;
}

/* -- several controllers -- */

struct rival {
    pthread_t thread;
    struct store *store;
    uint64_t numbers[RIVAL_ENTRIES];
    enum err err;
};

static void *append_against_others(void *context)
{
    struct rival *rival = context;
    for (int i = 0; i < RIVAL_ENTRIES && rival->err == ERR_OK; i++) {
        rival->err = store_append(rival->store, "k", NULL, (struct wall){1}, "{}", &rival->numbers[i]);
    }
    return NULL;
}

/* Nobody sees the race for the next number: each entry has its own, none is missing. */
static void test_controllers_append_side_by_side(void **state)
{
    (void)state;
    static const char *const owners[RIVALS] = {"one", "two", "three"};
    struct rival rivals[RIVALS] = {{.err = ERR_OK}};
    bool taken[RIVALS * RIVAL_ENTRIES + 1] = {false};
    for (int i = 0; i < RIVALS; i++) {
        rivals[i].store = open_as(owners[i]);
        assert_non_null(rivals[i].store);
    }
    for (int i = 0; i < RIVALS; i++) {
        assert_int_equal(pthread_create(&rivals[i].thread, NULL, append_against_others, &rivals[i]), 0);
    }
    for (int i = 0; i < RIVALS; i++) {
        pthread_join(rivals[i].thread, NULL);
        assert_int_equal(rivals[i].err, ERR_OK);
        for (int j = 0; j < RIVAL_ENTRIES; j++) {
            const uint64_t number = rivals[i].numbers[j];
            assert_true(number > 0 && number <= (uint64_t)RIVALS * RIVAL_ENTRIES && !taken[number]);
            taken[number] = true;
        }
        store_close(rivals[i].store);
    }
}

struct waiter {
    struct store *store;
    const char *key;
    uint64_t after;
    struct store_answer answer;
};

static void *wait_for_change(void *context)
{
    struct waiter *waiter = context;
    const struct store_request request = {
        .ask = STORE_CHANGES, .key = waiter->key, .after = waiter->after, .wait_ms = 60000};
    const enum err err = store_call(waiter->store, &request, &waiter->answer);
    (void)err; /* answer.err */
    return NULL;
}

/* What one controller changes wakes another one, also when etcd has forgotten what was between. */
static void test_changes_of_another_controller(void **state)
{
    struct store *other = open_as("other");
    assert_non_null(other);
    uint64_t revision = 0;
    for (int round = 0; round < 3; round++) {
        assert_int_equal(store_put_if(other, "x", span_text("x"), STORE_ANY, &revision), ERR_OK);
        struct waiter waiter = {.store = *state, .key = "w/", .after = revision};
        pthread_t thread;
        assert_int_equal(pthread_create(&thread, NULL, wait_for_change, &waiter), 0);
        if (round == 1) {
            assert_int_equal(store_put_if(other, "x", span_text("y"), STORE_ANY, &revision), ERR_OK);
            char body[64];
            snprintf(body, sizeof body, "{\"revision\":\"%llu\"}", (unsigned long long)revision);
            assert_true(etcd_peer_post(0, "kv/compaction", body));
        }
        assert_int_equal(store_put_if(other, "w/1", span_text("news"), STORE_ANY, &revision), ERR_OK);
        pthread_join(thread, NULL);
        assert_int_equal(waiter.answer.err, ERR_OK);
        assert_int_equal(waiter.answer.record_count, 1);
        assert_int_equal(waiter.answer.records[0].revision, revision);
        store_answer_fini(&waiter.answer);
    }
    store_close(other);
}

static enum err changes_after(struct store *store, uint64_t after, size_t *ret_count)
{
    struct store_answer answer;
    const struct store_request request = {.ask = STORE_CHANGES, .key = "", .after = after};
    const enum err err = store_call(store, &request, &answer);
    *ret_count = answer.record_count;
    store_answer_fini(&answer);
    return err;
}

/* History that etcd has compacted is no loss; deletions that are forgotten are said: list again. */
static void test_compaction_and_forgetting(void **state)
{
    struct store *store = *state;
    uint64_t first = 0;
    uint64_t revision = 0;
    assert_int_equal(store_put_if(store, "first", span_text("v"), 0, &first), ERR_OK);
    for (int i = 0; i < 50; i++) {
        char key[16];
        snprintf(key, sizeof key, "k/%d", i);
        assert_int_equal(store_put_if(store, key, span_text("v"), 0, &revision), ERR_OK);
        const struct store_write write = {.verb = STORE_DELETE, .key = key, .expected = revision};
        const struct store_request request = {.ask = STORE_COMMIT, .writes = &write, .write_count = 1};
        struct store_answer answer;
        assert_int_equal(store_call(store, &request, &answer), ERR_OK);
        revision = answer.revision;
        store_answer_fini(&answer);
    }
    struct store_etcd_members *members = NULL;
    struct store_etcd_line line;
    const struct store_etcd_config config = {
        .endpoints = {etcd_peer_endpoint(0)}, .endpoint_count = 1, .prefix = prefix, .owner = "x", .timeout_ms = 10000};
    assert_int_equal(store_etcd_member_new(&config, &members), ERR_OK);
    assert_int_equal(store_etcd_line_init(&line, members), ERR_OK);
    const struct mono deadline = time_add_ms(clock_mono(), 60000);
    size_t count = 0;
    assert_int_equal(store_etcd_keep_compact(&line, revision, deadline), ERR_OK);
    assert_int_equal(store_etcd_keep_compact(&line, revision, deadline), ERR_OK); /* another was faster */
    assert_int_equal(changes_after(store, first, &count), ERR_OK);
    assert_int_equal(count, 50);
    assert_int_equal(store_etcd_keep_forget(&line, revision - 2, deadline), ERR_OK);
    assert_int_equal(changes_after(store, first, &count), ERR_STALE);
    assert_int_equal(changes_after(store, revision - 1, &count), ERR_OK);
    assert_int_equal(count, 1); /* the last deletion is newer and still told */
    assert_int_equal(changes_after(store, revision + 1000, &count), ERR_STALE); /* of another etcd */
    store_etcd_line_fini(&line);
    store_etcd_member_free(members);
}

/* -- limits -- */

static void test_a_large_commit_is_one_transaction(void **state)
{
    struct store *store = *state;
    struct store_write writes[STORE_WRITES];
    char keys[STORE_WRITES][16];
    for (int i = 0; i < STORE_WRITES; i++) {
        snprintf(keys[i], sizeof keys[i], "k/%d", i);
        writes[i] = (struct store_write){.verb = STORE_PUT, .key = keys[i], .value = span_text("v"), .expected = 0};
    }
    const struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = STORE_WRITES};
    struct store_answer answer;
    assert_int_equal(store_call(store, &request, &answer), ERR_OK);
    const uint64_t revision = answer.revision;
    store_answer_fini(&answer);
    for (int i = 0; i < STORE_WRITES; i++) { /* 64 deletions, 64 marks, 64 compares */
        writes[i].verb = STORE_DELETE;
        writes[i].expected = revision;
    }
    assert_int_equal(store_call(store, &request, &answer), ERR_OK);
    const uint64_t deleted = answer.revision;
    store_answer_fini(&answer);
    for (int i = 0; i < STORE_WRITES; i++) { /* 64 kinds and 64 runs of their own */
        writes[i] = (struct store_write){
            .verb = STORE_APPEND, .kind = keys[i], .run = keys[STORE_WRITES - 1 - i], .value = span_text("{}")};
    }
    assert_int_equal(store_call(store, &request, &answer), ERR_OK);
    assert_int_equal(answer.number, STORE_WRITES);
    store_answer_fini(&answer);
    const struct store_request read = {.ask = STORE_READ, .kind = keys[3], .run = keys[STORE_WRITES - 4]};
    assert_int_equal(store_call(store, &read, &answer), ERR_OK);
    assert_int_equal(answer.entry_count, 1);
    assert_int_equal(answer.entries[0].number, 4);
    store_answer_fini(&answer);
    size_t count = 0;
    assert_int_equal(changes_after(store, deleted - 1, &count), ERR_OK);
    assert_int_equal(count, STORE_WRITES);
}

/* What led to an entry that has ceased is gone, too: of all keys of journal and indices three are left. */
static void test_nothing_is_left_of_old_entries(void **state)
{
    struct store *store = *state;
    struct store_answer answer;
    char run[16];
    for (int i = 0; i < 100; i++) {
        snprintf(run, sizeof run, "%d", i);
        assert_int_equal(store_append(store, i % 2 == 0 ? "step" : "decision", run, (struct wall){1}, "{}", NULL),
                         ERR_OK);
    }
    for (bool more = true; more; store_answer_fini(&answer)) {
        assert_int_equal(store_call(store, &(struct store_request){.ask = STORE_TRIM, .after = UINT64_MAX}, &answer),
                         ERR_OK);
        more = answer.more;
    }
    char command[512];
    snprintf(command, sizeof command,
             "test $(for of in journal index; do ETCDCTL_API=3 etcdctl --endpoints http://%s get --prefix %s$of/ "
             "--keys-only; done | tr '\\0' ' ' | grep -c .) = 3",
             etcd_peer_endpoint(0), prefix);
    char *const words[] = {(char[]){"sh"}, (char[]){"-c"}, command, NULL};
    etcd_peer_run(words);
}

static void test_what_etcd_cannot_take_is_refused(void **state)
{
    struct store *store = *state;
    char *large = calloc(1, STORE_VALUE);
    struct store_write writes[8];
    char keys[8][8];
    for (int i = 0; i < 8; i++) {
        snprintf(keys[i], sizeof keys[i], "k/%d", i);
        writes[i] = (struct store_write){
            .verb = STORE_PUT, .key = keys[i], .value = span_of(large, STORE_VALUE - 64), .expected = 0};
    }
    struct store_request request = {.ask = STORE_COMMIT, .writes = writes, .write_count = 8};
    struct store_answer answer;
    assert_int_equal(store_call(store, &request, &answer), ERR_TOO_LARGE);
    store_answer_fini(&answer);
    request.write_count = 5; /* as much as doc/store.md says */
    assert_int_equal(store_call(store, &request, &answer), ERR_OK);
    store_answer_fini(&answer);
    const struct store_request list = {.ask = STORE_LIST, .key = "k/"};
    assert_int_equal(store_call(store, &list, &answer), ERR_OK);
    assert_int_equal(answer.record_count, 5);
    store_answer_fini(&answer);
    free(large);
}

static void test_a_foreign_prefix_is_refused(void **state)
{
    (void)state;
    snprintf(prefix, sizeof prefix, "foreign/");
    /* foreign/meta/format = "2" */
    assert_true(etcd_peer_post(0, "kv/put", "{\"key\":\"Zm9yZWlnbi9tZXRhL2Zvcm1hdA==\",\"value\":\"Mg==\"}"));
    struct store *store = NULL;
    const struct store_etcd_config config = {
        .endpoints = {etcd_peer_endpoint(0)}, .endpoint_count = 1, .prefix = prefix, .owner = "x", .timeout_ms = 10000};
    assert_int_equal(store_etcd_open(&config, message, sizeof message, &store), ERR_UNSUPPORTED);
    assert_null(store);
    assert_non_null(strstr(message, "store.prefix"));
}

/* Full: nothing is lost, reading goes on, and after the operator's work so does writing. The last test: it fills all.
 */
static void test_no_space(void **state)
{
    struct store *store = *state;
    char *large = calloc(1, STORE_VALUE + 1);
    memset(large, 'x', STORE_VALUE);
    uint64_t acknowledged = 0;
    uint64_t number = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        assert_true(acknowledged < 1000);
        acknowledged = number;
        err = store_append(store, "k", NULL, (struct wall){1}, large, &number);
    }
    free(large);
    assert_int_equal(err, ERR_DISK_FULL);
    uint64_t revision = 0;
    assert_int_equal(store_put_if(store, "r", span_text("v"), 0, &revision), ERR_DISK_FULL);
    struct store_answer answer;
    const struct store_request newest = {.ask = STORE_READ, .limit = 1, .newest = true};
    assert_int_equal(store_call(store, &newest, &answer), ERR_OK);
    assert_int_equal(answer.entries[0].number, acknowledged);
    store_answer_fini(&answer);
    etcd_peer_kill(0);
    etcd_peer_change(1, "268435456");
    etcd_peer_restart(0);
    const struct mono deadline = time_add_ms(clock_mono(), 60000);
    while (!etcd_peer_post(0, "kv/range", "{\"key\":\"AA==\"}")) {
        assert_false(time_reached(clock_mono(), deadline));
    }
    char command[256];
    snprintf(command, sizeof command, "ETCDCTL_API=3 etcdctl --endpoints http://%s alarm disarm",
             etcd_peer_endpoint(0));
    char *const words[] = {(char[]){"sh"}, (char[]){"-c"}, command, NULL};
    etcd_peer_run(words);
    err = ERR_DISK_FULL;
    while (err != ERR_OK && !time_reached(clock_mono(), deadline)) {
        err = store_append(store, "k", NULL, (struct wall){1}, "{}", &number);
    }
    assert_int_equal(err, ERR_OK);
    assert_int_equal(number, acknowledged + 1);
}

int main(void)
{
    if (!etcd_peer_installed()) {
        return SKIPPED;
    }
    etcd_peer_start(&(struct etcd_peer_options){.members = 1, .arguments = {"--quota-backend-bytes", "67108864"}});
    static const struct store_suite_backend backend = {"etcd", place_prepare, place_open, place_remove};
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_controllers_append_side_by_side, prepare_only),
        cmocka_unit_test_setup_teardown(test_changes_of_another_controller, setup, teardown),
        cmocka_unit_test_setup_teardown(test_compaction_and_forgetting, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_large_commit_is_one_transaction, setup, teardown),
        cmocka_unit_test_setup_teardown(test_nothing_is_left_of_old_entries, setup, teardown),
        cmocka_unit_test_setup_teardown(test_what_etcd_cannot_take_is_refused, setup, teardown),
        cmocka_unit_test(test_a_foreign_prefix_is_refused),
        cmocka_unit_test_setup_teardown(test_no_space, setup, teardown),
    };
    int failed = store_suite_run(&backend);
    failed += cmocka_run_group_tests_name("etcd alone", tests, NULL, NULL);
    etcd_peer_stop();
    return failed;
}
