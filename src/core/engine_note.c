/* SPDX-License-Identifier: Apache-2.0
 * What every duty of the engine may say and ask: a trace, that the durable part has changed, whether a run is on, how
 * far a node is, whether a reader is heard. */
#include <string.h>

#include "base/assert.h"
#include "core/engine.h"

enum {
    ENGINE_NOTE_SILENT_MS = 2000, /* readers are announced each second: two in a row are missing */
};

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

uint64_t engine_position(const struct engine *engine, uint32_t node)
{
    ASSERT(node < LIMITS_NODES);
    const struct event_node *report = &engine->nodes[node].report;
    return report->received.position > report->replayed.position ? report->received.position
                                                                 : report->replayed.position;
}

enum engine_hearing engine_hears(const struct engine *engine, uint32_t site, enum event_reader_kind kind)
{
    ASSERT(site < LIMITS_SITES && (unsigned)kind < ENGINE_READER_KINDS);
    const struct engine_reader *reader = &engine->readers[site][kind];
    if (!reader->any) {
        return time_since_ms(engine->now, engine->started) < ENGINE_NOTE_SILENT_MS ? ENGINE_HEARS_NOT_YET
                                                                                   : ENGINE_HEARS_NOTHING;
    }
    return time_since_ms(engine->now, reader->at) <= ENGINE_NOTE_SILENT_MS ? ENGINE_HEARS : ENGINE_HEARS_NOTHING;
}
