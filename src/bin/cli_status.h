/* SPDX-License-Identifier: Apache-2.0
 * holdfast status: one screen, readable from across a room. */
#pragma once

#include "bin/cli_text.h"

int cli_status(int argc, char **argv);

/* The screen of an answer of /v1/status; `runs`: the array of /v1/runs, NULL: unknown. VERB_OK or VERB_DEGRADED. */
int cli_status_draw(struct cli_text *text, const json_t *status, const json_t *runs);
