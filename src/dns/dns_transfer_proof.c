/* SPDX-License-Identifier: Apache-2.0
 * What a signed zone has beside its records when it is transferred. */
#include "dns/dns_transfer_proof.h"

#include "base/assert.h"
#include "dns/dns_nsec.h"
#include "dns/dns_sign.h"
#include "dns/dns_zone_sign.h"
#include "wire/dns_canonical.h"
#include "wire/dns_type.h"

/* A delegation's NS and what stands beside it are not ours to sign (RFC 4035, 2.2). */
static bool dns_transfer_proof_ours(const struct dns_zone_node *node, const struct dns_zone_set *set)
{
    return node->below != DNS_ZONE_BELOW_CUT || set->type == DNS_TYPE_DS;
}

/* RFC 4034, 4.1: the next name of the chain, and the types that are transferred at this one. */
static void dns_transfer_proof_link(const struct dns_zone *zone, uint64_t at, struct dns_nsec *ret_nsec)
{
    const struct dns_zone_node *node = zone->chain[at];
    const struct dns_name *next = &zone->chain[(at + 1) % zone->chain_count]->name;
    uint16_t types[DNS_CANONICAL_TYPES];
    uint32_t count = 0;
    types[count++] = DNS_TYPE_RRSIG;
    types[count++] = DNS_TYPE_NSEC;
    for (const struct dns_zone_set *set = node->sets; set != NULL; set = set->next) {
        if (set->type == DNS_TYPE_NS || dns_transfer_proof_ours(node, set)) {
            ASSERT(count < DNS_CANONICAL_TYPES); /* dns/dns_zone_sign.c */
            types[count++] = set->type;
        }
    }
    dns_nsec_make(zone, next, types, count, ret_nsec);
}

/* To the next set, key or name that has something to be written. False: the chain is over. */
static bool dns_transfer_proof_seek(struct dns_transfer_proof *proof, const struct dns_zone *zone)
{
    const struct dns_keyring *keyring = zone->keyring;
    while (proof->name < zone->chain_count) {
        const struct dns_zone_node *node = zone->chain[proof->name];
        if (!proof->begun) {
            *proof = (struct dns_transfer_proof){.name = proof->name, .set = node->sets, .begun = true};
        }
        const uint16_t type = proof->set != NULL ? proof->set->type : DNS_TYPE_NSEC;
        const bool ours = proof->set == NULL || dns_transfer_proof_ours(node, proof->set);
        if (proof->set == NULL && !proof->nsec) {
            return true;
        }
        while (ours && proof->key < keyring->count &&
               !dns_keyring_signs(&keyring->keys[proof->key], type, node == zone->apex)) {
            proof->key++;
        }
        if (ours && proof->key < keyring->count) {
            return true;
        }
        proof->key = 0;
        if (proof->set != NULL) {
            proof->set = proof->set->next;
        } else {
            proof->begun = false;
            proof->name++;
        }
    }
    return false;
}

enum dns_transfer_proof_result dns_transfer_proof_next(struct dns_transfer_proof *proof, const struct dns_zone *zone,
                                                       uint32_t now_s, struct dns_writer *writer)
{
    struct dns_nsec nsec;
    struct dns_zone_sign_soa soa;
    if (!dns_transfer_proof_seek(proof, zone)) {
        return DNS_TRANSFER_PROOF_END;
    }
    const struct dns_name *owner = &zone->chain[proof->name]->name;
    const struct dns_zone_set *set = proof->set;
    if (set == NULL) {
        dns_transfer_proof_link(zone, proof->name, &nsec);
        set = &nsec.set;
    } else if (set == zone->soa) {
        set = dns_zone_sign_soa(zone, now_s, &soa);
    }
    if (proof->set == NULL && !proof->nsec) {
        dns_writer_record(writer, DNS_WRITER_ANSWER, owner, DNS_TYPE_NSEC, set->ttl_s, set->data->rdata);
        proof->nsec = !writer->overflow;
        return DNS_TRANSFER_PROOF_MORE;
    }
    uint8_t data[DNS_SIGN_RDATA];
    const struct dns_sign_want want = {&zone->origin, owner, set};
    const size_t size = dns_sign_fresh(&want, &zone->keyring->keys[proof->key], now_s, data);
    if (size == 0) {
        return DNS_TRANSFER_PROOF_FAILED;
    }
    dns_writer_record(writer, DNS_WRITER_ANSWER, owner, DNS_TYPE_RRSIG, set->ttl_s, span_of(data, size));
    proof->key += writer->overflow ? 0 : 1;
    return DNS_TRANSFER_PROOF_MORE;
}
