/* SPDX-License-Identifier: Apache-2.0
 * The simulator: the real core against simulated regions, links, clocks, disks and databases; one seed decides all.
 *
 * First all faults are on and only safety is checked; then everything is repaired and the system must converge. The
 * same seed gives the same story, byte for byte. Nothing here reads a clock or opens a file. One thread per struct
 * sim. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/durable.h"
#include "core/model.h"

enum {
    SIM_VIOLATION_TEXT = 160,
    SIM_SAMPLES = 16, /* failovers of one seed whose outage is kept */
};

/* A rule broken on purpose, to prove that the checkers can fail. */
enum sim_sabotage {
    SIM_SABOTAGE_NONE,
    SIM_SABOTAGE_NO_FENCE,      /* agents ignore the end of their right */
    SIM_SABOTAGE_NO_WAIT,       /* a candidate takes the lease at once, whoever holds it */
    SIM_SABOTAGE_ANY_CANDIDATE, /* a server acknowledges tier 1 without waiting for the durability set */
    SIM_SABOTAGE_OLD_VIEW,      /* a controller's record is thrown away: versions and epochs start again */
    SIM_SABOTAGE_STALE_PROXY,   /* proxies and servers do not compare epochs; a killed server goes on answering */
    SIM_SABOTAGE_NO_COMPARE,    /* comparisons are never made, their answer is forged inside the engine */
    SIM_SABOTAGE_RUN_ORDER,     /* a step of a run is marked done out of turn */
    SIM_SABOTAGE_NO_PROMOTE,    /* promotions never come to an end: nothing converges */
    SIM_SABOTAGE_TOO_FEW,       /* the record says that every member acknowledged, one more than do */
    SIM_SABOTAGE_NO_TERM,       /* a deposed leader goes on, and the store does not check its term */
    SIM_SABOTAGE_SAME_EPOCH,    /* views show the next primary of a cache under the epoch of the last one */
    SIM_SABOTAGE_OPEN_EARLY,    /* clients are sent to a cache's primary before it takes writes */
    SIM_SABOTAGE_NO_QUIET,      /* a cache's primary neither holds writes nor waits until its successor has them all */
    SIM_SABOTAGE_COUNT,
};

/* What a scenario may order, one row each (sim_script.h parses them). */
enum sim_fault_kind {
    SIM_FAULT_REGION,      /* `a` region: everything in it is dead */
    SIM_FAULT_NODE,        /* `a` node: machine dead */
    SIM_FAULT_SERVER,      /* `a` node: PostgreSQL crashes, and does not come up while the fault lasts */
    SIM_FAULT_AGENT,       /* `a` node: agent killed */
    SIM_FAULT_FREEZE,      /* `a` node: agent stopped, its server goes on */
    SIM_FAULT_FREEZE_NODE, /* `a` node: the whole machine stands still */
    SIM_FAULT_CONTROL,     /* the controller is killed */
    SIM_FAULT_SITE,        /* `a` site: observer, proxy, DNS and controller dead */
    SIM_FAULT_CUT,         /* `a`, `b` places: no packet from a to b */
    SIM_FAULT_CUT_BOTH,    /* `a`, `b` places: neither way */
    SIM_FAULT_ISOLATE,     /* `a` place: cut off from everybody */
    SIM_FAULT_LOSS,        /* `a` place: its packets get lost, TCP becomes slow */
    SIM_FAULT_STORE_FULL,
    SIM_FAULT_STORE_SLOW,
    SIM_FAULT_DISK,    /* `a` node: slow disk */
    SIM_FAULT_REPLAY,  /* `a` node: replay lags */
    SIM_FAULT_PROMOTE, /* `a` node: promotions are slow */
    SIM_FAULT_REFUSE,  /* `a` node: promotions are refused */
    SIM_FAULT_CACHE,   /* `a` region */
    SIM_FAULT_APP,     /* `a` region */
    SIM_FAULT_ERRORS,  /* `a` region: error rate high */
    SIM_FAULT_LIAR,    /* `a` site: its observer says the opposite about region `b` */
    SIM_FAULT_WALL,    /* `a` place: wall clock jumps */
    SIM_FAULT_READERS, /* `a` site: its proxy and DNS take views up late */
    SIM_FAULT_COUNT,
};

struct sim_fault {
    enum sim_fault_kind kind;
    uint32_t a;
    uint32_t b;
    int64_t at_us;
    int64_t end_us; /* INT64_MAX: until healing */
    uint32_t step;  /* enum plan_step + 1: begins `at_us` after a run began that step, and lasts `end_us`; 0: by time */
    bool met;       /* its step has begun */
    bool on;
};

/* An operator's order in a script. */
struct sim_order {
    int64_t at_us;
    uint32_t command; /* enum event_command_kind */
    uint32_t source;
    uint32_t target;
    bool accept_loss;
    bool emergency;
    bool done;
};

enum { SIM_FAULTS = 64, SIM_ORDERS = 32 };

struct sim_script {
    struct sim_fault faults[SIM_FAULTS];
    uint32_t faults_count;
    struct sim_order orders[SIM_ORDERS];
    uint32_t orders_count;
    int64_t chaos_us; /* how long faults may happen */
    int64_t heal_us;  /* how long convergence may take; 0: the run ends without healing */
    bool readiness;   /* applications are ready only while they reach the writers */
    bool judged;      /* after healing people help, and everything must converge, as with a seed's own script */
};

struct sim_options {
    uint64_t seed;
    const struct model *model;       /* NULL: the seed makes one */
    const struct sim_script *script; /* NULL: the seed makes one */
    bool realistic;                  /* one ordinary fault in a quiet system instead of a storm */
    enum sim_sabotage sabotage;
    void (*say)(void *context, const char *line); /* NULL: silent */
    void *context;
    bool brief; /* only what the engine says, and faults: no client lines */
};

struct sim_result {
    bool violated;
    char violation[SIM_VIOLATION_TEXT];
    int64_t violation_us;
    bool converged;
    int64_t converge_us; /* since healing */
    uint32_t runs[DURABLE_RUN_FAILED + 1];
    uint32_t automatic;
    uint32_t false_failovers; /* automatic although the source's database and region served */
    uint32_t outages_count;
    int64_t outages_us[SIM_SAMPLES]; /* clients without acknowledgement over an automatic failover: its RTO */
    uint32_t faults;                 /* begun */
    uint32_t begun;                  /* steps of runs that began, bit per enum plan_step */
    uint32_t helped;                 /* manual failovers that healing needed */
    uint32_t lost_commits;           /* acknowledged, left behind by a person's accept_loss or of tier 2 */
    uint64_t cache_writes;           /* acknowledged */
    int64_t cache_us;                /* when the last one was */
    uint64_t commits;
    uint64_t events;
    uint64_t steps;
    int64_t virtual_us;
};

/* Runs one seed from its first event to its last. */
void sim_run(const struct sim_options *options, struct sim_result *ret_result);

/* Why this configuration cannot be simulated, or NULL. */
const char *sim_problem(const struct model *model);

/* Ordinary faults that a year brings to it, in 1/1,000. */
uint32_t sim_incidents(const struct model *model);

const char *sim_fault_name(enum sim_fault_kind kind);
const char *sim_sabotage_name(enum sim_sabotage sabotage);
