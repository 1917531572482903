/* SPDX-License-Identifier: Apache-2.0
 * What-if questions: one JSON line {"id","kind","input"} in, one answer line out, by the daemon's own core code.
 *
 * Kinds: snapshot, series, failback, routing, breaker; doc/decide.md describes their fields and defaults. Nothing is
 * kept between lines. Any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/decide.h"
#include "core/failback.h"

enum { WHATIF_LINE_BYTES = 1024 * 1024 };

struct whatif_options {
    enum model_profile profile;
    struct decide_thresholds thresholds;
    struct failback_limits failback; /* the three that an input may set are its defaults */
    bool explain;
};

/* The specification's numbers, standard profile. */
void whatif_options_default(struct whatif_options *ret_options);

/* Evaluates one line without its newline. *ret_text is the answer without a newline, to be freed by the caller; NULL
 * when memory ran out. False: the line is malformed (or memory ran out) and the text says where and why:
 * {"id","error":{"line","path","message"}}. Lines above WHATIF_LINE_BYTES are refused. */
bool whatif_line(const struct whatif_options *options, const char *line, size_t size, uint64_t number, char **ret_text);
