/* SPDX-License-Identifier: Apache-2.0
 * The view in a plain file: what data planes answer from after a cold start, until a writer publishes.
 *
 * The file is replaced whole (write, fsync, rename, fsync of the directory), so it is always a complete older or newer
 * view. Saving waits for the disk: not for the decision thread. */
#pragma once

#include "base/err.h"
#include "core/view.h"
#include "core/view_memory.h"

/* The file's name inside a site's state_dir. */
#define PUBLISH_FILE_NAME VIEW_MEMORY_FILE_NAME

/* `view` must be sealed. Errors: ERR_INVALID (not a valid view, path too long), those of open(2) and write(2); the old
 * file is unharmed then. */
enum err publish_file_save(const char *path, const struct view *view) ERR_CHECK;

/* ERR_NOT_FOUND: no file. ERR_INVALID: the bytes are not a whole view of this format; `ret_view` is untouched. */
enum err publish_file_load(const char *path, struct view *ret_view) ERR_CHECK;
