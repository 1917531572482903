/* SPDX-License-Identifier: Apache-2.0
 * The cap of max_lag. */
#include "core/cap.h"

#include "base/assert.h"
#include "base/text.h"

enum {
    CAP_HOLD_MS = 3000, /* at the most; proxies give up a hold by themselves after 30 s */
    CAP_REST_MS = 1000,
    CAP_LEAST_MS = 100,   /* between two samples */
    CAP_ALONE_MS = 10000, /* without a standby that streams: the cap is told to be none */
    CAP_BACK_PARTS = 5,   /* one of these below max_lag it is over */
};

/* The samples cover twice the limit. */
static int64_t cap_spacing_ms(const struct engine *engine, uint32_t database)
{
    const int64_t spacing = 2 * (int64_t)engine->model.databases[database].max_lag_ms / ENGINE_CAP_SAMPLES;
    return spacing > CAP_LEAST_MS ? spacing : CAP_LEAST_MS;
}

static void cap_sample(struct engine *engine, uint32_t database)
{
    struct engine_cap *cap = &engine->caps[database];
    const struct engine_node *writer = &engine->nodes[engine->durable.databases[database].writer];
    const uint32_t last = (cap->next + ENGINE_CAP_SAMPLES - 1) % ENGINE_CAP_SAMPLES;
    const uint64_t written = writer->report.written.position;
    if (cap->count > 0 && (time_since_ms(writer->at, cap->samples[last].at) < cap_spacing_ms(engine, database) ||
                           written <= cap->samples[last].position)) {
        return;
    }
    cap->samples[cap->next] = (struct engine_cap_sample){writer->at, written};
    cap->next = (cap->next + 1) % ENGINE_CAP_SAMPLES;
    cap->count = cap->count < ENGINE_CAP_SAMPLES ? cap->count + 1 : cap->count;
}

/* How old the oldest log was that the node had not received, when it said how far it was. */
static int64_t cap_behind_ms(const struct engine *engine, uint32_t database, const struct engine_node *standby)
{
    const struct engine_cap *cap = &engine->caps[database];
    for (uint32_t i = cap->count; i > 0; i--) {
        const struct engine_cap_sample *sample =
            &cap->samples[(cap->next + ENGINE_CAP_SAMPLES - i) % ENGINE_CAP_SAMPLES];
        if (sample->position > standby->report.received.position) {
            const int64_t ms = time_since_ms(standby->at, sample->at);
            return ms > 0 ? ms : 0;
        }
    }
    return 0;
}

/* Of those that stream from the present writer; false: none does. */
static bool cap_freshest(const struct engine *engine, uint32_t database, uint32_t *ret_node, int64_t *ret_ms)
{
    bool any = false;
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        const struct engine_node *entry = &engine->nodes[node];
        if (engine->model.nodes[node].database != database || !entry->alive || !entry->report.running ||
            entry->report.role != VIEW_NODE_STANDBY || !entry->report.receiving ||
            entry->report.epoch < engine->durable.databases[database].routed_epoch) {
            continue;
        }
        const int64_t ms = cap_behind_ms(engine, database, entry);
        if (!any || ms < *ret_ms) {
            *ret_node = node;
            *ret_ms = ms;
        }
        any = true;
    }
    return any;
}

static void cap_hold(struct engine *engine, uint32_t database, bool holding)
{
    struct engine_cap *cap = &engine->caps[database];
    if (cap->holding != holding) {
        cap->holding = holding;
        cap->turned = engine->now;
        engine->view_dirty = true;
    }
}

static void cap_say(struct engine *engine, struct output *output, enum trace_kind kind, uint32_t database,
                    const char *text)
{
    struct trace *trace = engine_trace(engine, output, kind);
    trace->database = database;
    trace->m = engine->model.databases[database].max_lag_ms;
    text_copy(trace->text, sizeof trace->text, text);
}

/* The time of too much lag is over, or nothing can be kept. */
static void cap_end(struct engine *engine, struct output *output, uint32_t database, const char *why)
{
    cap_hold(engine, database, false);
    if (engine->caps[database].above) {
        engine->caps[database].above = false;
        cap_say(engine, output, TRACE_LAG_RELEASED, database, why);
    }
}

/* Nobody streams: said after a while, once. */
static void cap_alone(struct engine *engine, struct output *output, uint32_t database)
{
    struct engine_cap *cap = &engine->caps[database];
    cap_end(engine, output, database, "no standby streams: the cap needs one");
    if (!cap->alone && time_since_ms(engine->now, cap->streamed) >= CAP_ALONE_MS) {
        cap->alone = true;
        cap_say(engine, output, TRACE_LAG_ALONE, database, "");
    }
}

static void cap_keep(struct engine *engine, struct output *output, uint32_t database, uint32_t node, int64_t ms)
{
    struct engine_cap *cap = &engine->caps[database];
    const int64_t limit_ms = engine->model.databases[database].max_lag_ms;
    cap->alone = false;
    cap->streamed = engine->now;
    if (ms <= limit_ms - limit_ms / CAP_BACK_PARTS) {
        cap_end(engine, output, database, "the standby has caught up");
        return;
    }
    if (!cap->above && ms > limit_ms) {
        cap->above = true;
        cap_say(engine, output, TRACE_LAG_HELD, database, engine->model.nodes[node].name);
        cap_hold(engine, database, true);
        return;
    }
    const int64_t turn_ms = cap->holding ? CAP_HOLD_MS : CAP_REST_MS;
    if (cap->above && time_since_ms(engine->now, cap->turned) >= turn_ms) {
        cap_hold(engine, database, !cap->holding);
    }
}

void cap_step(struct engine *engine, struct output *output)
{
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        struct engine_cap *cap = &engine->caps[database];
        const struct durable_database *state = &engine->durable.databases[database];
        if (!engine->model.databases[database].lag_hold) {
            continue;
        }
        const bool serves = state->writer != LIMITS_NONE && state->routed == state->writer && !engine_busy(engine) &&
                            engine->nodes[state->writer].alive &&
                            engine->nodes[state->writer].report.epoch == state->routed_epoch;
        if (!serves || cap->epoch != state->routed_epoch) {
            /* A run has the hold for itself; positions of another writer say nothing. */
            cap_end(engine, output, database, "the writer moves, or is silent");
            *cap = (struct engine_cap){.epoch = state->routed_epoch, .streamed = engine->now};
            continue;
        }
        cap_sample(engine, database);
        uint32_t node = LIMITS_NONE;
        int64_t ms = 0;
        if (cap_freshest(engine, database, &node, &ms)) {
            cap_keep(engine, output, database, node, ms);
        } else {
            cap_alone(engine, output, database);
        }
    }
}

bool cap_holds(const struct engine *engine, uint32_t database)
{
    return engine->caps[database].holding;
}

enum cap_state cap_look(const struct engine *engine, uint32_t database)
{
    const struct engine_cap *cap = &engine->caps[database];
    return cap->above ? CAP_HOLDING : cap->alone ? CAP_ALONE : CAP_OPEN;
}
