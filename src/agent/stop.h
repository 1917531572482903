/* SPDX-License-Identifier: Apache-2.0
 * Ending the server cleanly: everything it acknowledged is in its log, and the log's end is known.
 *
 * A server writes its shutdown checkpoint when its last session has ended. From then on its postmaster lets nobody in
 * until it is gone, so nothing can be acknowledged any more; what remains is walsenders that hand that record on, and
 * the end of the processes. That takes longer than all before, and as long as the slowest standby wants. */
#pragma once

#include "agent/node.h"
#include "base/err.h"
#include "base/time.h"
#include "core/lsn.h"

/* Until the server has ended. The end of the shutdown checkpoint's record is where everything ends. Who wants that
 * checkpoint to be short makes one before, while sessions still work. `work` held. ERR_TIMEOUT: still at it.
 * ERR_CONTENT: it did not end cleanly. */
ERR_CHECK enum err stop_server(struct node *node, struct mono deadline, struct lsn *ret_shutdown);

/* The same until nothing can be acknowledged any more, which pg_control says: the right is given up, the server may
 * still be there (`leaving`). The fence stays armed as it was, and stop_turn sees it off. */
ERR_CHECK enum err stop_writing(struct node *node, struct mono deadline, struct lsn *ret_shutdown);

/* Until a server that stop_writing left has ended; what takes too long is killed. `work` held. */
ERR_CHECK enum err stop_await(struct node *node, struct mono deadline);

/* One turn of the supervising loop: a server that stop_writing left has ended. */
void stop_turn(struct node *node);
