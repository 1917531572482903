/* SPDX-License-Identifier: Apache-2.0
 * SvcParams of SVCB and HTTPS records (RFC 9460): key=value words in any order to bytes in the order of their keys, and
 * the check of such bytes. */
#pragma once

#include "wire/dns_rdata_field.h"

enum { DNS_RDATA_SVCB_PARAMS = 32, DNS_RDATA_SVCB_BYTES = 4096 };

/* Keys (IANA, DNS Service Bindings). */
enum {
    DNS_RDATA_SVCB_MANDATORY = 0,
    DNS_RDATA_SVCB_ALPN = 1,
    DNS_RDATA_SVCB_NO_DEFAULT_ALPN = 2,
    DNS_RDATA_SVCB_PORT = 3,
    DNS_RDATA_SVCB_IPV4HINT = 4,
    DNS_RDATA_SVCB_ECH = 5,
    DNS_RDATA_SVCB_IPV6HINT = 6,
    DNS_RDATA_SVCB_DOHPATH = 7,
    DNS_RDATA_SVCB_OHTTP = 8,
    DNS_RDATA_SVCB_NONE = 65535,
};

/* All words that are left. */
void dns_rdata_svcb_write(struct dns_rdata_field *field);

/* The name of a key, NULL when it has none here ("key667"). */
const char *dns_rdata_svcb_key_name(uint16_t key);

/* Whether `params` are keys in growing order, each with a value of its form. */
bool dns_rdata_svcb_check(struct span params);

/* The text of parameters that are (wire/dns_rdata_svcb_print.c). */
void dns_rdata_svcb_print(struct span params, struct buf *buf);
