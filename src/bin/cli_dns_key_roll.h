/* SPDX-License-Identifier: Apache-2.0
 * One key of a zone in the place of another, step by step (dns/dns_roll.h). */
#pragma once

#include "bin/cli_dns_key_call.h"

/* The next step for the keys of a role; the first one when none is under way. */
int cli_dns_key_roll_step(struct cli_dns_key_call *key);

/* Takes one key out of use, or away. */
int cli_dns_key_roll_retire(struct cli_dns_key_call *key);

/* Takes the key of a row away, with its file. */
int cli_dns_key_roll_remove(struct cli_dns_key_call *key, uint32_t row);
