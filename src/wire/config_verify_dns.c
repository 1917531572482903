/* SPDX-License-Identifier: Apache-2.0
 * The policies of DNS: one kind each, names that exist, no cycles, not too deep. */
#include "wire/config_verify_dns.h"

#include <ctype.h>
#include <string.h>

#include "base/assert.h"

enum { CONFIG_VERIFY_DNS_WORDS = CONFIG_DNS_POLICIES + CONFIG_REGIONS + 1 };

/* What a policy leads on to, with where that is written. */
struct config_verify_dns_child {
    const char *name;
    struct config_verify_place place;
};

struct config_verify_dns_dive;

/* Calls `visit` for each child of a policy that is given. */
struct config_verify_dns_walk {
    const struct config_verify *verify;
    const struct config_dns_policy *policy;
    void (*visit)(const struct config_verify_dns_walk *walk, const struct config_verify_dns_child *child);
    struct config_verify_dns_dive *dive; /* for config_verify_dns_down */
};

static void config_verify_dns_child(const struct config_verify_dns_walk *walk, const char *name,
                                    struct config_verify_place place)
{
    if (name != NULL) {
        walk->visit(walk, &(struct config_verify_dns_child){name, place});
    }
}

static void config_verify_dns_codes(const struct config_verify_dns_walk *walk, const char *key,
                                    const struct config_dns_code *codes, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        config_verify_dns_child(
            walk, codes[i].to,
            CONFIG_VERIFY_AT(walk->verify, "dns", "policies", walk->policy->name, "geolocation", key, codes[i].name));
    }
}

static void config_verify_dns_geolocation(const struct config_verify_dns_walk *walk)
{
    const struct config_dns_geolocation *geolocation = &walk->policy->geolocation;
    const char *name = walk->policy->name;
    for (uint32_t i = 0; i < geolocation->networks_count; i++) {
        const struct config_dns_area *area = &geolocation->networks[i];
        config_verify_dns_child(
            walk, area->to,
            CONFIG_VERIFY_AT(walk->verify, "dns", "policies", name, "geolocation", "networks", area->name));
    }
    config_verify_dns_codes(walk, "subdivisions", geolocation->subdivisions, geolocation->subdivisions_count);
    config_verify_dns_codes(walk, "countries", geolocation->countries, geolocation->countries_count);
    config_verify_dns_codes(walk, "continents", geolocation->continents, geolocation->continents_count);
    config_verify_dns_child(walk, geolocation->otherwise,
                            CONFIG_VERIFY_AT(walk->verify, "dns", "policies", name, "geolocation", "default"));
}

static void config_verify_dns_latency(const struct config_verify_dns_walk *walk)
{
    const struct config_dns_latency *latency = &walk->policy->latency;
    const char *name = walk->policy->name;
    for (uint32_t i = 0; i < latency->networks_count; i++) {
        const struct config_dns_latency_row *row = &latency->networks[i];
        for (uint32_t j = 0; j < row->times_count; j++) {
            config_verify_dns_child(
                walk, row->times[j].name,
                CONFIG_VERIFY_AT(walk->verify, "dns", "policies", name, "latency", "networks", row->name));
        }
    }
    config_verify_dns_child(walk, latency->otherwise,
                            CONFIG_VERIFY_AT(walk->verify, "dns", "policies", name, "latency", "default"));
}

static void config_verify_dns_children(const struct config_verify_dns_walk *walk)
{
    const struct config_verify *verify = walk->verify;
    const struct config_dns_policy *policy = walk->policy;
    config_verify_dns_geolocation(walk);
    config_verify_dns_latency(walk);
    for (uint32_t i = 0; i < policy->weighted_count; i++) {
        const char *name = policy->weighted[i].name;
        config_verify_dns_child(walk, name,
                                CONFIG_VERIFY_AT(verify, "dns", "policies", policy->name, "weighted", name));
    }
    for (uint32_t i = 0; i < policy->failover_count; i++) {
        config_verify_dns_child(walk, policy->failover[i],
                                CONFIG_VERIFY_AT(verify, "dns", "policies", policy->name, "failover"));
    }
    for (uint32_t i = 0; i < policy->multivalue_count; i++) {
        config_verify_dns_child(walk, policy->multivalue[i],
                                CONFIG_VERIFY_AT(verify, "dns", "policies", policy->name, "multivalue"));
    }
    config_verify_dns_child(walk, policy->fallback,
                            CONFIG_VERIFY_AT(verify, "dns", "policies", policy->name, "fallback"));
}

/* ---- names ---- */

/* The name that was probably meant; NULL: none is near. */
static const char *config_verify_dns_meant(const struct config *config, const char *name, bool regions)
{
    const char *words[CONFIG_VERIFY_DNS_WORDS] = {NULL};
    uint32_t count = 0;
    for (uint32_t i = 0; i < config->dns.policies_count && i < CONFIG_DNS_POLICIES; i++) {
        words[count++] = config->dns.policies[i].name;
    }
    for (uint32_t i = 0; i < config->regions_count && i < CONFIG_REGIONS && regions; i++) {
        words[count++] = config->regions[i].name;
    }
    return config_problem_nearest(name, words);
}

static void config_verify_dns_exists(const struct config_verify_dns_walk *walk,
                                     const struct config_verify_dns_child *child)
{
    const struct config_verify *verify = walk->verify;
    if (config_region_find(verify->config, child->name) != CONFIG_NONE ||
        config_dns_policy_find(verify->config, child->name) != CONFIG_NONE) {
        return;
    }
    const char *meant = config_verify_dns_meant(verify->config, child->name, true);
    config_problem_error(
        verify->problems, child->place.line, child->place.column,
        "'%.40s' does not exist; expected the name of a region or of a policy in dns.policies%s%.40s%s", child->name,
        meant != NULL ? "; did you mean '" : "", meant != NULL ? meant : "", meant != NULL ? "'?" : "");
}

static void config_verify_dns_used(const struct config_verify *verify, const char *zone,
                                   const struct config_dns_name *names, uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const struct config_dns_name *name = &names[i];
        if (name->policy == NULL || config_dns_policy_find(verify->config, name->policy) != CONFIG_NONE) {
            continue;
        }
        const struct config_verify_place place =
            zone == NULL ? CONFIG_VERIFY_AT(verify, "dns", "names", name->name, "policy")
                         : CONFIG_VERIFY_AT(verify, "dns", "zones", zone, "names", name->name, "policy");
        const char *meant = config_verify_dns_meant(verify->config, name->policy, false);
        config_problem_error(verify->problems, place.line, place.column,
                             "policy '%.40s' does not exist; expected one of dns.policies%s%.40s%s", name->policy,
                             meant != NULL ? "; did you mean '" : "", meant != NULL ? meant : "",
                             meant != NULL ? "'?" : "");
    }
}

/* ---- one policy ---- */

static void config_verify_dns_kind(const struct config_verify *verify, const struct config_dns_policy *policy)
{
    static const char *const kinds[] = {"geolocation", "latency", "weighted", "failover", "multivalue", NULL};
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "dns", "policies", policy->name);
    const struct config_tree *dns = config_tree_find(verify->root, "dns");
    const struct config_tree *policies = dns != NULL ? config_tree_find(dns, "policies") : NULL;
    const struct config_tree *tree = policies != NULL ? config_tree_find(policies, policy->name) : NULL;
    uint32_t given = 0;
    for (uint32_t i = 0; kinds[i] != NULL && tree != NULL; i++) {
        given += config_tree_find(tree, kinds[i]) != NULL ? 1 : 0;
    }
    if (given != 1) {
        config_problem_error(verify->problems, place.line, place.column,
                             "policy '%.40s' has %u kinds; expected exactly one of geolocation, latency, weighted, "
                             "failover, multivalue; a policy may lead on to others",
                             policy->name, given);
    } else if (config_dns_policy_kind(policy) == CONFIG_NONE && verify->problems->errors == 0) {
        config_problem_error(verify->problems, place.line, place.column,
                             "policy '%.40s' is empty; expected a region or policy that it leads on to", policy->name);
    }
    if (config_region_find(verify->config, policy->name) != CONFIG_NONE) {
        config_problem_error(
            verify->problems, place.line, place.column,
            "policy '%.40s' is called as a region; expected another name; children are named by either", policy->name);
    }
}

/* Regions, each once, and at least two: one alone is compared with nothing. */
static void config_verify_dns_measured(const struct config_verify *verify, const struct config_dns_policy *policy)
{
    const struct config_dns_latency *latency = &policy->latency;
    const struct config_verify_place place =
        CONFIG_VERIFY_AT(verify, "dns", "policies", policy->name, "latency", "measured");
    for (uint32_t i = 0; i < latency->measured_count; i++) {
        bool twice = false;
        for (uint32_t j = 0; j < i; j++) {
            twice = twice || strcmp(latency->measured[i], latency->measured[j]) == 0;
        }
        if (twice || config_region_find(verify->config, latency->measured[i]) == CONFIG_NONE) {
            config_problem_error(verify->problems, place.line, place.column,
                                 "'%.40s' %s; expected regions: only they have proxies that measure",
                                 latency->measured[i], twice ? "is there twice" : "is not a region");
        }
    }
    if (latency->measured_count == 1) {
        config_problem_error(verify->problems, place.line, place.column,
                             "only one region; expected at least two, which are compared");
    }
}

static bool config_verify_dns_upper(const char *text, size_t size)
{
    for (size_t i = 0; i < size; i++) {
        if (text[i] < 'A' || text[i] > 'Z') {
            return false;
        }
    }
    return true;
}

static bool config_verify_dns_code(const char *key, const char *code)
{
    const size_t size = strlen(code);
    if (size < 2 || !config_verify_dns_upper(code, 2)) {
        return false;
    }
    if (strcmp(key, "continents") == 0) {
        static const char *const codes[] = {"AF", "AN", "AS", "EU", "NA", "OC", "SA"};
        for (size_t i = 0; i < sizeof codes / sizeof *codes; i++) {
            if (strcmp(codes[i], code) == 0) {
                return true;
            }
        }
        return false;
    }
    if (strcmp(key, "countries") == 0) {
        return size == 2;
    }
    bool good = size >= 4 && size <= 6 && code[2] == '-';
    for (size_t i = 3; i < size && good; i++) {
        good = isdigit((unsigned char)code[i]) || config_verify_dns_upper(code + i, 1);
    }
    return good;
}

static void config_verify_dns_areas(const struct config_verify *verify, const struct config_dns_policy *policy)
{
    const struct config_dns_geolocation *geolocation = &policy->geolocation;
    const struct {
        const char *key;
        const struct config_dns_code *codes;
        uint32_t count;
        const char *form;
    } lists[] = {
        {"subdivisions", geolocation->subdivisions, geolocation->subdivisions_count, "for example US-CA"},
        {"countries", geolocation->countries, geolocation->countries_count, "for example TW"},
        {"continents", geolocation->continents, geolocation->continents_count, "AF, AN, AS, EU, NA, OC or SA"}};
    for (uint32_t i = 0; i < 3; i++) {
        for (uint32_t j = 0; j < lists[i].count; j++) {
            if (config_verify_dns_code(lists[i].key, lists[i].codes[j].name)) {
                continue;
            }
            const struct config_verify_place place = CONFIG_VERIFY_AT(
                verify, "dns", "policies", policy->name, "geolocation", lists[i].key, lists[i].codes[j].name);
            config_problem_error(verify->problems, place.line, place.column, "'%.40s' is not a code of %s; expected %s",
                                 lists[i].codes[j].name, lists[i].key, lists[i].form);
        }
        if (lists[i].count > 0 && verify->config->dns.geo_database == NULL) {
            const struct config_verify_place place =
                CONFIG_VERIFY_AT(verify, "dns", "policies", policy->name, "geolocation", lists[i].key);
            config_problem_error(verify->problems, place.line, place.column,
                                 "%s without dns.geo_database; expected the path of an .mmdb file there; only networks "
                                 "work without one",
                                 lists[i].key);
        }
    }
    for (uint32_t i = 0; i < geolocation->networks_count; i++) {
        const struct config_dns_area *area = &geolocation->networks[i];
        if (area->networks_count == 0 && area->file == NULL) {
            const struct config_verify_place place =
                CONFIG_VERIFY_AT(verify, "dns", "policies", policy->name, "geolocation", "networks", area->name);
            config_problem_error(verify->problems, place.line, place.column,
                                 "area '%.40s' has no networks; expected networks: [ ... ] or file: /path", area->name);
        }
    }
}

/* ---- the tree ---- */

struct config_verify_dns_dive {
    const struct config_verify *verify;
    uint32_t path[CONFIG_DNS_POLICIES];
    uint32_t depth;
    bool cycle;
    bool known[CONFIG_DNS_POLICIES]; /* already dived from here */
    uint32_t height[CONFIG_DNS_POLICIES];
    uint32_t values[CONFIG_DNS_POLICIES]; /* regions that one answer may take; at most CONFIG_DNS_VALUES + 1 */
};

static void config_verify_dns_dive(struct config_verify_dns_dive *dive, uint32_t index);

/* Multivalue policies take all of their children, others one. */
static void config_verify_dns_values(const struct config_verify_dns_walk *walk, uint32_t above, uint32_t values)
{
    uint32_t *sum = &walk->dive->values[above];
    const uint32_t all = walk->policy->multivalue_count > 0 ? *sum + values : *sum > values ? *sum : values;
    *sum = all <= CONFIG_DNS_VALUES ? all : CONFIG_DNS_VALUES + 1;
}

static void config_verify_dns_down(const struct config_verify_dns_walk *walk,
                                   const struct config_verify_dns_child *child)
{
    struct config_verify_dns_dive *dive = walk->dive;
    const uint32_t index = config_dns_policy_find(dive->verify->config, child->name);
    const uint32_t above = dive->path[dive->depth - 1];
    if (index == CONFIG_NONE) {
        config_verify_dns_values(walk, above, 1);
        return;
    }
    for (uint32_t i = 0; i < dive->depth; i++) {
        if (dive->path[i] == index) {
            if (!dive->cycle) {
                config_problem_error(dive->verify->problems, child->place.line, child->place.column,
                                     "policy '%.40s' leads back to itself through '%.40s'; expected a tree; let one of "
                                     "them lead to a region",
                                     child->name, dive->verify->config->dns.policies[above].name);
            }
            dive->cycle = true;
            return;
        }
    }
    config_verify_dns_dive(dive, index);
    const uint32_t height = dive->height[index] + 1;
    dive->height[above] = dive->height[above] > height ? dive->height[above] : height;
    config_verify_dns_values(walk, above, dive->values[index]);
}

static void config_verify_dns_dive(struct config_verify_dns_dive *dive, uint32_t index)
{
    if (dive->known[index]) {
        return;
    }
    ASSERT(dive->depth < CONFIG_DNS_POLICIES);
    dive->path[dive->depth++] = index;
    dive->height[index] = 1;
    const struct config_verify_dns_walk walk = {dive->verify, &dive->verify->config->dns.policies[index],
                                                config_verify_dns_down, dive};
    config_verify_dns_children(&walk);
    dive->depth--;
    dive->known[index] = true;
}

static void config_verify_dns_tree(const struct config_verify *verify)
{
    struct config_verify_dns_dive dive = {.verify = verify};
    const struct config_dns *dns = &verify->config->dns;
    for (uint32_t i = 0; i < dns->policies_count; i++) {
        config_verify_dns_dive(&dive, i);
        if (!dive.cycle && dive.height[i] > CONFIG_DNS_DEPTH) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "dns", "policies", dns->policies[i].name);
            config_problem_error(verify->problems, place.line, place.column,
                                 "policy '%.40s' is %u policies deep; expected at most %d", dns->policies[i].name,
                                 dive.height[i], CONFIG_DNS_DEPTH);
            return;
        }
        if (!dive.cycle && dive.values[i] > CONFIG_DNS_VALUES) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "dns", "policies", dns->policies[i].name);
            config_problem_error(verify->problems, place.line, place.column,
                                 "policy '%.40s' takes more than %d regions into one answer; expected fewer multivalue "
                                 "policies below each other",
                                 dns->policies[i].name, CONFIG_DNS_VALUES);
            return;
        }
    }
}

void config_verify_dns(const struct config_verify *verify)
{
    const struct config_dns *dns = &verify->config->dns;
    if (dns->policies_count > CONFIG_DNS_POLICIES) {
        return; /* told already */
    }
    for (uint32_t i = 0; i < dns->policies_count; i++) {
        const struct config_verify_dns_walk walk = {verify, &dns->policies[i], config_verify_dns_exists, NULL};
        config_verify_dns_kind(verify, &dns->policies[i]);
        config_verify_dns_measured(verify, &dns->policies[i]);
        config_verify_dns_areas(verify, &dns->policies[i]);
        config_verify_dns_children(&walk);
    }
    config_verify_dns_tree(verify);
    config_verify_dns_used(verify, NULL, dns->names, dns->names_count);
    for (uint32_t i = 0; i < dns->zones_count; i++) {
        config_verify_dns_used(verify, dns->zones[i].name, dns->zones[i].names, dns->zones[i].names_count);
    }
}
