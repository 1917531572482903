/* SPDX-License-Identifier: Apache-2.0
 * Judging: what the engine knows about a region, as the snapshot that the decision tables want, and what follows from
 * the answer. */
#pragma once

#include "core/engine.h"

/* No decision yet: what reads one finds MONITOR, INSUFFICIENT_EVIDENCE, and `any` false. */
void judge_init(struct engine *engine);

/* Brings all verdicts and decisions up to date and says what changed. */
void judge_step(struct engine *engine, struct output *output);

/* Where a failover of `region` would go: the first backup that is fit, else the first; LIMITS_NONE when it has none. */
uint32_t judge_target(const struct engine *engine, uint32_t region);

/* The target's part of a snapshot for a move from `source`. */
void judge_target_state(const struct engine *engine, uint32_t source, uint32_t target,
                        struct decide_target *ret_target);

/* What the law says about a failover inside its region of the writer of `database`, when that is known to be gone by
 * other means than a check: rule 4 and the gates, with these observers. */
void judge_writer_gone(const struct engine *engine, uint32_t database, const struct decide_observers *observers,
                       struct decide_answer *ret_answer);

/* How many of the reporting observers satisfy this rule by their own verdicts. */
uint32_t judge_see_down(const struct engine *engine, uint32_t region, uint32_t rule);

/* Whether the region that a person or a rule wants to send traffic to is healthy in all four components. */
bool judge_fit(const struct engine *engine, uint32_t region);

/* The failback guard's "stable for": how long the region has been fit. */
int64_t judge_stable_ms(const struct engine *engine, uint32_t region);
