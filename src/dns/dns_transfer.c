/* SPDX-License-Identifier: Apache-2.0
 * A zone transfer. */
#include "dns/dns_transfer.h"

#include <string.h>

#include "base/assert.h"
#include "dns/dns_zone_sign.h"
#include "wire/dns_type.h"
#include "wire/dns_writer.h"

enum { DNS_TRANSFER_MOST = UINT16_MAX };

/* To the next record of the zone; the SOA, which stands at both ends, is left out. `node` NULL: there is none. */
static void dns_transfer_seek(struct dns_transfer *transfer)
{
    const struct dns_zone *zone = transfer->zone;
    while (transfer->data == NULL || transfer->set == zone->soa) {
        transfer->data = NULL;
        if (transfer->set != NULL) {
            transfer->set = transfer->set->next;
        } else if (transfer->node != NULL) {
            transfer->node = transfer->node->chain;
            transfer->set = transfer->node != NULL ? transfer->node->sets : NULL;
        } else if (transfer->bucket <= zone->mask) {
            transfer->node = zone->table[transfer->bucket++];
            transfer->set = transfer->node != NULL ? transfer->node->sets : NULL;
        } else {
            return;
        }
        transfer->data = transfer->set != NULL ? transfer->set->data : NULL;
    }
}

void dns_transfer_begin(struct dns_transfer *transfer, const struct dns_zone *zone, const uint8_t *message,
                        const struct dns_message_query *query, const struct dns_tsig *tsig, uint32_t now_s)
{
    ASSERT(zone != NULL && query->question_end > DNS_MESSAGE_HEADER);
    const uint16_t flags = DNS_MESSAGE_QR | DNS_MESSAGE_AA | (query->flags & (DNS_MESSAGE_RD | DNS_MESSAGE_CD));
    transfer->zone = zone;
    transfer->step = DNS_TRANSFER_BEGIN;
    /* RFC 1995, 2: also when the client is ahead of us (RFC 1982). */
    transfer->serial_only = query->type == DNS_TYPE_IXFR && query->serial_given &&
                            (int32_t)(dns_zone_sign_serial(zone, now_s) - query->serial) <= 0;
    transfer->edns = query->edns;
    transfer->dnssec_ok = query->dnssec_ok;
    transfer->signs = tsig != NULL;
    if (tsig != NULL) {
        transfer->tsig = *tsig;
    }
    memcpy(transfer->head, message, 2);
    transfer->head[2] = (uint8_t)(flags >> 8);
    transfer->head[3] = (uint8_t)flags;
    transfer->question_size = query->question_end - DNS_MESSAGE_HEADER;
    memcpy(transfer->question, message + DNS_MESSAGE_HEADER, transfer->question_size);
    transfer->bucket = 0;
    transfer->node = NULL;
    transfer->set = NULL;
    transfer->data = NULL;
    transfer->proof = (struct dns_transfer_proof){0};
    transfer->now_s = now_s;
}

static void dns_transfer_soa(struct dns_transfer *transfer, struct dns_writer *writer)
{
    const struct dns_zone *zone = transfer->zone;
    struct dns_zone_sign_soa memory;
    const struct dns_zone_set *soa = dns_zone_sign_soa(zone, transfer->now_s, &memory);
    dns_writer_record(writer, DNS_WRITER_ANSWER, &zone->origin, DNS_TYPE_SOA, soa->ttl_s, soa->data->rdata);
}

/* Without one of its signatures the zone would be broken: better no SOA at the end, and so no zone. */
static void dns_transfer_prove(struct dns_transfer *transfer, struct dns_writer *writer)
{
    switch (dns_transfer_proof_next(&transfer->proof, transfer->zone, transfer->now_s, writer)) {
    case DNS_TRANSFER_PROOF_MORE:
        return;
    case DNS_TRANSFER_PROOF_END:
        transfer->step = DNS_TRANSFER_END;
        return;
    case DNS_TRANSFER_PROOF_FAILED:
    default:
        transfer->step = DNS_TRANSFER_DONE;
        return;
    }
}

/* One record, or the step to the next kind. */
static void dns_transfer_step(struct dns_transfer *transfer, struct dns_writer *writer)
{
    switch (transfer->step) {
    case DNS_TRANSFER_BEGIN:
        dns_transfer_soa(transfer, writer);
        if (!writer->overflow) {
            dns_transfer_seek(transfer);
            transfer->step = transfer->serial_only ? DNS_TRANSFER_DONE : DNS_TRANSFER_RECORDS;
        }
        return;
    case DNS_TRANSFER_RECORDS:
        if (transfer->data == NULL) {
            transfer->step = transfer->zone->keyring != NULL ? DNS_TRANSFER_PROOFS : DNS_TRANSFER_END;
            return;
        }
        dns_writer_record(writer, DNS_WRITER_ANSWER, &transfer->node->name, transfer->set->type, transfer->set->ttl_s,
                          transfer->data->rdata);
        if (!writer->overflow) {
            transfer->data = transfer->data->next;
            dns_transfer_seek(transfer);
        }
        return;
    case DNS_TRANSFER_PROOFS:
        dns_transfer_prove(transfer, writer);
        return;
    case DNS_TRANSFER_END:
        dns_transfer_soa(transfer, writer);
        if (!writer->overflow) {
            transfer->step = DNS_TRANSFER_DONE;
        }
        return;
    case DNS_TRANSFER_DONE:
    default:
        ASSERT(false);
    }
}

/* Whether the message gets another record. The worker's other clients wait until it is made. */
static bool dns_transfer_more(const struct dns_transfer *transfer, const struct dns_writer *writer)
{
    const size_t most = transfer->step == DNS_TRANSFER_PROOFS ? DNS_TRANSFER_PROOFS_MESSAGE : DNS_TRANSFER_MESSAGE;
    return transfer->step != DNS_TRANSFER_DONE && writer->size < most;
}

size_t dns_transfer_next(struct dns_transfer *transfer, uint8_t *memory)
{
    struct dns_writer writer;
    const struct dns_writer_options options = {.dnssec_ok = transfer->dnssec_ok, .keepalive_100ms = -1};
    const size_t rest = (transfer->edns ? dns_writer_opt_size(&options) : 0) + (transfer->signs ? DNS_TSIG_MOST : 0);
    const bool first = transfer->step == DNS_TRANSFER_BEGIN;
    if (transfer->step == DNS_TRANSFER_DONE) {
        transfer->zone = NULL;
        return 0;
    }
    memcpy(memory, transfer->head, sizeof transfer->head);
    memcpy(memory + 4, first ? "\0\1\0\0\0\0\0\0" : "\0\0\0\0\0\0\0\0", 8);
    memcpy(memory + DNS_MESSAGE_HEADER, transfer->question, transfer->question_size);
    const size_t start = DNS_MESSAGE_HEADER + (first ? transfer->question_size : 0);
    dns_writer_init(&writer, memory, DNS_TRANSFER_MOST - rest, start);
    while (dns_transfer_more(transfer, &writer)) {
        const size_t before = writer.size;
        dns_transfer_step(transfer, &writer);
        if (writer.overflow) {
            ASSERT(before > start); /* each record fits alone (DNS_ZONE_SET_BYTES) */
            dns_writer_back(&writer, before);
            break;
        }
    }
    writer.capacity = DNS_TRANSFER_MOST;
    if (transfer->edns) {
        dns_writer_opt(&writer, &options);
    }
    ASSERT(!writer.overflow);
    return transfer->signs ? dns_tsig_sign(&transfer->tsig, memory, writer.size) : writer.size;
}
