/* SPDX-License-Identifier: Apache-2.0
 * LOC records (RFC 1876): a place on Earth, from "51 30 12.748 N 0 7 39.612 W 0.00m 1m 10000m 10m". */
#pragma once

#include <stdbool.h>

#include "wire/dns_rdata_field.h"

enum { DNS_RDATA_LOC_BYTES = 16 };

/* All words that are left. */
void dns_rdata_loc_write(struct dns_rdata_field *field);

/* Whether the bytes are a place that the text can say: version 0, sizes of one digit and a power of ten, angles of this
 * planet. */
bool dns_rdata_loc_check(struct span rdata);

/* The text of such bytes. */
void dns_rdata_loc_print(struct span rdata, struct buf *buf);
