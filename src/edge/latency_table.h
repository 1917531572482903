/* SPDX-License-Identifier: Apache-2.0
 * How far client networks are from the places that measured them: networks by places, of fixed size.
 *
 * A place is whatever the owner says: a process, a site, a region. A cell has a round trip and when it was last
 * measured. When a new network finds no room, the one that nobody has measured for longest goes. A table belongs to one
 * thread at a time, or to whoever holds its owner's lock. Times are seconds of this machine's wall clock; what comes
 * from other machines is placed on it by its age. Kept in a file (wire/latency_line.h), which is replaced whole. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "core/limits.h"
#include "wire/latency_line.h"
#include "wire/network.h"

/* In a site's state_dir: what its host's DNS server reads, times by region. */
#define LATENCY_TABLE_NAME "latency.table"

enum {
    LATENCY_TABLE_NETWORKS = 4096,
    LATENCY_TABLE_PLACES = LIMITS_SITES,
    LATENCY_TABLE_FILE_BYTES = 5 << 20, /* all networks with all places fit */
    LATENCY_TABLE_BAND_US = 5000,       /* see latency_table_keep */
    LATENCY_TABLE_BAND_PERCENT = 10,
    LATENCY_TABLE_TOGETHER_S = 3600, /* see latency_table_join */
};

struct latency_table_cell {
    uint32_t rtt_us; /* 0: not measured */
    int64_t seen_s;
};

struct latency_table_row {
    struct network network;
    struct latency_table_cell cells[LATENCY_TABLE_PLACES];
};

struct latency_table {
    uint32_t places_count;
    char places[LATENCY_TABLE_PLACES][LIMITS_NAME];
    uint32_t rows_count;
    struct latency_table_row rows[LATENCY_TABLE_NETWORKS]; /* in the order of network_compare */
};

/* On the heap: more than 1 MB. NULL: no memory. free(3) ends it. */
struct latency_table *latency_table_new(void);

/* The index of a place, which is added when it is new. LIMITS_NONE: there is no room. */
uint32_t latency_table_place(struct latency_table *table, const char *name);

/* Takes a measurement; an older one than it has is ignored. */
void latency_table_put(struct latency_table *table, const struct network *network, uint32_t place,
                       const struct latency_table_cell *cell);

/* Two measurements of one place: of those that are at most an hour apart the shorter, else the newer. `to` may be none
 * yet. And the same for a cell of a table. */
void latency_table_join(struct latency_table_cell *to, const struct latency_table_cell *cell);
void latency_table_nearer(struct latency_table *table, const struct network *network, uint32_t place,
                          const struct latency_table_cell *cell);

/* Takes a measurement by which clients are led: the time that is there stays until the new one is off by more than both
 * 5 ms and a tenth, so that two regions that are nearly as near do not take turns. Only when it was last measured goes
 * on. True: the time was taken, somebody may be led elsewhere. */
bool latency_table_keep(struct latency_table *table, const struct network *network, uint32_t place,
                        const struct latency_table_cell *cell);

/* Forgets what was measured longer ago than that. True: there was something. A clock that was set back makes things
 * new, not old. */
bool latency_table_age(struct latency_table *table, int64_t now_s, int64_t most_s);

/* NULL: nobody has measured it. */
const struct latency_table_row *latency_table_find(const struct latency_table *table, const struct network *network);

/* Adds what is in a file's text. ERR_INVALID: a line is broken; what was before it is in the table. */
enum err latency_table_parse(struct latency_table *table, struct span text) ERR_CHECK;

/* From and to a file. Errors of open(2), write(2), rename(2); ERR_TOO_LARGE, ERR_INVALID as above. */
enum err latency_table_load(struct latency_table *table, const char *path) ERR_CHECK;
enum err latency_table_save(const struct latency_table *table, const char *path) ERR_CHECK;
