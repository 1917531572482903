/* SPDX-License-Identifier: Apache-2.0
 * holdfast config check: what is wrong with a configuration and with its zone files, for people and for programs. */
#pragma once

#include "bin/cli_option.h"

/* `holdfast config check [FILE] [-o FORMAT]`, argv[0] being "check". Returns an enum verb_exit; VERB_USAGE without a
 * word when the words are wrong. */
int cli_config_check(int argc, char **argv);
