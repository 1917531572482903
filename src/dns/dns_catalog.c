/* SPDX-License-Identifier: Apache-2.0
 * The zones of a server. */
#include "dns/dns_catalog.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "wire/dns_type.h"

struct dns_catalog *dns_catalog_new(void)
{
    return calloc(1, sizeof(struct dns_catalog));
}

void dns_catalog_free(struct dns_catalog *catalog)
{
    if (catalog == NULL) {
        return;
    }
    for (uint32_t i = 0; i < catalog->zones_count; i++) {
        dns_zone_free(catalog->zones[i]);
    }
    dns_steer_free(catalog->steer);
    free(catalog->index);
    explicit_bzero(&catalog->settings, sizeof catalog->settings);
    free(catalog);
}

const struct dns_zone *dns_catalog_zone(const struct dns_catalog *catalog, const struct dns_name *origin)
{
    for (uint32_t i = 0; i < catalog->zones_count; i++) {
        const struct dns_name *here = &catalog->zones[i]->origin;
        if (here->size == origin->size && memcmp(here->bytes, origin->bytes, origin->size) == 0) {
            return catalog->zones[i];
        }
    }
    return NULL;
}

enum err dns_catalog_add(struct dns_catalog *catalog, struct dns_zone *zone)
{
    if (dns_catalog_zone(catalog, &zone->origin) != NULL) {
        return ERR_EXISTS;
    }
    if (catalog->zones_count == DNS_CATALOG_ZONES || catalog->dynamic_count + zone->dynamic_count > DNS_ZONE_NAMES) {
        return ERR_TOO_LARGE;
    }
    free(catalog->index); /* is no longer whole */
    catalog->index = NULL;
    zone->number = catalog->zones_count;
    zone->dynamic_base = catalog->dynamic_count;
    memcpy(catalog->dynamic + catalog->dynamic_count, zone->dynamic, zone->dynamic_count * sizeof *zone->dynamic);
    catalog->dynamic_count += zone->dynamic_count;
    catalog->signatures += zone->sets_count + zone->chain_count;
    uint32_t at = catalog->zones_count++;
    for (; at > 0 && catalog->zones[at - 1]->origin.size < zone->origin.size; at--) {
        catalog->zones[at] = catalog->zones[at - 1];
    }
    catalog->zones[at] = zone;
    return ERR_OK;
}

enum err dns_catalog_index(struct dns_catalog *catalog)
{
    free(catalog->index);
    catalog->index = dns_index_make(catalog->zones, catalog->zones_count);
    return catalog->index != NULL ? ERR_OK : ERR_NO_MEMORY;
}

const struct dns_zone *dns_catalog_find(const struct dns_catalog *catalog, const struct dns_name *name, uint16_t type)
{
    const struct dns_zone *found = NULL;
    for (uint32_t i = 0; i < catalog->zones_count; i++) {
        const struct dns_zone *zone = catalog->zones[i];
        if (!dns_zone_holds(zone, name)) {
            continue;
        }
        if (type != DNS_TYPE_DS || zone->origin.size != name->size) {
            return zone;
        }
        found = zone; /* the one above knows better, if it is here */
    }
    return found;
}

enum err dns_catalog_restrict(struct dns_zone *zone, const struct dns_catalog_access *access)
{
    struct dns_catalog_access *copy = arena_alloc(&zone->arena, sizeof *copy);
    if (copy == NULL) {
        return ERR_NO_MEMORY;
    }
    *copy = *access;
    zone->access = copy;
    return ERR_OK;
}

bool dns_catalog_admits(const struct dns_catalog *catalog, const struct dns_zone *zone,
                        const struct view_address *asker)
{
    const struct dns_catalog_settings *settings = &catalog->settings;
    const struct dns_catalog_access *access = zone != NULL && zone->access != NULL ? zone->access : &settings->allow;
    return access->count == 0 || dns_catalog_network_holds(access->networks, access->count, asker) ||
           dns_catalog_network_holds(settings->transfer, settings->transfer_count, asker);
}

bool dns_catalog_network_holds(const struct dns_catalog_network *networks, uint32_t networks_count,
                               const struct view_address *address)
{
    for (uint32_t i = 0; i < networks_count; i++) {
        const struct dns_catalog_network *network = &networks[i];
        const uint32_t whole = network->prefix_bits / 8;
        const uint32_t rest = network->prefix_bits % 8;
        if (network->address.family == address->family && memcmp(network->address.bytes, address->bytes, whole) == 0 &&
            (rest == 0 || (network->address.bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0)) {
            return true;
        }
    }
    return false;
}
