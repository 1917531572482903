/* SPDX-License-Identifier: Apache-2.0
 * Keeping the view in a file, for data planes that start while no controller runs. A thread of its own: the disk may be
 * slow. */
#pragma once

#include "control/control_state.h"

ERR_CHECK enum err control_keep_start(struct control *control);
void control_keep_stop(struct control *control);
