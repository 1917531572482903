/* SPDX-License-Identifier: Apache-2.0
 * Events: something that happened, and when. Made at the edge, borrowed by engine_step for the call.
 *
 * Indices (site, probe, node, ...) are those of the model (core/model.h). They may come late, twice or never. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/time.h"
#include "core/limits.h"
#include "core/lsn.h"
#include "core/view.h"

enum event_kind {
    EVENT_TICK,        /* time has passed */
    EVENT_OBSERVATION, /* one probe of one site ended */
    EVENT_SITE,        /* a site's report arrived: it is alive */
    EVENT_NODE,        /* an agent's report arrived */
    EVENT_BEATS,       /* what a site hears of heartbeats: on change, and again and again */
    EVENT_DEATH,       /* a heartbeat said that a writer's server died */
    EVENT_LEASE,       /* the store's lease record of a database: seen at start, granted, renewed or revoked */
    EVENT_CACHE,       /* a server of a cache told how it is */
    EVENT_READER,      /* a reader of the view announced the version it answers from */
    EVENT_RESULT,      /* an action was answered */
    EVENT_COMMAND,     /* an operator wants something */
};

struct event_observation {
    uint32_t site;
    uint32_t probe;
    bool ok;
    enum err error;
    uint32_t latency_us;
    uint32_t age_ms; /* how long ago the probe ended */
    bool has_value;
    uint64_t value; /* ppm for rates, microseconds for p95 */
    bool has_requests;
    uint64_t requests; /* requests the region served since the last sample of this observer */
};

struct event_node {
    uint32_t node;
    uint64_t boot; /* changes with each start of the agent */
    uint64_t sequence;
    bool running;       /* PostgreSQL accepts queries */
    uint32_t role;      /* enum view_node_role */
    uint64_t system_id; /* PostgreSQL's system identifier */
    uint32_t timeline;
    struct lsn written; /* writers: flushed by the server itself */
    struct lsn received;
    struct lsn replayed;
    bool receiving;    /* a standby with a live WAL receiver */
    uint32_t upstream; /* a standby: node + 1 that it is set to stream from; 0: not told */
    uint64_t order;    /* ... by the newest order that it knows (struct view_node) */
    bool leads;        /* a standby: it has a slot for each node that it was told to serve */
    uint64_t epoch;    /* highest epoch the node has seen */
    bool lease_held;
    bool fenced; /* no PostgreSQL process remains, and none starts without a new lease */
    bool died; /* a writer's server ended by itself, none of its processes remains, and its agent gives the controllers
                  a moment to choose another before it starts again in place */
    bool checksums;
    uint32_t sync_mask; /* writers: nodes named in synchronous_standby_names */
    uint32_t sync_required;
    uint32_t lag_ms; /* UINT32_MAX: unknown */
    uint64_t homed;  /* up to this epoch, what the node wrote alone is on its later writers or in their ledger */
    uint64_t owes;   /* ... but not what it wrote up to this epoch: that was set aside with its directory */
    uint32_t lowers; /* writers: roles, databases and functions that lower synchronous_commit; UINT32_MAX: not looked */
    uint32_t ledger_open;   /* writers: entries of the ledger that wait for a person ... */
    uint32_t ledger_age_ms; /* ... as counted so long ago; UINT32_MAX: never */
};

/* The heartbeats that one site hears, bit per node. In neither mask: unknown, it never heard that node or stood still
 * itself. */
struct event_beats {
    uint32_t site;
    uint32_t heard;
    uint32_t silent;               /* for the whole window of its database (model_database.silence_ms) */
    uint32_t age_ms[LIMITS_NODES]; /* of those: since the last heartbeat */
    uint64_t gone[LIMITS_NODES]; /* what is heard says: no process of the server remains, under this epoch; 0: not so */
};

/* The report of this boot will say the same; until it comes, this stands for it. */
struct event_death {
    uint32_t node;
    uint64_t boot;
    uint64_t epoch;
};

enum event_lease_state { EVENT_LEASE_NONE, EVENT_LEASE_HELD, EVENT_LEASE_REVOKED };

struct event_lease {
    uint32_t database;
    enum event_lease_state state;
    uint32_t holder; /* node index */
    uint64_t epoch;
    uint64_t revision;  /* of the record in the store */
    uint32_t candidate; /* node in whose favour it was revoked */
};

struct event_cache {
    uint32_t target;   /* index of the model's targets */
    bool primary;      /* it takes writes; else it follows */
    bool linked;       /* a follower whose stream is up and complete */
    bool loading;      /* of no use to anybody yet */
    uint32_t upstream; /* a follower: whom; LIMITS_NONE: none of the service's servers */
    uint64_t offset;   /* of the stream, written or received */
};

enum event_reader_kind { EVENT_READER_DNS, EVENT_READER_PROXY, EVENT_READER_SERVICE };

struct event_reader {
    uint32_t site;
    enum event_reader_kind kind;
    uint64_t version;
};

/* What became of an action. `refused`: it certainly did not and will not happen. Neither ok nor refused: unknown. */
struct event_result {
    uint64_t action;
    bool ok;
    bool refused;
    enum err error;
    struct lsn lsn;
    uint64_t revision; /* LEASE_REVOKE: of the record that was replaced, the holder's last renewal */
    uint32_t holder;   /* LEASE_REVOKE: the node whose right was revoked; LIMITS_NONE: nobody ever held it;
                          LIMITS_NODES: a node that the configuration no longer has */
    char detail[96];
};

enum event_command_kind {
    EVENT_COMMAND_FAILOVER,
    EVENT_COMMAND_SWITCHOVER,
    EVENT_COMMAND_FAILBACK,
    EVENT_COMMAND_APPROVE,
    EVENT_COMMAND_ABORT,
    EVENT_COMMAND_PAUSE,
    EVENT_COMMAND_RESUME,
    EVENT_COMMAND_REINIT,
    EVENT_COMMAND_RESTART,
    EVENT_COMMAND_CACHE, /* a cache's primary, to the region `target` */
};

struct event_command {
    enum event_command_kind kind;
    uint64_t token;  /* names the reply */
    uint32_t source; /* regions; LIMITS_NONE: choose */
    uint32_t target;
    uint64_t run;     /* approve, abort */
    uint32_t node;    /* reinit, restart */
    bool force;       /* reinit, restart */
    uint32_t service; /* cache */
    bool accept_loss;
    bool emergency;
    bool dry_run;
    char reason[128];
    char who[LIMITS_NAME];
};

struct event {
    enum event_kind kind;
    struct mono at;   /* of this controller */
    struct wall wall; /* for display only */
    union {
        struct event_observation observation;
        struct {
            uint32_t index;
        } site;
        struct event_node node;
        struct event_beats beats;
        struct event_death death;
        struct event_lease lease;
        struct event_cache cache;
        struct event_reader reader;
        struct event_result result;
        struct event_command command;
    };
};
