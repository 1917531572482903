/* SPDX-License-Identifier: Apache-2.0
 * Child processes: started without a shell, reaped at once, known by pid until forgotten.
 *
 * The process is a subreaper: what outlives a killed postmaster becomes our child and is reaped too, so that a dead
 * process never looks alive (a /proc entry of a zombie). One table for the whole process, thread-safe. Nobody else in
 * the process may call wait(). */
#pragma once

#include <stdbool.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/time.h"

enum {
    CHILD_LIMIT = 32,       /* children known at once */
    CHILD_ENVIRONMENT = 16, /* variables of a child, the end included */
};

struct child_spec {
    const char *const *arguments;   /* [0] is the program's path; ends with NULL */
    const char *const *environment; /* the whole of it; ends with NULL */
    int output_fd;                  /* standard output and error */
    bool session;                   /* a session of its own */
};

/* Once, at start: become a subreaper. */
void child_init(void);

/* ERR_MISSING_PROGRAM, ERR_PERMISSION, ERR_NO_MEMORY, ERR_QUEUE_FULL: no room in the table. */
ERR_CHECK enum err child_spawn(const struct child_spec *spec, pid_t *ret_pid);

/* fork() that enters the child into the table; 0 in the child, -1 when impossible. */
pid_t child_fork(void);

/* Takes in the dead. True: `pid` has ended with this wait status (kept until forgotten). An unknown pid has ended. */
bool child_exited(pid_t pid, int *ret_status);

/* ERR_TIMEOUT: still running. On success the child is forgotten. */
ERR_CHECK enum err child_wait(pid_t pid, struct mono deadline, int *ret_status);
void child_forget(pid_t pid);

/* Takes in the dead; to be called now and then for orphans. */
void child_reap(void);
