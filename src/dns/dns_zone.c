/* SPDX-License-Identifier: Apache-2.0
 * A zone in memory: finding names in it. */
#include "dns/dns_zone.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

/* The node whose name is `size` bytes at `name`. */
static struct dns_zone_node *dns_zone_lookup(const struct dns_zone *zone, const uint8_t *name, size_t size)
{
    const uint64_t hash = word_hash(name, size);
    struct dns_zone_node *node = zone->table[hash & zone->mask];
    while (node != NULL &&
           (node->hash != hash || node->name.size != size || !word_same(node->name.bytes, name, size))) {
        node = node->chain;
    }
    return node;
}

/* Whether these are the bytes of the origin. */
static bool dns_zone_ends(const struct dns_zone *zone, const struct dns_name *name)
{
    const struct dns_name *origin = &zone->origin;
    return name->size >= origin->size &&
           word_same(name->bytes + name->size - origin->size, origin->bytes, origin->size);
}

/* The labels of a lower-case name below the apex: their offsets, leftmost first, and their number. False: it is not of
 * this zone. The last bytes decide that nearly always; whether a label begins there is seen on the way. */
static bool dns_zone_labels(const struct dns_zone *zone, const struct dns_name *name,
                            uint8_t offsets[DNS_NAME_LABELS_MAX], uint32_t *ret_count)
{
    if (!dns_zone_ends(zone, name)) {
        return false;
    }
    const size_t end = (size_t)name->size - zone->origin.size;
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
    if (!dns_zone_ends(zone, name)) {
        return false;
    }
    const size_t end = (size_t)name->size - zone->origin.size;
    size_t at = 0;
    while (at < end) {
        at += 1U + name->bytes[at];
    }
    return at == end;
}

/* The wildcard below `node`, the closest encloser: only its own "*" child may cover a name (RFC 4592, 3.3.1). */
static enum dns_zone_result dns_zone_wildcard(const struct dns_zone *zone, const struct dns_zone_node *node,
                                              const struct dns_zone_node **ret_node)
{
    struct dns_name wildcard;
    if (node->name.size + 2 > DNS_NAME_MAX) {
        return DNS_ZONE_MISSING;
    }
    wildcard.bytes[0] = 1;
    wildcard.bytes[1] = '*';
    memcpy(wildcard.bytes + 2, node->name.bytes, node->name.size);
    const struct dns_zone_node *cover = dns_zone_lookup(zone, wildcard.bytes, node->name.size + 2U);
    if (cover == NULL) {
        return DNS_ZONE_MISSING;
    }
    *ret_node = cover;
    return DNS_ZONE_WILDCARD;
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
    for (uint32_t i = count; i > 0; i--) {
        if (node->below != DNS_ZONE_BELOW_ALL) {
            *ret_node = node;
            return node->below == DNS_ZONE_BELOW_CUT ? DNS_ZONE_CUT : DNS_ZONE_DNAME;
        }
        const uint8_t at = offsets[i - 1];
        const struct dns_zone_node *child = dns_zone_lookup(zone, name->bytes + at, (size_t)name->size - at);
        if (child == NULL) {
            return dns_zone_wildcard(zone, node, ret_node);
        }
        node = child;
    }
    *ret_node = node;
    return node->below == DNS_ZONE_BELOW_CUT ? DNS_ZONE_CUT : DNS_ZONE_EXACT;
}

const struct dns_zone_node *dns_zone_node(const struct dns_zone *zone, const struct dns_name *name)
{
    return dns_zone_lookup(zone, name->bytes, name->size);
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

static struct dns_zone_node *dns_zone_node_add(struct dns_zone *zone, const uint8_t *name, size_t size)
{
    struct dns_zone_node *node = arena_alloc(&zone->arena, sizeof *node);
    if (node == NULL) {
        return NULL;
    }
    zone->names_count++;
    node->hash = word_hash(name, size);
    node->name.size = (uint8_t)size;
    memcpy(node->name.bytes, name, size);
    struct dns_zone_node **bucket = &zone->table[node->hash & zone->mask];
    node->chain = *bucket;
    *bucket = node;
    return node;
}

struct dns_zone_node *dns_zone_ensure(struct dns_zone *zone, const struct dns_name *name)
{
    uint8_t offsets[DNS_NAME_LABELS_MAX];
    uint32_t count = 0;
    struct dns_zone_node *node = zone->apex;
    const bool inside = dns_zone_labels(zone, name, offsets, &count);
    ASSERT(inside);
    for (uint32_t i = count; i > 0 && node != NULL; i--) {
        const uint8_t *at = name->bytes + offsets[i - 1];
        const size_t size = (size_t)name->size - offsets[i - 1];
        node = dns_zone_lookup(zone, at, size);
        if (node == NULL) {
            node = dns_zone_node_add(zone, at, size);
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
    zone->apex = zone->table != NULL ? dns_zone_node_add(zone, zone->origin.bytes, zone->origin.size) : NULL;
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
