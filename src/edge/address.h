/* SPDX-License-Identifier: Apache-2.0
 * Literal addresses with a port, "127.1.0.11:7081" or "[fd00::1]:7081": parsed, printed, never looked up.
 *
 * Plain values, any thread. */
#pragma once

#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "base/err.h"

struct address {
    struct sockaddr_storage storage;
    socklen_t size;
};

enum {
    ADDRESS_TEXT = 64, /* "[" INET6_ADDRSTRLEN "]:65535" and the terminator */
};

/* ERR_INVALID: not of this form (a host name, no port, a port above 65535): tell the operator what was expected. Port 0
 * is accepted: the system chooses one when listening. */
ERR_CHECK enum err address_parse(const char *text, struct address *ret_address);

/* As address_parse, but the port may be left out, and with it the brackets: "127.1.0.11", "fd00::1". ERR_INVALID. */
ERR_CHECK enum err address_parse_any(const char *text, uint16_t port, struct address *ret_address);

/* The form that address_parse reads. */
void address_print(const struct address *address, char text[ADDRESS_TEXT]);

uint16_t address_port(const struct address *address);
