/* SPDX-License-Identifier: Apache-2.0
 * The shared memory behind edge/publish.h (core/view_memory.h): how a process gets a mapping of it. Private to
 * publication, but for who is alive.
 *
 * One file, created by whoever comes first (readers may start before the controller). A file of another boot of the
 * machine is replaced: its pages may be torn, and the processes that announced themselves in it are gone. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/view_memory.h"

/* Maps the file at `path`, creating or replacing it when needed. A living file of another format (another release) is
 * replaced by a writer only; readers get ERR_UNSUPPORTED. `ret_fd` stays open for a lock; publish_memory_close ends
 * both. Other errors: those of open(2), mmap(2); ERR_INVALID for a path that is too long. */
enum err publish_memory_open(const char *path, bool writer, struct view_memory **ret_memory, int *ret_fd) ERR_CHECK;
void publish_memory_close(struct view_memory *memory, int fd);

/* The identity of a process: start time << 32 | pid, 0 when there is no such living process (a zombie is not). */
uint64_t publish_memory_process(int32_t pid);
