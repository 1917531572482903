/* SPDX-License-Identifier: Apache-2.0
 * Telling people about runs: from the engine's run to a notification on the durable spool. Decision thread only. */
#pragma once

#include "control/control_state.h"

ERR_CHECK enum err control_tell_open(struct control *control);
void control_tell_close(struct control *control);

/* Carries out ACTION_NOTIFY. Never blocks; what cannot be spooled is logged. */
void control_tell(struct control *control, const struct action *action);
