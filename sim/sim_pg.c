/* SPDX-License-Identifier: Apache-2.0
 * A model of PostgreSQL's replication. */
#include "sim/sim_pg.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "sim/sim_check.h"
#include "sim/sim_history.h"
#include "sim/sim_net.h"
#include "sim/sim_queue.h"

enum {
    SIM_PG_SILENT_US = 1000 * SIM_MS, /* wal_receiver_timeout */
    SIM_PG_RECORD = 100,              /* bytes of WAL of one commit */
    SIM_PG_REPLAY_SLOW = 10,          /* bytes replayed per tick by a standby that lags */
};

static void sim_pg_hang_up(struct sim *sim, uint32_t standby)
{
    struct sim_pg *pg = &sim->nodes[standby].pg;
    if (pg->upstream != LIMITS_NONE && sim->nodes[pg->upstream].pg.links[standby] == pg->link) {
        sim->nodes[pg->upstream].pg.links[standby] = 0;
    }
    pg->receiving = false;
}

void sim_pg_kill(struct sim *sim, uint32_t node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (pg->recovery) {
        sim_pg_hang_up(sim, node);
    }
    if (pg->state != SIM_STOPPED) {
        pg->clean = false;
    }
    pg->state = SIM_STOPPED;
    pg->receiving = false;
    pg->waiting_count = 0;
    memset(pg->links, 0, sizeof pg->links);
}

void sim_pg_shutdown(struct sim *sim, uint32_t node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (!pg->recovery) {
        pg->flushed += SIM_PG_RECORD;
        for (uint32_t other = 0; other < sim->model.nodes_count; other++) {
            struct sim_node *standby = &sim->nodes[other];
            const bool open = sim_net_open(sim, sim->nodes[node].place, standby->place) &&
                              sim_net_open(sim, standby->place, sim->nodes[node].place);
            if (pg->links[other] != 0 && pg->links[other] == standby->pg.link && standby->pg.receiving && open &&
                !standby->stands_still) {
                standby->pg.branch = pg->branch;
                standby->pg.timeline = pg->timeline;
                standby->pg.flushed = pg->flushed;
            }
        }
    }
    sim_pg_kill(sim, node);
    pg->clean = true;
}

void sim_pg_promoted(struct sim *sim, uint32_t node, uint64_t epoch, bool in_place)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (pg->recovery) {
        sim_pg_hang_up(sim, node);
    }
    if (!in_place) {
        ASSERT(sim->branches_count < SIM_BRANCHES);
        const uint32_t branch = sim->branches_count++;
        pg->timeline++;
        sim->branches[branch] = (struct sim_branch){pg->branch, pg->flushed, epoch, node, pg->timeline};
        pg->branch = branch;
    }
    pg->state = SIM_RUNNING;
    pg->recovery = false;
    pg->upstream = LIMITS_NONE;
    pg->replayed = pg->flushed;
    pg->waiting_count = 0;
    memset(pg->links, 0, sizeof pg->links);
    sim_check_promoted(sim, node, epoch);
}

static bool sim_pg_satisfied(const struct sim_pg *pg, const struct sim_commit *commit)
{
    uint32_t have = 0;
    for (uint32_t node = 0; node < LIMITS_NODES; node++) {
        have += (pg->sync_mask >> node & 1U) != 0 && pg->links[node] != 0 && pg->standby[node] >= commit->position;
    }
    return have >= pg->sync_required;
}

static void sim_pg_acknowledge(struct sim *sim, uint32_t node, uint32_t index)
{
    struct sim_commit *commit = &sim->commits[index];
    commit->acked = true;
    sim_check_ack(sim, node, commit);
    const struct sim_event event = {.kind = SIM_CLIENT_ACK, .a = commit->client, .b = node, .x = commit->epoch};
    const uint32_t place = sim->nodes[node].place;
    const uint32_t client = sim_net_region(sim, sim->clients[commit->client].home);
    if (sim_net_client(sim, client, place)) {
        sim_queue_at(sim, sim->now + sim_net_delay(sim, place, client), &event);
    }
}

static void sim_pg_release(struct sim *sim, uint32_t node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    if (!sim_history_writable(&sim->nodes[node])) {
        return;
    }
    uint32_t kept = 0;
    const uint32_t count = pg->waiting_count;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t index = pg->waiting[i];
        const bool free_of = sim->options.sabotage == SIM_SABOTAGE_ANY_CANDIDATE || !sim->commits[index].tier1;
        if (free_of || sim_pg_satisfied(pg, &sim->commits[index])) {
            sim_pg_acknowledge(sim, node, index);
        } else {
            pg->waiting[kept++] = index;
        }
    }
    pg->waiting_count = kept;
}

void sim_pg_require(struct sim *sim, uint32_t node, uint32_t mask, uint32_t required)
{
    sim->nodes[node].pg.sync_mask = mask;
    sim->nodes[node].pg.sync_required = required;
    sim_pg_release(sim, node);
}

static int64_t sim_pg_disk(struct sim *sim, const struct sim_node *node)
{
    struct prng *dice = &sim->dice[SIM_DICE_DISK];
    return node->slow_disk ? prng_between(dice, 50 * SIM_MS, 900 * SIM_MS) : prng_between(dice, 300, 3 * SIM_MS);
}

/* Position `y` of branch `x` is on its way to a standby. */
static void sim_pg_send(struct sim *sim, uint32_t node, uint32_t standby)
{
    const struct sim_pg *pg = &sim->nodes[node].pg;
    const struct sim_event event = {.kind = SIM_PG_WAL,
                                    .a = standby,
                                    .b = node,
                                    .c = pg->links[standby],
                                    .d = pg->timeline,
                                    .x = pg->branch,
                                    .y = pg->flushed};
    (void)sim_net_send(sim, sim->nodes[node].place, sim->nodes[standby].place, &event);
}

/* A client's write reached the server: it is on disk a moment later. */
static void sim_pg_write(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *node = &sim->nodes[event->a];
    const bool current = node->agent.record.data_epoch == event->x || sim->options.sabotage == SIM_SABOTAGE_STALE_PROXY;
    if (!sim_history_writable(node) || !current) {
        return;
    }
    struct sim_event flush = *event;
    flush.kind = SIM_PG_FLUSH;
    flush.x = node->pg.branch;
    sim_queue_at(sim, sim->now + sim_pg_disk(sim, node), &flush);
}

static uint32_t sim_pg_commit(struct sim *sim, const struct sim_event *event, const struct sim_node *node)
{
    if (sim->commits_count == sim->commits_capacity) {
        sim->commits_capacity = sim->commits_capacity == 0 ? 4096 : sim->commits_capacity * 2;
        sim->commits = realloc(sim->commits, sim->commits_capacity * sizeof sim->commits[0]);
        ASSERT(sim->commits != NULL);
    }
    const bool every = sim->model.databases[sim->model.nodes[event->a].database].every_commit;
    sim->commits[sim->commits_count] = (struct sim_commit){.database = sim->model.nodes[event->a].database,
                                                           .branch = node->pg.branch,
                                                           .position = node->pg.flushed,
                                                           .epoch = node->agent.record.data_epoch,
                                                           .client = event->b,
                                                           .tier1 = event->c != 0 || every};
    return sim->commits_count++;
}

static void sim_pg_flush(struct sim *sim, const struct sim_event *event)
{
    struct sim_node *node = &sim->nodes[event->a];
    struct sim_pg *pg = &node->pg;
    if (!sim_history_writable(node) || pg->branch != event->x || pg->waiting_count == SIM_WAITING) {
        return;
    }
    pg->flushed += SIM_PG_RECORD;
    pg->waiting[pg->waiting_count++] = sim_pg_commit(sim, event, node);
    for (uint32_t standby = 0; standby < sim->model.nodes_count; standby++) {
        if (pg->links[standby] != 0) {
            sim_pg_send(sim, event->a, standby);
        }
    }
    sim_pg_release(sim, event->a);
}

static bool sim_pg_linked(const struct sim *sim, const struct sim_event *event)
{
    const struct sim_node *node = &sim->nodes[event->a];
    return node->pg.state == SIM_RUNNING && node->pg.recovery && node->pg.receiving && node->pg.upstream == event->b &&
           node->pg.link == event->c && !node->stands_still && !node->dead;
}

static void sim_pg_wal(struct sim *sim, const struct sim_event *event)
{
    if (sim_pg_linked(sim, event)) {
        struct sim_event flushed = *event;
        flushed.kind = SIM_PG_WAL_FLUSHED;
        sim->nodes[event->a].pg.heard_us = sim->now;
        sim_queue_at(sim, sim->now + sim_pg_disk(sim, &sim->nodes[event->a]), &flushed);
    }
}

static void sim_pg_wal_flushed(struct sim *sim, const struct sim_event *event)
{
    struct sim_pg *pg = &sim->nodes[event->a].pg;
    if (!sim_pg_linked(sim, event)) {
        return;
    }
    pg->branch = (uint32_t)event->x;
    pg->timeline = event->d;
    pg->flushed = event->y > pg->flushed ? event->y : pg->flushed;
    for (uint32_t standby = 0; standby < sim->model.nodes_count; standby++) {
        if (pg->links[standby] != 0) {
            sim_pg_send(sim, event->a, standby); /* it leads its region */
        }
    }
    if (!sim->nodes[event->a].slow_replay) {
        pg->replayed = pg->flushed;
    }
    const struct sim_event ack = {.kind = SIM_PG_WAL_ACK, .a = event->b, .b = event->a, .c = event->c, .y = event->y};
    (void)sim_net_send(sim, sim->nodes[event->a].place, sim->nodes[event->b].place, &ack);
}

static void sim_pg_wal_ack(struct sim *sim, const struct sim_event *event)
{
    struct sim_pg *pg = &sim->nodes[event->a].pg;
    const struct sim_node *node = &sim->nodes[event->a];
    if (pg->links[event->b] == event->c && pg->state == SIM_RUNNING && !node->stands_still && !node->dead) {
        pg->standby[event->b] = event->y > pg->standby[event->b] ? event->y : pg->standby[event->b];
        sim_pg_release(sim, event->a);
    }
}

static void sim_pg_connect(struct sim *sim, uint32_t node)
{
    struct sim_pg *pg = &sim->nodes[node].pg;
    struct sim_pg *upstream = &sim->nodes[pg->upstream].pg;
    if (!sim_history_within(sim, pg->branch, pg->flushed, upstream->branch, upstream->flushed)) {
        return;
    }
    pg->link++;
    pg->receiving = true;
    pg->heard_us = sim->now;
    upstream->links[node] = pg->link;
    upstream->standby[node] = 0;
    sim_pg_send(sim, pg->upstream, node);
}

void sim_pg_tick(struct sim *sim, uint32_t node)
{
    struct sim_node *self = &sim->nodes[node];
    struct sim_pg *pg = &self->pg;
    if (pg->state != SIM_RUNNING || !pg->recovery) {
        return;
    }
    const uint64_t step = self->slow_replay ? SIM_PG_REPLAY_SLOW : UINT64_MAX;
    pg->replayed = pg->flushed - pg->replayed > step ? pg->replayed + step : pg->flushed;
    if (pg->upstream == LIMITS_NONE) {
        return;
    }
    const struct sim_node *upstream = &sim->nodes[pg->upstream];
    const bool open =
        sim_net_open(sim, self->place, upstream->place) && sim_net_open(sim, upstream->place, self->place);
    const bool cascades = pg->upstream != self->agent.writer;
    const bool serving = !upstream->dead && upstream->pg.state == SIM_RUNNING && (!upstream->pg.recovery || cascades);
    if (pg->receiving && open && upstream->pg.links[node] != pg->link) {
        sim_pg_hang_up(sim, node); /* reset */
    } else if (pg->receiving && open && !upstream->stands_still) {
        pg->heard_us = sim->now;
        if (pg->flushed < upstream->pg.flushed || upstream->pg.standby[node] < pg->flushed) {
            sim_pg_send(sim, pg->upstream, node);
        }
    } else if (pg->receiving && sim->now - pg->heard_us > SIM_PG_SILENT_US) {
        sim_pg_hang_up(sim, node);
    } else if (!pg->receiving && open && serving && !upstream->stands_still) {
        sim_pg_connect(sim, node);
    }
}

void sim_pg_event(struct sim *sim, const struct sim_event *event)
{
    if (event->kind == SIM_PG_WRITE) {
        sim_pg_write(sim, event);
    } else if (event->kind == SIM_PG_FLUSH) {
        sim_pg_flush(sim, event);
    } else if (event->kind == SIM_PG_WAL) {
        sim_pg_wal(sim, event);
    } else if (event->kind == SIM_PG_WAL_FLUSHED) {
        sim_pg_wal_flushed(sim, event);
    } else {
        ASSERT(event->kind == SIM_PG_WAL_ACK);
        sim_pg_wal_ack(sim, event);
    }
}
