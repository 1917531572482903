/* SPDX-License-Identifier: Apache-2.0
 * Publication: what readers see, who is listed, what survives whom, and a storm of commits that never tears a view. */
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/text.h"
#include "edge/publish.h"
#include "edge/publish_file.h"
#include "edge/publish_sight.h"

static char directory[64];
static char path[96];

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/holdfast-publish-XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/view.shm", directory);
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    const char *const names[] = {"view.shm", "view.shm.lock", "view"};
    char name[128];
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        snprintf(name, sizeof name, "%s/%s", directory, names[i]);
        unlink(name);
    }
    return rmdir(directory);
}

/* A valid view whose bytes depend on the version. */
static void fill(struct view *view, uint64_t version)
{
    memset(view, 0, sizeof *view);
    view->version = version;
    view->regions_count = 2;
    text_copy(view->regions[0].name, LIMITS_NAME, "taiwan");
    text_copy(view->regions[1].name, LIMITS_NAME, "tokyo");
    view->split[0][version % 2] = VIEW_SHARES_WHOLE;
    view->made_wall_us = (int64_t)version;
    view_seal(view);
}

static void publish(struct publish_writer *writer, uint64_t version)
{
    fill(publish_writer_draft(writer), version);
    assert_int_equal(publish_writer_commit(writer), ERR_OK);
}

static void test_readers_see_the_last_commit(void **state)
{
    (void)state;
    struct publish_reader reader;
    struct publish_writer writer;
    assert_int_equal(publish_reader_open(&reader, path, PUBLISH_DNS, "dns-0"), ERR_OK);
    assert_null(publish_reader_enter(&reader));
    publish_reader_leave(&reader);
    assert_int_equal(publish_reader_version(&reader), 0);

    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_null(publish_writer_view(&writer));
    publish(&writer, 5);
    assert_int_equal(publish_reader_version(&reader), 5);
    const struct view *view = publish_reader_enter(&reader);
    assert_non_null(view);
    assert_int_equal(view->version, 5);

    /* It stays as it is while others come and go. */
    for (uint64_t version = 6; version < 300; version++) {
        publish(&writer, version);
        assert_int_equal(view->version, 5);
        assert_true(view_valid(view, sizeof *view));
    }
    view = publish_reader_enter(&reader);
    assert_int_equal(view->version, 299);
    publish_reader_leave(&reader);
    publish_reader_close(&reader);
    publish_writer_close(&writer);
}

static void test_commit_refuses_the_old_and_the_harmed(void **state)
{
    (void)state;
    struct publish_writer writer;
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    publish(&writer, 1000);
    fill(publish_writer_draft(&writer), 1000);
    assert_int_equal(publish_writer_commit(&writer), ERR_STALE);
    fill(publish_writer_draft(&writer), 999);
    assert_int_equal(publish_writer_commit(&writer), ERR_STALE);
    struct view *draft = publish_writer_draft(&writer);
    fill(draft, 1001);
    draft->run ^= 1;
    assert_int_equal(publish_writer_commit(&writer), ERR_INVALID);
    fill(publish_writer_draft(&writer), UINT64_MAX);
    assert_int_equal(publish_writer_commit(&writer), ERR_INVALID);
    assert_int_equal(publish_writer_version(&writer), 1000);
    publish_writer_close(&writer);
}

static void test_a_new_writer_continues(void **state)
{
    (void)state;
    struct publish_reader reader;
    struct publish_writer first;
    struct publish_writer second;
    assert_int_equal(publish_writer_open(&first, path), ERR_OK);
    publish(&first, 2000);
    assert_int_equal(publish_writer_open(&second, path), ERR_IN_USE);
    assert_int_equal(publish_reader_open(&reader, path, PUBLISH_LIB, "app"), ERR_OK);
    publish_writer_close(&first);
    assert_int_equal(publish_reader_enter(&reader)->version, 2000);
    assert_int_equal(publish_writer_open(&second, path), ERR_OK);
    assert_int_equal(publish_writer_version(&second), 2000);
    assert_int_equal(publish_writer_view(&second)->version, 2000);
    publish(&second, 2001);
    assert_int_equal(publish_reader_enter(&reader)->version, 2001);
    publish_reader_close(&reader);
    publish_writer_close(&second);
}

static const struct publish_reader_info *info(const struct publish_reader_info *list, uint32_t count, const char *name)
{
    static const struct publish_reader_info missing = {.version = UINT64_MAX};
    for (uint32_t i = 0; i < count; i++) {
        if (strcmp(list[i].name, name) == 0) {
            return &list[i];
        }
    }
    return &missing;
}

static void test_the_list_proves_who_uses_what(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct publish_reader dns;
    struct publish_reader proxy;
    struct publish_reader_info list[LIMITS_READERS];
    uint32_t count = 0;
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_int_equal(publish_reader_open(&dns, path, PUBLISH_DNS, "dns-0"), ERR_OK);
    assert_int_equal(publish_reader_open(&proxy, path, PUBLISH_PROXY, "a name that is longer than thirty-two"), ERR_OK);
    /* Whoever found nothing may be answering from its file: it counts as older than the first commit. */
    assert_null(publish_reader_enter(&dns));
    publish(&writer, 2999);
    publish_writer_readers(&writer, list, &count);
    assert_int_equal(info(list, count, "dns-0")->version, 0);
    assert_true(info(list, count, "dns-0")->inside);
    publish_reader_leave(&dns);
    publish_writer_readers(&writer, list, &count);
    assert_int_equal(info(list, count, "dns-0")->version, 2999);
    publish(&writer, 3000);
    (void)publish_reader_enter(&dns);
    publish_reader_idle(&proxy, 3000);
    publish(&writer, 3001);

    publish_writer_readers(&writer, list, &count);
    assert_int_equal(count, 2);
    const struct publish_reader_info *one = info(list, count, "dns-0");
    assert_int_equal(one->version, 3000);
    assert_true(one->inside);
    assert_int_equal(one->pid, getpid());
    assert_string_equal(publish_kind_name(one->kind), "dns");
    const struct publish_reader_info *two = info(list, count, "a name that is longer than thir");
    assert_int_equal(two->version, 3000);
    assert_false(two->inside);

    /* An idle DNS reader can only go on with the current one; a proxy has to say so. */
    publish_reader_leave(&dns);
    publish_writer_readers(&writer, list, &count);
    assert_int_equal(info(list, count, "dns-0")->version, 3001);
    assert_int_equal(info(list, count, "a name that is longer than thir")->version, 3000);
    publish_reader_idle(&proxy, 3001);
    publish_reader_beat(&dns);
    publish_writer_readers(&writer, list, &count);
    assert_int_equal(info(list, count, "a name that is longer than thir")->version, 3001);

    publish_reader_close(&dns);
    publish_reader_close(&proxy);
    publish_writer_readers(&writer, list, &count);
    assert_int_equal(count, 0);
    publish_writer_close(&writer);
}

/* A process that takes all seats, looks at the view and dies without a word. */
static void die_inside(void)
{
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        static struct publish_reader readers[LIMITS_READERS];
        for (uint32_t i = 0; i < LIMITS_READERS; i++) {
            if (publish_reader_open(&readers[i], path, PUBLISH_LIB, "dead") != ERR_OK) {
                _exit(1);
            }
            (void)publish_reader_enter(&readers[i]);
        }
        struct publish_reader more;
        _exit(publish_reader_open(&more, path, PUBLISH_LIB, "one more") == ERR_QUEUE_FULL ? 0 : 2);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
}

static void test_seats_of_the_dead_are_freed(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct publish_reader reader;
    struct publish_reader_info list[LIMITS_READERS];
    uint32_t count = 99;
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    publish(&writer, 4000);
    die_inside();
    publish(&writer, 4001);
    publish_writer_readers(&writer, list, &count);
    assert_int_equal(count, 0);
    publish_writer_close(&writer);

    /* Also without a writer: the next reader makes room. */
    die_inside();
    assert_int_equal(publish_reader_open(&reader, path, PUBLISH_LIB, "alive"), ERR_OK);
    publish_reader_close(&reader);
}

static void *waiting(void *argument)
{
    struct publish_reader *reader = argument;
    uint64_t version = 0;
    const enum err err = publish_reader_wait(reader, 5000, 60000, &version);
    return err == ERR_OK && version == 5001 ? reader : NULL;
}

static void test_waiting_ends_with_the_commit(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct publish_reader reader;
    uint64_t version = 0;
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_int_equal(publish_reader_open(&reader, path, PUBLISH_PROXY, "proxy"), ERR_OK);
    publish(&writer, 5000);
    assert_int_equal(publish_reader_wait(&reader, 4999, 0, &version), ERR_OK);
    assert_int_equal(version, 5000);
    assert_int_equal(publish_reader_wait(&reader, 5000, 5, &version), ERR_TIMEOUT);
    pthread_t thread;
    void *result = NULL;
    assert_int_equal(pthread_create(&thread, NULL, waiting, &reader), 0);
    publish(&writer, 5001);
    assert_int_equal(pthread_join(thread, &result), 0);
    assert_ptr_equal(result, &reader);
    publish_reader_close(&reader);
    publish_writer_close(&writer);
}

static void test_the_file_of_another_boot_is_replaced(void **state)
{
    (void)state;
    struct publish_writer writer;
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    publish(&writer, 6000);
    publish_writer_close(&writer);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 16, SEEK_SET), 0); /* the boot's hash */
    assert_int_equal(fwrite("another!", 8, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_int_equal(publish_writer_version(&writer), 0);
    publish(&writer, 1);
    publish_writer_close(&writer);

    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_int_equal(publish_writer_version(&writer), 0);
    publish_writer_close(&writer);
    assert_int_equal(publish_writer_open(&writer, "/nonexistent/view.shm"), ERR_NOT_FOUND);
}

static void test_readers_follow_a_replaced_file(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct publish_reader reader;
    struct publish_reader_info list[LIMITS_READERS];
    uint32_t count = 0;
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_int_equal(publish_reader_open(&reader, path, PUBLISH_DNS, "dns-0"), ERR_OK);
    publish(&writer, 7);
    publish_writer_close(&writer);
    /* Gone, and there again but empty: the old view is better than none. */
    assert_int_equal(unlink(path), 0);
    assert_false(publish_reader_refresh(&reader, path));
    assert_int_equal(publish_reader_enter(&reader)->version, 7);
    publish_reader_leave(&reader);
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_false(publish_reader_refresh(&reader, path));
    assert_int_equal(publish_reader_version(&reader), 7);
    publish(&writer, 8);
    assert_true(publish_reader_refresh(&reader, path));
    assert_false(publish_reader_refresh(&reader, path));
    assert_int_equal(publish_reader_enter(&reader)->version, 8);
    publish_reader_leave(&reader);
    publish_writer_readers(&writer, list, &count);
    assert_int_equal(count, 1);
    assert_string_equal(list[0].name, "dns-0");
    publish_reader_close(&reader);
    publish_writer_close(&writer);
}

static void test_another_release_is_left_alone_by_readers(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct publish_reader reader;
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    publish_writer_close(&writer);
    FILE *file = fopen(path, "r+");
    assert_non_null(file);
    assert_int_equal(fseek(file, 8, SEEK_SET), 0); /* the format */
    assert_int_equal(fwrite("next", 4, 1, file), 1);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(publish_reader_open(&reader, path, PUBLISH_LIB, "old"), ERR_UNSUPPORTED);
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_int_equal(publish_reader_open(&reader, path, PUBLISH_LIB, "old"), ERR_OK);
    publish_reader_close(&reader);
    publish_writer_close(&writer);
}

static void test_file_for_cold_start(void **state)
{
    (void)state;
    char name[128];
    struct view view;
    struct view loaded;
    snprintf(name, sizeof name, "%s/view", directory);
    assert_int_equal(publish_file_load(name, &loaded), ERR_NOT_FOUND);
    fill(&view, 7);
    assert_int_equal(publish_file_save(name, &view), ERR_OK);
    fill(&view, 8);
    assert_int_equal(publish_file_save(name, &view), ERR_OK);
    assert_int_equal(publish_file_load(name, &loaded), ERR_OK);
    assert_memory_equal(&view, &loaded, sizeof view);
    view.run++;
    assert_int_equal(publish_file_save(name, &view), ERR_INVALID);
    assert_int_equal(truncate(name, sizeof view - 1), 0);
    assert_int_equal(publish_file_load(name, &loaded), ERR_INVALID);
    assert_int_equal(truncate(name, sizeof view + 1), 0);
    assert_int_equal(publish_file_load(name, &loaded), ERR_INVALID);
    assert_int_equal(loaded.version, 8);
}

/* ---- the storm ---- */

enum { STORM_THREADS = 4, STORM_PROCESSES = 3, STORM_COMMITS = 3000, STORM_START = 10000 };

/* Reads until the last version: each view whole, versions never going back. True when all was well. */
static bool storm_read(const char *name)
{
    struct publish_reader reader;
    if (publish_reader_open(&reader, path, PUBLISH_DNS, name) != ERR_OK) {
        return false;
    }
    uint64_t last = 0;
    bool good = true;
    while (good && last < STORM_START + STORM_COMMITS) {
        const struct view *view = publish_reader_enter(&reader);
        if (view != NULL) {
            const uint64_t version = view->version;
            good = view_valid(view, sizeof *view) && version >= last && view->made_wall_us == (int64_t)version;
            last = version;
        }
        publish_reader_leave(&reader);
    }
    publish_reader_close(&reader);
    return good;
}

static void *storm_thread(void *argument)
{
    return storm_read(argument) ? argument : NULL;
}

static void test_storm(void **state)
{
    (void)state;
    struct publish_writer writer;
    pid_t children[STORM_PROCESSES];
    pthread_t threads[STORM_THREADS];
    static char name[] = "thread";
    for (int i = 0; i < STORM_PROCESSES; i++) {
        children[i] = fork();
        assert_true(children[i] >= 0);
        if (children[i] == 0) {
            _exit(storm_read("process") ? 0 : 1);
        }
    }
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    for (int i = 0; i < STORM_THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, storm_thread, name), 0);
    }
    struct publish_reader_info list[LIMITS_READERS];
    for (uint64_t i = 1; i <= STORM_COMMITS; i++) {
        publish(&writer, STORM_START + i);
        uint32_t count = 0;
        if (i % 100 == 0) {
            publish_writer_readers(&writer, list, &count);
            for (uint32_t j = 0; j < count; j++) {
                assert_true(list[j].version <= STORM_START + i);
                assert_true(strcmp(list[j].name, "thread") == 0 || strcmp(list[j].name, "process") == 0);
            }
        }
    }
    for (int i = 0; i < STORM_THREADS; i++) {
        void *result = NULL;
        assert_int_equal(pthread_join(threads[i], &result), 0);
        assert_ptr_equal(result, name);
    }
    for (int i = 0; i < STORM_PROCESSES; i++) {
        int status = -1;
        assert_int_equal(waitpid(children[i], &status, 0), children[i]);
        assert_int_equal(status, 0);
    }
    publish_writer_close(&writer);
}

static void test_what_readers_met_with_is_added_up(void **state)
{
    (void)state;
    const struct view_address here = {.bytes = {127, 1, 0, 1}, .port = 5432, .family = 4};
    const struct view_address there = {.bytes = {127, 1, 0, 1}, .port = 5433, .family = 4};
    struct publish_writer writer;
    struct publish_reader readers[2];
    struct publish_sight sum;
    assert_int_equal(publish_writer_open(&writer, path), ERR_OK);
    assert_int_equal(publish_reader_open(&readers[0], path, PUBLISH_PROXY, "one"), ERR_OK);
    assert_int_equal(publish_reader_open(&readers[1], path, PUBLISH_PROXY, "two"), ERR_OK);
    publish_sight_sum(&writer, &here, &sum);
    assert_true(sum.connections == 0 && sum.failures == 0 && sum.wrong == 0 && sum.rtt_us == 0);
    publish_sight_set(&readers[0], &here, &(struct publish_sight){1, 2, 3, 400});
    publish_sight_set(&readers[0], &there, &(struct publish_sight){5, 5, 5, 5});
    publish_sight_set(&readers[1], &here, &(struct publish_sight){10, 20, 30, 40});
    publish_sight_set(&readers[0], &here, &(struct publish_sight){2, 2, 3, 400});
    publish_sight_sum(&writer, &here, &sum);
    assert_true(sum.connections == 12 && sum.failures == 22 && sum.wrong == 33 && sum.rtt_us == 400);
    publish_reader_close(&readers[0]);
    publish_sight_sum(&writer, &here, &sum);
    assert_true(sum.connections == 10 && sum.failures == 20 && sum.wrong == 30 && sum.rtt_us == 40);
    assert_int_equal(publish_reader_open(&readers[0], path, PUBLISH_PROXY, "three"), ERR_OK);
    publish_sight_sum(&writer, &there, &sum);
    assert_true(sum.connections == 0);                      /* the seat's last owner's is not his */
    for (uint32_t i = 0; i < 2 * VIEW_MEMORY_SIGHTS; i++) { /* what does not fit is left out */
        const struct view_address many = {.bytes = {127, 2, 0, (uint8_t)i}, .port = 1, .family = 4};
        publish_sight_set(&readers[0], &many, &(struct publish_sight){.connections = 1});
    }
    publish_sight_sum(&writer, &here, &sum);
    assert_true(sum.connections == 10);
    publish_reader_close(&readers[0]);
    publish_reader_close(&readers[1]);
    publish_writer_close(&writer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_readers_see_the_last_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_commit_refuses_the_old_and_the_harmed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_a_new_writer_continues, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_list_proves_who_uses_what, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_seats_of_the_dead_are_freed, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_waiting_ends_with_the_commit, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_the_file_of_another_boot_is_replaced, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_readers_follow_a_replaced_file, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_readers_met_with_is_added_up, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_another_release_is_left_alone_by_readers, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_file_for_cold_start, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_storm, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
