/* SPDX-License-Identifier: Apache-2.0
 * The view: the immutable, numbered picture from which DNS, proxy and library answer.
 *
 * Flat: indices and fixed arrays, no pointers, so the same bytes live in shared memory, in a file for cold start and on
 * HTTP. The core makes it (core/engine.h), edge/publish.h hands it to readers, everybody else only reads. Sealed by a
 * checksum over all bytes behind it. Unused entries are zero. Times in it are wall clock, for display only. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/limits.h"

#define VIEW_MAGIC 0x57454956444c4f48U /* "HOLDVIEW" in little-endian memory */

enum {
    VIEW_FORMAT = 4,
    VIEW_SHARES_WHOLE = 10000, /* a row of the split adds up to this: shares are in 1/10,000 */
    VIEW_HOMES = LIMITS_REGIONS + 1,
    VIEW_HOME_DEFAULT = LIMITS_REGIONS, /* the split's row of clients without a home region */
};

enum view_region_state {
    VIEW_REGION_SERVING = 0, /* carries traffic */
    VIEW_REGION_STANDBY = 1, /* could carry traffic */
    VIEW_REGION_DOWN = 2,    /* must not get traffic */
};

enum view_node_role {
    VIEW_NODE_UNKNOWN = 0,
    VIEW_NODE_WRITER = 1,
    VIEW_NODE_STANDBY = 2,
};

struct view_region {
    char name[LIMITS_NAME];
    uint32_t state; /* enum view_region_state */
    uint32_t healthy;
    uint32_t ttl_ceiling_s; /* answers that lead here live at most so long; lowered on suspicion; 0: no ceiling */
    uint32_t reserved;
};

/* An address: IPv4 in the first four bytes, or IPv6; network byte order. Port 0: not given. */
struct view_address {
    uint8_t bytes[16];
    uint16_t port;
    uint16_t family; /* 4 or 6; 0 for an unused entry */
};

/* One address that DNS may answer for an endpoint name of a region. */
struct view_endpoint {
    char name[LIMITS_NAME];
    struct view_address address;
    uint32_t region;
    uint32_t healthy;
};

/* Clients inside this network have this home region; the longest prefix wins. */
struct view_network {
    struct view_address address;
    uint32_t prefix_bits;
    uint32_t home; /* region index */
};

struct view_node {
    char name[LIMITS_NAME];
    struct view_address postgres;
    uint32_t database;
    uint32_t region;
    uint32_t role; /* enum view_node_role */
    uint32_t healthy;
    uint32_t lag_ms;   /* of a standby: at most so much, in steps (core/lag.h); UINT32_MAX: unknown */
    uint32_t upstream; /* node that it is to stream from; LIMITS_NONE: the writer, whoever that is */
    uint64_t order;    /* of that: version that said so first; 0: nothing is said, what was said before holds */
    uint32_t leads;    /* 1: it keeps slots for the other nodes of its region */
    uint32_t reserved;
};

struct view_database {
    char name[LIMITS_NAME];
    uint64_t epoch;  /* nothing obeys an older one */
    uint32_t writer; /* node index, LIMITS_NONE: no writer now, hold or refuse writes */
    uint32_t hold;   /* 1: a planned move is under way, or max_lag is passed: hold sessions at transaction boundaries */
    uint32_t locked_commit; /* 1: every commit waits for the set: refuse what would lower synchronous_commit */
    uint32_t reserved;
};

/* A TCP service: its clients are relayed to one of its targets (src/service). */
struct view_service {
    char name[LIMITS_NAME];
    uint64_t epoch;   /* grows with each change of the primary */
    uint32_t primary; /* target that alone takes clients; LIMITS_NONE: any may, or none if `single` */
    uint32_t single;  /* 1: only the primary takes clients */
};

/* One server of a service. */
struct view_target {
    struct view_address address;
    uint32_t service;
    uint32_t region;
    uint32_t healthy; /* the service's check of the region has not failed */
};

struct view {
    uint64_t magic;
    uint32_t format;
    uint32_t size;     /* sizeof(struct view) */
    uint64_t checksum; /* over everything behind this member */
    uint64_t version;  /* grows with every change; a later boot starts above the last journaled one */
    int64_t made_wall_us;
    uint64_t config_hash;
    uint64_t run; /* id of the run that made this version, 0: none */
    uint32_t regions_count;
    uint32_t endpoints_count;
    uint32_t networks_count;
    uint32_t databases_count;
    uint32_t nodes_count;
    uint32_t services_count;
    uint32_t targets_count;
    uint32_t reserved;
    uint32_t split[VIEW_HOMES][LIMITS_REGIONS];
    struct view_region regions[LIMITS_REGIONS];
    struct view_endpoint endpoints[LIMITS_ENDPOINTS];
    struct view_network networks[LIMITS_NETWORKS];
    struct view_database databases[LIMITS_DATABASES];
    struct view_node nodes[LIMITS_NODES];
    struct view_service services[LIMITS_SERVICES];
    struct view_target targets[LIMITS_TARGETS];
};

/* Fills magic, format, size and checksum. */
void view_seal(struct view *view);

/* Whether these bytes are a whole, unharmed view of this format whose indices are all in range: safe to answer from. */
bool view_valid(const struct view *view, uint64_t size);

/* The index of a database, region or service by name; LIMITS_NONE when there is none. */
uint32_t view_database_find(const struct view *view, const char *name);
uint32_t view_region_find(const struct view *view, const char *name);
uint32_t view_service_find(const struct view *view, const char *name);

/* The home row of a client address: a region index, or VIEW_HOME_DEFAULT. */
uint32_t view_home(const struct view *view, const struct view_address *client);

/* The region for a point in [0, VIEW_SHARES_WHOLE) of a home row. The same point keeps its region while shares grow
 * towards it (regions are laid out in order of their index). LIMITS_NONE when the row is all zero. */
uint32_t view_split_region(const struct view *view, uint32_t home, uint32_t point);
