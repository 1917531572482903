/* SPDX-License-Identifier: Apache-2.0
 * The gates as rows: what holds an automatic failover of the standard profile back. The first row that holds wins. */
#pragma once

#include "core/decide_rule.h"

struct decide_gate_row {
    enum decide_gate gate;
    bool (*holds)(const struct decide_rule_case *facts, const struct decide_rule *rule);
    enum decide_decision decision;
    bool renames; /* the reason becomes NETWORK_PARTITION, the confidence MEDIUM */
    const char *condition;
    const char *why;
};

const struct decide_gate_row *decide_gate_table(uint32_t *ret_count);
