/* SPDX-License-Identifier: Apache-2.0
 * One message answered and counted, however it came. */
#include <netinet/in.h>
#include <stddef.h>
#include <string.h>

#include "base/assert.h"
#include "dns/dns_worker.h"

static void dns_worker_count_result(struct dns_figures_counters *counters, const struct dns_answer_result *result)
{
#define DNS_WORKER_AT(member) offsetof(struct dns_figures_counters, member)
    static const uint16_t places[DNS_RCODE_COUNT] = {
        [DNS_RCODE_NOTAUTH] = DNS_WORKER_AT(notauth),   [DNS_RCODE_BADCOOKIE] = DNS_WORKER_AT(badcookie),
        [DNS_RCODE_NOERROR] = DNS_WORKER_AT(noerror),   [DNS_RCODE_FORMERR] = DNS_WORKER_AT(formerr),
        [DNS_RCODE_SERVFAIL] = DNS_WORKER_AT(servfail), [DNS_RCODE_NXDOMAIN] = DNS_WORKER_AT(nxdomain),
        [DNS_RCODE_NOTIMP] = DNS_WORKER_AT(notimp),     [DNS_RCODE_REFUSED] = DNS_WORKER_AT(refused),
        [DNS_RCODE_YXDOMAIN] = DNS_WORKER_AT(yxdomain), [DNS_RCODE_BADVERS] = DNS_WORKER_AT(badvers),
    };
#undef DNS_WORKER_AT
    ASSERT(result->rcode < DNS_RCODE_COUNT && places[result->rcode] != 0);
    dns_figures_add((uint64_t *)(void *)((char *)counters + places[result->rcode]), 1);
    if (result->truncated) {
        dns_figures_add(&counters->truncated, 1);
    }
    if (result->starved) {
        dns_figures_add(&counters->starved, 1);
    }
    if (result->dynamic) {
        dns_figures_add(&counters->dynamic, 1);
    }
}

/* Into an address that is zero. Where it is needed: a copy would wait for the bytes to be written. */
static void dns_worker_peer(const struct sockaddr_storage *peer, struct view_address *address)
{
    if (peer->ss_family == AF_INET) {
        memcpy(address->bytes, &((const struct sockaddr_in *)peer)->sin_addr, 4);
        address->family = 4;
    } else {
        memcpy(address->bytes, &((const struct sockaddr_in6 *)peer)->sin6_addr, 16);
        address->family = 6;
    }
}

/* The kernel spreads a network's queries over the workers by their ports, so each gets its part of the limit. */
static size_t dns_worker_limit(struct dns_worker *worker, const struct dns_answer_packet *packet, uint64_t made_by,
                               size_t answer)
{
    const struct dns_catalog_settings *settings = &worker->catalog->settings;
    const uint32_t part = settings->rate_per_second / worker->shared->workers;
    const struct dns_rate_limit limit = {part > 0 ? part : 1, settings->rate_slip, worker->now_ms};
    uint64_t name_hash = 0;
    if (dns_catalog_network_holds(settings->rate_exempt, settings->rate_exempt_count, &packet->client)) {
        return answer;
    }
    const enum dns_rate_kind kind = dns_answer_kind(packet->message, answer, made_by, &name_hash);
    switch (dns_rate_check(worker->rate, &packet->client, kind, name_hash, &limit)) {
    case DNS_RATE_SLIP:
        dns_figures_add(&worker->figures->counters.rate_slipped, 1);
        return dns_answer_slip(packet->message, answer);
    case DNS_RATE_DROP:
        dns_figures_add(&worker->figures->counters.rate_dropped, 1);
        return 0;
    case DNS_RATE_PASS:
    default:
        return answer;
    }
}

/* The question is still there, in front of the answer. */
static void dns_worker_sample(struct dns_worker *worker, const uint8_t *message, size_t size,
                              const struct view_address *client)
{
    struct cursor cursor;
    struct dns_name name;
    uint8_t who[1 + sizeof client->bytes];
    who[0] = (uint8_t)client->family;
    memcpy(who + 1, client->bytes, sizeof client->bytes);
    dns_sketch_add(&worker->figures->clients, span_of(who, sizeof who), worker->sample);
    cursor_init(&cursor, message, size);
    cursor_skip(&cursor, DNS_MESSAGE_HEADER);
    dns_name_read_lower(&cursor, &name);
    if (message[5] == 1 && cursor_ok(&cursor)) {
        dns_sketch_add(&worker->figures->questions, span_of(name.bytes, name.size), worker->sample);
    }
}

static void dns_worker_count_question(struct dns_figures *figures, const struct dns_answer_result *result)
{
    dns_figures_add(&figures->types[dns_figures_type(result->type)], 1);
    if (result->zone != LIMITS_NONE) {
        dns_figures_add(&figures->zones[result->zone], 1);
    }
    if (result->dynamic) {
        const uint32_t column = result->region != LIMITS_NONE ? result->region : DNS_FIGURES_NOWHERE;
        dns_figures_add(&figures->names[result->name][column], 1);
    }
}

size_t dns_worker_answer(struct dns_worker *worker, uint8_t *message, size_t size, size_t capacity,
                         const struct sockaddr_storage *peer, struct dns_tcp_connection *connection)
{
    struct dns_answer_source source = {worker->catalog, &worker->policy, worker->rotation, worker->now_s, worker->sign};
    struct dns_answer_result result = {.transfer = false};
    struct dns_answer_packet packet = {.message = message,
                                       .query_size = size,
                                       .capacity = capacity,
                                       .transfer = connection != NULL ? &connection->transfer : NULL,
                                       .keepalive_100ms =
                                           connection != NULL ? dns_tcp_idle_ms(&worker->tcp, true) / 100 : -1};
    dns_worker_peer(peer, &packet.client);
    const uint64_t made = worker->sign->made;
    const size_t answer = dns_answer_build(&source, &packet, &result);
    if (worker->sign->made != made) {
        dns_figures_add(&worker->figures->counters.signatures, worker->sign->made - made);
    }
    worker->rotation = source.rotation;
    if (connection != NULL) {
        connection->keeps = connection->keeps || result.keepalive;
    }
    if (answer == 0 && result.transfer) {
        dns_figures_add(&worker->figures->counters.transfers, 1);
        return 0;
    }
    if (answer == 0) {
        dns_figures_add(&worker->figures->counters.dropped, 1);
        return 0;
    }
    dns_worker_count_result(&worker->figures->counters, &result);
    dns_worker_count_question(worker->figures, &result);
    if (worker->sample > 0) {
        dns_worker_sample(worker, message, answer, &packet.client);
    }
    const bool limited = worker->catalog->settings.rate_per_second > 0 && connection == NULL && !result.proven;
    return limited ? dns_worker_limit(worker, &packet, result.made_by, answer) : answer;
}
