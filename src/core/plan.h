/* SPDX-License-Identifier: Apache-2.0
 * Plans: what a failover, switchover or failback does, as data. core/run.h walks them.
 *
 * A plan is a row of steps. A step has a deadline and, when it changes the world, what undoes it; every step is safe to
 * do twice. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

enum plan_kind {
    PLAN_FAILOVER,         /* ungraceful: the source is lost */
    PLAN_FAILOVER_LOCAL,   /* ungraceful, inside the region: only the database moves */
    PLAN_SWITCHOVER,       /* graceful */
    PLAN_FAILBACK,         /* graceful and gradual, with the guard */
    PLAN_FAILBACK_NOW,     /* failback --mode emergency: no canary; fence and ledger as ever */
    PLAN_SWITCHOVER_LOCAL, /* graceful, inside the region: only the database moves */
    PLAN_COUNT             /* in journals by number: append only */
};

/* X(name, deadline in ms, needs a database, undo, what it does) - in journals by number: append only. */
#define PLAN_STEP_TABLE(X)                                                                                             \
    X(EVIDENCE, 1000, false, false, "record the evidence that led here")                                               \
    X(APPROVAL, 86400000, false, false, "wait for a person's approval")                                                \
    X(VALIDATE, 5000, false, false, "validate the target: database, application, cache, queue, lag, capacity")         \
    X(FENCE, 60000, true, true, "revoke the writer's lease, close its route, wait for the proof that it is dead")      \
    X(PROMOTE, 60000, true, false, "promote the target under the new epoch")                                           \
    X(PROVE, 20000, true, false, "commit a row that carries the new epoch")                                            \
    X(ROUTE_SQL, 3000, true, false, "publish the writer to the SQL proxies")                                           \
    X(ROUTE_BALANCERS, 5000, false, true, "set the load balancers' weights")                                           \
    X(ROUTE_DNS, 3000, false, true, "publish the split to the DNS servers")                                            \
    X(VERIFY, 30000, false, false, "prove with synthetic probes through each data plane that traffic has moved")       \
    X(LEDGER, 1000, true, false, "record where the old writer ended")                                                  \
    X(CHECKPOINT, 60000, true, false, "checkpoint the source, so that its stop is short")                              \
    X(HOLD, 3000, true, true, "hold sessions at their transaction boundaries")                                         \
    X(STOP, 60000, true, true, "stop the source cleanly")                                                              \
    X(CATCH_UP, 30000, true, false, "the target has replayed the source's shutdown checkpoint")                        \
    X(GUARD, 10000, false, false, "failback guard: the original is healthy, stable and close behind")                  \
    X(COMPARE, 60000, true, false, "compare both regions row by row at one position")                                  \
    X(CANARY, 86400000, false, true, "send the canary's share to the original and hold")                               \
    X(RAMP, 86400000, false, true, "send the ramp's share to the original and hold")                                   \
    X(SHIFT_25, 3000, false, true, "a quarter of the traffic")                                                         \
    X(SHIFT_50, 3000, false, true, "half of the traffic")                                                              \
    X(SHIFT_75, 3000, false, true, "three quarters of the traffic")                                                    \
    X(SHIFT_ALL, 3000, false, true, "all of the traffic")                                                              \
    X(CLOSE, 1000, false, false, "clean up and close the run")                                                         \
    X(REJOIN, 60000, true, false, "the source follows the new writer as a standby")                                    \
    X(LOWER_TTL, 3700000, false, false, "lower the TTL of answers, wait until the old ones have run out")

enum plan_step {
#define PLAN_ENUM(name, deadline, database, undo, what) PLAN_##name,
    PLAN_STEP_TABLE(PLAN_ENUM)
#undef PLAN_ENUM
        PLAN_STEP_COUNT
};

enum {
    PLAN_STEPS_MAX = 20,
};

struct plan_step_row {
    const char *name;
    uint32_t deadline_ms;
    bool database; /* left out when the source holds no writer */
    bool undo;     /* has something to undo */
    const char *what;
};

struct plan {
    const char *name;
    uint32_t count;
    enum plan_step steps[PLAN_STEPS_MAX];
};

const struct plan *plan_of(enum plan_kind kind);

/* Stops the source cleanly, so that nothing can be lost. */
bool plan_graceful(enum plan_kind kind);

/* Stays inside the region: only the database moves. */
bool plan_local(enum plan_kind kind);

/* Brings a region's clients home. */
bool plan_homeward(enum plan_kind kind);

const struct plan_step_row *plan_step_of(enum plan_step step);
