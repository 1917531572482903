/* SPDX-License-Identifier: Apache-2.0
 * The driver protocol of the circuit breaker: request lines in, one answer line each, around holdfast.h only.
 *
 * `new key=value ...` makes a breaker on a clock of its own, which only `advance MS` moves; every other line is an
 * operation on it. Used by the program breaker-driver, by the scenarios in test_breaker.c and by the fuzz target. */
#pragma once

#include <stddef.h>

struct breaker_lines;

struct breaker_lines *breaker_lines_new(void);
void breaker_lines_free(struct breaker_lines *lines);

/* Answers one request without its newline. The answer has no newline and lives until the next call; events beyond a
 * megabyte are left out. */
const char *breaker_lines_answer(struct breaker_lines *lines, const char *request);
