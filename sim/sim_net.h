/* SPDX-License-Identifier: Apache-2.0
 * Links between places: delay, jitter, loss, cuts in one direction or both. A place is a site and, when it belongs to a
 * region, the machines of that region. */
#pragma once

#include "sim/sim_world.h"

/* Sends; the event happens on arrival. False: it got lost (the link is cut). Loss on a link that is not cut is TCP's
 * affair: the packet comes late. */
bool sim_net_send(struct sim *sim, uint32_t from, uint32_t to, const struct sim_event *event);

bool sim_net_open(const struct sim *sim, uint32_t from, uint32_t to);
/* For clients, who live outside of regions: their network may be cut, but it does not die with a region. */
bool sim_net_client(const struct sim *sim, uint32_t client, uint32_t place);

int64_t sim_net_delay(struct sim *sim, uint32_t from, uint32_t to);

/* The place of a region's machines: its first site. */
uint32_t sim_net_region(const struct sim *sim, uint32_t region);

/* Whether the machines of that place have power: regions die as a whole. */
bool sim_net_alive(const struct sim *sim, uint32_t place);
