/* SPDX-License-Identifier: Apache-2.0
 * What a signed zone adds to an answer: signatures (RFC 4035, 3.1) and compact denial of existence (RFC 9824).
 *
 * dns/dns_resolve.h calls these once the records are written, and only they know of keys. Where the purse for a new
 * signature is empty `starved` is set, and the answer must not go out. A wildcard's records are signed under the name
 * that was asked, as RFC 9824, 3.3 has it. */
#pragma once

#include "dns/dns_resolve.h"

/* Whether the zone is signed and the client wants to see it; for each name of a chain. */
void dns_secure_begin(struct dns_resolve *resolve, bool wild);

/* RRSIG for a set that was written to the section under `owner` (as in dns_writer_record) and whose name is `name`,
 * with that TTL, which may be smaller than the set's. */
void dns_secure_set(struct dns_resolve *resolve, enum dns_writer_section section, const struct dns_name *owner,
                    const struct dns_name *name, const struct dns_zone_set *set, uint32_t ttl_s);

/* The name that is looked up does not exist (node NULL; `rcode` changes as the client understands it), or lacks the
 * type. */
void dns_secure_deny(struct dns_resolve *resolve, const struct dns_zone_node *node, uint32_t ttl_s);

/* DS of a delegation, or that there is none. */
void dns_secure_referral(struct dns_resolve *resolve, const struct dns_zone_node *cut);

/* The question's type is NSEC or RRSIG, which no zone has as records. */
void dns_secure_answer(struct dns_resolve *resolve, const struct dns_zone_node *node);
