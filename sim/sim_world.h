/* SPDX-License-Identifier: Apache-2.0
 * The simulated world: everything that a seed's run holds. Flat; each part is changed by the file of its name. */
#pragma once

#include "base/prng.h"
#include "core/engine.h"
#include "core/leader.h"
#include "sim/sim.h"

enum {
    SIM_MS = 1000,
    SIM_S = 1000000,
    SIM_BRANCHES = 64,
    SIM_PENDING = 128,
    SIM_BATCHES = 64,
    SIM_WAITING = 256,
    SIM_CLIENTS = LIMITS_REGIONS * LIMITS_DATABASES,
    SIM_PLACES = LIMITS_SITES,
    SIM_PUBLISHED = 64,
    SIM_CONTROLS = 3,
};

/* Streams of randomness: adding a draw to one does not move the others. */
enum sim_dice {
    SIM_DICE_SWARM,
    SIM_DICE_FAULT,
    SIM_DICE_NET,
    SIM_DICE_DISK,
    SIM_DICE_PROBE,
    SIM_DICE_PEOPLE,
    SIM_DICE
};

enum sim_kind {
    SIM_CONTROL_TICK,
    SIM_CONTROL_EVENT,  /* an engine event arrives */
    SIM_CONTROL_PROBES, /* a round of one observer's probes */
    SIM_CONTROL_COMMIT, /* the store wrote the record */
    SIM_CONTROL_RETRY,
    SIM_CONTROL_REPORT, /* an agent's report; answered */
    SIM_CONTROL_LEASE,  /* an agent asks about its lease */
    SIM_CONTROL_LATE,   /* an action's time is up */
    SIM_CONTROL_ANSWER, /* of several: the store's word on a commit */
    SIM_CONTROL_ACT,    /* of several: a worker that was held up acts */
    SIM_LEAD_TICK,      /* of several: the election */
    SIM_LEAD_STORE,
    SIM_LEAD_ANSWER,
    SIM_LEAD_SEE,
    SIM_STORE_LEASE, /* the store works on it */
    SIM_STORE_REVOKE,
    SIM_AGENT_TICK,
    SIM_AGENT_ACTION,
    SIM_AGENT_LEASE, /* the store's answer */
    SIM_AGENT_WORD,  /* the report's answer */
    SIM_AGENT_PROMISE,
    SIM_AGENT_PROMISED,
    SIM_AGENT_FENCE,
    SIM_PG_DONE, /* what the server was busy with is over */
    SIM_PG_FLUSH,
    SIM_PG_WAL,
    SIM_PG_WAL_FLUSHED,
    SIM_PG_WAL_ACK,
    SIM_PG_WRITE,
    SIM_PROBE,
    SIM_BEAT, /* a round of one site's ears */
    SIM_READER_TICK,
    SIM_READER_VIEW,
    SIM_CLIENT_TICK,
    SIM_CLIENT_ACK,
    SIM_FAULT_BEGIN,
    SIM_FAULT_END,
    SIM_PEOPLE_TICK,
    SIM_CACHE_TICK,  /* streams, and now and then what the leader asks */
    SIM_CACHE_ASK,   /* what are you? reaches a server */
    SIM_CACHE_ORDER, /* likewise an order */
    SIM_CACHE_CATCH, /* writes are held: has the other one everything? */
    SIM_CACHE_WRITE, /* a client of one site's relay */
    SIM_KINDS,
};

/* Something that will happen. `a`.. mean what the kind's handler says. */
struct sim_event {
    enum sim_kind kind;
    uint32_t to; /* controller */
    uint32_t a;
    uint32_t b;
    uint32_t c;
    uint32_t d;
    uint64_t x;
    uint64_t y;
    uint64_t z;
    int64_t t;
    uint32_t counts[LIMITS_REGIONS]; /* requests that a round of probes counted */
    struct event event;              /* for the engine */
    struct leader_record lead;
    struct action action;
};

struct sim_slot {
    int64_t at;
    uint64_t order;
    uint32_t index;
};

struct sim_queue {
    struct sim_slot *heap;
    struct sim_event *pool;
    uint32_t *free;
    uint32_t heap_count;
    uint32_t free_count;
    uint32_t capacity;
    uint64_t order;
};

/* A machine's clocks. */
struct sim_clock {
    int64_t origin_us;
    int64_t drift_ppm;
    int64_t wall_us;
};

struct sim_lease {
    enum event_lease_state state;
    uint32_t holder;
    uint32_t candidate;
    uint64_t epoch;
    uint64_t next;
    uint64_t replaced;
    uint64_t revision;
};

struct sim_store {
    struct sim_lease leases[LIMITS_DATABASES];
    uint64_t revision;
    bool full;
    bool slow;
    bool has_record;
    struct durable record;
    struct leader_record lead; /* of several controllers */
    uint64_t lead_revision;
};

/* What proxies and DNS servers of a site answer from. */
struct sim_reader {
    uint64_t version;
    struct view_database databases[LIMITS_DATABASES];
    uint32_t split[VIEW_HOMES][LIMITS_REGIONS];
    struct view_service services[LIMITS_SERVICES];
};

struct sim_pending {
    uint64_t id;
    struct action action;
};

/* One output on its way through the journal. */
struct sim_batch {
    bool persist;
    bool publish;
    uint32_t actions_count;
    struct action actions[ENGINE_ACTIONS];
    struct view view;
};

struct sim_control {
    uint32_t site;
    bool up;
    uint32_t life;
    struct engine engine;
    struct output output;
    struct sim_batch batches[SIM_BATCHES]; /* a ring, oldest first */
    uint32_t batches_first;
    uint32_t batches_count;
    uint32_t committing; /* of the oldest */
    bool busy;
    struct durable newest;
    struct durable writing;
    bool writing_any;
    struct view view; /* as published on its host */
    struct sim_pending pending[SIM_PENDING];
    int64_t tick_at;
    /* of several */
    struct leader leader;
    uint64_t boots;
    uint64_t term;         /* with which its commits are checked */
    uint64_t sequence;     /* of the record that its next commit replaces */
    int64_t reading_until; /* the record, to take over */
    bool settling;         /* a commit whose fate is unknown */
    int64_t frozen_until;
    struct leader_peer peers[SIM_CONTROLS];
};

enum sim_role { SIM_ROLE_NONE, SIM_ROLE_WRITER, SIM_ROLE_STANDBY };

/* What an agent keeps on disk. */
struct sim_record {
    enum sim_role role;
    uint64_t epoch;
    uint64_t ordered;
    uint64_t halted;
    uint64_t refused;
    uint64_t data_epoch;
    uint32_t sync_mask;
    uint32_t sync_required;
    uint64_t sync_epoch; /* and of which order */
    uint64_t sync_order;
    uint64_t order; /* the newest about whom to stream from */
    uint32_t from;  /* of that order; LIMITS_NONE: the writer */
};

enum sim_work {
    SIM_WORK_NONE,
    SIM_WORK_PROMISES, /* a promotion waits for promises to end */
    SIM_WORK_ACQUIRE,
    SIM_WORK_PROMOTE,
    SIM_WORK_START_WRITER,
    SIM_WORK_START_STANDBY,
    SIM_WORK_STOP,
    SIM_WORK_CLONE,
    SIM_WORK_FOUND, /* the first writer takes epoch 1 */
};

struct sim_agent {
    bool up;
    bool frozen;
    uint32_t life;
    uint64_t boot;
    uint64_t sequence;
    struct lease_holder holder;
    struct lease_promise promise;
    struct sim_record record;
    uint32_t writer; /* as controllers tell */
    uint64_t writer_epoch;
    bool leads; /* told to keep slots for its region */
    bool fenced;
    enum sim_work work;
    uint32_t work_id;
    uint64_t work_epoch;
    bool early; /* the order under way waits for no promise */
    struct mono work_until;
    uint64_t asked[2]; /* actions to answer when the work is over: promote, stop */
    uint32_t asked_by[2];
    /* one call to the store at a time, and one round of promises */
    bool calling;
    bool round;
    uint32_t call_id;
    struct mono call_sent;
    struct mono call_until;
    uint32_t promised;
    struct mono report_at;
    struct mono ask_at;
    struct mono doubt_at;
    int64_t beat_us; /* true time of the last tick: what its fence process goes by */
    bool armed;
    struct mono fence_at;
    bool wrote;            /* its server was seen to accept writes */
    struct mono choice_to; /* a writer that died is left down until then: a controller may choose another */
};

enum sim_server { SIM_STOPPED, SIM_STARTING, SIM_RUNNING, SIM_STOPPING };

struct sim_pg {
    enum sim_server state;
    bool recovery;
    bool has_data;
    bool clean; /* stopped by a shutdown checkpoint */
    uint32_t branch;
    uint32_t timeline;
    uint64_t flushed;
    uint64_t replayed;
    uint32_t upstream;
    bool receiving;
    uint32_t link; /* number of the connection */
    int64_t heard_us;
    uint32_t sync_mask;
    uint32_t sync_required;
    uint64_t standby[LIMITS_NODES]; /* flushed there, of connected ones */
    uint32_t links[LIMITS_NODES];   /* connection of each standby; 0: none */
    uint32_t waiting[SIM_WAITING];  /* commits that wait for standbys */
    uint32_t waiting_count;
};

struct sim_node {
    struct sim_clock clock;
    uint32_t place;
    bool dead;
    bool stands_still;
    bool broken; /* the server does not come up */
    bool slow_disk;
    bool slow_replay;
    bool slow_promote;
    bool refuses;
    struct sim_agent agent;
    struct sim_pg pg;
};

struct sim_branch {
    uint32_t parent;
    uint64_t fork;
    uint64_t epoch;
    uint32_t node;
    uint32_t timeline;
};

struct sim_commit {
    uint32_t database;
    uint32_t branch;
    uint64_t position;
    uint64_t epoch;
    uint32_t client;
    bool tier1;
    bool acked;
    bool forgiven;
};

struct sim_site {
    struct sim_clock clock;
    bool dead;
    bool late;
    uint32_t liar; /* region it lies about; LIMITS_NONE */
    uint32_t counted[LIMITS_REGIONS];
    struct sim_reader reader;
};

/* What a site hears of heartbeats. */
struct sim_ears {
    bool any[LIMITS_NODES];
    int64_t heard_us[LIMITS_NODES];
    uint64_t gone[LIMITS_NODES];
    int64_t round_us;
    int64_t said_us;
    int64_t changed_us;
    uint32_t silent;
    uint32_t gone_said;
};

/* A server of a cache: Redis, which knows no epochs. What it starts with is empty, and it believes to be a primary. */
struct sim_cache_server {
    bool up;
    bool primary;
    bool linked; /* its stream is up */
    uint32_t upstream;
    uint64_t history;    /* whose writes it has; a new one with each promotion and each empty start ... */
    uint64_t offset;     /* ... and how many of them */
    uint64_t sent;       /* so many of its upstream's are on the way */
    int64_t synced_us;   /* it copies everything until then */
    int64_t quiet_until; /* it holds writes */
    uint64_t obeyed;     /* newest epoch under which it was told to take writes */
};

struct sim_client {
    uint32_t home;
    uint32_t database;
    uint32_t row[LIMITS_REGIONS]; /* the split as DNS said: the client stands for many */
    int64_t resolved_us;
    int64_t acked_us;
    bool out;
    uint32_t number;
};

struct sim_net {
    int64_t delay_us[SIM_PLACES][SIM_PLACES];
    uint32_t cut[SIM_PLACES][SIM_PLACES]; /* counts overlapping faults */
    uint32_t lossy[SIM_PLACES];
};

struct sim_region {
    uint32_t dead;
    uint32_t cache;
    uint32_t app;
    uint32_t errors;
    uint32_t served; /* requests, ever */
};

/* What the checkers remember. */
struct sim_check {
    uint64_t view_version;
    uint64_t view_epoch[LIMITS_DATABASES];
    uint64_t writer_epoch[LIMITS_DATABASES]; /* highest that was ever writable */
    uint32_t writer[LIMITS_DATABASES];       /* who that was */
    uint64_t acked_epoch[LIMITS_DATABASES];
    int64_t acked_us[LIMITS_DATABASES];
    uint64_t run; /* newest that was seen to begin */
    uint32_t run_at;
    enum durable_run_state run_state;
    uint64_t ended;                          /* newest that was seen to end */
    uint32_t ttl_ceiling_s[LIMITS_REGIONS];  /* of the view before */
    int64_t ttl_old_us[LIMITS_REGIONS];      /* when answers that lived longer have run out */
    int64_t still_us;                        /* converged since */
    uint64_t cache_epoch[LIMITS_SERVICES];   /* of the newest view */
    uint32_t cache_primary[LIMITS_SERVICES]; /* whom a view has named under it; LIMITS_NONE: nobody yet */
    uint64_t cache_planned[LIMITS_SERVICES]; /* epoch under which the primary moves without a loss; 0: none */
    uint64_t cache_history[LIMITS_SERVICES]; /* the newest write that was acknowledged */
    uint64_t cache_offset[LIMITS_SERVICES];
};

struct sim {
    struct sim_options options;
    struct sim_result *result;
    struct sim_script script;
    struct prng dice[SIM_DICE];
    int64_t now;
    bool judged; /* must converge after healing, with the help of people */
    bool healing;
    bool over;
    int64_t healed_us;
    struct sim_queue queue;
    struct model model;
    struct sim_net net;
    struct sim_store store;
    struct sim_control controls[SIM_CONTROLS];
    uint32_t controls_count;
    struct sim_control *control; /* whose event it is; else the one that led last */
    uint32_t leader;             /* the one that led last */
    struct view view;            /* newest that anybody published */
    struct sim_reader published[SIM_PUBLISHED];
    uint64_t compared_run;
    struct prng beat_dice; /* of heartbeats */
    struct prng lead_dice; /* of what only several controllers do: the stories of one stay as they are */
    struct sim_node nodes[LIMITS_NODES];
    struct sim_site sites[LIMITS_SITES];
    struct sim_ears ears[LIMITS_SITES];
    struct sim_region regions[LIMITS_REGIONS];
    struct sim_client clients[SIM_CLIENTS];
    uint32_t clients_count;
    struct sim_branch branches[SIM_BRANCHES];
    uint32_t branches_count;
    struct sim_commit *commits;
    uint32_t commits_count;
    uint32_t commits_capacity;
    struct sim_cache_server caches[LIMITS_TARGETS];
    uint64_t histories;     /* of caches, given out */
    struct prng cache_dice; /* of all that only caches do */
    struct sim_check check;
    int64_t waiting_us; /* since when a run waits, or a database has no writer */
    int64_t lost_us;
    bool people; /* operators act at random */
    uint64_t token;
};
