/* SPDX-License-Identifier: Apache-2.0
 * Looks IPv4 addresses up in ranges.
 *
 * Each /12 is cut into about as many slots of equal size as ranges begin in it, and a slot says which range holds its
 * first address. So a lookup goes to its slot and looks at the few ranges from there on: three places in memory,
 * however many ranges there are, and no branch that depends on the address while a slot has few. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "dns/dns_networks_range.h"

enum { DNS_NETWORKS_FOUR_TOPS = 1 << 12 };

struct dns_networks_four {
    struct {
        uint32_t slot;              /* its first one */
        uint32_t shift;             /* the rest of an address, moved so far to the right: its slot behind that */
    } tops[DNS_NETWORKS_FOUR_TOPS]; /* by the first bits */
    uint32_t *slots;                /* all of them, and one behind them */
    uint32_t *starts;               /* of ranges; behind them the highest address a few times */
    uint16_t *classes;
    uint32_t count; /* of ranges */
};

/* ERR_NO_MEMORY: what there is has still to be freed. */
enum err dns_networks_four_make(const struct dns_networks_ranges *ranges, struct dns_networks_four *ret_four) ERR_CHECK;
void dns_networks_four_free(struct dns_networks_four *four);

struct dns_networks_found dns_networks_four_find(const struct dns_networks_four *four, uint32_t address);
