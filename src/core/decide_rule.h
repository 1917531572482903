/* SPDX-License-Identifier: Apache-2.0
 * The rules as rows: number, condition, answer, and one sentence why. One table per profile; the first row that holds
 * wins and the last one always holds. `holdfast decide --rules` prints them. */
#pragma once

#include "core/decide.h"

/* What the conditions look at: the snapshot and the counts that several of them need. */
struct decide_rule_case {
    const struct decide_snapshot *snapshot;
    const struct decide_thresholds *thresholds;
    uint32_t critical;
    uint32_t critical_failed;
    uint32_t critical_unknown;
    uint32_t layer1; /* critical checks of layer 1 */
    uint32_t layer1_failed;
    uint32_t failed; /* checks of any severity */
    int64_t pods_worst_ppm;
    int64_t pods_critical_ppm;           /* worst of the FAILED critical checks of layer 2; -1: none has failed */
    const struct decide_check *database; /* `database-master`, or NULL */
    const struct decide_check *response; /* `response-time`, or NULL */
};

struct decide_rule {
    uint32_t number; /* stable: it is journaled */
    bool (*holds)(const struct decide_rule_case *facts);
    enum decide_decision decision;
    enum decide_reason reason;
    enum decide_confidence confidence;
    uint32_t estimated_rto_s; /* 0: none */
    const char *condition;
    const char *why;
};

void decide_rule_case(const struct decide_snapshot *snapshot, const struct decide_thresholds *thresholds,
                      struct decide_rule_case *ret_facts);

/* The rows of a profile in order. */
const struct decide_rule *decide_rule_table(enum model_profile profile, uint32_t *ret_count);
