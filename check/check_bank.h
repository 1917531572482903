/* SPDX-License-Identifier: Apache-2.0
 * Whether money was made or destroyed: every read of all balances has the same total; at the end the balances are
 * exactly what the moves in the books make of the first ones.
 *
 * The total holds at the writer and at every replica: each read is one snapshot, and a replica applies commits whole.
 * That reads of both kinds agree about an order is not claimed (PostgreSQL does not: long fork). */
#pragma once

#include "base/err.h"
#include "check_report.h"

/* ERR_NO_MEMORY. */
ERR_CHECK enum err check_bank_judge(const struct history *history, struct check_report *report);
