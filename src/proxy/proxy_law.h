/* SPDX-License-Identifier: Apache-2.0
 * Where nobody may lower synchronous_commit (proxy_ban.h): what of a client passes, and what one hears that does not.
 *
 * Belongs to the worker's thread. */
#pragma once

#include <stdbool.h>

#include "base/span.h"
#include "proxy/proxy_session.h"

/* Whether these next bytes of an ACTIVE session's client may pass. Asked once of each, in their order, before
 * `client.received` has seen them. */
bool proxy_law_passes(struct proxy_session_context *context, struct proxy_session *session, struct span bytes);

/* They may not. A simple query alone is answered with an error; anything else ends the session, for a part of it may
 * have passed. True: the session goes on, and owes its client the answer. */
bool proxy_law_refuse(struct proxy_session_context *context, struct proxy_session *session, struct span bytes);
