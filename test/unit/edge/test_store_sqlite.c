/* SPDX-License-Identifier: Apache-2.0
 * The SQLite store: the common suite, then what only a file can do wrong. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <sqlite3.h>

#include "edge/store_sqlite.h"
#include "store_suite.h"

static char directory[] = "/tmp/holdfast-store-XXXXXX";
static char path[64];
static char message[512];

static void place_prepare(void)
{
    memcpy(directory + sizeof directory - 7, "XXXXXX", 6);
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/holdfast.db", directory);
}

static struct store *place_open(void)
{
    struct store *store = NULL;
    const struct store_sqlite_config config = {.path = path};
    const enum err err = store_sqlite_open(&config, message, sizeof message, &store);
    if (err != ERR_OK) {
        print_error("%s\n", message);
    }
    return store;
}

static void place_remove(void)
{
    static const char *const endings[] = {"", "-wal", "-shm", "-journal", ".lock"};
    for (size_t i = 0; i < sizeof endings / sizeof endings[0]; i++) {
        char name[80];
        snprintf(name, sizeof name, "%s%s", path, endings[i]);
        unlink(name);
    }
    assert_int_equal(rmdir(directory), 0);
}

static int setup(void **state)
{
    (void)state;
    place_prepare();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    place_remove();
    return 0;
}

static void expect_refusal(enum err err, const char *advice)
{
    struct store *store = NULL;
    const struct store_sqlite_config config = {.path = path};
    message[0] = '\0';
    assert_int_equal(store_sqlite_open(&config, message, sizeof message, &store), err);
    assert_null(store);
    assert_non_null(strstr(message, path));
    assert_non_null(strstr(message, advice));
}

static void test_two_controllers_cannot_share_it(void **state)
{
    (void)state;
    struct store *store = place_open();
    assert_non_null(store);
    char owner[32];
    snprintf(owner, sizeof owner, "by process %ld", (long)getpid());
    expect_refusal(ERR_IN_USE, owner);
    expect_refusal(ERR_IN_USE, "another controller uses it");
    store_close(store);
    store = place_open();
    assert_non_null(store);
    store_close(store);
    struct stat status;
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
}

static void write_file(const char *data, size_t size)
{
    const int descriptor = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    assert_true(descriptor >= 0);
    assert_int_equal(write(descriptor, data, size), size);
    close(descriptor);
}

static void run_sql(const char *sql)
{
    sqlite3 *handle = NULL;
    assert_int_equal(sqlite3_open(path, &handle), SQLITE_OK);
    assert_int_equal(sqlite3_exec(handle, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(handle);
}

static void test_refusals_say_what_to_do(void **state)
{
    (void)state;
    char garbage[4096];
    memset(garbage, 'x', sizeof garbage);
    write_file(garbage, sizeof garbage);
    expect_refusal(ERR_CONTENT, "damaged or not a database");
    unlink(path);
    run_sql("CREATE TABLE theirs (a)");
    expect_refusal(ERR_EXISTS, "another program");
    unlink(path);
    struct store *store = place_open();
    assert_non_null(store);
    store_close(store);
    run_sql("PRAGMA user_version = 1000");
    expect_refusal(ERR_UNSUPPORTED, "newer version");
    snprintf(path, sizeof path, "%s/none/holdfast.db", directory);
    expect_refusal(ERR_NOT_FOUND, "create it");
    snprintf(path, sizeof path, "%s/holdfast.db", directory);
    char lock[80];
    snprintf(lock, sizeof lock, "%s.lock", path);
    unlink(path);
    assert_int_equal(mkdir(path, 0700), 0);
    struct store *none = NULL;
    const struct store_sqlite_config config = {.path = path};
    assert_int_not_equal(store_sqlite_open(&config, message, sizeof message, &none), ERR_OK);
    assert_null(none);
    assert_int_equal(rmdir(path), 0);
}

static void test_full_disk_loses_nothing_and_works_again(void **state)
{
    (void)state;
    struct store *store = NULL;
    struct store_sqlite_config config = {.path = path, .max_pages = 40};
    assert_int_equal(store_sqlite_open(&config, message, sizeof message, &store), ERR_OK);
    char text[2000];
    memset(text, 'x', sizeof text - 1);
    text[sizeof text - 1] = '\0';
    uint64_t acknowledged = 0;
    enum err err = ERR_OK;
    while (err == ERR_OK) {
        assert_true(acknowledged < 1000);
        err = store_append(store, "k", NULL, (struct wall){1}, text, &acknowledged);
    }
    assert_int_equal(err, ERR_DISK_FULL);
    assert_true(acknowledged > 10);
    /* Reading still works, and a small record still finds room or is refused cleanly. */
    struct store_answer answer;
    assert_int_equal(store_call(store, &(struct store_request){.ask = STORE_READ}, &answer), ERR_OK);
    assert_int_equal(answer.entry_count, acknowledged);
    store_answer_fini(&answer);
    store_close(store);
    config.max_pages = 0;
    assert_int_equal(store_sqlite_open(&config, message, sizeof message, &store), ERR_OK);
    uint64_t number = 0;
    assert_int_equal(store_append(store, "k", NULL, (struct wall){1}, text, &number), ERR_OK);
    assert_int_equal(number, acknowledged + 1);
    store_close(store);
}

static void test_changes_from_before_the_memory_are_stale(void **state)
{
    (void)state;
    struct store *store = place_open();
    uint64_t revision = 0;
    assert_int_equal(store_put_if(store, "k", span_text("v"), 0, &revision), ERR_OK);
    store_close(store);
    run_sql("UPDATE meta SET value = 50000 WHERE name = 'revision'");
    store = place_open();
    assert_non_null(store);
    struct store_answer answer;
    struct store_request request = {.ask = STORE_CHANGES, .key = "", .after = revision};
    assert_int_equal(store_call(store, &request, &answer), ERR_STALE);
    store_answer_fini(&answer);
    request.after = 50000;
    assert_int_equal(store_call(store, &request, &answer), ERR_OK);
    store_answer_fini(&answer);
    assert_int_equal(store_put_if(store, "k", span_text("w"), revision, &revision), ERR_OK);
    assert_int_equal(revision, 50001);
    store_close(store);
}

int main(void)
{
    static const struct store_suite_backend backend = {"sqlite", place_prepare, place_open, place_remove};
    const int failed = store_suite_run(&backend);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_two_controllers_cannot_share_it, setup, teardown),
        cmocka_unit_test_setup_teardown(test_refusals_say_what_to_do, setup, teardown),
        cmocka_unit_test_setup_teardown(test_full_disk_loses_nothing_and_works_again, setup, teardown),
        cmocka_unit_test_setup_teardown(test_changes_from_before_the_memory_are_stale, setup, teardown),
    };
    return failed + cmocka_run_group_tests_name("sqlite file", tests, NULL, NULL);
}
