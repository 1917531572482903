/* SPDX-License-Identifier: Apache-2.0
 * Fields of record data with names and marks of their own: certificates (RFC 4398), algorithms, types, dates, bitmaps
 * (RFC 4034), salts (5155), EUI-48 and EUI-64 (7043). See wire/dns_rdata_field.h. */
#pragma once

#include "wire/dns_rdata_field.h"

/* Kind of certificate (RFC 4398, 2.1): its number or mnemonic, in two bytes. */
void dns_rdata_code_certificate(struct dns_rdata_field *field);
/* DNSSEC algorithm: its number or mnemonic, in a byte. */
void dns_rdata_code_algorithm(struct dns_rdata_field *field);
/* A record type, in two bytes. */
void dns_rdata_code_type(struct dns_rdata_field *field);
/* YYYYMMDDHHmmSS in UTC, or seconds since 1970, in four bytes. */
void dns_rdata_code_date(struct dns_rdata_field *field);
/* All types that are left, as the bitmap of NSEC. */
void dns_rdata_code_bitmap(struct dns_rdata_field *field);
/* Hexadecimal with a length byte; "-": empty. */
void dns_rdata_code_salt(struct dns_rdata_field *field);
/* `bytes` of two hexadecimal digits with "-" between them. */
void dns_rdata_code_eui(struct dns_rdata_field *field, uint32_t bytes);
