/* SPDX-License-Identifier: Apache-2.0
 * Sockets in the care of the service manager, so that they outlive the supervisor, too: systemd's file descriptor store
 * (sd_notify(3), FDSTORE=1; FileDescriptorStoreMax= of the unit). It gives them back to the next start as sockets that
 * were listened on (dns/dns_socket.h).
 *
 * What was there under the same name before is taken out, so that no socket stays open that nobody reads. Without a
 * service manager that keeps things ($NOTIFY_SOCKET) nothing happens. */
#pragma once

#include "dns/dns_socket.h"

/* Forgets $NOTIFY_SOCKET: it is not the children's. Problems are told in the log; the sockets are then ours alone. */
void serve_keep(const struct dns_socket_given *sockets);
