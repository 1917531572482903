/* SPDX-License-Identifier: Apache-2.0
 * TCP services on the status screen. */
#pragma once

#include <jansson.h>

#include "bin/cli_text.h"

/* A line for each service of the status. */
void cli_service_draw(struct cli_text *text, const json_t *status);
