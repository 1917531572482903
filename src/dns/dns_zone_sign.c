/* SPDX-License-Identifier: Apache-2.0
 * Makes a zone a signed one. */
#include "dns/dns_zone_sign.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "dns/dns_sign.h"
#include "wire/dns_canonical.h"
#include "wire/dns_type.h"

/* What signing adds to a bitmap: RRSIG, NSEC, and the addresses of a dynamic name. */
enum { DNS_ZONE_SIGN_TYPES = DNS_CANONICAL_TYPES - 4 };

static enum err dns_zone_sign_fail(const struct dns_zone_set *set, const char *text, char *problem)
{
    snprintf(problem, DNS_ZONE_PROBLEM, "%.200s:%u: %s", set->file, set->line, text);
    return ERR_INVALID;
}

/* ---- the keys' records ---- */

static enum err dns_zone_sign_record(struct dns_zone *zone, uint16_t type, struct span rdata)
{
    struct dns_zone_set *set = zone->apex->sets;
    while (set != NULL && set->type != type) {
        set = set->next;
    }
    struct dns_zone_data *data = arena_alloc(&zone->arena, sizeof *data);
    char *copy = arena_copy(&zone->arena, rdata.data, rdata.size);
    if (set == NULL) {
        set = arena_alloc(&zone->arena, sizeof *set);
        if (set != NULL) {
            set->type = type;
            set->ttl_s = zone->keyring->ttl_s;
            set->file = "the keys";
            set->next = zone->apex->sets;
            zone->apex->sets = set;
        }
    }
    if (set == NULL || data == NULL || copy == NULL) {
        return ERR_NO_MEMORY;
    }
    data->rdata = span_of(copy, rdata.size);
    data->next = set->data;
    set->data = data;
    set->count++;
    set->bytes += (uint32_t)rdata.size + 12;
    zone->records_count++;
    return ERR_OK;
}

/* RFC 7344, 4: the same as CDS and CDNSKEY; RFC 8078, 4: the request to become unsigned. */
static enum err dns_zone_sign_parent(struct dns_zone *zone)
{
    const struct dns_keyring *keyring = zone->keyring;
    enum err err = ERR_OK;
    if (keyring->parent == DNS_KEYRING_DELETE) {
        err = dns_zone_sign_record(zone, DNS_TYPE_CDS, span_of("\0\0\0\0\0", 5));
        return err == ERR_OK ? dns_zone_sign_record(zone, DNS_TYPE_CDNSKEY, span_of("\0\0\3\0\0", 5)) : err;
    }
    for (uint32_t i = 0; keyring->parent == DNS_KEYRING_PUBLISH && i < keyring->count && err == ERR_OK; i++) {
        const struct dns_key *key = &keyring->keys[i].key;
        if (dns_keyring_announced(&keyring->keys[i])) {
            uint8_t ds[DNS_KEY_DS];
            dns_key_ds(key, &zone->origin, ds);
            err = dns_zone_sign_record(zone, DNS_TYPE_CDS, span_of(ds, sizeof ds));
            err =
                err == ERR_OK ? dns_zone_sign_record(zone, DNS_TYPE_CDNSKEY, span_of(key->data, key->data_size)) : err;
        }
    }
    return err;
}

static enum err dns_zone_sign_keys(struct dns_zone *zone)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < zone->keyring->count && err == ERR_OK; i++) {
        const struct dns_key *key = &zone->keyring->keys[i].key;
        if (dns_keyring_told(&zone->keyring->keys[i])) {
            err = dns_zone_sign_record(zone, DNS_TYPE_DNSKEY, span_of(key->data, key->data_size));
        }
    }
    return err == ERR_OK ? dns_zone_sign_parent(zone) : err;
}

/* ---- the names ---- */

/* Whether records of that type are made by signing alone. */
static bool dns_zone_sign_makes(uint16_t type, bool apex)
{
    switch (type) {
    case DNS_TYPE_DNSKEY:
    case DNS_TYPE_CDS:
    case DNS_TYPE_CDNSKEY:
        return apex;
    case DNS_TYPE_RRSIG:
    case DNS_TYPE_NSEC:
    case 50: /* NSEC3 */
    case DNS_TYPE_NSEC3PARAM:
        return true;
    default:
        return false;
    }
}

static enum err dns_zone_sign_node(struct dns_zone *zone, struct dns_zone_node *node, char *problem)
{
    uint32_t types = 0;
    for (struct dns_zone_set *set = node->sets; set != NULL; set = set->next) {
        if (dns_zone_sign_makes(set->type, node == zone->apex)) {
            return dns_zone_sign_fail(
                set, "a record that signing makes by itself; take it out of the file of a zone with dnssec", problem);
        }
        if (++types > DNS_ZONE_SIGN_TYPES) {
            return dns_zone_sign_fail(set, "too many types at one name of a signed zone; expected at most 60", problem);
        }
        set->sum = dns_sign_sum(set->data);
        zone->sets_count++;
        zone->ttl_most_s = zone->ttl_most_s > set->ttl_s ? zone->ttl_most_s : set->ttl_s;
    }
    return ERR_OK;
}

static int dns_zone_sign_order(const void *a, const void *b)
{
    const struct dns_zone_node *const *x = a;
    const struct dns_zone_node *const *y = b;
    return dns_canonical_compare(&(*x)->name, &(*y)->name);
}

/* Whether the name has records that are ours to sign: not what lies below a delegation. */
static bool dns_zone_sign_ours(const struct dns_zone *zone, const struct dns_zone_node *node)
{
    const struct dns_zone_node *found = NULL;
    return node->sets != NULL && (dns_zone_find(zone, &node->name, &found) != DNS_ZONE_CUT || found == node);
}

static enum err dns_zone_sign_chain(struct dns_zone *zone)
{
    zone->chain = arena_alloc(&zone->arena, (zone->records_count + (size_t)1) * sizeof(struct dns_zone_node *));
    if (zone->chain == NULL) {
        return ERR_NO_MEMORY;
    }
    for (uint64_t bucket = 0; bucket <= zone->mask; bucket++) {
        for (struct dns_zone_node *node = zone->table[bucket]; node != NULL; node = node->chain) {
            if (dns_zone_sign_ours(zone, node)) {
                ASSERT(zone->chain_count < zone->records_count);
                zone->chain[zone->chain_count++] = node;
            }
        }
    }
    qsort(zone->chain, zone->chain_count, sizeof(struct dns_zone_node *), dns_zone_sign_order);
    ASSERT(zone->chain_count > 0 && zone->chain[0] == zone->apex);
    return ERR_OK;
}

enum err dns_zone_sign(struct dns_zone *zone, struct dns_keyring *keyring, char *problem)
{
    ASSERT(zone->keyring == NULL);
    zone->keyring = keyring;
    zone->serial += keyring->changes; /* secondaries have to fetch the keys, too */
    zone->ttl_most_s = keyring->ttl_s;
    for (uint64_t bucket = 0; bucket <= zone->mask; bucket++) {
        for (struct dns_zone_node *node = zone->table[bucket]; node != NULL; node = node->chain) {
            const enum err err = dns_zone_sign_node(zone, node, problem);
            if (err != ERR_OK) {
                return err;
            }
        }
    }
    for (uint32_t i = 0; i < zone->dynamic_count; i++) {
        const uint32_t ttl_s = zone->dynamic[i].ttl_s;
        zone->ttl_most_s = zone->ttl_most_s > ttl_s ? zone->ttl_most_s : ttl_s;
    }
    enum err err = dns_zone_sign_keys(zone);
    err = err == ERR_OK ? dns_zone_sign_chain(zone) : err;
    if (err != ERR_OK) {
        snprintf(problem, DNS_ZONE_PROBLEM, "out of memory");
        return err;
    }
    for (struct dns_zone_set *set = zone->apex->sets; set != NULL; set = set->next) {
        set->sum = dns_sign_sum(set->data); /* the keys' are new */
    }
    return ERR_OK;
}

/* ---- the serial ---- */

uint32_t dns_zone_sign_serial(const struct dns_zone *zone, uint32_t now_s)
{
    return zone->keyring != NULL ? zone->serial + now_s / DNS_ZONE_SIGN_PERIOD_S : zone->serial;
}

const struct dns_zone_set *dns_zone_sign_soa(const struct dns_zone *zone, uint32_t now_s,
                                             struct dns_zone_sign_soa *memory)
{
    if (zone->keyring == NULL) {
        return zone->soa;
    }
    const struct span rdata = zone->soa->data->rdata;
    const uint32_t serial = dns_zone_sign_serial(zone, now_s);
    ASSERT(rdata.size >= 22 && rdata.size <= sizeof memory->rdata);
    memcpy(memory->rdata, rdata.data, rdata.size);
    uint8_t *at = memory->rdata + rdata.size - 20;
    at[0] = (uint8_t)(serial >> 24);
    at[1] = (uint8_t)(serial >> 16);
    at[2] = (uint8_t)(serial >> 8);
    at[3] = (uint8_t)serial;
    memory->data = (struct dns_zone_data){NULL, span_of(memory->rdata, rdata.size)};
    memory->set = *zone->soa;
    memory->set.data = &memory->data;
    memory->set.next = NULL;
    memory->set.sum = zone->soa->sum + serial;
    return &memory->set;
}
