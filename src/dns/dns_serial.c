/* SPDX-License-Identifier: Apache-2.0
 * Serials that secondaries do not notice. */
#include "dns/dns_serial.h"

#include "base/hash.h"

/* Of all records with their names and TTLs, in any order. */
static uint64_t dns_serial_sum(const struct dns_zone *zone)
{
    uint64_t sum = 0;
    for (uint64_t bucket = 0; bucket <= zone->mask; bucket++) {
        for (const struct dns_zone_node *node = zone->table[bucket]; node != NULL; node = node->chain) {
            for (const struct dns_zone_set *set = node->sets; set != NULL; set = set->next) {
                const uint32_t head[2] = {set->type, set->ttl_s};
                const uint64_t hash = hash_more(hash_bytes(node->name.bytes, node->name.size), head, sizeof head);
                for (const struct dns_zone_data *data = set->data; data != NULL; data = data->next) {
                    sum += hash_more(hash, data->rdata.data, data->rdata.size);
                }
            }
        }
    }
    return sum;
}

const char *dns_serial_problem(const struct dns_zone *old, const struct dns_zone *fresh)
{
    if ((int32_t)(fresh->serial - old->serial) < 0) {
        return "the serial went back: secondaries keep the zone that they have";
    }
    if (fresh->serial == old->serial && dns_serial_sum(fresh) != dns_serial_sum(old)) {
        return "the records changed and the serial did not: secondaries keep the zone that they have";
    }
    return NULL;
}
