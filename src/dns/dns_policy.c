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
    policy->steer = NULL;
    for (uint32_t i = 0; i < names_count && view != NULL; i++) {
        struct dns_policy_plan *plan = &policy->plans[i];
        memset(plan, 0, sizeof *plan);
        policy->steer_names[i] = names[i].steer;
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

uint64_t dns_policy_hash(const struct dns_zone_dynamic *name, const struct view_address *client)
{
    const size_t size = client->family == 4 ? DNS_POLICY_BITS_4 / 8 : DNS_POLICY_BITS_6 / 8;
    uint8_t key[1 + DNS_POLICY_BITS_6 / 8];
    key[0] = (uint8_t)client->family;
    memcpy(key + 1, client->bytes, size);
    return hash_more(name->hash, key, 1 + size);
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

/* The row of a home: its own, or the default where that is empty. */
static uint32_t dns_policy_row(const struct view *view, uint32_t home)
{
    return view_split_region(view, home, 0) != LIMITS_NONE ? home : VIEW_HOME_DEFAULT;
}

/* Where there is no split: a home chosen by a policy serves its clients itself if it has endpoints. */
static uint32_t dns_policy_unsplit(const struct dns_policy *policy, uint32_t name, struct dns_policy_choice *choice)
{
    if (choice->steered && choice->home < policy->view->regions_count) {
        const struct dns_policy_run *runs = policy->plans[name].runs[choice->home];
        const bool usable = dns_policy_usable(policy, name, choice->home);
        if (usable || (!choice->pick.alive && runs[0].all + runs[1].all > 0)) {
            choice->last_standing = !usable;
            return choice->home;
        }
    }
    return dns_policy_first(policy, name, &choice->last_standing);
}

/* From the home to the region that answers. */
static void dns_policy_land(const struct dns_policy *policy, uint32_t name, const struct view_address *client,
                            uint64_t hash, struct dns_policy_choice *choice)
{
    const struct view *view = policy->view;
    const uint32_t sticky_bits = client->family == 4 ? DNS_POLICY_BITS_4 : DNS_POLICY_BITS_6;
    choice->point = LIMITS_NONE;
    choice->last_standing = false;
    choice->row = dns_policy_row(view, choice->home);
    choice->drawn = dns_policy_sole(view, choice->row);
    if (choice->drawn == LIMITS_NONE) {
        choice->point = (uint32_t)(hash % VIEW_SHARES_WHOLE);
        choice->drawn = view_split_region(view, choice->row, choice->point);
        choice->scope_bits = choice->scope_bits > sticky_bits ? choice->scope_bits : sticky_bits;
    }
    if (choice->drawn == LIMITS_NONE || choice->drawn >= view->regions_count) {
        choice->drawn = dns_policy_unsplit(policy, name, choice);
        choice->region = choice->drawn;
        return;
    }
    choice->region = choice->drawn;
    if (!dns_policy_usable(policy, name, choice->drawn)) {
        const uint32_t other = dns_policy_redraw(policy, name, choice->row, hash);
        choice->last_standing = other == LIMITS_NONE;
        choice->region = choice->last_standing ? choice->drawn : other;
    }
    const struct dns_policy_run *runs = policy->plans[name].runs[choice->region];
    if (runs[0].all + runs[1].all == 0) {
        /* All is down, and the drawn region never had an address of this name. */
        choice->region = dns_policy_first(policy, name, &choice->last_standing);
    }
}

/* ---- names with a policy ---- */

/* Whether clients at home in the region get an answer of a healthy endpoint: where their row leads to. */
static bool dns_policy_answers(const struct dns_policy *policy, uint32_t name, uint32_t home)
{
    const struct view *view = policy->view;
    bool split = false;
    if (home >= view->regions_count) {
        return false;
    }
    const uint32_t row = dns_policy_row(view, home);
    for (uint32_t region = 0; region < view->regions_count; region++) {
        split = split || view->split[row][region] > 0;
        if (view->split[row][region] > 0 && dns_policy_usable(policy, name, region)) {
            return true;
        }
    }
    return !split && dns_policy_usable(policy, name, home);
}

void dns_policy_steer(struct dns_policy *policy, const struct dns_steer *steer)
{
    policy->steer = policy->view != NULL ? steer : NULL;
    for (uint32_t i = 0; policy->steer != NULL && i < steer->regions_count; i++) {
        const uint32_t home = view_region_find(policy->view, steer->regions[i]);
        policy->steer_homes[i] = home != LIMITS_NONE ? home : VIEW_HOME_DEFAULT;
    }
    for (uint32_t name = 0; policy->steer != NULL && name < DNS_ZONE_NAMES; name++) {
        policy->steer_masks[name] = 0;
        for (uint32_t i = 0; i < steer->regions_count && policy->steer_names[name] != 0; i++) {
            policy->steer_masks[name] |=
                (uint8_t)(dns_policy_answers(policy, name, policy->steer_homes[i]) ? 1U << i : 0);
        }
    }
}

/* Up to DNS_POLICY_VALUES endpoints of these regions. True: there are more, and a client network has its own eight. */
static bool dns_policy_gather(const struct dns_policy *policy, uint32_t name, uint32_t regions, uint64_t hash,
                              struct dns_policy_choice *choice)
{
    const struct dns_policy_plan *plan = &policy->plans[name];
    bool cut = false;
    for (uint32_t family = 0; family < 2; family++) {
        uint8_t all[LIMITS_ENDPOINTS];
        uint32_t count = 0;
        for (uint32_t region = 0; region < policy->view->regions_count; region++) {
            const struct dns_policy_run *run = &plan->runs[region][family];
            const uint32_t more = choice->last_standing ? run->all : run->healthy;
            if ((regions >> region & 1) != 0) {
                memcpy(all + count, plan->order + run->first, more);
                count += more;
            }
        }
        choice->values_count[family] = (uint8_t)(count < DNS_POLICY_VALUES ? count : DNS_POLICY_VALUES);
        const uint32_t start = count > DNS_POLICY_VALUES ? (uint32_t)(hash >> 32) % count : 0;
        for (uint32_t i = 0; i < choice->values_count[family]; i++) {
            choice->values[family][i] = all[(start + i) % count];
        }
        cut = cut || count > DNS_POLICY_VALUES;
    }
    return cut;
}

static struct dns_policy_choice dns_policy_steered(const struct dns_policy *policy, uint32_t name,
                                                   const struct view_address *client, uint64_t hash)
{
    struct dns_policy_choice choice = {.steered = true, .ttl_s = UINT32_MAX};
    const uint32_t sticky_bits = client->family == 4 ? DNS_POLICY_BITS_4 : DNS_POLICY_BITS_6;
    uint32_t landed = 0;
    choice.pick = dns_steer_pick(policy->steer, policy->steer_names[name] - 1, client, policy->steer_masks[name], hash);
    choice.scope_bits = choice.pick.scope_bits;
    for (uint32_t i = 0; i < policy->steer->regions_count; i++) {
        if ((choice.pick.regions >> i & 1) != 0) {
            choice.home = policy->steer_homes[i];
            dns_policy_land(policy, name, client, hash, &choice);
            const uint32_t ttl_s = policy->plans[name].ttl_s[choice.region];
            choice.ttl_s = ttl_s < choice.ttl_s ? ttl_s : choice.ttl_s; /* of several the shortest */
            landed |= 1U << choice.region;
        }
    }
    ASSERT(landed != 0);
    const bool cut = choice.pick.policy != DNS_STEER_NONE && dns_policy_gather(policy, name, landed, hash, &choice);
    if ((choice.pick.drawn || cut) && choice.scope_bits < sticky_bits) {
        choice.scope_bits = sticky_bits;
    }
    return choice;
}

struct dns_policy_choice dns_policy_choose(const struct dns_policy *policy, const struct dns_zone_dynamic *names,
                                           uint32_t name, const struct view_address *client)
{
    const struct view *view = policy->view;
    ASSERT(view != NULL && policy->plans[name].count > 0);
    const uint64_t hash = dns_policy_hash(&names[name], client);
    if (policy->steer != NULL && policy->steer_names[name] != 0) {
        return dns_policy_steered(policy, name, client, hash);
    }
    struct dns_policy_choice choice = {.home = view_home(view, client)};
    choice.scope_bits = dns_policy_home_bits(view, client, choice.home);
    dns_policy_land(policy, name, client, hash, &choice);
    choice.ttl_s = policy->plans[name].ttl_s[choice.region];
    return choice;
}

uint32_t dns_policy_endpoints(const struct dns_policy *policy, uint32_t name, const struct dns_policy_choice *choice,
                              uint32_t family, const uint8_t **ret_order)
{
    ASSERT(family < 2);
    const struct dns_policy_plan *plan = &policy->plans[name];
    const struct dns_policy_run *run = &plan->runs[choice->region][family];
    if (choice->steered && choice->pick.policy != DNS_STEER_NONE) {
        *ret_order = choice->values[family];
        return choice->values_count[family];
    }
    *ret_order = plan->order + run->first;
    return choice->last_standing ? run->all : run->healthy;
}
