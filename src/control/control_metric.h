/* SPDX-License-Identifier: Apache-2.0
 * What the decision loop counts for Prometheus: evaluations, runs that ended with the time of each phase, probes.
 *
 * control_metric_step belongs to the decision thread and is called with each output of engine_step;
 * control_metric_probe may be called from any thread. Both write to the registry of edge/metric.h. */
#pragma once

#include "core/engine.h"
#include "edge/probe.h"

struct control_metric {
    struct mono told; /* when they were last handed over */
};

void control_metric_step(struct control_metric *metric, const struct engine *engine, const struct output *output);

/* One probe that ended. `probe` is an index of the model. */
void control_metric_probe(const struct model *model, uint32_t probe, const struct probe_result *result);

/* The phase that a step counts to, in a failover or a failback; NULL: none. */
const char *control_metric_phase(enum plan_step step);
