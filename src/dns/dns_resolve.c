/* SPDX-License-Identifier: Apache-2.0
 * What the zones and the view say about a question. */
#include "dns/dns_resolve.h"

#include <string.h>

#include "base/assert.h"
#include "base/hash.h"
#include "dns/dns_secure.h"
#include "dns/dns_zone_sign.h"
#include "wire/dns_type.h"

/* NULL (the question's bytes, in the case they came with) unless a CNAME was followed. */
static const struct dns_name *dns_resolve_owner(const struct dns_resolve *resolve)
{
    return resolve->chased ? resolve->name : NULL;
}

static void dns_resolve_set(struct dns_resolve *resolve, enum dns_writer_section section, const struct dns_name *owner,
                            const struct dns_zone_set *set)
{
    for (const struct dns_zone_data *data = set->data; data != NULL; data = data->next) {
        dns_writer_record(&resolve->writer, section, owner, set->type, set->ttl_s, data->rdata);
    }
}

/* A set of the present name in the answer section. */
static void dns_resolve_found(struct dns_resolve *resolve, const struct dns_zone_set *set)
{
    const struct dns_name *owner = dns_resolve_owner(resolve);
    dns_resolve_set(resolve, DNS_WRITER_ANSWER, owner, set);
    dns_secure_set(resolve, DNS_WRITER_ANSWER, owner, resolve->name, set, set->ttl_s);
}

/* The SOA in the authority section. Where the question's name is still the one that matters, the zone's is part of it.
 */
static void dns_resolve_soa(struct dns_resolve *resolve, const struct dns_zone_set *soa, uint32_t ttl_s)
{
    const struct dns_zone *zone = resolve->zone;
    const struct span rdata = soa->data->rdata;
    uint8_t ready[DNS_DENIAL_RDATA];
    if (resolve->chased || zone->denial.size == 0) {
        dns_writer_record(&resolve->writer, DNS_WRITER_AUTHORITY, &zone->origin, DNS_TYPE_SOA, ttl_s, rdata);
        return;
    }
    const size_t origin_at = DNS_MESSAGE_HEADER + (size_t)resolve->name->size - zone->origin.size;
    const size_t size = dns_denial_rdata(&zone->denial, origin_at, rdata, ready);
    dns_writer_ready(&resolve->writer, DNS_WRITER_AUTHORITY, origin_at, DNS_TYPE_SOA, ttl_s, span_of(ready, size));
}

/* SOA in the authority section: the name (node NULL) or the type does not exist, and for how long that may be believed.
 */
static void dns_resolve_negative(struct dns_resolve *resolve, const struct dns_zone_node *node, uint32_t ttl_most_s)
{
    const struct dns_zone *zone = resolve->zone;
    const uint32_t ttl_s = zone->negative_ttl_s < ttl_most_s ? zone->negative_ttl_s : ttl_most_s;
    struct dns_zone_sign_soa memory;
    const struct dns_zone_set *soa = dns_zone_sign_soa(zone, resolve->now_s, &memory);
    resolve->rcode = node == NULL ? DNS_RCODE_NXDOMAIN : DNS_RCODE_NOERROR;
    dns_resolve_soa(resolve, soa, ttl_s);
    dns_secure_set(resolve, DNS_WRITER_AUTHORITY, &zone->origin, &zone->origin, soa, ttl_s);
    dns_secure_deny(resolve, node, ttl_s);
}

/* NS of the zone below and the addresses of those name servers that we know (glue). */
static void dns_resolve_referral(struct dns_resolve *resolve, const struct dns_zone_node *cut)
{
    const struct dns_zone_set *servers = dns_zone_set(cut, DNS_TYPE_NS);
    ASSERT(servers != NULL);
    resolve->authoritative = resolve->chased; /* RFC 1034, 4.3.2: AA is about the first name */
    dns_resolve_set(resolve, DNS_WRITER_AUTHORITY, &cut->name, servers);
    dns_secure_referral(resolve, cut);
    for (const struct dns_zone_data *data = servers->data; data != NULL; data = data->next) {
        struct cursor cursor;
        struct dns_name server;
        cursor_init(&cursor, data->rdata.data, data->rdata.size);
        dns_name_read_lower(&cursor, &server);
        const struct dns_zone_node *node = dns_zone_node(resolve->zone, &server);
        if (node == NULL) {
            continue;
        }
        for (const struct dns_zone_set *set = node->sets; set != NULL; set = set->next) {
            if (set->type == DNS_TYPE_A || set->type == DNS_TYPE_AAAA) {
                dns_resolve_set(resolve, DNS_WRITER_ADDITIONAL, &server, set);
            }
        }
    }
}

/* The signature of the endpoints' addresses, whichever of them stands first. */
static void dns_resolve_endpoints(struct dns_resolve *resolve, const uint8_t *order, uint32_t count, uint32_t ttl_s)
{
    struct dns_zone_data data[LIMITS_ENDPOINTS];
    const size_t size = resolve->query->type == DNS_TYPE_A ? 4 : 16;
    ASSERT(count > 0 && count <= LIMITS_ENDPOINTS);
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t *bytes = resolve->policy->view->endpoints[order[i]].address.bytes;
        data[i] = (struct dns_zone_data){i + 1 < count ? &data[i + 1] : NULL, span_of(bytes, size)};
    }
    const struct dns_zone_set set = {
        .data = data, .ttl_s = ttl_s, .count = count, .type = resolve->query->type, .sum = dns_sign_sum(data)};
    dns_secure_set(resolve, DNS_WRITER_ANSWER, dns_resolve_owner(resolve), resolve->name, &set, ttl_s);
}

/* Addresses by policy. */
static void dns_resolve_dynamic(struct dns_resolve *resolve, const struct dns_zone_node *node)
{
    const struct dns_policy *policy = resolve->policy;
    const struct dns_catalog *catalog = resolve->catalog;
    const uint32_t index = resolve->zone->dynamic_base + (uint32_t)(node->dynamic - resolve->zone->dynamic);
    ASSERT(index < catalog->dynamic_count);
    resolve->dynamic = true;
    resolve->number = index;
    resolve->region = LIMITS_NONE;
    if (policy->view == NULL || policy->plans[index].count == 0) {
        resolve->rcode = DNS_RCODE_SERVFAIL; /* no picture yet: a lie would be cached, an error is not for long */
        return;
    }
    struct dns_policy_choice choice;
    dns_policy_choose(policy, index, resolve->client, &choice);
    resolve->region = choice.region;
    const uint32_t family = resolve->query->type == DNS_TYPE_A ? 0 : 1;
    const uint8_t *order;
    const uint32_t count = dns_policy_endpoints(policy, index, &choice, family, &order);
    const uint32_t ttl_s = choice.ttl_s;
    resolve->scope_bits = choice.scope_bits;
    if (count == 0) {
        dns_resolve_negative(resolve, node, ttl_s);
        return;
    }
    const uint32_t start = count > 1 ? resolve->rotation++ % count : 0;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = start + i < count ? start + i : start + i - count;
        const uint8_t *bytes = policy->view->endpoints[order[at]].address.bytes;
        dns_writer_record(&resolve->writer, DNS_WRITER_ANSWER, dns_resolve_owner(resolve), resolve->query->type, ttl_s,
                          span_of(bytes, family == 0 ? 4 : 16));
    }
    if (resolve->secure) {
        dns_resolve_endpoints(resolve, order, count, ttl_s);
    }
}

/* RFC 8482, 4.2: one record that says that ANY is not answered in full. */
static void dns_resolve_any(struct dns_resolve *resolve)
{
    static const char text[] = "\7RFC8482\0";
    struct dns_zone_data data = {NULL, span_of(text, 9)};
    const struct dns_zone_set set = {
        .data = &data, .ttl_s = 3600, .count = 1, .type = DNS_TYPE_HINFO, .sum = hash_bytes(text, 9)};
    dns_resolve_found(resolve, &set);
}

/* The name exists. True: it is a CNAME, and `name` is now its target. */
static bool dns_resolve_node(struct dns_resolve *resolve, const struct dns_zone_node *node)
{
    const uint16_t type = resolve->query->type;
    if (node->dynamic != NULL && (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)) {
        dns_resolve_dynamic(resolve, node);
        return false;
    }
    const struct dns_zone_set *alias = dns_zone_set(node, DNS_TYPE_CNAME);
    if (alias != NULL) {
        dns_resolve_found(resolve, alias);
        if (type == DNS_TYPE_CNAME || type == DNS_TYPE_ANY) {
            return false;
        }
        struct cursor cursor;
        cursor_init(&cursor, alias->data->rdata.data, alias->data->rdata.size);
        dns_name_read_lower(&cursor, &resolve->target);
        resolve->name = &resolve->target;
        resolve->chased = true;
        return true;
    }
    if (type == DNS_TYPE_ANY && (node->sets != NULL || node->dynamic != NULL)) {
        dns_resolve_any(resolve);
        return false;
    }
    if ((type == DNS_TYPE_NSEC || type == DNS_TYPE_RRSIG) && resolve->zone->keyring != NULL && resolve->sign != NULL) {
        dns_secure_answer(resolve, node);
        return false;
    }
    const struct dns_zone_set *set = dns_zone_set(node, type);
    if (set == NULL) {
        const uint32_t ttl_most_s = node->dynamic != NULL ? node->dynamic->ttl_s : UINT32_MAX;
        dns_resolve_negative(resolve, node, ttl_most_s);
        return false;
    }
    struct dns_zone_sign_soa memory;
    dns_resolve_found(resolve, type == DNS_TYPE_SOA ? dns_zone_sign_soa(resolve->zone, resolve->now_s, &memory) : set);
    return false;
}

/* RFC 6672: a name below a DNAME is an alias, by a CNAME that is made for it. True: `name` is now its target. */
static bool dns_resolve_dname(struct dns_resolve *resolve, const struct dns_zone_node *node)
{
    const struct dns_zone_set *set = dns_zone_set(node, DNS_TYPE_DNAME);
    ASSERT(set != NULL && set->count == 1 && resolve->name->size > node->name.size);
    const struct span target = set->data->rdata;
    const size_t prefix = (size_t)resolve->name->size - node->name.size;
    dns_resolve_set(resolve, DNS_WRITER_ANSWER, &node->name, set);
    dns_secure_set(resolve, DNS_WRITER_ANSWER, &node->name, &node->name, set, set->ttl_s);
    if (prefix + target.size > DNS_NAME_MAX) {
        resolve->rcode = DNS_RCODE_YXDOMAIN;
        return false;
    }
    struct dns_name alias = *resolve->name;
    memcpy(alias.bytes + prefix, target.data, target.size);
    alias.size = (uint8_t)(prefix + target.size);
    dns_writer_record(&resolve->writer, DNS_WRITER_ANSWER, dns_resolve_owner(resolve), DNS_TYPE_CNAME, set->ttl_s,
                      span_of(alias.bytes, alias.size));
    if (resolve->query->type == DNS_TYPE_CNAME || resolve->query->type == DNS_TYPE_ANY) {
        return false;
    }
    dns_name_lower(&alias);
    resolve->target = alias;
    resolve->name = &resolve->target;
    resolve->chased = true;
    return true;
}

/* Where the present name lies, in `zone` and as the node. False: in no zone that may be asked about. */
static bool dns_resolve_find(struct dns_resolve *resolve, enum dns_zone_result *ret_found,
                             const struct dns_zone_node **ret_node)
{
    const struct dns_catalog *catalog = resolve->catalog;
    /* DS lives above a zone, and that one may be here. */
    const bool indexed = catalog->index != NULL && resolve->query->type != DNS_TYPE_DS;
    const struct dns_index_entry *entry = indexed ? dns_index_find(catalog->index, resolve->name) : NULL;
    resolve->zone = entry != NULL ? entry->zone : dns_catalog_find(catalog, resolve->name, resolve->query->type);
    if (resolve->zone == NULL ||
        (resolve->asker != NULL && !dns_catalog_admits(catalog, resolve->zone, resolve->asker))) {
        return false;
    }
    *ret_node = entry != NULL ? entry->node : NULL;
    *ret_found = entry != NULL ? DNS_ZONE_EXACT : dns_zone_find(resolve->zone, resolve->name, ret_node);
    return true;
}

/* One name of the chain; true when a CNAME leads on. */
static bool dns_resolve_step(struct dns_resolve *resolve)
{
    const struct dns_zone_node *node = NULL;
    enum dns_zone_result found = DNS_ZONE_MISSING;
    if (!dns_resolve_find(resolve, &found, &node)) {
        if (!resolve->chased) {
            resolve->rcode = DNS_RCODE_REFUSED;
            resolve->authoritative = false;
        }
        return false;
    }
    dns_secure_begin(resolve, found == DNS_ZONE_WILDCARD);
    if (!resolve->chased && (found == DNS_ZONE_WILDCARD || found == DNS_ZONE_DNAME)) {
        resolve->made_by = node->hash;
    }
    switch (found) {
    case DNS_ZONE_MISSING:
        dns_resolve_negative(resolve, NULL, UINT32_MAX);
        return false;
    case DNS_ZONE_CUT:
        /* DS lives on this side of the cut (RFC 4035, 3.1.4.1). */
        if (resolve->query->type == DNS_TYPE_DS && dns_name_equal(&node->name, resolve->name)) {
            return dns_resolve_node(resolve, node);
        }
        dns_resolve_referral(resolve, node);
        return false;
    case DNS_ZONE_DNAME:
        return dns_resolve_dname(resolve, node);
    case DNS_ZONE_EXACT:
    case DNS_ZONE_WILDCARD:
        return dns_resolve_node(resolve, node);
    case DNS_ZONE_OUTSIDE:
    default:
        ASSERT(false);
    }
}

void dns_resolve(struct dns_resolve *resolve)
{
    resolve->chased = false;
    resolve->rcode = DNS_RCODE_NOERROR;
    resolve->authoritative = true;
    resolve->dynamic = false;
    resolve->scope_bits = 0;
    resolve->made_by = 0;
    resolve->starved = false;
    resolve->secure = false;
    resolve->name = &resolve->query->name;
    uint32_t steps = 0;
    while (dns_resolve_step(resolve) && steps < DNS_RESOLVE_CHASE) {
        steps++;
    }
}
