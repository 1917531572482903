/* SPDX-License-Identifier: Apache-2.0
 * What a node must remember over restarts of its agent: epochs, role, whom it followed. One small file, replaced whole.
 *
 * DATA.holdfast/record, "key value" lines, written to a new file, synced, renamed. A missing file is a fresh node. One
 * owner at a time (the node's lock). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"
#include "core/limits.h"

enum record_role { RECORD_NONE, RECORD_WRITER, RECORD_STANDBY };

enum {
    RECORD_DURABILITY = 1024, /* bytes of synchronous_standby_names */
};

struct record {
    uint64_t epoch;      /* the highest known */
    uint64_t ordered;    /* the highest this node was ordered to take */
    uint64_t refused;    /* up to here this node said that it certainly will not be promoted */
    uint64_t halted;     /* up to here it was fenced or stopped by command: never a writer of it again */
    uint64_t data_epoch; /* whose writing the data directory's last timeline is */
    uint64_t homed;      /* up to this epoch, what it wrote alone was brought home (agent/home.h) */
    uint64_t owes;       /* what it wrote up to this epoch was set aside instead, with its directory; 0: nothing */
    enum record_role role;
    char upstream[LIMITS_NAME]; /* whom it streamed from last, or was set to */
    char leader[LIMITS_NAME];   /* whom to stream from (agent/source.h); empty: the writer */
    uint64_t order;             /* of that; 0: none yet */
    char durability[RECORD_DURABILITY];
    bool durability_told;      /* by a controller; else from the configuration */
    uint64_t durability_epoch; /* under which it was told ... */
    uint64_t durability_order; /* ... and the number of the order: an older one that comes late is not obeyed */
};

/* Takes in what a controller requires of the server's standbys (the text of synchronous_standby_names). False, and
 * nothing changes: it is overtaken by a newer order or a newer epoch. */
bool record_require(struct record *record, uint64_t epoch, uint64_t order, const char *text);

/* Reads the text; unknown keys are skipped. ERR_INVALID: a value that cannot be. */
ERR_CHECK enum err record_parse(struct span text, struct record *ret_record);

/* ERR_NOT_FOUND: fresh. ERR_INVALID, ERR_IO: the operator must look; the agent does not start. */
ERR_CHECK enum err record_load(const char *folder, struct record *ret_record);
ERR_CHECK enum err record_save(const char *folder, const struct record *record);
