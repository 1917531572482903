/* SPDX-License-Identifier: Apache-2.0
 * The present set-up, for every thread of the control process. */
#include "control/control_state.h"

struct setup *control_setup(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    struct setup *setup = setup_hold(control->setup);
    pthread_mutex_unlock(&control->lock);
    return setup;
}
