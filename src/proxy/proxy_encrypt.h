/* SPDX-License-Identifier: Apache-2.0
 * Encryption towards a server, before anything else is said to it: PostgreSQL's SSLRequest, its one byte, the
 * handshake.
 *
 * For sessions, moved sessions and cancel requests alike. What to do when the server declines or its certificate is not
 * what it must be: proxy_tls.h, enum proxy_tls_server_mode. */
#pragma once

#include "proxy/proxy_session.h"

/* One step, as soon as the connection stands and after each event. ERR_OK: the server may be spoken to.
 * ERR_UNAVAILABLE: not yet. Other errors: this attempt has failed; the log says why. */
ERR_CHECK enum err proxy_encrypt_server(struct proxy_session_context *context, struct proxy_server *server);

/* SCRAM-SHA-256-PLUS in a server's offer that passes to a client in clear: it could not bind to our channel, and would
 * not believe the offer. Gives it a name that nobody knows, in place; `body` is that of an AuthenticationRequest. */
void proxy_encrypt_offer(uint8_t *body, size_t size);
