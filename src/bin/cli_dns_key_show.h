/* SPDX-License-Identifier: Apache-2.0
 * What keys a zone has, what comes next for them, and what belongs into the zone above. */
#pragma once

#include "bin/cli_dns_key_call.h"

int cli_dns_key_show_list(struct cli_dns_key_call *key);
int cli_dns_key_show_ds(struct cli_dns_key_call *key);

/* What the next step for the keys of a role would do; nothing when no roll is under way. */
void cli_dns_key_show_next(const struct cli_dns_key_call *key, enum dns_keyfile_role role);
