/* SPDX-License-Identifier: Apache-2.0
 * An operator's order to move the primary of a cache. */
#include "core/cache_move.h"

#include "base/text.h"
#include "core/cache.h"
#include "core/run.h"

enum { CACHE_MOVE_TEXT = 160 };

/* Why this server cannot take over without a loss; NULL: it can. */
static const char *cache_move_unfit(const struct engine *engine, uint32_t target, uint32_t primary)
{
    const struct event_cache *said = cache_said(engine, target);
    return said == NULL                                 ? "the server there does not answer"
           : said->loading                              ? "the server there still loads its data: ask again later"
           : cache_failed(engine, target)               ? "the service's check has failed there"
           : said->primary || said->upstream != primary ? "the server there does not follow the primary"
           : !said->linked                              ? "the replica there is cut off from the primary"
                                                        : NULL;
}

/* NULL when one server of the region can take over; else why the last one cannot. */
static const char *cache_move_nobody(const struct engine *engine, uint32_t service, uint32_t region, uint32_t primary)
{
    const char *why = "it has no server in that region";
    for (uint32_t i = 0; i < engine->model.targets_count && why != NULL; i++) {
        const struct view_target *target = &engine->model.targets[i];
        if (target->service == service && target->region == region) {
            why = cache_move_unfit(engine, i, primary);
        }
    }
    return why;
}

/* Why the primary cannot be moved now; NULL: it can. */
static const char *cache_move_refusal(const struct engine *engine, const struct event_command *command)
{
    const struct durable_cache *record = &engine->durable.caches[command->service];
    const uint32_t primary = cache_recorded(engine, command->service);
    if (!record->known) {
        return "it has no primary yet";
    }
    if (primary == LIMITS_NONE || !record->open) {
        return "its primary is being replaced: ask again when there is one";
    }
    if (cache_said(engine, primary) == NULL) {
        return "its primary does not answer, so nobody can be given all that it has";
    }
    return cache_move_nobody(engine, command->service, command->target, primary);
}

/* What is wrong with the order itself; NULL: nothing. */
static const char *cache_move_wrong(const struct engine *engine, const struct event_command *command)
{
    return command->service >= engine->model.services_count   ? "no such service"
           : command->target >= engine->model.regions_count   ? "no such region"
           : !engine->model.services[command->service].single ? "only a service of kind redis has a primary"
           : command->reason[0] == 0                          ? "a reason is required"
                                                              : NULL;
}

/* It is there, or on its way there by an earlier order. */
static bool cache_move_done(const struct engine *engine, const struct event_command *command)
{
    const struct engine_cache *cache = &engine->caches[command->service];
    const uint32_t primary = cache_recorded(engine, command->service);
    return cache->moving ? cache->region == command->target
                         : primary != LIMITS_NONE && engine->model.targets[primary].region == command->target;
}

static void cache_move_begin(struct engine *engine, struct output *output, const struct event_command *command)
{
    struct engine_cache *cache = &engine->caches[command->service];
    cache->moving = true;
    cache->region = command->target;
    cache->ordered = engine->now;
    struct trace *trace = engine_trace(engine, output, TRACE_CACHE_ORDERED);
    trace->service = command->service;
    trace->to = command->target;
    char who[25];
    char reason[61];
    struct buf buf;
    text_copy(who, sizeof who, command->who);
    text_copy(reason, sizeof reason, command->reason);
    buf_init(&buf, trace->text, sizeof trace->text);
    buf_printf(&buf, "%s: %s", who, reason);
}

void cache_move_command(struct engine *engine, struct output *output, const struct event_command *command)
{
    const char *problem = cache_move_wrong(engine, command);
    if (problem != NULL) {
        run_command_reply(output, command, ERR_INVALID, 0, problem);
        return;
    }
    char text[CACHE_MOVE_TEXT];
    struct buf buf;
    const char *region = engine->model.regions[command->target].name;
    buf_init(&buf, text, sizeof text);
    if (cache_move_done(engine, command)) {
        buf_printf(&buf, "its primary is in %s already, or on its way there", region);
        run_command_reply(output, command, ERR_OK, 0, buf_string(&buf));
        return;
    }
    if (engine->caches[command->service].moving || !run_yields(engine)) {
        run_command_reply(output, command, ERR_CONFLICT, 0, "another move is in progress: wait for its end");
        return;
    }
    problem = cache_move_refusal(engine, command);
    if (problem != NULL) {
        run_command_reply(output, command, ERR_UNAVAILABLE, 0, problem);
        return;
    }
    const uint64_t epoch = engine->durable.caches[command->service].epoch + 1;
    buf_printf(&buf, "its primary %s to %s under epoch %llu", command->dry_run ? "would move" : "moves", region,
               (unsigned long long)epoch);
    if (!command->dry_run) {
        cache_move_begin(engine, output, command);
    }
    run_command_reply(output, command, ERR_OK, epoch, buf_string(&buf));
}
