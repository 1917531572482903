/* SPDX-License-Identifier: Apache-2.0
 * Follows the records of the store whose keys begin alike: told once as they are, then each change.
 *
 * A thread of its own that blocks in the store. After an error, or a gap that the store cannot fill, everything is
 * listed and told again: the callback sees the same record twice rather than never. A record that is deleted while
 * nobody looked is not told. */
#pragma once

#include "base/err.h"
#include "edge/store.h"

struct changes;

struct changes_options {
    struct store *store;
    const char *prefix;
    void (*record)(void *context, const struct store_record *record); /* on the thread; `deleted` may be set */
    void *context;
};

ERR_CHECK enum err changes_new(const struct changes_options *options, struct changes **ret_changes);

/* Ends the thread, within about a second while the store answers. NULL is fine. */
void changes_free(struct changes *changes);
