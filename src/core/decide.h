/* SPDX-License-Identifier: Apache-2.0
 * The decision about one region: a snapshot in, an answer out.
 *
 * Rules and gates are rows of tables (core/decide_rule.h, core/decide_gate.h); the first row that holds wins. Two
 * profiles: MODEL_STANDARD, and MODEL_ADR_039, which is what the ADR's code says, defects included, and uses only the
 * checks and the metrics. The daemon, the simulator and `holdfast decide` (edge/whatif.h) call this same function.
 *
 * All figures are integers. Decimals from outside are multiplied by 1,000,000 and rounded half-even, so a ratio is in
 * parts per million, seconds are microseconds and milliseconds are nanoseconds. Everything is a value of the caller;
 * nothing is kept. Any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"
#include "core/model.h"

enum decide_decision {
    DECIDE_AUTOMATIC_FAILOVER,
    DECIDE_MANUAL_REVIEW_REQUIRED,
    DECIDE_MONITOR,
    DECIDE_NO_ACTION,
    DECIDE_DECISIONS
};

enum decide_confidence { DECIDE_HIGH, DECIDE_MEDIUM, DECIDE_LOW, DECIDE_CONFIDENCES };

/* The first four are the automatic ones, in the order of rules 3-6: model_policy.automation has their order. */
enum decide_reason {
    DECIDE_COMPLETE_REGIONAL_FAILURE,
    DECIDE_DATABASE_MASTER_FAILURE,
    DECIDE_HIGH_ERROR_RATE,
    DECIDE_CRITICAL_SERVICE_FAILURE,
    DECIDE_CONFIG_INVALID,
    DECIDE_INSUFFICIENT_EVIDENCE,
    DECIDE_MULTIPLE_SERVICE_FAILURES,
    DECIDE_NETWORK_PARTITION,
    DECIDE_PARTIAL_DEGRADATION,
    DECIDE_SINGLE_SERVICE_DOWN,
    DECIDE_PERFORMANCE_DEGRADATION,
    DECIDE_ALL_HEALTHY,
    DECIDE_REASONS
};

/* Numbers are stable: they are journaled. */
enum decide_gate {
    DECIDE_GATE_NONE = 0,
    DECIDE_GATE_REGION_NOT_ACTIVE = 1,
    DECIDE_GATE_ALREADY_IN_PROGRESS = 2,
    DECIDE_GATE_NO_CONTROLLER_QUORUM = 3,
    DECIDE_GATE_NOT_LEADER = 4,
    DECIDE_GATE_AUTOMATION_PAUSED = 5,
    DECIDE_GATE_MAINTENANCE_WINDOW = 6,
    DECIDE_GATE_INSUFFICIENT_OBSERVERS = 7,
    DECIDE_GATE_PARTITION_NO_MAJORITY = 8,
    DECIDE_GATE_OBSERVER_MINORITY = 9,
    DECIDE_GATE_OBSERVER_TIE = 10,
    DECIDE_GATE_FLAPPING = 11,
    DECIDE_GATE_COOLDOWN = 12,
    DECIDE_GATE_TARGET_UNHEALTHY = 13,
    DECIDE_GATE_RPO_UNKNOWN = 14,
    DECIDE_GATE_RPO_AT_RISK = 15,
    DECIDE_GATE_TARGET_CAPACITY = 16,
    DECIDE_GATES
};

/* Bits of decide_answer.warnings, in alphabetical order of their names. */
enum decide_warning {
    DECIDE_WARNING_LOST_WRITES_POSSIBLE = 1,
    DECIDE_WARNING_TARGET_CAPACITY = 2,
    DECIDE_WARNINGS_END = 4
};

enum decide_status { DECIDE_UNKNOWN, DECIDE_PASSED, DECIDE_FAILED };

enum decide_mode { DECIDE_MODE_AUTO, DECIDE_MODE_PAUSED, DECIDE_MODE_MANUAL };

struct decide_check {
    char name[LIMITS_NAME];
    enum model_severity severity;
    uint32_t layer; /* 1 infrastructure, 2 service, 3 business */
    enum decide_status status;
    uint32_t failure_threshold; /* used by core/series.h */
    int64_t consecutive_failures;
};

/* How much of a service is down; the name is that of its check. */
struct decide_pods {
    char name[LIMITS_NAME];
    int64_t down_ppm;
};

struct decide_metrics {
    int64_t error_rate_ppm;
    int64_t error_rate_duration_us; /* how long it has been above the automatic limit without a break */
    int64_t p95_ns;
    uint32_t pods_count;
    struct decide_pods pods[LIMITS_CHECKS];
};

/* Independent vantage points. `see_down` counts those of the reporting whose own verdicts satisfy the rule. */
struct decide_observers {
    int64_t total;
    int64_t reporting;
    int64_t see_down;
};

struct decide_target {
    bool db;
    bool app;
    bool cache;
    bool queue;
    bool lag_known;
    int64_t lag_us;
    int64_t capacity_ppm; /* its capacity / present demand */
};

struct decide_controller {
    int64_t members;
    int64_t reachable; /* itself included */
    bool leader;
};

struct decide_state {
    enum decide_mode mode;
    bool region_active;
    bool in_progress;
    bool failed_over_before; /* false: never, and since_last_failover_us means nothing */
    int64_t since_last_failover_us;
    bool maintenance;
    bool drill_blackout; /* blocks drills only, never a failover */
    int64_t transitions_10m;
    bool link_up; /* the cross-region link */
    bool tier1_sync;
};

struct decide_snapshot {
    uint32_t checks_count;
    struct decide_check checks[LIMITS_CHECKS];
    struct decide_metrics metrics;
    struct decide_observers observers;
    struct decide_target target;
    struct decide_controller controller;
    struct decide_state state;
};

/* The numbers of the standard profile. The ADR's profile has its own, fixed. */
struct decide_thresholds {
    int64_t error_rate_automatic_ppm; /* rule 5: above */
    int64_t error_rate_duration_us;   /* rule 5: above */
    int64_t error_rate_review_ppm;    /* rule 9: at least */
    int64_t error_rate_monitor_ppm;   /* rule 11: at least */
    int64_t p95_monitor_ns;           /* rule 11: at least */
    int64_t pods_down_ppm;            /* rules 6 and 11: above */
    int64_t database_failures;        /* rule 4: at least */
    int64_t cooldown_us;
    int64_t rpo_limit_us;
    int64_t rpo_database_limit_us;
    int64_t flapping_transitions;
    int64_t capacity_ppm;
};

struct decide_answer {
    enum decide_decision decision;
    enum decide_reason reason;
    enum decide_confidence confidence;
    uint32_t estimated_rto_s;       /* 0: none (null) */
    enum decide_gate gate;          /* the gate that held an automatic failover back */
    uint32_t warnings;              /* enum decide_warning */
    uint32_t rule;                  /* the number of the row in the profile's table; never 0 */
    enum decide_reason rule_reason; /* the rule's own reason: a gate may replace the one above */
};

/* The defaults of the specification. */
struct decide_thresholds decide_thresholds_default(void);

/* Those of a configuration. */
struct decide_thresholds decide_thresholds_policy(const struct model_policy *policy);

/* Those that a profile goes by: the ADR's are not configurable. */
struct decide_thresholds decide_thresholds_profile(const struct model_policy *policy, enum model_profile profile);

/* Cannot fail: every snapshot has an answer. */
void decide_evaluate(const struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds,
                     enum model_profile profile, struct decide_answer *ret_answer);

/* A region in which nothing speaks against a failover and nothing asks for one: three observers that agree, a healthy
 * target, a leading controller, automatic mode, no checks. What-if questions and tests start from it. */
void decide_snapshot_favourable(struct decide_snapshot *ret_snapshot);

/* Adds a check; false when the table is full or the name too long. */
bool decide_snapshot_add(struct decide_snapshot *snapshot, const char *name, enum model_severity severity,
                         uint32_t layer, enum decide_status status);

/* The words of the protocol, e.g. "AUTOMATIC_FAILOVER"; "NONE" for no gate. Never NULL. */
const char *decide_decision_name(enum decide_decision decision);
const char *decide_reason_name(enum decide_reason reason);
const char *decide_confidence_name(enum decide_confidence confidence);
const char *decide_gate_name(enum decide_gate gate);
const char *decide_warning_name(enum decide_warning warning);
