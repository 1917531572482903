/* SPDX-License-Identifier: Apache-2.0
 * The processes below one process, read from /proc, and a signal to all of them at once. */
#include "keeper_tree.h"

#include <ctype.h>
#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "base/assert.h"

enum {
    KEEPER_TREE_MAX = 16384, /* processes on the machine; more than that and the lab should not run there */
    KEEPER_TREE_LINE = 1024,
};

static struct keeper_tree_process keeper_tree_table[KEEPER_TREE_MAX];

bool keeper_tree_parse(const char *line, size_t size, struct keeper_tree_process *ret_process)
{
    char text[KEEPER_TREE_LINE];
    if (size >= sizeof(text)) {
        return false;
    }
    memcpy(text, line, size);
    text[size] = '\0';
    const char *open = strchr(text, '(');
    const char *close = strrchr(text, ')'); /* the name itself may contain ") S 1" */
    if (open == NULL || close == NULL || close < open) {
        return false;
    }
    struct keeper_tree_process process = {0};
    int parent = 0;
    /* Fields 3, 4 and 22 of proc(5). */
    if (sscanf(close + 1, " %c %d %*d %*d %*d %*d %*u %*u %*u %*u %*u %*u %*u %*d %*d %*d %*d %*d %*d %" SCNu64,
               &process.state, &parent, &process.start_ticks) != 3) {
        return false;
    }
    char *end = NULL;
    const long pid = strtol(text, &end, 10);
    if (end == text || pid <= 0 || pid > INT32_MAX) {
        return false;
    }
    process.pid = (pid_t)pid;
    process.parent = parent;
    const size_t length = (size_t)(close - open - 1);
    const size_t kept = length < sizeof(process.name) ? length : sizeof(process.name) - 1;
    memcpy(process.name, open + 1, kept);
    *ret_process = process;
    return true;
}

size_t keeper_tree_mark(struct keeper_tree_process *processes, size_t count, pid_t root)
{
    size_t total = 0;
    for (size_t i = 0; i < count; i++) {
        processes[i].below = false;
    }
    /* A child may stand before its parent in the list: go round until nothing is added. */
    for (bool again = true; again;) {
        again = false;
        for (size_t i = 0; i < count; i++) {
            if (processes[i].below || processes[i].pid == root) {
                continue;
            }
            bool below = processes[i].parent == root;
            for (size_t j = 0; j < count && !below; j++) {
                below = processes[j].below && processes[j].pid == processes[i].parent;
            }
            if (below) {
                processes[i].below = true;
                total++;
                again = true;
            }
        }
    }
    return total;
}

static bool keeper_tree_look(pid_t pid, struct keeper_tree_process *ret_process)
{
    char path[64];
    char line[KEEPER_TREE_LINE];
    (void)snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
    const int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0) {
        return false;
    }
    const ssize_t size = read(fd, line, sizeof(line) - 1);
    (void)close(fd);
    return size > 0 && keeper_tree_parse(line, (size_t)size, ret_process);
}

static size_t keeper_tree_read(void)
{
    DIR *proc = opendir("/proc");
    ASSERT(proc != NULL);
    size_t count = 0;
    for (struct dirent *entry = readdir(proc); entry != NULL && count < KEEPER_TREE_MAX; entry = readdir(proc)) {
        if (isdigit((unsigned char)entry->d_name[0]) &&
            keeper_tree_look((pid_t)strtol(entry->d_name, NULL, 10), &keeper_tree_table[count])) {
            count++;
        }
    }
    (void)closedir(proc);
    return count;
}

size_t keeper_tree_signal(pid_t root, int number)
{
    const size_t count = keeper_tree_read();
    const size_t below = keeper_tree_mark(keeper_tree_table, count, root);
    for (size_t i = 0; i < count; i++) {
        const struct keeper_tree_process *process = &keeper_tree_table[i];
        if (!process->below || process->state == 'Z') {
            continue;
        }
        const int pidfd = (int)syscall(SYS_pidfd_open, process->pid, 0);
        struct keeper_tree_process now;
        if (pidfd >= 0 && keeper_tree_look(process->pid, &now) && now.start_ticks == process->start_ticks) {
            (void)syscall(SYS_pidfd_send_signal, pidfd, number, NULL, 0);
        }
        if (pidfd >= 0) {
            (void)close(pidfd);
        }
    }
    return below;
}
