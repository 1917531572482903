/* SPDX-License-Identifier: Apache-2.0
 * A person's word about a quarantined transaction. */
#pragma once

#include "base/err.h"
#include "base/time.h"
#include "edge/sql.h"

struct salvage_resolve {
    const char *id; /* of the entry, digits */
    const char *reason;
    const char *who;
    bool apply; /* over whatever is there; else discarded */
};

/* In an open session with the writer, as the cluster's superuser. One transaction, durable when it answers.
 * ERR_REFUSED: `sql->message` says why, nothing was changed. ERR_TIMEOUT, ERR_CLOSED: unknown; asking again is safe. */
ERR_CHECK enum err salvage_resolve(struct sql *sql, const struct salvage_resolve *resolve, struct mono deadline);
