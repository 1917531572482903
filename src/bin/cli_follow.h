/* SPDX-License-Identifier: Apache-2.0
 * --wait: follows a run to its end and prints each step as it ends. */
#pragma once

#include "bin/cli_client.h"

/* The exit code of the outcome; VERB_TIMEOUT when the run still goes on after --timeout (10 minutes when not given) or
 * was left with SIGINT; VERB_UNREACHABLE when no controller answers for longer than half a minute. */
int cli_follow(struct cli_client *client, const struct cli_option *option, int64_t run);
