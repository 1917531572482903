/* SPDX-License-Identifier: Apache-2.0
 * A session goes on with another server: the proxy logs in for it, says again what the last server had heard, and the
 * client, who only waits, sees nothing but settings that differ.
 *
 * Moved is a session that is idle: outside a transaction, nothing in flight, at a message's boundary. What is in flight
 * or open is judged by proxy_lost.h, and answered by the proxy. When the server said FATAL before anything else, what
 * was in flight never ran and is sent again (a server process that is told to end in the middle of a statement rolls it
 * back before it says so, and one that has committed says CommandComplete first). The session leaves ACTIVE for
 * CONNECTING, waits there like a new one (for the view to name a writer, for a planned move to end), and goes through
 * LOGIN back to ACTIVE. What the client sends meanwhile stays in the kernel. A session with something that cannot be
 * moved ends with 57P01 and a sentence that names it. */
#pragma once

#include "proxy/proxy_lost.h"
#include "proxy/proxy_session.h"

/* Whether a session that is not idle can live without its server. */
bool proxy_move_lives(const struct proxy_session *session);

/* The server of such a session is gone, or is no good. `what` happened goes into the client's error. */
void proxy_move_in_flight(struct proxy_session_context *context, struct proxy_session *session,
                          enum proxy_lost_proof proof, const char *what);

/* An idle session's server is gone, or is no longer the view's. */
void proxy_move_or_end(struct proxy_session_context *context, struct proxy_session *session);

/* CONNECTING, with a server of a pool that somebody else had: it is as the session is; or it is reset and told the
 * session's settings. The session becomes ACTIVE, in the second case later. */
void proxy_move_take(struct proxy_session_context *context, struct proxy_session *session);
void proxy_move_reset(struct proxy_session_context *context, struct proxy_session *session);

/* CONNECTING, with a spare that was logged in while its server was a standby: it is asked for its role, and is what a
 * server is that has just logged the session in. */
void proxy_move_adopt(struct proxy_session_context *context, struct proxy_session *session);

/* A client that is `entering` gets a key of its own. False: there is none, the session has ended. */
bool proxy_move_client_key(struct proxy_session_context *context, struct proxy_session *session, size_t secret_size);

/* The server's own list of what it has reported is what the client is compared with. And: tells the client what it does
 * not know yet. False: out of memory. */
bool proxy_move_fresh(struct proxy_session *session);
bool proxy_move_parameters(struct proxy_session_context *context, struct proxy_session *session);

/* The new server has said its first word: CONNECTING to LOGIN. */
void proxy_move_login(struct proxy_session_context *context, struct proxy_session *session);

/* One whole message in LOGIN. False: the attempt or the session is over. The last one makes the session ACTIVE. */
bool proxy_move_message(struct proxy_session_context *context, struct proxy_session *session,
                        const struct pg_frame_message *message, struct span whole);

/* The rest of a log-in, to a client whom the proxy has let in (proxy_auth.h): what is known of settings, the key, and
 * ReadyForQuery. CONNECTING or LOGIN to ACTIVE. False: the session is over. */
bool proxy_move_welcome(struct proxy_session_context *context, struct proxy_session *session);

/* Answers about outcomes have come. */
void proxy_move_inquire_all(struct proxy_session_context *context);

/* The session has logged in: sees to it that the same can be done again. And: verifiers have come. */
void proxy_move_learn(struct proxy_session_context *context, struct proxy_session *session);
void proxy_move_learn_all(struct proxy_session_context *context);
