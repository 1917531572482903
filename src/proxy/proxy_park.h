/* SPDX-License-Identifier: Apache-2.0
 * Server connections that nobody has: those of pools, idle or being reset, and their end; spares (proxy_spare.h) as far
 * as what they say and their end go.
 *
 * What such a server says is for nobody: a FATAL or the end of its connection takes it out of the pool and no client
 * hears of it. One whose node or epoch is not the view's any more is closed at once. Belongs to the worker's thread. */
#pragma once

#include "proxy/proxy_session.h"

/* A server that is clean, or as its settings say; and one with anything else, which DISCARD ALL takes away. Neither is
 * lent before the last cancel that was meant for its last client has been dealt with. */
void proxy_park_put(struct proxy_session_context *context, struct proxy_server *server);
void proxy_park_reset(struct proxy_session_context *context, struct proxy_server *server);

/* Something has happened at its end. */
void proxy_park_event(struct proxy_session_context *context, struct proxy_server *server);

/* Closes it; `abort`: it hears nothing any more. */
void proxy_park_close(struct proxy_session_context *context, struct proxy_server *server, bool abort);

/* Closes those that are not `view`'s any more (NULL: there is none). */
void proxy_park_fence(struct proxy_session_context *context, const struct view *view);

/* Whether none of this route is being reset. */
bool proxy_park_quiet(const struct proxy_session_context *context, uint32_t route);

/* When pools_deadline is reached: closes the old and the idle, looks after cancels and the reserve, forgets pools that
 * nobody uses. */
void proxy_park_tend(struct proxy_session_context *context);

/* The worker ends. No session is left. */
void proxy_park_end(struct proxy_session_context *context);
