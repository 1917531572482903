/* SPDX-License-Identifier: Apache-2.0
 * The failback guard: may a failback start, may its canary go on, may its next phase begin.
 *
 * Rules are rows per profile and phase, the first that holds wins. Values in, values out; any thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/model.h"

enum failback_phase { FAILBACK_PRECHECK, FAILBACK_CANARY, FAILBACK_RAMP50 };

enum failback_action { FAILBACK_START, FAILBACK_REFUSE, FAILBACK_CONTINUE, FAILBACK_PROCEED, FAILBACK_ABORT };

enum failback_reason {
    FAILBACK_OK,
    FAILBACK_OPERATOR,
    FAILBACK_ORIGINAL_UNHEALTHY,
    FAILBACK_NOT_STABLE_LONG_ENOUGH,
    FAILBACK_REPLICATION_LAG,
    FAILBACK_TIER1_CONFLICTS_OPEN,
    FAILBACK_INCONSISTENT,
    FAILBACK_WAITING_APPROVAL,
    FAILBACK_ERROR_RATE,
    FAILBACK_LATENCY,
    FAILBACK_HOLDING,
    FAILBACK_TOO_FEW_REQUESTS,
    FAILBACK_REASONS
};

/* Units as in core/decide.h: seconds are microseconds, milliseconds nanoseconds, ratios ppm. */
struct failback_facts {
    enum failback_phase phase;
    bool db; /* of the original region */
    bool app;
    bool cache;
    bool queue;
    int64_t stable_us;
    bool lag_known;
    int64_t lag_us;
    int64_t tier1_conflicts;
    bool consistent;
    bool approved;
    bool operator_abort;
    int64_t error_rate_ppm; /* of the canary's clients */
    int64_t p95_ns;
    int64_t requests;
    int64_t elapsed_us; /* in this phase */
};

struct failback_limits {
    int64_t hold_us;
    int64_t min_stable_us;
    int64_t min_requests;
    int64_t max_error_ppm;
    int64_t max_p95_ns;
    int64_t max_lag_us;
};

struct failback_answer {
    enum failback_action action;
    enum failback_reason reason;
};

/* hold 30 min, stable 10 min, 100 requests, 2 %, 500 ms, 5 s. */
struct failback_limits failback_limits_default(void);

/* Cannot fail. An unknown lag counts as too much. */
struct failback_answer failback_evaluate(const struct failback_facts *facts, const struct failback_limits *limits,
                                         enum model_profile profile);

const char *failback_action_name(enum failback_action action);
const char *failback_reason_name(enum failback_reason reason);
