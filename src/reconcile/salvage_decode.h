/* SPDX-License-Identifier: Apache-2.0
 * A database's guard slot, decoded and sent to the new writer. Internal to salvage. */
#pragma once

#include "reconcile/salvage_job.h"

/* Every transaction of the slot that committed behind the fork, in its order. `target` NULL: counted only. `doubt`: why
 * none of them may be applied; NULL: they may. Marks the commits that it saw. */
ERR_CHECK enum err salvage_decode_run(struct salvage_job *job, const struct salvage_job_database *database,
                                      struct salvage_target *target, const char *doubt);
