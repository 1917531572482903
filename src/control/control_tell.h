/* SPDX-License-Identifier: Apache-2.0
 * Telling people about runs: from the engine's run to a notification on the durable spool. Decision thread only. */
#pragma once

#include "control/control_state.h"

enum { CONTROL_TELL_ORDERED = 256 };

ERR_CHECK enum err control_tell_open(struct control *control);
void control_tell_close(struct control *control);

/* A sentence about an order that the engine took without one of its own: an approval, an abort. It goes to the log and
 * the journal, with who and why; call it before journal_take. */
void control_tell_order(struct control *control, const struct event *event);

/* Whether it is such an order, and the sentence. */
bool control_tell_ordered(const struct event_command *command, const struct output *output,
                          char ret_text[CONTROL_TELL_ORDERED]);

/* ACTION_NOTIFY as an entry of the journal (control/journal.h); what cannot be rendered is logged. */
bool control_tell_write(struct control *control, const struct action *action, struct arena *memory,
                        struct store_write *ret_write);
