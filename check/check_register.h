/* SPDX-License-Identifier: Apache-2.0
 * Whether a session sees at the writer what it was told is written: read your writes, and reads never go back.
 *
 * Each register belongs to one process, which writes growing values (a write never lowers the register) and keeps its
 * identity over new connections: an acknowledged tier-1 write must be seen after a failover as well. A replica may be
 * behind, but never ahead of what was attempted; how many such reads were behind is counted. */
#pragma once

#include "base/err.h"
#include "check_report.h"

/* ERR_INVALID: two processes use one register. ERR_NO_MEMORY. */
ERR_CHECK enum err check_register_judge(const struct history *history, struct check_report *report);
