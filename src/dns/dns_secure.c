/* SPDX-License-Identifier: Apache-2.0
 * What a signed zone adds to an answer. */
#include "dns/dns_secure.h"

#include "base/assert.h"
#include "dns/dns_nsec.h"
#include "dns/dns_sign.h"
#include "wire/dns_canonical.h"
#include "wire/dns_type.h"

void dns_secure_begin(struct dns_resolve *resolve, bool wild)
{
    resolve->secure = resolve->sign != NULL && resolve->zone->keyring != NULL && resolve->query->dnssec_ok;
    resolve->wild = wild;
}

static void dns_secure_rrsig(struct dns_resolve *resolve, enum dns_writer_section section, const struct dns_name *owner,
                             const struct dns_sign_want *want, uint32_t ttl_s, enum dns_sign_purse purse)
{
    const struct dns_keyring *keyring = resolve->zone->keyring;
    const bool apex = want->owner->size == resolve->zone->origin.size;
    for (uint32_t i = 0; i < keyring->count && !resolve->starved && !resolve->writer.overflow; i++) {
        if (!dns_keyring_signs(&keyring->keys[i], want->set->type, apex)) {
            continue;
        }
        uint8_t data[DNS_SIGN_RDATA];
        const size_t size = dns_sign_rrsig(resolve->sign, want, &keyring->keys[i], purse, data);
        resolve->starved = size == 0;
        if (size > 0) {
            dns_writer_record(&resolve->writer, section, owner, DNS_TYPE_RRSIG, ttl_s, span_of(data, size));
        }
    }
}

/* A name that is in no zone file was chosen by the client. */
static enum dns_sign_purse dns_secure_purse(const struct dns_resolve *resolve, bool chosen)
{
    if (!chosen) {
        return DNS_SIGN_DATA;
    }
    return resolve->proven ? DNS_SIGN_PROVEN : DNS_SIGN_NAMES;
}

void dns_secure_set(struct dns_resolve *resolve, enum dns_writer_section section, const struct dns_name *owner,
                    const struct dns_name *name, const struct dns_zone_set *set, uint32_t ttl_s)
{
    if (!resolve->secure) {
        return;
    }
    const struct dns_sign_want want = {&resolve->zone->origin, name, set};
    const bool chosen = resolve->wild && name == resolve->name;
    dns_secure_rrsig(resolve, section, owner, &want, ttl_s, dns_secure_purse(resolve, chosen));
}

/* ---- denial ---- */

/* What there is at the node, without `but`. The parent's side of a cut has NS and DS only; what the view answers may be
 * of either family for the next client. */
static uint32_t dns_secure_types(const struct dns_zone_node *node, uint16_t but, uint16_t types[DNS_CANONICAL_TYPES])
{
    const bool cut = node->below == DNS_ZONE_BELOW_CUT;
    uint32_t count = 0;
    for (const struct dns_zone_set *set = node->sets; set != NULL; set = set->next) {
        const bool address = set->type == DNS_TYPE_A || set->type == DNS_TYPE_AAAA;
        if ((cut && set->type != DNS_TYPE_NS && set->type != DNS_TYPE_DS) || (address && node->dynamic != NULL)) {
            continue;
        }
        ASSERT(count < DNS_CANONICAL_TYPES - 4); /* dns/dns_zone_sign.c */
        types[count++] = set->type;
    }
    if (node->dynamic != NULL && but != DNS_TYPE_A) {
        types[count++] = DNS_TYPE_A;
    }
    if (node->dynamic != NULL && but != DNS_TYPE_AAAA) {
        types[count++] = DNS_TYPE_AAAA;
    }
    return count;
}

/* NSEC of `name`; node NULL: it does not exist (RFC 9824, 3.1 to 3.4; the TTL: RFC 9077). */
static void dns_secure_nsec(const struct dns_resolve *resolve, const struct dns_name *name,
                            const struct dns_zone_node *node, struct dns_nsec *ret_nsec)
{
    const struct dns_zone *zone = resolve->zone;
    uint16_t types[DNS_CANONICAL_TYPES];
    struct dns_name next;
    uint32_t count = 0;
    if (node != NULL) {
        count = dns_secure_types(node, resolve->query->type, types);
    } else {
        types[count++] = DNS_TYPE_NXNAME;
    }
    types[count++] = DNS_TYPE_RRSIG;
    types[count++] = DNS_TYPE_NSEC;
    if (node != NULL && node->below == DNS_ZONE_BELOW_CUT) {
        dns_canonical_beside(name, &zone->origin, &next); /* what lies below belongs to somebody else */
    } else {
        dns_canonical_next(name, &zone->origin, &next);
    }
    dns_nsec_make(zone, &next, types, count, ret_nsec);
}

/* The NSEC and its signature in a section. */
static void dns_secure_prove(struct dns_resolve *resolve, const struct dns_name *owner, const struct dns_name *name,
                             const struct dns_zone_node *node, uint32_t ttl_s)
{
    struct dns_nsec nsec;
    dns_secure_nsec(resolve, name, node, &nsec);
    const bool chosen = node == NULL || (resolve->wild && name == resolve->name);
    const struct dns_sign_want want = {&resolve->zone->origin, name, &nsec.set};
    dns_writer_record(&resolve->writer, DNS_WRITER_AUTHORITY, owner, DNS_TYPE_NSEC, ttl_s, nsec.data.rdata);
    dns_secure_rrsig(resolve, DNS_WRITER_AUTHORITY, owner, &want, ttl_s, dns_secure_purse(resolve, chosen));
}

void dns_secure_deny(struct dns_resolve *resolve, const struct dns_zone_node *node, uint32_t ttl_s)
{
    if (!resolve->secure) {
        return;
    }
    dns_secure_prove(resolve, resolve->chased ? resolve->name : NULL, resolve->name, node, ttl_s);
    if (node == NULL && !resolve->query->compact_ok) {
        resolve->rcode = DNS_RCODE_NOERROR; /* NXNAME says it; this code would contradict the proof (RFC 9824, 5) */
    }
}

void dns_secure_referral(struct dns_resolve *resolve, const struct dns_zone_node *cut)
{
    if (!resolve->secure) {
        return;
    }
    const struct dns_zone_set *signers = dns_zone_set(cut, DNS_TYPE_DS);
    if (signers == NULL) {
        dns_secure_prove(resolve, &cut->name, &cut->name, cut, resolve->zone->negative_ttl_s);
        return;
    }
    for (const struct dns_zone_data *data = signers->data; data != NULL; data = data->next) {
        dns_writer_record(&resolve->writer, DNS_WRITER_AUTHORITY, &cut->name, DNS_TYPE_DS, signers->ttl_s, data->rdata);
    }
    dns_secure_set(resolve, DNS_WRITER_AUTHORITY, &cut->name, &cut->name, signers, signers->ttl_s);
}

void dns_secure_answer(struct dns_resolve *resolve, const struct dns_zone_node *node)
{
    struct dns_nsec nsec;
    const struct dns_name *owner = resolve->chased ? resolve->name : NULL;
    const uint32_t ttl_s = resolve->zone->negative_ttl_s;
    const struct dns_sign_want want = {&resolve->zone->origin, resolve->name, &nsec.set};
    dns_secure_nsec(resolve, resolve->name, node, &nsec);
    if (resolve->query->type == DNS_TYPE_NSEC) {
        dns_writer_record(&resolve->writer, DNS_WRITER_ANSWER, owner, DNS_TYPE_NSEC, ttl_s, nsec.data.rdata);
    }
    if (resolve->query->type == DNS_TYPE_RRSIG || resolve->secure) {
        dns_secure_rrsig(resolve, DNS_WRITER_ANSWER, owner, &want, ttl_s, dns_secure_purse(resolve, resolve->wild));
    }
}
