/* SPDX-License-Identifier: Apache-2.0
 * A latency policy's measured networks, each with a time to everything that the policy can compare there.
 *
 * A network that proxies have measured (edge/latency_table.h) has their times of the policy's regions. What it lacks,
 * region or policy, comes from the configured networks that hold it, the smallest that has a time of it. So a measured
 * time wins over a configured one, both are compared, and what nobody knows is behind all that is known. With fewer
 * than two times there is nothing to compare, and the network is left out: being the only one measured is no merit.
 * While loading, one thread; part of dns_steer_list.h. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/view.h"
#include "dns/dns_networks_text.h"
#include "dns/dns_steer.h"
#include "edge/latency_table.h"

struct dns_steer_measured_cell {
    bool known;
    bool measured;
    uint8_t bits;   /* of the configured network that it is from */
    uint32_t us;    /* microseconds */
    int64_t seen_s; /* measured: when */
};

struct dns_steer_measured_row {
    struct dns_networks_line line; /* the network */
    struct dns_steer_measured_cell cells[DNS_STEER_REFS];
};

struct dns_steer_measured {
    struct dns_steer_measured_row *rows; /* owned; in their order as ranges */
    uint32_t count;
};

/* The networks of the table that have a time of one of the policy's regions: `refs` says which region a place of the
 * table is, DNS_STEER_NONE: none of them. `only`: just those that hold this client; NULL: all. */
enum err dns_steer_measured_begin(struct dns_steer_measured *measured, const struct latency_table *table,
                                  const uint8_t refs[LATENCY_TABLE_PLACES], const struct view_address *only) ERR_CHECK;
void dns_steer_measured_end(struct dns_steer_measured *measured);

/* A configured network with its times in milliseconds, in the chain's order. */
void dns_steer_measured_fill(struct dns_steer_measured *measured, const struct dns_networks_line *line,
                             const struct dns_steer_chain *chain, const uint32_t times_ms[DNS_STEER_REFS]);

/* The children of a network, the nearest first; of equal ones that with the lower number. False: there is nothing to
 * compare. */
bool dns_steer_measured_order(const struct dns_steer_measured_row *row, struct dns_steer_chain *ret_chain);
