/* SPDX-License-Identifier: Apache-2.0
 * The view: sealing, validation and the few questions every reader asks. */
#include "core/view.h"

#include <stddef.h>
#include <string.h>

#include "base/hash.h"

static uint64_t view_checksum(const struct view *view)
{
    const size_t start = offsetof(struct view, version);
    return hash_bytes((const char *)view + start, sizeof *view - start);
}

void view_seal(struct view *view)
{
    view->magic = VIEW_MAGIC;
    view->format = VIEW_FORMAT;
    view->size = sizeof *view;
    view->checksum = view_checksum(view);
}

static bool view_name_valid(const char *name)
{
    return memchr(name, 0, LIMITS_NAME) != NULL;
}

static bool view_address_valid(const struct view_address *address)
{
    return address->family == 4 || address->family == 6;
}

static bool view_counts_valid(const struct view *view)
{
    return view->regions_count <= LIMITS_REGIONS && view->endpoints_count <= LIMITS_ENDPOINTS &&
           view->networks_count <= LIMITS_NETWORKS && view->databases_count <= LIMITS_DATABASES &&
           view->nodes_count <= LIMITS_NODES && view->services_count <= LIMITS_SERVICES &&
           view->targets_count <= LIMITS_TARGETS;
}

static bool view_services_valid(const struct view *view)
{
    for (uint32_t i = 0; i < view->services_count; i++) {
        const struct view_service *service = &view->services[i];
        if (!view_name_valid(service->name) ||
            (service->primary != LIMITS_NONE &&
             (service->primary >= view->targets_count || view->targets[service->primary].service != i))) {
            return false;
        }
    }
    for (uint32_t i = 0; i < view->targets_count; i++) {
        const struct view_target *target = &view->targets[i];
        if (!view_address_valid(&target->address) || target->service >= view->services_count ||
            target->region >= view->regions_count) {
            return false;
        }
    }
    return true;
}

static bool view_databases_valid(const struct view *view)
{
    for (uint32_t i = 0; i < view->databases_count; i++) {
        const struct view_database *database = &view->databases[i];
        if (!view_name_valid(database->name)) {
            return false;
        }
        if (database->writer != LIMITS_NONE && database->writer >= view->nodes_count) {
            return false;
        }
    }
    for (uint32_t i = 0; i < view->nodes_count; i++) {
        const struct view_node *node = &view->nodes[i];
        if (!view_name_valid(node->name) || !view_address_valid(&node->postgres) ||
            node->database >= view->databases_count || node->region >= view->regions_count ||
            (node->upstream != LIMITS_NONE && node->upstream >= view->nodes_count)) {
            return false;
        }
    }
    return true;
}

static bool view_traffic_valid(const struct view *view)
{
    for (uint32_t i = 0; i < view->regions_count; i++) {
        if (!view_name_valid(view->regions[i].name)) {
            return false;
        }
    }
    for (uint32_t i = 0; i < view->endpoints_count; i++) {
        const struct view_endpoint *endpoint = &view->endpoints[i];
        if (!view_name_valid(endpoint->name) || !view_address_valid(&endpoint->address) ||
            endpoint->region >= view->regions_count) {
            return false;
        }
    }
    for (uint32_t i = 0; i < view->networks_count; i++) {
        const struct view_network *network = &view->networks[i];
        const uint32_t bits = network->address.family == 4 ? 32 : 128;
        if (!view_address_valid(&network->address) || network->prefix_bits > bits ||
            network->home >= view->regions_count) {
            return false;
        }
    }
    for (uint32_t home = 0; home < VIEW_HOMES; home++) {
        uint64_t sum = 0;
        for (uint32_t region = 0; region < LIMITS_REGIONS; region++) {
            sum += view->split[home][region];
        }
        if (sum != 0 && sum != VIEW_SHARES_WHOLE) {
            return false;
        }
    }
    return true;
}

bool view_valid(const struct view *view, uint64_t size)
{
    return size == sizeof *view && view->magic == VIEW_MAGIC && view->format == VIEW_FORMAT &&
           view->size == sizeof *view && view->checksum == view_checksum(view) && view_counts_valid(view) &&
           view_traffic_valid(view) && view_databases_valid(view) && view_services_valid(view);
}

uint32_t view_database_find(const struct view *view, const char *name)
{
    for (uint32_t i = 0; i < view->databases_count; i++) {
        if (strcmp(view->databases[i].name, name) == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

uint32_t view_region_find(const struct view *view, const char *name)
{
    for (uint32_t i = 0; i < view->regions_count; i++) {
        if (strcmp(view->regions[i].name, name) == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

uint32_t view_service_find(const struct view *view, const char *name)
{
    for (uint32_t i = 0; i < view->services_count; i++) {
        if (strcmp(view->services[i].name, name) == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

static bool view_network_holds(const struct view_network *network, const struct view_address *client)
{
    if (network->address.family != client->family) {
        return false;
    }
    const uint32_t whole = network->prefix_bits / 8;
    const uint32_t rest = network->prefix_bits % 8;
    if (memcmp(network->address.bytes, client->bytes, whole) != 0) {
        return false;
    }
    const uint8_t mask = (uint8_t)(0xff00U >> rest);
    return rest == 0 || ((network->address.bytes[whole] ^ client->bytes[whole]) & mask) == 0;
}

uint32_t view_home(const struct view *view, const struct view_address *client)
{
    uint32_t home = VIEW_HOME_DEFAULT;
    uint32_t longest = 0;
    for (uint32_t i = 0; i < view->networks_count; i++) {
        const struct view_network *network = &view->networks[i];
        if (view_network_holds(network, client) && (home == VIEW_HOME_DEFAULT || network->prefix_bits > longest)) {
            home = network->home;
            longest = network->prefix_bits;
        }
    }
    return home;
}

uint32_t view_split_region(const struct view *view, uint32_t home, uint32_t point)
{
    uint32_t end = 0;
    for (uint32_t region = 0; region < LIMITS_REGIONS; region++) {
        end += view->split[home][region];
        if (point < end) {
            return region;
        }
    }
    return LIMITS_NONE;
}
