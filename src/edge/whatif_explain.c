/* SPDX-License-Identifier: Apache-2.0
 * --explain: the rule's sentence, the gate, the distance to each trigger, the counterfactual. */
#include "core/decide_gate.h"
#include "core/decide_rule.h"
#include "core/explain.h"
#include "edge/whatif_kind.h"

static const double whatif_explain_million = 1e6;

static json_t *whatif_explain_figure(enum explain_unit unit, int64_t value)
{
    return unit == EXPLAIN_COUNT ? json_integer(value) : json_real((double)value / whatif_explain_million);
}

static json_t *whatif_explain_distance(const struct explain_distance *distance)
{
    static const char *const units[] = {"checks", "ratio", "seconds", "milliseconds"};
    const int64_t left = distance->reached ? 0 : distance->bound - distance->value;
    const char *unit = distance->unit == EXPLAIN_COUNT ? "count" : units[distance->unit];
    return json_pack("{s:i,s:s,s:s,s:o,s:s,s:o,s:o,s:b}", "rule", (int)distance->rule, "trigger", distance->trigger,
                     "unit", unit, "value", whatif_explain_figure(distance->unit, distance->value), "needs",
                     distance->above ? "more than" : "at least", "bound",
                     whatif_explain_figure(distance->unit, distance->bound), "distance",
                     whatif_explain_figure(distance->unit, left), "reached", (int)distance->reached);
}

json_t *whatif_explain_distances(const struct whatif_options *options, const struct decide_snapshot *snapshot)
{
    struct explain_distance distances[EXPLAIN_DISTANCES];
    const uint32_t count = explain_distances(snapshot, &options->thresholds, options->profile, distances);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        json_array_append_new(list, whatif_explain_distance(&distances[i]));
    }
    return list;
}

static json_t *whatif_explain_variations(const struct whatif_options *options, const struct decide_snapshot *snapshot)
{
    struct explain_variation variations[EXPLAIN_VARIATIONS];
    const uint32_t count = explain_variations(snapshot, &options->thresholds, options->profile, variations);
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        const struct decide_answer *answer = &variations[i].answer;
        const bool gated = answer->gate != DECIDE_GATE_NONE;
        json_array_append_new(list, json_pack("{s:s,s:s,s:s,s:o}", "change", variations[i].change, "decision",
                                              decide_decision_name(answer->decision), "reason",
                                              decide_reason_name(answer->reason), "gate",
                                              gated ? json_string(decide_gate_name(answer->gate)) : json_null()));
    }
    return list;
}

static json_t *whatif_explain_gate(enum decide_gate gate)
{
    uint32_t count;
    const struct decide_gate_row *rows = decide_gate_table(&count);
    if (gate == DECIDE_GATE_NONE) {
        return json_null();
    }
    const struct decide_gate_row *row = &rows[gate - 1];
    return json_pack("{s:i,s:s,s:s,s:s}", "number", (int)gate, "name", decide_gate_name(gate), "condition",
                     row->condition, "why", row->why);
}

json_t *whatif_explain(const struct whatif_options *options, const struct decide_snapshot *snapshot,
                       const struct decide_answer *answer)
{
    uint32_t count;
    const struct decide_rule *rule = &decide_rule_table(options->profile, &count)[answer->rule - 1];
    return json_pack("{s:i,s:s,s:s,s:o,s:o,s:o}", "rule", (int)rule->number, "condition", rule->condition, "why",
                     rule->why, "gate", whatif_explain_gate(answer->gate), "distances",
                     whatif_explain_distances(options, snapshot), "counterfactual",
                     whatif_explain_variations(options, snapshot));
}
