/* SPDX-License-Identifier: Apache-2.0
 * holdfast service move: an operator's order to move the primary of a Redis to another region. */
#pragma once

/* The verb `service`. argv[0] is its name. */
int cli_service_move(int argc, char **argv);
