/* SPDX-License-Identifier: Apache-2.0
 * holdfast config: check, show, schema, manual. */
#pragma once

int cli_config(int argc, char **argv);
