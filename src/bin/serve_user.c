/* SPDX-License-Identifier: Apache-2.0
 * Giving privileges up. */
#include "bin/serve_user.h"

#include <grp.h>
#include <linux/capability.h>
#include <pwd.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

static int serve_user_keep_bind(void)
{
    struct __user_cap_header_struct header = {.version = _LINUX_CAPABILITY_VERSION_3};
    struct __user_cap_data_struct data[2];
    memset(data, 0, sizeof data);
    data[0].effective = 1U << CAP_NET_BIND_SERVICE;
    data[0].permitted = data[0].effective;
    data[0].inheritable = data[0].effective;
    if (syscall(SYS_capset, &header, data) != 0) {
        return -1;
    }
    return prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_RAISE, CAP_NET_BIND_SERVICE, 0, 0);
}

enum err serve_user_become(const char *user)
{
    if (geteuid() != 0) {
        return ERR_OK;
    }
    const struct passwd *entry = getpwnam(user);
    if (entry == NULL) {
        return ERR_NOT_FOUND;
    }
    if (prctl(PR_SET_KEEPCAPS, 1, 0, 0, 0) != 0 || initgroups(user, entry->pw_gid) != 0 || setgid(entry->pw_gid) != 0 ||
        setuid(entry->pw_uid) != 0) {
        return ERR_PERMISSION;
    }
    /* Without the capability (a container may not have it) ports from 1024 on still work. */
    (void)serve_user_keep_bind();
    if (setuid(0) == 0) {
        return ERR_PERMISSION; /* root could be had back */
    }
    return prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) == 0 ? ERR_OK : ERR_PERMISSION;
}
