/* SPDX-License-Identifier: Apache-2.0
 * holdfast agent reinit: an operator's order about one PostgreSQL node, through the controllers. */
#pragma once

/* As a verb: argv[0] is "reinit". */
int cli_agent_reinit(int argc, char **argv);
