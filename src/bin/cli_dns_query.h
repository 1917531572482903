/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns query: what DNS servers really answer, and whether that is what they should. */
#pragma once

/* argv[0] is "query". Returns an enum verb_exit. */
int cli_dns_query(int argc, char **argv);
