/* SPDX-License-Identifier: Apache-2.0
 * The sockets that queries come to: opened here, or taken over from whoever started the process.
 *
 * A process that ends closes its sockets, and queries that lie in them are lost. So the supervisor opens them and keeps
 * them (bin/serve_socket.h), in the way of systemd's socket activation: what comes while the process starts anew waits
 * in the kernel. Every worker has its own socket of an address (SO_REUSEPORT); the kernel spreads clients over them. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

enum { DNS_SOCKET_GIVEN = 512, DNS_SOCKET_BACKLOG = 64 };

/* Sockets that were taken over and belong to no worker yet. */
struct dns_socket_given {
    uint32_t count;
    int fds[DNS_SOCKET_GIVEN];
};

/* Takes over what LISTEN_PID and LISTEN_FDS say (sd_listen_fds(3)), and forgets the variables: once per process. */
void dns_socket_inherit(struct dns_socket_given *ret_given);

/* What nobody took. */
void dns_socket_close(struct dns_socket_given *given);

/* A socket of this address and type (SOCK_DGRAM; SOCK_STREAM listens) out of `given`, which may be NULL; -1: none. */
int dns_socket_take(struct dns_socket_given *given, const struct sockaddr_storage *address, int type);

/* Opens one. Errors are those of bind(2). */
enum err dns_socket_open(const struct sockaddr_storage *address, int type, int *ret_fd) ERR_CHECK;

/* Bound to all addresses of the machine. */
bool dns_socket_any(const struct sockaddr_storage *address);
