/* SPDX-License-Identifier: Apache-2.0
 * The policies of a configuration, made into what answers queries. */
#include "dns/dns_steer_load.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "base/assert.h"
#include "base/hash.h"
#include "dns/dns_steer_list.h"
#include "edge/clock.h"

_Static_assert((int)DNS_STEER_NODES == (int)CONFIG_DNS_POLICIES, "each policy has a bit");
_Static_assert((int)DNS_STEER_CHILDREN == (int)CONFIG_DNS_CHILDREN, "the configuration keeps the limits");
_Static_assert((int)DNS_STEER_DEPTH == (int)CONFIG_DNS_DEPTH, "the configuration keeps the limits");
_Static_assert((int)DNS_STEER_REGIONS == (int)CONFIG_REGIONS, "each region has a bit");
_Static_assert((int)DNS_STEER_REFS <= (int)DNS_STEER_ALIVE, "a reference leaves one bit of a cell");

/* ---- nodes ---- */

static void dns_steer_load_below(struct dns_steer_node *node, uint32_t ref)
{
    node->below |= ref >= DNS_STEER_REGIONS ? UINT64_C(1) << (ref - DNS_STEER_REGIONS) : 0;
}

static void dns_steer_load_child(const struct config *config, const char *name, uint32_t weight,
                                 struct dns_steer_node *node)
{
    ASSERT(node->children_count < DNS_STEER_CHILDREN);
    const uint32_t ref = dns_steer_list_ref(config, name);
    node->children[node->children_count] = (uint8_t)ref;
    node->weights[node->children_count++] = weight;
    dns_steer_load_below(node, ref);
}

static void dns_steer_load_codes(const struct config *config, const struct config_dns_code *codes, uint32_t count,
                                 struct dns_steer_node *node)
{
    for (uint32_t i = 0; i < count; i++) {
        dns_steer_load_below(node, dns_steer_list_ref(config, codes[i].to));
    }
}

static void dns_steer_load_geolocation(const struct config *config, const struct config_dns_geolocation *geolocation,
                                       struct dns_steer_node *node)
{
    node->kind = DNS_STEER_GEOLOCATION;
    node->otherwise = (uint8_t)dns_steer_list_ref(config, geolocation->otherwise);
    for (uint32_t i = 0; i < geolocation->networks_count; i++) {
        dns_steer_load_below(node, dns_steer_list_ref(config, geolocation->networks[i].to));
    }
    dns_steer_load_codes(config, geolocation->subdivisions, geolocation->subdivisions_count, node);
    dns_steer_load_codes(config, geolocation->countries, geolocation->countries_count, node);
    dns_steer_load_codes(config, geolocation->continents, geolocation->continents_count, node);
}

static void dns_steer_load_latency(const struct config *config, const struct config_dns_latency *latency,
                                   struct dns_steer_node *node)
{
    node->kind = DNS_STEER_LATENCY;
    node->otherwise = (uint8_t)dns_steer_list_ref(config, latency->otherwise);
    for (uint32_t i = 0; i < latency->networks_count; i++) {
        for (uint32_t j = 0; j < latency->networks[i].times_count; j++) {
            dns_steer_load_below(node, dns_steer_list_ref(config, latency->networks[i].times[j].name));
        }
    }
}

static void dns_steer_load_node(const struct config *config, const struct config_dns_policy *policy,
                                struct dns_steer_node *node)
{
    node->fallback = DNS_STEER_NONE;
    node->otherwise = DNS_STEER_NONE;
    node->table = DNS_STEER_NONE;
    snprintf(node->name, sizeof node->name, "%s", policy->name);
    node->hash = hash_text(policy->name);
    switch (config_dns_policy_kind(policy)) {
    case CONFIG_DNS_GEOLOCATION:
        dns_steer_load_geolocation(config, &policy->geolocation, node);
        break;
    case CONFIG_DNS_LATENCY:
        dns_steer_load_latency(config, &policy->latency, node);
        break;
    case CONFIG_DNS_WEIGHTED:
        node->kind = DNS_STEER_WEIGHTED;
        for (uint32_t i = 0; i < policy->weighted_count; i++) {
            dns_steer_load_child(config, policy->weighted[i].name, policy->weighted[i].weight, node);
        }
        break;
    case CONFIG_DNS_FAILOVER:
        node->kind = DNS_STEER_FAILOVER;
        for (uint32_t i = 0; i < policy->failover_count; i++) {
            dns_steer_load_child(config, policy->failover[i], 1, node);
        }
        break;
    default:
        ASSERT(config_dns_policy_kind(policy) == CONFIG_DNS_MULTIVALUE);
        node->kind = DNS_STEER_MULTIVALUE;
        for (uint32_t i = 0; i < policy->multivalue_count; i++) {
            dns_steer_load_child(config, policy->multivalue[i], 1, node);
        }
        break;
    }
    dns_steer_load_below(node, node->otherwise != DNS_STEER_NONE ? node->otherwise : 0);
    if (policy->fallback != NULL) {
        node->fallback = (uint8_t)dns_steer_list_ref(config, policy->fallback);
        dns_steer_load_below(node, node->fallback);
    }
}

/* ---- tables ---- */

/* The networks that a policy and all below it care about. */
static uint64_t dns_steer_load_reached(const struct dns_steer *steer, uint32_t root)
{
    uint64_t reached = UINT64_C(1) << root;
    for (uint64_t before = 0; before != reached;) {
        before = reached;
        for (uint32_t i = 0; i < steer->nodes_count; i++) {
            reached |= (reached >> i & 1) != 0 ? steer->nodes[i].below : 0;
        }
    }
    uint64_t nodes = 0;
    for (uint32_t i = 0; i < steer->nodes_count; i++) {
        const enum dns_steer_kind kind = steer->nodes[i].kind;
        nodes |= kind == DNS_STEER_GEOLOCATION || kind == DNS_STEER_LATENCY ? reached & UINT64_C(1) << i : 0;
    }
    return nodes;
}

static enum err dns_steer_load_lists(struct dns_steer_list *list)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < list->steer->nodes_count && err == ERR_OK; i++) {
        if ((list->build->table->nodes >> i & 1) != 0) {
            err = dns_steer_list_policy(list, i);
        }
    }
    err = err == ERR_OK ? dns_steer_geo(list) : err;
    err = err == ERR_OK ? dns_steer_build_finish(list->build) : err;
    if (err == ERR_EXISTS) {
        dns_steer_list_twice(list);
        return ERR_INVALID;
    }
    if (err != ERR_OK && list->problem[0] == 0) {
        snprintf(list->problem, DNS_STEER_PROBLEM, "policy %s: %s", list->steer->nodes[list->build->table->root].name,
                 list->build->too_many || err == ERR_TOO_LARGE
                     ? "too many different orders of regions for its networks; fewer regions, areas or policies below "
                       "it would help"
                     : err_text(err));
    }
    return err;
}

static enum err dns_steer_load_table(struct dns_steer_list *list, uint32_t root)
{
    struct dns_steer *steer = list->steer;
    struct dns_steer_build *build = list->build;
    struct dns_steer_table *table = &steer->tables[steer->tables_count];
    table->root = (uint8_t)root;
    table->nodes = dns_steer_load_reached(steer, root);
    list->sources_count = 0;
    enum err err = dns_steer_build_init(build, steer, table, list->only != NULL);
    if (err != ERR_OK) {
        snprintf(list->problem, DNS_STEER_PROBLEM, "%s", err_text(err));
        return err;
    }
    steer->nodes[root].table = (uint8_t)steer->tables_count++;
    err = dns_steer_load_lists(list);
    dns_steer_build_fini(build);
    return err;
}

/* A table for the policy of each name, once. */
static enum err dns_steer_load_names(struct dns_steer_list *list, const struct config_dns_name *names, uint32_t count)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < count && err == ERR_OK; i++) {
        if (names[i].policy == NULL) {
            continue;
        }
        const uint32_t root = config_dns_policy_find(list->config, names[i].policy);
        ASSERT(root < list->steer->nodes_count);
        if (list->steer->nodes[root].table == DNS_STEER_NONE) {
            err = dns_steer_load_table(list, root);
        }
    }
    return err;
}

static enum err dns_steer_load_all(struct dns_steer_list *list)
{
    const struct config_dns *dns = &list->config->dns;
    enum err err = dns_steer_load_names(list, dns->names, dns->names_count);
    for (uint32_t i = 0; i < dns->zones_count && err == ERR_OK; i++) {
        err = dns_steer_load_names(list, dns->zones[i].names, dns->zones[i].names_count);
    }
    return err;
}

/* ---- measured times ---- */

static bool dns_steer_load_wants(const struct config *config)
{
    for (uint32_t i = 0; i < config->dns.policies_count; i++) {
        if (config->dns.policies[i].latency.measured_count > 0) {
            return true;
        }
    }
    return false;
}

/* NULL: nobody wants them, there are none yet, or the file is broken, which is told and hinders nothing else: it is
 * made anew before long. */
static struct latency_table *dns_steer_load_measured(const struct dns_steer_source *source, int64_t now_s,
                                                     char *problem)
{
    if (source->measured == NULL || !dns_steer_load_wants(source->config)) {
        return NULL;
    }
    struct latency_table *table = latency_table_new();
    const enum err err = table != NULL ? latency_table_load(table, source->measured) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        if (err != ERR_NOT_FOUND) {
            snprintf(problem, DNS_STEER_PROBLEM, "%.300s: %s; policies go on without measured times", source->measured,
                     err_text(err));
        }
        free(table);
        return NULL;
    }
    (void)latency_table_age(table, now_s, source->config->dns.latency_max_age_ms / 1000);
    return table;
}

/* ---- the whole ---- */

static struct dns_steer *dns_steer_load_new(const struct config *config)
{
    struct dns_steer *steer = calloc(1, sizeof *steer);
    if (steer == NULL) {
        return NULL;
    }
    steer->regions_count = config->regions_count;
    for (uint32_t i = 0; i < config->regions_count; i++) {
        snprintf(steer->regions[i], LIMITS_NAME, "%s", config->regions[i].name);
    }
    steer->nodes_count = config->dns.policies_count;
    for (uint32_t i = 0; i < steer->nodes_count; i++) {
        dns_steer_load_node(config, &config->dns.policies[i], &steer->nodes[i]);
    }
    return steer;
}

enum err dns_steer_load(const struct dns_steer_source *source, char *problem, struct dns_steer **ret_steer)
{
    const struct config *config = source->config;
    const int64_t now_s = clock_wall().us / TIME_US_PER_S;
    *ret_steer = NULL;
    problem[0] = 0;
    if (config->dns.policies_count == 0) {
        return ERR_OK;
    }
    struct dns_steer *steer = dns_steer_load_new(config);
    struct dns_steer_list *list = calloc(1, sizeof *list);
    struct dns_steer_build *build = calloc(1, sizeof *build);
    char warning[DNS_STEER_PROBLEM] = "";
    struct latency_table *measured = dns_steer_load_measured(source, now_s, warning);
    enum err err = steer != NULL && list != NULL && build != NULL ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        list->config = config;
        list->steer = steer;
        list->build = build;
        list->only = source->only;
        list->measured = measured;
        list->now_s = now_s;
        list->problem = problem;
        err = dns_steer_load_all(list);
    }
    free(measured);
    free(list);
    free(build);
    if (err != ERR_OK) {
        dns_steer_free(steer);
        return err;
    }
    memcpy(problem, warning, sizeof warning);
    *ret_steer = steer;
    return ERR_OK;
}

/* ---- files ---- */

const char *dns_steer_load_file(const struct config *config, uint32_t index)
{
    const struct config_dns *dns = &config->dns;
    for (uint32_t i = 0; i < dns->policies_count; i++) {
        const struct config_dns_policy *policy = &dns->policies[i];
        for (uint32_t j = 0; j < policy->geolocation.networks_count; j++) {
            const char *file = policy->geolocation.networks[j].file;
            if (file != NULL && index-- == 0) {
                return file;
            }
        }
        if (policy->latency.file != NULL && index-- == 0) {
            return policy->latency.file;
        }
    }
    return index == 0 && dns->policies_count > 0 ? dns->geo_database : NULL;
}

static uint64_t dns_steer_load_facts(uint64_t hash, const char *file)
{
    struct stat status = {0};
    const int failed = stat(file, &status);
    const int64_t facts[] = {failed,         (int64_t)status.st_dev, (int64_t)status.st_ino,
                             status.st_size, status.st_mtim.tv_sec,  status.st_mtim.tv_nsec};
    hash = hash_more(hash, facts, sizeof facts);
    return hash + (hash == 0);
}

uint64_t dns_steer_load_files(const struct config *config, const char *measured)
{
    uint64_t hash = 0;
    const char *file;
    for (uint32_t i = 0; (file = dns_steer_load_file(config, i)) != NULL; i++) {
        hash = dns_steer_load_facts(hash, file);
    }
    return measured != NULL && dns_steer_load_wants(config) ? dns_steer_load_facts(hash, measured) : hash;
}
