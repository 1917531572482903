/* SPDX-License-Identifier: Apache-2.0
 * Whether everything acknowledged is in the end there, once, and nothing else: the set, and the books of the bank.
 *
 * LOST: acknowledged before a read at the end began, and not in it. LIE: certainly not applied, and in it. PHANTOM:
 * never attempted. DUPLICATE. What had no known outcome may be there ("recovered") or not; both are counted. Only reads
 * at a writer judge: a replica may be behind. NO_END: acknowledgements that no later read at the end covers. */
#pragma once

#include "base/err.h"
#include "check_report.h"

/* ERR_INVALID: the history adds one value twice. ERR_NO_MEMORY. */
ERR_CHECK enum err check_set_judge(const struct history *history, struct check_report *report);
