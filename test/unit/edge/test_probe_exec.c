/* SPDX-License-Identifier: Apache-2.0
 * The exec probe with real programs: exit statuses, missing program, time-out of a stubborn one, no zombies. */
#include <errno.h>
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "probe_peer.h"

static struct probe_result run(uint32_t timeout_ms, const char *script)
{
    struct probe_spec spec = probe_peer_spec(PROBE_EXEC, "");
    spec.interval_ms = 10000;
    spec.timeout_ms = timeout_ms;
    const char *const words[] = {"/bin/sh", "-c", script};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(probe_spec_argument(&spec, words[i]), ERR_OK);
    }
    snprintf(spec.check, sizeof spec.check, "plug-in");
    spec.interval_ms = 50;
    const struct probe_result result = probe_peer_once(&spec);
    /* Whatever was started has been reaped when the pool is gone. */
    assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
    assert_int_equal(errno, ECHILD);
    return result;
}

static void exit_statuses(void **state)
{
    (void)state;
    struct probe_result result = run(5000, "echo 'OK - fine|load=1'; echo more");
    assert_true(result.ok);
    assert_string_equal(result.message, "OK - fine");
    result = run(5000, "echo tight >&2; exit 1");
    assert_true(result.ok);
    assert_string_equal(result.message, "warning: tight");
    result = run(5000, "echo full; exit 2");
    assert_int_equal(result.error, ERR_EXIT_STATUS);
    assert_string_equal(result.message, "critical: full");
    result = run(5000, "exit 3");
    assert_int_equal(result.error, ERR_EXIT_STATUS);
    assert_string_equal(result.message, "unknown: ");
    result = run(5000, "exit 77");
    assert_string_equal(result.message, "exit status 77: ");
    result = run(5000, "kill -9 $$");
    assert_string_equal(result.message, "/bin/sh was ended by signal 9");
}

static void missing_program(void **state)
{
    (void)state;
    struct probe_spec spec = probe_peer_spec(PROBE_EXEC, "");
    assert_int_equal(probe_spec_argument(&spec, "/nonexistent/check_disk"), ERR_OK);
    const struct probe_result result = probe_peer_once(&spec);
    assert_int_equal(result.error, ERR_MISSING_PROGRAM);
    assert_string_equal(result.message, "cannot run /nonexistent/check_disk: No such file or directory");
}

/* The program and its child ignore SIGTERM; both are gone when the pool is. */
static void stubborn_program(void **state)
{
    (void)state;
    char file[] = "/tmp/holdfast-exec-XXXXXX";
    const int fd = mkstemp(file);
    assert_true(fd >= 0);
    char script[256];
    snprintf(script, sizeof script,
             "trap '' TERM; (trap '' TERM; exec sleep 1000) & echo $! > %s; while :; do sleep 1000; done", file);
    const struct probe_result result = run(500, script);
    assert_int_equal(result.error, ERR_TIMEOUT);
    assert_string_equal(result.message, "timed out after 500 ms running /bin/sh");
    char text[32] = "";
    assert_true(read(fd, text, sizeof text - 1) > 0);
    const int grandchild = (int)strtol(text, NULL, 10);
    assert_true(grandchild > 1);
    char path[64];
    snprintf(path, sizeof path, "/proc/%d/stat", grandchild);
    for (;;) { /* init reaps it when it likes: dead is enough */
        char stat[256] = "";
        FILE *stream = fopen(path, "re");
        const bool read_it = stream != NULL && fgets(stat, sizeof stat, stream) != NULL;
        if (stream != NULL) {
            fclose(stream);
        }
        if (!read_it || strstr(stat, ") Z ") != NULL || strstr(stat, ") X ") != NULL) {
            break;
        }
        usleep(1000);
    }
    close(fd);
    unlink(file);
}

static void endless_output_is_cut(void **state)
{
    (void)state;
    const struct probe_result result = run(20000, "head -c 1000000 /dev/zero | tr '\\0' x; exit 2");
    assert_int_equal(result.error, ERR_EXIT_STATUS);
    assert_int_equal(strlen(result.message), PROBE_MESSAGE - 1);
}

/* A program that leaves a child behind with the pipe open does not hold the probe up. */
static void background_children_are_ended(void **state)
{
    (void)state;
    const struct probe_result result = run(20000, "sleep 1000 & echo done");
    assert_true(result.ok);
    assert_string_equal(result.message, "done");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(exit_statuses),
        cmocka_unit_test(missing_program),
        cmocka_unit_test(stubborn_program),
        cmocka_unit_test(endless_output_is_cut),
        cmocka_unit_test(background_children_are_ended),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
