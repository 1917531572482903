/* SPDX-License-Identifier: Apache-2.0
 * A person's word about a quarantined transaction. */
#pragma once

#include "base/err.h"
#include "reconcile/salvage_target.h"

struct salvage_resolve {
    const char *id; /* of the entry, digits */
    const char *reason;
    const char *who;
    bool apply; /* over whatever is there; else discarded */
};

/* On an open target (not begun). One transaction, durable when it answers. ERR_REFUSED: `target->message` says why,
 * nothing was changed. */
ERR_CHECK enum err salvage_resolve(struct salvage_target *target, const struct salvage_resolve *resolve);
