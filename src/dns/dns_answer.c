/* SPDX-License-Identifier: Apache-2.0
 * The authoritative answer to one query. */
#include "dns/dns_answer.h"

#include <string.h>

#include "base/assert.h"
#include "dns/dns_resolve.h"
#include "wire/dns_writer.h"

/* An answer in the making. */
struct dns_answer {
    const struct dns_answer_packet *packet;
    const struct dns_catalog_settings *settings;
    struct dns_message_query query;
    struct dns_resolve resolve; /* its writer is the answer's */
    struct view_address subnet; /* the client, when the query tells one */
    enum dns_cookie_verdict cookie_verdict;
    bool truncated;
    bool transfers;
    bool signs; /* the query has TSIG, and so has the answer */
    struct dns_tsig tsig;
    uint8_t cookie[DNS_COOKIE_BYTES];
    struct dns_writer_options options; /* when the query has EDNS */
};

/* The client whose network decides: its subnet from EDNS, or where the query came from (also when the subnet's prefix
 * is 0: RFC 7871, 7.1.2). */
static const struct view_address *dns_answer_client(struct dns_answer *answer)
{
    const struct dns_message_subnet *subnet = &answer->query.subnet;
    if (!answer->query.subnet_given || subnet->source_bits == 0) {
        return &answer->packet->client;
    }
    answer->subnet.port = 0;
    answer->subnet.family = subnet->family == 1 ? 4 : 6;
    memcpy(answer->subnet.bytes, subnet->address, answer->subnet.family == 4 ? 4 : 16);
    return &answer->subnet;
}

/* ---- EDNS ---- */

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

/* What OPT will carry, as far as it is known before the answer: the size is. */
static void dns_answer_options(struct dns_answer *answer, const struct dns_answer_source *source)
{
    const struct dns_message_query *query = &answer->query;
    const struct dns_answer_packet *packet = answer->packet;
    struct dns_writer_options *options = &answer->options;
    *options = (struct dns_writer_options){.dnssec_ok = query->dnssec_ok, .keepalive_100ms = -1};
    options->subnet = query->subnet_given ? &query->subnet : NULL;
    if (query->cookie_size > 0 && answer->settings->cookies.count > 0) {
        const struct span address = span_of(packet->client.bytes, packet->client.family == 4 ? 4 : 16);
        answer->cookie_verdict =
            dns_cookie_check(&answer->settings->cookies, span_of(query->cookie, query->cookie_size), address,
                             source->now_s, answer->cookie);
        options->cookie = span_of(answer->cookie, sizeof answer->cookie);
    }
    if (query->nsid && (query->tsig_at == 0 || packet->transfer != NULL)) { /* all has to fit into 512 */
        options->nsid = span_text(answer->settings->identity);
    }
    if (query->keepalive && packet->transfer != NULL) {
        options->keepalive_100ms = packet->keepalive_100ms;
    }
}

/* ---- questions ---- */

/* Questions that are answered by a code alone; DNS_RCODE_NOERROR: all others. */
static uint16_t dns_answer_refusal(const struct dns_answer *answer)
{
    const struct dns_message_query *query = &answer->query;
    if (query->edns && query->edns_version != 0) {
        return DNS_RCODE_BADVERS;
    }
    if (query->cookie_size > 0 && answer->settings->cookies.count > 0 && answer->settings->cookie_required &&
        answer->cookie_verdict != DNS_COOKIE_GOOD && answer->packet->transfer == NULL) {
        return DNS_RCODE_BADCOOKIE; /* with ours: the client comes back at once (RFC 7873, 5.2.3) */
    }
    if (query->type == DNS_TYPE_OPT || query->type == 0 || query->type == DNS_TYPE_NXNAME) {
        return DNS_RCODE_FORMERR;
    }
    if ((query->type == DNS_TYPE_AXFR || query->type == DNS_TYPE_IXFR) && query->class == DNS_CLASS_IN) {
        return DNS_RCODE_NOERROR;
    }
    /* Other classes, and the rest of the meta types. */
    if ((query->class != DNS_CLASS_IN && query->class != DNS_CLASS_CH) ||
        (query->type >= DNS_TYPE_TKEY && query->type < DNS_TYPE_ANY)) {
        return DNS_RCODE_REFUSED;
    }
    return DNS_RCODE_NOERROR;
}

/* Class CHAOS: who and what this server is, as far as it tells (RFC 4892). */
static void dns_answer_chaos(struct dns_answer *answer)
{
    static const struct {
        const char *name;
        bool identity;
    } rows[] = {
        {"\7version\4bind", false}, {"\7version\6server", false}, {"\10hostname\4bind", true}, {"\2id\6server", true}};
    struct dns_resolve *resolve = &answer->resolve;
    const struct dns_name *name = &answer->query.name;
    resolve->rcode = DNS_RCODE_REFUSED;
    if (!dns_catalog_admits(resolve->catalog, NULL, resolve->asker)) {
        return;
    }
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        const char *text = rows[i].identity ? answer->settings->identity : answer->settings->version;
        const size_t size = strlen(text);
        if (name->size != strlen(rows[i].name) + 1 || memcmp(name->bytes, rows[i].name, name->size) != 0 || size == 0) {
            continue;
        }
        resolve->rcode = DNS_RCODE_NOERROR;
        resolve->authoritative = true;
        if (answer->query.type == DNS_TYPE_TXT || answer->query.type == DNS_TYPE_ANY) {
            uint8_t data[1 + DNS_CATALOG_TEXT];
            ASSERT(size < DNS_CATALOG_TEXT);
            data[0] = (uint8_t)size;
            memcpy(data + 1, text, size);
            resolve->writer.class = DNS_CLASS_CH;
            dns_writer_record(&resolve->writer, DNS_WRITER_ANSWER, NULL, DNS_TYPE_TXT, 0, span_of(data, size + 1));
        }
        return;
    }
}

/* RFC 5936, 1995: only whom we know, and with keys only who has one. IXFR over UDP: our SOA, from which the client sees
 * whether it should come back over TCP. */
static void dns_answer_transfer(struct dns_answer *answer)
{
    const struct dns_catalog_settings *settings = answer->settings;
    struct dns_resolve *resolve = &answer->resolve;
    const struct dns_zone *zone = NULL;
    const bool known =
        dns_catalog_network_holds(settings->transfer, settings->transfer_count, &answer->packet->client) &&
        (settings->keys_count == 0 || answer->signs);
    resolve->rcode = DNS_RCODE_REFUSED;
    if (known) {
        zone = dns_catalog_zone(resolve->catalog, &answer->query.name);
        resolve->rcode = zone != NULL ? DNS_RCODE_NOERROR : DNS_RCODE_NOTAUTH;
    }
    if (zone == NULL) {
        return;
    }
    if (answer->packet->transfer != NULL) {
        answer->transfers = true;
        dns_transfer_begin(answer->packet->transfer, zone, answer->packet->message, &answer->query,
                           answer->signs ? &answer->tsig : NULL, resolve->now_s);
    } else if (answer->query.type == DNS_TYPE_IXFR) {
        answer->query.type = DNS_TYPE_SOA;
        resolve->asker = NULL; /* it was let in above */
        dns_resolve(resolve);
    } else {
        resolve->rcode = DNS_RCODE_REFUSED;
    }
}

static void dns_answer_question(struct dns_answer *answer)
{
    struct dns_resolve *resolve = &answer->resolve;
    resolve->rcode = dns_answer_refusal(answer);
    if (resolve->rcode != DNS_RCODE_NOERROR) {
        return;
    }
    if (answer->query.type == DNS_TYPE_AXFR || answer->query.type == DNS_TYPE_IXFR) {
        dns_answer_transfer(answer);
    } else if (answer->query.class == DNS_CLASS_CH) {
        dns_answer_chaos(answer);
    } else {
        dns_resolve(resolve);
    }
    if (resolve->starved) {
        /* Who forges addresses does not come again by TCP. */
        resolve->rcode = answer->packet->transfer != NULL ? DNS_RCODE_SERVFAIL : DNS_RCODE_NOERROR;
    }
    if (resolve->rcode == DNS_RCODE_SERVFAIL) {
        resolve->authoritative = false;
        dns_writer_truncate(&resolve->writer, answer->query.question_end);
    } else if (resolve->writer.overflow || resolve->starved) {
        /* RFC 2181, 9: a part of a record set is worse than none. */
        dns_writer_truncate(&resolve->writer, answer->query.question_end);
        answer->truncated = true;
    }
}

/* OPT at the end, for which room was kept, and the header. */
static size_t dns_answer_finish(struct dns_answer *answer, size_t limit)
{
    const struct dns_message_query *query = &answer->query;
    const struct dns_resolve *resolve = &answer->resolve;
    struct dns_writer *writer = &answer->resolve.writer;
    writer->capacity = limit;
    if (query->edns) {
        answer->options.rcode = resolve->rcode;
        answer->options.compact_ok = query->compact_ok && resolve->secure;
        answer->options.subnet = resolve->rcode != DNS_RCODE_FORMERR ? answer->options.subnet : NULL;
        answer->options.scope_bits = query->subnet.source_bits != 0 ? (uint8_t)resolve->scope_bits : 0;
        dns_writer_opt(writer, &answer->options);
    }
    ASSERT(!writer->overflow);
    uint16_t flags = (uint16_t)(query->flags & (DNS_MESSAGE_OPCODE | DNS_MESSAGE_RD | DNS_MESSAGE_CD));
    flags |= DNS_MESSAGE_QR | (resolve->rcode & 0xf);
    flags |= resolve->authoritative ? DNS_MESSAGE_AA : 0;
    flags |= answer->truncated ? DNS_MESSAGE_TC : 0;
    dns_writer_flags(writer, flags);
    return answer->signs ? dns_tsig_sign(&answer->tsig, writer->data, writer->size) : writer->size;
}

/* A signed query. True: it may be answered. */
static bool dns_answer_signed(struct dns_answer *answer, uint32_t now_s)
{
    const struct dns_catalog_settings *settings = answer->settings;
    if (dns_tsig_begin(span_of(answer->packet->message, answer->packet->query_size), answer->query.tsig_at,
                       settings->keys, settings->keys_count, now_s, &answer->tsig) != ERR_OK) {
        answer->resolve.rcode = DNS_RCODE_FORMERR;
        return false;
    }
    answer->signs = true;
    answer->resolve.rcode = answer->tsig.error == DNS_TSIG_GOOD ? DNS_RCODE_NOERROR : DNS_RCODE_NOTAUTH;
    return answer->tsig.error == DNS_TSIG_GOOD;
}

static void dns_answer_verdict(struct dns_answer *answer, enum dns_message_verdict verdict)
{
    switch (verdict) {
    case DNS_MESSAGE_GOOD:
        dns_answer_question(answer);
        return;
    case DNS_MESSAGE_NOTIMP:
        answer->resolve.rcode = DNS_RCODE_NOTIMP;
        return;
    case DNS_MESSAGE_COOKIE:
        answer->resolve.rcode = answer->settings->cookies.count > 0 ? DNS_RCODE_NOERROR : DNS_RCODE_FORMERR;
        return;
    case DNS_MESSAGE_FORMERR:
        answer->resolve.rcode = DNS_RCODE_FORMERR;
        return;
    case DNS_MESSAGE_DROP:
    default:
        ASSERT(false);
    }
}

size_t dns_answer_build(struct dns_answer_source *source, const struct dns_answer_packet *packet,
                        struct dns_answer_result *ret_result)
{
    uint8_t *message = packet->message;
    struct dns_answer answer;
    const struct dns_message_query *query = &answer.query;
    struct dns_resolve *resolve = &answer.resolve;
    ASSERT(packet->capacity >= DNS_MESSAGE_UDP_MAX && packet->capacity >= packet->query_size);
    const enum dns_message_verdict verdict = dns_message_parse(message, packet->query_size, &answer.query);
    if (verdict == DNS_MESSAGE_DROP) {
        return 0;
    }
    const size_t limit = dns_answer_limit(query, packet->capacity, packet->transfer != NULL);
    answer.packet = packet;
    answer.settings = &source->catalog->settings;
    answer.cookie_verdict = DNS_COOKIE_NEW;
    answer.truncated = false;
    answer.transfers = false;
    answer.signs = false;
    resolve->catalog = source->catalog;
    resolve->policy = source->policy;
    resolve->query = query;
    resolve->client = dns_answer_client(&answer);
    resolve->asker = &packet->client;
    resolve->rotation = source->rotation;
    resolve->authoritative = false;
    resolve->dynamic = false;
    resolve->zone = NULL;
    resolve->scope_bits = 0;
    resolve->made_by = 0;
    resolve->sign = source->sign;
    if (source->sign != NULL) {
        source->sign->now_s = source->now_s;
    }
    resolve->now_s = source->now_s;
    resolve->starved = false;
    resolve->secure = false;
    size_t room = 0;
    if (query->edns) {
        dns_answer_options(&answer, source);
        room = dns_writer_opt_size(&answer.options);
    }
    resolve->proven = packet->transfer != NULL || answer.cookie_verdict == DNS_COOKIE_GOOD;
    /* The signature is looked at before the answer is written over the query. */
    const bool trusted =
        query->tsig_at == 0 || verdict != DNS_MESSAGE_GOOD || dns_answer_signed(&answer, source->now_s);
    room += answer.signs ? DNS_TSIG_MOST : 0;
    /* A question is at most 12 + 255 + 4 bytes, so it and OPT (136; 69 where TSIG is, too) always fit into 512. */
    dns_writer_init(&resolve->writer, message, limit - room, query->question_end);
    message[4] = 0;
    message[5] = query->question_end > DNS_MESSAGE_HEADER ? 1 : 0;
    if (trusted) {
        dns_answer_verdict(&answer, verdict);
    }
    source->rotation = resolve->rotation;
    const size_t size = answer.transfers ? 0 : dns_answer_finish(&answer, answer.signs ? limit - DNS_TSIG_MOST : limit);
    ret_result->rcode = resolve->rcode;
    ret_result->truncated = answer.truncated;
    ret_result->dynamic = resolve->dynamic;
    ret_result->type = verdict == DNS_MESSAGE_GOOD ? query->type : 0;
    ret_result->zone = resolve->zone != NULL ? resolve->zone->number : LIMITS_NONE;
    ret_result->name = resolve->dynamic ? resolve->number : 0;
    ret_result->region = resolve->dynamic ? resolve->region : LIMITS_NONE;
    ret_result->keepalive = query->edns && answer.options.keepalive_100ms >= 0;
    ret_result->transfer = answer.transfers;
    ret_result->starved = resolve->starved;
    ret_result->made_by = resolve->made_by;
    ret_result->proven = answer.cookie_verdict == DNS_COOKIE_GOOD || (answer.signs && trusted);
    return size;
}
