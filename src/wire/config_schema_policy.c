/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of `policy` and `failback`. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

static const struct config_schema_choice config_schema_profiles[] = {
    {"standard", CONFIG_STANDARD, "the rules and gates of this system"},
    {"adr-039", CONFIG_ADR_039,
     "the rules of the architecture decision record to the letter, defects included; for "
     "comparison"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_automations[] = {
    {"auto", CONFIG_AUTO, "a failover starts by itself"},
    {"approve", CONFIG_APPROVE, "a person must approve it"},
    {"off", CONFIG_OFF, "never by itself, only reported"},
    {NULL, 0, NULL}};

#define AUTOMATION(reason, member, text)                                                                               \
    ROW(reason, ENUM, config_automations, member, .fallback = "auto", .choices = config_schema_automations,            \
        .prose = text)
static const struct config_schema_row config_schema_automation_rows[] = {
    AUTOMATION("COMPLETE_REGIONAL_FAILURE", complete_regional_failure,
               "Rule 3: every critical check failed, or every one of layer 1."),
    AUTOMATION("DATABASE_MASTER_FAILURE", database_master_failure, "Rule 4: the check database-master failed."),
    AUTOMATION("HIGH_ERROR_RATE", high_error_rate, "Rule 5: the error rate is high for long."),
    AUTOMATION("CRITICAL_SERVICE_FAILURE", critical_service_failure,
               "Rule 6: a critical service is down with most of its instances."),
    END};
static const struct config_schema_section config_schema_automation =
    SECTION("automation", config_automations, config_schema_automation_rows,
            .prose = "What happens when a rule wants an automatic failover.");

static const struct config_schema_row config_schema_policy_rows[] = {
    ROW("profile", ENUM, config_policy, profile, .fallback = "standard", .choices = config_schema_profiles,
        .prose = "Which set of rules decides."),
    ROW("cooldown", DURATION_MS, config_policy, cooldown_ms, .fallback = "1h", .min = 0, .max = DAYS(7),
        .prose = "Time after a failover in which the next one needs a person."),
    ROW("automation", SECTION, config_policy, automation, .section = &config_schema_automation,
        .prose = "What happens when a rule wants an automatic failover, by reason."),
    ROW("error_rate_automatic", SHARE, config_policy, error_rate_automatic_ppm, .fallback = "10%", .min = 1,
        .max = 1000000, .prose = "Rule 5: an error rate above it, for error_rate_duration, is a reason to fail over."),
    ROW("error_rate_duration", DURATION_MS, config_policy, error_rate_duration_ms, .fallback = "5m", .min = SECONDS(1),
        .max = HOURS(24), .prose = "Rule 5: for how long without a break."),
    ROW("error_rate_review", SHARE, config_policy, error_rate_review_ppm, .fallback = "5%", .min = 1, .max = 1000000,
        .prose = "Rule 9: from this error rate on a person is asked."),
    ROW("error_rate_monitor", SHARE, config_policy, error_rate_monitor_ppm, .fallback = "1%", .min = 1, .max = 1000000,
        .prose = "Rule 11: from this error rate on the decision is MONITOR."),
    ROW("p95_monitor", DURATION_US, config_policy, p95_monitor_us, .fallback = "200ms", .min = MS(1), .max = MINUTES(5),
        .prose = "Rule 11: from this 95th percentile of the response time on the decision is MONITOR."),
    ROW("pods_down", SHARE, config_policy, pods_down_ppm, .fallback = "50%", .min = 1, .max = 1000000,
        .prose = "Rules 6 and 11: a service is down with more than this share of its instances."),
    ROW("database_failures", INTEGER, config_policy, database_failures, .fallback = "3", .min = 1, .max = 1000,
        .prose = "Rule 4: from this many failures of database-master in a row on, as each of a majority counts them."),
    ROW("rpo_limit", DURATION_MS, config_policy, rpo_limit_ms, .fallback = "60s", .min = MS(1), .max = HOURS(24),
        .prose = "Gate RPO_AT_RISK: from this replication lag of the target on a person is asked."),
    ROW("rpo_database_limit", DURATION_MS, config_policy, rpo_database_limit_ms, .fallback = "30s", .min = MS(1),
        .max = HOURS(24), .prose = "The same for DATABASE_MASTER_FAILURE."),
    ROW("flapping_transitions", INTEGER, config_policy, flapping_transitions, .fallback = "4", .min = 1, .max = 1000,
        .prose = "Gate FLAPPING: from this many changes of verdict in ten minutes on a person is asked."),
    ROW("target_capacity", DECIMAL, config_policy, target_capacity_ppm, .fallback = "1", .min = 0,
        .max = UINT64_C(1000000000),
        .prose = "Gate TARGET_CAPACITY: below this capacity of the target, divided by the demand, a person is asked; a "
                 "failover of confidence HIGH goes on with a warning."),
    END};
const struct config_schema_section config_schema_policy =
    SECTION("policy", config_policy, config_schema_policy_rows,
            .prose = "How decisions are made; every threshold is optional.");

static const struct config_schema_row config_schema_canary_rows[] = {
    ROW("share", SHARE, config_stage, share_ppm, .fallback = "10%", .min = 100, .max = 1000000,
        .prose = "How much of the traffic comes home, in steps of 0.01%."),
    ROW("hold", DURATION_MS, config_stage, hold_ms, .fallback = "30m", .min = MS(100), .max = HOURS(24),
        .prose = "For how long it is watched."),
    END};
static const struct config_schema_section config_schema_canary =
    SECTION("canary", config_stage, config_schema_canary_rows, .prose = "The first stage.");

static const struct config_schema_row config_schema_ramp_rows[] = {
    ROW("share", SHARE, config_stage, share_ppm, .fallback = "50%", .min = 100, .max = 1000000,
        .prose = "How much of the traffic comes home, in steps of 0.01%."),
    ROW("hold", DURATION_MS, config_stage, hold_ms, .fallback = "30m", .min = MS(100), .max = HOURS(24),
        .prose = "For how long it is watched."),
    END};
static const struct config_schema_section config_schema_ramp =
    SECTION("ramp", config_stage, config_schema_ramp_rows, .prose = "The second stage.");

static const struct config_schema_row config_schema_failback_rows[] = {
    ROW("approval", BOOLEAN, config_failback, approval, .fallback = "true",
        .prose = "Whether a person must approve it."),
    ROW("min_stable", DURATION_MS, config_failback, min_stable_ms, .fallback = "10m", .min = 0, .max = DAYS(7),
        .prose = "How long the original region must have been healthy."),
    ROW("canary", SECTION, config_failback, canary, .section = &config_schema_canary, .prose = "The first stage."),
    ROW("ramp", SECTION, config_failback, ramp, .section = &config_schema_ramp, .prose = "The second stage."),
    ROW("max_error_rate", SHARE, config_failback, max_error_ppm, .fallback = "2%", .min = 0, .max = 1000000,
        .prose = "An error rate above it in a stage aborts."),
    ROW("max_p95", DURATION_US, config_failback, max_p95_us, .fallback = "500ms", .min = MS(1), .max = MINUTES(5),
        .prose = "A 95th percentile of the response time above it in a stage aborts."),
    ROW("max_lag", DURATION_MS, config_failback, max_lag_ms, .fallback = "5s", .min = MS(1), .max = HOURS(24),
        .prose = "A replication lag above it refuses the start, and aborts in a stage."),
    ROW("min_requests", INTEGER, config_failback, min_requests, .fallback = "100", .min = 0, .max = 1000000000,
        .prose = "A stage does not end before this many requests were seen."),
    END};
const struct config_schema_section config_schema_failback =
    SECTION("failback", config_failback, config_schema_failback_rows, .prose = "How traffic comes home.");
