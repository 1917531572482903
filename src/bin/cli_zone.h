/* SPDX-License-Identifier: Apache-2.0
 * The zone files that a configuration names, read as the DNS servers do, for `holdfast config check`. */
#pragma once

#include "dns/dns_zone.h"
#include "wire/config.h"

/* VERB_OK, `problem` (DNS_ZONE_PROBLEM bytes) is empty or a warning; VERB_CONFIG, it says what is wrong. A host without
 * these files says nothing about them. */
int cli_zone_check(const struct config *config, char *problem);
