/* SPDX-License-Identifier: Apache-2.0
 * What parser, messages and documents share about the schema's rows: words, choices, ranges. Pure functions. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "base/buf.h"
#include "wire/config_schema.h"

const char *config_key_type_text(enum config_schema_type type);

/* "a region", "a database", "a node of this database", ... */
const char *config_key_target_text(enum config_schema_target target);

/* The name of a choice's value; NULL when there is none. */
const char *config_key_choice_name(const struct config_schema_choice *choices, uint32_t value);

/* The choice of this name; NULL when there is none. */
const struct config_schema_choice *config_key_choice(const struct config_schema_choice *choices, const char *name);

/* Whether a row applies in a check of these kinds (bits by enum config_kind). */
bool config_key_applies(const struct config_schema_row *row, uint32_t kinds);

/* The names of the kinds of these bits: "http, https". Appends. */
void config_key_kinds(uint32_t kinds, struct buf *ret_text);

/* What a value must be, with its choices and range: "a whole number from 1 to 3". Appends. */
void config_key_expected(const struct config_schema_row *row, struct buf *ret_text);

/* Whether values of this type are numbers with a range, and such a value as it would be written (appends). */
bool config_key_ranged(enum config_schema_type type);
void config_key_number(enum config_schema_type type, uint64_t value, struct buf *ret_text);
