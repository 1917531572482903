/* SPDX-License-Identifier: Apache-2.0
 * What every duty of the engine may say: a trace, that the durable part has changed, whether a run is on. */
#include <string.h>

#include "core/engine.h"

struct trace *engine_trace(struct engine *engine, struct output *output, enum trace_kind kind)
{
    if (output->traces_count == ENGINE_TRACES) {
        output->traces_lost++;
        output->traces_count--; /* the newest is worth more than the one before */
    }
    struct trace *trace = &output->traces[output->traces_count++];
    memset(trace, 0, sizeof *trace);
    trace->kind = kind;
    trace->at = engine->now;
    trace->wall = engine->wall;
    trace->run = engine->durable.run.id;
    return trace;
}

void engine_persist(struct engine *engine, struct output *output)
{
    (void)engine;
    output->persist = true;
}

bool engine_busy(const struct engine *engine)
{
    return engine->durable.run.state != DURABLE_RUN_NONE;
}
