/* SPDX-License-Identifier: Apache-2.0
 * Merges lists of networks into ranges (dns/dns_networks.h).
 *
 * Networks of any number of lists are collected in any order; then one sweep over the sorted address space keeps the
 * stack of those that hold the present address. What such a stack means is the caller's business: it gives each state
 * a number and each number a class. Used while loading, by one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "dns/dns_networks.h"

enum {
    DNS_NETWORKS_MOST = 1 << 24,    /* entries of one table */
    DNS_NETWORKS_CLASSES = 1 << 16, /* a class is 16 bits */
};

/* One network of a list. */
struct dns_networks_entry {
    struct dns_networks_key start;
    uint32_t value; /* the caller's: what the list says about it */
    uint32_t line;  /* for messages; 0: none */
    uint8_t bits;
    uint8_t list;
    uint16_t source; /* the caller's, for messages */
};

struct dns_networks_pile {
    struct dns_networks_entry *entries;
    size_t count;
    size_t capacity;
};

struct dns_networks_merge {
    struct dns_networks_pile piles[2]; /* IPv4, IPv6; owned */
    /* State `state` (0: no network at all) with an entry on top. False: too many states, or out of memory. */
    bool (*step)(void *context, uint32_t state, const struct dns_networks_entry *entry, uint32_t *ret_state);
    uint16_t (*class)(const void *context, uint32_t state);
    void *context;
    /* ERR_EXISTS: these two are the same network of the same list with different values. */
    struct dns_networks_entry twice[2];
};

/* `family` 4 or 6; the bits behind the prefix are zero. ERR_TOO_LARGE, ERR_NO_MEMORY. */
enum err dns_networks_merge_add(struct dns_networks_merge *merge, uint32_t family,
                                const struct dns_networks_entry *entry) ERR_CHECK;

/* ERR_EXISTS: see `twice`; ERR_TOO_LARGE: `step` said so; ERR_NO_MEMORY. */
enum err dns_networks_merge(struct dns_networks_merge *merge, struct dns_networks **ret_networks) ERR_CHECK;

/* Frees the entries. */
void dns_networks_merge_fini(struct dns_networks_merge *merge);
