/* SPDX-License-Identifier: Apache-2.0
 * The DS records of a zone in the zone above it, as a resolver tells them: what a step that rests on them has to see.
 *
 * An answer is trusted as far as the resolver is. --force asks nobody; without an answer --ds-seen is the operator's
 * word. False after a message. */
#pragma once

#include "bin/cli_dns_key_call.h"

/* Whether the DS of that key stands there, which begins to be the one that counts. */
bool cli_dns_key_parent_has(const struct cli_dns_key_call *key, uint32_t row);

/* Whether nobody comes through the DS of that key, which goes: another active key's stands there, or none at all. */
bool cli_dns_key_parent_spares(const struct cli_dns_key_call *key, uint32_t row);

/* Whether the DS of that key is gone from there. */
bool cli_dns_key_parent_lacks(const struct cli_dns_key_call *key, uint32_t row);

/* `holdfast dns key parent`: both sides. VERB_OK: DS of all keys that should be there and no other; VERB_DEGRADED: not
 * so; VERB_UNREACHABLE: no resolver answered. */
int cli_dns_key_parent(struct cli_dns_key_call *key);
