/* SPDX-License-Identifier: Apache-2.0
 * The model: the configuration as the core knows it. Made once per configuration by edge/config_model.h, never changed
 * after.
 *
 * Flat tables with indices. Durations in milliseconds, shares in 1/10,000, rates in parts per million (ppm). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"
#include "core/view.h"

enum model_severity { MODEL_CRITICAL, MODEL_IMPORTANT, MODEL_INFORMATIONAL };

/* Which part of a region's fitness as a target a check proves. */
enum model_component {
    MODEL_COMPONENT_NONE,
    MODEL_COMPONENT_DB,
    MODEL_COMPONENT_APP,
    MODEL_COMPONENT_CACHE,
    MODEL_COMPONENT_QUEUE
};

/* Which business figure of the region a check's value feeds. */
enum model_figure { MODEL_FIGURE_NONE, MODEL_FIGURE_ERROR_RATE, MODEL_FIGURE_P95, MODEL_FIGURE_PODS_DOWN };

enum model_profile { MODEL_STANDARD, MODEL_ADR_039 };

/* What happens when a rule wants an automatic failover for this reason. */
enum model_automation { MODEL_AUTO, MODEL_APPROVE, MODEL_OFF };

struct model_region {
    char name[LIMITS_NAME];
    uint32_t backup[LIMITS_REGIONS]; /* target candidates in order */
    uint32_t backup_count;
    uint32_t capacity_ppm;
    uint32_t weight; /* share of clients without a home, relative */
    bool has_load_balancer;
};

struct model_site {
    char name[LIMITS_NAME];
    uint32_t region; /* LIMITS_NONE: a witness */
    bool observes;   /* runs probes: role observer or control */
    bool controls;
    bool dns;
    bool proxy;
    bool relays; /* TCP services: role service */
};

struct model_check {
    char name[LIMITS_NAME];
    enum model_severity severity;
    uint32_t layer;
    uint32_t interval_ms;
    uint32_t timeout_ms;
    uint32_t failure_threshold;
    uint32_t success_threshold;
    uint32_t latency_limit_us; /* above it a good answer is a failure; 0: none */
    enum model_component component;
    enum model_figure figure;
    uint32_t limit_ppm; /* the value above which the check failed; used by edge for its verdict; 0: none */
};

/* One check against one region: what an observer probes and a verdict is made of. */
struct model_probe {
    uint32_t check;
    uint32_t region;
};

struct model_database {
    char name[LIMITS_NAME];
    uint32_t lease_ms;
    uint32_t margin_ms;
    uint32_t silence_ms; /* so long no heartbeat of its writer: core/silence.h; 0: that is no reason for anything */
    bool tier1;
    uint32_t durability_members; /* bit per node index: the set at first boot */
    uint32_t durability_required;
    bool durability_block; /* with nobody left to acknowledge tier-1 commits wait, instead of going on alone */
    bool lag_hold;         /* sessions wait while the freshest standby is further behind than max_lag_ms */
    bool every_commit;     /* promised: no commit of the cluster goes without the set */
    bool cascade;          /* regional leaders (core/upstream.h) */
    uint32_t max_lag_ms;
    uint32_t initial_writer; /* node index */
};

struct model_node {
    char name[LIMITS_NAME];
    uint32_t database;
    uint32_t region;
    uint32_t priority;
    bool nofailover; /* never a candidate (core/candidate.h) */
    struct view_address postgres;
    struct view_address agent;
};

/* A TCP service; its servers are in `targets`. */
struct model_service {
    char name[LIMITS_NAME];
    uint32_t check;   /* whether it works in a region; LIMITS_NONE: as the region does */
    bool single;      /* a cache with one writer (core/cache.h) */
    uint32_t initial; /* single: the target that is primary at first */
};

struct model_policy {
    enum model_profile profile;
    enum model_automation automation[4]; /* by enum decide_reason of the automatic rules, in the order of rules 3-6 */
    uint32_t cooldown_ms;
    uint32_t error_rate_automatic_ppm; /* rule 5 */
    uint32_t error_rate_duration_ms;
    uint32_t error_rate_review_ppm;  /* rule 9 */
    uint32_t error_rate_monitor_ppm; /* rule 11 */
    uint32_t p95_monitor_us;
    uint32_t pods_down_ppm;     /* rules 6 and 11 */
    uint32_t database_failures; /* rule 4 */
    uint32_t rpo_limit_ms;
    uint32_t rpo_database_limit_ms;
    uint32_t flapping_transitions;
    uint32_t target_capacity_ppm; /* gate TARGET_CAPACITY: below it */
};

struct model_failback {
    bool approval;
    uint32_t min_stable_ms;
    uint32_t canary_share; /* 1/10,000 */
    uint32_t canary_hold_ms;
    uint32_t ramp_share;
    uint32_t ramp_hold_ms;
    uint32_t max_error_ppm;
    uint32_t max_p95_us;
    uint32_t max_lag_ms;
    uint32_t min_requests;
};

struct model {
    char name[LIMITS_NAME];
    uint64_t config_hash;
    uint32_t regions_count;
    uint32_t sites_count;
    uint32_t checks_count;
    uint32_t probes_count;
    uint32_t databases_count;
    uint32_t nodes_count;
    uint32_t endpoints_count;
    uint32_t networks_count;
    uint32_t services_count;
    uint32_t targets_count;
    uint32_t ttl_most_s;  /* the highest TTL of a dynamic name; 0: there is none */
    uint32_t ttl_floor_s; /* what it falls to on suspicion (core/ttl.h) */
    struct model_region regions[LIMITS_REGIONS];
    struct model_site sites[LIMITS_SITES];
    struct model_check checks[LIMITS_CHECKS];
    struct model_probe probes[LIMITS_PROBES];
    struct model_database databases[LIMITS_DATABASES];
    struct model_node nodes[LIMITS_NODES];
    struct view_endpoint endpoints[LIMITS_ENDPOINTS]; /* healthy = 1 */
    struct view_network networks[LIMITS_NETWORKS];
    struct model_service services[LIMITS_SERVICES];
    struct view_target targets[LIMITS_TARGETS]; /* healthy = 1 */
    struct model_policy policy;
    struct model_failback failback;
};

/* The numbers of the specification. */
struct model_policy model_policy_default(void);

/* Indices by name; LIMITS_NONE when there is none. */
uint32_t model_region_find(const struct model *model, const char *name);
uint32_t model_site_find(const struct model *model, const char *name);
uint32_t model_check_find(const struct model *model, const char *name);
uint32_t model_database_find(const struct model *model, const char *name);
uint32_t model_service_find(const struct model *model, const char *name);
uint32_t model_node_find(const struct model *model, const char *name);
uint32_t model_probe_find(const struct model *model, uint32_t check, uint32_t region);

/* How long the checks of databases take to fail or to pass anew. */
uint32_t model_patience_ms(const struct model *model);

/* The probe by which the region's requests are counted: one alone, or each request would count twice. That of the error
 * rate, else that of the latency. LIMITS_NONE: the region has neither. */
uint32_t model_counter(const struct model *model, uint32_t region);
