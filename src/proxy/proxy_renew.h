/* SPDX-License-Identifier: Apache-2.0
 * Server connections that are replaced although they work: by RECONNECT at the console, because a reader's standby is
 * further behind than its entry allows, or because a reader that went to the writer may go to a standby again.
 *
 * One that is marked is closed at the next transaction boundary, when everything is delivered, and its session goes on
 * with another, just as when a server is gone (proxy_move.h). A session that cannot be moved keeps it; so does one that
 * has nowhere to go. Of pools those that nobody has are closed at once, and those that are lent when they come back.
 *
 * Only few log-ins are under way at a time, so that nobody waits long for the sake of tidiness. Belongs to the worker's
 * thread. */
#pragma once

#include "proxy/proxy_session.h"

/* All connections of an entry. And: those of readers that had better be elsewhere by `view` (proxy_route_stale). */
void proxy_renew_route(struct proxy_session_context *context, uint32_t route);
void proxy_renew_stale(struct proxy_session_context *context, const struct view *view);

/* A session for which there is nothing to relay. True: it has left its server, and the relay has nothing more to do. */
bool proxy_renew_session(struct proxy_session_context *context, struct proxy_session *session);
