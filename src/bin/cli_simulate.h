/* SPDX-License-Identifier: Apache-2.0
 * holdfast simulate: the user's configuration in the simulator. */
#pragma once

int cli_simulate(int argc, char **argv);
