/* SPDX-License-Identifier: Apache-2.0
 * A zone in memory: made from a master file, never changed afterwards, asked by all workers at once.
 *
 * Names hang in one hash table in lower case; a walk from the apex downwards finds a delegation, the name, or its
 * closest ancestor. Names in between that own no records exist as well (empty non-terminals, RFC 8020). Owned by who
 * made it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "core/limits.h"
#include "dns/dns_denial.h"
#include "dns/dns_keyring.h"
#include "wire/dns_name.h"

enum {
    DNS_ZONE_NAMES = 64,            /* dynamic names */
    DNS_ZONE_RECORDS = 1 << 20,     /* records of a zone */
    DNS_ZONE_SET_BYTES = 60000,     /* of one record set: it has to fit into an answer over TCP */
    DNS_ZONE_FILE_BYTES = 64 << 20, /* of a master file with all that it includes */
    DNS_ZONE_INCLUDES = 8,          /* files that include each other, the first one not counted */
    DNS_ZONE_PATH = 4096,
    DNS_ZONE_PROBLEM = 512,
};

/* A name whose A and AAAA records follow the view: those of an endpoint. */
struct dns_zone_dynamic {
    struct dns_name name;
    char endpoint[LIMITS_NAME];
    uint32_t ttl_s;
    uint32_t steer; /* its policy (dns/dns_steer.h), counted from 1; 0: none */
    uint64_t hash;  /* of the lower-case name; set by dns_zone_dynamic_seal */
};

/* Turns the name into lower case and sets the hash; dns_zone_load does it for its copies. */
void dns_zone_dynamic_seal(struct dns_zone_dynamic *dynamic);

struct dns_zone_data {
    struct dns_zone_data *next;
    struct span rdata;
};

struct dns_zone_set {
    struct dns_zone_set *next;
    struct dns_zone_data *data; /* in the order of the file */
    uint32_t ttl_s;
    uint32_t count;
    uint32_t bytes; /* of all data with 12 bytes of head each */
    uint16_t type;
    uint64_t sum;     /* of all data in any order; in signed zones */
    uint32_t line;    /* where its first record stands */
    const char *file; /* there */
};

/* What a name means for those below it. */
enum dns_zone_below {
    DNS_ZONE_BELOW_ALL,   /* they are ours */
    DNS_ZONE_BELOW_CUT,   /* NS below the apex: it and they are somebody else's */
    DNS_ZONE_BELOW_DNAME, /* they are those of another name (RFC 6672) */
};

struct dns_zone_node {
    struct dns_zone_node *chain;
    uint64_t hash;
    struct dns_zone_set *sets;
    const struct dns_zone_dynamic *dynamic; /* NULL: none */
    enum dns_zone_below below;
    struct dns_name name; /* lower case */
};

struct dns_catalog_access;

struct dns_zone {
    struct arena arena;
    const struct dns_catalog_access *access; /* who may ask (dns/dns_catalog.h); NULL: as the server says */
    struct dns_name origin;                  /* lower case */
    struct dns_zone_node *apex;
    const struct dns_zone_set *soa;
    uint32_t serial;
    uint32_t negative_ttl_s; /* min(SOA's TTL, its minimum): RFC 2308, 5 */
    uint32_t records_count;
    uint32_t dynamic_count;
    struct dns_zone_dynamic *dynamic;
    uint32_t number;       /* among the catalogue's zones, in the order they were added */
    uint32_t dynamic_base; /* of the first one, among those of all zones (dns/dns_catalog.h) */
    uint64_t names_count;
    uint64_t mask;
    struct dns_zone_node **table;
    struct dns_denial denial;
    /* Of a signed zone (dns/dns_zone_sign.h): */
    struct dns_keyring *keyring; /* owned; NULL: unsigned */
    uint32_t ttl_most_s;         /* of its records */
    uint64_t sets_count;
    uint64_t chain_count;
    struct dns_zone_node **chain; /* names with records that are ours, in canonical order */
};

/* What the zone is to be, beside its file. Borrowed for the call. */
struct dns_zone_want {
    const struct dns_name *origin;
    const struct dns_zone_dynamic *dynamic; /* `hash` need not be set */
    uint32_t dynamic_count;
    bool transferred; /* secondaries answer for dynamic names with what the file has there */
};

/* Makes a zone of a master file's text. `file` is its name, for the messages and for $INCLUDE: other paths than
 * absolute ones begin at its directory. ERR_INVALID: `problem` (DNS_ZONE_PROBLEM bytes) says "FILE:LINE:COLUMN: what;
 * hint", or "FILE:LINE: ..." or "FILE: ..." where there is no one place. On success it is empty or a warning. */
enum err dns_zone_parse(const char *file, struct span text, const struct dns_zone_want *want, char *problem,
                        struct dns_zone **ret_zone) ERR_CHECK;

/* The same from a file. */
enum err dns_zone_load(const char *path, const struct dns_zone_want *want, char *problem,
                       struct dns_zone **ret_zone) ERR_CHECK;
void dns_zone_free(struct dns_zone *zone);

enum dns_zone_result {
    DNS_ZONE_OUTSIDE,  /* not a name of this zone */
    DNS_ZONE_EXACT,    /* the node */
    DNS_ZONE_WILDCARD, /* the node of the wildcard that covers the name */
    DNS_ZONE_CUT,      /* the node of the delegation at or above the name */
    DNS_ZONE_DNAME,    /* the node of the DNAME above the name */
    DNS_ZONE_MISSING,  /* does not exist */
};

/* Whether a name in lower case is the zone's or below it. */
bool dns_zone_holds(const struct dns_zone *zone, const struct dns_name *name);

/* Finds a name in lower case (RFC 1034, 4.3.2; RFC 4592 for wildcards). */
enum dns_zone_result dns_zone_find(const struct dns_zone *zone, const struct dns_name *name,
                                   const struct dns_zone_node **ret_node);

/* The node itself, also below a delegation (glue). NULL: none. */
const struct dns_zone_node *dns_zone_node(const struct dns_zone *zone, const struct dns_name *name);

const struct dns_zone_set *dns_zone_set(const struct dns_zone_node *node, uint16_t type);

/* For dns/dns_zone_build.h. An empty zone with room for about that many names; NULL: out of memory. */
struct dns_zone *dns_zone_new(uint64_t names, const struct dns_name *origin);

/* The node of a lower-case name inside the zone; it and its ancestors are made when they are missing. NULL: out of
 * memory. */
struct dns_zone_node *dns_zone_ensure(struct dns_zone *zone, const struct dns_name *name);
