/* SPDX-License-Identifier: Apache-2.0
 * From a connection to a server to a session that is logged in: the server's messages until its first ReadyForQuery.
 * When and where attempts are made: proxy_attempt.h; a log-in of the proxy's own: proxy_move.h. */
#pragma once

#include "proxy/proxy_session.h"

/* Something happened at an end, or nothing in particular: goes as far as it can. CONNECTING, LOGIN and AUTH. */
void proxy_connect_step(struct proxy_session_context *context, struct proxy_session *session);

/* The deadline of the present attempt, pause or log-in has passed. */
void proxy_connect_late(struct proxy_session_context *context, struct proxy_session *session);
