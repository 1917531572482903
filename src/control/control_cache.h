/* SPDX-License-Identifier: Apache-2.0
 * Watching the servers of caches: the leading controller asks each a few times a second what it is (core/cache.h). A
 * thread of its own: servers may be slow or gone. */
#pragma once

#include "control/control_state.h"

ERR_CHECK enum err control_cache_start(struct control *control);

/* Waits for its end. */
void control_cache_stop(struct control *control);
