/* SPDX-License-Identifier: Apache-2.0
 * One algorithm of a zone in the place of another, step by step (dns/dns_roll_algorithm.h). */
#pragma once

#include "bin/cli_dns_key_call.h"

/* The next step on the way to --algorithm. */
int cli_dns_key_algorithm(struct cli_dns_key_call *key);
