/* SPDX-License-Identifier: Apache-2.0
 * Entries of the configuration by name. */
#include <string.h>

#include "wire/config.h"

/* Every entry of a map starts with its name. */
static uint32_t config_find(const void *entries, size_t size, uint32_t count, const char *name)
{
    for (uint32_t i = 0; i < count; i++) {
        const char *other;
        memcpy(&other, (const char *)entries + i * size, sizeof other);
        if (strcmp(other, name) == 0) {
            return i;
        }
    }
    return CONFIG_NONE;
}

uint32_t config_region_find(const struct config *config, const char *name)
{
    return config_find(config->regions, sizeof config->regions[0], config->regions_count, name);
}

uint32_t config_site_find(const struct config *config, const char *name)
{
    return config_find(config->sites, sizeof config->sites[0], config->sites_count, name);
}

uint32_t config_database_find(const struct config *config, const char *name)
{
    return config_find(config->databases, sizeof config->databases[0], config->databases_count, name);
}

uint32_t config_node_find(const struct config_database *database, const char *name)
{
    return config_find(database->nodes, sizeof database->nodes[0], database->nodes_count, name);
}

uint32_t config_check_find(const struct config *config, const char *name)
{
    return config_find(config->checks, sizeof config->checks[0], config->checks_count, name);
}

uint32_t config_service_find(const struct config *config, const char *name)
{
    return config_find(config->services, sizeof config->services[0], config->services_count, name);
}

uint32_t config_site_member(const struct config *config, uint32_t site)
{
    const struct config_address *etcd = &config->sites[site].etcd;
    for (uint32_t i = 0; i < config->store.endpoints_count && etcd->family != CONFIG_FAMILY_NONE; i++) {
        const struct config_address *endpoint = &config->store.endpoints[i];
        if (endpoint->family == etcd->family && endpoint->port == etcd->port &&
            memcmp(endpoint->bytes, etcd->bytes, sizeof etcd->bytes) == 0) {
            return i;
        }
    }
    return CONFIG_NONE;
}

uint32_t config_dns_policy_find(const struct config *config, const char *name)
{
    const struct config_dns *dns = &config->dns;
    return config_find(dns->policies, sizeof *dns->policies, dns->policies_count, name);
}

uint32_t config_dns_policy_kind(const struct config_dns_policy *policy)
{
    const bool given[CONFIG_DNS_KINDS] = {
        [CONFIG_DNS_GEOLOCATION] = policy->geolocation.otherwise != NULL,
        [CONFIG_DNS_LATENCY] = policy->latency.otherwise != NULL,
        [CONFIG_DNS_WEIGHTED] = policy->weighted_count > 0,
        [CONFIG_DNS_FAILOVER] = policy->failover_count > 0,
        [CONFIG_DNS_MULTIVALUE] = policy->multivalue_count > 0,
    };
    uint32_t kind = CONFIG_NONE;
    for (uint32_t i = 0; i < CONFIG_DNS_KINDS; i++) {
        if (given[i] && kind != CONFIG_NONE) {
            return CONFIG_NONE;
        }
        kind = given[i] ? i : kind;
    }
    return kind;
}
