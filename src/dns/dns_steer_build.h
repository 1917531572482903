/* SPDX-License-Identifier: Apache-2.0
 * Works out the tables of a policy tree (dns/dns_steer.h): classes of client networks, their orders, the cells.
 *
 * A network of a list says something about one policy: a fragment, the children that clients in it are led to, best
 * first; a measured network of the same size comes before it. A record of the geographic database says something about
 * several. The order of a policy for a client is the fragments of the networks that hold it, the smallest first, then
 * that of the database, then the default. Used while loading, by one thread: dns_steer_load.c feeds it. */
#pragma once

#include "base/err.h"
#include "dns/dns_intern.h"
#include "dns/dns_networks_merge.h"
#include "dns/dns_steer.h"

enum {
    DNS_STEER_GEO = UINT8_MAX,            /* the database among the lists, which are policies ... */
    DNS_STEER_MEASURED = DNS_STEER_NODES, /* ... and, above this, what was measured for them: it comes first */
    DNS_STEER_FRAGMENTS = 1 << 20,
    DNS_STEER_STATES = 1 << 20,
};

struct dns_steer_build {
    struct dns_steer *steer;
    struct dns_steer_table *table;
    struct dns_networks_merge merge;
    struct dns_intern fragments; /* struct dns_steer_chain */
    struct dns_intern places;    /* uint32_t by slot: fragment + 1; 0: none */
    struct dns_intern states;    /* struct dns_steer_state */
    struct dns_intern classes;   /* records: cells, then (only if labelled) struct dns_steer_chain by slot */
    size_t cells_bytes;
    size_t chains_bytes;
    uint8_t *record;                /* of the class that is being made, and ... */
    struct dns_steer_table scratch; /* ... a table of that class alone */
    uint8_t order[DNS_STEER_NODES]; /* policies, those below first */
    bool labelled;                  /* classes are told apart by their orders, too, which are kept (explaining) */
    uint16_t *state_class;
    uint32_t state_capacity;
    bool too_many; /* classes or states */
};

/* For one table, whose `nodes` are set. On an error there is nothing to finish. */
enum err dns_steer_build_init(struct dns_steer_build *build, struct dns_steer *steer, struct dns_steer_table *table,
                              bool labelled) ERR_CHECK;
void dns_steer_build_fini(struct dns_steer_build *build);

/* The number of a fragment. */
enum err dns_steer_build_fragment(struct dns_steer_build *build, const struct dns_steer_chain *fragment,
                                  uint32_t *ret_fragment) ERR_CHECK;

/* Appends a child if it is not there. */
void dns_steer_build_append(struct dns_steer_chain *chain, uint32_t ref, uint32_t label);

/* Merges what was added to `merge`: entries with a policy as list and a fragment as value, or DNS_STEER_GEO and a
 * number of `places`. ERR_TOO_LARGE: too many classes; ERR_EXISTS: see merge.twice. */
enum err dns_steer_build_finish(struct dns_steer_build *build) ERR_CHECK;
