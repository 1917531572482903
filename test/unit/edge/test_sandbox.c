/* SPDX-License-Identifier: Apache-2.0
 * The sandbox: what may still be done, and what not any more. In children, since there is no way back. */
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/sandbox.h"

static char root[] = "/tmp/test_sandbox.XXXXXX";

static const char *path_of(const char *name)
{
    static char path[2][128];
    static unsigned turn;
    char *place = path[turn++ % 2];
    snprintf(place, sizeof path[0], "%s/%s", root, name);
    return place;
}

static void put(const char *name)
{
    FILE *file = fopen(path_of(name), "we");
    assert_non_null(file);
    fputs("x", file);
    fclose(file);
}

static int set_up(void **state)
{
    (void)state;
    assert_non_null(mkdtemp(root));
    static const char *const folders[] = {"open", "kept", "closed"};
    for (size_t i = 0; i < 3; i++) {
        assert_int_equal(mkdir(path_of(folders[i]), 0700), 0);
    }
    put("open/file");
    put("kept/file");
    put("closed/file");
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    static const char *const names[] = {"open/file", "open/new", "kept/file", "closed/file",
                                        "open",      "kept",     "closed",    ""};
    for (size_t i = 0; i < sizeof names / sizeof *names; i++) {
        (void)remove(path_of(names[i]));
    }
    return 0;
}

enum { UNSUPPORTED = 200 };

/* The number of the first question that was not answered as it should be; 0: all were. */
static int inside(int (*questions)(bool files))
{
    const pid_t pid = fork();
    if (pid == 0) {
        struct sandbox sandbox = {.reads_count = 1, .writes_count = 1};
        sandbox.reads[0] = path_of("open");
        sandbox.writes[0] = path_of("kept");
        const enum err err = sandbox_enter(&sandbox);
        const bool sanitized = err == ERR_UNSUPPORTED && prctl(PR_GET_SECCOMP) == 0;
        _exit(err != ERR_OK && err != ERR_UNSUPPORTED ? 199 : sanitized ? UNSUPPORTED : questions(err == ERR_OK));
    }
    int status = 0;
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    if (WEXITSTATUS(status) == UNSUPPORTED) {
        print_message("a build with sanitizers has no sandbox\n");
        return 0;
    }
    return WEXITSTATUS(status);
}

static bool opens(const char *name, int flags)
{
    const int fd = open(path_of(name), flags | O_CLOEXEC, 0600);
    if (fd >= 0) {
        close(fd);
    }
    return fd >= 0;
}

static int files_questions(bool files)
{
    return !opens("open/file", O_RDONLY)                    ? 1
           : !opens("kept/file", O_RDWR)                    ? 2
           : !opens("kept/new", O_WRONLY | O_CREAT)         ? 3
           : unlink(path_of("kept/new")) != 0               ? 4
           : files && opens("closed/file", O_RDONLY)        ? 5
           : files && opens("open/file", O_WRONLY)          ? 6
           : files && opens("open/new", O_WRONLY | O_CREAT) ? 7
           : files && unlink(path_of("open/file")) == 0     ? 8
           : mkdir(path_of("kept/folder"), 0700) == 0       ? 9
                                                            : 0;
}

static void *thread_run(void *argument)
{
    *(int *)argument = 1;
    return argument;
}

static int calls_questions(bool files)
{
    (void)files;
    pthread_t thread;
    int ran = 0;
    char *const argv[] = {(char[]){"true"}, NULL};
    const bool threads = pthread_create(&thread, NULL, thread_run, &ran) == 0 && pthread_join(thread, NULL) == 0;
    const int inet = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    const int six = socket(AF_INET6, SOCK_STREAM | SOCK_CLOEXEC, 0);
    const int packet = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC, 0);
    const int raw = socket(AF_INET, SOCK_RAW | SOCK_CLOEXEC, IPPROTO_ICMP);
    const void *plain = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const void *code = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    const pid_t child = fork();
    if (child == 0) {
        _exit(0);
    }
    return !threads || ran != 1                              ? 1
           : inet < 0                                        ? 2
           : six < 0 && errno == EPERM                       ? 3
           : packet >= 0                                     ? 4
           : plain == MAP_FAILED                             ? 5
           : code != MAP_FAILED                              ? 6
           : child >= 0                                      ? 7
           : execv("/bin/true", argv) == 0 || errno != EPERM ? 8
           : chroot("/") == 0 || errno != EPERM              ? 9
           : raw >= 0                                        ? 10
                                                             : 0;
}

static void test_files_are_guarded(void **state)
{
    (void)state;
    assert_int_equal(inside(files_questions), 0);
}

static void test_calls_are_filtered(void **state)
{
    (void)state;
    assert_int_equal(inside(calls_questions), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_files_are_guarded),
        cmocka_unit_test(test_calls_are_filtered),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
