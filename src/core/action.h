/* SPDX-License-Identifier: Apache-2.0
 * Actions: something that must be done in the world. Each has an id, may safely be done twice, and is answered by
 * EVENT_RESULT with that id (except NOTIFY). The core owns every time-out and asks again by itself; the edge only tries
 * once. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "core/limits.h"
#include "core/lsn.h"

/* X(name, what the edge does) */
#define ACTION_TABLE(X)                                                                                                \
    X(LEASE_REVOKE, "store: revoke the database's lease in favour of `node` under `epoch`")                            \
    X(AGENT_FENCE, "agent of `node`: end every PostgreSQL process")                                                    \
    X(AGENT_PROMOTE, "agent of `node`: acquire the lease for `epoch`, become the writer, require as below")            \
    X(AGENT_PROVE, "agent of `node`: commit a row that carries `epoch`")                                               \
    X(AGENT_CHECKPOINT, "agent of `node`: CHECKPOINT")                                                                 \
    X(AGENT_STOP, "agent of `node`: clean stop; answers the position of the shutdown checkpoint")                      \
    X(AGENT_REPLAYED, "agent of `node`: answers once its server has replayed `lsn`")                                   \
    X(AGENT_DURABILITY, "agent of `node`: require `mask`, `required` of them")                                         \
    X(AGENT_REINIT, "agent of `node`: clone it anew from the writer of `epoch`")                                       \
    X(AGENT_RESTART, "agent of `node`: stop and start its server")                                                     \
    X(CACHE_PROMOTE, "cache server `target` of `service`: take writes for `epoch`, if it has what `other` has")        \
    X(CACHE_FOLLOW, "cache server `target`: follow `other`")                                                           \
    X(CACHE_QUIET, "cache server `target`: hold writes; answers once `other` has received everything")                 \
    X(BALANCE, "load balancers: weights by the view's split")                                                          \
    X(VERIFY, "synthetic probes through DNS, load balancer and SQL proxy reach `region`")                              \
    X(COMPARE, "compare database at `node` with its writer at one position")                                           \
    X(NOTIFY, "tell people: `run` reached `phase`; without a run: the durability set of `database` emptied or is "     \
              "back")

enum action_kind {
#define ACTION_ENUM(name, what) ACTION_##name,
    ACTION_TABLE(ACTION_ENUM)
#undef ACTION_ENUM
        ACTION_COUNT
};

enum action_phase { ACTION_INITIATED, ACTION_PROGRESS, ACTION_SUCCESS, ACTION_FAILED };

struct action {
    uint64_t id;
    enum action_kind kind;
    uint64_t run;
    uint32_t step; /* index in the run */
    uint32_t database;
    uint32_t node;
    uint32_t region;
    uint32_t service; /* CACHE_*: the model's service, and servers of it */
    uint32_t target;
    uint32_t other; /* LIMITS_NONE: none */
    uint64_t epoch;
    uint32_t mask; /* bit per node */
    uint32_t required;
    uint64_t order; /* of `mask`, of AGENT_REINIT and AGENT_RESTART: grows with each change of mind; the agent obeys no
                       older one; 0: says nothing */
    struct lsn lsn; /* of AGENT_REPLAYED */
    bool early;     /* AGENT_PROMOTE: no commit of the old writer returns without this node: no promise binds it */
    uint32_t timeout_ms; /* the edge gives up after this */
    struct mono until;   /* CACHE_PROMOTE: not done any more from then on, by the engine's clock; us 0: whenever */
    enum action_phase phase;
};

const char *action_name(enum action_kind kind);
