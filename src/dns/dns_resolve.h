/* SPDX-License-Identifier: Apache-2.0
 * What the zones and the view say about a question, as records of an answer.
 *
 * RFC 1034, 4.3.2; 2308 (negative answers), 4592 (wildcards), 6672 (DNAME), 8020, 8482 (ANY). CNAMEs and DNAMEs are
 * followed through all zones of the catalogue, a bounded number of times. Pure: no socket, no clock, no allocation. */
#pragma once

#include "core/view.h"
#include "dns/dns_catalog.h"
#include "dns/dns_policy.h"
#include "dns/dns_sign.h"
#include "wire/dns_message.h"
#include "wire/dns_writer.h"

enum {
    DNS_RESOLVE_CHASE = 8, /* names that an answer leads on to */
};

struct dns_resolve {
    /* From the caller. */
    const struct dns_catalog *catalog;
    const struct dns_policy *policy;
    const struct dns_message_query *query;
    const struct view_address *client; /* whose network decides */
    const struct view_address *asker;  /* where the query came from; NULL: may ask everything */
    uint32_t rotation;                 /* moves with each dynamic answer, so that equal endpoints take turns */
    struct dns_sign *sign;             /* NULL: signed zones are answered as unsigned ones */
    uint32_t now_s;                    /* wall clock */
    bool proven;                       /* the client's address is its own */
    struct dns_writer writer;          /* with header and question; may overflow */
    /* The answer. */
    uint16_t rcode;
    bool authoritative;
    bool dynamic;
    uint32_t number;     /* of that name, among the catalogue's */
    uint32_t region;     /* that it leads to; LIMITS_NONE: none */
    uint32_t scope_bits; /* the client prefix that decided */
    uint64_t made_by; /* hash of the wildcard's or DNAME's name that the question's has its answer from; 0: its own */
    bool starved;     /* a signature is missing, for now: nothing of it may go out */
    /* On the way. */
    const struct dns_zone *zone;
    const struct dns_name *name; /* what is looked up now, lower case: the question's name or a CNAME's target */
    struct dns_name target;      /* that one */
    bool chased;                 /* `name` is no longer the question's */
    bool secure;                 /* signatures are added (dns/dns_secure.h) */
    bool wild;                   /* `name` is answered by a wildcard */
};

/* Class IN, no meta type but ANY. */
void dns_resolve(struct dns_resolve *resolve);
