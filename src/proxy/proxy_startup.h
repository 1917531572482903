/* SPDX-License-Identifier: Apache-2.0
 * The client's first packets: encryption, finding the route, or serving a cancel request. */
#pragma once

#include "proxy/proxy_session.h"

/* Reads as far as it can; STARTUP. */
void proxy_startup_step(struct proxy_session_context *context, struct proxy_session *session);
