/* SPDX-License-Identifier: Apache-2.0
 * Finds a server for a session: one attempt after the other, in the view's order, until one answers or the client has
 * waited long enough. */
#pragma once

#include "service/service_session.h"

/* Begins the next attempt; when all were tried, the first again after a moment, or with the next view. */
void service_connect_begin(struct service_session_context *context, struct service_session *session);

/* After an event of a CONNECTING session. */
void service_connect_step(struct service_session_context *context, struct service_session *session);

/* When something is due of it. */
void service_connect_late(struct service_session_context *context, struct service_session *session);

/* The row and place of its client in the present view. There is a view. */
struct service_route_client service_connect_client(const struct service_session_context *context,
                                                   const struct service_session *session);
