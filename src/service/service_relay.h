/* SPDX-License-Identifier: Apache-2.0
 * Moves the bytes of an active session, both ways, as far as its ends go.
 *
 * A direction reads only while its buffer is empty, so what a slow reader does not take is at most one buffer; the rest
 * stays with the sender. The end of one direction is passed on once all its bytes are: the other may go on for as long
 * as it likes. A reset is passed on as a reset. */
#pragma once

#include "service/service_session.h"

void service_relay_pump(struct service_session_context *context, struct service_session *session);
