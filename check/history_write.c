/* SPDX-License-Identifier: Apache-2.0
 * Appends lines to a history file. */
#include "history_write.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/uio.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"

/* The three pieces are one line. */
static void history_write_line(struct history_write *write, const char *head, const char *body)
{
    struct iovec pieces[] = {
        {.iov_base = (void *)(uintptr_t)head, .iov_len = strlen(head)},
        {.iov_base = (void *)(uintptr_t)body, .iov_len = strlen(body)},
        {.iov_base = (void *)(uintptr_t) "\n", .iov_len = 1},
    };
    const size_t size = pieces[0].iov_len + pieces[1].iov_len + 1;
    ASSERT(size <= HISTORY_LINE);
    const ssize_t written = writev(write->fd, pieces, 3);
    if (written < 0 || (size_t)written != size) {
        (void)fprintf(stderr, "holdfast-load: the history cannot be written: %s\n",
                      written < 0 ? strerror(errno) : "no space");
        _exit(4);
    }
}

enum err history_write_open(struct history_write *write, const char *path, int64_t accounts, int64_t balance)
{
    char head[96];
    *write = (struct history_write){.fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_EXCL | O_CLOEXEC, 0644)};
    if (write->fd < 0) {
        return errno == EEXIST ? ERR_EXISTS : err_from_errno(errno);
    }
    const int failed = pthread_mutex_init(&write->lock, NULL);
    ASSERT(failed == 0);
    (void)snprintf(head, sizeof(head), "holdfast-history 1 %" PRId64 " %" PRId64, accounts, balance);
    history_write_line(write, head, "");
    return ERR_OK;
}

void history_write_close(struct history_write *write)
{
    (void)close(write->fd);
    (void)pthread_mutex_destroy(&write->lock);
    write->fd = -1;
}

uint32_t history_write_begin(struct history_write *write, uint32_t process, enum history_kind kind,
                             enum history_level level, const char *micros)
{
    char head[128];
    (void)pthread_mutex_lock(&write->lock);
    const uint32_t number = write->next++;
    (void)snprintf(head, sizeof(head), "i %" PRIu32 " %" PRIu32 " %" PRId64 " %s %s ", number, process, clock_mono().us,
                   history_kind_name(kind), history_level_name(level));
    history_write_line(write, head, micros);
    (void)pthread_mutex_unlock(&write->lock);
    return number;
}

void history_write_part(struct history_write *write, uint32_t number, unsigned read, const char *values)
{
    char head[64];
    (void)pthread_mutex_lock(&write->lock);
    (void)snprintf(head, sizeof(head), "v %" PRIu32 " %u ", number, read);
    history_write_line(write, head, values);
    (void)pthread_mutex_unlock(&write->lock);
}

void history_write_done(struct history_write *write, uint32_t number, const struct history_write_end *end,
                        const char *reads)
{
    char head[256];
    const int size = snprintf(
        head, sizeof(head), "o %" PRIu32 " %" PRId64 " %s %" PRId64 " %s %s %s %" PRId64 " %" PRId64 " %s%s", number,
        end->completed_us, history_outcome_name(end->outcome), end->sent_us, history_role_name(end->role), end->node,
        end->system, end->timeline, end->epoch, end->error, reads[0] != '\0' ? " " : "");
    ASSERT(size > 0 && (size_t)size < sizeof(head));
    (void)pthread_mutex_lock(&write->lock);
    history_write_line(write, head, reads);
    (void)pthread_mutex_unlock(&write->lock);
}
