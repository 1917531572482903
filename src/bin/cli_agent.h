/* SPDX-License-Identifier: Apache-2.0
 * holdfast agent reinit, restart: an operator's order about one PostgreSQL node, through the controllers. */
#pragma once

/* As verbs: argv[0] is "reinit", "restart". */
int cli_agent_reinit(int argc, char **argv);
int cli_agent_restart(int argc, char **argv);
