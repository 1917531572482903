/* SPDX-License-Identifier: Apache-2.0
 * What the parser says about a token: what is there, what was expected, and a hint. Part of config_read.h.
 *
 * Each adds one problem or more at the token's place. */
#pragma once

#include <stdint.h>

#include "wire/config_problem.h"
#include "wire/config_schema.h"
#include "wire/config_tree.h"

/* "what; expected ...; hint" at the value. The hint may be empty. */
void config_wrong_value(struct config_problems *problems, const struct config_schema_row *row,
                        const struct config_tree *tree, const char *what, const char *hint);

/* A scalar that is not of this type, with a hint for what people write by mistake. */
void config_wrong_scalar(struct config_problems *problems, const struct config_schema_row *row,
                         enum config_schema_type type, const struct config_tree *tree);

/* The name at `at` is none of the keys of `named` (which may be NULL). */
void config_wrong_reference(struct config_problems *problems, enum config_schema_target target,
                            const struct config_tree *named, const struct config_tree *at);

/* A key that the section does not have for these kinds of check. `other`: the kinds it would be for, 0 for none. */
void config_wrong_key(struct config_problems *problems, const struct config_schema_section *section,
                      const struct config_tree *key, uint32_t kinds, uint32_t other);

/* All required keys that are not there. `kinds` 0: those that every kind needs. */
void config_wrong_missing(struct config_problems *problems, const struct config_schema_section *section,
                          const struct config_tree *tree, uint32_t kinds);
