/* SPDX-License-Identifier: Apache-2.0
 * The housekeeping of the etcd store: whose the prefix is, compaction of old history, forgetting old deletions.
 *
 * Every controller does it; doing it twice does no harm. One thread. */
#pragma once

#include <stdint.h>

#include "edge/store_etcd_line.h"

struct store_etcd_keep {
    struct store_etcd_line *line;
    struct mono at;    /* when `revision` was the newest */
    uint64_t revision; /* 0: not known yet */
    bool complained;
};

/* Waits until a member answers, for about `patience_ms`, then takes an empty prefix or accepts one of this version.
 * ERR_UNSUPPORTED: it is somebody else's. `line->why` says what went wrong last. */
ERR_CHECK enum err store_etcd_keep_connect(struct store_etcd_line *line, uint32_t patience_ms);

/* Now and then: compacts what is older than the configured history, and forgets deletions that are as old. */
void store_etcd_keep_run(struct store_etcd_keep *keep, struct mono deadline);

/* The two, up to this revision. */
ERR_CHECK enum err store_etcd_keep_compact(struct store_etcd_line *line, uint64_t revision, struct mono deadline);
ERR_CHECK enum err store_etcd_keep_forget(struct store_etcd_line *line, uint64_t revision, struct mono deadline);
