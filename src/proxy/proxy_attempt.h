/* SPDX-License-Identifier: Apache-2.0
 * Attempts to reach a server for a session: when, where, and how often again.
 *
 * A session waits while the view names no server, while a planned move holds the database, and while the server cannot
 * be reached or says that it cannot accept connections now (57P01 to 57P03): nothing of this is told to the client, who
 * sees a delay. Attempts are paced from 10 to 200 ms; a change of the view starts one at once. */
#pragma once

#include "proxy/proxy_session.h"

/* Enters CONNECTING. The start-up packet to send, or the cancel target, is in the session. */
void proxy_attempt_begin(struct proxy_session_context *context, struct proxy_session *session);

/* CONNECTING without a server: the pause is over. */
void proxy_attempt_next(struct proxy_session_context *context, struct proxy_session *session);

/* CONNECTING, LOGIN: this attempt has failed, another one follows after a pause; or only the pause. */
void proxy_attempt_failed(struct proxy_session_context *context, struct proxy_session *session, enum err err);
void proxy_attempt_pause(struct proxy_session_context *context, struct proxy_session *session);

/* CONNECTING, LOGIN: the view has changed; tries again at once, at another server if need be. */
void proxy_attempt_again(struct proxy_session_context *context, struct proxy_session *session);
