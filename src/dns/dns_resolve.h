/* SPDX-License-Identifier: Apache-2.0
 * What the zones and the view say about a question, as records of an answer.
 *
 * RFC 1034, 4.3.2; 2308 (negative answers), 4592 (wildcards), 6672 (DNAME), 8020, 8482 (ANY). CNAMEs and DNAMEs are
 * followed through all zones of the catalogue, a bounded number of times. Pure: no socket, no clock, no allocation. */
#pragma once

#include "core/view.h"
#include "dns/dns_catalog.h"
#include "dns/dns_policy.h"
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
    struct view_address client; /* whose network decides */
    uint32_t rotation;          /* moves with each dynamic answer, so that equal endpoints take turns */
    struct dns_writer writer;   /* with header and question; may overflow */
    /* The answer. */
    uint16_t rcode;
    bool authoritative;
    bool dynamic;
    uint32_t scope_bits; /* the client prefix that decided */
    /* On the way. */
    const struct dns_zone *zone;
    struct dns_name name; /* what is looked up now, lower case: the question's name or a CNAME's target */
    bool chased;          /* `name` is no longer the question's */
};

/* Class IN, no meta type but ANY. */
void dns_resolve(struct dns_resolve *resolve);
