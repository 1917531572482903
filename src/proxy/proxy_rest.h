/* SPDX-License-Identifier: Apache-2.0
 * Sessions give their server connection back to the pool: in transaction mode when they are idle and everything is
 * delivered, unless they have something there that belongs to the connection (proxy_keep_pinned); in session mode when
 * their client leaves.
 *
 * One with statements prepared by name lingers: it keeps its connection until somebody waits for one, because its
 * statements would have to be prepared again on another. */
#pragma once

#include "proxy/proxy_session.h"

/* Gives the server back if it may be. True: the session rests now. And: only if others wait for it. */
bool proxy_rest_begin(struct proxy_session_context *context, struct proxy_session *session);
bool proxy_rest_yield(struct proxy_session_context *context, struct proxy_session *session);

/* Somebody waits and nothing is there: one that lingers gives its server back. False: none does. */
bool proxy_rest_recall(struct proxy_session_context *context, struct proxy_pool *pool);

/* An idle session whose server is gone needs no other one before its client says something. */
bool proxy_rest_may(const struct proxy_session *session);

/* The client leaves: the server is not its any more if it can be another's. */
void proxy_rest_return(struct proxy_session_context *context, struct proxy_session *session);
