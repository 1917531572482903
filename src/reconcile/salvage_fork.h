/* SPDX-License-Identifier: Apache-2.0
 * Where two histories of one cluster part. Pure. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "core/lsn.h"

enum { SALVAGE_FORK_TIMELINES = 256 };

/* One timeline, and where it was left. The last one of a history goes on: UINT64_MAX. */
struct salvage_fork_part {
    uint32_t timeline;
    struct lsn end;
};

struct salvage_fork_history {
    struct salvage_fork_part parts[SALVAGE_FORK_TIMELINES];
    uint32_t count;
};

/* A timeline's history file (empty for timeline 1), with the timeline itself at its end. ERR_INVALID. */
ERR_CHECK enum err salvage_fork_read(struct span text, uint32_t timeline, struct salvage_fork_history *ret_history);

/* How far `own` is part of `writer`'s past: what `own` holds behind `ret_fork` the writer has not. `ret_timeline` is
 * the writer's first timeline that `own` has not. `stranger`: the last timelines have one number but were written under
 * different epochs: they parted where they began. ERR_NOT_FOUND: no common beginning. */
ERR_CHECK enum err salvage_fork_find(const struct salvage_fork_history *own, const struct salvage_fork_history *writer,
                                     bool stranger, struct lsn *ret_fork, uint32_t *ret_timeline);
