/* SPDX-License-Identifier: Apache-2.0
 * Whether bytes are record data of a type: what the generic form of RFC 3597 brings in must be as well-formed as what
 * is made from words, for it reaches code that trusts it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

/* Whether the digest of a DS, CDS or ZONEMD record has the length of its kind (RFC 4034, 4509, 5933, 6605, 8976); kinds
 * that are not known here, and other types, have any. */
bool dns_rdata_check_digest(uint16_t type, struct span rdata);

/* Types that are not known here may have any data; types that stand in no zone have none. */
bool dns_rdata_check(uint16_t type, struct span rdata);
