/* SPDX-License-Identifier: Apache-2.0
 * What PostgreSQL writes for people and we read: postmaster.pid, pg_controldata, timeline history files.
 *
 * Pure; every byte may be wrong: a text that cannot be read is ERR_INVALID, unknown lines are skipped. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "base/err.h"
#include "base/span.h"
#include "core/lsn.h"

enum {
    PGPARSE_HISTORY = 256, /* switches of timelines in one history */
};

enum pgparse_state {
    PGPARSE_STATE_OTHER,
    PGPARSE_SHUT_DOWN,             /* "shut down": a writer's clean stop */
    PGPARSE_SHUT_DOWN_IN_RECOVERY, /* a standby's clean stop */
    PGPARSE_IN_RECOVERY,           /* a standby that runs or crashed */
    PGPARSE_IN_PRODUCTION,         /* a writer that runs or crashed */
};

/* pg_controldata, with LC_ALL=C. */
struct pgparse_control {
    uint64_t system_id;
    enum pgparse_state state;
    struct lsn checkpoint; /* where the latest checkpoint's record begins */
    uint32_t timeline;     /* of that checkpoint */
    struct lsn minimum;    /* minimum recovery ending location; 0: none */
    uint32_t minimum_timeline;
    bool checksums;
    uint32_t segment_bytes; /* of the log's files */
};
ERR_CHECK enum err pgparse_control(struct span text, struct pgparse_control *ret_control);

/* Where the record of a shutdown checkpoint that begins at `start` ends: the position a standby must have replayed to
 * hold everything. 114 bytes in 15 to 18: 24 of record header, 2 of data header, 88 of struct CheckPoint; a record that
 * does not fit its 8 kB page goes on behind the next page's header (24 bytes; 40 on a segment's first page). */
struct lsn pgparse_checkpoint_end(struct lsn start, uint64_t segment_bytes);

/* postmaster.pid: the process and its port. */
struct pgparse_pid {
    pid_t pid;
    uint16_t port; /* 0: not yet written */
};
ERR_CHECK enum err pgparse_pid(struct span text, struct pgparse_pid *ret_pid);

/* A timeline's history: each earlier timeline and where it was left. */
struct pgparse_switch {
    uint32_t timeline;
    struct lsn end;
};
struct pgparse_history {
    struct pgparse_switch switches[PGPARSE_HISTORY];
    uint32_t count;
};
ERR_CHECK enum err pgparse_history(struct span text, struct pgparse_history *ret_history);

/* Whether a node at `position` of `timeline` is part of the past of a writer on `writer_timeline` at `writer_position`
 * with this history: it can follow without losing or inventing anything. */
bool pgparse_history_holds(const struct pgparse_history *history, uint32_t writer_timeline, struct lsn writer_position,
                           uint32_t timeline, struct lsn position);

/* Whether every switch of `own` is in `other` at the same place: equal numbers mean the same timelines. */
bool pgparse_history_within(const struct pgparse_history *own, const struct pgparse_history *other);
