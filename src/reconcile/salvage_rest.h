/* SPDX-License-Identifier: Apache-2.0
 * What logical decoding does not show: the rest of the tail, named in the ledger; and sequences. Internal to salvage.
 */
#pragma once

#include "reconcile/salvage_job.h"

/* Every commit of this database that was not decoded gets its entry. Without a usable slot the rows that are left of
 * each are looked up by their xmin: their last state, without an order; what was deleted or written again later is
 * unknown, and the salvage incomplete. */
ERR_CHECK enum err salvage_rest_run(struct salvage_job *job, const struct salvage_job_database *database,
                                    struct salvage_target *target);

/* Each sequence of the old database that is further than the new one's: that one is set to the same value. */
ERR_CHECK enum err salvage_rest_sequences(struct salvage_job *job, const struct salvage_job_database *database,
                                          struct salvage_target *target);
