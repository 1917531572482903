/* SPDX-License-Identifier: Apache-2.0
 * Small files: read whole, replaced whole (written aside, synced, renamed), so that a crash leaves the old or the new.
 */
#pragma once

#include <stddef.h>
#include <sys/types.h>

#include "base/buf.h"
#include "base/err.h"

/* Into `buf`, from its start. ERR_NOT_FOUND, ERR_PERMISSION, ERR_TOO_LARGE: more than fits. */
ERR_CHECK enum err file_read(const char *path, struct buf *buf);

ERR_CHECK enum err file_replace(const char *path, const void *data, size_t size, mode_t mode);

/* An empty file that is there at once; it need not survive a crash. One that is there already will do. */
ERR_CHECK enum err file_touch(const char *path, mode_t mode);

/* Makes a rename or a new entry in the folder durable. */
ERR_CHECK enum err file_sync_folder(const char *folder);
