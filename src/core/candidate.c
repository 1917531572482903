/* SPDX-License-Identifier: Apache-2.0
 * Who may become the writer. */
#include "core/candidate.h"

#include "base/assert.h"
#include "core/durability.h"
#include "core/upstream.h"

static bool candidate_member(const struct engine *engine, uint32_t database, uint32_t node)
{
    return (engine->durable.databases[database].members >> node & 1U) != 0;
}

/* Heard of, and not the present holder of the right. */
static bool candidate_heard(const struct engine *engine, uint32_t database, uint32_t node)
{
    const struct engine_node *entry = &engine->nodes[node];
    return engine->model.nodes[node].database == database && entry->alive && entry->report.running &&
           entry->report.role == VIEW_NODE_STANDBY && engine_position(engine, node) > 0;
}

static bool candidate_possible(const struct engine *engine, uint32_t database, uint32_t node)
{
    return !engine->model.nodes[node].nofailover && candidate_heard(engine, database, node);
}

/* N - W + 1 members must be heard that have no more than `node` has: then at least one of them acknowledged whatever W
 * members acknowledged, and `node` holds it. `since`: heard after this. */
static bool candidate_quorum(const struct engine *engine, uint32_t database, uint32_t node, struct mono since)
{
    const struct durable_database *state = &engine->durable.databases[database];
    uint32_t members = 0;
    uint32_t heard = 0;
    for (uint32_t other = 0; other < engine->model.nodes_count; other++) {
        if (candidate_member(engine, database, other)) {
            members++;
            heard += candidate_heard(engine, database, other) && engine->nodes[other].at.us >= since.us &&
                     engine_position(engine, other) <= engine_position(engine, node);
        }
    }
    return state->required > 0 && members >= state->required && heard >= members - state->required + 1;
}

static bool candidate_better(const struct engine *engine, uint32_t node, uint32_t than)
{
    /* Positions compare only on one timeline; a higher one is the newer history, and an old one may have gone on past
     * the point where it was left. */
    const uint32_t my_line = engine->nodes[node].report.timeline;
    const uint32_t other_line = engine->nodes[than].report.timeline;
    if (my_line != other_line) {
        return my_line > other_line;
    }
    const uint64_t mine = engine_position(engine, node);
    const uint64_t other = engine_position(engine, than);
    return mine != other ? mine > other : engine->model.nodes[node].priority > engine->model.nodes[than].priority;
}

static uint32_t candidate_best(const struct engine *engine, uint32_t database, uint32_t region, uint32_t excluded,
                               bool members_only)
{
    uint32_t best = LIMITS_NONE;
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((excluded >> node & 1U) != 0 || !candidate_possible(engine, database, node) ||
            (region != LIMITS_NONE && engine->model.nodes[node].region != region) ||
            (members_only && !candidate_member(engine, database, node))) {
            continue;
        }
        if (best == LIMITS_NONE || candidate_better(engine, node, best)) {
            best = node;
        }
    }
    return best;
}

/* Why the target region has none. */
static const char *candidate_none(const struct engine *engine, uint32_t database, uint32_t region, uint32_t excluded)
{
    for (uint32_t node = 0; node < engine->model.nodes_count; node++) {
        if ((excluded >> node & 1U) == 0 && engine->model.nodes[node].nofailover &&
            (region == LIMITS_NONE || engine->model.nodes[node].region == region) &&
            candidate_heard(engine, database, node)) {
            return "every standby of the target region is configured nofailover: no order promotes it";
        }
    }
    return "no standby of the target region reports a position";
}

struct candidate candidate_choose(const struct engine *engine, uint32_t database, uint32_t region, uint32_t excluded,
                                  bool accept_loss)
{
    const struct model_database *model = &engine->model.databases[database];
    const uint32_t best = candidate_best(engine, database, region, excluded, false);
    if (best == LIMITS_NONE) {
        return (struct candidate){LIMITS_NONE, candidate_none(engine, database, region, excluded), false};
    }
    if (!model->tier1) {
        return (struct candidate){best, "most advanced standby", false};
    }
    const uint32_t member = candidate_best(engine, database, region, excluded, true);
    if (member != LIMITS_NONE && candidate_quorum(engine, database, member, (struct mono){0})) {
        return (struct candidate){member, "most advanced member of the durability set", false};
    }
    if (accept_loss) {
        return (struct candidate){best, "outside the durability set, loss accepted by a person", true};
    }
    return (struct candidate){LIMITS_NONE,
                              member == LIMITS_NONE ? "no member of the durability set in the target region"
                                                    : "too few members of the durability set are heard, or one "
                                                      "elsewhere holds more",
                              true};
}

bool candidate_holds(const struct engine *engine, uint32_t database, uint32_t node, struct mono since)
{
    const struct durable_database *state = &engine->durable.databases[database];
    const uint32_t members = (uint32_t)__builtin_popcount(state->members);
    if (!engine->model.databases[database].tier1 || !candidate_member(engine, database, node)) {
        return true; /* nothing is promised, or a person accepted the loss */
    }
    /* Every member acknowledged every commit: any will do, also by an old report. */
    return (state->required > 0 && members == state->required) || candidate_quorum(engine, database, node, since);
}

bool candidate_indispensable(const struct engine *engine, uint32_t database, uint32_t node)
{
    const struct durable_database *state = &engine->durable.databases[database];
    return durability_promised(engine, database) && candidate_member(engine, database, node) && state->required > 0 &&
           (uint32_t)__builtin_popcount(state->members) == state->required &&
           candidate_possible(engine, database, node);
}

bool candidate_lag_ms(const struct engine *engine, uint32_t node, uint32_t *ret_lag_ms)
{
    ASSERT(node < engine->model.nodes_count);
    const struct engine_node *entry = &engine->nodes[node];
    const uint32_t writer = engine->durable.databases[engine->model.nodes[node].database].writer;
    if (!entry->any || engine_position(engine, node) == 0 || writer == LIMITS_NONE || !engine->nodes[writer].any) {
        return false;
    }
    const uint64_t last = engine->nodes[writer].report.written.position;
    if (last == 0) {
        return false;
    }
    if (engine_position(engine, node) >= last) {
        *ret_lag_ms = 0;
        return true;
    }
    *ret_lag_ms = upstream_lag_ms(engine, node);
    return *ret_lag_ms != UINT32_MAX;
}

bool candidate_neighbour(const struct engine *engine, uint32_t database)
{
    const uint32_t writer = engine->durable.databases[database].writer;
    if (writer == LIMITS_NONE) {
        return false;
    }
    const uint32_t region = engine->model.nodes[writer].region;
    return candidate_best(engine, database, region, 1U << writer, true) != LIMITS_NONE &&
           candidate_choose(engine, database, region, 1U << writer, false).node != LIMITS_NONE;
}

bool candidate_neighbours(const struct engine *engine, uint32_t region)
{
    bool any = false;
    for (uint32_t database = 0; database < engine->model.databases_count; database++) {
        const uint32_t writer = engine->durable.databases[database].writer;
        if (writer == LIMITS_NONE || engine->model.nodes[writer].region != region) {
            continue;
        }
        any = true;
        if (!candidate_neighbour(engine, database)) {
            return false;
        }
    }
    return any;
}
