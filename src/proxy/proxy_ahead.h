/* SPDX-License-Identifier: Apache-2.0
 * Connections that are opened ahead of need: how many, when, and until when. Their log-in is proxy_login.h.
 *
 * `pool.min`: so many connections of a user's pool stand before anybody waits for them, as long as the user has
 * clients. `spares`: so many per way to log in (proxy_spare.h) stand at each healthy standby, so that the sessions of a
 * writer that is lost find connections at the next one that are logged in already.
 *
 * One log-in at a time per worker, and none while sessions' own log-ins are many or somebody waits for a place in the
 * pool: what is opened ahead never keeps a client waiting. After a failure the way pauses, from half a second up to a
 * minute; a way that is refused its password waits for the next session that comes with it. Belongs to the worker's
 * thread. */
#pragma once

#include "proxy/proxy_session.h"

/* The session has logged in, and so could the proxy. */
void proxy_ahead_note(struct proxy_session_context *context, struct proxy_session *session);

/* Something has happened at the end of the server that is being logged in. */
void proxy_ahead_event(struct proxy_session_context *context, struct proxy_server *server);

/* The view has changed, and context->targets with it: spares of the new writer are offered from now on, those of nodes
 * that are neither writer nor standby are closed. */
void proxy_ahead_view(struct proxy_session_context *context);

/* Spares of this entry are replaced by new ones. */
void proxy_ahead_renew(struct proxy_session_context *context, uint32_t route);

/* When ahead_deadline is reached: opens what is wanted, closes what is old or for nobody. */
void proxy_ahead_tend(struct proxy_session_context *context);

/* The worker ends. No session is left. */
void proxy_ahead_end(struct proxy_session_context *context);
