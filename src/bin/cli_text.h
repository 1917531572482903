/* SPDX-License-Identifier: Apache-2.0
 * Text for a terminal: paint that may be off, aligned tables, lengths of time, and members of a JSON answer.
 *
 * All of it prints into a buffer of the caller, so that a screen is drawn at once and a test can compare it. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "base/buf.h"

enum {
    CLI_TEXT_BYTES = 512 * 1024, /* hold any screen */
    CLI_TEXT_COLUMNS = 16,
    CLI_TEXT_SPAN = 24,
};

enum cli_text_paint { CLI_TEXT_PLAIN, CLI_TEXT_GOOD, CLI_TEXT_WARN, CLI_TEXT_BAD, CLI_TEXT_BOLD, CLI_TEXT_DIM };

struct cli_text {
    struct buf out;
    bool color;
    bool wide;
};

void cli_text_print(struct cli_text *text, enum cli_text_paint paint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* A line of its own: what, then something. */
void cli_text_field(struct cli_text *text, const char *name, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* "850 ms", "6.2 s", "38 min", "4 h 12 min", "12 d 4 h"; "-" when negative. */
const char *cli_text_span(int64_t ms, char ret_span[CLI_TEXT_SPAN]);

/* Wall-clock milliseconds as "2026-11-22 05:41:17", UTC; "-" for 0. */
const char *cli_text_time(int64_t wall_ms, char ret_time[CLI_TEXT_SPAN]);

/* A table: titles that begin with '>' stand over numbers, which are aligned right. Freed by cli_text_table_end, which
 * prints it. Running out of memory is the end of the program. */
struct cli_text_table;
struct cli_text_table *cli_text_table_new(const char *const *titles);
void cli_text_table_row(struct cli_text_table *table);
void cli_text_table_cell(struct cli_text_table *table, enum cli_text_paint paint, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
void cli_text_table_end(struct cli_text_table *table, const char *indent, struct cli_text *text);

/* Members of a JSON object; "" and `otherwise` when absent or of another type. */
const char *cli_text_member(const json_t *object, const char *name) __attribute__((returns_nonnull));
int64_t cli_text_integer(const json_t *object, const char *name, int64_t otherwise);
double cli_text_real(const json_t *object, const char *name, double otherwise);
bool cli_text_true(const json_t *object, const char *name);

/* The first object of an array of which this member is that text; NULL when there is none. And the one of that "name".
 */
const json_t *cli_text_find(const json_t *array, const char *member, const char *value);
const json_t *cli_text_named(const json_t *array, const char *name);

/* The same data as YAML. */
void cli_text_yaml(struct buf *out, const json_t *json);
