/* SPDX-License-Identifier: Apache-2.0
 * Whether transactions that append to lists and read them are as isolated as their level promises.
 *
 * After Elle (Kingsbury and Alvaro 2020): since every appended value is unique and lists only grow, a read shows the
 * order of all writes before it. From the longest read of each list follow who overwrote whom (ww), who read from whom
 * (wr), and who did not see whom (rw); a cycle of these is an anomaly, named as by Adya:
 *   serializable  no cycle at all        repeatable  neither G0, G1 nor G-single        committed  neither G0 nor G1
 * An operation of unknown outcome counts as committed once somebody read what it wrote; what it read itself is not
 * used. Reads that disagree about a beginning (ORDER), what was lost, aborted (G1a) or half a transaction (G1b) is
 * found as well. No edges come from real time or sessions: strict serializability is not claimed. Each level has lists
 * of its own. */
#pragma once

#include "base/err.h"
#include "check_report.h"

enum { CHECK_LIST_BUDGET = 400000000 }; /* edges that all searches for cycles together may look at */

/* ERR_INVALID: one value is appended to one list twice, or a list is used on two levels. ERR_NO_MEMORY. */
ERR_CHECK enum err check_list_judge(const struct history *history, struct check_report *report);
