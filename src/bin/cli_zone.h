/* SPDX-License-Identifier: Apache-2.0
 * The zone files that a configuration names, read as the DNS servers do, for `holdfast config check`. */
#pragma once

#include "wire/config.h"

/* VERB_OK, perhaps after warnings; VERB_CONFIG after a message. A host without these files says nothing about them. */
int cli_zone_check(const struct config *config);
