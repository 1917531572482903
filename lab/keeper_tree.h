/* SPDX-License-Identifier: Apache-2.0
 * The processes below one process, read from /proc, and a signal to all of them at once.
 *
 * A process is signalled through a pidfd whose parent is looked at again, so a reused pid is never hit. One thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

struct keeper_tree_process {
    pid_t pid;
    pid_t parent;
    char state;           /* 'R', 'S', ..., 'Z' */
    bool below;           /* descends from the process asked about */
    uint64_t start_ticks; /* since boot; with the pid it names a process for ever */
    char name[32];
};

/* Reads the one line of /proc/PID/stat. False when it does not have that form (the name may hold blanks and ')'). */
bool keeper_tree_parse(const char *line, size_t size, struct keeper_tree_process *ret_process);

/* Sets `below` for each process that descends from `root`; gives their number. `root` itself is not below. */
size_t keeper_tree_mark(struct keeper_tree_process *processes, size_t count, pid_t root);

/* Sends `number` to every living process below `root`. Gives how many there were, zombies included: 0 means that
 * nothing is left. */
size_t keeper_tree_signal(pid_t root, int number);
