/* SPDX-License-Identifier: Apache-2.0
 * The node's moves against each other, with a program called postgres that serves nothing. */
#include <ftw.h>
#include <pthread.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/node.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "program.h"

enum { PATIENCE_S = 120, ROUNDS = 20 };

struct scene {
    char folder[64];
    char data[96];
    struct agent_options options;
    struct node node;
    atomic_bool over;
};

/* Alive and in the data directory, as a server is; told by its name. */
static int scene_postgres(const char *data)
{
    if (chdir(data) != 0) {
        return 1;
    }
    for (;;) {
        (void)pause();
    }
}

static int scene_begin(void **state)
{
    static struct scene scene;
    char program[96];
    scene = (struct scene){.folder = "/tmp/holdfast-node-XXXXXX"};
    assert_non_null(mkdtemp(scene.folder));
    snprintf(scene.data, sizeof scene.data, "%s/data", scene.folder);
    snprintf(program, sizeof program, "%s/postgres", scene.folder);
    assert_int_equal(mkdir(scene.data, 0700), 0);
    program_copy("/proc/self/exe", program);
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

static void scene_pause_us(long us)
{
    const struct timespec pause = {.tv_nsec = us * 1000};
    (void)nanosleep(&pause, NULL);
}

/* What the agent's threads do: one looks for deaths, one starts what is stopped. */
static void *scene_supervise(void *context)
{
    struct scene *scene = context;
    while (!atomic_load(&scene->over)) {
        node_tick(&scene->node);
        scene_pause_us(200);
    }
    return NULL;
}

static void *scene_start(void *context)
{
    struct scene *scene = context;
    while (!atomic_load(&scene->over)) {
        node_lock(&scene->node);
        const bool stopped = scene->node.state == NODE_STOPPED;
        node_unlock(&scene->node);
        if (stopped) {
            const enum err err = node_start(&scene->node, false, clock_mono());
            assert_int_not_equal(err, ERR_OK); /* nothing answers */
        }
        scene_pause_us(200);
    }
    return NULL;
}

static pid_t scene_postmaster(struct scene *scene)
{
    for (int i = 0; i < PATIENCE_S * 1000; i++) {
        node_lock(&scene->node);
        const pid_t pid = scene->node.server.postmaster;
        node_unlock(&scene->node);
        if (pid > 0) {
            return pid;
        }
        scene_pause_us(1000);
    }
    fail_msg("it was not started");
    return 0;
}

/* An order to end a server that has died by itself in the same moment: the one that is started next lives, and nobody
 * waits for its death. */
static void test_an_order_meets_a_death(void **state)
{
    struct scene *scene = *state;
    pthread_t supervisor;
    pthread_t starter;
    alarm(PATIENCE_S);
    assert_int_equal(pthread_create(&supervisor, NULL, scene_supervise, scene), 0);
    assert_int_equal(pthread_create(&starter, NULL, scene_start, scene), 0);
    for (int i = 0; i < ROUNDS; i++) {
        (void)kill(scene_postmaster(scene), SIGKILL);
        scene_pause_us((long)i * 100);
        assert_int_equal(node_kill(&scene->node, "ordered"), ERR_OK);
    }
    assert_true(scene_postmaster(scene) > 0);
    atomic_store(&scene->over, true);
    assert_int_equal(pthread_join(starter, NULL), 0);
    assert_int_equal(pthread_join(supervisor, NULL), 0);
    assert_int_equal(scene->node.killing, 0);
}

/* Two threads look. One that began to while the server was a standby is done when it is the writer. (Nobody else is
 * here, so the lock is not needed; who fails with it held would never end.) */
static void test_a_look_that_comes_late(void **state)
{
    struct scene *scene = *state;
    struct node *node = &scene->node;
    const struct pgquery_status standby = {.in_recovery = true, .timeline = 1};
    const struct pgquery_status writer = {.timeline = 2};
    const struct mono early = clock_mono();
    node_saw(node, early, &standby);
    assert_true(node->status_known && node->status.timeline == 1);

    scene_pause_us(1000);
    node_forget(node);
    node_saw(node, early, &standby);
    assert_false(node->status_known);
    const struct mono later = clock_mono();
    node_saw(node, time_add_ms(later, 1), &writer);
    assert_true(node->status_known && !node->status.in_recovery);
    node_saw(node, later, &standby); /* the slower one of two */
    assert_true(node->status.timeline == 2 && !node->status.in_recovery);
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "-D") == 0) {
        return scene_postgres(argv[2]);
    }
    log_init("test", LOG_ERROR);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_an_order_meets_a_death, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_a_look_that_comes_late, scene_begin, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
