/* SPDX-License-Identifier: Apache-2.0
 * The configuration for a command: errors and warnings go to stderr, as the operator reads them. */
#pragma once

#include "wire/config.h"

/* `path` NULL: the default file. VERB_OK, or VERB_CONFIG (said why), or VERB_FAILED (no memory); only with VERB_OK
 * there is a configuration, which the caller frees with config_free. */
int cli_load(const char *path, struct config **ret_config);
