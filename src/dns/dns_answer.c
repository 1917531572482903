/* SPDX-License-Identifier: Apache-2.0
 * The authoritative answer to one query. */
#include "dns/dns_answer.h"

#include <string.h>

#include "base/assert.h"
#include "wire/dns_message.h"
#include "wire/dns_writer.h"

/* An answer in the making. */
struct dns_answer {
    struct dns_answer_source *source;
    const struct dns_message_query *query;
    struct view_address client;
    struct dns_writer writer;
    struct dns_name name; /* what is looked up now, lower case: the question's name or a CNAME's target */
    bool chased;          /* `name` is no longer the question's */
    uint16_t rcode;
    bool authoritative;
    bool truncated;
    bool dynamic;
    uint32_t scope_bits;
};

struct view_address dns_answer_client(const struct dns_message_query *query, const struct view_address *client)
{
    if (!query->subnet_given || query->subnet.source_bits == 0) {
        return *client;
    }
    struct view_address address = {.family = query->subnet.family == 1 ? 4 : 6};
    memcpy(address.bytes, query->subnet.address, sizeof address.bytes);
    return address;
}

/* NULL (the question's bytes, in the case they came with) unless a CNAME was followed. */
static const struct dns_name *dns_answer_owner(const struct dns_answer *answer)
{
    return answer->chased ? &answer->name : NULL;
}

static void dns_answer_set(struct dns_answer *answer, enum dns_writer_section section, const struct dns_name *owner,
                           const struct dns_zone_set *set)
{
    for (const struct dns_zone_data *data = set->data; data != NULL; data = data->next) {
        dns_writer_record(&answer->writer, section, owner, set->type, set->ttl_s, data->rdata);
    }
}

/* SOA in the authority section: the name or the type does not exist, and for how long that may be believed. */
static void dns_answer_negative(struct dns_answer *answer, uint16_t rcode, uint32_t ttl_most_s)
{
    const struct dns_zone *zone = answer->source->zone;
    const uint32_t ttl_s = zone->negative_ttl_s < ttl_most_s ? zone->negative_ttl_s : ttl_most_s;
    answer->rcode = rcode;
    dns_writer_record(&answer->writer, DNS_WRITER_AUTHORITY, &zone->origin, DNS_TYPE_SOA, ttl_s,
                      zone->soa->data->rdata);
}

/* NS of the zone below and the addresses of those name servers that we know (glue). */
static void dns_answer_referral(struct dns_answer *answer, const struct dns_zone_node *cut)
{
    const struct dns_zone_set *servers = dns_zone_set(cut, DNS_TYPE_NS);
    ASSERT(servers != NULL);
    answer->authoritative = answer->chased; /* RFC 1034, 4.3.2: AA is about the first name */
    dns_answer_set(answer, DNS_WRITER_AUTHORITY, &cut->name, servers);
    for (const struct dns_zone_data *data = servers->data; data != NULL; data = data->next) {
        struct cursor cursor;
        struct dns_name server;
        cursor_init(&cursor, data->rdata.data, data->rdata.size);
        dns_name_read(&cursor, &server);
        dns_name_lower(&server);
        const struct dns_zone_node *node = dns_zone_node(answer->source->zone, &server);
        if (node == NULL) {
            continue;
        }
        for (const struct dns_zone_set *set = node->sets; set != NULL; set = set->next) {
            if (set->type == DNS_TYPE_A || set->type == DNS_TYPE_AAAA) {
                dns_answer_set(answer, DNS_WRITER_ADDITIONAL, &server, set);
            }
        }
    }
}

/* Addresses by policy. */
static void dns_answer_dynamic(struct dns_answer *answer, const struct dns_zone_node *node)
{
    struct dns_answer_source *source = answer->source;
    const struct dns_policy *policy = source->policy;
    const uint32_t index = (uint32_t)(node->dynamic - source->zone->dynamic);
    ASSERT(index < source->zone->dynamic_count);
    answer->dynamic = true;
    if (policy->view == NULL || policy->plans[index].count == 0) {
        answer->rcode = DNS_RCODE_SERVFAIL; /* no picture yet: a lie would be cached, an error is not for long */
        return;
    }
    const struct dns_policy_choice choice = dns_policy_choose(policy, source->zone->dynamic, index, &answer->client);
    const uint32_t family = answer->query->type == DNS_TYPE_A ? 0 : 1;
    const uint8_t *order;
    const uint32_t count = dns_policy_endpoints(policy, index, &choice, family, &order);
    const uint32_t ttl_s = policy->ttl_s[index];
    answer->scope_bits = choice.scope_bits;
    if (count == 0) {
        dns_answer_negative(answer, DNS_RCODE_NOERROR, ttl_s);
        return;
    }
    const uint32_t start = source->rotation++ % count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t at = start + i < count ? start + i : start + i - count;
        const uint8_t *bytes = policy->view->endpoints[order[at]].address.bytes;
        dns_writer_record(&answer->writer, DNS_WRITER_ANSWER, dns_answer_owner(answer), answer->query->type, ttl_s,
                          span_of(bytes, family == 0 ? 4 : 16));
    }
}

/* RFC 8482, 4.2: one record that says that ANY is not answered in full. */
static void dns_answer_any(struct dns_answer *answer)
{
    static const char data[] = "\7RFC8482\0";
    dns_writer_record(&answer->writer, DNS_WRITER_ANSWER, dns_answer_owner(answer), DNS_TYPE_HINFO, 3600,
                      span_of(data, 9));
}

/* The name exists. True: it is a CNAME, and `name` is now its target. */
static bool dns_answer_node(struct dns_answer *answer, const struct dns_zone_node *node)
{
    const uint16_t type = answer->query->type;
    if (node->dynamic != NULL && (type == DNS_TYPE_A || type == DNS_TYPE_AAAA)) {
        dns_answer_dynamic(answer, node);
        return false;
    }
    const struct dns_zone_set *alias = dns_zone_set(node, DNS_TYPE_CNAME);
    if (alias != NULL) {
        dns_answer_set(answer, DNS_WRITER_ANSWER, dns_answer_owner(answer), alias);
        if (type == DNS_TYPE_CNAME || type == DNS_TYPE_ANY) {
            return false;
        }
        struct cursor cursor;
        cursor_init(&cursor, alias->data->rdata.data, alias->data->rdata.size);
        dns_name_read(&cursor, &answer->name);
        dns_name_lower(&answer->name);
        answer->chased = true;
        return true;
    }
    if (type == DNS_TYPE_ANY && (node->sets != NULL || node->dynamic != NULL)) {
        dns_answer_any(answer);
        return false;
    }
    const struct dns_zone_set *set = dns_zone_set(node, type);
    if (set != NULL) {
        dns_answer_set(answer, DNS_WRITER_ANSWER, dns_answer_owner(answer), set);
    } else {
        const uint32_t ttl_most_s = node->dynamic != NULL ? node->dynamic->ttl_s : UINT32_MAX;
        dns_answer_negative(answer, DNS_RCODE_NOERROR, ttl_most_s);
    }
    return false;
}

/* RFC 6672: a name below a DNAME is an alias, by a CNAME that is made for it. True: `name` is now its target. */
static bool dns_answer_dname(struct dns_answer *answer, const struct dns_zone_node *node)
{
    const struct dns_zone_set *set = dns_zone_set(node, DNS_TYPE_DNAME);
    ASSERT(set != NULL && set->count == 1 && answer->name.size > node->name.size);
    const struct span target = set->data->rdata;
    const size_t prefix = (size_t)answer->name.size - node->name.size;
    dns_answer_set(answer, DNS_WRITER_ANSWER, &node->name, set);
    if (prefix + target.size > DNS_NAME_MAX) {
        answer->rcode = DNS_RCODE_YXDOMAIN;
        return false;
    }
    struct dns_name alias = answer->name;
    memcpy(alias.bytes + prefix, target.data, target.size);
    alias.size = (uint8_t)(prefix + target.size);
    dns_writer_record(&answer->writer, DNS_WRITER_ANSWER, dns_answer_owner(answer), DNS_TYPE_CNAME, set->ttl_s,
                      span_of(alias.bytes, alias.size));
    if (answer->query->type == DNS_TYPE_CNAME || answer->query->type == DNS_TYPE_ANY) {
        return false;
    }
    dns_name_lower(&alias);
    answer->name = alias;
    answer->chased = true;
    return true;
}

/* One name of the chain; true when a CNAME leads on. */
static bool dns_answer_step(struct dns_answer *answer)
{
    const struct dns_zone_node *node = NULL;
    switch (dns_zone_find(answer->source->zone, &answer->name, &node)) {
    case DNS_ZONE_OUTSIDE:
        if (!answer->chased) {
            answer->rcode = DNS_RCODE_REFUSED;
            answer->authoritative = false;
        }
        return false;
    case DNS_ZONE_MISSING:
        dns_answer_negative(answer, DNS_RCODE_NXDOMAIN, UINT32_MAX);
        return false;
    case DNS_ZONE_CUT:
        /* DS lives on this side of the cut (RFC 4035, 3.1.4.1). */
        if (answer->query->type == DNS_TYPE_DS && dns_name_equal(&node->name, &answer->name)) {
            return dns_answer_node(answer, node);
        }
        dns_answer_referral(answer, node);
        return false;
    case DNS_ZONE_DNAME:
        return dns_answer_dname(answer, node);
    case DNS_ZONE_EXACT:
    case DNS_ZONE_WILDCARD:
        return dns_answer_node(answer, node);
    default:
        ASSERT(false);
    }
}

/* Questions that are answered by a code alone; DNS_RCODE_NOERROR: all others. */
static uint16_t dns_answer_refusal(const struct dns_message_query *query)
{
    if (query->edns && query->edns_version != 0) {
        return DNS_RCODE_BADVERS;
    }
    if (query->type == DNS_TYPE_OPT || query->type == 0) {
        return DNS_RCODE_FORMERR;
    }
    /* Other classes (version.bind in CH included), zone transfers and the rest of the meta types. */
    if (query->class != DNS_CLASS_IN || (query->type >= DNS_TYPE_TKEY && query->type < DNS_TYPE_ANY)) {
        return DNS_RCODE_REFUSED;
    }
    return DNS_RCODE_NOERROR;
}

static void dns_answer_question(struct dns_answer *answer)
{
    answer->rcode = dns_answer_refusal(answer->query);
    if (answer->rcode != DNS_RCODE_NOERROR) {
        return;
    }
    answer->authoritative = true;
    answer->name = answer->query->name;
    dns_name_lower(&answer->name);
    uint32_t steps = 0;
    while (dns_answer_step(answer) && steps < DNS_ANSWER_CHASE) {
        steps++;
    }
    if (answer->rcode == DNS_RCODE_SERVFAIL) {
        answer->authoritative = false;
        dns_writer_truncate(&answer->writer, answer->query->question_end);
    }
    if (answer->writer.overflow) {
        /* RFC 2181, 9: a part of a record set is worse than none. */
        dns_writer_truncate(&answer->writer, answer->query->question_end);
        answer->truncated = true;
    }
}

static size_t dns_answer_opt_size(const struct dns_message_query *query)
{
    if (!query->edns) {
        return 0;
    }
    return 11U + (query->subnet_given ? 8U + (query->subnet.source_bits + 7U) / 8 : 0U);
}

static size_t dns_answer_limit(const struct dns_message_query *query, size_t capacity, bool tcp)
{
    if (tcp) {
        return capacity < UINT16_MAX ? capacity : UINT16_MAX;
    }
    if (!query->edns || query->udp_size < DNS_MESSAGE_UDP_MIN) {
        return DNS_MESSAGE_UDP_MIN;
    }
    return query->udp_size < DNS_MESSAGE_UDP_MAX ? query->udp_size : DNS_MESSAGE_UDP_MAX;
}

/* OPT at the end, for which room was kept, and the header. */
static size_t dns_answer_finish(struct dns_answer *answer, size_t limit)
{
    const struct dns_message_query *query = answer->query;
    answer->writer.capacity = limit;
    if (query->edns) {
        const bool echo = query->subnet_given && answer->rcode != DNS_RCODE_FORMERR;
        const uint32_t scope = query->subnet.source_bits != 0 ? answer->scope_bits : 0;
        dns_writer_opt(&answer->writer, answer->rcode, query->dnssec_ok, echo ? &query->subnet : NULL, (uint8_t)scope);
    }
    ASSERT(!answer->writer.overflow);
    uint16_t flags = (uint16_t)(query->flags & (DNS_MESSAGE_OPCODE | DNS_MESSAGE_RD | DNS_MESSAGE_CD));
    flags |= DNS_MESSAGE_QR | (answer->rcode & 0xf);
    flags |= answer->authoritative ? DNS_MESSAGE_AA : 0;
    flags |= answer->truncated ? DNS_MESSAGE_TC : 0;
    dns_writer_flags(&answer->writer, flags);
    return answer->writer.size;
}

size_t dns_answer_build(struct dns_answer_source *source, const struct dns_answer_packet *packet,
                        struct dns_answer_result *ret_result)
{
    uint8_t *message = packet->message;
    struct dns_message_query query;
    struct dns_answer answer;
    ASSERT(packet->capacity >= DNS_MESSAGE_UDP_MAX && packet->capacity >= packet->query_size);
    const enum dns_message_verdict verdict = dns_message_parse(message, packet->query_size, &query);
    if (verdict == DNS_MESSAGE_DROP) {
        return 0;
    }
    const size_t limit = dns_answer_limit(&query, packet->capacity, packet->tcp);
    answer.source = source;
    answer.query = &query;
    answer.client = dns_answer_client(&query, &packet->client);
    answer.chased = false;
    answer.rcode = DNS_RCODE_NOERROR;
    answer.authoritative = false;
    answer.truncated = false;
    answer.dynamic = false;
    answer.scope_bits = 0;
    /* A question is at most 12 + 255 + 4 bytes, so it and OPT (35) always fit into 512. */
    dns_writer_init(&answer.writer, message, limit - dns_answer_opt_size(&query), query.question_end);
    message[4] = 0;
    message[5] = query.question_end > DNS_MESSAGE_HEADER ? 1 : 0;
    if (verdict == DNS_MESSAGE_GOOD) {
        dns_answer_question(&answer);
    } else {
        answer.rcode = verdict == DNS_MESSAGE_NOTIMP ? DNS_RCODE_NOTIMP : DNS_RCODE_FORMERR;
    }
    const size_t size = dns_answer_finish(&answer, limit);
    *ret_result = (struct dns_answer_result){answer.rcode, answer.truncated, answer.dynamic};
    return size;
}
