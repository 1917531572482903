/* SPDX-License-Identifier: Apache-2.0
 * The engine: state + event -> state' + actions + view. The daemon, the simulator and the replay of an incident run
 * this object code.
 *
 * A step cannot fail and does not allocate: the state is one flat struct that the caller owns, the output belongs to
 * the caller, the event is borrowed for the call. The caller's order never varies: store `durable` if `persist`, then
 * publish the view if `publish`, then act. Results come back as events, late, twice or never; the engine owns every
 * time-out. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/time.h"
#include "core/action.h"
#include "core/decide.h"
#include "core/durable.h"
#include "core/event.h"
#include "core/health.h"
#include "core/lag.h"
#include "core/lease.h"
#include "core/limits.h"
#include "core/model.h"
#include "core/trace.h"
#include "core/traffic.h"
#include "core/view.h"

enum {
    ENGINE_ACTIONS = 64,
    ENGINE_TRACES = 128,
    ENGINE_REPLIES = 4,
    ENGINE_TASKS = 32,
    ENGINE_FLIPS = 16,          /* remembered changes between "a rule wants a failover" and not, per region */
    ENGINE_READER_KINDS = 3,    /* dns, proxy, service */
    ENGINE_CAP_SAMPLES = 64,    /* of a writer's position (core/cap.h) */
    ENGINE_EPOCH_LEAP = 1000000 /* further off than any number of failovers: not believed */
};

/* What the engine knows of a node. */
struct engine_node {
    bool any;
    bool alive;
    struct mono at;    /* last report */
    struct mono since; /* of the present role, epoch and state of its server */
    struct mono homed; /* since when it says that it has brought home what it says */
    bool returning;    /* we took its server down, and its agent is bringing it back: it clones, starts, catches up */
    struct event_node report;
};

/* What a site last said about the heartbeats that it hears. */
struct engine_beats {
    bool any;
    struct mono at;
    uint32_t heard; /* bit per node */
    uint32_t silent;
    uint32_t age_ms[LIMITS_NODES]; /* then */
    uint64_t gone[LIMITS_NODES];   /* epoch under which the heartbeats say that the server is gone; 0: they do not */
};

/* Heartbeats as all sites hear them (core/silence.h). */
struct engine_silence {
    struct engine_beats beats[LIMITS_SITES];
    struct mono since;               /* since when this engine has been stepping without a pause */
    uint32_t told;                   /* nodes whose silence was said, bit per node */
    uint32_t held[LIMITS_DATABASES]; /* the gate that was said to hold a failover for silence back */
};

struct engine_lease {
    bool seen;
    enum event_lease_state state;
    uint32_t holder;
    uint64_t epoch;
    uint64_t revision;
    uint32_t candidate; /* in whose favour it was revoked */
    struct lease_taker taker;
};

enum engine_hearing { ENGINE_HEARS, ENGINE_HEARS_NOT_YET, ENGINE_HEARS_NOTHING };

struct engine_reader {
    bool any;
    struct mono at;
    uint64_t version;
};

/* The present decision about one region, and what it rests on. */
struct engine_decision {
    bool any;
    struct decide_snapshot snapshot;
    struct decide_answer answer;
    bool wanted;                     /* a rule wants a failover, gates aside */
    struct mono flips[ENGINE_FLIPS]; /* newest first */
    uint32_t flips_count;
    bool error_high;
    struct mono error_since; /* error rate above the automatic limit without a break */
    bool cut;                /* a site of one region sees the other down although most observers do not */
    struct mono cut_since;
    bool unfit; /* some component is not healthy */
    bool waits; /* for a node on its way back, instead of an automatic run */
    bool tried; /* an automatic run was started and did not change anything */
    struct mono tried_at;
    struct mono fit_since;
    struct mono first_failure; /* of the current trouble: when the first critical probe began to fail; us 0: none */
};

enum engine_task_state { ENGINE_TASK_FREE, ENGINE_TASK_SENT, ENGINE_TASK_WAIT, ENGINE_TASK_OK, ENGINE_TASK_REFUSED };

/* An action under way, asked again until it is answered. Lives as long as the step that wants it. */
struct engine_task {
    enum engine_task_state state;
    struct action action;
    struct mono until; /* SENT: no answer is expected after this; WAIT: ask again then */
    uint32_t attempts;
    enum err error;
    struct lsn lsn;
    uint64_t revision;
    uint32_t holder;
    char detail[96];
};

/* The volatile part of the run: rebuilt by a restart. */
struct engine_run {
    struct mono step_began;
    bool step_entered;
    bool publishing;  /* the next view shows what the present step changed */
    uint64_t version; /* that view, once it has its number; what the step waits for */
    bool holding;     /* the canary's or ramp's share is live, its hold has begun */
    struct mono hold_since;
    uint64_t requests[LIMITS_SITES];         /* served by the target since then, as each observer counts */
    uint64_t errors[LIMITS_SITES];           /* of those, in millionths */
    struct mono fenced_at[LIMITS_DATABASES]; /* per move: the old writer was proven to be dead; us 0: not yet */
    bool compared;                           /* a comparison was made in this run */
    bool consistent;                         /* its verdict */
    struct mono compared_at;
};

/* Changing the durability set (core/durability.h). */
struct engine_durability {
    uint32_t told; /* what the writer's server was last confirmed to require, bit per node */
    uint32_t told_required;
    bool told_any;
    uint64_t told_epoch;
    struct mono told_at;
    struct lsn mark;    /* who has flushed this has everything acknowledged under an older setting */
    uint32_t settled;   /* members that were said to be in the set */
    bool empty;         /* nobody is left that can acknowledge, and that was said */
    struct mono filled; /* last time that somebody was */
    bool lowered;       /* something lowers synchronous_commit although every commit was promised to wait */
    struct mono silent[LIMITS_NODES]; /* since when a member has not been receiving */
};

/* How far a writer had come, and when. */
struct engine_cap_sample {
    struct mono at;
    uint64_t position;
};

/* The cap of max_lag (core/cap.h). */
struct engine_cap {
    uint64_t epoch; /* of the writer that this is about */
    bool holding;   /* sessions wait now */
    bool above;     /* the lag passed max_lag, and has not come back well below it */
    bool alone;     /* no standby streams, and that was said */
    struct mono turned;
    struct mono streamed; /* last time that a standby did */
    uint32_t next;
    uint32_t count;
    struct engine_cap_sample samples[ENGINE_CAP_SAMPLES];
};

/* A node that is to be cloned anew, or whose server is to start again (core/node_order.h). */
struct engine_node_order {
    bool wanted;
    bool restart;
    uint32_t node;
    uint64_t order;
    uint64_t epoch;
    struct mono since;
};

/* Whom a node is told to stream from (core/upstream.h). */
struct engine_upstream {
    bool said;
    uint32_t from;            /* LIMITS_NONE: the writer */
    struct mono streams;      /* last seen to stream, or told anew */
    struct mono direct_until; /* its leader could not serve it */
    struct mono shun_until;   /* it was lost as a leader */
};

/* The leader of a region. */
struct engine_leader {
    bool any;
    bool confirmed; /* others may stream from it */
    uint32_t node;
    struct mono since; /* it was chosen */
    struct mono good;
    struct mono near;
    struct mono alone; /* the region: last had a leader that was confirmed; us 0: not looked at yet */
};

/* How long answers that lead to a region may live (core/ttl.h). */
struct engine_ttl {
    uint32_t ceiling_s;    /* 0: none */
    struct mono turned;    /* it was last changed, or doubted */
    struct mono old_until; /* answers from before it was lowered have run out */
    uint32_t old_s;        /* so long these live ... */
    uint64_t version;      /* ... and are given until the readers have taken up this view; 0: they have */
};

/* A cache with one writer (core/cache.h). */
struct engine_cache {
    bool nobody;        /* that nobody can replace the lost primary was said */
    struct mono since;  /* the primary was named, or this engine first looked at it */
    struct mono asked;  /* its predecessor was last asked to hold writes */
    struct mono held;   /* it holds them until then; us 0: it does not */
    struct mono missed; /* when a planned change did not come about; us 0: never */
    bool moving;        /* an operator wants the primary in `region` */
    uint32_t region;
    struct mono ordered; /* when */
};

struct engine_cache_server {
    bool any;
    struct mono at;
    struct mono ordered; /* it last carried an order out; us 0: never */
    struct event_cache said;
};

struct engine_reply {
    uint64_t token;
    enum err error; /* OK: done or started; UNAVAILABLE: refused by a safety rule; CONFLICT: a run is in progress */
    bool precheck;  /* refused by a pre-check */
    uint64_t run;
    char text[160];
};

struct output {
    bool persist;
    bool publish;
    uint32_t actions_count;
    uint32_t traces_count;
    uint32_t traces_lost;
    uint32_t replies_count;
    struct action actions[ENGINE_ACTIONS];
    struct trace traces[ENGINE_TRACES];
    struct engine_reply replies[ENGINE_REPLIES];
};

struct engine {
    bool leading; /* false: it only listens (engine_follow) */
    struct model model;
    struct durable durable;
    struct view view;
    struct mono now;
    struct wall wall;
    struct mono started;
    uint32_t actions_made;
    struct health health;
    struct traffic traffic;
    struct engine_node nodes[LIMITS_NODES];
    struct lag lags[LIMITS_NODES]; /* of each standby behind its writer */
    struct engine_silence silence;
    struct engine_lease leases[LIMITS_DATABASES];
    struct engine_reader readers[LIMITS_SITES][ENGINE_READER_KINDS];
    struct engine_decision decisions[LIMITS_REGIONS];
    uint64_t evaluated[DECIDE_DECISIONS][DECIDE_GATES]; /* answers since the start, for the metrics */
    struct engine_durability durability[LIMITS_DATABASES];
    struct engine_cap caps[LIMITS_DATABASES];
    struct engine_upstream upstreams[LIMITS_NODES];
    struct engine_leader leaders[LIMITS_DATABASES][LIMITS_REGIONS];
    struct engine_ttl ttls[LIMITS_REGIONS];
    struct engine_run run;
    struct engine_task tasks[ENGINE_TASKS];
    struct engine_node_order node_order;
    struct engine_cache caches[LIMITS_SERVICES];
    struct engine_cache_server cache_servers[LIMITS_TARGETS];
    struct mono failover_at; /* of the last region failover, this controller's clock */
    bool failover_any;
    struct mono routed_at[LIMITS_DATABASES]; /* since when the view names this writer */
    bool view_dirty;
};

/* Starts from the configuration and, when there is one, from what a former life left in the store (NULL: first boot).
 * What it says first (view, traces) comes with the first step. The model is copied. */
void engine_init(struct engine *engine, const struct model *model, const struct durable *durable, struct mono now,
                 struct wall wall);

/* Of several controllers one leads (core/leader.h); the engines of the others only listen: they keep health, nodes,
 * leases, readers and judged decisions warm, and start, walk, keep, persist, publish and do nothing. Commands are
 * refused. engine_init makes a leading engine; a leader that has lost its right follows, and its process ends. */
void engine_follow(struct engine *engine);

/* A following engine leads from now on: adopts what the former leader left in the store (NULL: nothing) as engine_init
 * does, the run goes on at its present step as after a restart, and what was heard is kept. The next step persists and
 * publishes: the first commit is the take-over. `same_clock`: the former leader's CLOCK_BOOTTIME was that of this
 * machine; otherwise the run's times are carried over by the wall clocks, for display. */
void engine_lead(struct engine *engine, const struct durable *durable, bool same_clock, struct mono now,
                 struct wall wall);

/* A site's rank as a leader: 0 when it is outside of every region that carries a writer, else 1. */
uint32_t engine_rank(const struct engine *engine, uint32_t site);

/* Takes a new configuration. False, and nothing changes, while a run is in progress. */
bool engine_configure(struct engine *engine, const struct model *model);

void engine_step(struct engine *engine, const struct event *event, struct output *ret_output);

/* When to step again (EVENT_TICK) if nothing happens. */
struct mono engine_deadline(const struct engine *engine);

const struct view *engine_view(const struct engine *engine);

/* Whether a run is under way (running, waiting or being undone). */
bool engine_busy(const struct engine *engine);

/* What a node has on its disk. After a restart without an upstream "received" begins at the start of a segment, below
 * what was replayed. */
uint64_t engine_position(const struct engine *engine, uint32_t node);

/* What is known of a reader now. A controller that has just started has not heard of anybody yet. */
enum engine_hearing engine_hears(const struct engine *engine, uint32_t site, enum event_reader_kind kind);

/* For the other files of the core: */

struct trace *engine_trace(struct engine *engine, struct output *output, enum trace_kind kind);
void engine_persist(struct engine *engine, struct output *output);
