/* SPDX-License-Identifier: Apache-2.0
 * The store of a single controller: one SQLite file, WAL, synchronous=FULL, one writer thread that batches.
 *
 * What waits together is committed together: one fsync for up to 128 commits. The file belongs to one process at a time
 * (a lock on PATH.lock and SQLite's own exclusive lock): a second controller gets ERR_IN_USE. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "edge/store.h"

struct store_sqlite_config {
    const char *path;   /* its directory must exist and be writable */
    uint32_t max_pages; /* of 4 kB; 0: as large as the disk. Beyond: ERR_DISK_FULL */
};

/* Opens or creates, migrates older schemas. `message` gets a sentence that says what is wrong and what to do:
 * ERR_NOT_FOUND: no such directory; ERR_PERMISSION; ERR_IN_USE: another controller holds it; ERR_CONTENT: not a
 * database or damaged; ERR_EXISTS: a database of another program; ERR_UNSUPPORTED: written by a newer Holdfast;
 * ERR_DISK_FULL; ERR_IO; ERR_NO_MEMORY. */
ERR_CHECK enum err store_sqlite_open(const struct store_sqlite_config *config, char *message, size_t message_size,
                                     struct store **ret_store);
