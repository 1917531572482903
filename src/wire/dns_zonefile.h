/* SPDX-License-Identifier: Apache-2.0
 * Reads a master file (RFC 1035, 5) record by record: $ORIGIN, $TTL, @, parentheses, quotes, escapes, comments.
 *
 * $INCLUDE and $GENERATE are refused: one zone, one file, as it stands. The text is borrowed. Everything has a limit.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dns_name.h"
#include "wire/dns_rdata.h"

enum {
    DNS_ZONEFILE_TOKENS = 256,  /* words of one entry */
    DNS_ZONEFILE_RDATA = 16384, /* bytes of one record's data */
    DNS_ZONEFILE_PROBLEM = 160,
};

struct dns_zonefile {
    struct cursor cursor;
    uint32_t line;       /* of what is read next, from 1 */
    uint32_t entry_line; /* where the present entry began */
    struct dns_name origin;
    struct dns_name owner; /* the last one; size 0: none yet */
    bool default_ttl_given;
    uint32_t default_ttl_s;
    struct dns_rdata_token tokens[DNS_ZONEFILE_TOKENS];
    size_t tokens_count;
    bool blank_start; /* the entry's line began with a blank: the owner is the last one */
    char problem[DNS_ZONEFILE_PROBLEM];
    uint8_t rdata[DNS_ZONEFILE_RDATA];
};

struct dns_zonefile_record {
    struct dns_name owner;
    uint16_t type;
    uint32_t ttl_s;
    uint32_t line;
    struct span rdata; /* until the next call */
};

void dns_zonefile_init(struct dns_zonefile *file, struct span text, const struct dns_name *origin);

/* ERR_CLOSED: the end. ERR_INVALID: `problem` says what is wrong in line `entry_line`; reading cannot go on. */
enum err dns_zonefile_next(struct dns_zonefile *file, struct dns_zonefile_record *ret_record) ERR_CHECK;
