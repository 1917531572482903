/* SPDX-License-Identifier: Apache-2.0
 * The clients' verdict on a failure: from what they journaled and what the writer holds, never from a server's word.
 *
 * Arithmetic only: entries and times in, figures out. Times are CLOCK_BOOTTIME microseconds of one machine. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "journal.h"

/* Whose attempts are looked at. */
struct verdict_filter {
    enum journal_path path;
    const char *home; /* NULL: all */
};

struct verdict_outage {
    bool recovered;
    int64_t last_before_us; /* the acknowledgement before the longest silence */
    int64_t recovered_us;   /* the one that ended it */
    int64_t outage_us;      /* between the two */
    int64_t rto_us;         /* kill to recovered_us */
    int64_t last_error_us;  /* kill to the last attempt that was not acknowledged; 0: none */
    unsigned ok;
    unsigned failed;
    unsigned unknown;
};

/* The longest time without an acknowledged write that ends after the kill, among attempts that ended in
 * [kill - 10 s, until]. Not recovered when there is no acknowledgement after it. Counts are of attempts that ended
 * after the kill. `entries` are sorted by end (verdict_sort). */
void verdict_outage(const struct journal_entry *entries, size_t count, struct verdict_filter filter, int64_t kill_us,
                    int64_t until_us, struct verdict_outage *ret_outage);

struct verdict_window {
    unsigned ok;
    unsigned failed;
    unsigned unknown;
    double per_second; /* acknowledged */
    int64_t p50_us;    /* of the acknowledged */
    int64_t p95_us;
    int64_t silence_us; /* the longest time without an acknowledgement, the window's ends included */
};

/* Attempts that ended in [from, until). */
void verdict_window(const struct journal_entry *entries, size_t count, struct verdict_filter filter, int64_t from_us,
                    int64_t until_us, struct verdict_window *ret_window);

/* How many acknowledged attempts of [from, until) were served by `region`. */
unsigned verdict_served(const struct journal_entry *entries, size_t count, struct verdict_filter filter,
                        int64_t from_us, int64_t until_us, const char *region);

/* One row the writer holds. */
struct verdict_row {
    char table[JOURNAL_NAME];
    char key[JOURNAL_KEY];
};

struct verdict_rows {
    unsigned acknowledged[3]; /* by tier; [0] unused */
    unsigned present[3];
    unsigned missing[3];
    unsigned unknown_present; /* of the attempts with unknown outcome: stored */
    unsigned unknown_absent;
    unsigned failed_present; /* "certainly not stored", and yet there: a lie */
    unsigned duplicates;     /* the same key twice in a table */
    char first_missing[JOURNAL_KEY];
};

/* Sorts `rows`. */
void verdict_rows(const struct journal_entry *entries, size_t count, struct verdict_row *rows, size_t rows_count,
                  struct verdict_rows *ret_rows);

void verdict_sort(struct journal_entry *entries, size_t count);

enum verdict_phase {
    VERDICT_DETECT,
    VERDICT_DECIDE,
    VERDICT_FENCE,
    VERDICT_PROMOTE,
    VERDICT_PROVE,
    VERDICT_ROUTE,
    VERDICT_RECONNECT,
    VERDICT_PHASES
};

/* What a part of the run counts as. */
struct verdict_interval {
    enum verdict_phase phase;
    int64_t start_us;
    int64_t end_us;
};

struct verdict_phases {
    int64_t us[VERDICT_PHASES];
    int64_t unattributed_us; /* between intervals */
    int64_t total_us;        /* kill to the clients' first acknowledgement */
};

const char *verdict_phase_name(enum verdict_phase phase);

/* The phase of a step of a run by the step's name ("route-sql", "ROUTE_SQL"). False: it is none of these (verify,
 * close), and the clients do not wait for it. */
bool verdict_phase_of(const char *step, enum verdict_phase *ret_phase);

/* Shares kill..recovered out among the intervals (in order of time; overlaps count once, for the earlier). What follows
 * the last interval is reconnecting. */
void verdict_phases(const struct verdict_interval *intervals, size_t count, int64_t kill_us, int64_t recovered_us,
                    struct verdict_phases *ret_phases);
