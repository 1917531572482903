/* SPDX-License-Identifier: Apache-2.0
 * libholdfast: the view of the regions, the choice between them and circuit breakers, for applications.
 *
 * Needs libc only. Link with `pkg-config --cflags --libs holdfast`. All functions may be called from any thread at any
 * time, except those that free something, which must be the last ones for it. Outputs (`ret_`) are set only on
 * success. Durations are nanoseconds, ratios parts per million (ppm): 500,000 is 50 %. */
#pragma once

#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

#define HOLDFAST_API __attribute__((visibility("default")))

/* What functions that can fail return. Each names below what the caller should do. */
enum holdfast_error {
    HOLDFAST_OK = 0,
    HOLDFAST_INVALID_CONFIG = 1,     /* a value of the configuration is not allowed: correct it */
    HOLDFAST_NO_MEMORY = 2,          /* try again later, or use a smaller window */
    HOLDFAST_ILLEGAL_TRANSITION = 3, /* not from the present state: nothing changed; go to CLOSED first */
    HOLDFAST_INVALID_ARGUMENT = 4,   /* a negative duration, an unknown state or a path that is too long */
    HOLDFAST_SYSTEM = 5,             /* a system call failed, errno says why: often the rights to the state directory */
    HOLDFAST_NO_VIEW = 6,            /* nothing was published yet, and no file is left from before: go on as without */
    HOLDFAST_UNSUPPORTED = 7,        /* the view is of another release: what was read before stays in use; update */
    HOLDFAST_TIMEOUT = 8,            /* nothing newer came: ask again */
    HOLDFAST_NOT_FOUND = 9,          /* the view has no such region or database: correct the name, or wait */
    HOLDFAST_NO_WRITER = 10,         /* the view names no writer now: hold or refuse writes, see holdfast_wait */
    HOLDFAST_NO_ROUTE = 11,          /* everything that could do was tried: give up, or wait and begin anew */
    HOLDFAST_STALE = 12,             /* the view has changed since: choose again */
};

/* The words for it; never NULL. */
HOLDFAST_API const char *holdfast_error_text(enum holdfast_error error);

/* ---- Circuit breaker -------------------------------------------------------------------------------------------- */

/* A breaker watches the results of calls to one backend and refuses further calls while too many fail or are too slow.
 * CLOSED: all pass. OPEN: none pass, for a while. HALF_OPEN: a few trial calls pass and decide. The other three are set
 * by hand. */
struct holdfast_breaker;

enum holdfast_breaker_state {
    HOLDFAST_BREAKER_CLOSED = 0,
    HOLDFAST_BREAKER_OPEN = 1,
    HOLDFAST_BREAKER_HALF_OPEN = 2,
    HOLDFAST_BREAKER_DISABLED = 3,     /* all pass, nothing is recorded */
    HOLDFAST_BREAKER_FORCED_OPEN = 4,  /* none pass, refusals are counted */
    HOLDFAST_BREAKER_METRICS_ONLY = 5, /* all pass, results are recorded */
};

enum holdfast_breaker_window {
    HOLDFAST_BREAKER_COUNT = 0, /* the last N results */
    HOLDFAST_BREAKER_TIME = 1,  /* the results of the last N whole seconds of the clock */
};

enum holdfast_breaker_outcome {
    HOLDFAST_SUCCESS = 0,
    HOLDFAST_ERROR = 1,
    HOLDFAST_IGNORED_ERROR = 2,    /* says nothing about the backend: the permit goes back, nothing is recorded */
    HOLDFAST_UNRECORDED_ERROR = 3, /* an error that is not the backend's fault: counts as a success */
    HOLDFAST_FAILED_RESULT = 4,    /* the call returned, but its result is a failure: counts as an error */
};

enum holdfast_breaker_event_kind {
    HOLDFAST_EVENT_SUCCESS = 0,
    HOLDFAST_EVENT_ERROR = 1,
    HOLDFAST_EVENT_IGNORED_ERROR = 2,
    HOLDFAST_EVENT_NOT_PERMITTED = 3,
    HOLDFAST_EVENT_FAILURE_RATE_EXCEEDED = 4,
    HOLDFAST_EVENT_SLOW_CALL_RATE_EXCEEDED = 5,
    HOLDFAST_EVENT_STATE_TRANSITION = 6,
    HOLDFAST_EVENT_RESET = 7,
};

struct holdfast_breaker_event {
    enum holdfast_breaker_event_kind kind;
    enum holdfast_breaker_state from; /* of a transition; for other kinds both are the present state */
    enum holdfast_breaker_state to;
    int64_t at_us; /* the clock, when it happened: a timer's event carries the time at which it was due */
};

/* "Not given" for one of the two waits below. */
#define HOLDFAST_NOT_GIVEN (-1)

/* Fill it with holdfast_breaker_config_default or _regional, then change what you need. */
struct holdfast_breaker_config {
    int64_t failure_rate_threshold_ppm;       /* opens at this share of failures; > 0, at most 1,000,000; 500,000 */
    int64_t slow_call_rate_threshold_ppm;     /* opens at this share of slow calls; likewise; 1,000,000 */
    int64_t slow_call_duration_ns;            /* a call is slow when it takes strictly longer; >= 1; 60 s */
    enum holdfast_breaker_window window_type; /* COUNT */
    int64_t window_size;                      /* calls or seconds; 1 to 10,000,000; 100 */
    int64_t minimum_calls;                    /* no verdict before so many results; >= 1; 100 */
    int64_t permitted_half_open;              /* trial calls; 1 to 10,000,000; 10 */
    int64_t wait_open_ms;                     /* how long OPEN lasts; >= 1; HOLDFAST_NOT_GIVEN: 60 s unless it grows */
    int64_t wait_initial_ms;       /* or a wait that grows with each OPEN: first; HOLDFAST_NOT_GIVEN: does not */
    int64_t wait_multiplier_ppm;   /* ... then times this, >= 1,000,000, cut to whole milliseconds */
    int64_t wait_max_ms;           /* ... up to this, >= 1. CLOSED starts anew */
    int automatic;                 /* 1: a timer moves OPEN to HALF_OPEN; 0: the next call after the wait does */
    int64_t max_wait_half_open_ms; /* HALF_OPEN without a verdict ends after this; 0: never */
    enum holdfast_breaker_state after_half_open_wait; /* ... in OPEN or CLOSED; OPEN */
    enum holdfast_breaker_state initial_state;        /* CLOSED */

    /* Microseconds since any whole second; must not go back (if it does, it counts as standing still). NULL:
     * CLOCK_BOOTTIME. */
    int64_t (*clock_us)(void *clock_context);
    void *clock_context;

    /* Called for each event, in order, under the breaker's lock; a SUCCESS of the healthy path is published without the
     * lock, so the function must be safe to call from several threads. It must not call the breaker. NULL: nobody
     * listens. */
    void (*publish)(void *publish_context, const struct holdfast_breaker_event *event);
    void *publish_context;

    int publish_transitions_only; /* 1: only STATE_TRANSITION and RESET, so that the healthy path stays silent */

    int64_t reserved[4]; /* zero, as the two functions below leave it */
};

struct holdfast_breaker_metrics {
    enum holdfast_breaker_state state;
    int64_t failure_rate_ppm; /* of the buffered calls; -1: fewer than the minimum */
    int64_t slow_rate_ppm;    /* likewise */
    int64_t buffered;         /* results in the window */
    int64_t failed;
    int64_t slow;
    int64_t slow_failed;
    int64_t not_permitted; /* refusals since the window was last emptied */
    int64_t healthy;       /* results of the healthy path since the breaker was made */
    int64_t stale;         /* results left out because their period was over (_period functions) */
    int64_t reserved[4];
};

/* The defaults above. */
HOLDFAST_API void holdfast_breaker_config_default(struct holdfast_breaker_config *ret_config);

/* The preset for calls to a region: 50 % of the last 10 calls, at least 5, open for 30 s, 3 trial calls, automatic. */
HOLDFAST_API void holdfast_breaker_config_regional(struct holdfast_breaker_config *ret_config);

/* Makes a breaker. The configuration is copied. The caller owns the breaker and frees it.
 * Errors: HOLDFAST_INVALID_CONFIG, HOLDFAST_NO_MEMORY. */
HOLDFAST_API enum holdfast_error holdfast_breaker_new(const struct holdfast_breaker_config *config,
                                                      struct holdfast_breaker **ret_breaker);

/* NULL is allowed. */
HOLDFAST_API void holdfast_breaker_free(struct holdfast_breaker *breaker);

/* 1: make the call, then say exactly once how it went, with holdfast_breaker_record, _error_open_for or _release.
 * 0: do not call; fail at once or use another region. While CLOSED this is one load. */
HOLDFAST_API int holdfast_breaker_acquire(struct holdfast_breaker *breaker);

/* How the call went and how long it took; pass the duration you measured anyway, or 0 when slow calls do not matter.
 * A fast success is one load and one private counter while the window is full of fast successes. */
HOLDFAST_API void holdfast_breaker_record(struct holdfast_breaker *breaker, enum holdfast_breaker_outcome outcome,
                                          int64_t duration_ns);

/* The shorter words for the two frequent outcomes. */
static inline void holdfast_breaker_success(struct holdfast_breaker *breaker, int64_t duration_ns)
{
    holdfast_breaker_record(breaker, HOLDFAST_SUCCESS, duration_ns);
}

static inline void holdfast_breaker_error(struct holdfast_breaker *breaker, int64_t duration_ns)
{
    holdfast_breaker_record(breaker, HOLDFAST_ERROR, duration_ns);
}

/* An error that also says for how long to stay away (HTTP 503 with Retry-After): a CLOSED breaker opens for that long
 * at once, also below the minimum of calls. Errors: HOLDFAST_INVALID_ARGUMENT (negative or beyond 146 years; nothing
 * was recorded). */
HOLDFAST_API enum holdfast_error holdfast_breaker_error_open_for(struct holdfast_breaker *breaker, int64_t duration_ns,
                                                                 int64_t open_for_ms);

/* The call was not made after all: the permit goes back. */
HOLDFAST_API void holdfast_breaker_release(struct holdfast_breaker *breaker);

/* The option of periods. A call that was admitted while CLOSED and ends while HALF_OPEN counts as a trial call, as in
 * Resilience4j. Who does not want that passes the period along: a result is recorded, and a permit taken back, only
 * while the period that admitted the call lasts; later ones are counted as `stale`. A period ends with each transition
 * and whenever the window is emptied. `ret_period` is set when the call is permitted. Same cost as without. */
HOLDFAST_API int holdfast_breaker_acquire_period(struct holdfast_breaker *breaker, uint64_t *ret_period);
HOLDFAST_API void holdfast_breaker_record_period(struct holdfast_breaker *breaker, uint64_t period,
                                                 enum holdfast_breaker_outcome outcome, int64_t duration_ns);
HOLDFAST_API void holdfast_breaker_release_period(struct holdfast_breaker *breaker, uint64_t period);

/* By hand. To the present state: clears and publishes nothing (OPEN keeps its window and waits anew).
 * Errors: HOLDFAST_ILLEGAL_TRANSITION (CLOSED to HALF_OPEN; METRICS_ONLY to OPEN or HALF_OPEN),
 * HOLDFAST_INVALID_ARGUMENT. */
HOLDFAST_API enum holdfast_error holdfast_breaker_move(struct holdfast_breaker *breaker,
                                                       enum holdfast_breaker_state state);

/* By hand to OPEN for so long; does not count for growing waits. Errors: as holdfast_breaker_move. */
HOLDFAST_API enum holdfast_error holdfast_breaker_open_for(struct holdfast_breaker *breaker, int64_t open_for_ms);

/* To CLOSED with everything forgotten, pending timers too. */
HOLDFAST_API void holdfast_breaker_reset(struct holdfast_breaker *breaker);

/* Runs the timers that fell due, each at its own due time. Every other call does so first: this one is for programs
 * that want the events in time although nobody calls. */
HOLDFAST_API void holdfast_breaker_advance(struct holdfast_breaker *breaker);

/* The state and the window as they are now. */
HOLDFAST_API void holdfast_breaker_read(struct holdfast_breaker *breaker, struct holdfast_breaker_metrics *ret_metrics);

/* "CLOSED", "FAILURE_RATE_EXCEEDED", ... "UNKNOWN" for a number that is none of them; never NULL. */
HOLDFAST_API const char *holdfast_breaker_state_name(enum holdfast_breaker_state state);
HOLDFAST_API const char *holdfast_breaker_event_name(enum holdfast_breaker_event_kind kind);

/* ---- The view --------------------------------------------------------------------------------------------------- */

/* The picture of regions, nodes and writers that the controllers publish on each host. A context maps it read-only, so
 * a broken application can neither harm it nor hold anything up; a new version is seen by the next call that looks.
 * Restarts of the publisher, a state directory made anew and updates are survived: the last good view stays in use. */
struct holdfast;

#define HOLDFAST_NONE UINT32_MAX /* "none" for an index of a region or node, "unknown" for lag_ms */

enum {
    HOLDFAST_NAME = 32,    /* bytes of a name, terminator included */
    HOLDFAST_ADDRESS = 48, /* bytes of an address as text, likewise */
    HOLDFAST_REGIONS = 8,
    HOLDFAST_DATABASES = 4,
    HOLDFAST_NODES = 32,
    HOLDFAST_ENDPOINTS = 64,
    HOLDFAST_SERVICES = 16,
    HOLDFAST_SERVERS = 64,
};

/* Where the view in use came from. */
enum holdfast_source {
    HOLDFAST_SOURCE_NONE = 0,
    HOLDFAST_SOURCE_FILE = 1,   /* view.last: what was published before the machine or the publisher went down */
    HOLDFAST_SOURCE_SHARED = 2, /* view.shm: what is published now */
};

enum holdfast_region_state {
    HOLDFAST_REGION_SERVING = 0, /* carries traffic */
    HOLDFAST_REGION_STANDBY = 1, /* could carry traffic */
    HOLDFAST_REGION_DOWN = 2,    /* must not get traffic */
};

enum holdfast_node_role { HOLDFAST_NODE_UNKNOWN = 0, HOLDFAST_NODE_WRITER = 1, HOLDFAST_NODE_STANDBY = 2 };

struct holdfast_region {
    char name[HOLDFAST_NAME];
    uint32_t state;   /* enum holdfast_region_state */
    uint32_t healthy; /* what the controllers say */
    uint32_t share;   /* of the own region's clients that are to go there, in 1/10,000 */
    uint32_t reserved;
};

struct holdfast_endpoint {
    char name[HOLDFAST_NAME];
    char address[HOLDFAST_ADDRESS];
    uint32_t port; /* 0: not given */
    uint32_t region;
    uint32_t healthy;
    uint32_t reserved;
};

struct holdfast_database {
    char name[HOLDFAST_NAME];
    uint64_t epoch;  /* grows with each change of the writer */
    uint32_t writer; /* index of a node; HOLDFAST_NONE: there is none now */
    uint32_t hold;   /* 1: a move is under way: begin no transaction */
};

struct holdfast_node {
    char name[HOLDFAST_NAME];
    char address[HOLDFAST_ADDRESS];
    uint32_t port;
    uint32_t database;
    uint32_t region;
    uint32_t role; /* enum holdfast_node_role */
    uint32_t healthy;
    uint32_t lag_ms; /* HOLDFAST_NONE: unknown */
    uint64_t reserved;
};

/* A TCP service, Redis for example. */
struct holdfast_service {
    char name[HOLDFAST_NAME];
    uint64_t epoch;   /* grows with each change of the primary */
    uint32_t primary; /* index of a server that alone takes clients; HOLDFAST_NONE: any may, or none if `single` */
    uint32_t single;  /* 1: only the primary takes clients */
};

/* A server of a service. */
struct holdfast_server {
    char address[HOLDFAST_ADDRESS];
    uint32_t port;
    uint32_t service;
    uint32_t region;
    uint32_t healthy;
};

/* Entries beyond a count are zero. */
struct holdfast_view {
    uint64_t version;
    int64_t made_wall_us; /* microseconds since 1970, for people */
    uint64_t run;         /* the failover or switchover that made this version, 0: none */
    uint32_t source;      /* enum holdfast_source */
    uint32_t own_region;  /* index; HOLDFAST_NONE: not given, or not in the view */
    uint32_t regions_count;
    uint32_t databases_count;
    uint32_t nodes_count;
    uint32_t endpoints_count;
    uint32_t services_count;
    uint32_t servers_count;
    struct holdfast_region regions[HOLDFAST_REGIONS];
    struct holdfast_database databases[HOLDFAST_DATABASES];
    struct holdfast_node nodes[HOLDFAST_NODES];
    struct holdfast_endpoint endpoints[HOLDFAST_ENDPOINTS];
    struct holdfast_service services[HOLDFAST_SERVICES];
    struct holdfast_server servers[HOLDFAST_SERVERS];
};

enum holdfast_news_kind {
    HOLDFAST_NEWS_VIEW = 0,        /* another version is in use */
    HOLDFAST_NEWS_WRITER = 1,      /* the writer or its epoch has changed; node HOLDFAST_NONE: there is none */
    HOLDFAST_NEWS_REGION_DOWN = 2, /* is not chosen any more */
    HOLDFAST_NEWS_REGION_UP = 3,   /* may be chosen again */
    HOLDFAST_NEWS_BREAKER = 4,     /* a region's breaker has changed its state */
};

struct holdfast_news {
    enum holdfast_news_kind kind;
    uint32_t region; /* HOLDFAST_NONE where it does not apply; so the next */
    uint32_t node;
    enum holdfast_breaker_state from; /* of a breaker */
    enum holdfast_breaker_state to;
    uint64_t epoch;
    uint64_t version;
    int64_t at_us;
};

/* Fill it with holdfast_options_default, then change what you need. Everything is copied by holdfast_open. */
struct holdfast_options {
    const char *state_dir; /* of the site on this host; NULL: $HOLDFAST_STATE_DIR, else /var/lib/holdfast */
    const char *region;    /* where this application runs; NULL: nothing is local */
    const char *database;  /* whose nodes are chosen; NULL: regions only */
    const char *backups;   /* names of regions in the order in which they stand in, with commas; NULL: as in the view */
    int64_t thread_ms;     /* > 0: a thread of the library refreshes this often; 0: you do */
    int64_t max_lag_ms;    /* reads avoid standbys that are known to be further behind; 0: any will do; 10 s */
    int64_t max_age_ms;    /* a result of your own check (holdfast_report) is good for this long; 10 s */
    int64_t max_latency_ms;                 /* ... and the region only when the check took less than this; 1 s */
    int64_t shun_ms;                        /* after a failed call the region is left alone for this long; 1 s */
    int64_t shun_max_ms;                    /* ... twice as long each time, up to this; 10 s */
    struct holdfast_breaker_config breaker; /* of each region; clock and publish are the library's. Preset `regional`,
                                               and HALF_OPEN lasts no longer than OPEN: a lost call blocks nobody */

    /* Microseconds that do not go back; NULL: CLOCK_MONOTONIC_COARSE. */
    int64_t (*clock_us)(void *clock_context);
    void *clock_context;

    /* Called when something changes, from the thread that found it out, under locks: quick, and no call back into the
     * library. NULL: nobody listens. */
    void (*publish)(void *publish_context, const struct holdfast_news *news);
    void *publish_context;

    int64_t tell_ms; /* > 0: what calls met with is told to the process that serves the view, when it wants to know
                        (sites.*.feedback), with a refresh and at most this often; what failed at once, at most ten
                        times a second. 0: nobody is told; 1 s */

    int64_t reserved[31]; /* zero */
};

struct holdfast_metrics {
    uint64_t version; /* of the view in use; 0: none */
    uint64_t source;  /* enum holdfast_source */
    uint64_t views;   /* versions taken over */
    uint64_t moved;   /* times that the publisher had moved on while its bytes were copied: copied again */
    uint64_t refused; /* versions that were harmed or of another release */
    uint64_t mapped;  /* times that the shared memory was mapped: 1, and once more for each file made anew */
    uint64_t shunned; /* times that a region was left alone after a failed call */
    uint64_t trials;  /* calls that were let through to see whether it is back */
    uint64_t told;    /* times that the process that serves the view took what calls met with */
    uint64_t reserved[23];
};

HOLDFAST_API void holdfast_options_default(struct holdfast_options *ret_options);

/* Attaches to the view. Succeeds without one as well: it is looked for again by each refresh.
 * Errors: HOLDFAST_INVALID_CONFIG, HOLDFAST_INVALID_ARGUMENT (a path that is too long), HOLDFAST_NO_MEMORY. */
HOLDFAST_API enum holdfast_error holdfast_open(const struct holdfast_options *options, struct holdfast **ret_holdfast);

/* NULL is allowed. */
HOLDFAST_API void holdfast_close(struct holdfast *holdfast);

/* Looks for a newer view, also in a file that was made anew. Call it every second or so, or ask for a thread: two
 * system calls when nothing has changed. Errors, with the last good view still in use: HOLDFAST_NO_VIEW (there is
 * none), HOLDFAST_UNSUPPORTED, HOLDFAST_SYSTEM. */
HOLDFAST_API enum holdfast_error holdfast_refresh(struct holdfast *holdfast);

/* Refreshes and waits until a version above `version` is in use. A negative time-out waits for ever.
 * Errors: HOLDFAST_TIMEOUT. */
HOLDFAST_API enum holdfast_error holdfast_wait(struct holdfast *holdfast, uint64_t version, int64_t timeout_ms);

/* A copy of the view in use; pass sizeof *ret_view, so that later releases may append to it.
 * Errors: HOLDFAST_NO_VIEW, HOLDFAST_INVALID_ARGUMENT (a size that no release had). */
HOLDFAST_API enum holdfast_error holdfast_view_read(struct holdfast *holdfast, struct holdfast_view *ret_view,
                                                    uint64_t size);

HOLDFAST_API void holdfast_metrics_read(struct holdfast *holdfast, struct holdfast_metrics *ret_metrics);

/* ---- Route choice ----------------------------------------------------------------------------------------------- */

/* A route is chosen from the view, from what your own calls met, and from your own checks if you make any. All three
 * meet in one word per region. A region is usable when the view says that it is healthy and not down, no call failed
 * there just now, its breaker is not open, and your last check of it, if there was one, passed, was quick and is young.
 *
 * READ: your own region when it is usable, else the next usable one, else your own with the breaker deciding. "Your
 * own" is the one to which the view's split sends clients of your region, so that drains and failovers are followed.
 * WRITE: the writer that the view names, and no other; its epoch comes along. LOCAL: your own region whatever happens.
 */
enum holdfast_intent { HOLDFAST_WRITE = 0, HOLDFAST_READ = 1, HOLDFAST_LOCAL = 2 };

enum {
    HOLDFAST_TARGET_FAILOVER = 1, /* not the region that it should be: tell somebody */
    HOLDFAST_TARGET_DEGRADED = 2, /* not usable, but nothing is better: the breaker decides per call */
    HOLDFAST_TARGET_HOLD = 4,     /* a move of the writer is under way: begin no new transaction, see holdfast_wait */
};

struct holdfast_target {
    uint32_t region;  /* index in the view of that version */
    uint32_t node;    /* likewise; HOLDFAST_NONE without a database */
    uint32_t flags;   /* HOLDFAST_TARGET_... */
    uint32_t tried;   /* bits of the regions that holdfast_choose_next goes past */
    uint64_t epoch;   /* of the database; a write belongs to it: never use a server of an older one */
    uint64_t version; /* of the view */
};

/* Chooses. No lock, no system call, nothing allocated: a few loads. Only the call that meets a new version of the view
 * takes it over, which costs it some ten microseconds.
 * Errors: HOLDFAST_NO_VIEW, HOLDFAST_NOT_FOUND, HOLDFAST_NO_WRITER. */
HOLDFAST_API enum holdfast_error holdfast_choose(struct holdfast *holdfast, enum holdfast_intent intent,
                                                 struct holdfast_target *ret_target);

/* Likewise for a session or user: the key decides among the regions of the split and the region's standbys, so that one
 * session does not flap while a canary grows. The rule is that of DNS for client networks: a key keeps its region while
 * the region's share grows; when its region is not usable it is drawn among the usable ones. Without a key the region
 * with the largest share is taken. */
HOLDFAST_API enum holdfast_error holdfast_choose_key(struct holdfast *holdfast, enum holdfast_intent intent,
                                                     const void *key, uint64_t key_size,
                                                     struct holdfast_target *ret_target);

/* Another target after `target` did not do (its breaker refused, or the call failed and may be made elsewhere). For a
 * WRITE that is the writer of a newer view, if there is one. Errors: as above, and HOLDFAST_NO_ROUTE: nothing is left;
 * `target` is unchanged then. */
HOLDFAST_API enum holdfast_error holdfast_choose_next(struct holdfast *holdfast, enum holdfast_intent intent,
                                                      struct holdfast_target *target);

/* Name and address of the target's node. Errors: HOLDFAST_STALE, HOLDFAST_NOT_FOUND (a target without a node). */
HOLDFAST_API enum holdfast_error holdfast_target_node(struct holdfast *holdfast, const struct holdfast_target *target,
                                                      struct holdfast_node *ret_node);

/* ---- What a result means ---------------------------------------------------------------------------------------- */

/* What the caller does about it. */
enum holdfast_result {
    HOLDFAST_RESULT_SUCCESS = 0,
    HOLDFAST_RESULT_FAILURE = 1,         /* the server cannot do it; whether another try helps is not known */
    HOLDFAST_RESULT_IGNORED = 2,         /* the application's own error: give it to your caller */
    HOLDFAST_RESULT_WRONG_SERVER = 3,    /* nothing was done: reconnect to the next target and send it again */
    HOLDFAST_RESULT_OUTCOME_UNKNOWN = 4, /* it may have been committed: never send it again unasked; find out */
    HOLDFAST_RESULT_RETRYABLE = 5,       /* nothing was done: send the whole transaction again after a while */
};

/* What is known of the call beside its SQLSTATE. */
enum {
    HOLDFAST_CALL_CONNECTING = 1,  /* it failed while connecting or logging in: nothing was sent */
    HOLDFAST_CALL_LOST = 2,        /* no answer: the connection broke, or you gave up waiting and closed it */
    HOLDFAST_CALL_COMMITS = 4,     /* what was under way could commit: a COMMIT, or a write outside a transaction */
    HOLDFAST_CALL_UNCONFIRMED = 8, /* the server warned that it did not wait for its standby (57014, 57P01) */
};

enum {
    HOLDFAST_VERDICT_SHUN = 1,      /* the server cannot be used: leave its region alone for a while */
    HOLDFAST_VERDICT_LOOK = 2,      /* the server has another role than thought: look for a newer view */
    HOLDFAST_VERDICT_RECONNECT = 4, /* the connection is of no use any more */
};

struct holdfast_verdict {
    enum holdfast_breaker_outcome outcome; /* for the breaker */
    uint32_t flags;                        /* HOLDFAST_VERDICT_... */
    enum holdfast_result result;
    uint32_t reserved;
};

/* The meaning of a SQLSTATE (five letters, as PQresultErrorField(result, PG_DIAG_SQLSTATE) gives it; NULL or empty: the
 * server sent none) and of HOLDFAST_CALL_ flags. No SQLSTATE and no flag: success. The table is in
 * holdfast_classify(3); of its rows the longest prefix wins. Needs neither libpq nor a context. */
HOLDFAST_API void holdfast_classify(const char *sqlstate, uint32_t flags, struct holdfast_verdict *ret_verdict);

/* "WRONG_SERVER", ... "UNKNOWN" for a number that is none of them; never NULL. */
HOLDFAST_API const char *holdfast_result_name(enum holdfast_result result);

/* ---- Calls ------------------------------------------------------------------------------------------------------ */

/* Around a call: asks the breaker of the target's region (0: do not call, choose the next target), and says how the
 * call went. What failed is known to the next choice of any thread. */
HOLDFAST_API int holdfast_begin(struct holdfast *holdfast, const struct holdfast_target *target, uint64_t *ret_period);
HOLDFAST_API void holdfast_end(struct holdfast *holdfast, const struct holdfast_target *target, uint64_t period,
                               const struct holdfast_verdict *verdict, int64_t duration_ns);

/* Counts for the process that serves the view what a call met with: that the server answered and how fast, that it
 * could not be reached, or that it was not what the view says. holdfast_end does it for you; this is for what is no
 * call between begin and end, as a connection that is opened ahead. Nothing is decided by it: it is shown, and where it
 * gets worse a check is made at once. No lock, no system call but after a failure, and never waits. */
HOLDFAST_API void holdfast_note(struct holdfast *holdfast, const struct holdfast_target *target,
                                const struct holdfast_verdict *verdict, int64_t duration_ns);

/* The result of a check of your own, for those who make any: from then on the region is usable only while such results
 * are good and young. */
HOLDFAST_API void holdfast_report(struct holdfast *holdfast, uint32_t region, int healthy, int64_t latency_ns);

/* The breaker of a region, for its metrics and to move it by hand; NULL for an index that is none. It belongs to the
 * context. */
HOLDFAST_API struct holdfast_breaker *holdfast_region_breaker(struct holdfast *holdfast, uint32_t region);

/* ---- Retries ---------------------------------------------------------------------------------------------------- */

/* A budget of retries, so that a failover does not become a storm: each call earns a share of a retry, each retry costs
 * one; and how long to wait before it, with jitter. No clock, no lock. */
struct holdfast_retry;

/* Fill it with holdfast_retry_config_default, then change what you need. */
struct holdfast_retry_config {
    int64_t ratio_ppm;   /* retries per call, 0 to 1,000,000; 100,000: one retry for ten calls */
    int64_t burst;       /* retries that may be saved up, and that there are at the start; 1 to 1,000,000; 10 */
    int64_t attempts;    /* of one call, the first one included; 1 to 1,000; 3 */
    int64_t wait_ms;     /* before the first retry, twice as long before each later one; 1 to 3,600,000; 20 */
    int64_t wait_max_ms; /* ... up to this; 1000 */
    uint64_t seed;       /* of the jitter: the same seed, the same waits; 0: another one in each process */
    int64_t reserved[4]; /* zero */
};

struct holdfast_retry_metrics {
    int64_t allowed;
    int64_t refused_budget;
    int64_t refused_attempts;
    int64_t saved_ppm; /* of a retry */
    int64_t reserved[4];
};

HOLDFAST_API void holdfast_retry_config_default(struct holdfast_retry_config *ret_config);

/* Errors: HOLDFAST_INVALID_CONFIG, HOLDFAST_NO_MEMORY. */
HOLDFAST_API enum holdfast_error holdfast_retry_new(const struct holdfast_retry_config *config,
                                                    struct holdfast_retry **ret_retry);

/* NULL is allowed. */
HOLDFAST_API void holdfast_retry_free(struct holdfast_retry *retry);

/* A call is made (its first attempt). One load while the budget is full. */
HOLDFAST_API void holdfast_retry_call(struct holdfast_retry *retry);

/* `attempts` of a call have failed: 1: wait for so long, then make another one; the retry is paid. 0: give up. The wait
 * is between half of its step and the whole step. */
HOLDFAST_API int holdfast_retry_ask(struct holdfast_retry *retry, int64_t attempts, int64_t *ret_wait_ms);

HOLDFAST_API void holdfast_retry_read(struct holdfast_retry *retry, struct holdfast_retry_metrics *ret_metrics);

/* ---- The rule alone --------------------------------------------------------------------------------------------- */

/* The rule of a READ on values of your own, for those who have no view: the last result of a region's health check. */
struct holdfast_health {
    int healthy;
    int64_t age_us; /* since that check */
    int64_t latency_ns;
};

enum holdfast_route { HOLDFAST_ROUTE_LOCAL = 0, HOLDFAST_ROUTE_BACKUP = 1 };

enum holdfast_alert {
    HOLDFAST_ALERT_NONE = 0,
    HOLDFAST_ALERT_FAILOVER = 1, /* the backup is used: tell somebody */
    HOLDFAST_ALERT_ALL_REGIONS_UNHEALTHY =
        2, /* local is used because nothing is better: the breaker decides per call */
};

/* Local while it is usable (healthy, younger than 10 s, faster than 1 s), else the backup if that is usable, else
 * local. NULL: no result yet; in the first 10 s after the start (`uptime_us`) that is no reason to leave. `ret_alert`
 * may be NULL. Pure: no lock, no clock, no system call. */
HOLDFAST_API enum holdfast_route holdfast_route_choose(const struct holdfast_health *local,
                                                       const struct holdfast_health *backup, int64_t uptime_us,
                                                       enum holdfast_alert *ret_alert);

#ifdef __cplusplus
}
#endif
