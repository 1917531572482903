/* SPDX-License-Identifier: Apache-2.0
 * The leader's record, and a controller's sign of life, as text in the store. */
#pragma once

#include <stddef.h>

#include "base/err.h"
#include "core/leader.h"

enum { LEAD_TEXT = 256 };

/* ERR_INVALID: not ours. `revision` is not part of the text. */
ERR_CHECK enum err lead_text_parse(const char *text, size_t size, struct leader_record *ret_record);
void lead_text_print(const struct leader_record *record, char *text, size_t size);
