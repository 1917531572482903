/* SPDX-License-Identifier: Apache-2.0
 * Process 1 of a namespace of bench/ha: reaps at once what the processes there leave behind, as a real machine's does.
 *
 *   ha_node                      until it is killed, and everything in its namespace with it
 *   ha_node PROGRAM ARGUMENT...  until that program ends; ends with its status
 *
 * A reaper that looks only now and then makes a killed server look alive. */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

static pid_t start(char **argv, const sigset_t *mask)
{
    const pid_t child = fork();
    if (child == 0) {
        sigprocmask(SIG_SETMASK, mask, NULL);
        execvp(argv[0], argv);
    }
    if (child <= 0) {
        fprintf(stderr, "ha_node: cannot start %s: %s\n", argv[0], strerror(errno));
        _exit(1);
    }
    return child;
}

int main(int argc, char **argv)
{
    sigset_t child_ended;
    sigset_t before;
    sigemptyset(&child_ended);
    sigaddset(&child_ended, SIGCHLD);
    sigprocmask(SIG_BLOCK, &child_ended, &before);
    const pid_t child = argc > 1 ? start(argv + 1, &before) : 0;
    for (;;) {
        int status = 0;
        for (pid_t pid = waitpid(-1, &status, WNOHANG); pid > 0; pid = waitpid(-1, &status, WNOHANG)) {
            if (pid == child) {
                return WIFEXITED(status) ? WEXITSTATUS(status) : 1;
            }
        }
        (void)sigwaitinfo(&child_ended, NULL);
    }
}
