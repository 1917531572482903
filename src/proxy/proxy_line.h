/* SPDX-License-Identifier: Apache-2.0
 * The line before a pool: who belongs to it, who waits, whose turn has to be looked at (proxy_lend.h). */
#pragma once

#include "proxy/proxy_session.h"

/* The session's entry is pooled: it has a pool from now on, and a place among the entry's clients. ERR_QUEUE_FULL:
 * there are too many clients already. ERR_NO_MEMORY. */
ERR_CHECK enum err proxy_line_join(struct proxy_session_context *context, struct proxy_session *session);

/* The session ends: out of the line, out of the counts. */
void proxy_line_leave(struct proxy_session_context *context, struct proxy_session *session);

/* It can give its server back again. */
void proxy_line_unpin(struct proxy_session_context *context, struct proxy_session *session);

/* CONNECTING without a place: stands in line, where it stood before if it is there already. And: it is served, or gone.
 */
void proxy_line_stand(struct proxy_session_context *context, struct proxy_session *session);
void proxy_line_out(struct proxy_session_context *context, struct proxy_session *session);

/* The place that it got is given up, if it has one. */
void proxy_line_give_up(struct proxy_session_context *context, struct proxy_session *session);

/* Those who wait for connections of this route are looked at in the next round. */
void proxy_line_stir(struct proxy_session_context *context, uint32_t route);

/* A pool may have become empty: it is freed a little later. */
void proxy_line_forget_later(struct proxy_session_context *context);
