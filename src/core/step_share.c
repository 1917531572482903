/* SPDX-License-Identifier: Apache-2.0
 * What the steps share: the present row, its words, and whether the readers have followed. */
#include <stdarg.h>

#include "base/assert.h"
#include "base/buf.h"
#include "core/step.h"

enum {
    STEP_SETTLING_MS = 4000, /* agents and observers report at least each second, slow checks each few */
};

struct durable_step *step_present(struct engine *engine)
{
    struct durable_run *run = &engine->durable.run;
    ASSERT(run->at < run->steps_count);
    return &run->steps[run->at];
}

void step_detail(struct engine *engine, const char *format, ...)
{
    struct durable_step *step = step_present(engine);
    struct buf buf;
    va_list arguments;
    buf_init(&buf, step->detail, sizeof step->detail);
    va_start(arguments, format);
    buf_vprintf(&buf, format, arguments);
    va_end(arguments);
}

static bool step_reads(const struct model_site *site, enum event_reader_kind kind)
{
    return kind == EVENT_READER_DNS ? site->dns : kind == EVENT_READER_PROXY ? site->proxy : site->relays;
}

bool step_readers(struct engine *engine, enum event_reader_kind kind, uint64_t version)
{
    uint32_t acked = 0;
    uint32_t waiting = 0;
    uint32_t unreachable = 0;
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        const struct model_site *model = &engine->model.sites[site];
        if (!step_reads(model, kind)) {
            continue;
        }
        const enum engine_hearing hears = engine_hears(engine, site, kind);
        if (hears == ENGINE_HEARS_NOTHING) {
            unreachable++;
        } else if (hears == ENGINE_HEARS && engine->readers[site][kind].version >= version) {
            acked++;
        } else {
            waiting++;
        }
    }
    step_detail(engine, "view %llu: %u readers acknowledged, %u waited for, %u unreachable",
                (unsigned long long)version, acked, waiting, unreachable);
    return waiting == 0;
}

bool step_settling(const struct engine *engine)
{
    return time_since_ms(engine->now, engine->started) < STEP_SETTLING_MS;
}

void step_publish(struct engine *engine, struct output *output)
{
    engine_persist(engine, output);
    engine->view_dirty = true;
    engine->run.version = 0;
    engine->run.publishing = true;
}
