/* SPDX-License-Identifier: Apache-2.0
 * What the heads of a client's messages say of its session: what is in flight, and whose the unnamed statement is.
 * Belongs to the worker's thread. */
#pragma once

#include "proxy/proxy_session.h"

/* A message of the client's has ended. */
void proxy_heads_client(struct proxy_session *session, uint8_t type);

/* Likewise in a pool. A pooled connection's unnamed statement may be another client's: only one that was made since it
 * is ours is used; else the session is `strange`. */
void proxy_heads_unnamed(struct proxy_session *session, const struct pg_frame_message *message);
