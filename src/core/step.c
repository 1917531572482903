/* SPDX-License-Identifier: Apache-2.0
 * Steps: from the plan's words to the functions that do them. */
#include "core/step.h"

#include <string.h>

#include "base/assert.h"

typedef enum step_verdict (*step_function)(struct engine *engine, struct output *output);

static enum step_verdict step_shift_25(struct engine *engine, struct output *output)
{
    return step_traffic_shift(engine, output, 25);
}

static enum step_verdict step_shift_50(struct engine *engine, struct output *output)
{
    return step_traffic_shift(engine, output, 50);
}

static enum step_verdict step_shift_75(struct engine *engine, struct output *output)
{
    return step_traffic_shift(engine, output, 75);
}

static enum step_verdict step_shift_all(struct engine *engine, struct output *output)
{
    return step_traffic_shift(engine, output, 100);
}

struct step_row {
    step_function poll;
    step_function undo; /* NULL: nothing to undo */
    enum step_verdict late;
};

static const struct step_row step_rows[PLAN_STEP_COUNT] = {
    [PLAN_EVIDENCE] = {step_gate_evidence, NULL, STEP_FAILED},
    [PLAN_APPROVAL] = {step_gate_approval, NULL, STEP_FAILED},
    [PLAN_VALIDATE] = {step_gate_validate, NULL, STEP_FAILED},
    [PLAN_FENCE] = {step_writer_fence, step_writer_restore, STEP_FAILED},
    [PLAN_PROMOTE] = {step_writer_promote, NULL, STEP_FAILED},
    [PLAN_PROVE] = {step_writer_prove, NULL, STEP_FAILED},
    [PLAN_ROUTE_SQL] = {step_writer_route, NULL, STEP_UNPROVEN},
    [PLAN_ROUTE_BALANCERS] = {step_traffic_balance, step_traffic_back, STEP_UNPROVEN},
    [PLAN_ROUTE_DNS] = {step_traffic_names, step_traffic_back, STEP_UNPROVEN},
    [PLAN_VERIFY] = {step_traffic_verify, NULL, STEP_UNPROVEN},
    [PLAN_LEDGER] = {step_gate_ledger, NULL, STEP_FAILED},
    [PLAN_CHECKPOINT] = {step_writer_checkpoint, NULL, STEP_FAILED},
    [PLAN_HOLD] = {step_writer_hold, step_writer_release, STEP_UNPROVEN},
    [PLAN_STOP] = {step_writer_stop, step_writer_restore, STEP_FAILED},
    [PLAN_CATCH_UP] = {step_writer_catch_up, NULL, STEP_FAILED},
    [PLAN_GUARD] = {step_gate_guard, NULL, STEP_FAILED},
    [PLAN_COMPARE] = {step_gate_compare, NULL, STEP_FAILED},
    [PLAN_CANARY] = {step_traffic_canary, step_traffic_back, STEP_FAILED},
    [PLAN_RAMP] = {step_traffic_ramp, step_traffic_back, STEP_FAILED},
    [PLAN_SHIFT_25] = {step_shift_25, step_traffic_back, STEP_UNPROVEN},
    [PLAN_SHIFT_50] = {step_shift_50, step_traffic_back, STEP_UNPROVEN},
    [PLAN_SHIFT_75] = {step_shift_75, step_traffic_back, STEP_UNPROVEN},
    [PLAN_SHIFT_ALL] = {step_shift_all, step_traffic_back, STEP_UNPROVEN},
    [PLAN_REJOIN] = {step_writer_rejoin, NULL, STEP_UNPROVEN},
    [PLAN_CLOSE] = {step_gate_close, NULL, STEP_FAILED},
    [PLAN_LOWER_TTL] = {step_traffic_lower, NULL, STEP_UNPROVEN},
};

enum step_verdict step_poll(struct engine *engine, struct output *output, enum plan_step step)
{
    ASSERT((unsigned)step < PLAN_STEP_COUNT);
    return step_rows[step].poll(engine, output);
}

enum step_verdict step_undo(struct engine *engine, struct output *output, enum plan_step step)
{
    ASSERT((unsigned)step < PLAN_STEP_COUNT);
    ASSERT((step_rows[step].undo != NULL) == plan_step_of(step)->undo);
    return step_rows[step].undo == NULL ? STEP_DONE : step_rows[step].undo(engine, output);
}

enum step_verdict step_late(enum plan_step step)
{
    ASSERT((unsigned)step < PLAN_STEP_COUNT);
    return step_rows[step].late;
}
