/* SPDX-License-Identifier: Apache-2.0
 * One scalar of the configuration into its member: by the row's type, with its range. */
#pragma once

#include <stddef.h>

#include "base/arena.h"
#include "wire/config_schema.h"

enum config_scalar_result {
    CONFIG_SCALAR_OK,
    CONFIG_SCALAR_BAD,   /* not of this type */
    CONFIG_SCALAR_RANGE, /* of this type, but beyond the row's limits */
    CONFIG_SCALAR_MEMORY,
};

/* `type` is the row's, or its item's. Not for SECRET, FLAGS, REFERENCE, SECTION, MAP and LIST. `slot` has the member's
 * type (the table of config_schema.h) and is set only on OK; texts are copied into the arena. */
enum config_scalar_result config_scalar_read(struct arena *arena, const struct config_schema_row *row,
                                             enum config_schema_type type, const char *text, void *slot);

/* Bytes of a member of this type. */
size_t config_scalar_size(enum config_schema_type type);
