/* SPDX-License-Identifier: Apache-2.0
 * The sockets of a proxy. */
#include "proxy/proxy_socket.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    PROXY_SOCKET_BACKLOG = 1024,
    PROXY_SOCKET_CLIENT_UNACKED_MS = 30000,
    PROXY_SOCKET_CLIENT_IDLE_S = 60,
    PROXY_SOCKET_CLIENT_INTERVAL_S = 10,
    PROXY_SOCKET_SERVER_UNACKED_MS = 10000,
    PROXY_SOCKET_SERVER_IDLE_S = 5,
    PROXY_SOCKET_SERVER_INTERVAL_S = 2,
    PROXY_SOCKET_PROBES = 3,
};

struct proxy_socket_name {
    struct sockaddr_storage storage;
    socklen_t size;
};

static struct proxy_socket_name proxy_socket_name(const struct view_address *address)
{
    struct proxy_socket_name name = {.size = 0};
    if (address->family == 6) {
        struct sockaddr_in6 six = {.sin6_family = AF_INET6, .sin6_port = htons(address->port)};
        memcpy(&six.sin6_addr, address->bytes, sizeof six.sin6_addr);
        memcpy(&name.storage, &six, sizeof six);
        name.size = sizeof six;
    } else {
        struct sockaddr_in four = {.sin_family = AF_INET, .sin_port = htons(address->port)};
        memcpy(&four.sin_addr, address->bytes, sizeof four.sin_addr);
        memcpy(&name.storage, &four, sizeof four);
        name.size = sizeof four;
    }
    return name;
}

static void proxy_socket_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static enum err proxy_socket_open(const struct view_address *address, int *ret_fd)
{
    const int family = address->family == 6 ? AF_INET6 : AF_INET;
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err proxy_socket_close_with(int fd, int number)
{
    close(fd);
    return err_from_errno(number);
}

static enum err proxy_socket_bind(const struct view_address *address, bool shared, int *ret_fd)
{
    int fd = -1;
    const enum err err = proxy_socket_open(address, &fd);
    if (err != ERR_OK) {
        return err;
    }
    proxy_socket_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared) {
        proxy_socket_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (address->family == 6) {
        proxy_socket_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    const struct proxy_socket_name name = proxy_socket_name(address);
    if (bind(fd, (const struct sockaddr *)&name.storage, name.size) != 0) {
        return proxy_socket_close_with(fd, errno);
    }
    if (listen(fd, PROXY_SOCKET_BACKLOG) != 0) {
        return proxy_socket_close_with(fd, errno);
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err proxy_socket_free(const struct view_address *address)
{
    int fd = -1;
    const enum err err = proxy_socket_bind(address, false, &fd);
    if (err == ERR_OK) {
        close(fd);
    }
    return err;
}

enum err proxy_socket_listen(const struct view_address *address, int *ret_fd)
{
    return proxy_socket_bind(address, true, ret_fd);
}

enum err proxy_socket_connect(const struct view_address *address, int *ret_fd)
{
    int fd = -1;
    const enum err err = proxy_socket_open(address, &fd);
    if (err != ERR_OK) {
        return err;
    }
    const struct proxy_socket_name name = proxy_socket_name(address);
    if (connect(fd, (const struct sockaddr *)&name.storage, name.size) != 0 && errno != EINPROGRESS) {
        return proxy_socket_close_with(fd, errno);
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err proxy_socket_connected(int fd)
{
    int number = 0;
    socklen_t size = sizeof number;
    if (getsockopt(fd, SOL_SOCKET, SO_ERROR, &number, &size) != 0) {
        return err_from_errno(errno);
    }
    if (number != 0) {
        return err_from_errno(number);
    }
    struct sockaddr_storage peer;
    socklen_t peer_size = sizeof peer;
    if (getpeername(fd, (struct sockaddr *)&peer, &peer_size) != 0) {
        return errno == ENOTCONN ? ERR_UNAVAILABLE : err_from_errno(errno);
    }
    return ERR_OK;
}

static void proxy_socket_tune(int fd, int unacked_ms, int idle_s, int interval_s)
{
    proxy_socket_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    proxy_socket_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, unacked_ms);
    proxy_socket_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    proxy_socket_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    proxy_socket_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    proxy_socket_option(fd, IPPROTO_TCP, TCP_KEEPCNT, PROXY_SOCKET_PROBES);
}

void proxy_socket_tune_client(int fd)
{
    proxy_socket_tune(fd, PROXY_SOCKET_CLIENT_UNACKED_MS, PROXY_SOCKET_CLIENT_IDLE_S, PROXY_SOCKET_CLIENT_INTERVAL_S);
}

void proxy_socket_tune_server(int fd)
{
    proxy_socket_tune(fd, PROXY_SOCKET_SERVER_UNACKED_MS, PROXY_SOCKET_SERVER_IDLE_S, PROXY_SOCKET_SERVER_INTERVAL_S);
}

void proxy_socket_abort(int fd)
{
    /* A zero linger time makes close(2) send a reset and drop the send buffer. */
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

void proxy_socket_print(const struct view_address *address, char text[PROXY_SOCKET_ADDRESS])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const bool six = address->family == 6;
    (void)inet_ntop(six ? AF_INET6 : AF_INET, address->bytes, host, sizeof host);
    snprintf(text, PROXY_SOCKET_ADDRESS, six ? "[%s]:%u" : "%s:%u", host, address->port);
}
