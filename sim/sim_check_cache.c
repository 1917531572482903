/* SPDX-License-Identifier: Apache-2.0
 * The promises about caches with one primary. */
#include "sim/sim_check_cache.h"

#include <string.h>

#include "sim/sim_say.h"

/* What a view shows was stored before, or something newer was. */
static bool sim_check_cache_stored(const struct sim *sim, const struct view *view, uint32_t service)
{
    const struct durable_cache *record = &sim->store.record.caches[service];
    const struct view_service *entry = &view->services[service];
    const struct view_address *address = &view->targets[entry->primary].address;
    return sim->store.has_record && record->known &&
           (record->epoch > entry->epoch ||
            (record->epoch == entry->epoch && record->open && memcmp(&record->primary, address, sizeof *address) == 0));
}

static void sim_check_cache_named(struct sim *sim, const struct view *view, uint32_t service)
{
    const struct view_service *entry = &view->services[service];
    uint32_t *before = &sim->check.cache_primary[service];
    if (*before != LIMITS_NONE && *before != entry->primary) {
        sim_say_violation(sim, "view %llu: two primaries of %s under epoch %llu", (unsigned long long)view->version,
                          entry->name, (unsigned long long)entry->epoch);
    }
    *before = entry->primary;
    if (sim->caches[entry->primary].obeyed < entry->epoch) {
        sim_say_violation(sim,
                          "view %llu: clients of %s are sent to a server that has not taken the order of epoch %llu",
                          (unsigned long long)view->version, entry->name, (unsigned long long)entry->epoch);
    }
    if (!sim_check_cache_stored(sim, view, service)) {
        sim_say_violation(sim, "view %llu: the primary of %s is not the stored one", (unsigned long long)view->version,
                          entry->name);
    }
}

void sim_check_cache_view(struct sim *sim, const struct view *view)
{
    for (uint32_t service = 0; service < view->services_count; service++) {
        const struct view_service *entry = &view->services[service];
        uint64_t *epoch = &sim->check.cache_epoch[service];
        if (!sim->model.services[service].single) {
            continue;
        }
        if (entry->epoch < *epoch) {
            sim_say_violation(sim, "view %llu: epoch of %s fell from %llu to %llu", (unsigned long long)view->version,
                              entry->name, (unsigned long long)*epoch, (unsigned long long)entry->epoch);
        }
        if (entry->epoch != *epoch) {
            sim->check.cache_primary[service] = LIMITS_NONE;
        }
        *epoch = entry->epoch;
        if (entry->primary != LIMITS_NONE) {
            sim_check_cache_named(sim, view, service);
        }
    }
}

void sim_check_cache_trace(struct sim *sim, const struct trace *trace)
{
    if (trace->kind == TRACE_CACHE_MOVES) {
        const bool planned = strstr(trace->text, "is lost") == NULL;
        sim->check.cache_planned[trace->service] = planned ? trace->n : 0;
    }
}

/* Whether the one before still has what was acknowledged: one that has started anew since took it along, and what had
 * followed it copied its emptiness. */
static bool sim_check_cache_there(const struct sim *sim, uint32_t service)
{
    const struct sim_check *check = &sim->check;
    for (uint32_t i = 0; i < sim->model.targets_count; i++) {
        const struct sim_cache_server *server = &sim->caches[i];
        if (sim->model.targets[i].service == service && server->up && server->primary &&
            server->history == check->cache_history[service] && server->offset >= check->cache_offset[service]) {
            return true;
        }
    }
    return false;
}

void sim_check_cache_promoted(struct sim *sim, uint32_t target, uint64_t epoch)
{
    const struct sim_check *check = &sim->check;
    const struct sim_cache_server *server = &sim->caches[target];
    const uint32_t service = sim->model.targets[target].service;
    if (check->cache_planned[service] != epoch || server->obeyed >= epoch || check->cache_history[service] == 0) {
        return;
    }
    const bool has = server->history == check->cache_history[service] && server->offset >= check->cache_offset[service];
    if (!has && sim_check_cache_there(sim, service)) {
        sim_say_violation(sim, "a planned move of %s to epoch %llu lost writes: %llu of %llu",
                          sim->model.services[service].name, (unsigned long long)epoch,
                          (unsigned long long)server->offset, (unsigned long long)check->cache_offset[service]);
    }
}

void sim_check_cache_acked(struct sim *sim, uint32_t target, uint64_t epoch)
{
    const struct sim_cache_server *server = &sim->caches[target];
    const uint32_t service = sim->model.targets[target].service;
    sim->result->cache_writes++;
    sim->result->cache_us = sim->now;
    if (epoch == sim->check.cache_epoch[service]) {
        sim->check.cache_history[service] = server->history;
        sim->check.cache_offset[service] = server->offset;
    }
}

const char *sim_check_cache_converged(const struct sim *sim)
{
    for (uint32_t i = 0; i < sim->model.targets_count; i++) {
        const struct sim_cache_server *server = &sim->caches[i];
        const uint32_t service = sim->model.targets[i].service;
        if (!sim->model.services[service].single) {
            continue;
        }
        const uint32_t primary = sim->control->view.services[service].primary;
        if (primary == LIMITS_NONE) {
            return "a cache has no primary";
        }
        if (i == primary ? !server->primary || sim->now < server->quiet_until
                         : server->primary || server->upstream != primary || !server->linked) {
            return "a cache's servers are not what they must be";
        }
    }
    return NULL;
}
