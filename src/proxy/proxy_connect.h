/* SPDX-License-Identifier: Apache-2.0
 * From an admitted client to a server that talks to it: waiting, connecting, the log-in.
 *
 * A session waits while the view names no server, while a planned move holds the database, and while the server cannot
 * be reached or says that it cannot accept connections now (57P01 to 57P03): nothing of this is told to the client, who
 * sees a delay. Attempts are paced from 10 to 200 ms; a change of the view starts one at once. */
#pragma once

#include "proxy/proxy_session.h"

/* Enters CONNECTING. The start-up packet to send, or the cancel target, is in the session. */
void proxy_connect_begin(struct proxy_session_context *context, struct proxy_session *session);

/* Something happened at an end, or nothing in particular: goes as far as it can. CONNECTING and AUTH. */
void proxy_connect_step(struct proxy_session_context *context, struct proxy_session *session);

/* The deadline of the present attempt, pause or log-in has passed. */
void proxy_connect_late(struct proxy_session_context *context, struct proxy_session *session);

/* CONNECTING: the view has changed; tries again at once, at another server if need be. */
void proxy_connect_again(struct proxy_session_context *context, struct proxy_session *session);
