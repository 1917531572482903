/* SPDX-License-Identifier: Apache-2.0
 * LOC records (RFC 1876): a place on Earth, from "51 30 12.748 N 0 7 39.612 W 0.00m 1m 10000m 10m". */
#pragma once

#include "wire/dns_rdata_field.h"

/* All words that are left. */
void dns_rdata_loc_write(struct dns_rdata_field *field);
