/* SPDX-License-Identifier: Apache-2.0
 * The names of all zones of a catalogue under one hash: those that are answered for from one place and nothing above
 * them, which most questions are about. For the others the zones are walked (dns/dns_zone.h).
 *
 * Made by one thread from complete zones, never changed, asked by all workers at once. Its entries belong to the zones.
 */
#pragma once

#include "dns/dns_zone.h"

struct dns_index_entry {
    const struct dns_zone_node *node; /* NULL: free */
    const struct dns_zone *zone;
};

struct dns_index {
    uint64_t mask;
    struct dns_index_entry entries[];
};

/* `zones`: those with longer names first. NULL: out of memory. The caller frees it with free(3). */
struct dns_index *dns_index_make(struct dns_zone *const *zones, uint32_t zones_count);

/* The entry of a name in lower case; NULL: the zones have to be walked. */
static inline const struct dns_index_entry *dns_index_find(const struct dns_index *index, const struct dns_name *name)
{
    const uint64_t hash = word_hash(name->bytes, name->size);
    for (uint64_t at = hash & index->mask;; at = (at + 1) & index->mask) {
        const struct dns_index_entry *entry = &index->entries[at];
        if (entry->node == NULL) {
            return NULL;
        }
        if (entry->node->hash == hash && entry->node->name.size == name->size &&
            word_same(entry->node->name.bytes, name->bytes, name->size)) {
            return entry;
        }
    }
}
