/* SPDX-License-Identifier: Apache-2.0
 * Why a decision came out as it did: how far each trigger is, and what would have changed the answer.
 *
 * The evidence behind `holdfast decide --explain` and `holdfast explain`. Values in, values out; any thread. */
#pragma once

#include "core/decide.h"

enum { EXPLAIN_DISTANCES = 12, EXPLAIN_VARIATIONS = 8 };

/* How a figure is shown to people: counts as they are, the others divided by 1,000,000. */
enum explain_unit { EXPLAIN_COUNT, EXPLAIN_RATIO, EXPLAIN_SECONDS, EXPLAIN_MILLISECONDS };

struct explain_distance {
    uint32_t rule; /* the row whose trigger this is */
    const char *trigger;
    enum explain_unit unit;
    bool above; /* the trigger needs more than the bound, not just the bound */
    int64_t value;
    int64_t bound;
    bool reached;
};

/* One change of the snapshot and the answer it would get. */
struct explain_variation {
    const char *change; /* "if ..." */
    struct decide_answer answer;
};

/* Every trigger of the profile, in the order of its rules. Returns how many. */
uint32_t explain_distances(const struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds,
                           enum model_profile profile, struct explain_distance ret_distances[EXPLAIN_DISTANCES]);

/* The changes that would have given another decision. Returns how many. */
uint32_t explain_variations(const struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds,
                            enum model_profile profile, struct explain_variation ret_variations[EXPLAIN_VARIATIONS]);
