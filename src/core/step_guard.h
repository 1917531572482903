/* SPDX-License-Identifier: Apache-2.0
 * The failback guard (core/failback.h) fed from the engine's state. */
#pragma once

#include "core/failback.h"
#include "core/step.h"

/* The pre-check. `measured`: also ask for the comparison and the approval; without it both count as given. */
enum step_verdict step_guard_precheck(struct engine *engine, struct output *output, bool measured);

/* The guard over the canary's or the ramp's hold. */
enum step_verdict step_guard_hold(struct engine *engine, struct output *output, enum failback_phase phase);
