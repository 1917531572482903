/* SPDX-License-Identifier: Apache-2.0
 * Makes the index of a catalogue's names. */
#include "dns/dns_index.h"

#include <stdlib.h>

static void dns_index_put(struct dns_index *index, const struct dns_zone *zone, const struct dns_zone_node *node)
{
    uint64_t at = node->hash & index->mask;
    while (index->entries[at].node != NULL) {
        at = (at + 1) & index->mask;
    }
    index->entries[at] = (struct dns_index_entry){node, zone};
}

/* Whether the zone alone answers for the name, and with this node: no delegation and no DNAME lead elsewhere, and no
 * zone of ours below it has the name, too. */
static bool dns_index_plain(struct dns_zone *const *zones, uint32_t place, const struct dns_zone_node *node)
{
    const struct dns_zone_node *found = NULL;
    for (uint32_t i = 0; i < place; i++) {
        if (dns_zone_holds(zones[i], &node->name)) {
            return false;
        }
    }
    return dns_zone_find(zones[place], &node->name, &found) == DNS_ZONE_EXACT;
}

struct dns_index *dns_index_make(struct dns_zone *const *zones, uint32_t zones_count)
{
    uint64_t names = 0;
    uint64_t places = 64;
    for (uint32_t i = 0; i < zones_count; i++) {
        names += zones[i]->names_count;
    }
    while (places < 2 * names) {
        places *= 2;
    }
    struct dns_index *index = calloc(1, sizeof *index + places * sizeof *index->entries);
    if (index == NULL) {
        return NULL;
    }
    index->mask = places - 1;
    for (uint32_t i = 0; i < zones_count; i++) {
        for (uint64_t bucket = 0; bucket <= zones[i]->mask; bucket++) {
            for (const struct dns_zone_node *node = zones[i]->table[bucket]; node != NULL; node = node->chain) {
                if (dns_index_plain(zones, i, node)) {
                    dns_index_put(index, zones[i], node);
                }
            }
        }
    }
    return index;
}
