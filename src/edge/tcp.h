/* SPDX-License-Identifier: Apache-2.0
 * TCP sockets of the planes that relay: non-blocking, close-on-exec, with the options that find half-dead peers. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "core/view.h"

enum {
    TCP_ADDRESS = 64, /* "[address]:port" and the terminator */
};

/* Whether somebody listens there already: ERR_IN_USE. Workers share an address by SO_REUSEPORT, which would hide a
 * second process on the same port. No client can connect to the socket that tries it. */
ERR_CHECK enum err tcp_free(const struct view_address *address);

/* A listening socket of one worker. */
ERR_CHECK enum err tcp_listen(const struct view_address *address, int *ret_fd);

/* Begins to connect; the socket becomes writable when it is decided. */
ERR_CHECK enum err tcp_connect(const struct view_address *address, int *ret_fd);

/* The outcome of a connect. ERR_UNAVAILABLE: not decided yet. */
ERR_CHECK enum err tcp_connected(int fd);

/* What a client's and a server's connection need. A client may be idle for ever; it is only asked now and then whether
 * it is still there. Unacknowledged bytes end the connection: 30 s to clients, 10 s to servers. */
void tcp_tune_client(int fd);
void tcp_tune_server(int fd);

/* Closes so that nothing that is still in the kernel's buffer reaches the peer. */
void tcp_abort(int fd);

void tcp_print(const struct view_address *address, char text[TCP_ADDRESS]);
