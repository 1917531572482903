/* SPDX-License-Identifier: Apache-2.0
 * Reads a master file (RFC 1035, 5) item by item: $ORIGIN, $TTL, $INCLUDE, @, parentheses, quotes, escapes, comments.
 *
 * Opens no files: $INCLUDE is an item, and the caller reads that file with a reader that it begins from this one.
 * $GENERATE is refused. The text is borrowed. Everything has a limit. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "wire/dns_name.h"
#include "wire/dns_word.h"

enum {
    DNS_ZONEFILE_WORDS = 512,   /* words of one entry */
    DNS_ZONEFILE_RDATA = 60000, /* bytes of one record's data */
    DNS_ZONEFILE_PROBLEM = 256,
};

enum dns_zonefile_item {
    DNS_ZONEFILE_RECORD,  /* `record` */
    DNS_ZONEFILE_INCLUDE, /* `include` */
    DNS_ZONEFILE_END,
    DNS_ZONEFILE_BROKEN, /* `problem` says what is wrong at `problem_line` and `problem_column`; no more items */
};

struct dns_zonefile_record {
    struct dns_name owner;
    uint16_t type;
    uint32_t ttl_s;
    uint32_t line;
    struct span rdata; /* until the next call */
};

struct dns_zonefile_include {
    struct span path; /* as it stands in the file; until the next call */
    struct dns_name origin;
    uint32_t line;
    uint32_t column;
};

struct dns_zonefile {
    struct cursor cursor;
    uint32_t line;       /* of what is read next, from 1 */
    size_t line_at;      /* where it begins */
    uint32_t entry_line; /* where the present entry began */
    struct dns_name origin;
    struct dns_name owner; /* the last one; size 0: none yet */
    bool default_ttl_given;
    bool default_ttl_directed; /* by $TTL (RFC 2308, 4); else it is the last that a record told (RFC 1035, 5.1) */
    uint32_t default_ttl_s;
    struct dns_word words[DNS_ZONEFILE_WORDS];
    size_t words_count;
    bool blank_start; /* the entry's line began with a blank: the owner is the last one */
    struct dns_zonefile_record record;
    struct dns_zonefile_include include;
    uint32_t problem_line;
    uint32_t problem_column;
    char problem[DNS_ZONEFILE_PROBLEM];
    uint8_t rdata[DNS_ZONEFILE_RDATA];
};

void dns_zonefile_init(struct dns_zonefile *file, struct span text, const struct dns_name *origin);

/* A reader for the file that `parent` has just come upon: with that origin, the parent's last owner and its TTL, which
 * the parent keeps as they are (RFC 1035, 5.1). */
void dns_zonefile_init_include(struct dns_zonefile *file, struct span text, const struct dns_zonefile *parent);

enum dns_zonefile_item dns_zonefile_next(struct dns_zonefile *file);
