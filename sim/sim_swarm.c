/* SPDX-License-Identifier: Apache-2.0
 * Random configurations and faults. */
#include "sim/sim_swarm.h"

#include <string.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/text.h"
#include "sim/sim_model.h"

/* One seed of so many ... */
enum {
    SIM_SWARM_READINESS = 9, /* has applications that are unready without a writer */
    SIM_SWARM_BLOCK = 7,     /* waits when nobody is left to acknowledge */
    SIM_SWARM_CAP = 11,      /* holds sessions while no standby keeps up ... */
    SIM_SWARM_LAG_MS = 200,  /* ... and that soon */
    SIM_SWARM_EVERY = 3,     /* has commits of tier 1 only ... */
    SIM_SWARM_TTL = 8,       /* has names whose TTL is above the floor (two of so many) */
    SIM_SWARM_TTL_S = 6,
    SIM_SWARM_CACHE_ALONE = 16, /* of those with a cache half (two of so many) */
    SIM_SWARM_LEASE_MS = 20000, /* ... and half of these a lease that outlasts every detection */
};

static uint32_t sim_swarm_pick(struct prng *dice, uint32_t low, uint32_t high)
{
    return (uint32_t)prng_between(dice, low, high);
}

static bool sim_swarm_percent(struct prng *dice, uint32_t percent)
{
    return prng_chance(dice, percent * 10000);
}

static void sim_swarm_name(char *name, const char *a, const char *b)
{
    struct buf buf;
    buf_init(&buf, name, LIMITS_NAME);
    buf_printf(&buf, "%s%s", a, b);
    (void)buf_string(&buf);
}

static void sim_swarm_places(struct prng *dice, struct model *model)
{
    static const char *const names[] = {"taiwan", "tokyo", "osaka"};
    model->regions_count = sim_swarm_percent(dice, 30) ? 3 : 2;
    for (uint32_t region = 0; region < model->regions_count; region++) {
        struct model_region *entry = &model->regions[region];
        text_copy(entry->name, sizeof entry->name, names[region]);
        for (uint32_t i = 1; i < model->regions_count; i++) {
            entry->backup[entry->backup_count++] = (region + i) % model->regions_count;
        }
        entry->capacity_ppm = 1500000;
        entry->weight = sim_swarm_pick(dice, 1, 10);
        entry->has_load_balancer = sim_swarm_percent(dice, 40);
        text_copy(model->sites[region].name, LIMITS_NAME, names[region]);
        model->sites[region].region = region;
    }
    model->sites_count = model->regions_count + 1;
    text_copy(model->sites[model->regions_count].name, LIMITS_NAME, "witness");
    model->sites[model->regions_count].region = LIMITS_NONE;
    const uint32_t control = sim_swarm_percent(dice, 80) ? model->regions_count : sim_swarm_pick(dice, 0, 1);
    for (uint32_t site = 0; site < model->sites_count; site++) {
        model->sites[site].observes = true;
        model->sites[site].controls = site == control;
        model->sites[site].dns = true;
        model->sites[site].proxy = true;
    }
}

static void sim_swarm_checks(struct prng *dice, struct model *model)
{
    static const struct model_check kinds[] = {
        {"region-connectivity", MODEL_CRITICAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_NONE, MODEL_FIGURE_NONE, 0},
        {"database-master", MODEL_CRITICAL, 1, 1000, 800, 3, 2, 0, MODEL_COMPONENT_DB, MODEL_FIGURE_NONE, 0},
        {"redis-cluster", MODEL_CRITICAL, 1, 2000, 800, 3, 2, 0, MODEL_COMPONENT_CACHE, MODEL_FIGURE_NONE, 0},
        {"order-service", MODEL_CRITICAL, 2, 2000, 800, 3, 2, 0, MODEL_COMPONENT_APP, MODEL_FIGURE_NONE, 0},
        {"error-rate", MODEL_IMPORTANT, 3, 2000, 800, 2, 2, 0, MODEL_COMPONENT_NONE, MODEL_FIGURE_ERROR_RATE, 100000},
    };
    sim_model_checks(model, kinds, sizeof kinds / sizeof kinds[0]);
    const uint32_t threshold = sim_swarm_pick(dice, 2, 4);
    for (uint32_t check = 0; check < model->checks_count; check++) {
        model->checks[check].failure_threshold = threshold;
    }
}

static void sim_swarm_database(struct prng *dice, struct model *model, uint32_t database)
{
    static const char *const names[] = {"shop", "stock"};
    static const char *const letters[] = {"-a", "-b", "-c"};
    struct model_database *entry = &model->databases[database];
    text_copy(entry->name, sizeof entry->name, names[database]);
    entry->lease_ms = sim_swarm_pick(dice, 2, 6) * 1000;
    entry->margin_ms = entry->lease_ms / sim_swarm_pick(dice, 5, 20);
    entry->tier1 = sim_swarm_percent(dice, 75);
    entry->initial_writer = model->nodes_count;
    uint32_t all = 0;
    for (uint32_t region = 0; region < model->regions_count; region++) {
        const uint32_t count = sim_swarm_pick(dice, 1, region < 2 ? 3 : 1);
        for (uint32_t i = 0; i < count; i++) {
            struct model_node *node = &model->nodes[model->nodes_count];
            sim_swarm_name(node->name, model->regions[region].name, letters[i]);
            node->name[strlen(node->name) - 1] = (char)(node->name[strlen(node->name) - 1] - (database > 0 ? 32 : 0));
            node->database = database;
            node->region = region;
            node->priority = i;
            node->postgres = (struct view_address){{127, 1, 0, (uint8_t)model->nodes_count}, 5432, 4};
            all |= 1U << model->nodes_count++;
        }
    }
    entry->durability_members = all;
    for (uint32_t node = 0; node < LIMITS_NODES; node++) {
        if ((all >> node & 1U) != 0 && node != entry->initial_writer && sim_swarm_percent(dice, 20)) {
            entry->durability_members &= ~(1U << node);
        }
    }
    entry->durability_required = sim_swarm_percent(dice, 70) ? 1 : 2;
}

static void sim_swarm_policy(struct prng *dice, struct model *model)
{
    static const uint32_t cooldowns[] = {0, 10000, 60000, 3600000};
    model->policy = model_policy_default();
    model->policy.cooldown_ms = cooldowns[prng_below(dice, 4)];
    model->policy.error_rate_duration_ms = sim_swarm_pick(dice, 5, 30) * 1000;
    model->policy.flapping_transitions = sim_swarm_percent(dice, 50) ? 4 : 100;
    for (uint32_t i = 0; i < 4; i++) {
        model->policy.automation[i] = sim_swarm_percent(dice, 85)   ? MODEL_AUTO
                                      : sim_swarm_percent(dice, 70) ? MODEL_APPROVE
                                                                    : MODEL_OFF;
    }
    model->failback = (struct model_failback){.approval = sim_swarm_percent(dice, 70),
                                              .min_stable_ms = sim_swarm_pick(dice, 1, 10) * 1000,
                                              .canary_share = 1000,
                                              .canary_hold_ms = sim_swarm_pick(dice, 1, 6) * 1000,
                                              .ramp_share = 5000,
                                              .ramp_hold_ms = sim_swarm_pick(dice, 1, 6) * 1000,
                                              .max_error_ppm = 20000,
                                              .max_p95_us = 500000,
                                              .max_lag_ms = 5000,
                                              .min_requests = sim_swarm_percent(dice, 50) ? 0 : 30};
}

void sim_swarm_model(struct prng *dice, struct model *ret_model)
{
    memset(ret_model, 0, sizeof *ret_model);
    text_copy(ret_model->name, sizeof ret_model->name, "swarm");
    sim_swarm_places(dice, ret_model);
    sim_swarm_checks(dice, ret_model);
    ret_model->databases_count = sim_swarm_percent(dice, 20) ? 2 : 1;
    for (uint32_t database = 0; database < ret_model->databases_count; database++) {
        sim_swarm_database(dice, ret_model, database);
    }
    sim_swarm_policy(dice, ret_model);
}

void sim_swarm_tiers(uint64_t seed, bool every, struct model *model)
{
    for (uint32_t database = 0; database < model->databases_count; database++) {
        model->databases[database].durability_block = seed % SIM_SWARM_BLOCK == 2;
        model->databases[database].lag_hold = seed % SIM_SWARM_CAP == 4;
        model->databases[database].max_lag_ms = SIM_SWARM_LAG_MS;
        if (every && model->databases[database].tier1 && seed % SIM_SWARM_EVERY == 1) {
            model->databases[database].every_commit = true;
            model->databases[database].lease_ms =
                seed % 2 == 0 ? SIM_SWARM_LEASE_MS : model->databases[database].lease_ms;
        }
    }
}

void sim_swarm_ttl(uint64_t seed, struct model *model)
{
    if (seed % SIM_SWARM_TTL == 3 || seed % SIM_SWARM_TTL == 5) {
        model->ttl_most_s = SIM_SWARM_TTL_S;
        model->ttl_floor_s = 2;
    }
}

void sim_swarm_several(struct model *model)
{
    uint32_t count = 0;
    for (uint32_t site = model->sites_count; site-- > 0;) { /* the witness among them */
        model->sites[site].controls = count < SIM_CONTROLS;
        count++;
    }
}

void sim_swarm_beats(struct prng *dice, struct model *model)
{
    for (uint32_t database = 0; database < model->databases_count; database++) {
        struct model_database *entry = &model->databases[database];
        if (sim_swarm_percent(dice, 30)) {
            entry->lease_ms = sim_swarm_pick(dice, 15, 20) * 100;
            entry->margin_ms = entry->lease_ms / 5;
        }
        entry->silence_ms = entry->lease_ms * sim_swarm_pick(dice, 40, 90) / 100;
    }
}

void sim_swarm_cascade(struct model *model)
{
    for (uint32_t database = 0; database < model->databases_count; database++) {
        struct model_database *entry = &model->databases[database];
        uint32_t first[LIMITS_REGIONS] = {0};
        entry->cascade = true;
        entry->durability_members = 0;
        for (uint32_t node = 0; node < model->nodes_count; node++) {
            const uint32_t region = model->nodes[node].region;
            if (model->nodes[node].database == database && first[region]++ == 0) {
                entry->durability_members |= 1U << node;
            }
        }
        const uint32_t most = (uint32_t)__builtin_popcount(entry->durability_members) - 1;
        entry->durability_required = entry->durability_required < most ? entry->durability_required : most;
    }
}

void sim_swarm_cache(uint64_t seed, struct model *model)
{
    const uint32_t check = model_check_find(model, "redis-cluster");
    model->services_count = 1;
    model->services[0] = (struct model_service){.check = check, .single = true, .initial = 0};
    text_copy(model->services[0].name, LIMITS_NAME, "cache");
    for (uint32_t region = 0; region < model->regions_count; region++) {
        model->targets[region] =
            (struct view_target){.address = {{127, 2, 0, (uint8_t)region}, 6379, 4}, .region = region};
    }
    model->targets_count = model->regions_count;
    for (uint32_t site = 0; site < model->sites_count; site++) {
        model->sites[site].relays = true;
    }
    if (seed % SIM_SWARM_CACHE_ALONE == 5 || seed % SIM_SWARM_CACHE_ALONE == 3) {
        model->checks[check].severity = MODEL_INFORMATIONAL; /* its loss moves no region */
    }
}

static struct sim_fault sim_swarm_fault(struct sim *sim, enum sim_fault_kind kind)
{
    struct prng *dice = &sim->dice[SIM_DICE_FAULT];
    const struct model *model = &sim->model;
    struct sim_fault fault = {.kind = kind};
    switch (kind) {
    case SIM_FAULT_REGION:
    case SIM_FAULT_CACHE:
    case SIM_FAULT_APP:
    case SIM_FAULT_ERRORS:
        fault.a = sim_swarm_percent(dice, 60) ? 0 : (uint32_t)prng_below(dice, model->regions_count);
        break;
    case SIM_FAULT_SITE:
    case SIM_FAULT_CUT:
    case SIM_FAULT_CUT_BOTH:
    case SIM_FAULT_ISOLATE:
    case SIM_FAULT_LOSS:
    case SIM_FAULT_LIAR:
    case SIM_FAULT_WALL:
    case SIM_FAULT_READERS:
        fault.a = (uint32_t)prng_below(dice, model->sites_count);
        fault.b = (uint32_t)prng_below(dice, kind == SIM_FAULT_LIAR ? model->regions_count : model->sites_count);
        break;
    default:
        fault.a = (uint32_t)prng_below(dice, model->nodes_count);
        if (sim_swarm_percent(dice, 40)) {
            fault.a = model->databases[prng_below(dice, model->databases_count)].initial_writer;
        }
        break;
    }
    return fault;
}

void sim_swarm_storm(struct sim *sim, struct sim_script *ret_script)
{
    struct prng *dice = &sim->dice[SIM_DICE_FAULT];
    memset(ret_script, 0, sizeof *ret_script);
    ret_script->chaos_us = prng_between(dice, 40, 120) * SIM_S;
    ret_script->heal_us = 240 * (int64_t)SIM_S;
    const uint32_t count = sim_swarm_pick(dice, 1, 9);
    for (uint32_t i = 0; i < count; i++) {
        struct sim_fault fault = sim_swarm_fault(sim, (enum sim_fault_kind)prng_below(dice, SIM_FAULT_COUNT));
        fault.at_us = prng_between(dice, 12 * (int64_t)SIM_S, ret_script->chaos_us);
        const int64_t most_us = sim_swarm_percent(dice, 50) ? 8 * (int64_t)SIM_S : 60 * (int64_t)SIM_S;
        fault.end_us = fault.at_us + prng_between(dice, 200 * SIM_MS, most_us);
        ret_script->faults[ret_script->faults_count++] = fault;
    }
    ret_script->readiness = sim->options.seed % SIM_SWARM_READINESS == 5;
    sim->people = sim_swarm_percent(dice, 50);
}

/* Ordinary years: how often each fault comes, per thing that it can hit, in 1/1,000 a year, and how long it lasts.
 * Public post-mortems and availability figures differ by factors; these are round numbers inside their ranges. */
struct sim_swarm_rate {
    enum sim_fault_kind kind;
    uint32_t per_year;
    uint32_t least_s;
    uint32_t most_s;
};

static const struct sim_swarm_rate sim_swarm_rates[] = {
    {SIM_FAULT_REGION, 300, 60, 3600}, /* a data centre is lost once in three years */
    {SIM_FAULT_NODE, 500, 30, 1800},   /* a machine fails every other year */
    {SIM_FAULT_SERVER, 1000, 5, 600},  /* PostgreSQL dies once a year */
    {SIM_FAULT_AGENT, 1000, 1, 60},    {SIM_FAULT_FREEZE_NODE, 1000, 1, 10}, /* a hypervisor pauses a guest */
    {SIM_FAULT_CONTROL, 4000, 1, 60},                                        /* upgrades among them */
    {SIM_FAULT_SITE, 1000, 5, 1800},   {SIM_FAULT_CUT_BOTH, 3000, 1, 600},   /* a link between two places */
    {SIM_FAULT_CUT, 500, 1, 120},      {SIM_FAULT_ISOLATE, 1000, 1, 600},    {SIM_FAULT_LOSS, 6000, 10, 1200},
    {SIM_FAULT_DISK, 3000, 10, 600},   {SIM_FAULT_STORE_SLOW, 2000, 5, 120}, {SIM_FAULT_STORE_FULL, 300, 30, 600},
    {SIM_FAULT_CACHE, 1000, 5, 300},   {SIM_FAULT_APP, 4000, 5, 120}, /* a bad deployment */
    {SIM_FAULT_ERRORS, 4000, 10, 900}, {SIM_FAULT_LIAR, 200, 10, 600},       {SIM_FAULT_WALL, 500, 10, 600},
};

enum { SIM_SWARM_RATES = sizeof sim_swarm_rates / sizeof sim_swarm_rates[0] };

static uint32_t sim_swarm_things(const struct model *model, enum sim_fault_kind kind)
{
    switch (kind) {
    case SIM_FAULT_REGION:
    case SIM_FAULT_CACHE:
    case SIM_FAULT_APP:
    case SIM_FAULT_ERRORS:
        return model->regions_count;
    case SIM_FAULT_SITE:
    case SIM_FAULT_ISOLATE:
    case SIM_FAULT_LOSS:
    case SIM_FAULT_LIAR:
    case SIM_FAULT_WALL:
    case SIM_FAULT_READERS:
        return model->sites_count;
    case SIM_FAULT_CUT:
    case SIM_FAULT_CUT_BOTH:
        return model->sites_count * (model->sites_count - 1) / 2;
    case SIM_FAULT_CONTROL:
    case SIM_FAULT_STORE_FULL:
    case SIM_FAULT_STORE_SLOW:
        return 1;
    default:
        return model->nodes_count;
    }
}

uint32_t sim_swarm_episodes(const struct model *model)
{
    uint32_t sum = 0;
    for (uint32_t i = 0; i < SIM_SWARM_RATES; i++) {
        sum += sim_swarm_rates[i].per_year * sim_swarm_things(model, sim_swarm_rates[i].kind);
    }
    return sum;
}

/* How long the slowest critical check takes to fail. */
static int64_t sim_swarm_detect_s(const struct model *model)
{
    int64_t slowest_ms = 0;
    for (uint32_t i = 0; i < model->checks_count; i++) {
        const struct model_check *check = &model->checks[i];
        const int64_t takes_ms = (int64_t)check->interval_ms * check->failure_threshold + check->timeout_ms;
        slowest_ms = check->severity == MODEL_CRITICAL && takes_ms > slowest_ms ? takes_ms : slowest_ms;
    }
    return slowest_ms / 1000 + 1;
}

void sim_swarm_episode(struct sim *sim, struct sim_script *ret_script)
{
    const int64_t seen_s = 60 + 2 * sim_swarm_detect_s(&sim->model); /* a longer fault has done by then what it does */
    struct prng *dice = &sim->dice[SIM_DICE_FAULT];
    memset(ret_script, 0, sizeof *ret_script);
    uint64_t point = prng_below(dice, sim_swarm_episodes(&sim->model));
    uint32_t row = 0;
    for (; row < SIM_SWARM_RATES; row++) {
        const uint32_t share = sim_swarm_rates[row].per_year * sim_swarm_things(&sim->model, sim_swarm_rates[row].kind);
        if (point < share) {
            break;
        }
        point -= share;
    }
    ASSERT(row < SIM_SWARM_RATES);
    struct sim_fault fault = sim_swarm_fault(sim, sim_swarm_rates[row].kind);
    int64_t lasts_s = prng_between(dice, sim_swarm_rates[row].least_s, sim_swarm_rates[row].most_s);
    lasts_s = lasts_s < seen_s ? lasts_s : seen_s;
    fault.at_us =
        prng_between(dice, 20 * (int64_t)SIM_S, 25 * (int64_t)SIM_S) + sim_swarm_detect_s(&sim->model) * SIM_S;
    fault.end_us = fault.at_us + lasts_s * SIM_S;
    ret_script->faults[ret_script->faults_count++] = fault;
    ret_script->chaos_us = fault.end_us + SIM_S;
    ret_script->heal_us = 240 * (int64_t)SIM_S;
}
