/* SPDX-License-Identifier: Apache-2.0
 * Names the cycles of a graph of transactions: the worst anomaly of each strongly connected component, with a shortest
 * cycle of that kind as its witness. */
#pragma once

#include "base/err.h"
#include "check_graph.h"
#include "check_report.h"

enum { CHECK_CYCLE_LENGTH = 64 }; /* of a witness; longer ones are counted without */

/* Reports G0 and G1c; from repeatable on G-single; at serializable G2-item as well. A search that ran out of the
 * graph's budget shows as the figure "given up". ERR_NO_MEMORY. */
ERR_CHECK enum err check_cycle_judge(struct check_graph *graph, enum history_level level, struct check_report *report);
