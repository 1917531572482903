/* SPDX-License-Identifier: Apache-2.0
 * TCP services: who relays them, addresses of one process each, no relay to itself, checks that see every region. */
#include "wire/config_verify_service.h"

#include <string.h>

static bool config_verify_service_same(const struct config_address *a, const struct config_address *b)
{
    return a->family != CONFIG_FAMILY_NONE && a->family == b->family && a->port == b->port &&
           memcmp(a->bytes, b->bytes, sizeof a->bytes) == 0;
}

static bool config_verify_service_among(const struct config_address *address, const struct config_address *list,
                                        uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        if (config_verify_service_same(address, &list[i])) {
            return true;
        }
    }
    return false;
}

/* Whether a service before this one, or another role of the site, listens there, too. */
static bool config_verify_service_taken(const struct config *config, uint32_t service, uint32_t site,
                                        const struct config_address *address)
{
    const struct config_site *here = &config->sites[site];
    if (config_verify_service_same(address, &here->api.listen) ||
        config_verify_service_among(address, here->dns.listen, here->dns.listen_count) ||
        config_verify_service_among(address, here->proxy.listen, here->proxy.listen_count)) {
        return true;
    }
    for (uint32_t i = 0; i < service; i++) {
        const struct config_service *other = &config->services[i];
        for (uint32_t j = 0; j < other->listen_count; j++) {
            if (other->listen[j].site == site &&
                config_verify_service_among(address, other->listen[j].addresses, other->listen[j].addresses_count)) {
                return true;
            }
        }
    }
    return false;
}

static void config_verify_service_listen(const struct config_verify *verify, uint32_t index)
{
    const struct config *config = verify->config;
    const struct config_service *service = &config->services[index];
    for (uint32_t i = 0; i < service->listen_count; i++) {
        const struct config_service_listen *listen = &service->listen[i];
        if (listen->site == CONFIG_NONE) {
            continue;
        }
        const struct config_site *site = &config->sites[listen->site];
        const struct config_verify_place place =
            CONFIG_VERIFY_AT(verify, "services", service->name, "listen", listen->site_name);
        if (site->roles != 0 && (site->roles & CONFIG_ROLE_SERVICE) == 0) {
            config_problem_warning(verify->problems, place.line, place.column,
                                   "site '%.40s' does not relay service '%.40s'; expected the role service in its "
                                   "roles",
                                   site->name, service->name);
        }
        for (uint32_t j = 0; j < listen->addresses_count; j++) {
            if (config_verify_service_taken(config, index, listen->site, &listen->addresses[j])) {
                config_problem_error(verify->problems, place.line, place.column,
                                     "something else of site '%.40s' listens on %.60s; expected an address or port for "
                                     "each",
                                     site->name, listen->addresses[j].text);
            }
        }
    }
}

static void config_verify_service_targets(const struct config_verify *verify, const struct config_service *service)
{
    for (uint32_t i = 0; i < service->targets_count; i++) {
        const struct config_service_target *target = &service->targets[i];
        const struct config_verify_place place =
            CONFIG_VERIFY_AT(verify, "services", service->name, "targets", target->region_name);
        for (uint32_t j = 0; j < target->addresses_count; j++) {
            for (uint32_t k = 0; k < service->listen_count; k++) {
                if (config_verify_service_among(&target->addresses[j], service->listen[k].addresses,
                                                service->listen[k].addresses_count)) {
                    config_problem_error(verify->problems, place.line, place.column,
                                         "the relay itself listens on %.60s; expected the address of a server",
                                         target->addresses[j].text);
                }
            }
        }
    }
}

static void config_verify_service_check(const struct config_verify *verify, const struct config_service *service)
{
    if (service->check == CONFIG_NONE) {
        return;
    }
    const struct config_check *check = &verify->config->checks[service->check];
    for (uint32_t i = 0; i < service->targets_count; i++) {
        bool seen = false;
        for (uint32_t j = 0; j < check->targets_count; j++) {
            seen = seen || check->targets[j].region == service->targets[i].region;
        }
        if (!seen) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "services", service->name, "check");
            config_problem_warning(verify->problems, place.line, place.column,
                                   "check '%.40s' does not look at region '%.40s'; expected a target there; the "
                                   "service counts as working as long as the region is up",
                                   check->name, service->targets[i].region_name);
        }
    }
}

static bool config_verify_service_checked(const struct config *config, const struct config_service *service)
{
    const struct config_check *check = &config->checks[service->check];
    for (uint32_t i = 0; i < service->targets_count; i++) {
        bool same = false;
        for (uint32_t j = 0; j < check->targets_count; j++) {
            same = same ||
                   (check->targets[j].region == service->targets[i].region && service->targets[i].addresses_count > 0 &&
                    config_verify_service_same(&check->targets[j].address, &service->targets[i].addresses[0]));
        }
        if (!same) {
            return false;
        }
    }
    return check->kind == CONFIG_KIND_REDIS;
}

/* A cache with one writer: its check decides about the primary, so it must look at each server. */
static void config_verify_service_redis(const struct config_verify *verify, const struct config_service *service)
{
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "services", service->name);
    bool there = false;
    for (uint32_t i = 0; i < service->targets_count; i++) {
        there = there || service->targets[i].region == service->initial_primary;
        if (service->targets[i].addresses_count > 1) {
            config_problem_error(verify->problems, place.line, place.column,
                                 "service '%.40s' has %u servers in region '%.40s'; expected one per region for kind "
                                 "redis",
                                 service->name, service->targets[i].addresses_count, service->targets[i].region_name);
        }
    }
    if (!there || service->initial_primary == CONFIG_NONE) {
        config_problem_error(verify->problems, place.line, place.column,
                             "service '%.40s' of kind redis has no initial_primary; expected a region with a server of "
                             "it",
                             service->name);
    }
    if (service->check == CONFIG_NONE || !config_verify_service_checked(verify->config, service)) {
        config_problem_error(verify->problems, place.line, place.column,
                             "service '%.40s' of kind redis needs a check of kind redis that looks at the same address "
                             "in each region; it says when the primary is lost",
                             service->name);
    }
}

static void config_verify_service_totals(const struct config_verify *verify)
{
    uint32_t targets = 0;
    for (uint32_t i = 0; i < verify->config->services_count; i++) {
        for (uint32_t j = 0; j < verify->config->services[i].targets_count; j++) {
            targets += verify->config->services[i].targets[j].addresses_count;
        }
    }
    if (targets > CONFIG_TARGETS) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "services");
        config_problem_error(verify->problems, place.line, place.column,
                             "services have %u servers together; expected at most %d", targets, CONFIG_TARGETS);
    }
}

/* A site with the role relays something. */
static void config_verify_service_role(const struct config_verify *verify, uint32_t site)
{
    const struct config *config = verify->config;
    for (uint32_t i = 0; i < config->services_count; i++) {
        for (uint32_t j = 0; j < config->services[i].listen_count; j++) {
            if (config->services[i].listen[j].site == site) {
                return;
            }
        }
    }
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "sites", config->sites[site].name, "roles");
    config_problem_error(verify->problems, place.line, place.column,
                         "site '%.40s' has the role service, but no service listens there; expected services: { NAME: "
                         "{ listen: { %.40s: [ ... ] } } }",
                         config->sites[site].name, config->sites[site].name);
}

void config_verify_service(const struct config_verify *verify)
{
    for (uint32_t i = 0; i < verify->config->services_count; i++) {
        config_verify_service_listen(verify, i);
        config_verify_service_targets(verify, &verify->config->services[i]);
        config_verify_service_check(verify, &verify->config->services[i]);
        if (verify->config->services[i].kind == CONFIG_SERVICE_REDIS) {
            config_verify_service_redis(verify, &verify->config->services[i]);
        }
    }
    for (uint32_t i = 0; i < verify->config->sites_count; i++) {
        if ((verify->config->sites[i].roles & CONFIG_ROLE_SERVICE) != 0) {
            config_verify_service_role(verify, i);
        }
    }
    config_verify_service_totals(verify);
}
