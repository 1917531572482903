/* SPDX-License-Identifier: Apache-2.0
 * Which region answers for a dynamic name. */
#include "dns/dns_policy.h"

#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

_Static_assert(LIMITS_ENDPOINTS <= UINT8_MAX, "endpoint indices fit into a byte");

static void dns_policy_run_fill(struct dns_policy_plan *plan, const struct view *view, const char *endpoint,
                                uint32_t region, uint32_t family)
{
    struct dns_policy_run *run = &plan->runs[region][family];
    run->first = plan->count;
    for (int pass = 0; pass < 2; pass++) {
        for (uint32_t i = 0; i < view->endpoints_count; i++) {
            const struct view_endpoint *candidate = &view->endpoints[i];
            if (candidate->region == region && candidate->address.family == (family == 0 ? 4 : 6) &&
                (candidate->healthy != 0) == (pass == 0) && strcmp(candidate->name, endpoint) == 0) {
                plan->order[plan->count++] = (uint8_t)i;
            }
        }
        if (pass == 0) {
            run->healthy = (uint8_t)(plan->count - run->first);
        }
    }
    run->all = (uint8_t)(plan->count - run->first);
}

void dns_policy_prepare(struct dns_policy *policy, const struct view *view, const struct dns_zone_dynamic *names,
                        uint32_t names_count)
{
    ASSERT(names_count <= DNS_ZONE_NAMES);
    policy->view = view;
    policy->version = view != NULL ? view->version : 0;
    for (uint32_t i = 0; i < names_count && view != NULL; i++) {
        struct dns_policy_plan *plan = &policy->plans[i];
        memset(plan, 0, sizeof *plan);
        for (uint32_t region = 0; region < view->regions_count; region++) {
            dns_policy_run_fill(plan, view, names[i].endpoint, region, 0);
            dns_policy_run_fill(plan, view, names[i].endpoint, region, 1);
        }
        for (uint32_t region = 0; region < view->regions_count; region++) {
            const uint32_t ceiling_s = view->regions[region].ttl_ceiling_s;
            plan->ttl_s[region] = ceiling_s != 0 && ceiling_s < names[i].ttl_s ? ceiling_s : names[i].ttl_s;
        }
    }
}

/* Leading bits that two addresses of one family share. */
static uint32_t dns_policy_common(const struct view_address *a, const struct view_address *b)
{
    const uint32_t size = a->family == 4 ? 4 : 16;
    for (uint32_t i = 0; i < size; i++) {
        const uint32_t difference = (uint32_t)(a->bytes[i] ^ b->bytes[i]);
        if (difference != 0) {
            return i * 8 + (uint32_t)__builtin_clz(difference) - 24;
        }
    }
    return size * 8;
}

/* How many bits of the client's address decided on its home: inside that prefix no network leads elsewhere. */
static uint32_t dns_policy_home_bits(const struct view *view, const struct view_address *client, uint32_t home)
{
    uint32_t bits = 0;
    for (uint32_t i = 0; i < view->networks_count; i++) {
        const struct view_network *network = &view->networks[i];
        if (network->address.family != client->family) {
            continue;
        }
        const uint32_t common = dns_policy_common(&network->address, client);
        uint32_t need = 0;
        if (common >= network->prefix_bits) {
            need = network->prefix_bits; /* it holds the client */
        } else if (network->home != home) {
            need = common + 1; /* it must stay outside */
        }
        bits = bits > need ? bits : need;
    }
    return bits;
}

/* The point of a client network: a hash of its first 24 or 56 bits and the name. */
static uint64_t dns_policy_hash(const struct dns_zone_dynamic *name, const struct view_address *client)
{
    const size_t size = client->family == 4 ? DNS_POLICY_BITS_4 / 8 : DNS_POLICY_BITS_6 / 8;
    uint8_t key[1 + DNS_POLICY_BITS_6 / 8 + 8];
    key[0] = (uint8_t)client->family;
    memcpy(key + 1, client->bytes, size);
    memcpy(key + 1 + size, &name->hash, 8);
    return hash_bytes(key, 1 + size + 8);
}

static bool dns_policy_usable(const struct dns_policy *policy, uint32_t name, uint32_t region)
{
    const struct dns_policy_run *runs = policy->plans[name].runs[region];
    return policy->view->regions[region].state != VIEW_REGION_DOWN && runs[0].healthy + runs[1].healthy > 0;
}

/* A draw among the row's regions that can answer, in proportion to their shares; LIMITS_NONE when none can. */
static uint32_t dns_policy_redraw(const struct dns_policy *policy, uint32_t name, uint32_t row, uint64_t hash)
{
    const struct view *view = policy->view;
    uint32_t sum = 0;
    for (uint32_t region = 0; region < view->regions_count; region++) {
        sum += dns_policy_usable(policy, name, region) ? view->split[row][region] : 0;
    }
    if (sum == 0) {
        return LIMITS_NONE;
    }
    uint32_t point = (uint32_t)(hash / VIEW_SHARES_WHOLE % sum);
    for (uint32_t region = 0; region < view->regions_count; region++) {
        const uint32_t share = dns_policy_usable(policy, name, region) ? view->split[row][region] : 0;
        if (point < share) {
            return region;
        }
        point -= share;
    }
    ASSERT(false);
}

/* For a view without any split: the first region that can answer, else the first that has endpoints. */
static uint32_t dns_policy_first(const struct dns_policy *policy, uint32_t name, bool *ret_last_standing)
{
    const struct dns_policy_plan *plan = &policy->plans[name];
    for (uint32_t region = 0; region < policy->view->regions_count; region++) {
        if (dns_policy_usable(policy, name, region)) {
            return region;
        }
    }
    *ret_last_standing = true;
    ASSERT(plan->count > 0);
    return policy->view->endpoints[plan->order[0]].region;
}

/* The one region of a row with a single share, LIMITS_NONE when there are more. */
static uint32_t dns_policy_sole(const struct view *view, uint32_t row)
{
    for (uint32_t region = 0; region < view->regions_count; region++) {
        if (view->split[row][region] == VIEW_SHARES_WHOLE) {
            return region;
        }
    }
    return LIMITS_NONE;
}

struct dns_policy_choice dns_policy_choose(const struct dns_policy *policy, const struct dns_zone_dynamic *names,
                                           uint32_t name, const struct view_address *client)
{
    const struct view *view = policy->view;
    ASSERT(view != NULL && policy->plans[name].count > 0);
    struct dns_policy_choice choice = {.home = view_home(view, client), .point = LIMITS_NONE};
    const uint64_t hash = dns_policy_hash(&names[name], client);
    const uint32_t sticky_bits = client->family == 4 ? DNS_POLICY_BITS_4 : DNS_POLICY_BITS_6;
    choice.scope_bits = dns_policy_home_bits(view, client, choice.home);
    choice.row = view_split_region(view, choice.home, 0) != LIMITS_NONE ? choice.home : VIEW_HOME_DEFAULT;
    choice.drawn = dns_policy_sole(view, choice.row);
    if (choice.drawn == LIMITS_NONE) {
        choice.point = (uint32_t)(hash % VIEW_SHARES_WHOLE);
        choice.drawn = view_split_region(view, choice.row, choice.point);
        choice.scope_bits = choice.scope_bits > sticky_bits ? choice.scope_bits : sticky_bits;
    }
    if (choice.drawn == LIMITS_NONE || choice.drawn >= view->regions_count) {
        choice.drawn = dns_policy_first(policy, name, &choice.last_standing);
        choice.region = choice.drawn;
        return choice;
    }
    choice.region = choice.drawn;
    if (!dns_policy_usable(policy, name, choice.drawn)) {
        const uint32_t other = dns_policy_redraw(policy, name, choice.row, hash);
        choice.last_standing = other == LIMITS_NONE;
        choice.region = choice.last_standing ? choice.drawn : other;
    }
    const struct dns_policy_run *runs = policy->plans[name].runs[choice.region];
    if (runs[0].all + runs[1].all == 0) {
        /* All is down, and the drawn region never had an address of this name. */
        choice.region = dns_policy_first(policy, name, &choice.last_standing);
    }
    return choice;
}

uint32_t dns_policy_endpoints(const struct dns_policy *policy, uint32_t name, const struct dns_policy_choice *choice,
                              uint32_t family, const uint8_t **ret_order)
{
    ASSERT(family < 2);
    const struct dns_policy_plan *plan = &policy->plans[name];
    const struct dns_policy_run *run = &plan->runs[choice->region][family];
    *ret_order = plan->order + run->first;
    return choice->last_standing ? run->all : run->healthy;
}
