/* SPDX-License-Identifier: Apache-2.0
 * Runs on the screen: the one in progress, the past ones, and what an outcome means as an exit code. */
#pragma once

#include "bin/cli_text.h"

enum { CLI_RUN_NAME = 40 };

/* A step's name as people write it: "route-sql". */
const char *cli_run_name(const json_t *step, char ret_name[CLI_RUN_NAME]);

/* Exit code of a run's state: "succeeded" and so on; -1 while it is in progress. */
int cli_run_exit(const char *state);

/* The one in progress: a bar over the steps with seconds, the next step that cannot be undone, what abort would do. */
void cli_run_draw(struct cli_text *text, const json_t *run);

/* All steps as a table, `indent` before each line. */
void cli_run_steps(struct cli_text *text, const json_t *run, const char *indent);

/* At most `limit` ended runs, newest first. False: there is none. */
bool cli_run_past(struct cli_text *text, const json_t *runs, size_t limit, const char *indent);

/* The verb `history`. */
int cli_run_history(int argc, char **argv);
