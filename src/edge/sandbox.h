/* SPDX-License-Identifier: Apache-2.0
 * Giving up what a data plane never needs: whoever takes it over by a packet finds a process that can run nothing,
 * change nothing but its state, and read only what it was started for.
 *
 * Landlock (landlock(7)) for files, a seccomp filter (seccomp(2)) for system calls: those that a server of sockets
 * makes are let through, all others fail with EPERM. No programs, no processes (threads are fine), no memory that is
 * executable, no sockets but IP and Unix ones. Of capabilities(7), for who is started as root, only those for ports
 * below 1024 and for files of other users stay. There is no way back. */
#pragma once

#include <stdint.h>

#include "base/err.h"

enum { SANDBOX_PATHS = 256 };

/* Directories (or files, which are meant as the ones that are there now): what lies in them. Those that do not exist
 * are left out. What every program needs of the system (/usr, /etc/ssl, ...) may always be read. */
struct sandbox {
    uint32_t reads_count;
    const char *reads[SANDBOX_PATHS];
    uint32_t writes_count; /* files may be made, written and removed */
    const char *writes[SANDBOX_PATHS];
};

/* For the calling thread and all that it starts from now on. ERR_UNSUPPORTED: the kernel has no Landlock, so files are
 * not guarded, system calls are; or it is a build with sanitizers, which need more, and nothing was done.
 * ERR_PERMISSION: the filter, or giving up capabilities, was refused. */
enum err sandbox_enter(const struct sandbox *sandbox) ERR_CHECK;
