/* SPDX-License-Identifier: Apache-2.0
 * Sockets of the DNS server. */
#include "dns/dns_socket.h"

#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { DNS_SOCKET_FIRST = 3 }; /* SD_LISTEN_FDS_START */

bool dns_socket_any(const struct sockaddr_storage *address)
{
    if (address->ss_family == AF_INET) {
        return ((const struct sockaddr_in *)address)->sin_addr.s_addr == htonl(INADDR_ANY);
    }
    return IN6_IS_ADDR_UNSPECIFIED(&((const struct sockaddr_in6 *)address)->sin6_addr);
}

/* ---- taking over ---- */

static uint32_t dns_socket_number(const char *name)
{
    const char *text = getenv(name);
    char *end = NULL;
    const unsigned long number = text != NULL ? strtoul(text, &end, 10) : 0;
    return end != NULL && *end == 0 && number <= INT32_MAX ? (uint32_t)number : 0;
}

void dns_socket_inherit(struct dns_socket_given *ret_given)
{
    const uint32_t count = dns_socket_number("LISTEN_FDS");
    ret_given->count = 0;
    if (dns_socket_number("LISTEN_PID") == (uint32_t)getpid()) {
        for (uint32_t i = 0; i < count && i < DNS_SOCKET_GIVEN; i++) {
            const int fd = DNS_SOCKET_FIRST + (int)i;
            if (fcntl(fd, F_SETFD, FD_CLOEXEC) == 0 && fcntl(fd, F_SETFL, O_NONBLOCK) == 0) {
                ret_given->fds[ret_given->count++] = fd;
            }
        }
    }
    unsetenv("LISTEN_PID");
    unsetenv("LISTEN_FDS");
    unsetenv("LISTEN_FDNAMES");
}

void dns_socket_close(struct dns_socket_given *given)
{
    while (given->count > 0) {
        close(given->fds[--given->count]);
    }
}

static bool dns_socket_same(const struct sockaddr_storage *a, const struct sockaddr_storage *b)
{
    if (a->ss_family != b->ss_family) {
        return false;
    }
    if (a->ss_family == AF_INET) {
        const struct sockaddr_in *four = (const struct sockaddr_in *)a;
        const struct sockaddr_in *other = (const struct sockaddr_in *)b;
        return four->sin_port == other->sin_port && four->sin_addr.s_addr == other->sin_addr.s_addr;
    }
    const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)a;
    const struct sockaddr_in6 *other = (const struct sockaddr_in6 *)b;
    return six->sin6_port == other->sin6_port && memcmp(&six->sin6_addr, &other->sin6_addr, 16) == 0;
}

static bool dns_socket_is(int fd, const struct sockaddr_storage *address, int type)
{
    struct sockaddr_storage bound = {0};
    socklen_t size = sizeof bound;
    int kind = 0;
    socklen_t kind_size = sizeof kind;
    return getsockopt(fd, SOL_SOCKET, SO_TYPE, &kind, &kind_size) == 0 && kind == type &&
           getsockname(fd, (struct sockaddr *)&bound, &size) == 0 && dns_socket_same(&bound, address);
}

int dns_socket_take(struct dns_socket_given *given, const struct sockaddr_storage *address, int type)
{
    for (uint32_t i = 0; given != NULL && i < given->count; i++) {
        const int fd = given->fds[i];
        if (dns_socket_is(fd, address, type)) {
            given->fds[i] = given->fds[--given->count];
            return fd;
        }
    }
    return -1;
}

/* ---- opening ---- */

static bool dns_socket_datagrams(int fd, sa_family_t family, bool any)
{
    const int one = 1;
    const int buffer_bytes = 4 << 20; /* rides out 50 ms at 400,000 queries a second with 200 bytes of overhead each */
    setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &buffer_bytes, sizeof buffer_bytes);
    setsockopt(fd, SOL_SOCKET, SO_SNDBUF, &buffer_bytes, sizeof buffer_bytes);
    if (family == AF_INET) {
        /* Never trust a path's claim of a small MTU: forged ones fragment answers (RFC 9715). */
        const int discover = IP_PMTUDISC_OMIT;
        setsockopt(fd, IPPROTO_IP, IP_MTU_DISCOVER, &discover, sizeof discover);
        return !any || setsockopt(fd, IPPROTO_IP, IP_PKTINFO, &one, sizeof one) == 0;
    }
    return !any || setsockopt(fd, IPPROTO_IPV6, IPV6_RECVPKTINFO, &one, sizeof one) == 0;
}

static bool dns_socket_options(int fd, const struct sockaddr_storage *address, int type)
{
    const int one = 1;
    if (setsockopt(fd, SOL_SOCKET, SO_REUSEPORT, &one, sizeof one) != 0) {
        return false;
    }
    if (address->ss_family == AF_INET6 && setsockopt(fd, IPPROTO_IPV6, IPV6_V6ONLY, &one, sizeof one) != 0) {
        return false;
    }
    return type == SOCK_STREAM ? setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof one) == 0
                               : dns_socket_datagrams(fd, address->ss_family, dns_socket_any(address));
}

enum err dns_socket_open(const struct sockaddr_storage *address, int type, int *ret_fd)
{
    const socklen_t size = address->ss_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
    const int fd = socket(address->ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    if (!dns_socket_options(fd, address, type) || bind(fd, (const struct sockaddr *)address, size) != 0 ||
        (type == SOCK_STREAM && listen(fd, DNS_SOCKET_BACKLOG) != 0)) {
        const enum err err = err_from_errno(errno);
        close(fd);
        return err;
    }
    *ret_fd = fd;
    return ERR_OK;
}
