/* SPDX-License-Identifier: Apache-2.0
 * The failback guard's rows. */
#include "core/failback.h"

#include "base/assert.h"
#include "base/time.h"

struct failback_row {
    bool (*holds)(const struct failback_facts *facts, const struct failback_limits *limits);
    struct failback_answer answer;
};

struct failback_limits failback_limits_default(void)
{
    return (struct failback_limits){
        .hold_us = 1800LL * TIME_US_PER_S,
        .min_stable_us = 600LL * TIME_US_PER_S,
        .min_requests = 100,
        .max_error_ppm = 20000,
        .max_p95_ns = 500000000,
        .max_lag_us = 5LL * TIME_US_PER_S,
    };
}

static bool failback_operator(const struct failback_facts *facts, const struct failback_limits *limits)
{
    (void)limits;
    return facts->operator_abort;
}

static bool failback_unhealthy(const struct failback_facts *facts, const struct failback_limits *limits)
{
    (void)limits;
    return !facts->db || !facts->app || !facts->cache || !facts->queue;
}

static bool failback_unstable(const struct failback_facts *facts, const struct failback_limits *limits)
{
    return facts->stable_us < limits->min_stable_us;
}

static bool failback_lagging(const struct failback_facts *facts, const struct failback_limits *limits)
{
    return !facts->lag_known || facts->lag_us > limits->max_lag_us;
}

static bool failback_conflicts(const struct failback_facts *facts, const struct failback_limits *limits)
{
    (void)limits;
    return facts->tier1_conflicts > 0;
}

static bool failback_inconsistent(const struct failback_facts *facts, const struct failback_limits *limits)
{
    (void)limits;
    return !facts->consistent;
}

static bool failback_unapproved(const struct failback_facts *facts, const struct failback_limits *limits)
{
    (void)limits;
    return !facts->approved;
}

static bool failback_failing(const struct failback_facts *facts, const struct failback_limits *limits)
{
    return facts->error_rate_ppm > limits->max_error_ppm;
}

static bool failback_slow(const struct failback_facts *facts, const struct failback_limits *limits)
{
    return facts->p95_ns > limits->max_p95_ns;
}

static bool failback_holding(const struct failback_facts *facts, const struct failback_limits *limits)
{
    return facts->elapsed_us < limits->hold_us;
}

static bool failback_few(const struct failback_facts *facts, const struct failback_limits *limits)
{
    return facts->requests < limits->min_requests;
}

static bool failback_always(const struct failback_facts *facts, const struct failback_limits *limits)
{
    (void)facts;
    (void)limits;
    return true;
}

static const struct failback_row failback_standard_precheck[] = {
    {failback_operator, {FAILBACK_ABORT, FAILBACK_OPERATOR}},
    {failback_unhealthy, {FAILBACK_REFUSE, FAILBACK_ORIGINAL_UNHEALTHY}},
    {failback_unstable, {FAILBACK_REFUSE, FAILBACK_NOT_STABLE_LONG_ENOUGH}},
    {failback_lagging, {FAILBACK_REFUSE, FAILBACK_REPLICATION_LAG}},
    {failback_conflicts, {FAILBACK_REFUSE, FAILBACK_TIER1_CONFLICTS_OPEN}},
    {failback_inconsistent, {FAILBACK_REFUSE, FAILBACK_INCONSISTENT}},
    {failback_unapproved, {FAILBACK_REFUSE, FAILBACK_WAITING_APPROVAL}},
    {failback_always, {FAILBACK_START, FAILBACK_OK}},
};

static const struct failback_row failback_standard_canary[] = {
    {failback_operator, {FAILBACK_ABORT, FAILBACK_OPERATOR}},
    {failback_unhealthy, {FAILBACK_ABORT, FAILBACK_ORIGINAL_UNHEALTHY}},
    {failback_failing, {FAILBACK_ABORT, FAILBACK_ERROR_RATE}},
    {failback_slow, {FAILBACK_ABORT, FAILBACK_LATENCY}},
    {failback_lagging, {FAILBACK_ABORT, FAILBACK_REPLICATION_LAG}},
    {failback_holding, {FAILBACK_CONTINUE, FAILBACK_HOLDING}},
    {failback_few, {FAILBACK_CONTINUE, FAILBACK_TOO_FEW_REQUESTS}},
    {failback_always, {FAILBACK_PROCEED, FAILBACK_OK}},
};

static const struct failback_row failback_adr_precheck[] = {
    {failback_lagging, {FAILBACK_REFUSE, FAILBACK_REPLICATION_LAG}},
    {failback_inconsistent, {FAILBACK_REFUSE, FAILBACK_INCONSISTENT}},
    {failback_always, {FAILBACK_START, FAILBACK_OK}},
};

static const struct failback_row failback_adr_canary[] = {
    {failback_failing, {FAILBACK_ABORT, FAILBACK_ERROR_RATE}},
    {failback_slow, {FAILBACK_ABORT, FAILBACK_LATENCY}},
    {failback_holding, {FAILBACK_CONTINUE, FAILBACK_HOLDING}},
    {failback_always, {FAILBACK_PROCEED, FAILBACK_OK}},
};

struct failback_answer failback_evaluate(const struct failback_facts *facts, const struct failback_limits *limits,
                                         enum model_profile profile)
{
    const bool precheck = facts->phase == FAILBACK_PRECHECK;
    const struct failback_row *row = precheck ? failback_standard_precheck : failback_standard_canary;
    if (profile == MODEL_ADR_039) {
        row = precheck ? failback_adr_precheck : failback_adr_canary;
    }
    while (!row->holds(facts, limits)) { /* the last row of each table always holds */
        row++;
    }
    return row->answer;
}

const char *failback_action_name(enum failback_action action)
{
    static const char *const names[] = {"START", "REFUSE", "CONTINUE", "PROCEED", "ABORT"};
    ASSERT((uint32_t)action < sizeof names / sizeof names[0]);
    return names[action];
}

const char *failback_reason_name(enum failback_reason reason)
{
    static const char *const names[FAILBACK_REASONS] = {"OK",
                                                        "OPERATOR",
                                                        "ORIGINAL_UNHEALTHY",
                                                        "NOT_STABLE_LONG_ENOUGH",
                                                        "REPLICATION_LAG",
                                                        "TIER1_CONFLICTS_OPEN",
                                                        "INCONSISTENT",
                                                        "WAITING_APPROVAL",
                                                        "ERROR_RATE",
                                                        "LATENCY",
                                                        "HOLDING",
                                                        "TOO_FEW_REQUESTS"};
    ASSERT((uint32_t)reason < FAILBACK_REASONS);
    return names[reason];
}
