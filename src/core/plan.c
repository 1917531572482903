/* SPDX-License-Identifier: Apache-2.0
 * Plans: the tables. */
#include "core/plan.h"

#include "base/assert.h"

static const struct plan_step_row plan_steps[PLAN_STEP_COUNT] = {
#define PLAN_ROW(name, deadline, database, undo, what) [PLAN_##name] = {#name, deadline, database, undo, what},
    PLAN_STEP_TABLE(PLAN_ROW)
#undef PLAN_ROW
};

static const struct plan plan_rows[PLAN_COUNT] = {
    [PLAN_FAILOVER] = {"failover",
                       12,
                       {PLAN_EVIDENCE, PLAN_APPROVAL, PLAN_VALIDATE, PLAN_FENCE, PLAN_PROMOTE, PLAN_PROVE,
                        PLAN_ROUTE_SQL, PLAN_ROUTE_BALANCERS, PLAN_ROUTE_DNS, PLAN_VERIFY, PLAN_LEDGER, PLAN_CLOSE}},
    [PLAN_FAILOVER_LOCAL] = {"failover-local",
                             10,
                             {PLAN_EVIDENCE, PLAN_APPROVAL, PLAN_VALIDATE, PLAN_FENCE, PLAN_PROMOTE, PLAN_PROVE,
                              PLAN_ROUTE_SQL, PLAN_VERIFY, PLAN_LEDGER, PLAN_CLOSE}},
    [PLAN_SWITCHOVER] = {"switchover",
                         16,
                         {PLAN_LOWER_TTL, PLAN_VALIDATE, PLAN_CHECKPOINT, PLAN_HOLD, PLAN_STOP, PLAN_CATCH_UP,
                          PLAN_PROMOTE, PLAN_PROVE, PLAN_ROUTE_SQL, PLAN_REJOIN, PLAN_SHIFT_25, PLAN_SHIFT_50,
                          PLAN_SHIFT_75, PLAN_SHIFT_ALL, PLAN_VERIFY, PLAN_CLOSE}},
    [PLAN_FAILBACK] = {"failback",
                       17,
                       {PLAN_GUARD, PLAN_COMPARE, PLAN_APPROVAL, PLAN_LOWER_TTL, PLAN_CANARY, PLAN_RAMP,
                        PLAN_CHECKPOINT, PLAN_HOLD, PLAN_STOP, PLAN_CATCH_UP, PLAN_PROMOTE, PLAN_PROVE, PLAN_ROUTE_SQL,
                        PLAN_SHIFT_ALL, PLAN_VERIFY, PLAN_REJOIN, PLAN_CLOSE}},
    [PLAN_FAILBACK_NOW] = {"failback-emergency",
                           11,
                           {PLAN_APPROVAL, PLAN_VALIDATE, PLAN_FENCE, PLAN_PROMOTE, PLAN_PROVE, PLAN_ROUTE_SQL,
                            PLAN_ROUTE_BALANCERS, PLAN_ROUTE_DNS, PLAN_VERIFY, PLAN_LEDGER, PLAN_CLOSE}},
    [PLAN_SWITCHOVER_LOCAL] = {"switchover-local",
                               10,
                               {PLAN_VALIDATE, PLAN_CHECKPOINT, PLAN_HOLD, PLAN_STOP, PLAN_CATCH_UP, PLAN_PROMOTE,
                                PLAN_PROVE, PLAN_ROUTE_SQL, PLAN_REJOIN, PLAN_CLOSE}},
};

const struct plan *plan_of(enum plan_kind kind)
{
    ASSERT((unsigned)kind < PLAN_COUNT);
    const struct plan *plan = &plan_rows[kind];
    ASSERT(plan->count <= PLAN_STEPS_MAX && plan->steps[plan->count - 1] == PLAN_CLOSE);
    return plan;
}

const struct plan_step_row *plan_step_of(enum plan_step step)
{
    ASSERT((unsigned)step < PLAN_STEP_COUNT);
    return &plan_steps[step];
}

bool plan_graceful(enum plan_kind kind)
{
    return kind == PLAN_SWITCHOVER || kind == PLAN_SWITCHOVER_LOCAL || kind == PLAN_FAILBACK;
}

bool plan_local(enum plan_kind kind)
{
    return kind == PLAN_FAILOVER_LOCAL || kind == PLAN_SWITCHOVER_LOCAL;
}

bool plan_homeward(enum plan_kind kind)
{
    return kind == PLAN_FAILBACK || kind == PLAN_FAILBACK_NOW;
}
