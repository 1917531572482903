/* SPDX-License-Identifier: Apache-2.0
 * Copies bytes between the two ends of a session and learns from the message heads that pass.
 *
 * Bytes are sent on at once from the worker's buffer; only what the kernel does not take is kept, and then nothing more
 * is read from that side. Heads are looked at in both directions: what is in flight, the transaction's state, errors
 * that mean "wrong server". CommandComplete is no acknowledgement (a COMMIT may still follow in a batch, and the
 * transaction of a simple query ends after it): only ReadyForQuery counts here. */
#pragma once

#include "proxy/proxy_session.h"

/* Relays an ACTIVE session (and, towards the server only, one in AUTH) as far as it goes without waiting; ends it when
 * an end is gone. A session that could go on for ever is put on the ready list after some rounds. */
void proxy_relay_pump(struct proxy_session_context *context, struct proxy_session *session);

/* Only client to server: AUTH. */
void proxy_relay_to_server(struct proxy_session_context *context, struct proxy_session *session);

/* One message from the server, also used for those of the log-in. */
void proxy_relay_server_message(struct proxy_session_context *context, struct proxy_session *session,
                                const struct pg_frame_message *message);

/* The server's connection is gone: what that means for the client. */
void proxy_relay_server_gone(struct proxy_session_context *context, struct proxy_session *session);
