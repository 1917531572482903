/* SPDX-License-Identifier: Apache-2.0
 * holdfast agent: the process beside each PostgreSQL. */
#pragma once

int agent_main(int argc, char **argv);
