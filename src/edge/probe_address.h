/* SPDX-License-Identifier: Apache-2.0
 * Literal addresses of probes: "127.0.0.1:80", "[::1]:80" (edge/address.h, port not 0), or "/run/haproxy.sock". */
#pragma once

#include <stdbool.h>
#include <sys/socket.h>

#include "base/err.h"

struct probe_address {
    struct sockaddr_storage storage;
    socklen_t size;
    bool local; /* a unix socket */
};

/* ERR_INVALID: not a literal address with a port, nor an absolute path short enough for a socket. */
enum err probe_address_parse(const char *text, struct probe_address *ret_address) ERR_CHECK;
