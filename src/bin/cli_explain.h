/* SPDX-License-Identifier: Apache-2.0
 * holdfast explain: why the present decision is what it is, or why a run began and what it did. */
#pragma once

#include "bin/cli_text.h"

int cli_explain(int argc, char **argv);

/* The screen of an answer of /v1/explain. */
void cli_explain_draw(struct cli_text *text, const json_t *explain);

/* What led to a run: of `events`, which come before its first entry `first`, those that speak of trouble or of a
 * decision and are not older than the evidence. The caller owns the array. */
json_t *cli_explain_evidence(const json_t *run, const json_t *events, int64_t first);
