/* SPDX-License-Identifier: Apache-2.0
 * Whether two nodes acknowledged writes at the same time, also when nothing was lost by it.
 *
 * Each epoch is a timeline of its own, so all acknowledgements of one node on one timeline belong to the highest epoch
 * that was seen there (a row that carries the new epoch is committed a moment after the promotion). Then:
 *   SPLIT_BRAIN  a commit was *sent* after an acknowledgement under a newer epoch had *arrived*, and still got its own
 *                under the older one: no clock of a server is trusted, both instants are the client machine's.
 *   TWO_NODES    one epoch, or one timeline, with acknowledgements of two nodes.
 *   TWO_SYSTEMS  acknowledgements of two database systems. */
#pragma once

#include "base/err.h"
#include "check_report.h"

/* ERR_NO_MEMORY. */
ERR_CHECK enum err check_epoch_judge(const struct history *history, struct check_report *report);
