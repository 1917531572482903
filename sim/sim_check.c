/* SPDX-License-Identifier: Apache-2.0
 * The promises. */
#include "sim/sim_check.h"

#include <string.h>

#include "base/assert.h"
#include "core/lease.h"
#include "core/plan.h"
#include "core/run.h"
#include "core/split.h"
#include "sim/sim_check_cache.h"
#include "sim/sim_client.h"
#include "sim/sim_desk.h"
#include "sim/sim_history.h"
#include "sim/sim_lead.h"
#include "sim/sim_net.h"
#include "sim/sim_probe.h"
#include "sim/sim_right.h"
#include "sim/sim_say.h"

/* What the controllers know of the run: of several, what is in the store, since who leads may just have died. */
static const struct durable *sim_check_durable(const struct sim *sim)
{
    return sim_lead_several(sim) ? &sim->store.record : &sim->control->engine.durable;
}

/* No commit returns that the record does not know to be safe: any K of the servers that this one requires have W
 * members among them (core/durability.h). */
static void sim_check_required(struct sim *sim, uint32_t node)
{
    const uint32_t database = sim->model.nodes[node].database;
    const struct durable_database *state = &sim_check_durable(sim)->databases[database];
    const struct sim_pg *pg = &sim->nodes[node].pg;
    if (sim->options.sabotage == SIM_SABOTAGE_TOO_FEW) {
        return; /* the loss itself is to be seen */
    }
    const uint32_t outside = (uint32_t)__builtin_popcount(pg->sync_mask & ~state->members);
    if (sim->model.databases[database].tier1 && state->required > 0 && pg->sync_required < state->required + outside) {
        sim_say_violation(sim, "%s acknowledges tier 1 by %u of %x, the record trusts %u of %x",
                          sim->model.nodes[node].name, pg->sync_required, pg->sync_mask, state->required,
                          state->members);
    }
}

void sim_check_ring(struct sim *sim, uint32_t node)
{
    uint32_t at = node;
    for (uint32_t steps = 0; at != LIMITS_NONE && sim->nodes[at].pg.state == SIM_RUNNING && sim->nodes[at].pg.recovery;
         steps++) {
        if (steps > sim->model.nodes_count) {
            sim_say_violation(sim, "%s streams from itself, by way of others", sim->model.nodes[node].name);
            return;
        }
        at = sim->nodes[at].pg.upstream;
    }
}

/* Who cascades cannot acknowledge: it is neither in the set nor required by the server. */
static void sim_check_cascaded(struct sim *sim, const struct view *view)
{
    for (uint32_t node = 0; node < view->nodes_count; node++) {
        const uint32_t database = view->nodes[node].database;
        const uint32_t writer = view->databases[database].writer;
        const uint32_t members = sim->model.databases[database].durability_members |
                                 sim_check_durable(sim)->databases[database].members |
                                 (writer != LIMITS_NONE ? sim->nodes[writer].pg.sync_mask : 0);
        const bool cascaded = view->nodes[node].order != 0 && view->nodes[node].upstream != LIMITS_NONE;
        if (cascaded && (members >> node & 1U) != 0) {
            sim_say_violation(sim, "%s cascades, and is a member of the durability set", sim->model.nodes[node].name);
        }
    }
}

/* A writer that was replaced before its right ended, where nothing returns without the durability set. It answers reads
 * until then; what it acknowledges is looked at one by one (sim_check_ack). */
static bool sim_check_superseded(const struct sim *sim, uint32_t node)
{
    const uint32_t database = sim->model.nodes[node].database;
    return sim->model.databases[database].every_commit &&
           sim->nodes[node].agent.record.data_epoch < sim->check.writer_epoch[database] &&
           lease_holder_left_us(&sim->nodes[node].agent.holder, sim_right_now(sim, node)) > 0;
}

void sim_check_writers(struct sim *sim)
{
    uint32_t writer[LIMITS_DATABASES];
    memset(writer, 0xff, sizeof writer);
    if (sim->options.sabotage == SIM_SABOTAGE_STALE_PROXY) {
        return; /* another checker is to see it */
    }
    for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
        if (!sim_history_writable(&sim->nodes[node])) {
            continue;
        }
        const uint32_t database = sim->model.nodes[node].database;
        if (sim_check_superseded(sim, node)) {
            continue;
        }
        if (writer[database] != LIMITS_NONE) {
            sim_say_violation(sim, "two writers: %s and %s", sim->model.nodes[writer[database]].name,
                              sim->model.nodes[node].name);
        }
        writer[database] = node;
        sim_check_required(sim, node);
        if (lease_holder_left_us(&sim->nodes[node].agent.holder, sim_right_now(sim, node)) == 0) {
            sim_say_violation(sim, "%s accepts writes without a right", sim->model.nodes[node].name);
        }
    }
}

/* A commit that the new writer does not have: forgiven when a person accepted the loss, or of tier 2 in a failover. */
static void sim_check_missing(struct sim *sim, uint32_t node, struct sim_commit *commit)
{
    const struct durable_run *run = &sim_check_durable(sim)->run;
    const bool running = run->state != DURABLE_RUN_NONE;
    const bool graceful = running && plan_graceful(run->plan);
    if (commit->tier1 && sim->model.databases[commit->database].tier1 && !(running && run->accept_loss)) {
        sim_say_violation(sim, "an acknowledged tier-1 commit (epoch %llu, %llu) is not on the new writer %s",
                          (unsigned long long)commit->epoch, (unsigned long long)commit->position,
                          sim->model.nodes[node].name);
    } else if (graceful) {
        sim_say_violation(sim, "a graceful move to %s lost a commit (epoch %llu, %llu)", sim->model.nodes[node].name,
                          (unsigned long long)commit->epoch, (unsigned long long)commit->position);
    }
    commit->forgiven = true;
    sim->result->lost_commits++;
}

void sim_check_promoted(struct sim *sim, uint32_t node, uint64_t epoch)
{
    struct sim_check *check = &sim->check;
    const uint32_t database = sim->model.nodes[node].database;
    const bool again = epoch == check->writer_epoch[database] && check->writer[database] == node;
    if (epoch < check->writer_epoch[database] && sim_check_superseded(sim, node)) {
        return; /* started again in place, under the right that it still has: it serves reads, as before */
    }
    if (epoch <= check->writer_epoch[database] && !again && sim_right_fences(sim)) {
        sim_say_violation(sim, "%s became writer of epoch %llu after epoch %llu", sim->model.nodes[node].name,
                          (unsigned long long)epoch, (unsigned long long)check->writer_epoch[database]);
    }
    check->writer_epoch[database] = epoch;
    check->writer[database] = node;
    for (uint32_t i = 0; i < sim->commits_count; i++) {
        struct sim_commit *commit = &sim->commits[i];
        if (commit->database == database && commit->acked && !commit->forgiven &&
            !sim_history_holds(sim, &sim->nodes[node].pg, commit)) {
            sim_check_missing(sim, node, commit);
        }
    }
}

/* The newest automatic failover that gave out this epoch, running or ended. */
static bool sim_check_automatic(const struct sim *sim, uint32_t database, uint64_t epoch)
{
    const struct durable *durable = sim_check_durable(sim);
    const struct durable_run *run = durable->run.state != DURABLE_RUN_NONE ? &durable->run : &durable->past[0];
    for (uint32_t i = 0; i < run->moves_count; i++) {
        if (run->automatic && run->moves[i].database == database && run->moves[i].epoch == epoch) {
            return true;
        }
    }
    return false;
}

void sim_check_ack(struct sim *sim, uint32_t node, const struct sim_commit *commit)
{
    struct sim_check *check = &sim->check;
    const uint32_t database = commit->database;
    /* What was on its way is on the new writer: nobody can tell the order of the two. */
    const bool late = sim->model.databases[database].every_commit && check->writer[database] != node &&
                      sim_history_holds(sim, &sim->nodes[check->writer[database]].pg, commit);
    if (late) {
        sim->result->commits++;
        return;
    }
    if (commit->epoch < check->acked_epoch[database] || commit->epoch < check->writer_epoch[database]) {
        sim_say_violation(sim, "%s acknowledged under epoch %llu, epoch %llu has written already",
                          sim->model.nodes[node].name, (unsigned long long)commit->epoch,
                          (unsigned long long)check->writer_epoch[database]);
    }
    if (commit->epoch > check->acked_epoch[database]) {
        if (check->acked_us[database] > 0 && sim_check_automatic(sim, database, commit->epoch) &&
            sim->result->outages_count < SIM_SAMPLES) {
            sim->result->outages_us[sim->result->outages_count++] = sim->now - check->acked_us[database];
        }
        check->acked_epoch[database] = commit->epoch;
    }
    check->acked_us[database] = sim->now;
    sim->result->commits++;
}

/* ---- TTL ---- */

/* Whether a planned run is past its step LOWER_TTL. */
static bool sim_check_lowered(const struct durable_run *run)
{
    for (uint32_t i = 0; i < run->steps_count && i < run->at; i++) {
        if (run->steps[i].step == PLAN_LOWER_TTL) {
            return run->state == DURABLE_RUN_RUNNING || run->state == DURABLE_RUN_WAITING;
        }
    }
    return false;
}

/* No planned move takes clients from a region before the answers that lead there are short-lived, and older ones have
 * run out. */
static void sim_check_ttl(struct sim *sim, const struct view *view)
{
    struct sim_check *check = &sim->check;
    const struct durable_run *run = &sim->control->engine.durable.run;
    for (uint32_t region = 0; region < view->regions_count && sim->model.ttl_most_s > 0; region++) {
        const uint32_t ceiling_s = view->regions[region].ttl_ceiling_s;
        const uint32_t before_s = check->ttl_ceiling_s[region];
        const int64_t old_us = before_s != 0 ? before_s : sim->model.ttl_most_s;
        if (ceiling_s != 0 && (before_s == 0 || ceiling_s < before_s) &&
            sim->now + old_us * SIM_S > check->ttl_old_us[region]) {
            check->ttl_old_us[region] = sim->now + old_us * SIM_S;
        }
        check->ttl_ceiling_s[region] = ceiling_s;
        bool leaves = false;
        for (uint32_t home = 0; home < VIEW_HOMES; home++) {
            leaves |= view->split[home][region] < sim->view.split[home][region];
        }
        if (leaves && sim_check_lowered(run) && (region == run->source || region == run->target) &&
            (ceiling_s != sim->model.ttl_floor_s || sim->now < check->ttl_old_us[region])) {
            sim_say_violation(sim, "view %llu: clients leave region %u while answers live %u s, or longer ones last",
                              (unsigned long long)view->version, region, ceiling_s);
        }
    }
}

void sim_check_view(struct sim *sim, const struct view *view)
{
    struct sim_check *check = &sim->check;
    if (view->version <= check->view_version) {
        sim_say_violation(sim, "view %llu published after %llu", (unsigned long long)view->version,
                          (unsigned long long)check->view_version);
    }
    check->view_version = view->version;
    sim_check_cascaded(sim, view);
    sim_check_ttl(sim, view);
    sim_check_cache_view(sim, view);
    for (uint32_t database = 0; database < view->databases_count; database++) {
        const struct view_database *entry = &view->databases[database];
        if (entry->epoch < check->view_epoch[database]) {
            sim_say_violation(sim, "view %llu: epoch of %s fell from %llu to %llu", (unsigned long long)view->version,
                              entry->name, (unsigned long long)check->view_epoch[database],
                              (unsigned long long)entry->epoch);
        }
        check->view_epoch[database] = entry->epoch;
    }
    for (uint32_t home = 0; home < VIEW_HOMES; home++) {
        uint32_t sum = 0;
        for (uint32_t region = 0; region < LIMITS_REGIONS; region++) {
            sum += view->split[home][region];
        }
        if ((home < view->regions_count || home == VIEW_HOME_DEFAULT) && sum != VIEW_SHARES_WHOLE) {
            sim_say_violation(sim, "view %llu: a row of the split adds up to %u", (unsigned long long)view->version,
                              sum);
        }
    }
}

/* ---- runs ---- */

/* Whether the source really served when an automatic failover began. */
static bool sim_check_served(const struct sim *sim, const struct durable_run *run)
{
    const uint32_t place = sim_net_region(sim, run->source);
    const struct sim_region *region = &sim->regions[run->source];
    if (region->dead + region->cache + region->app + region->errors > 0) {
        return false;
    }
    for (uint32_t other = 0; other < sim->model.sites_count; other++) {
        if (sim->net.cut[place][other] + sim->net.cut[other][place] > 0) {
            return false;
        }
    }
    return sim_probe_database(sim, place, run->source);
}

static void sim_check_began(struct sim *sim, const struct durable_run *run)
{
    sim->check.run = run->id;
    if (run->automatic) {
        sim->result->automatic++;
        if (sim_check_served(sim, run)) {
            sim->result->false_failovers++;
            sim_say(sim, "    (the source really served: a false failover)");
        }
    }
}

static bool sim_check_over(enum durable_step_state state)
{
    return state == DURABLE_STEP_DONE || state == DURABLE_STEP_SKIPPED || state == DURABLE_STEP_UNPROVEN;
}

static void sim_check_walk(struct sim *sim, const struct durable_run *run)
{
    for (uint32_t i = 0; i < run->steps_count && run->state == DURABLE_RUN_RUNNING; i++) {
        const enum durable_step_state state = run->steps[i].state;
        if ((i < run->at && !sim_check_over(state)) || (i > run->at && state != DURABLE_STEP_PENDING)) {
            sim_say_violation(sim, "run %llu is at %s, but %s is %s", (unsigned long long)run->id,
                              plan_step_of(run->steps[run->at].step)->name, plan_step_of(run->steps[i].step)->name,
                              run_step_state_name(state));
        }
    }
    if (run->at < run->steps_count && run->steps[run->at].step == PLAN_CANARY && run->moves_count > 0 &&
        run->state == DURABLE_RUN_RUNNING && run->steps[run->at].state == DURABLE_STEP_RUNNING &&
        sim->compared_run != run->id) {
        sim_say_violation(sim, "run %llu: canary without a comparison", (unsigned long long)run->id);
    }
}

static void sim_check_ended(struct sim *sim, const struct durable_run *run)
{
    sim->check.ended = run->id;
    if (run->state <= DURABLE_RUN_UNDOING || run->state > DURABLE_RUN_FAILED) {
        sim_say_violation(sim, "run %llu ended as '%s'", (unsigned long long)run->id, run_state_name(run->state));
        return;
    }
    sim->result->runs[run->state]++;
    for (uint32_t i = 0; i < run->steps_count; i++) {
        const enum durable_step_state state = run->steps[i].state;
        const bool good = run->state == DURABLE_RUN_SUCCEEDED || run->state == DURABLE_RUN_UNPROVEN;
        const bool undo = plan_step_of(run->steps[i].step)->undo;
        if ((good && !sim_check_over(state)) ||
            (run->state == DURABLE_RUN_COMPENSATED && undo && sim_check_over(state) && state != DURABLE_STEP_SKIPPED) ||
            (run->state == DURABLE_RUN_REFUSED && undo && sim_check_over(state) && state != DURABLE_STEP_SKIPPED)) {
            sim_say_violation(sim, "run %llu %s, but %s is %s", (unsigned long long)run->id, run_state_name(run->state),
                              plan_step_of(run->steps[i].step)->name, run_step_state_name(state));
        }
    }
}

void sim_check_engine(struct sim *sim)
{
    struct sim_check *check = &sim->check;
    const struct durable *durable = &sim->control->engine.durable;
    const struct durable_run *run = &durable->run;
    if (durable->past[0].id > check->ended) {
        if (durable->past[0].id > check->run) {
            sim_check_began(sim, &durable->past[0]); /* began and ended in one step */
        }
        sim_check_ended(sim, &durable->past[0]);
    }
    if (run->state == DURABLE_RUN_NONE) {
        return;
    }
    if (run->id > check->run) {
        sim_check_began(sim, run);
    }
    if (run->at != check->run_at || run->state != check->run_state) {
        check->run_at = run->at;
        check->run_state = run->state;
        sim_check_walk(sim, run);
    }
}

/* ---- liveness ---- */

/* By way of the leader of its region, where it has one. */
static const char *sim_check_nodes(const struct sim *sim, uint32_t database, uint32_t writer)
{
    for (uint32_t node = 0; node < sim->model.nodes_count; node++) {
        const struct sim_pg *pg = &sim->nodes[node].pg;
        const struct view_node *told = &sim->control->view.nodes[node];
        const uint32_t from = told->upstream != LIMITS_NONE ? told->upstream : writer;
        if (sim->model.nodes[node].database == database && node != writer &&
            (pg->state != SIM_RUNNING || !pg->recovery || !pg->receiving || told->order == 0 || pg->upstream != from)) {
            return "a standby does not stream";
        }
        if (sim->model.nodes[node].database == database && node != writer && told->lag_ms != LAG_STEP_MS) {
            return "a standby keeps up, and the view says otherwise";
        }
    }
    return NULL;
}

static const char *sim_check_database(const struct sim *sim, uint32_t database)
{
    const struct durable_database *state = &sim->control->engine.durable.databases[database];
    const struct model_database *model = &sim->model.databases[database];
    const uint32_t writer = state->writer;
    if (writer == LIMITS_NONE || !sim_history_writable(&sim->nodes[writer]) || state->routed != writer || state->hold) {
        return "a database has no writer in the view";
    }
    if (model->tier1 && (model->durability_members & ~(1U << writer)) != 0 && state->required == 0) {
        return "no durability set";
    }
    return sim_check_nodes(sim, database, writer);
}

const char *sim_check_converged(const struct sim *sim)
{
    const struct durable *durable = &sim->control->engine.durable;
    if (sim_lead_several(sim) && !sim->control->engine.leading) {
        return "no controller leads";
    }
    if (!sim_desk_up(sim)) {
        return "no controller";
    }
    if (durable->run.state != DURABLE_RUN_NONE) {
        return "a run is in progress";
    }
    for (uint32_t database = 0; database < sim->model.databases_count; database++) {
        const char *problem = sim_check_database(sim, database);
        if (problem != NULL) {
            return problem;
        }
    }
    const char *cache = sim_check_cache_converged(sim);
    if (cache != NULL) {
        return cache;
    }
    for (uint32_t home = 0; home < sim->model.regions_count; home++) {
        uint32_t row[LIMITS_REGIONS];
        split_row(&sim->model, durable->factor, home, row);
        if (memcmp(row, sim->control->view.split[home], sizeof row) != 0) {
            return "the split is not what the factors say";
        }
    }
    for (uint32_t site = 0; site < sim->model.sites_count; site++) {
        if (sim->model.sites[site].proxy && sim->sites[site].reader.version != sim->control->view.version) {
            return "a reader answers from an old view";
        }
    }
    return sim_client_content(sim) ? NULL : "clients are not served";
}
