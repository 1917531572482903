/* SPDX-License-Identifier: Apache-2.0
 * The DNS server's sockets in the hands of the supervisor: queries that come while the server starts anew, after an
 * order or a crash, wait in the kernel instead of being lost.
 *
 * Handed to each new server in the way of systemd's socket activation (dns/dns_socket.h). */
#pragma once

#include <stdint.h>

#include "dns/dns_socket.h"
#include "wire/config.h"

/* Opens what the site's DNS server would open, or takes it over from whoever started this process. Where that fails
 * nothing is kept: the server itself will try, and say what is wrong. */
void serve_socket_open(const struct config *config, uint32_t site, struct dns_socket_given *ret_sockets);

/* In the child, before exec: puts the sockets where the server looks for them. */
void serve_socket_hand(const struct dns_socket_given *sockets);
