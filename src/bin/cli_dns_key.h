/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns key: the keys that sign a zone, and one taking the place of another. */
#pragma once

/* argv[0] is "key". Returns an enum verb_exit. */
int cli_dns_key(int argc, char **argv);
