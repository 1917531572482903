/* SPDX-License-Identifier: Apache-2.0
 * TCP sockets of the planes that relay. */
#include "edge/tcp.h"

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
    TCP_BACKLOG = 1024,
    TCP_CLIENT_UNACKED_MS = 30000,
    TCP_CLIENT_IDLE_S = 60,
    TCP_CLIENT_INTERVAL_S = 10,
    TCP_SERVER_UNACKED_MS = 10000,
    TCP_SERVER_IDLE_S = 5,
    TCP_SERVER_INTERVAL_S = 2,
    TCP_PROBES = 3,
};

struct tcp_name {
    struct sockaddr_storage storage;
    socklen_t size;
};

static struct tcp_name tcp_name(const struct view_address *address)
{
    struct tcp_name name = {.size = 0};
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

static void tcp_option(int fd, int level, int option, int value)
{
    (void)setsockopt(fd, level, option, &value, sizeof value);
}

static enum err tcp_open(const struct view_address *address, int *ret_fd)
{
    const int family = address->family == 6 ? AF_INET6 : AF_INET;
    const int fd = socket(family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    if (fd < 0) {
        return err_from_errno(errno);
    }
    *ret_fd = fd;
    return ERR_OK;
}

static enum err tcp_close_with(int fd, int number)
{
    close(fd);
    return err_from_errno(number);
}

static enum err tcp_bind(const struct view_address *address, bool shared, int *ret_fd)
{
    int fd = -1;
    const enum err err = tcp_open(address, &fd);
    if (err != ERR_OK) {
        return err;
    }
    tcp_option(fd, SOL_SOCKET, SO_REUSEADDR, 1);
    if (shared) {
        tcp_option(fd, SOL_SOCKET, SO_REUSEPORT, 1);
    }
    if (address->family == 6) {
        tcp_option(fd, IPPROTO_IPV6, IPV6_V6ONLY, 1);
    }
    const struct tcp_name name = tcp_name(address);
    if (bind(fd, (const struct sockaddr *)&name.storage, name.size) != 0) {
        return tcp_close_with(fd, errno);
    }
    *ret_fd = fd;
    return ERR_OK;
}

/* Does not listen: whoever connected in that instant would be reset when this socket is closed. */
enum err tcp_free(const struct view_address *address)
{
    int fd = -1;
    const enum err err = tcp_bind(address, false, &fd);
    if (err == ERR_OK) {
        close(fd);
    }
    return err;
}

enum err tcp_listen(const struct view_address *address, int *ret_fd)
{
    int fd = -1;
    const enum err err = tcp_bind(address, true, &fd);
    if (err != ERR_OK) {
        return err;
    }
    if (listen(fd, TCP_BACKLOG) != 0) {
        return tcp_close_with(fd, errno);
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err tcp_connect(const struct view_address *address, int *ret_fd)
{
    int fd = -1;
    const enum err err = tcp_open(address, &fd);
    if (err != ERR_OK) {
        return err;
    }
    const struct tcp_name name = tcp_name(address);
    if (connect(fd, (const struct sockaddr *)&name.storage, name.size) != 0 && errno != EINPROGRESS) {
        return tcp_close_with(fd, errno);
    }
    *ret_fd = fd;
    return ERR_OK;
}

enum err tcp_connected(int fd)
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

static void tcp_tune(int fd, int unacked_ms, int idle_s, int interval_s)
{
    tcp_option(fd, IPPROTO_TCP, TCP_NODELAY, 1);
    tcp_option(fd, IPPROTO_TCP, TCP_USER_TIMEOUT, unacked_ms);
    tcp_option(fd, SOL_SOCKET, SO_KEEPALIVE, 1);
    tcp_option(fd, IPPROTO_TCP, TCP_KEEPIDLE, idle_s);
    tcp_option(fd, IPPROTO_TCP, TCP_KEEPINTVL, interval_s);
    tcp_option(fd, IPPROTO_TCP, TCP_KEEPCNT, TCP_PROBES);
}

void tcp_tune_client(int fd)
{
    tcp_tune(fd, TCP_CLIENT_UNACKED_MS, TCP_CLIENT_IDLE_S, TCP_CLIENT_INTERVAL_S);
}

void tcp_tune_server(int fd)
{
    tcp_tune(fd, TCP_SERVER_UNACKED_MS, TCP_SERVER_IDLE_S, TCP_SERVER_INTERVAL_S);
}

void tcp_abort(int fd)
{
    /* A zero linger time makes close(2) send a reset and drop the send buffer. */
    const struct linger linger = {.l_onoff = 1, .l_linger = 0};
    (void)setsockopt(fd, SOL_SOCKET, SO_LINGER, &linger, sizeof linger);
    close(fd);
}

void tcp_print(const struct view_address *address, char text[TCP_ADDRESS])
{
    char host[INET6_ADDRSTRLEN] = "?";
    const bool six = address->family == 6;
    (void)inet_ntop(six ? AF_INET6 : AF_INET, address->bytes, host, sizeof host);
    snprintf(text, TCP_ADDRESS, six ? "[%s]:%u" : "%s:%u", host, address->port);
}
