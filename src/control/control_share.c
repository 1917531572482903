/* SPDX-License-Identifier: Apache-2.0
 * The present set-up and the readers of this host, for every thread of the control process. */
#include "control/control_state.h"

struct setup *control_setup(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    struct setup *setup = setup_hold(control->setup);
    pthread_mutex_unlock(&control->lock);
    return setup;
}

void control_share_readers(struct control *control, struct publish_reader_info *list, uint32_t *ret_count)
{
    pthread_mutex_lock(&control->publishing);
    publish_writer_readers(&control->publisher, list, ret_count);
    pthread_mutex_unlock(&control->publishing);
}
