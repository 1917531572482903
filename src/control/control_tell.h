/* SPDX-License-Identifier: Apache-2.0
 * Telling people about runs: from the engine's run to a notification on the durable spool. Decision thread only. */
#pragma once

#include "control/control_state.h"

ERR_CHECK enum err control_tell_open(struct control *control);
void control_tell_close(struct control *control);

/* ACTION_NOTIFY as an entry of the journal (control/journal.h); what cannot be rendered is logged. */
bool control_tell_write(struct control *control, const struct action *action, struct arena *memory,
                        struct store_write *ret_write);
