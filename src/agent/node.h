/* SPDX-License-Identifier: Apache-2.0
 * The node: everything the agent's threads share, and the few moves that start and end its server.
 *
 * Two locks. `lock` is held for moments and guards every member; `work` is held for the length of a transition
 * (promote, follow, stop, clone) so that there is one at a time. `work` is taken before `lock`. Killing needs no
 * `work`: it overtakes any transition, which finds out because `kills` has grown and gives up.
 *
 * What may run is decided here and told to the fence (agent/fence.h) before a server starts: a writer only armed, with
 * a lease held; a standby disarmed; nothing while closed. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "agent/agent_options.h"
#include "agent/controller.h"
#include "agent/fence.h"
#include "agent/guard.h"
#include "agent/pgctl.h"
#include "agent/pgquery.h"
#include "agent/record.h"
#include "agent/tier.h"
#include "base/err.h"
#include "base/time.h"
#include "core/lease.h"

enum {
    NODE_TEXT = 256,
    NODE_HOST = 64,
    NODE_PENDING_LOOKS = 10, /* after new parameters: our session, too, has to hear of the reload first */
    NODE_SLOTS_MS = 10000,   /* slots that no controller asked for any longer than this are not wanted any more */
};

/* The present writer as the controllers (or a follow command) tell. */
struct node_writer {
    char name[LIMITS_NAME]; /* empty: none known */
    char host[NODE_HOST];
    uint16_t port;
    uint64_t epoch;
};

/* What the configuration files say of its role; `any`: they were written in this life. */
struct node_configured {
    bool any;
    bool standby;
    struct node_writer upstream; /* empty: none */
};

/* An order to be cloned anew from the writer (POST /v1/reinit), or to start the server again (POST /v1/restart). */
enum node_order_state { NODE_ORDER_NONE, NODE_ORDER_WANTED, NODE_ORDER_DONE, NODE_ORDER_FAILED };

struct node_order {
    enum node_order_state state;
    bool restart;
    uint64_t number; /* of the controllers: an older one, or the same again, is not obeyed */
};

/* Nodes that a slot is kept for although they may not stream from here (agent/slot.h). */
struct node_slots {
    struct controller_slot wanted[LIMITS_NODES];
    uint32_t count;
    struct mono heard;
    bool made; /* all of them are there */
};

/* The session that is kept open for orders (agent/spare.h). */
struct node_spare {
    struct pg_conn *connection; /* NULL: none */
    bool lent;
};

/* The row of a promotion, committed within it: the order to prove is answered with it, once. */
struct node_proof {
    uint64_t epoch; /* 0: none */
    uint64_t kills;
    struct lsn lsn;
    struct mono at;
};

enum node_server { NODE_STOPPED, NODE_STARTING, NODE_RUNNING, NODE_STOPPING };

struct node {
    const struct agent_options *options;
    const struct agent_options_settings *settings; /* those of the start, or as read anew since */
    struct node_configured configured;
    char home[AGENT_OPTIONS_PATH];
    int lock_fd; /* flock on DATA.holdfast/lock, shared with the fence process */
    pthread_mutex_t lock;
    pthread_mutex_t work;
    pthread_cond_t changed; /* something that a report tells */
    uint64_t changes;
    uint64_t urgent; /* of these: what a controller waits for with a run, or clients with it */
    uint64_t heard;  /* times another writer was heard of: the keeper need not wait for its turn */
    struct fence fence;
    struct pgctl server;
    enum node_server state;
    bool armed;       /* the server is, or is becoming, a writer: renewals move the fence's time */
    bool fenced;      /* proven: no process of the server remains, and none may start */
    uint64_t kills;   /* times the server was killed by decision */
    uint32_t killing; /* kills under way: nothing starts until the last of them is over */
    struct lease_holder holder;
    struct lease_promise promise;
    struct record record;
    struct pgquery_status status;
    struct guard_state guard; /* of a writer: its guard slots */
    struct tier_state tier;   /* of a writer: what lowers synchronous_commit there */
    bool status_known;        /* since the present start */
    struct mono look_from;    /* a look that began before it is out of date */
    struct node_writer writer;
    struct node_slots slots;
    uint64_t given_up;        /* the order to stream from a leader that could not be carried out; 0: none */
    uint32_t answers;         /* bit per controller: it took our last report */
    uint32_t refused;         /* bit per controller: of another release, and that was said; until it takes a report */
    uint32_t strange;         /* a standby: how often in a row it was not part of its writer's past */
    struct mono receiving_at; /* a standby: last time it streamed, or its start */
    struct mono lost_since;   /* a standby: could stream since then, and does not; us 0: it does, or could not */
    uint32_t streams;         /* looks in a row at which it streamed */
    struct mono crash_at;     /* a writer: last death in place */
    uint32_t crashes;
    struct mono still_since; /* its postmaster stands still; us 0: it does not */
    bool unburied;           /* it ended by itself, and what remains of it has not been ended yet */
    bool leaving;            /* it stops, and has written all it ever will (agent/stop.h) */
    bool died;               /* a writer: ended by itself, none of its processes remains, not started again since */
    struct mono retry_at;    /* following failed: not again before */
    uint32_t home_tries;     /* salvages in a row that failed */
    struct node_order order;
    bool recloned; /* a standby that did not start was cloned once in this life: not again */
    bool guarding; /* a fresh writer: its guard slot is being made, clients must not come yet */
    struct node_proof proof;
    struct node_spare spare;
    bool unsettled; /* a fresh writer: configuration and slots are still those of the standby */
    uint64_t boot;
    uint64_t sequence;
    char activity[NODE_TEXT];
    char error[NODE_TEXT];
    char pending_restart[NODE_TEXT]; /* parameters that wait for a restart, "a, b" */
    struct mono pending_at;
    uint32_t pending_looks; /* at once, not only every few seconds */
    atomic_bool read_anew;  /* SIGHUP came */
    atomic_bool quit;
};

/* Loads the record, takes the node's lock (waits for the fence process of an earlier life), adopts a running standby,
 * kills a running writer. ERR_IN_USE: another agent has the node. */
ERR_CHECK enum err node_init(struct node *node, const struct agent_options *options);
void node_fini(struct node *node);

void node_lock(struct node *node);
void node_unlock(struct node *node);

/* `work`, until the deadline. False: another transition is under way. */
bool node_take_work(struct node *node, struct mono deadline);
void node_give_work(struct node *node);

/* With `lock` held: wakes the reporter; when urgent, also one that has reported only just now. */
void node_change(struct node *node);
void node_change_urgent(struct node *node);

/* With `lock` held: until `*counter` (one of the above) is not `seen` any more, the time is over or the agent ends. */
void node_wait(struct node *node, const uint64_t *counter, uint64_t seen, int64_t ms);

void node_activity(struct node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));
void node_error(struct node *node, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* With `lock` held: makes the record durable, with the promise's epochs. A failure is logged and answered. */
ERR_CHECK enum err node_save(struct node *node);

/* With `lock` held: the right at this moment. */
bool node_held(struct node *node);

/* With `lock` held: the fence's time follows the right, for a writer only. */
void node_arm(struct node *node);

/* The text of synchronous_standby_names that holds now. `lock` held. */
void node_durability(const struct node *node, struct buf *text);

/* Writes the configuration files and, when the server runs, reloads it. `upstream` NULL: none. */
ERR_CHECK enum err node_configure(struct node *node, const struct node_writer *upstream, bool standby);

/* Parameters were read anew: writes the files and reloads the server. They are borrowed until the next call. */
void node_set_settings(struct node *node, const struct agent_options_settings *settings);

/* Starts the server and returns when it accepts sessions. `work` held. A writer needs a held lease with time to spare
 * (ERR_STALE). ERR_CANCELLED: killed meanwhile. ERR_EXIT_STATUS: it ended, see the log. */
ERR_CHECK enum err node_start(struct node *node, bool writer, struct mono deadline);

/* Ends every process of the server and any right to write; returns with the proof. ERR_TIMEOUT: one is stuck. */
ERR_CHECK enum err node_kill(struct node *node, const char *reason);

/* One turn of the supervising loop: beat, fence process, deaths, the right's end. Never blocks for long. */
void node_tick(struct node *node);

/* With `lock` held: the certain death of a writer, while a controller may still choose another one: the server is not
 * started again in place before that moment is over. */
bool node_died_now(const struct node *node);

/* Until the guard slot of a fresh writer is made, or the deadline. */
void node_await_guard(struct node *node, struct mono deadline);

/* Looks at the server and keeps what it saw. Its session is the caller's. */
void node_look(struct node *node, struct pgquery *query);

/* What a look saw that began then, while the server runs: kept, unless a later look was quicker or what was seen before
 * some moment behind `began` is out of date. `lock` held. */
void node_saw(struct node *node, struct mono began, const struct pgquery_status *seen);

/* What was seen of the server is out of date, also by looks under way; `lock` held. */
void node_forget(struct node *node);
