/* SPDX-License-Identifier: Apache-2.0
 * The journal: `events`, and `timeline` of one run. */
#pragma once

#include "bin/cli_client.h"
#include "bin/cli_text.h"

int cli_event(int argc, char **argv);
int cli_event_timeline(int argc, char **argv);

/* All entries behind number `after`, of this run when `run` is not NULL, as one array. An exit code; a failure was said
 * already. */
int cli_event_read(struct cli_client *client, const char *run, int64_t after, json_t **ret_events);

/* Entries as lines, with times relative to `zero_us` (CLOCK_BOOTTIME of the controller). */
void cli_event_draw(struct cli_text *text, const json_t *events, int64_t zero_us);
