/* SPDX-License-Identifier: Apache-2.0
 * Carries a view and a set-up out on the sessions of one worker: who is cut, who drains, who may try anew. */
#pragma once

#include "service/service_session.h"

/* `view` NULL: nothing is known yet. Both stay the caller's and in place until the next call. */
void service_switch_apply(struct service_session_context *context, const struct service_setup *setup,
                          const struct view *view);
