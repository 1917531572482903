/* SPDX-License-Identifier: Apache-2.0
 * holdfast health: checks x observers, with what each of them saw last. */
#pragma once

#include "bin/cli_text.h"

int cli_health(int argc, char **argv);

/* The screen of an answer of /v1/health. */
void cli_health_draw(struct cli_text *text, const json_t *health);
