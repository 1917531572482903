/* SPDX-License-Identifier: Apache-2.0
 * The record store. */
#include "sim/sim_store.h"

int64_t sim_store_latency(struct sim *sim)
{
    struct prng *dice = &sim->dice[SIM_DICE_DISK];
    return sim->store.slow ? prng_between(dice, 100 * SIM_MS, 4000 * SIM_MS) : prng_between(dice, 500, 6 * SIM_MS);
}

static enum err sim_store_put(struct sim *sim, uint32_t database, const struct sim_lease *lease)
{
    if (sim->store.full) {
        return ERR_DISK_FULL;
    }
    sim->store.leases[database] = *lease;
    sim->store.leases[database].revision = ++sim->store.revision;
    return ERR_OK;
}

enum err sim_store_lease(struct sim *sim, enum sim_store_ask ask, uint32_t database, uint32_t node, uint64_t epoch)
{
    const struct sim_lease *lease = &sim->store.leases[database];
    if (ask == SIM_STORE_GET) {
        return ERR_OK;
    }
    const bool has = lease->state == EVENT_LEASE_HELD && lease->epoch == epoch && lease->holder == node;
    if (ask == SIM_STORE_RENEW) {
        return has ? sim_store_put(sim, database, lease) : ERR_CONFLICT;
    }
    const bool first = lease->state == EVENT_LEASE_NONE && lease->revision == 0 && epoch == 1 &&
                       node == sim->model.databases[database].initial_writer;
    const bool ours = lease->state == EVENT_LEASE_REVOKED && lease->next == epoch && lease->candidate == node;
    const bool sabotaged = sim->options.sabotage == SIM_SABOTAGE_NO_WAIT && epoch > lease->epoch;
    if (!has && !first && !ours && !sabotaged) {
        return ERR_CONFLICT;
    }
    const struct sim_lease taken = {
        .state = EVENT_LEASE_HELD, .holder = node, .epoch = epoch, .candidate = LIMITS_NONE};
    return sim_store_put(sim, database, &taken);
}

enum err sim_store_revoke(struct sim *sim, uint32_t database, uint32_t candidate, uint64_t next)
{
    const struct sim_lease *lease = &sim->store.leases[database];
    const bool revoked = lease->state == EVENT_LEASE_REVOKED;
    if (revoked && lease->next == next && lease->candidate == candidate) {
        return ERR_OK;
    }
    if (lease->epoch >= next || (revoked && lease->next > next)) {
        return ERR_CONFLICT;
    }
    struct sim_lease changed = *lease;
    if (!revoked) {
        changed.replaced = lease->revision;
    }
    changed.state = EVENT_LEASE_REVOKED;
    changed.next = next;
    changed.candidate = candidate;
    return sim_store_put(sim, database, &changed);
}
