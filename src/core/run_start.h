/* SPDX-License-Identifier: Apache-2.0
 * What a run starts with; for the files of the core that start one. */
#pragma once

#include "core/engine.h"
#include "core/plan.h"

struct run_start {
    enum plan_kind plan;
    uint32_t source; /* regions */
    uint32_t target;
    uint32_t database; /* the only one that moves; LIMITS_NONE: all whose writer the source holds */
    bool automatic;
    bool approved;
    bool accept_loss;
    uint32_t reason;
    uint32_t rule;        /* 0: by no rule, by an agent's word */
    struct mono evidence; /* when the trouble began; us 0: not known */
    const char *text;
    const char *who;
};

/* There is no other run, or one that yields. */
void run_start_begin(struct engine *engine, struct output *output, const struct run_start *start);
