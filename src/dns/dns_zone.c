/* SPDX-License-Identifier: Apache-2.0
 * A zone in memory: finding names in it. */
#include "dns/dns_zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

/* Continues a hash by one label with its length byte (FNV-1a). */
static uint64_t dns_zone_hash(uint64_t hash, const uint8_t *label)
{
    const uint32_t size = 1U + label[0];
    for (uint32_t i = 0; i < size; i++) {
        hash = (hash ^ label[i]) * UINT64_C(0x100000001b3);
    }
    return hash;
}

enum { DNS_ZONE_HASH_START = 0x1505 };

static uint64_t dns_zone_bucket(const struct dns_zone *zone, uint64_t hash)
{
    return (hash ^ hash >> 32) & zone->mask;
}

/* The node whose name is `size` bytes at `name`. */
static struct dns_zone_node *dns_zone_lookup(const struct dns_zone *zone, uint64_t hash, const uint8_t *name,
                                             size_t size)
{
    struct dns_zone_node *node = zone->table[dns_zone_bucket(zone, hash)];
    while (node != NULL &&
           (node->hash != hash || node->name.size != size || memcmp(node->name.bytes, name, size) != 0)) {
        node = node->chain;
    }
    return node;
}

/* The labels of a lower-case name below the apex: their offsets, leftmost first, and their number. False: it is not of
 * this zone. The last bytes decide that nearly always; whether a label begins there is seen on the way. */
static bool dns_zone_labels(const struct dns_zone *zone, const struct dns_name *name,
                            uint8_t offsets[DNS_NAME_LABELS_MAX], uint32_t *ret_count)
{
    const struct dns_name *origin = &zone->origin;
    if (name->size < origin->size ||
        memcmp(name->bytes + name->size - origin->size, origin->bytes, origin->size) != 0) {
        return false;
    }
    const size_t end = (size_t)name->size - origin->size;
    uint32_t count = 0;
    size_t at = 0;
    for (; at < end; at += 1U + name->bytes[at]) {
        offsets[count++] = (uint8_t)at;
    }
    *ret_count = count;
    return at == end;
}

bool dns_zone_holds(const struct dns_zone *zone, const struct dns_name *name)
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    uint32_t count;
    return dns_zone_labels(zone, name, offsets, &count);
}

enum dns_zone_result dns_zone_find(const struct dns_zone *zone, const struct dns_name *name,
                                   const struct dns_zone_node **ret_node)
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    uint32_t count;
    if (!dns_zone_labels(zone, name, offsets, &count)) {
        return DNS_ZONE_OUTSIDE;
    }
    const struct dns_zone_node *node = zone->apex;
    uint64_t hash = DNS_ZONE_HASH_START;
    for (uint32_t i = count; i > 0; i--) {
        if (node->below != DNS_ZONE_BELOW_ALL) {
            *ret_node = node;
            return node->below == DNS_ZONE_BELOW_CUT ? DNS_ZONE_CUT : DNS_ZONE_DNAME;
        }
        const uint8_t at = offsets[i - 1];
        const uint64_t parent = hash;
        hash = dns_zone_hash(hash, name->bytes + at);
        const struct dns_zone_node *child = dns_zone_lookup(zone, hash, name->bytes + at, (size_t)name->size - at);
        if (child == NULL) {
            /* `node` is the closest encloser: only its own "*" child may cover the name (RFC 4592, 3.3.1). */
            struct dns_name wildcard;
            if (node->name.size + 2 > DNS_NAME_MAX) {
                return DNS_ZONE_MISSING;
            }
            wildcard.bytes[0] = 1;
            wildcard.bytes[1] = '*';
            memcpy(wildcard.bytes + 2, node->name.bytes, node->name.size);
            const uint64_t star = dns_zone_hash(parent, wildcard.bytes);
            const struct dns_zone_node *cover = dns_zone_lookup(zone, star, wildcard.bytes, node->name.size + 2U);
            if (cover == NULL) {
                return DNS_ZONE_MISSING;
            }
            *ret_node = cover;
            return DNS_ZONE_WILDCARD;
        }
        node = child;
    }
    *ret_node = node;
    return node->below == DNS_ZONE_BELOW_CUT ? DNS_ZONE_CUT : DNS_ZONE_EXACT;
}

const struct dns_zone_node *dns_zone_node(const struct dns_zone *zone, const struct dns_name *name)
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    uint32_t count;
    if (!dns_zone_labels(zone, name, offsets, &count)) {
        return NULL;
    }
    uint64_t hash = DNS_ZONE_HASH_START;
    for (uint32_t i = count; i > 0; i--) {
        hash = dns_zone_hash(hash, name->bytes + offsets[i - 1]);
    }
    return dns_zone_lookup(zone, hash, name->bytes, name->size);
}

const struct dns_zone_set *dns_zone_set(const struct dns_zone_node *node, uint16_t type)
{
    const struct dns_zone_set *set = node->sets;
    while (set != NULL && set->type != type) {
        set = set->next;
    }
    return set;
}

/* ---- making ---- */

static struct dns_zone_node *dns_zone_node_add(struct dns_zone *zone, uint64_t hash, const uint8_t *name, size_t size)
{
    struct dns_zone_node *node = arena_alloc(&zone->arena, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    node->hash = hash;
    node->name.size = (uint8_t)size;
    memcpy(node->name.bytes, name, size);
    struct dns_zone_node **bucket = &zone->table[dns_zone_bucket(zone, hash)];
    node->chain = *bucket;
    *bucket = node;
    return node;
}

struct dns_zone_node *dns_zone_ensure(struct dns_zone *zone, const struct dns_name *name)
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    uint32_t count = 0;
    struct dns_zone_node *node = zone->apex;
    uint64_t hash = DNS_ZONE_HASH_START;
    const bool inside = dns_zone_labels(zone, name, offsets, &count);
    ASSERT(inside);
    for (uint32_t i = count; i > 0 && node != NULL; i--) {
        const uint8_t *at = name->bytes + offsets[i - 1];
        const size_t size = (size_t)name->size - offsets[i - 1];
        hash = dns_zone_hash(hash, at);
        node = dns_zone_lookup(zone, hash, at, size);
        if (node == NULL) {
            node = dns_zone_node_add(zone, hash, at, size);
        }
    }
    return node;
}

struct dns_zone *dns_zone_new(uint64_t names, const struct dns_name *origin)
{
    uint64_t buckets = 64;
    while (buckets < 2 * names && buckets < UINT64_C(2) * DNS_ZONE_RECORDS) {
        buckets *= 2;
    }
    struct dns_zone *zone = calloc(1, sizeof *zone);
    if (zone == NULL) {
        return NULL;
    }
    arena_init(&zone->arena, (size_t)1 << 30);
    zone->origin = *origin;
    dns_name_lower(&zone->origin);
    zone->mask = buckets - 1;
    zone->table = arena_alloc(&zone->arena, buckets * sizeof(struct dns_zone_node *));
    zone->apex = zone->table != NULL
                     ? dns_zone_node_add(zone, DNS_ZONE_HASH_START, zone->origin.bytes, zone->origin.size)
                     : NULL;
    if (zone->apex == NULL) {
        dns_zone_free(zone);
        return NULL;
    }
    return zone;
}

void dns_zone_free(struct dns_zone *zone)
{
    if (zone != NULL) {
        dns_keyring_free(zone->keyring);
        arena_fini(&zone->arena);
        free(zone);
    }
}

void dns_zone_dynamic_seal(struct dns_zone_dynamic *dynamic)
{
    dns_name_lower(&dynamic->name);
    dynamic->hash = hash_bytes(dynamic->name.bytes, dynamic->name.size);
}
