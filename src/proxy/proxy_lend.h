/* SPDX-License-Identifier: Apache-2.0
 * How sessions of a pooled entry come to a server connection, and give it back.
 *
 * In transaction mode a session that rests has none. It takes one when its client says something: at once when one that
 * fits is idle; else it goes to CONNECTING and stands in line, and is served there with one that fits, one that is
 * reset for it (proxy_move.h says its settings again), or a place to open one. It gives the connection back when it is
 * idle and everything is delivered, unless it has something there that belongs to the connection (proxy_keep_pinned):
 * then it stays, is counted as pinned, and ends up in the pool only after a reset. In session mode the connection comes
 * back when the client leaves. A client whose log-in has yet to pass to a server needs a place like everybody else. */
#pragma once

#include "proxy/proxy_session.h"

/* A resting session's client may have said something. True: there is a server now, read on. */
bool proxy_lend_take(struct proxy_session_context *context, struct proxy_session *session);

/* A client that the proxy has let in (`entering`) is told so; it needs no server before it says something. False: it
 * does, nothing has changed. */
bool proxy_lend_welcome(struct proxy_session_context *context, struct proxy_session *session);

/* Serves those who wait, as far as there is something for them. */
void proxy_lend_serve(struct proxy_session_context *context);
