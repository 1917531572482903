/* SPDX-License-Identifier: Apache-2.0
 * Policies as a tree: which regions a client is to be answered with, before the split of the view says where their
 * clients are now (dns/dns_policy.h).
 *
 * Five kinds. Three are an order, of which the first child that can answer is taken: failover has one for all,
 * geolocation one by the areas that hold the client (the smallest first), latency one by measured times. Weighted
 * draws, sticky by the client's network. Multivalue takes all. A child is a region or another policy. A policy can
 * answer when a child or its fallback can; which regions can is one bit each, the mask.
 *
 * All is worked out while loading: client networks fall into classes that are treated alike whatever the mask, and for
 * each class, mask and policy a cell says what is reached. A query looks up its class, then a cell; only weighted and
 * multivalue take a step more. When nothing can answer, the cell leads to the first child of each order: the
 * last-standing answer.
 *
 * Made by dns_steer_load, never changed, read by all workers at once; reload makes another one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/limits.h"
#include "dns/dns_networks.h"

enum {
    DNS_STEER_REGIONS = LIMITS_REGIONS,
    DNS_STEER_NODES = 64,    /* policies */
    DNS_STEER_CHILDREN = 32, /* of one of them */
    DNS_STEER_DEPTH = 8,
    DNS_STEER_REFS = DNS_STEER_REGIONS + DNS_STEER_NODES, /* a region, then DNS_STEER_REGIONS + the policy's index */
    DNS_STEER_NONE = UINT8_MAX,
    DNS_STEER_ALIVE = 0x80,    /* in a cell, beside the reference */
    DNS_STEER_CELLS = 1 << 26, /* of one table, a byte each */
};

enum dns_steer_kind {
    DNS_STEER_GEOLOCATION,
    DNS_STEER_LATENCY,
    DNS_STEER_WEIGHTED,
    DNS_STEER_FAILOVER,
    DNS_STEER_MULTIVALUE,
};

struct dns_steer_node {
    char name[LIMITS_NAME];
    uint64_t hash; /* of the name: draws of different policies have nothing to do with each other */
    enum dns_steer_kind kind;
    uint8_t fallback;        /* DNS_STEER_NONE: none */
    uint8_t otherwise;       /* geolocation, latency: the last of every order */
    uint8_t table;           /* DNS_STEER_NONE: no name refers to it */
    uint64_t below;          /* bit by policy that is a child, of any kind */
    uint32_t children_count; /* weighted, failover, multivalue */
    uint8_t children[DNS_STEER_CHILDREN];
    uint32_t weights[DNS_STEER_CHILDREN];
};

/* An order: children without repetition, and why each stands where it does (explaining only; else 0). */
struct dns_steer_chain {
    uint16_t count;
    uint8_t refs[DNS_STEER_REFS];
    uint16_t labels[DNS_STEER_REFS];
};

/* For a policy that names refer to: the networks of all that is reached from it. One for each, for networks that only
 * other names care about must not make its scopes longer. */
struct dns_steer_table {
    uint8_t root;                   /* the policy */
    uint64_t nodes;                 /* bit by geolocation and latency policy */
    uint32_t slots_count;           /* how many */
    uint8_t slots[DNS_STEER_NODES]; /* policy -> slot */
    struct dns_networks *networks;  /* NULL: no slots, one class */
    uint32_t classes_count;
    struct dns_steer_chain *chains; /* class x slot; explaining only, else NULL */
    uint8_t *cells;                 /* (class x masks + mask) x policies + policy: what is reached */
};

struct dns_steer {
    uint32_t regions_count;
    char regions[DNS_STEER_REGIONS][LIMITS_NAME];
    uint32_t nodes_count;
    struct dns_steer_node nodes[DNS_STEER_NODES];
    uint32_t tables_count;
    struct dns_steer_table tables[DNS_STEER_NODES];
    uint32_t labels_count;
    char **labels; /* of chains, from 1 */
};

/* The regions that a client is to be answered with. */
struct dns_steer_pick {
    uint8_t regions;    /* bit by region; several: multivalue */
    uint8_t policy;     /* DNS_STEER_NONE, or the multivalue policy that all were taken from */
    uint8_t scope_bits; /* of the client's address: what decided, without draws */
    bool drawn;         /* the client's network (dns/dns_policy.h) decided, too */
    bool alive;         /* false: the last-standing answer */
    uint16_t class;
};

/* What the client's address decides. `mask`: regions that can answer. False: draws or several values decide, too, and
 * dns_steer_draw has to say the rest. */
bool dns_steer_look(const struct dns_steer *steer, uint32_t node, const struct view_address *client, uint32_t mask,
                    struct dns_steer_pick *ret_pick);

/* The rest. `hash`: of the client's network and the name. */
void dns_steer_draw(const struct dns_steer *steer, uint32_t node, uint32_t mask, uint64_t hash,
                    struct dns_steer_pick *pick);

/* Both. */
struct dns_steer_pick dns_steer_pick(const struct dns_steer *steer, uint32_t node, const struct view_address *client,
                                     uint32_t mask, uint64_t hash);

/* What is reached from a policy: a reference to a region, a weighted or a multivalue policy, and DNS_STEER_ALIVE. */
static inline uint8_t dns_steer_cell(const struct dns_steer *steer, const struct dns_steer_table *table, uint32_t class,
                                     uint32_t mask, uint32_t node)
{
    return table->cells[(((size_t) class << steer->regions_count) + mask) * steer->nodes_count + node];
}

/* The same for a region or policy. */
static inline uint8_t dns_steer_reach(const struct dns_steer *steer, const struct dns_steer_table *table,
                                      uint32_t class, uint32_t mask, uint32_t ref)
{
    if (ref < DNS_STEER_REGIONS) {
        return (uint8_t)(ref | ((mask >> ref & 1) != 0 ? DNS_STEER_ALIVE : 0));
    }
    return dns_steer_cell(steer, table, class, mask, ref - DNS_STEER_REGIONS);
}

/* What a weighted policy came to. */
struct dns_steer_drawn {
    uint8_t first; /* drawn among all */
    uint8_t taken; /* the same; when it cannot answer, drawn again among those that can, so that nobody else moves */
    bool chance;   /* there was more than one to draw from */
};

/* `hash`: of the client's network and the name. */
struct dns_steer_drawn dns_steer_weighted(const struct dns_steer *steer, const struct dns_steer_table *table,
                                          uint32_t class, uint32_t mask, uint32_t node, uint64_t hash);

/* "taiwan", or a policy's name. */
const char *dns_steer_name(const struct dns_steer *steer, uint32_t ref);

void dns_steer_free(struct dns_steer *steer);
