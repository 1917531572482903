/* SPDX-License-Identifier: Apache-2.0
 * The kinds of what-if questions: each reads its input and gives the answer object. Part of edge/whatif.c. */
#pragma once

#include <jansson.h>

#include "edge/whatif.h"
#include "edge/whatif_read.h"

/* The answer, or NULL: the reader says what is wrong, or memory ran out. *ret_explain is set to the evidence, or left
 * alone when there is none. The caller releases both. */
json_t *whatif_snapshot_answer(const struct whatif_options *options, struct whatif_read *reader,
                               const struct whatif_read_at *input, json_t **ret_explain);
json_t *whatif_series_answer(const struct whatif_options *options, struct whatif_read *reader,
                             const struct whatif_read_at *input, json_t **ret_explain);
json_t *whatif_failback_answer(const struct whatif_options *options, struct whatif_read *reader,
                               const struct whatif_read_at *input, json_t **ret_explain);
json_t *whatif_routing_answer(const struct whatif_options *options, struct whatif_read *reader,
                              const struct whatif_read_at *input, json_t **ret_explain);
json_t *whatif_breaker_answer(const struct whatif_options *options, struct whatif_read *reader,
                              const struct whatif_read_at *input, json_t **ret_explain);

/* Reads what snapshot and series have in common. For a series the checks' status is not asked for. */
void whatif_snapshot_read(const struct whatif_options *options, struct whatif_read *reader,
                          const struct whatif_read_at *input, bool series, struct decide_snapshot *ret_snapshot);

/* What an answer says besides its words: the list of warnings, and the estimate or null. */
json_t *whatif_snapshot_warnings(const struct decide_answer *answer);
json_t *whatif_snapshot_rto(const struct decide_answer *answer);

/* The evidence of `--explain`. */
json_t *whatif_explain(const struct whatif_options *options, const struct decide_snapshot *snapshot,
                       const struct decide_answer *answer);

/* How far each trigger of the profile's rules is from being reached. */
json_t *whatif_explain_distances(const struct whatif_options *options, const struct decide_snapshot *snapshot);
