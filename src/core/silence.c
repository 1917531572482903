/* SPDX-License-Identifier: Apache-2.0
 * Silence of heartbeats: counting the sites' words. */
#include "core/silence.h"

#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "core/candidate.h"
#include "core/judge.h"

enum {
    SILENCE_WORD_MS = 2000, /* sites repeat their words each 500 ms: an older one is none */
    SILENCE_PAUSE_MS = 250, /* it steps each 100 ms at least: so long between two steps it stood still */
};

void silence_init(struct engine *engine)
{
    memset(&engine->silence, 0, sizeof engine->silence);
    engine->silence.since = engine->now;
}

void silence_take(struct engine *engine, const struct event_beats *beats)
{
    ASSERT(beats->site < LIMITS_SITES && (beats->heard & beats->silent) == 0);
    struct engine_beats *entry = &engine->silence.beats[beats->site];
    entry->any = true;
    entry->at = engine->now;
    entry->heard = beats->heard;
    entry->silent = beats->silent;
    memcpy(entry->age_ms, beats->age_ms, sizeof entry->age_ms);
    memcpy(entry->gone, beats->gone, sizeof entry->gone);
}

void silence_take_death(struct engine *engine, const struct event_death *death)
{
    ASSERT(death->node < LIMITS_NODES);
    struct engine_node *node = &engine->nodes[death->node];
    if (node->alive && node->report.boot == death->boot && node->report.epoch == death->epoch) {
        node->report.died = true; /* the next report has the last word */
    }
}

void silence_pause(struct engine *engine, struct mono before)
{
    if (time_since_ms(engine->now, before) > SILENCE_PAUSE_MS) {
        engine->silence.since = engine->now;
    }
}

enum silence_says silence_word(const struct engine *engine, uint32_t site, uint32_t node, uint32_t *ret_age_ms)
{
    ASSERT(site < engine->model.sites_count && node < engine->model.nodes_count);
    const struct engine_beats *entry = &engine->silence.beats[site];
    const struct durable_database *database = &engine->durable.databases[engine->model.nodes[node].database];
    const int64_t since_ms = time_since_ms(engine->now, entry->at);
    const bool silent = (entry->silent >> node & 1U) != 0;
    const bool heard = (entry->heard >> node & 1U) != 0;
    if (!entry->any || !(silent || heard) || since_ms > SILENCE_WORD_MS || !engine->model.sites[site].observes ||
        !engine->health.sites[site].alive) {
        return SILENCE_UNKNOWN;
    }
    if (ret_age_ms != NULL) {
        const int64_t age_ms = entry->age_ms[node] + since_ms;
        *ret_age_ms = age_ms < UINT32_MAX ? (uint32_t)age_ms : UINT32_MAX;
    }
    const bool gone = entry->gone[node] != 0 && database->routed == node && entry->gone[node] == database->routed_epoch;
    return silent ? SILENCE_HEARS_NONE : gone ? SILENCE_HEARS_GONE : SILENCE_HEARS;
}

static void silence_count(const struct engine *engine, uint32_t node, struct silence_state *state)
{
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        uint32_t age_ms = 0;
        const enum silence_says says = silence_word(engine, site, node, &age_ms);
        state->total += engine->model.sites[site].observes;
        state->reporting += says != SILENCE_UNKNOWN;
        if (says == SILENCE_HEARS_NONE || says == SILENCE_HEARS_GONE) {
            state->age_ms = state->silent == 0 || age_ms < state->age_ms ? age_ms : state->age_ms;
            state->silent++;
            state->gone += says == SILENCE_HEARS_GONE;
        }
    }
}

/* Whoever would take over lives: somebody has heard it since the writer fell silent. */
static bool silence_neighbour(const struct engine *engine, uint32_t database, const struct silence_state *state)
{
    const uint32_t region = engine->model.nodes[state->node].region;
    const struct candidate candidate = candidate_choose(engine, database, region, 1U << state->node, false);
    if (!candidate_neighbour(engine, database) || candidate.node == LIMITS_NONE) {
        return false;
    }
    bool lives = false;
    for (uint32_t site = 0; site < engine->model.sites_count; site++) {
        uint32_t age_ms = 0;
        const bool heard = silence_word(engine, site, candidate.node, &age_ms) == SILENCE_HEARS;
        lives |= heard && age_ms <= state->window_ms / 2;
    }
    return lives;
}

static bool silence_most(const struct silence_state *state)
{
    return 2 * state->reporting > state->total && 2 * state->silent > state->reporting;
}

/* Since the holder's last renewal was seen, of the right that is in force. */
static struct mono silence_renewed(const struct engine *engine, uint32_t database)
{
    return engine->leases[database].taker.sight;
}

static enum silence_verdict silence_verdict(const struct engine *engine, uint32_t database,
                                            const struct silence_state *state)
{
    const struct durable_database *durable = &engine->durable.databases[database];
    const int64_t window_ms = state->window_ms;
    const bool known = durable->routed == state->node && engine->nodes[state->node].any;
    return !known                                                          ? SILENCE_OFF
           : 2 * state->reporting <= state->total                          ? SILENCE_FEW
           : !silence_most(state)                                          ? SILENCE_HEARD
           : state->report_ms < window_ms                                  ? SILENCE_REPORTS
           : state->renewal_ms >= 0 && state->renewal_ms < window_ms       ? SILENCE_RENEWS
           : time_since_ms(engine->now, engine->silence.since) < window_ms ? SILENCE_PAUSE
           : !silence_neighbour(engine, database, state)                   ? SILENCE_ALONE
                                                                           : SILENCE_CONFIRMED;
}

struct silence_state silence_look(const struct engine *engine, uint32_t database)
{
    ASSERT(database < engine->model.databases_count);
    const uint32_t node = engine->durable.databases[database].writer;
    struct silence_state state = {.verdict = SILENCE_OFF,
                                  .node = node,
                                  .window_ms = engine->model.databases[database].silence_ms,
                                  .report_ms = -1,
                                  .renewal_ms = -1};
    if (node == LIMITS_NONE) {
        return state;
    }
    ASSERT(node < engine->model.nodes_count);
    silence_count(engine, node, &state);
    if (engine->nodes[node].any) {
        state.report_ms = time_since_ms(engine->now, engine->nodes[node].at);
    }
    if (engine->leases[database].seen && engine->leases[database].taker.seen) {
        state.renewal_ms = time_since_ms(engine->now, silence_renewed(engine, database));
    }
    if (state.window_ms > 0 && engine->model.policy.profile == MODEL_STANDARD) {
        state.verdict = silence_verdict(engine, database, &state);
    }
    return state;
}

void silence_judge(const struct engine *engine, uint32_t database, struct decide_answer *ret_answer)
{
    const struct silence_state state = silence_look(engine, database);
    const struct decide_observers observers = {
        .total = state.total, .reporting = state.reporting, .see_down = state.silent};
    judge_writer_gone(engine, database, &observers, ret_answer);
}

void silence_print(const struct engine *engine, const struct silence_state *state, struct buf *buf)
{
    const char *name = engine->model.nodes[state->node].name;
    if (state->gone > 0) {
        buf_printf(buf, "%s says at %u of %u sites that its server is gone, no heartbeat at %u", name, state->gone,
                   state->reporting, state->silent - state->gone);
    } else {
        buf_printf(buf, "no heartbeat of %s for %u ms at %u of %u sites", name, state->age_ms, state->silent,
                   state->reporting);
    }
    buf_printf(buf, ", no report for %lld ms", (long long)state->report_ms);
    if (state->renewal_ms >= 0) {
        buf_printf(buf, ", no renewal for %lld ms", (long long)state->renewal_ms);
    }
}

void silence_say(struct engine *engine, struct output *output)
{
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        struct silence_state state = {.verdict = SILENCE_OFF};
        silence_count(engine, node, &state);
        state.silent -= state.gone; /* whose heartbeats are heard */
        const bool silent = silence_most(&state);
        const bool told = (engine->silence.told >> node & 1U) != 0;
        if (silent == told) {
            continue;
        }
        engine->silence.told ^= 1U << node;
        struct trace *trace = engine_trace(engine, output, silent ? TRACE_BEATS_SILENT : TRACE_BEATS_HEARD);
        trace->node = node;
        trace->n = state.silent;
        trace->m = state.reporting;
    }
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer == LIMITS_NONE || (engine->silence.told >> writer & 1U) == 0) {
            engine->silence.held[database] = DECIDE_GATE_NONE;
        }
    }
}

void silence_say_held(struct engine *engine, struct output *output, uint32_t database,
                      const struct decide_answer *answer)
{
    const uint32_t gate = (uint32_t)answer->gate;
    if (engine->silence.held[database] == gate) {
        return;
    }
    engine->silence.held[database] = gate;
    if (gate != DECIDE_GATE_NONE) {
        struct trace *trace = engine_trace(engine, output, TRACE_BEATS_HELD);
        struct buf buf;
        trace->database = database;
        trace->node = engine->durable.databases[database].writer;
        buf_init(&buf, trace->text, sizeof trace->text);
        buf_printf(&buf, "%s holds a failover back", decide_gate_name(answer->gate));
    }
}

struct mono silence_deadline(const struct engine *engine)
{
    struct mono deadline = TIME_NEVER;
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const struct silence_state state = silence_look(engine, database);
        struct mono waits = TIME_NEVER;
        if (state.verdict == SILENCE_REPORTS) {
            waits = engine->nodes[state.node].at;
        } else if (state.verdict == SILENCE_RENEWS) {
            waits = silence_renewed(engine, database);
        } else if (state.verdict == SILENCE_PAUSE) {
            waits = engine->silence.since;
        }
        if (waits.us != TIME_NEVER.us) {
            deadline = time_min(deadline, time_add_ms(waits, state.window_ms));
        }
    }
    return deadline;
}

const char *silence_name(enum silence_verdict verdict)
{
    static const char *const names[] = {
        "off",           "too few sites listen", "heard",    "the agent reports", "the lease is renewed",
        "just listened", "no neighbour",         "confirmed"};
    ASSERT((unsigned)verdict < sizeof names / sizeof names[0]);
    return names[verdict];
}

const char *silence_says_name(enum silence_says says)
{
    static const char *const names[] = {"unknown", "heard", "silent", "gone"};
    ASSERT((unsigned)says < sizeof names / sizeof names[0]);
    return names[says];
}
