/* SPDX-License-Identifier: Apache-2.0
 * What a failover, switchover or failback would do, before it does it. */
#pragma once

#include "bin/cli_text.h"

/* Whether the preview says that a pre-check refuses it. */
bool cli_preview_refused(const json_t *preview);

/* The pre-checks of any preview, as a table; nothing when there are none. */
void cli_preview_checks(struct cli_text *text, const json_t *preview);

void cli_preview_draw(struct cli_text *text, const json_t *preview);
