/* SPDX-License-Identifier: Apache-2.0
 * The desk: what the controller offers to those who ask from other threads (the web API). Implemented by
 * control/control_desk.c.
 *
 * All functions may be called from any thread, several at once; none waits longer than a few seconds. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/engine.h"
#include "core/event.h"
#include "edge/figure.h"
#include "edge/latency_message.h"
#include "edge/observe.h"
#include "edge/probe.h"
#include "edge/sight.h"
#include "edge/store.h"

enum { DESK_ADDRESS = 64 };

enum desk_lease_state { DESK_LEASE_NONE, DESK_LEASE_HELD, DESK_LEASE_REVOKED };

/* The lease record of a database as it is in the store. */
struct desk_lease {
    enum desk_lease_state state;
    char holder[LIMITS_NAME];
    uint64_t epoch;
    char candidate[LIMITS_NAME]; /* revoked in favour of */
    uint64_t next;               /* under this epoch */
    uint64_t replaced;           /* revision of the holder's last renewal, kept by the revocation */
    uint64_t revision;
    uint32_t lease_ms; /* from the configuration */
};

/* One reader's announcement, from an observer. */
struct desk_reader {
    char name[LIMITS_NAME];
    enum event_reader_kind kind;
    uint64_t version;
    uint32_t age_ms;
};

/* What readers of a site have met with at a server, by its address (edge/publish_sight.h), or applications. */
struct desk_sight {
    char site[LIMITS_NAME]; /* filled when it is asked for */
    char server[DESK_ADDRESS];
    struct publish_sight sight;
    bool applications;
};

/* A writer's guard slots (agent/guard.h), as its agent reports them. */
struct desk_guard {
    bool any; /* the rest was reported */
    uint32_t slots;
    uint32_t missing;
    uint32_t lost;
    uint64_t retained_bytes;
    uint64_t limit_bytes; /* 0: none */
};

/* What an agent reported, in the model's words, and what is only for display. */
struct desk_report {
    struct event_node node;
    struct desk_guard guard;
    uint64_t order;    /* the last order to be cloned anew, or to restart, that its agent took; 0: none */
    bool restart;      /* which of the two */
    char ordered[16];  /* what became of it: "wanted", "done", "failed" */
    char pending[128]; /* parameters that wait for a restart, "a, b" */
    char activity[64];
    char error[128];
    char lowers_by[96]; /* one of those that lower synchronous_commit on a writer; empty: none */
};

/* The answer to a report. */
struct desk_word {
    uint64_t version;         /* of the view that it is from */
    char writer[LIMITS_NAME]; /* "": none */
    uint64_t epoch;
    char upstream[LIMITS_NAME]; /* whom the node is to stream from; "": the writer */
    uint64_t order;             /* of that (struct view_node); 0: nothing is said */
    uint32_t slots_count;       /* nodes that it is to keep slots for although they may not stream from it ... */
    char slots[LIMITS_NODES][LIMITS_NAME];
    struct lsn flushed[LIMITS_NODES]; /* ... and what each has of its timeline; 0: not known */
};

/* A question to the ledger of a cluster, in its writer (doc/salvage.md). Borrowed text. */
enum desk_ledger_what { DESK_LEDGER_PAGE, DESK_LEDGER_ENTRY, DESK_LEDGER_APPLY, DESK_LEDGER_DISCARD };

struct desk_ledger {
    enum desk_ledger_what what;
    const char *database; /* the cluster */
    const char *dbname;   /* which of its databases; NULL: its own */
    uint64_t id;          /* of the entry; PAGE: entries behind it */
    uint32_t limit;       /* PAGE: how many */
    bool open;            /* PAGE: only what waits for a person */
    const char *reason;   /* APPLY, DISCARD: why, and by whom */
    const char *who;
};

/* A site with a controller. */
struct desk_controller {
    char site[LIMITS_NAME];
    bool alive;     /* as its signs of life in the store show it; ourselves: always */
    int64_t age_ms; /* since the last one; -1: none ever */
};

/* Who leads, as this controller knows. */
struct desk_lead {
    bool ours;
    char site[LIMITS_NAME]; /* "": nobody is known to */
    char address[DESK_ADDRESS];
    uint64_t term;    /* 0: a single controller, without terms */
    int64_t since_ms; /* since this term is known here */
    uint32_t controllers_count;
    struct desk_controller controllers[LIMITS_SITES];
};

struct desk {
    void *context;

    /* Who leads. Only the leader answers for more than itself; commands to another are refused. */
    void (*lead)(void *context, struct desk_lead *ret_lead);

    /* A copy of the engine as it is between two steps. About 1 MB: allocate it. */
    void (*snapshot)(void *context, struct engine *ret_engine);

    /* Hands an operator's command to the engine and waits for its reply. ERR_TIMEOUT: no reply in time, outcome
     * unknown. */
    enum err (*command)(void *context, const struct event_command *command, struct engine_reply *ret_reply);

    /* What the command would do, on a copy: nothing is changed. `ret_engine` is the copy after the first look. */
    enum err (*preview)(void *context, const struct event_command *command, struct engine *ret_engine,
                        struct output *ret_output);

    /* The index of a node by name; LIMITS_NONE when the configuration has none. */
    uint32_t (*node)(void *context, const char *name);

    /* A batch of an observer. ERR_NOT_FOUND: no such site. Returns the view's version. */
    enum err (*observe)(void *context, const char *site, const struct probe_result *results, uint32_t count,
                        uint64_t *ret_version);
    /* What that site hears of heartbeats. ERR_NOT_FOUND: no such site. */
    enum err (*beats)(void *context, const char *site, const struct observe_beats *beats);
    enum err (*readers)(void *context, const char *site, const struct desk_reader *readers, uint32_t count);
    /* Likewise what they have met with, at most SIGHT_LIST. And: what each site said of a server, by its data planes
     * or its applications, at most LIMITS_SITES; how many did. */
    enum err (*sights)(void *context, const char *site, const struct desk_sight *sights, uint32_t count);
    uint32_t (*seen)(void *context, const struct view_address *server, bool applications, struct desk_sight *ret_list);

    /* What data planes of a site count, at most FIGURE_SITE. And: of each site that tells figures, those; at most
     * LIMITS_SITES. The rows are the caller's to free. */
    enum err (*figures)(void *context, const char *site, const struct figure_row *rows, uint32_t count);
    uint32_t (*figures_list)(void *context, struct figure_site *ret_list);

    /* Round trips of clients: what a site has measured. ERR_NOT_FOUND: no such site. And: the times by region that
     * follow, and how old they become. */
    enum err (*latency)(void *context, const struct latency_message *message);
    void (*latencies)(void *context, struct latency_table *ret_table, int64_t *ret_max_age_s);

    /* An agent's report as parsed by the caller. ERR_NOT_FOUND: no such node. */
    enum err (*report)(void *context, const struct desk_report *report, struct desk_word *ret_word);

    /* Leases, by compare-and-swap on the store. ERR_CONFLICT: certainly not. ERR_NOT_FOUND: no such database. */
    enum err (*lease_get)(void *context, const char *database, struct desk_lease *ret_lease);
    enum err (*lease_renew)(void *context, const char *database, const char *node, uint64_t epoch, uint64_t revision,
                            struct desk_lease *ret_lease);
    enum err (*lease_acquire)(void *context, const char *database, const char *node, uint64_t epoch,
                              struct desk_lease *ret_lease);

    /* The published view, once it is newer than `after`. ERR_TIMEOUT: it is not, within the time. */
    enum err (*view)(void *context, uint64_t after, uint32_t timeout_ms, struct view *ret_view);

    /* The last result of a probe by a site, for display. False: there is none. */
    bool (*detail)(void *context, uint32_t site, uint32_t probe, struct probe_result *ret_result);
    void (*node_detail)(void *context, uint32_t node, struct desk_report *ret_report);

    /* Asks the ledger in the writer. The answer is JSON text, the caller's to free (reconcile/ledger.h has its shape).
     * ERR_NOT_FOUND: no such cluster, database or entry; ERR_REFUSED: nothing was changed; ERR_UNAVAILABLE: there is no
     * writer now. `message` says more. */
    enum err (*ledger)(void *context, const struct desk_ledger *ask, char **ret_json, char *message, size_t size);

    /* Re-reads the configuration file. On an error `message` says what is wrong, and nothing has changed. */
    enum err (*configure)(void *context, char *message, size_t size);

    /* The effective configuration as text, without secrets. The caller frees it; NULL: no memory. */
    char *(*configuration)(void *context);

    /* The journal (kinds: the names of traces). */
    struct store *store;
};
