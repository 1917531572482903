/* SPDX-License-Identifier: Apache-2.0
 * What a seed decides: the configuration and the faults. */
#pragma once

#include "sim/sim_world.h"

void sim_swarm_model(struct prng *dice, struct model *ret_model);

/* A storm: several faults at once, one after the other. */
void sim_swarm_storm(struct sim *sim, struct sim_script *ret_script);

/* One ordinary fault of an ordinary year. */
void sim_swarm_episode(struct sim *sim, struct sim_script *ret_script);

/* How many of those a year brings to this configuration, in 1/1,000. */
uint32_t sim_swarm_episodes(const struct model *model);

/* Choices of durability that take no dice: older seeds keep their stories. */
void sim_swarm_tiers(uint64_t seed, bool every, struct model *model);

/* Names with a TTL that falls on suspicion; likewise without dice. */
void sim_swarm_ttl(uint64_t seed, struct model *model);

/* Up to three of its sites get a controller. */
void sim_swarm_several(struct model *model);

/* Gives the databases a window of silence, and one of three a short lease. */
void sim_swarm_beats(struct prng *dice, struct model *model);

/* A Redis in each region, behind a relay at each site. No dice. */
void sim_swarm_cache(uint64_t seed, struct model *model);

/* Gives it regional leaders: of each region only the first node may be a member of the durability set, so that the
 * others cascade. No dice, so that other seeds' stories stay as they are. */
void sim_swarm_cascade(struct model *model);
