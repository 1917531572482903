/* SPDX-License-Identifier: Apache-2.0
 * Sockets in the care of the service manager. */
#include "bin/serve_keep.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <sys/un.h>
#include <unistd.h>

#include "edge/log.h"

#define SERVE_KEEP_NAME "FDNAME=holdfast-dns\n"

enum { SERVE_KEEP_AT_ONCE = 64 }; /* descriptors in one message; the kernel takes up to 253 */

/* The manager's socket; -1: none, or not to be reached. */
static int serve_keep_connect(const char *path)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};
    const size_t size = strlen(path);
    if (size < 2 || size >= sizeof address.sun_path || (path[0] != '/' && path[0] != '@')) {
        errno = EINVAL;
        return -1;
    }
    memcpy(address.sun_path, path, size);
    address.sun_path[0] = path[0] == '@' ? 0 : path[0]; /* an abstract name */
    const int fd = socket(AF_UNIX, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd >= 0 && connect(fd, (const struct sockaddr *)&address,
                           (socklen_t)(offsetof(struct sockaddr_un, sun_path) + size)) != 0) {
        const int number = errno;
        close(fd);
        errno = number;
        return -1;
    }
    return fd;
}

static bool serve_keep_send(int fd, char *text, const int *fds, uint32_t count)
{
    union {
        struct cmsghdr head;
        char bytes[CMSG_SPACE(SERVE_KEEP_AT_ONCE * sizeof(int))];
    } control = {.bytes = {0}};
    struct iovec part = {text, strlen(text)};
    struct msghdr message = {.msg_iov = &part, .msg_iovlen = 1};
    if (count > 0) {
        message.msg_control = control.bytes;
        message.msg_controllen = CMSG_SPACE(count * sizeof(int));
        struct cmsghdr *head = CMSG_FIRSTHDR(&message);
        head->cmsg_level = SOL_SOCKET;
        head->cmsg_type = SCM_RIGHTS;
        head->cmsg_len = CMSG_LEN(count * sizeof(int));
        memcpy(CMSG_DATA(head), fds, count * sizeof(int));
    }
    return sendmsg(fd, &message, MSG_NOSIGNAL) >= 0;
}

/* Out with the old ones, in with these: all of them are open here meanwhile, so none is lost. */
static bool serve_keep_exchange(int fd, const struct dns_socket_given *sockets)
{
    char remove[] = "FDSTOREREMOVE=1\n" SERVE_KEEP_NAME;
    char store[] = "FDSTORE=1\n" SERVE_KEEP_NAME;
    bool good = serve_keep_send(fd, remove, NULL, 0);
    for (uint32_t at = 0; good && at < sockets->count; at += SERVE_KEEP_AT_ONCE) {
        const uint32_t left = sockets->count - at;
        good = serve_keep_send(fd, store, sockets->fds + at, left < SERVE_KEEP_AT_ONCE ? left : SERVE_KEEP_AT_ONCE);
    }
    return good;
}

void serve_keep(const struct dns_socket_given *sockets)
{
    const char *path = getenv("NOTIFY_SOCKET");
    if (path == NULL) {
        return;
    }
    const int fd = serve_keep_connect(path);
    if (fd < 0 || !serve_keep_exchange(fd, sockets)) {
        LOG_W("the service manager cannot keep the sockets of DNS (%s): a restart of this process loses queries",
              strerror(errno));
    }
    if (fd >= 0) {
        close(fd);
    }
    unsetenv("NOTIFY_SOCKET");
}
