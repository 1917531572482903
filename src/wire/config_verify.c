/* SPDX-License-Identifier: Apache-2.0
 * What spans several keys: sites and majorities, roles, regions, names, thresholds in order. */
#include "wire/config_verify.h"

#include <string.h>

#include "wire/config_verify_check.h"
#include "wire/config_verify_database.h"
#include "wire/config_verify_dns.h"
#include "wire/config_verify_domain.h"
#include "wire/config_verify_proxy.h"
#include "wire/config_verify_service.h"
#include "wire/config_verify_store.h"

enum {
    CONFIG_VERIFY_PPM_PER_SHARE = 100, /* shares of traffic are in 1/10,000 */
    CONFIG_VERIFY_MS_PER_S = 1000,
    CONFIG_VERIFY_LISTEN = 18, /* addresses of a site: its api, the DNS metrics, 8 of DNS, 8 of the proxy */
};

/* Not told when a site's roles are wrong anyway. */
static bool config_verify_roles_known(const struct config *config)
{
    for (uint32_t i = 0; i < config->sites_count; i++) {
        if (config->sites[i].roles == 0) {
            return false;
        }
    }
    return config->sites_count > 0;
}

static uint32_t config_verify_controllers(const struct config *config)
{
    uint32_t controllers = 0;
    for (uint32_t i = 0; i < config->sites_count; i++) {
        controllers += (config->sites[i].roles & CONFIG_ROLE_CONTROL) != 0 ? 1 : 0;
    }
    return controllers;
}

static void config_verify_control(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    const uint32_t controllers = config_verify_controllers(config);
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "sites");
    if (controllers == 0 && config_verify_roles_known(config)) {
        config_problem_error(verify->problems, place.line, place.column,
                             "no site has the role control; expected one; without it nothing decides and no database "
                             "gets a writer");
    }
    if (controllers > 1 && config->store.kind == CONFIG_STORE_SQLITE) {
        config_problem_error(verify->problems, place.line, place.column,
                             "%u sites have the role control; expected one, or store: { kind: etcd }; the "
                             "sqlite store serves one controller",
                             controllers);
    }
}

/* The loss of any one region must leave a majority of the sites. A single region has nothing to fail over to. */
static void config_verify_majority(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    uint32_t sites[CONFIG_REGIONS] = {0};
    bool witness = false;
    for (uint32_t i = 0; i < config->sites_count; i++) {
        const uint32_t region = config->sites[i].region;
        witness = witness || region == CONFIG_NONE;
        if (region < config->regions_count) {
            sites[region]++;
        }
    }
    for (uint32_t region = 0; region < config->regions_count && config->regions_count > 1; region++) {
        if (sites[region] * 2 >= config->sites_count && sites[region] > 0) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "sites");
            config_problem_error(verify->problems, place.line, place.column,
                                 "%sregion '%.40s' holds %u of %u sites; expected fewer than half, so that its loss "
                                 "leaves a majority; add a site %s",
                                 witness ? "" : "missing witness: ", config->regions[region].name, sites[region],
                                 config->sites_count, witness ? "elsewhere" : "without a region");
            return; /* once is enough: with two sites both regions hold half */
        }
    }
}

static void config_verify_role(const struct config_verify *verify, const struct config_site *site, const char *section,
                               uint32_t role, bool given)
{
    const bool wanted = (site->roles & role) != 0;
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "sites", site->name, section);
    if (wanted && !given) {
        config_problem_error(verify->problems, place.line, place.column,
                             "site '%.40s' does not say where its %s listens; expected %s: { listen: ... }", site->name,
                             section, section);
    }
    if (!wanted && given && site->roles != 0) {
        config_problem_warning(verify->problems, place.line, place.column,
                               "%s of site '%.40s' is not used; expected the role %s in roles", section, site->name,
                               role == CONFIG_ROLE_CONTROL ? "control" : section);
    }
}

/* Roles of one site share its machine: api and proxy are TCP, DNS is both. */
static void config_verify_listen(const struct config_verify *verify, const struct config_site *site)
{
    const struct config_address *all[CONFIG_VERIFY_LISTEN];
    uint32_t count = 0;
    all[count++] = &site->api.listen;
    all[count++] = &site->dns_metrics;
    for (uint32_t i = 0; i < site->dns.listen_count && count < CONFIG_VERIFY_LISTEN; i++) {
        all[count++] = &site->dns.listen[i];
    }
    for (uint32_t i = 0; i < site->proxy.listen_count && count < CONFIG_VERIFY_LISTEN; i++) {
        all[count++] = &site->proxy.listen[i];
    }
    for (uint32_t i = 0; i < count; i++) {
        for (uint32_t j = 0; j < i; j++) {
            if (all[i]->family != CONFIG_FAMILY_NONE && all[i]->family == all[j]->family &&
                all[i]->port == all[j]->port && memcmp(all[i]->bytes, all[j]->bytes, sizeof all[i]->bytes) == 0) {
                const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "sites", site->name);
                config_problem_error(verify->problems, place.line, place.column,
                                     "two roles of site '%.40s' listen on %.60s; expected an address or port for each",
                                     site->name, all[i]->text);
            }
        }
    }
}

static void config_verify_sites(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    uint32_t roles = 0;
    for (uint32_t i = 0; i < config->sites_count; i++) {
        const struct config_site *site = &config->sites[i];
        config_verify_role(verify, site, "api", CONFIG_ROLE_CONTROL, site->api.listen.family != CONFIG_FAMILY_NONE);
        config_verify_role(verify, site, "dns", CONFIG_ROLE_DNS, site->dns.listen_count > 0);
        config_verify_role(verify, site, "proxy", CONFIG_ROLE_PROXY, site->proxy.listen_count > 0);
        config_verify_listen(verify, site);
        roles |= site->roles;
    }
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "sites");
    if ((roles & CONFIG_ROLE_DNS) != 0 && config_tree_find(verify->root, "dns") == NULL) {
        config_problem_error(verify->problems, place.line, place.column,
                             "a site has the role dns, but there is no zone; expected dns: { zone: ... }");
    }
    if ((roles & CONFIG_ROLE_PROXY) != 0 && config->proxy.databases_count == 0) {
        config_problem_error(verify->problems, place.line, place.column,
                             "a site has the role proxy, but no session may go anywhere; expected proxy.databases");
    }
}

static void config_verify_networks(const struct config_verify *verify, const struct config_region *region,
                                   const struct config_region *other)
{
    for (uint32_t i = 0; i < region->clients_count; i++) {
        for (uint32_t j = 0; j < other->clients_count; j++) {
            const struct config_network *a = &region->clients[i];
            const struct config_network *b = &other->clients[j];
            if (a->address.family != CONFIG_FAMILY_NONE && a->address.family == b->address.family &&
                a->prefix_bits == b->prefix_bits &&
                memcmp(a->address.bytes, b->address.bytes, sizeof a->address.bytes) == 0) {
                const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "regions", region->name, "clients");
                config_problem_error(verify->problems, place.line, place.column,
                                     "network %s is also of region '%.40s'; expected one home region", a->address.text,
                                     other->name);
            }
        }
    }
}

static void config_verify_totals(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    uint32_t networks = 0;
    uint32_t addresses = 0;
    uint32_t weight = 0;
    for (uint32_t i = 0; i < config->regions_count; i++) {
        networks += config->regions[i].clients_count;
        weight += config->regions[i].weight;
        for (uint32_t j = 0; j < config->regions[i].endpoints_count; j++) {
            addresses += config->regions[i].endpoints[j].addresses_count;
        }
    }
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "regions");
    if (networks > CONFIG_NETWORKS) {
        config_problem_error(verify->problems, place.line, place.column,
                             "regions have %u client networks together; expected at most %d", networks,
                             CONFIG_NETWORKS);
    }
    if (addresses > CONFIG_ENDPOINTS) {
        config_problem_error(verify->problems, place.line, place.column,
                             "regions have %u endpoint addresses together; expected at most %d", addresses,
                             CONFIG_ENDPOINTS);
    }
    if (weight == 0 && config->regions_count > 0) {
        config_problem_error(verify->problems, place.line, place.column,
                             "every region has weight 0; expected a positive weight for one; clients without a home "
                             "region would go nowhere");
    }
}

static void config_verify_regions(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    for (uint32_t i = 0; i < config->regions_count; i++) {
        const struct config_region *region = &config->regions[i];
        for (uint32_t j = 0; j < region->backup_count; j++) {
            if (region->backup[j] == i) {
                const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "regions", region->name, "backup");
                config_problem_error(verify->problems, place.line, place.column,
                                     "region '%.40s' is its own backup; expected another region", region->name);
            }
        }
        if (region->backup_count == 0) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "regions", region->name);
            config_problem_warning(verify->problems, place.line, place.column,
                                   "region '%.40s' has no backup; expected backup: [ ... ]; its traffic has nowhere to "
                                   "go",
                                   region->name);
        }
        for (uint32_t j = 0; j < i; j++) {
            config_verify_networks(verify, region, &config->regions[j]);
        }
    }
    config_verify_totals(verify);
}

static bool config_verify_has_endpoint(const struct config_region *region, const char *endpoint)
{
    for (uint32_t i = 0; i < region->endpoints_count; i++) {
        if (strcmp(region->endpoints[i].name, endpoint) == 0) {
            return true;
        }
    }
    return false;
}

/* The dynamic names of dns.names (zone NULL) or of one of dns.zones. */
static void config_verify_zone_names(const struct config_verify *verify, const char *zone,
                                     const struct config_dns_name *names, uint32_t names_count)
{
    const struct config *config = verify->config;
    for (uint32_t i = 0; i < names_count; i++) {
        const struct config_dns_name *name = &names[i];
        const struct config_verify_place place =
            zone == NULL ? CONFIG_VERIFY_AT(verify, "dns", "names", name->name, "endpoint")
                         : CONFIG_VERIFY_AT(verify, "dns", "zones", zone, "names", name->name, "endpoint");
        uint32_t having = 0;
        const char *without = NULL;
        for (uint32_t j = 0; j < config->regions_count && name->endpoint != NULL; j++) {
            const bool has = config_verify_has_endpoint(&config->regions[j], name->endpoint);
            having += has ? 1 : 0;
            without = has ? without : config->regions[j].name;
        }
        if (without != NULL && having == 0) {
            config_problem_error(verify->problems, place.line, place.column,
                                 "'%s' does not exist; expected the name of an endpoint of the regions",
                                 name->endpoint);
        } else if (without != NULL) {
            config_problem_warning(verify->problems, place.line, place.column,
                                   "region '%.40s' has no endpoint '%s'; expected it in every region; its clients are "
                                   "answered with another region's",
                                   without, name->endpoint);
        }
        if (name->ttl_ms % CONFIG_VERIFY_MS_PER_S != 0) {
            const struct config_verify_place ttl =
                zone == NULL ? CONFIG_VERIFY_AT(verify, "dns", "names", name->name, "ttl")
                             : CONFIG_VERIFY_AT(verify, "dns", "zones", zone, "names", name->name, "ttl");
            config_problem_error(verify->problems, ttl.line, ttl.column,
                                 "ttl is not in whole seconds; expected for example 5s");
        }
    }
}

static void config_verify_names(const struct config_verify *verify)
{
    const struct config_dns *dns = &verify->config->dns;
    if (dns->ttl_floor_ms % CONFIG_VERIFY_MS_PER_S != 0) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "dns", "ttl_floor");
        config_problem_error(verify->problems, place.line, place.column,
                             "ttl_floor is not in whole seconds; expected for example 2s");
    }
    config_verify_zone_names(verify, NULL, dns->names, dns->names_count);
    for (uint32_t i = 0; i < dns->zones_count; i++) {
        config_verify_zone_names(verify, dns->zones[i].name, dns->zones[i].names, dns->zones[i].names_count);
    }
}

static void config_verify_policy(const struct config_verify *verify)
{
    const struct config_policy *policy = &verify->config->policy;
    if (policy->error_rate_monitor_ppm > policy->error_rate_review_ppm ||
        policy->error_rate_review_ppm > policy->error_rate_automatic_ppm) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "policy");
        config_problem_error(verify->problems, place.line, place.column,
                             "error rates are out of order; expected error_rate_monitor <= error_rate_review <= "
                             "error_rate_automatic");
    }
    if (policy->profile == CONFIG_ADR_039) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "policy", "profile");
        config_problem_warning(verify->problems, place.line, place.column,
                               "profile adr-039 knows no gates; expected standard in production; it exists to compare");
    }
}

static void config_verify_failback(const struct config_verify *verify)
{
    const struct config_failback *failback = &verify->config->failback;
    if (failback->canary.share_ppm >= failback->ramp.share_ppm) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "failback", "ramp", "share");
        config_problem_error(verify->problems, place.line, place.column,
                             "ramp.share is not above canary.share; expected more traffic in the second stage");
    }
    static const char *const names[] = {"canary", "ramp"};
    const struct config_stage *const stages[] = {&failback->canary, &failback->ramp};
    for (uint32_t i = 0; i < 2; i++) {
        if (stages[i]->share_ppm % CONFIG_VERIFY_PPM_PER_SHARE != 0) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "failback", names[i], "share");
            config_problem_error(verify->problems, place.line, place.column,
                                 "%s.share is finer than 0.01%%; expected at most two decimals", names[i]);
        }
    }
}

static void config_verify_notify(const struct config_verify *verify)
{
    const struct config_notify *notify = &verify->config->notify;
    for (uint32_t i = 0; i < notify->webhooks_count; i++) {
        const struct config_webhook *webhook = &notify->webhooks[i];
        if (webhook->secret.file == NULL && webhook->secret.env == NULL) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "notify", "webhooks", webhook->name);
            config_problem_warning(verify->problems, place.line, place.column,
                                   "webhook '%.40s' has no secret; expected one; its receiver cannot tell who sent a "
                                   "message",
                                   webhook->name);
        }
    }
}

static void config_verify_spares(const struct config_verify *verify, const struct config_proxy_database *database)
{
    const bool passes = verify->config->proxy.auth == CONFIG_PROXY_PASSTHROUGH;
    if (database->spares > 0 && (passes || database->route != CONFIG_ROUTE_WRITER)) {
        const struct config_verify_place place =
            CONFIG_VERIFY_AT(verify, "proxy", "databases", database->name, "spares");
        config_problem_error(verify->problems, place.line, place.column,
                             passes ? "a spare is logged in by the proxy, passthrough cannot; expected proxy.auth: "
                                      "login or scram, or no spares"
                                    : "spares are for the sessions of a writer; expected route: writer, or no spares");
    }
}

static void config_verify_pools(const struct config_verify *verify)
{
    const struct config_proxy *proxy = &verify->config->proxy;
    for (uint32_t i = 0; i < proxy->databases_count; i++) {
        const struct config_proxy_database *database = &proxy->databases[i];
        config_verify_spares(verify, database);
        if (database->pool.mode != CONFIG_POOL_NONE && proxy->auth == CONFIG_PROXY_PASSTHROUGH) {
            const struct config_verify_place place =
                CONFIG_VERIFY_AT(verify, "proxy", "databases", database->name, "pool");
            config_problem_error(
                verify->problems, place.line, place.column,
                "a pool needs to log in for its clients, passthrough cannot; expected proxy.auth: login "
                "or scram, or no pool");
        }
    }
}

void config_verify(struct config_problems *problems, const struct config_tree *root, const struct config *config)
{
    const struct config_verify verify = {.problems = problems, .root = root, .config = config};
    config_verify_control(&verify);
    config_verify_majority(&verify);
    config_verify_sites(&verify);
    config_verify_regions(&verify);
    config_verify_names(&verify);
    config_verify_dns(&verify);
    config_verify_domain(&verify);
    config_verify_policy(&verify);
    config_verify_failback(&verify);
    config_verify_notify(&verify);
    config_verify_pools(&verify);
    config_verify_store(&verify);
    config_verify_database(&verify);
    config_verify_check(&verify);
    config_verify_proxy(&verify);
    config_verify_service(&verify);
}
