/* SPDX-License-Identifier: Apache-2.0
 * libholdfast attached to a real publisher: cold start, restarts, other releases, harmed bytes, and a storm of versions
 * of which none may be seen torn. */
#include <fcntl.h>
#include <holdfast.h>
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
#include "core/view_memory.h"
#include "edge/publish.h"
#include "edge/publish_file.h"

enum { STORM = 5000 };

static char directory[64];

static const char *in(const char *name)
{
    static char path[128];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    return path;
}

static int set_up(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/holdfast-lib-XXXXXX");
    assert_non_null(mkdtemp(directory));
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    const char *const names[] = {"view.shm", "view.shm.lock", "view.shm.new", "view.last"};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        unlink(in(names[i]));
    }
    return rmdir(directory);
}

static void address(struct view_address *ret_address, uint8_t last, uint16_t port)
{
    *ret_address = (struct view_address){.bytes = {127, 9, 0, last}, .port = port, .family = 4};
}

/* Two regions, a writer in the first, a standby in each; bytes depend on the version. */
static void fill(struct view *view, uint64_t version)
{
    memset(view, 0, sizeof *view);
    view->version = version;
    view->made_wall_us = (int64_t)version;
    view->run = version;
    view->regions_count = 2;
    view->databases_count = 1;
    view->nodes_count = 3;
    view->endpoints_count = 1;
    text_copy(view->regions[0].name, LIMITS_NAME, "taiwan");
    text_copy(view->regions[1].name, LIMITS_NAME, "tokyo");
    view->regions[0].healthy = 1;
    view->regions[1].healthy = 1;
    view->regions[1].state = VIEW_REGION_STANDBY;
    view->split[0][0] = (uint32_t)(version % 10000);
    view->split[0][1] = VIEW_SHARES_WHOLE - view->split[0][0];
    text_copy(view->databases[0].name, LIMITS_NAME, "main");
    view->databases[0].epoch = version;
    const char *const names[] = {"a1", "a2", "b1"};
    for (uint32_t i = 0; i < 3; i++) {
        text_copy(view->nodes[i].name, LIMITS_NAME, names[i]);
        address(&view->nodes[i].postgres, (uint8_t)(i + 1), 5432);
        view->nodes[i].region = i / 2;
        view->nodes[i].role = i == 0 ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY;
        view->nodes[i].healthy = 1;
        view->nodes[i].lag_ms = i;
        view->nodes[i].upstream = LIMITS_NONE;
    }
    text_copy(view->endpoints[0].name, LIMITS_NAME, "shop");
    address(&view->endpoints[0].address, 9, 443);
    view->endpoints[0].healthy = 1;
    view->services_count = 1;
    view->targets_count = 2;
    text_copy(view->services[0].name, LIMITS_NAME, "cache");
    view->services[0].epoch = version + 1;
    view->services[0].primary = 1;
    view->services[0].single = 1;
    for (uint32_t i = 0; i < 2; i++) {
        address(&view->targets[i].address, (uint8_t)(20 + i), 6379);
        view->targets[i].region = i;
        view->targets[i].healthy = i;
    }
    view_seal(view);
}

static void publish(struct publish_writer *writer, uint64_t version)
{
    fill(publish_writer_draft(writer), version);
    assert_int_equal(publish_writer_commit(writer), ERR_OK);
}

static struct holdfast *attach(int64_t thread_ms)
{
    struct holdfast_options options;
    struct holdfast *holdfast;
    holdfast_options_default(&options);
    options.state_dir = directory;
    options.region = "taiwan";
    options.thread_ms = thread_ms;
    assert_int_equal(holdfast_open(&options, &holdfast), HOLDFAST_OK);
    return holdfast;
}

static uint64_t version_of(struct holdfast *holdfast)
{
    struct holdfast_view view;
    return holdfast_view_read(holdfast, &view, sizeof view) == HOLDFAST_OK ? view.version : 0;
}

static struct holdfast_metrics metrics_of(struct holdfast *holdfast)
{
    struct holdfast_metrics metrics;
    holdfast_metrics_read(holdfast, &metrics);
    return metrics;
}

static void test_cold_start_then_published(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct view view;
    struct holdfast_view seen;
    struct holdfast *holdfast = attach(0);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_NO_VIEW);
    assert_int_equal(holdfast_view_read(holdfast, &seen, sizeof seen), HOLDFAST_NO_VIEW);
    fill(&view, 7);
    assert_int_equal(publish_file_save(in("view.last"), &view), ERR_OK);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_OK);
    assert_int_equal(holdfast_view_read(holdfast, &seen, sizeof seen), HOLDFAST_OK);
    assert_int_equal(seen.source, HOLDFAST_SOURCE_FILE);
    assert_int_equal(seen.version, 7);

    /* A publisher that has said nothing yet does not take the file's view away. */
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_OK);
    assert_int_equal(version_of(holdfast), 7);
    publish(&writer, 8);
    assert_int_equal(holdfast_view_read(holdfast, &seen, sizeof seen), HOLDFAST_OK); /* without a refresh */
    assert_int_equal(seen.source, HOLDFAST_SOURCE_SHARED);
    assert_int_equal(seen.version, 8);
    publish_writer_close(&writer);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_OK);
    assert_int_equal(version_of(holdfast), 8);
    assert_int_equal(metrics_of(holdfast).views, 2);
    holdfast_close(holdfast);
}

static void test_what_is_in_it(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct holdfast_view view;
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 2500);
    struct holdfast *holdfast = attach(0);
    memset(&view, 0xff, sizeof view);
    assert_int_equal(holdfast_view_read(holdfast, &view, sizeof view - 1), HOLDFAST_INVALID_ARGUMENT);
    assert_int_equal(holdfast_view_read(holdfast, &view, sizeof view), HOLDFAST_OK);
    assert_int_equal(view.own_region, 0);
    assert_int_equal(view.regions_count, 2);
    assert_string_equal(view.regions[1].name, "tokyo");
    assert_int_equal(view.regions[0].share, 2500);
    assert_int_equal(view.regions[1].share, 7500);
    assert_int_equal(view.regions[1].state, HOLDFAST_REGION_STANDBY);
    assert_string_equal(view.databases[0].name, "main");
    assert_int_equal(view.databases[0].epoch, 2500);
    assert_int_equal(view.databases[0].writer, 0);
    assert_string_equal(view.nodes[2].name, "b1");
    assert_string_equal(view.nodes[2].address, "127.9.0.3");
    assert_int_equal(view.nodes[2].port, 5432);
    assert_int_equal(view.nodes[2].region, 1);
    assert_int_equal(view.nodes[2].role, HOLDFAST_NODE_STANDBY);
    assert_int_equal(view.nodes[2].lag_ms, 2);
    assert_string_equal(view.endpoints[0].name, "shop");
    assert_string_equal(view.endpoints[0].address, "127.9.0.9");
    assert_int_equal(view.services_count, 1);
    assert_string_equal(view.services[0].name, "cache");
    assert_int_equal(view.services[0].epoch, 2501);
    assert_int_equal(view.services[0].primary, 1);
    assert_int_equal(view.services[0].single, 1);
    assert_int_equal(view.servers_count, 2);
    assert_string_equal(view.servers[1].address, "127.9.0.21");
    assert_int_equal(view.servers[1].port, 6379);
    assert_int_equal(view.servers[1].region, 1);
    assert_int_equal(view.servers[0].healthy, 0);
    assert_int_equal(view.servers[1].healthy, 1);
    assert_int_equal(view.endpoints[1].port, 0); /* unused ones are zero */
    holdfast_close(holdfast);
    publish_writer_close(&writer);
}

/* The mapping cannot be written: whatever an application does, the publisher's memory stays as it is. */
static void test_read_only(void **state)
{
    (void)state;
    struct publish_writer writer;
    char line[512];
    int maps = 0;
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 1);
    publish_writer_close(&writer);
    struct holdfast *holdfast = attach(0);
    FILE *file = fopen("/proc/self/maps", "re");
    assert_non_null(file);
    while (fgets(line, sizeof line, file) != NULL) {
        if (strstr(line, directory) != NULL) {
            assert_non_null(strstr(line, " r--s "));
            maps++;
        }
    }
    fclose(file);
    assert_int_equal(maps, 1);
    holdfast_close(holdfast);
}

static void test_publisher_starts_again(void **state)
{
    (void)state;
    struct publish_writer writer;
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 50);
    struct holdfast *holdfast = attach(0);
    assert_int_equal(version_of(holdfast), 50);
    publish_writer_close(&writer);
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 51);
    assert_int_equal(version_of(holdfast), 51);
    publish_writer_close(&writer);

    /* A state directory made anew: lower numbers, another file. */
    assert_int_equal(unlink(in("view.shm")), 0);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_OK);
    assert_int_equal(version_of(holdfast), 51);
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_OK);
    assert_int_equal(version_of(holdfast), 51); /* the old view is better than none */
    publish(&writer, 3);
    assert_int_equal(version_of(holdfast), 3);
    assert_int_equal(metrics_of(holdfast).mapped, 2);
    publish_writer_close(&writer);
    holdfast_close(holdfast);
}

static void patch(const char *name, off_t at, const void *bytes, size_t size)
{
    const int fd = open(in(name), O_RDWR | O_CLOEXEC);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, bytes, size, at), (ssize_t)size);
    close(fd);
}

/* Another release's memory is left alone, whichever number tells it; the old view stays in use. */
static void test_other_release(void **state)
{
    (void)state;
    struct publish_writer writer;
    const uint32_t format = VIEW_MEMORY_FORMAT + 1;
    const uint32_t right = VIEW_MEMORY_FORMAT;
    const uint32_t size = sizeof(struct view) + 8;
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 5);
    publish_writer_close(&writer);
    struct holdfast *holdfast = attach(0);
    assert_int_equal(unlink(in("view.shm")), 0);
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 6);
    publish_writer_close(&writer);
    patch("view.shm", offsetof(struct view_memory, format), &format, sizeof format);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_UNSUPPORTED);
    assert_int_equal(version_of(holdfast), 5);
    struct holdfast *late = attach(0);
    assert_int_equal(holdfast_refresh(late), HOLDFAST_UNSUPPORTED);
    assert_int_equal(version_of(late), 0);
    patch("view.shm", offsetof(struct view_memory, format), &right, sizeof right);
    patch("view.shm", offsetof(struct view_memory, view_size), &size, sizeof size);
    assert_int_equal(holdfast_refresh(late), HOLDFAST_UNSUPPORTED);
    holdfast_close(late);
    holdfast_close(holdfast);
}

/* What another boot of the machine left behind is not what is published now; the file is. */
static void test_other_boot(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct view view;
    const uint64_t boot = 1;
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 5);
    publish_writer_close(&writer);
    patch("view.shm", offsetof(struct view_memory, boot), &boot, sizeof boot);
    struct holdfast *holdfast = attach(0);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_NO_VIEW);
    fill(&view, 4);
    assert_int_equal(publish_file_save(in("view.last"), &view), ERR_OK);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_OK);
    assert_int_equal(version_of(holdfast), 4);
    holdfast_close(holdfast);
}

static void test_harmed_bytes(void **state)
{
    (void)state;
    struct publish_writer writer;
    const uint8_t noise[16] = {1, 2, 3};
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 5);
    struct holdfast *holdfast = attach(0);
    assert_int_equal(version_of(holdfast), 5);
    struct view *draft = publish_writer_draft(&writer);
    fill(draft, 6);
    const off_t at = (off_t)offsetof(struct view_memory, slots) +
                     (off_t)((const char *)draft - (const char *)writer.memory->slots) +
                     (off_t)offsetof(struct view, nodes);
    assert_int_equal(publish_writer_commit(&writer), ERR_OK);
    patch("view.shm", at, noise, sizeof noise);
    assert_int_equal(version_of(holdfast), 5);
    assert_int_equal(version_of(holdfast), 5);
    assert_int_equal(metrics_of(holdfast).refused, 1); /* not once per look */
    publish(&writer, 7);
    assert_int_equal(version_of(holdfast), 7);
    publish_writer_close(&writer);
    holdfast_close(holdfast);
}

static void test_bad_files(void **state)
{
    (void)state;
    struct view view;
    const size_t sizes[] = {0, 1, sizeof view - 1};
    fill(&view, 4);
    struct holdfast *holdfast = attach(0);
    for (size_t i = 0; i < 3; i++) {
        unlink(in("view.last"));
        const int fd = open(in("view.last"), O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
        assert_int_equal(write(fd, &view, sizes[i]), (ssize_t)sizes[i]);
        close(fd);
        assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_NO_VIEW);
    }
    assert_true(metrics_of(holdfast).refused >= 1);
    unlink(in("view.last"));
    assert_int_equal(publish_file_save(in("view.last"), &view), ERR_OK);
    const int fd = open(in("view.last"), O_WRONLY | O_APPEND | O_CLOEXEC);
    assert_int_equal(write(fd, "x", 1), 1);
    close(fd);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_NO_VIEW);
    assert_int_equal(publish_file_save(in("view.last"), &view), ERR_OK);
    assert_int_equal(holdfast_refresh(holdfast), HOLDFAST_OK);
    holdfast_close(holdfast);
}

struct reader {
    struct holdfast *holdfast;
    uint64_t last;
    atomic_int *ready;
};

/* Every version is whole, and none is older than the one before. */
static void *look(void *context)
{
    struct reader *reader = (struct reader *)context;
    struct holdfast_view view;
    atomic_fetch_add(reader->ready, 1);
    while (reader->last < STORM) {
        if (holdfast_view_read(reader->holdfast, &view, sizeof view) != HOLDFAST_OK) {
            continue;
        }
        assert_true(view.version >= reader->last);
        assert_int_equal(view.made_wall_us, view.version);
        assert_int_equal(view.run, view.version);
        assert_int_equal(view.databases[0].epoch, view.version);
        assert_int_equal(view.regions[0].share, view.version % 10000);
        reader->last = view.version;
    }
    return NULL;
}

/* The publisher is a process of its own, as in real life. */
static void test_storm(void **state)
{
    (void)state;
    int start[2];
    assert_int_equal(pipe(start), 0);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct publish_writer writer;
        char byte;
        bool good = publish_writer_open(&writer, in("view.shm")) == ERR_OK && read(start[0], &byte, 1) == 1;
        for (uint64_t version = 1; good && version <= STORM; version++) {
            fill(publish_writer_draft(&writer), version);
            good = publish_writer_commit(&writer) == ERR_OK;
        }
        _exit(good ? 0 : 1);
    }
    struct holdfast *one = attach(0);
    struct holdfast *other = attach(1);
    atomic_int ready = 0;
    struct reader readers[3] = {{one, 0, &ready}, {one, 0, &ready}, {other, 0, &ready}};
    pthread_t threads[3];
    for (int i = 0; i < 3; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, look, &readers[i]), 0);
    }
    while (atomic_load(&ready) < 3 || holdfast_refresh(one) == HOLDFAST_SYSTEM) {
        usleep(1000);
    }
    assert_int_equal(write(start[1], "x", 1), 1);
    int status = 0;
    while (waitpid(child, &status, WNOHANG) == 0) {
        (void)holdfast_refresh(one); /* maps the file once it is there */
        usleep(1000);
    }
    assert_int_equal(status, 0);
    (void)holdfast_refresh(one);
    for (int i = 0; i < 3; i++) {
        pthread_join(threads[i], NULL);
    }
    assert_int_equal(metrics_of(one).refused, 0);
    assert_int_equal(metrics_of(other).refused, 0);
    holdfast_close(one);
    holdfast_close(other);
    close(start[0]);
    close(start[1]);
}

static void test_wait(void **state)
{
    (void)state;
    struct publish_writer writer;
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 1);
    struct holdfast *holdfast = attach(0);
    assert_int_equal(holdfast_wait(holdfast, 0, 0), HOLDFAST_OK);
    assert_int_equal(holdfast_wait(holdfast, 1, 0), HOLDFAST_TIMEOUT);
    assert_int_equal(holdfast_wait(holdfast, 1, 3), HOLDFAST_TIMEOUT);
    const pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        usleep(20000);
        fill(publish_writer_draft(&writer), 2);
        _exit(publish_writer_commit(&writer) == ERR_OK ? 0 : 1);
    }
    assert_int_equal(holdfast_wait(holdfast, 1, 60000), HOLDFAST_OK);
    assert_int_equal(version_of(holdfast), 2);
    int status;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    holdfast_close(holdfast);
    publish_writer_close(&writer);
}

/* A thread that was asked for follows by itself; the metrics are read without looking. */
static void test_thread(void **state)
{
    (void)state;
    struct publish_writer writer;
    struct holdfast *holdfast = attach(1);
    assert_int_equal(publish_writer_open(&writer, in("view.shm")), ERR_OK);
    publish(&writer, 9);
    for (int i = 0; i < 60000 && metrics_of(holdfast).version != 9; i++) {
        usleep(1000);
    }
    assert_int_equal(metrics_of(holdfast).version, 9);
    holdfast_close(holdfast);
    publish_writer_close(&writer);
}

static void test_options(void **state)
{
    (void)state;
    struct holdfast_options options;
    struct holdfast *holdfast = NULL;
    char longer[6000];
    memset(longer, 'x', sizeof longer);
    longer[sizeof longer - 1] = '\0';
    holdfast_options_default(&options);
    options.state_dir = longer;
    assert_int_equal(holdfast_open(&options, &holdfast), HOLDFAST_INVALID_ARGUMENT);
    options.state_dir = directory;
    options.region = longer;
    assert_int_equal(holdfast_open(&options, &holdfast), HOLDFAST_INVALID_CONFIG);
    options.region = NULL;
    options.thread_ms = -1;
    assert_int_equal(holdfast_open(&options, &holdfast), HOLDFAST_INVALID_CONFIG);
    options.thread_ms = 0;
    options.reserved[3] = 1;
    assert_int_equal(holdfast_open(&options, &holdfast), HOLDFAST_INVALID_CONFIG);
    assert_null(holdfast);
    assert_int_equal(setenv("HOLDFAST_STATE_DIR", directory, 1), 0);
    holdfast_options_default(&options);
    assert_int_equal(holdfast_open(&options, &holdfast), HOLDFAST_OK);
    unsetenv("HOLDFAST_STATE_DIR");
    holdfast_close(holdfast);
    holdfast_close(NULL);
    assert_string_equal(holdfast_error_text(HOLDFAST_TIMEOUT), "timed out");
    assert_string_equal(holdfast_error_text((enum holdfast_error)999), "unknown error");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_cold_start_then_published, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_what_is_in_it, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_read_only, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_publisher_starts_again, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_release, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_other_boot, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_harmed_bytes, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_bad_files, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_storm, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_wait, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_thread, set_up, tear_down),
        cmocka_unit_test_setup_teardown(test_options, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
