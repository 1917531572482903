/* SPDX-License-Identifier: Apache-2.0
 * What must survive the controller: written to the store before anything that follows from it happens, read back at
 * start.
 *
 * Flat and numbered by DURABLE_FORMAT; sealed by a checksum. Times in it are wall clock (display) except where said
 * otherwise. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/limits.h"
#include "core/lsn.h"
#include "core/plan.h"
#include "core/view.h"

enum {
    DURABLE_FORMAT = 2,
    DURABLE_RUNS = 16,   /* past runs kept here; the journal holds all */
    DURABLE_LEDGER = 16, /* ends of old writers kept here */
    DURABLE_WHOLE = 10000,
};

#define DURABLE_MAGIC 0x454c424152554448U /* "HDURABLE" in little-endian memory */

enum durable_run_state {
    DURABLE_RUN_NONE,
    DURABLE_RUN_RUNNING,
    DURABLE_RUN_WAITING,   /* for a person: approval, or help */
    DURABLE_RUN_UNDOING,   /* compensates its completed steps, last first */
    DURABLE_RUN_SUCCEEDED, /* ended */
    DURABLE_RUN_UNPROVEN,  /* ended: done, but the proof that traffic moved did not come */
    DURABLE_RUN_COMPENSATED,
    DURABLE_RUN_REFUSED, /* ended before anything was changed */
    DURABLE_RUN_FAILED,  /* ended by a person while it waited for help */
};

enum durable_step_state {
    DURABLE_STEP_PENDING,
    DURABLE_STEP_RUNNING,
    DURABLE_STEP_DONE,
    DURABLE_STEP_SKIPPED,
    DURABLE_STEP_UNPROVEN,
    DURABLE_STEP_FAILED,
    DURABLE_STEP_UNDONE,
};

struct durable_step {
    enum plan_step step;
    enum durable_step_state state;
    enum err error;
    uint32_t again;     /* how often the run came back to it */
    int64_t started_us; /* CLOCK_BOOTTIME of the controller that ran it */
    int64_t ended_us;
    int64_t started_wall_us;
    char detail[96];
};

/* One database that a run moves. */
struct durable_move {
    uint32_t database;
    uint32_t source;  /* node */
    uint32_t target;  /* node; LIMITS_NONE until chosen */
    uint32_t refused; /* bit per node that certainly will not be promoted */
    uint64_t epoch;
    bool promote_sent; /* from here the outcome is unknown until proven */
    bool promoted;
    bool restored;           /* undo: the source is writable again */
    bool early;              /* fenced by its durability set: its right may last, nothing returns without the target */
    uint32_t members_before; /* the durability set, for the case that the target certainly refuses */
    uint32_t required_before;
    struct lsn source_end;
    struct lsn target_end;
};

struct durable_run {
    uint64_t id;
    enum plan_kind plan;
    enum durable_run_state state;
    uint32_t source; /* regions */
    uint32_t target;
    uint32_t reason; /* enum of the decision that asked for it */
    uint32_t rule;
    bool automatic;
    bool accept_loss;
    bool approved;
    bool abort_wanted;
    bool stuck;  /* UNDOING: something cannot be undone for now; it goes on trying, another run may follow */
    uint32_t at; /* index of the present step */
    uint32_t steps_count;
    uint32_t moves_count;
    uint32_t factor_before; /* of the region whose share the run changes */
    uint64_t source_rate;   /* requests that the regions served before (core/traffic.h) */
    uint64_t target_rate;
    int64_t began_us;    /* CLOCK_BOOTTIME */
    int64_t evidence_us; /* CLOCK_BOOTTIME of the first failed probe behind an automatic run; 0: none */
    int64_t began_wall_us;
    int64_t ended_wall_us;
    int64_t duration_ms;
    struct durable_step steps[PLAN_STEPS_MAX];
    struct durable_move moves[LIMITS_DATABASES];
    char text[128]; /* the operator's reason, or the decision's */
    char who[LIMITS_NAME];
    char problem[96]; /* why it waits or failed */
};

struct durable_database {
    uint64_t epoch;  /* highest given out */
    uint32_t writer; /* node that holds it; LIMITS_NONE: none proven */
    uint32_t routed; /* node that the view names as writer; LIMITS_NONE: route closed */
    uint64_t routed_epoch;
    uint32_t members;  /* durability set, bit per node */
    uint32_t required; /* how many of them acknowledge */
    bool hold;         /* sessions are held at transaction boundaries */
};

struct durable_end {
    uint64_t run;
    uint32_t database;
    uint32_t node;
    uint64_t epoch;
    struct lsn last_known; /* of the old writer */
    struct lsn fork;       /* where the new writer took over */
    bool tier1_at_risk;    /* promoted outside the durability set by a person's word, not settled */
};

/* A cache with one writer (core/cache.h). */
struct durable_cache {
    char name[LIMITS_NAME]; /* of the service */
    uint64_t epoch;         /* of the primary; 0: there never was one */
    uint64_t run;           /* the last run that it has followed to where it moved */
    struct view_address primary;
    bool known;
    bool open;       /* it takes writes, clients are sent there */
    uint16_t before; /* while it is closed: marks the one before it, which lives, and what that has must not be lost; 0:
                        there is none */
};

/* `before` was padding, and zero: records of format 2 are read as they are. */
_Static_assert(sizeof(struct durable_cache) == 72, "the size of a record of format 2");

struct durable {
    uint64_t magic;
    uint32_t format;
    uint32_t size;
    uint64_t checksum;
    uint64_t sequence; /* grows with each write */
    uint64_t view_version;
    uint64_t runs_started;
    bool paused;
    int64_t last_failover_wall_us;   /* 0: never */
    uint32_t factor[LIMITS_REGIONS]; /* share of its own clients a region carries, of DURABLE_WHOLE */
    int64_t factor_since_wall_us[LIMITS_REGIONS];
    bool good[LIMITS_REGIONS]; /* all its critical checks were once seen to pass: before that it is not in service */
    char names[LIMITS_REGIONS][LIMITS_NAME];    /* regions by name: the configuration may reorder them */
    char node_names[LIMITS_NODES][LIMITS_NAME]; /* likewise */
    char database_names[LIMITS_DATABASES][LIMITS_NAME];
    struct durable_database databases[LIMITS_DATABASES];
    struct durable_run run;
    struct durable_run aside;              /* UNDOING and stuck: goes on when `run` has ended */
    struct durable_run past[DURABLE_RUNS]; /* newest first */
    uint32_t ends_count;
    struct durable_end ends[DURABLE_LEDGER];      /* newest first */
    struct durable_cache caches[LIMITS_SERVICES]; /* since format 2 */
};

void durable_seal(struct durable *durable);

/* From the first evidence (or the order) to the end of the last route: when the clients were served again. -1: it did
 * not come that far. */
int64_t durable_run_rto_ms(const struct durable_run *run);

/* The run with this number, whatever became of it; NULL: not among those that are kept. */
const struct durable_run *durable_run_find(const struct durable *durable, uint64_t id);

/* A run has ended: the newest of those that are kept. */
void durable_remember(struct durable *durable, const struct durable_run *run);

/* Takes a stored record, also one of an older format. False: it is harmed, or of a newer one; `ret_durable` is then
 * worth nothing. */
bool durable_read(const void *bytes, uint64_t size, struct durable *ret_durable);
bool durable_valid(const struct durable *durable, uint64_t size);
