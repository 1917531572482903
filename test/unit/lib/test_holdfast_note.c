/* SPDX-License-Identifier: Apache-2.0
 * What calls meet with, from libholdfast to the process that serves the view: what is told, when, of whom, and that a
 * process that does not listen, or a stranger that writes anything, costs nobody anything. */
#include <holdfast.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/prng.h"
#include "base/text.h"
#include "edge/feedback.h"
#include "edge/hint.h"

enum { NODES = 3, THREADS = 12, CALLS = 20000 };

static struct world {
    char directory[64];
    struct publish_writer writer;
    struct view view; /* the next version */
    struct feedback feedback;
    struct holdfast *holdfast;
    int64_t now_us;
    struct hint hint;
    char asked[64];
} world;

static const struct holdfast_verdict good = {.outcome = HOLDFAST_SUCCESS};
static const struct holdfast_verdict dead = {
    .outcome = HOLDFAST_ERROR, .flags = HOLDFAST_VERDICT_SHUN, .result = HOLDFAST_RESULT_WRONG_SERVER};

static int64_t clock_us(void *context)
{
    (void)context;
    return world.now_us;
}

static void publish(void)
{
    struct view *draft = publish_writer_draft(&world.writer);
    world.view.version++;
    *draft = world.view;
    view_seal(draft);
    assert_int_equal(publish_writer_commit(&world.writer), ERR_OK);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
}

static int set_up(void **state)
{
    (void)state;
    char path[128];
    struct holdfast_options options;
    memset(&world, 0, sizeof world);
    world.now_us = 1000000000;
    snprintf(world.directory, sizeof world.directory, "/tmp/holdfast-note-XXXXXX");
    assert_non_null(mkdtemp(world.directory));
    snprintf(path, sizeof path, "%s/view.shm", world.directory);
    assert_int_equal(publish_writer_open(&world.writer, path), ERR_OK);
    feedback_none(&world.feedback);
    world.view.regions_count = 1;
    text_copy(world.view.regions[0].name, LIMITS_NAME, "taiwan");
    world.view.regions[0].healthy = 1;
    world.view.split[0][0] = VIEW_SHARES_WHOLE;
    world.view.databases_count = 1;
    text_copy(world.view.databases[0].name, LIMITS_NAME, "main");
    world.view.databases[0].epoch = 4;
    world.view.nodes_count = NODES;
    for (uint32_t i = 0; i < NODES; i++) {
        struct view_node *node = &world.view.nodes[i];
        snprintf(node->name, sizeof node->name, "node-%u", i);
        node->postgres = (struct view_address){.bytes = {127, 9, 0, (uint8_t)(i + 1)}, .port = 5432, .family = 4};
        node->role = i == 0 ? VIEW_NODE_WRITER : VIEW_NODE_STANDBY;
        node->healthy = 1;
        node->upstream = LIMITS_NONE;
    }
    holdfast_options_default(&options);
    options.state_dir = world.directory;
    options.database = "main";
    options.clock_us = clock_us;
    assert_int_equal(holdfast_open(&options, &world.holdfast), HOLDFAST_OK);
    publish();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"view.shm", "view.shm.lock"};
    char path[128];
    holdfast_close(world.holdfast);
    feedback_close(&world.feedback);
    publish_writer_close(&world.writer);
    for (size_t i = 0; i < sizeof names / sizeof names[0]; i++) {
        snprintf(path, sizeof path, "%s/%s", world.directory, names[i]);
        unlink(path);
    }
    return rmdir(world.directory);
}

static void listen_now(void)
{
    assert_int_equal(feedback_open(&world.feedback, world.directory), ERR_OK);
}

static struct holdfast_target writer(void)
{
    struct holdfast_target target;
    assert_int_equal(holdfast_choose(world.holdfast, HOLDFAST_WRITE, &target), HOLDFAST_OK);
    return target;
}

/* What has been told of a node so far. */
static struct publish_sight told(uint32_t node)
{
    struct sight_sum list[SIGHT_LIST];
    uint32_t count = 0;
    feedback_look(&world.feedback, publish_writer_view(&world.writer));
    feedback_list(&world.feedback, publish_writer_view(&world.writer), list, &count);
    for (uint32_t i = 0; i < count; i++) {
        assert_true(list[i].applications);
        if (memcmp(&list[i].server, &world.view.nodes[node].postgres, sizeof list[i].server) == 0) {
            return list[i].sight;
        }
    }
    return (struct publish_sight){.connections = 0};
}

static void pass_ms(int64_t ms)
{
    world.now_us += ms * 1000;
}

static void note(struct holdfast_verdict verdict, int64_t duration_ns)
{
    const struct holdfast_target target = writer();
    holdfast_note(world.holdfast, &target, &verdict, duration_ns);
}

static void good_calls_are_told_with_a_refresh(void **state)
{
    (void)state;
    listen_now();
    pass_ms(1000);
    for (int i = 1; i <= 4; i++) {
        note(good, (int64_t)i * 1000000);
    }
    assert_int_equal(told(0).connections, 0);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    assert_int_equal(told(0).connections, 4);
    assert_int_equal(told(0).rtt_us, 2500);
    assert_int_equal(told(1).connections, 0);
    note(good, 9000000);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK); /* too soon */
    assert_int_equal(told(0).connections, 4);
    pass_ms(1000);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    assert_int_equal(told(0).connections, 5);
    assert_int_equal(told(0).rtt_us, 9000);
}

static void what_failed_is_told_at_once_but_not_each_time(void **state)
{
    (void)state;
    struct holdfast_verdict wrong;
    struct holdfast_metrics metrics;
    listen_now();
    pass_ms(1000);
    note(dead, 1000);
    assert_int_equal(told(0).failures, 1);
    holdfast_classify("25006", 0, &wrong);
    for (int i = 0; i < 50; i++) {
        note(wrong, 1000);
    }
    assert_int_equal(told(0).wrong, 0);
    pass_ms(100);
    note(wrong, 1000);
    assert_int_equal(told(0).wrong, 51);
    assert_int_equal(told(0).failures, 1);
    holdfast_metrics_read(world.holdfast, &metrics);
    assert_int_equal(metrics.told, 2);
}

static void the_end_of_a_call_is_told(void **state)
{
    (void)state;
    const struct holdfast_target target = writer();
    uint64_t period = 0;
    listen_now();
    pass_ms(1000);
    assert_int_equal(holdfast_begin(world.holdfast, &target, &period), 1);
    holdfast_end(world.holdfast, &target, period, &dead, 1000);
    assert_int_equal(told(0).failures, 1);
}

/* Nothing is lost, and nothing is waited for, while nobody listens. */
static void who_listens_later_hears_it_all(void **state)
{
    (void)state;
    for (int i = 0; i < 10; i++) {
        pass_ms(1000);
        note(dead, 1000);
        note(good, 1000);
        assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    }
    listen_now();
    assert_int_equal(told(0).failures, 0);
    pass_ms(1000);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    assert_int_equal(told(0).failures, 10);
    assert_int_equal(told(0).connections, 10);
}

/* The kernel's queue is full: the sender keeps what it has, and the receiver takes a bounded number at a time. */
static void who_does_not_look_is_not_waited_for(void **state)
{
    (void)state;
    listen_now();
    for (int i = 0; i < 5000; i++) {
        pass_ms(100);
        note(dead, 1000);
    }
    uint64_t before = 0;
    do {
        before = told(0).failures;
        pass_ms(1000);
        assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    } while (told(0).failures > before);
    assert_int_equal(told(0).failures, 5000);
}

static void an_index_of_another_view_is_nobody_elses(void **state)
{
    (void)state;
    const struct holdfast_target before = writer();
    listen_now();
    pass_ms(1000);
    note(good, 1000);
    const struct view_address first = world.view.nodes[0].postgres;
    world.view.nodes[0].postgres = world.view.nodes[1].postgres;
    world.view.nodes[1].postgres = first;
    pass_ms(1000);
    publish(); /* what was counted is told of the old ones */
    holdfast_note(world.holdfast, &before, &good, 1000);
    pass_ms(1000);
    note(good, 1000);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    assert_int_equal(told(1).connections, 1);
    assert_int_equal(told(0).connections, 1);
}

static void who_asks_for_nothing_tells_nothing(void **state)
{
    (void)state;
    struct holdfast_options options;
    struct holdfast *quiet = NULL;
    struct holdfast_target target;
    listen_now();
    holdfast_options_default(&options);
    options.state_dir = world.directory;
    options.database = "main";
    options.tell_ms = 0;
    assert_int_equal(holdfast_open(&options, &quiet), HOLDFAST_OK);
    assert_int_equal(holdfast_choose(quiet, HOLDFAST_WRITE, &target), HOLDFAST_OK);
    holdfast_note(quiet, &target, &dead, 1000);
    assert_int_equal(holdfast_refresh(quiet), HOLDFAST_OK);
    holdfast_close(quiet);
    assert_int_equal(told(0).failures, 0);
}

static void *many_calls(void *context)
{
    (void)context;
    const struct holdfast_target target = writer();
    for (int i = 0; i < CALLS; i++) {
        holdfast_note(world.holdfast, &target, i % 100 == 0 ? &dead : &good, 1000);
    }
    return NULL;
}

static void calls_of_many_threads_are_all_counted(void **state)
{
    (void)state;
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_create(&threads[i], NULL, many_calls, NULL), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
    }
    listen_now();
    pass_ms(1000);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    assert_int_equal(told(0).failures, THREADS * CALLS / 100);
    assert_int_equal(told(0).connections, THREADS * CALLS - THREADS * CALLS / 100);
}

static void soon(struct probe_pool *pool, const char *database, const char *region)
{
    (void)pool;
    snprintf(world.asked + strlen(world.asked), sizeof world.asked - strlen(world.asked), "%s/%s ", database, region);
}

static const char *look(void)
{
    world.asked[0] = '\0';
    feedback_look(&world.feedback, publish_writer_view(&world.writer));
    (void)hint_look(&world.hint, &world.writer, &world.feedback, (struct mono){world.now_us}, soon, NULL);
    return world.asked;
}

static void a_check_is_hurried(void **state)
{
    (void)state;
    listen_now();
    pass_ms(1000);
    assert_string_equal(look(), "");
    note(good, 1000);
    pass_ms(1000);
    assert_int_equal(holdfast_refresh(world.holdfast), HOLDFAST_OK);
    assert_string_equal(look(), ""); /* good calls are no reason */
    pass_ms(1000);
    note(dead, 1000);
    assert_string_equal(look(), "main/taiwan ");
    pass_ms(1000);
    assert_string_equal(look(), "");
}

static void the_socket_is_for_those_who_may_read_the_view(void **state)
{
    (void)state;
    struct stat status;
    char path[128];
    char longer[200];
    struct feedback other;
    listen_now();
    snprintf(path, sizeof path, "%s/feedback.sock", world.directory);
    assert_int_equal(stat(path, &status), 0);
    assert_true(S_ISSOCK(status.st_mode));
    assert_int_equal(status.st_mode & 07, 0);
    assert_int_equal(status.st_mode & 0600, 0600);
    memset(longer, 'a', sizeof longer);
    longer[sizeof longer - 1] = 0;
    assert_int_equal(feedback_open(&other, longer), ERR_INVALID);
    feedback_close(&world.feedback);
    assert_int_equal(stat(path, &status), -1);
}

/* Whoever may write there may write anything. */
static void strangers_change_nothing(void **state)
{
    (void)state;
    struct prng prng;
    uint8_t bytes[FEEDBACK_MESSAGE_BYTES + 100];
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    listen_now();
    memcpy(address.sun_path, world.feedback.path, sizeof address.sun_path);
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    prng_init(&prng, 29);
    for (int round = 0; round < 2000; round++) {
        const size_t size = (size_t)prng_below(&prng, sizeof bytes);
        for (size_t i = 0; i < size; i++) {
            bytes[i] = (uint8_t)prng_next(&prng);
        }
        if (round % 2 == 0 && size >= FEEDBACK_MESSAGE_HEAD) {
            memcpy(bytes, "HFF\1", 4);
        }
        const size_t entries = (size - FEEDBACK_MESSAGE_HEAD) / FEEDBACK_MESSAGE_ENTRY;
        const size_t told_size = round % 4 == 0 && size >= FEEDBACK_MESSAGE_HEAD
                                     ? FEEDBACK_MESSAGE_HEAD + entries % 33 * FEEDBACK_MESSAGE_ENTRY
                                     : size;
        assert_int_equal(sendto(fd, bytes, told_size, 0, (const struct sockaddr *)&address, sizeof address), told_size);
        for (uint32_t node = 0; node < NODES; node++) {
            const struct publish_sight sight = told(node);
            assert_int_equal(sight.connections + sight.failures + sight.wrong, 0);
        }
        assert_int_equal(world.feedback.count, 0); /* of no server that the view names */
    }
    close(fd);
    pass_ms(1000);
    note(dead, 1000);
    assert_int_equal(told(0).failures, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(good_calls_are_told_with_a_refresh, set_up, tear_down),
        cmocka_unit_test_setup_teardown(what_failed_is_told_at_once_but_not_each_time, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_end_of_a_call_is_told, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_listens_later_hears_it_all, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_does_not_look_is_not_waited_for, set_up, tear_down),
        cmocka_unit_test_setup_teardown(an_index_of_another_view_is_nobody_elses, set_up, tear_down),
        cmocka_unit_test_setup_teardown(who_asks_for_nothing_tells_nothing, set_up, tear_down),
        cmocka_unit_test_setup_teardown(calls_of_many_threads_are_all_counted, set_up, tear_down),
        cmocka_unit_test_setup_teardown(a_check_is_hurried, set_up, tear_down),
        cmocka_unit_test_setup_teardown(the_socket_is_for_those_who_may_read_the_view, set_up, tear_down),
        cmocka_unit_test_setup_teardown(strangers_change_nothing, set_up, tear_down),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
