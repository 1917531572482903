/* SPDX-License-Identifier: Apache-2.0
 * A circuit breaker: it watches the results of calls and refuses further ones while too many fail or are too slow.
 *
 * The semantics are those of Resilience4j with its known defects mended: reset cancels the pending timer, OPEN always
 * shows a real window, and giving back more permits than were taken admits no extra trial calls. What the table of the
 * specification leaves open follows that library: going to OPEN carries the window along (also from OPEN), FORCED_OPEN
 * counts as an attempt, and only CLOSED reacts to "open for d" demanded by a result.
 *
 * No clock: each call is given the time, in microseconds since any whole second; going backwards counts as standing
 * still. Timers that fell due run first, in order, each at its own due time, so a caller without timers of its own sees
 * the same as one that calls breaker_advance at each due time. No allocation: memory is the caller's. One thread at a
 * time; src/lib/holdfast_breaker.c adds the lock and the path without one. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum breaker_state {
    BREAKER_CLOSED,
    BREAKER_OPEN,
    BREAKER_HALF_OPEN,
    BREAKER_DISABLED,     /* by hand: all pass, nothing recorded */
    BREAKER_FORCED_OPEN,  /* by hand: none pass, refusals counted */
    BREAKER_METRICS_ONLY, /* by hand: all pass, recorded */
    BREAKER_STATES
};

enum breaker_window { BREAKER_WINDOW_COUNT, BREAKER_WINDOW_TIME };

enum breaker_event_kind {
    BREAKER_EVENT_SUCCESS,
    BREAKER_EVENT_ERROR,
    BREAKER_EVENT_IGNORED_ERROR,
    BREAKER_EVENT_NOT_PERMITTED,
    BREAKER_EVENT_FAILURE_RATE_EXCEEDED,
    BREAKER_EVENT_SLOW_CALL_RATE_EXCEEDED,
    BREAKER_EVENT_STATE_TRANSITION,
    BREAKER_EVENT_RESET
};

enum {
    BREAKER_WINDOW_MAX = 10000000, /* calls or seconds */
    BREAKER_CALLS_MAX = 1000000000,
};

/* The longest wait, about 146 years: no sum or product of ours overflows below this. */
#define BREAKER_WAIT_MAX_MS (INT64_MAX / 1000000 / 2)

/* "Not given" for one of the two waits. */
#define BREAKER_NOT_GIVEN (-1)

struct breaker_event {
    enum breaker_event_kind kind;
    enum breaker_state from; /* of a transition; elsewhere both are the present state */
    enum breaker_state to;
    int64_t at_us;
};

/* Called for each event, in order, from inside the call that caused it. Must not call the breaker. */
struct breaker_listener {
    void (*publish)(void *context, const struct breaker_event *event); /* NULL: nobody listens */
    void *context;
    bool transitions_only; /* and resets */
};

struct breaker_config {
    int64_t failure_rate_threshold_ppm; /* > 0, at most 1,000,000 */
    int64_t slow_call_rate_threshold_ppm;
    int64_t slow_call_duration_ns; /* slow is strictly longer; >= 1 */
    enum breaker_window window_type;
    int64_t window_size; /* calls or seconds, >= 1 */
    int64_t minimum_calls;
    int64_t permitted_half_open;
    int64_t wait_open_ms;                    /* >= 1, or BREAKER_NOT_GIVEN: 60 s unless it grows */
    int64_t wait_initial_ms;                 /* >= 1, or BREAKER_NOT_GIVEN: it does not grow */
    int64_t wait_multiplier_ppm;             /* >= 1,000,000; each step is rounded down to whole milliseconds */
    int64_t wait_max_ms;                     /* >= 1 */
    bool automatic;                          /* a timer moves OPEN to HALF_OPEN */
    int64_t max_wait_half_open_ms;           /* 0: for ever */
    enum breaker_state after_half_open_wait; /* OPEN or CLOSED */
    enum breaker_state initial_state;
};

struct breaker_metrics {
    enum breaker_state state;
    int64_t failure_rate_ppm; /* -1: fewer calls than the minimum */
    int64_t slow_rate_ppm;    /* likewise */
    int64_t buffered;
    int64_t failed;
    int64_t slow;
    int64_t slow_failed;
    int64_t not_permitted;
    int64_t attempts;
};

struct breaker;

/* The specification's defaults, and its preset `regional`: 50 %, 30 s, window 10, minimum 5, half-open 3, automatic. */
struct breaker_config breaker_config_default(void);
struct breaker_config breaker_config_regional(void);
bool breaker_config_valid(const struct breaker_config *config);

/* Bytes that a breaker of this valid configuration needs. */
size_t breaker_size(const struct breaker_config *config);

/* Makes a breaker in breaker_size bytes aligned for any type. Publishes nothing. There is nothing to undo. */
struct breaker *breaker_init(void *memory, const struct breaker_config *config, struct breaker_listener listener,
                             int64_t now_us);

/* Whether a call may be made. A permitted one must be answered by exactly one of record, trip, ignore or release. */
bool breaker_acquire(struct breaker *breaker, int64_t now_us);

/* A call's result. An error that the record rule does not select is a success; a result that counts as a failure is a
 * failure. */
void breaker_record(struct breaker *breaker, int64_t now_us, bool failed, int64_t duration_ns);

/* A failure that also demands to stay open for a while, even below the minimum of calls. */
void breaker_trip(struct breaker *breaker, int64_t now_us, int64_t duration_ns, int64_t open_for_ms);

/* An error that the ignore rule selects: the permit goes back and nothing is recorded. */
void breaker_ignore(struct breaker *breaker, int64_t now_us);

/* The call was not made after all. */
void breaker_release(struct breaker *breaker, int64_t now_us);

/* By hand. False: not an allowed transition, nothing changed. */
bool breaker_move(struct breaker *breaker, int64_t now_us, enum breaker_state state);
bool breaker_open_for(struct breaker *breaker, int64_t now_us, int64_t open_for_ms);
void breaker_reset(struct breaker *breaker, int64_t now_us);

/* Runs the timers that fell due. */
void breaker_advance(struct breaker *breaker, int64_t now_us);

/* Moves a time window to now, then reads it. */
void breaker_read(struct breaker *breaker, int64_t now_us, struct breaker_metrics *ret_metrics);

/* OPEN: a call strictly later moves to HALF_OPEN. Else 0. */
int64_t breaker_retry_us(const struct breaker *breaker);

/* The state as the last call left it. */
enum breaker_state breaker_state(const struct breaker *breaker);

/* The number of the present period: grows each time a state is entered, also the same one once more. */
uint64_t breaker_period(const struct breaker *breaker);

/* Whether every call is admitted until the breaker is called again. */
bool breaker_admits_all(const struct breaker *breaker);

/* Whether recording a fast success would change nothing: the window is full of them, or nothing is recorded. */
bool breaker_success_changes_nothing(const struct breaker *breaker);

/* Whether recording one more result needs no time: a count window that no single result can open, and nobody is told
 * when. The caller may then pass 0, which counts as standing still, and save reading its clock. */
bool breaker_record_needs_no_time(const struct breaker *breaker);

/* Whether only transitions and resets are published now. */
bool breaker_silent(const struct breaker *breaker);

/* The words of the protocol. Never NULL. */
const char *breaker_state_name(enum breaker_state state);
const char *breaker_event_name(enum breaker_event_kind kind);
