/* SPDX-License-Identifier: Apache-2.0
 * Record data from uncompressed wire form to the words of a master file, on one line: names with a dot at their end,
 * texts in quotes, numbers without units. What wire/dns_rdata.h reads back to the same bytes.
 *
 * Pure, no allocation. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* Appends the data; a type that is not known, and bytes that are not data of the type, in the generic form of RFC 3597,
 * 5. */
void dns_rdata_print(uint16_t type, struct span rdata, struct buf *buf);
