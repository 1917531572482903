/* SPDX-License-Identifier: Apache-2.0
 * The words that record data is printed with: what wire/dns_word.h and wire/dns_rdata_field.h read.
 *
 * Pure, no allocation. */
#pragma once

#include <stdint.h>

#include "base/buf.h"
#include "base/span.h"

/* The type's name, "TYPE65280" where it has none here. */
void dns_rdata_text_type(uint16_t type, struct buf *buf);

/* Text with special bytes escaped (RFC 1035, 5.1), and the same in quotes. */
void dns_rdata_text_escaped(struct span text, struct buf *buf);
void dns_rdata_text_quoted(struct span text, struct buf *buf);

/* Bytes in base64 (RFC 4648, 4), and in upper-case hexadecimal. */
void dns_rdata_text_base64(struct span bytes, struct buf *buf);
void dns_rdata_text_hex(struct span bytes, struct buf *buf);
