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

uint64_t dns_policy_hash(const struct dns_policy *policy, uint32_t name, const struct view_address *client)
{
    const size_t size = client->family == 4 ? DNS_POLICY_BITS_4 / 8 : DNS_POLICY_BITS_6 / 8;
    uint8_t key[1 + DNS_POLICY_BITS_6 / 8];
    key[0] = (uint8_t)client->family;
    memcpy(key + 1, client->bytes, size);
    return hash_more(policy->plans[name].hash, key, 1 + size);
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

/* The region that has endpoints of this name, where all is down and the drawn one never had any. */
static uint32_t dns_policy_standing(const struct dns_policy *policy, uint32_t name, uint32_t region,
                                    bool *ret_last_standing)
{
    const struct dns_policy_run *runs = policy->plans[name].runs[region];
    return runs[0].all + runs[1].all > 0 ? region : dns_policy_first(policy, name, ret_last_standing);
}

/* What is known of a home's clients before they ask. */
static struct dns_policy_landing dns_policy_landing(const struct dns_policy *policy, uint32_t name, uint32_t home)
{
    const uint32_t row = dns_policy_row(policy->view, home);
    const uint32_t sole = dns_policy_sole(policy->view, row);
    struct dns_policy_landing landing = {.row = (uint8_t)row, .whole = sole < policy->view->regions_count};
    if (landing.whole) {
        landing.drawn = (uint8_t)sole;
        landing.last_standing = !dns_policy_usable(policy, name, sole); /* and the row has no other */
        landing.region = (uint8_t)dns_policy_standing(policy, name, sole, &landing.last_standing);
    }
    return landing;
}

/* From the home to the region that answers, where the client's network decides, too. */
static void dns_policy_draw(const struct dns_policy *policy, uint32_t name, const struct view_address *client,
                            struct dns_policy_choice *choice)
{
    const struct view *view = policy->view;
    const uint32_t sticky_bits = client->family == 4 ? DNS_POLICY_BITS_4 : DNS_POLICY_BITS_6;
    const uint64_t hash = dns_policy_hash(policy, name, client);
    choice->point = (uint32_t)(hash % VIEW_SHARES_WHOLE);
    choice->drawn = view_split_region(view, choice->row, choice->point);
    choice->scope_bits = choice->scope_bits > sticky_bits ? choice->scope_bits : sticky_bits;
    choice->last_standing = false;
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
    choice->region = dns_policy_standing(policy, name, choice->region, &choice->last_standing);
}

static void dns_policy_land(const struct dns_policy *policy, uint32_t name, const struct view_address *client,
                            struct dns_policy_choice *choice)
{
    const struct dns_policy_landing *landing = &policy->plans[name].landings[choice->home];
    choice->row = landing->row;
    if (!landing->whole) {
        dns_policy_draw(policy, name, client, choice);
        return;
    }
    choice->point = LIMITS_NONE;
    choice->drawn = landing->drawn;
    choice->region = landing->region;
    choice->last_standing = landing->last_standing;
}

void dns_policy_prepare(struct dns_policy *policy, const struct view *view, const struct dns_zone_dynamic *names,
                        uint32_t names_count)
{
    ASSERT(names_count <= DNS_ZONE_NAMES);
    policy->view = view;
    policy->version = view != NULL ? view->version : 0;
    policy->steer = NULL;
    if (view != NULL) {
        dns_home_prepare(&policy->homes, view);
    }
    for (uint32_t i = 0; i < names_count && view != NULL; i++) {
        struct dns_policy_plan *plan = &policy->plans[i];
        memset(plan, 0, sizeof *plan);
        plan->hash = names[i].hash;
        policy->steer_names[i] = names[i].steer;
        for (uint32_t region = 0; region < view->regions_count; region++) {
            dns_policy_run_fill(plan, view, names[i].endpoint, region, 0);
            dns_policy_run_fill(plan, view, names[i].endpoint, region, 1);
        }
        for (uint32_t region = 0; region < view->regions_count; region++) {
            const uint32_t ceiling_s = view->regions[region].ttl_ceiling_s;
            plan->ttl_s[region] = ceiling_s != 0 && ceiling_s < names[i].ttl_s ? ceiling_s : names[i].ttl_s;
        }
        for (uint32_t home = 0; home < VIEW_HOMES && plan->count > 0; home++) {
            plan->landings[home] = dns_policy_landing(policy, i, home);
        }
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
static bool dns_policy_gather(const struct dns_policy *policy, uint32_t name, uint32_t regions,
                              const struct view_address *client, struct dns_policy_choice *choice)
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
        const uint32_t start =
            count > DNS_POLICY_VALUES ? (uint32_t)(dns_policy_hash(policy, name, client) >> 32) % count : 0;
        for (uint32_t i = 0; i < choice->values_count[family]; i++) {
            choice->values[family][i] = all[(start + i) % count];
        }
        cut = cut || count > DNS_POLICY_VALUES;
    }
    return cut;
}

/* For a name with a policy: `choice` is zero but for `steered`. */
static void dns_policy_steered(const struct dns_policy *policy, uint32_t name, const struct view_address *client,
                               struct dns_policy_choice *choice)
{
    const uint32_t sticky_bits = client->family == 4 ? DNS_POLICY_BITS_4 : DNS_POLICY_BITS_6;
    const uint32_t root = policy->steer_names[name] - 1;
    const uint32_t mask = policy->steer_masks[name];
    uint32_t landed = 0;
    uint32_t ttl_most_s = UINT32_MAX;
    if (!dns_steer_look(policy->steer, root, client, mask, &choice->pick)) {
        dns_steer_draw(policy->steer, root, mask, dns_policy_hash(policy, name, client), &choice->pick);
    }
    choice->scope_bits = choice->pick.scope_bits;
    for (uint32_t left = choice->pick.regions; left != 0; left &= left - 1) {
        choice->home = policy->steer_homes[__builtin_ctz(left)];
        dns_policy_land(policy, name, client, choice);
        const uint32_t ttl_s = policy->plans[name].ttl_s[choice->region];
        ttl_most_s = ttl_s < ttl_most_s ? ttl_s : ttl_most_s; /* of several the shortest */
        landed |= 1U << choice->region;
    }
    ASSERT(landed != 0);
    choice->ttl_s = ttl_most_s;
    const bool cut = choice->pick.policy != DNS_STEER_NONE && dns_policy_gather(policy, name, landed, client, choice);
    if ((choice->pick.drawn || cut) && choice->scope_bits < sticky_bits) {
        choice->scope_bits = sticky_bits;
    }
}

void dns_policy_choose(const struct dns_policy *policy, uint32_t name, const struct view_address *client,
                       struct dns_policy_choice *ret_choice)
{
    struct dns_policy_choice *choice = ret_choice; /* filled in place: a copy would wait for its parts to be written */
    ASSERT(policy->view != NULL && policy->plans[name].count > 0);
    memset(choice, 0, sizeof *choice);
    choice->steered = policy->steer != NULL && policy->steer_names[name] != 0;
    if (choice->steered) {
        dns_policy_steered(policy, name, client, choice);
        return;
    }
    const struct dns_networks_found home = dns_home_find(&policy->homes, client);
    choice->home = home.class;
    choice->scope_bits = home.bits;
    dns_policy_land(policy, name, client, choice);
    choice->ttl_s = policy->plans[name].ttl_s[choice->region];
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
