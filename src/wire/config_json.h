/* SPDX-License-Identifier: Apache-2.0
 * The JSON Schema (draft 2020-12) of the configuration, from the schema table: for editors and for other tools.
 *
 * It says what a file must look like; what spans several keys (references, majorities) only `holdfast config check`
 * knows. */
#pragma once

#include "base/buf.h"

enum {
    CONFIG_JSON_BYTES = 256 * 1024, /* bytes that hold it */
};

void config_json(struct buf *ret_text);
