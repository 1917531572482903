/* SPDX-License-Identifier: Apache-2.0
 * When a server that is told to stop has nothing left to acknowledge, with programs that only look like PostgreSQL. */
#include <fcntl.h>
#include <ftw.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/stop.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "program.h"

enum { PATIENCE_S = 120, PHASE_AT = 16, SHUT_DOWN = 1, IN_PRODUCTION = 6 };

struct scene {
    char folder[64];
    char data[96];
    struct agent_options options;
    struct node node;
};

static void scene_pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};
    (void)nanosleep(&pause, NULL);
}

static int scene_control(const char *data, int flags)
{
    char path[160];
    snprintf(path, sizeof path, "%s/global/pg_control", data);
    return open(path, flags | O_CLOEXEC, 0600);
}

static void scene_set_phase(const char *data, uint32_t phase)
{
    const int fd = scene_control(data, O_WRONLY | O_CREAT);
    if (fd < 0 || pwrite(fd, &phase, sizeof phase, PHASE_AT) != (ssize_t)sizeof phase) {
        abort();
    }
    close(fd);
}

/* ---- the programs ---- */

static volatile sig_atomic_t scene_told;

static void scene_hear(int number)
{
    (void)number;
    scene_told = 1;
}

/* Writes its end when it is told to stop, and stays for as long as the file `stay` is there. */
static int scene_postgres(const char *data)
{
    const struct sigaction action = {.sa_handler = scene_hear};
    if (chdir(data) != 0 || sigaction(SIGINT, &action, NULL) != 0) {
        return 1;
    }
    const int ready = open("ready", O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    close(ready);
    while (!scene_told) {
        scene_pause_us(500);
    }
    scene_set_phase(data, SHUT_DOWN);
    while (access("stay", F_OK) == 0) {
        scene_pause_us(500);
    }
    return 0;
}

static int scene_controldata(const char *data)
{
    uint32_t phase = 0;
    const int fd = scene_control(data, O_RDONLY);
    if (fd < 0 || pread(fd, &phase, sizeof phase, PHASE_AT) != (ssize_t)sizeof phase) {
        return 1;
    }
    printf("Database system identifier:           7300000000000000001\n"
           "Database cluster state:               %s\n"
           "Latest checkpoint location:           0/3000028\n"
           "Latest checkpoint's TimeLineID:       1\n"
           "Bytes per WAL segment:                16777216\n",
           phase == SHUT_DOWN ? "shut down" : "in production");
    return 0;
}

/* ---- the node ---- */

static void scene_file(const struct scene *scene, const char *name, bool there)
{
    char path[160];
    snprintf(path, sizeof path, "%s/%s", scene->data, name);
    if (!there) {
        assert_int_equal(unlink(path), 0);
        return;
    }
    const int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC, 0600);
    assert_true(fd >= 0);
    close(fd);
}

static int scene_begin(void **state)
{
    static struct scene scene;
    char path[160];
    scene = (struct scene){.folder = "/tmp/holdfast-stop-XXXXXX"};
    assert_non_null(mkdtemp(scene.folder));
    snprintf(scene.data, sizeof scene.data, "%s/data", scene.folder);
    assert_int_equal(mkdir(scene.data, 0700), 0);
    snprintf(path, sizeof path, "%s/global", scene.data);
    assert_int_equal(mkdir(path, 0700), 0);
    snprintf(path, sizeof path, "%s/postgres", scene.folder);
    program_copy("/proc/self/exe", path);
    snprintf(path, sizeof path, "%s/pg_controldata", scene.folder);
    program_copy("/proc/self/exe", path);
    scene.options = (struct agent_options){.database = "shop",
                                           .node = "a",
                                           .host = "127.9.0.1",
                                           .port = 1,
                                           .data = scene.data,
                                           .bin = scene.folder,
                                           .superuser = "postgres",
                                           .replication = "replicator",
                                           .dbname = "shop",
                                           .lease_us = (int64_t)PATIENCE_S * TIME_US_PER_S,
                                           .margin_us = TIME_US_PER_S};
    assert_int_equal(node_init(&scene.node, &scene.options), ERR_OK);
    *state = &scene;
    return 0;
}

static int scene_remove(const char *path, const struct stat *stat, int kind, struct FTW *walk)
{
    (void)stat;
    (void)kind;
    (void)walk;
    return remove(path);
}

static int scene_end(void **state)
{
    struct scene *scene = *state;
    const enum err err = node_kill(&scene->node, "the test is over");
    node_fini(&scene->node);
    return err == ERR_OK ? nftw(scene->folder, scene_remove, 8, FTW_DEPTH | FTW_PHYS) : 1;
}

/* A server that runs, as far as the node knows, and stays when it is told to stop. */
static void scene_run(struct scene *scene, uint32_t phase)
{
    char ready[160];
    alarm(PATIENCE_S);
    scene_set_phase(scene->data, phase);
    scene_file(scene, "stay", true);
    assert_int_not_equal(node_start(&scene->node, false, clock_mono()), ERR_OK); /* nothing answers */
    snprintf(ready, sizeof ready, "%s/ready", scene->data);
    while (access(ready, F_OK) != 0) {
        scene_pause_us(500);
    }
    node_lock(&scene->node);
    scene->node.state = NODE_RUNNING;
    node_unlock(&scene->node);
}

static struct mono scene_later(void)
{
    return time_add_ms(clock_mono(), (int64_t)PATIENCE_S * 1000);
}

/* ---- tests ---- */

/* Its last record is written: the answer does not wait for walsenders. What was started is seen off before anything
 * else is started. */
static void test_its_end_is_written(void **state)
{
    struct scene *scene = *state;
    struct node *node = &scene->node;
    struct lsn shutdown = {0};
    scene_run(scene, IN_PRODUCTION);
    assert_int_equal(stop_writing(node, scene_later(), &shutdown), ERR_OK);
    assert_int_equal(shutdown.position, pgparse_checkpoint_end((struct lsn){0x3000028}, 16777216).position);
    assert_true(node->leaving && !node->fenced && !node->unburied);
    assert_int_equal(node->state, NODE_STOPPING);
    assert_int_equal(node->holder.state, LEASE_NONE);
    stop_turn(node);
    assert_true(node->leaving);
    scene_file(scene, "stay", false);
    while (node->leaving) {
        stop_turn(node);
        scene_pause_us(500);
    }
    assert_true(node->fenced && !node->unburied);
    assert_int_equal(node->state, NODE_STOPPED);
}

/* Crash recovery ends in the state of a clean stop, too: a server that is still starting says nothing by it. */
static void test_a_start_is_no_end(void **state)
{
    struct scene *scene = *state;
    struct lsn shutdown = {0};
    scene_run(scene, SHUT_DOWN);
    assert_int_equal(stop_writing(&scene->node, time_add_ms(clock_mono(), 20), &shutdown), ERR_TIMEOUT);
    assert_false(scene->node.leaving);
    assert_int_equal(shutdown.position, 0);
    scene_file(scene, "stay", false);
    assert_int_equal(stop_writing(&scene->node, scene_later(), &shutdown), ERR_OK);
    assert_int_equal(scene->node.state, NODE_STOPPED);
}

/* The whole stop waits for the end of the process. */
static void test_the_whole_stop(void **state)
{
    struct scene *scene = *state;
    struct lsn shutdown = {0};
    scene_run(scene, IN_PRODUCTION);
    assert_int_equal(stop_server(&scene->node, time_add_ms(clock_mono(), 20), &shutdown), ERR_TIMEOUT);
    scene_file(scene, "stay", false);
    assert_int_equal(stop_server(&scene->node, scene_later(), &shutdown), ERR_OK);
    assert_int_not_equal(shutdown.position, 0);
    assert_true(scene->node.fenced);
}

/* A walsender that waits for a standby without an answer: what is to start next does not wait with it. */
static void test_what_does_not_go_is_killed(void **state)
{
    struct scene *scene = *state;
    struct node *node = &scene->node;
    struct lsn shutdown = {0};
    scene_run(scene, IN_PRODUCTION);
    assert_int_equal(stop_writing(node, scene_later(), &shutdown), ERR_OK);
    assert_int_equal(stop_await(node, time_add_ms(clock_mono(), 20)), ERR_OK);
    assert_true(!node->leaving && node->fenced);
    assert_int_equal(node->state, NODE_STOPPED);
    stop_turn(node);
    assert_int_equal(node->state, NODE_STOPPED);
    assert_int_equal(stop_await(node, scene_later()), ERR_OK);
}

int main(int argc, char **argv)
{
    const char *name = strrchr(argv[0], '/');
    if (name != NULL && argc > 1 && strcmp(name, "/pg_controldata") == 0) {
        return scene_controldata(argv[argc - 1]);
    }
    if (argc == 3 && strcmp(argv[1], "-D") == 0) {
        return scene_postgres(argv[2]);
    }
    log_init("test", LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_its_end_is_written, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_a_start_is_no_end, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_the_whole_stop, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_what_does_not_go_is_killed, scene_begin, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
