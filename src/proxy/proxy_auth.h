/* SPDX-License-Identifier: Apache-2.0
 * A client proves to the proxy who it is (`proxy.auth: scram`), before any server is asked to let it in.
 *
 * From STARTUP to CHALLENGE: the role's verifier is asked of the vault (proxy_vault.h), then the client of its password
 * (proxy_proof.h). Then the session is entering (move.entering): the client has got AuthenticationOk and waits for
 * ParameterStatus, BackendKeyData and ReadyForQuery, and session->keep->learn has the key that logs in for it at any
 * server of the cluster. No server connection is needed until then, and none is there.
 *
 * For a pool: the hand-over is proxy_auth_enter(), which puts the session into CONNECTING with `move.under_way` and
 * `move.entering` set, so that a log-in of its own is made at the route's server (proxy_move.h), the way that a moved
 * session goes. Who has a server connection already attaches it there instead. proxy_move_welcome() says the rest of
 * the log-in to the client, from session->keep->known (filled with proxy_keep_parameter) and session->key, and makes it
 * ACTIVE.
 *
 * With `proxy.hba_file` its rules come first (proxy_rules.h; not for the console, whose users always need a password):
 * who may try, how, and with which certificate. Whom they let in without a password (trust, cert) the proxy can log in
 * only with a password from the auth file, or at a server that trusts the proxy.
 *
 * A wrong password, a role that is not there and a role without a password get the same answers after the same work:
 * 28P01. Nothing that a client says is read beyond the message that is awaited. */
#pragma once

#include "proxy/proxy_session.h"

/* The start-up packet is in the session, `keep` is there. */
void proxy_auth_begin(struct proxy_session_context *context, struct proxy_session *session);

/* CHALLENGE: something has happened; or its deadline has passed. */
void proxy_auth_step(struct proxy_session_context *context, struct proxy_session *session);
void proxy_auth_late(struct proxy_session_context *context, struct proxy_session *session);

/* Verifiers have come. */
void proxy_auth_ask_all(struct proxy_session_context *context);
