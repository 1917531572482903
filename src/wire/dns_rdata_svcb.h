/* SPDX-License-Identifier: Apache-2.0
 * SvcParams of SVCB and HTTPS records (RFC 9460): key=value words in any order to bytes in the order of their keys, and
 * the check of such bytes. */
#pragma once

#include "wire/dns_rdata_field.h"

enum { DNS_RDATA_SVCB_PARAMS = 32, DNS_RDATA_SVCB_BYTES = 4096 };

/* All words that are left. */
void dns_rdata_svcb_write(struct dns_rdata_field *field);

/* Whether `params` are keys in growing order, each with a value of its form. */
bool dns_rdata_svcb_check(struct span params);
