/* SPDX-License-Identifier: Apache-2.0
 * The configuration from a file.
 *
 * Used at start, by `holdfast config` and for a reload: an invalid new file leaves the caller with the configuration it
 * has. Any thread. */
#pragma once

#include "base/buf.h"
#include "base/err.h"
#include "wire/config.h"

/* Behind what is wrong with a file that cannot be read. */
#define CONFIG_FILE_EXPECTED "expected a readable file of at most 1 MiB; name another one, or set HOLDFAST_CONFIG"

/* $HOLDFAST_CONFIG, else /etc/holdfast/holdfast.yaml. Read it before threads exist. */
const char *config_file_default(void);

/* Its text, which the caller frees: ERR_NOT_FOUND, ERR_PERMISSION, ERR_IO, ERR_TOO_LARGE, ERR_NO_MEMORY. */
enum err config_file_text(const char *path, uint8_t **ret_text, size_t *ret_size) ERR_CHECK;

/* `messages` (CONFIG_MESSAGES bytes hold all) gets what to tell the operator, also when the file cannot be read; with
 * ERR_OK perhaps warnings. ERR_INVALID: the file is wrong, keep the present configuration. ERR_NOT_FOUND,
 * ERR_PERMISSION, ERR_IO, ERR_TOO_LARGE: it cannot be read. The caller frees with config_free. */
enum err config_file_load(const char *path, struct buf *messages, struct config **ret_config) ERR_CHECK;
