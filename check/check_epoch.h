/* SPDX-License-Identifier: Apache-2.0
 * Whether two nodes acknowledged writes at the same time, also when nothing was lost by it.
 *
 * Writes that do not wait for a standby (HISTORY_LOOSE) show it soonest: where every commit waits, the old writer has
 * nobody left who answers.
 *
 * Each epoch is a timeline of its own, so all acknowledgements of one node on one timeline belong to the highest epoch
 * that was seen there (a row that carries the new epoch is committed a moment after the promotion). Then:
 *   SPLIT_BRAIN  a commit was *sent* after an acknowledgement under a newer epoch, or on a newer timeline, had
 *                *arrived*, and still got its own under the older one: no clock of a server is trusted, both instants
 * are the client machine's. The timeline counts too because the first writer commits no proof of epoch 1. TWO_NODES one
 * epoch, or one timeline, with acknowledgements of two nodes. TWO_SYSTEMS  acknowledgements of two database systems. */
#pragma once

#include "base/err.h"
#include "check_report.h"

/* ERR_NO_MEMORY. */
ERR_CHECK enum err check_epoch_judge(const struct history *history, struct check_report *report);
