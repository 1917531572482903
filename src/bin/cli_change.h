/* SPDX-License-Identifier: Apache-2.0
 * The verbs that change something: failover, switchover, failback, approve, abort, pause, resume.
 *
 * A move is looked at first (a preview on a copy of the engine), then asked for on a terminal, then ordered. Without a
 * terminal nothing is changed unless --yes says so. */
#pragma once

#include "bin/cli_client.h"

int cli_change_failover(int argc, char **argv);
int cli_change_switchover(int argc, char **argv);
int cli_change_failback(int argc, char **argv);
int cli_change_approve(int argc, char **argv);
int cli_change_abort(int argc, char **argv);
int cli_change_pause(int argc, char **argv);
int cli_change_resume(int argc, char **argv);

/* An order's body, with the reason and who orders it; the caller's. NULL: said why on standard error. */
json_t *cli_change_body(const struct cli_option *option);

/* Asks a person to type `word`. VERB_OK: typed, or --yes; VERB_USAGE: nobody could be asked; VERB_REFUSED: the person
 * typed something else. */
int cli_change_confirm(const struct cli_option *option, const char *word);
