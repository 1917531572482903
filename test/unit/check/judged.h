/* SPDX-License-Identifier: Apache-2.0
 * A hand-made history as text, judged: what the tests of the checkers share. */
#pragma once

#include "check_report.h"

typedef enum err judged_judge(const struct history *history, struct check_report *report);

/* Reads the lines (the head is put before them) and judges. The report is this file's, until the next call. */
const struct check_report *judged_text(const char *text, judged_judge *judge);

/* The code must be the only one found, so often. */
void judged_only(const char *text, judged_judge *judge, enum check_report_code code, size_t count);

void judged_clean(const char *text, judged_judge *judge);

/* Reading it must succeed, judging it must fail with this. */
void judged_refused(const char *text, judged_judge *judge, enum err err);
