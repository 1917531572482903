/* SPDX-License-Identifier: Apache-2.0
 * The fence process against programs that are called postgres and stand in the data directory. */
#include <fcntl.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/child.h"
#include "agent/fence.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "program.h"

enum { PATIENCE_S = 60 };

struct scene {
    char folder[64];
    char program[96];
    struct fence fence;
};

static int scene_begin(void **state)
{
    static struct scene scene;
    scene = (struct scene){.folder = "/tmp/holdfast-fence-XXXXXX"};
    assert_non_null(mkdtemp(scene.folder));
    snprintf(scene.program, sizeof scene.program, "%s/postgres", scene.folder);
    program_copy("/bin/sleep", scene.program);
    assert_int_equal(fence_init(&scene.fence, scene.folder, 20 * TIME_US_PER_S, -1, false), ERR_OK);
    *state = &scene;
    return 0;
}

static int scene_end(void **state)
{
    struct scene *scene = *state;
    fence_fini(&scene->fence);
    unlink(scene->program);
    rmdir(scene->folder);
    return 0;
}

/* A sleeper in the data directory with a session of its own, as backends have. */
static pid_t scene_sleeper(const struct scene *scene)
{
    const pid_t pid = child_fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        (void)setsid();
        if (chdir(scene->folder) == 0) {
            execl(scene->program, "postgres", "600", (char *)NULL);
        }
        _exit(127);
    }
    return pid;
}

static bool scene_counts(struct scene *scene, uint32_t number)
{
    for (int i = 0; i < PATIENCE_S * 100; i++) {
        if (fence_process_count(scene->fence.page) == number) {
            return true;
        }
        const struct timespec pause = {.tv_nsec = 10000000};
        (void)nanosleep(&pause, NULL);
    }
    return false;
}

static void scene_expect_killed(pid_t pid)
{
    int status = 0;
    assert_int_equal(child_wait(pid, time_add_ms(clock_mono(), PATIENCE_S * 1000), &status), ERR_OK);
    assert_true(WIFSIGNALED(status));
    assert_int_equal(WTERMSIG(status), SIGKILL);
}

/* The processes are dead a moment before that is counted. */
static void scene_expect_fired(struct scene *scene, enum fence_process_reason wanted)
{
    enum fence_process_reason reason = FENCE_PROCESS_NOTHING;
    for (int i = 0; i < PATIENCE_S * 100 && fence_fired(&scene->fence, &reason) == 0; i++) {
        const struct timespec pause = {.tv_nsec = 10000000};
        (void)nanosleep(&pause, NULL);
    }
    assert_true(fence_fired(&scene->fence, &reason) > 0);
    assert_int_equal(reason, wanted);
}

static void test_request_is_proven(void **state)
{
    struct scene *scene = *state;
    const pid_t one = scene_sleeper(scene);
    const pid_t two = scene_sleeper(scene);
    assert_true(scene_counts(scene, 2));
    assert_int_equal(kill(two, SIGSTOP), 0);
    assert_int_equal(fence_kill(&scene->fence, time_add_ms(clock_mono(), PATIENCE_S * 1000)), ERR_OK);
    assert_int_equal(fence_process_count(scene->fence.page), 0);
    scene_expect_killed(one);
    scene_expect_killed(two);
    /* Closed from now on: what shows up is killed too. */
    scene_expect_killed(scene_sleeper(scene));
}

static void test_deadline(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = scene_sleeper(scene);
    assert_true(scene_counts(scene, 1));
    const struct mono fence_at = time_add_ms(clock_mono(), 300);
    fence_beat(&scene->fence, clock_mono());
    fence_arm(&scene->fence, fence_at);
    int status;
    /* Alive until then (or this machine is too slow to tell). */
    assert_true(!child_exited(pid, &status) || time_reached(clock_mono(), fence_at));
    scene_expect_killed(pid);
    assert_true(time_reached(clock_mono(), fence_at));
    scene_expect_fired(scene, FENCE_PROCESS_DEADLINE);
}

static void test_frozen_agent(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = scene_sleeper(scene);
    assert_true(scene_counts(scene, 1));
    /* The right seems endless, but nobody has beaten for longer than a lease. */
    fence_beat(&scene->fence, (struct mono){clock_mono().us - 30 * TIME_US_PER_S});
    fence_arm(&scene->fence, time_add_ms(clock_mono(), 3600 * 1000));
    scene_expect_killed(pid);
}

static void test_orphans(void **state)
{
    struct scene *scene = *state;
    const pid_t pid = scene_sleeper(scene);
    assert_true(scene_counts(scene, 1));
    fence_beat(&scene->fence, clock_mono());
    fence_arm(&scene->fence, time_add_ms(clock_mono(), 3600 * 1000));
    close(scene->fence.pipe_fd);
    scene_expect_killed(pid);
    scene->fence.pipe_fd = open("/dev/null", O_WRONLY | O_CLOEXEC);
    /* The fence process has done its work and is gone; another takes over. */
    int status;
    assert_int_equal(child_wait(scene->fence.child, time_add_ms(clock_mono(), PATIENCE_S * 1000), &status), ERR_OK);
    assert_int_equal(fence_keep(&scene->fence), ERR_OK);
    assert_int_equal(fence_kill(&scene->fence, time_add_ms(clock_mono(), PATIENCE_S * 1000)), ERR_OK);
}

static void test_standby_is_left_alone(void **state)
{
    struct scene *scene = *state;
    fence_disarm(&scene->fence);
    const pid_t pid = scene_sleeper(scene);
    assert_true(scene_counts(scene, 1));
    const pid_t before = scene->fence.child;
    assert_int_equal(kill(before, SIGKILL), 0);
    int status;
    assert_int_equal(child_wait(before, time_add_ms(clock_mono(), PATIENCE_S * 1000), &status), ERR_OK);
    assert_int_equal(fence_keep(&scene->fence), ERR_OK);
    assert_int_not_equal(scene->fence.child, before);
    assert_false(child_exited(pid, &status));
    assert_int_equal(fence_kill(&scene->fence, time_add_ms(clock_mono(), PATIENCE_S * 1000)), ERR_OK);
    scene_expect_killed(pid);
}

/* Closed it looks again and again; what starts behind the opening is not killed on a look of before. */
static void test_what_starts_behind_the_opening_lives(void **state)
{
    struct scene *scene = *state;
    for (int i = 0; i < 40; i++) {
        fence_close(&scene->fence); /* wakes the child */
        const struct timespec pause = {.tv_nsec = i * 25000};
        (void)nanosleep(&pause, NULL);
        if (i % 2 == 0) {
            fence_disarm(&scene->fence);
        } else {
            fence_beat(&scene->fence, clock_mono());
            fence_arm(&scene->fence, time_add_ms(clock_mono(), PATIENCE_S * 1000));
        }
        const pid_t pid = scene_sleeper(scene);
        assert_true(scene_counts(scene, 1));
        assert_int_equal(kill(pid, SIGTERM), 0);
        int status = 0;
        assert_int_equal(child_wait(pid, time_add_ms(clock_mono(), PATIENCE_S * 1000), &status), ERR_OK);
        assert_true(WIFSIGNALED(status));
        assert_int_equal(WTERMSIG(status), SIGTERM);
    }
}

int main(void)
{
    log_init("test", LOG_ERROR);
    child_init();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_request_is_proven, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_deadline, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_frozen_agent, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_orphans, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_standby_is_left_alone, scene_begin, scene_end),
        cmocka_unit_test_setup_teardown(test_what_starts_behind_the_opening_lives, scene_begin, scene_end),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
