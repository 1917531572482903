/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a configuration: collecting, sorting, printing with a caret. */
#include "wire/config_problem.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum {
    CONFIG_PROBLEM_BYTES = 700, /* of one message; the longest is an unknown key with all keys of a check */
    CONFIG_PROBLEM_WIDTH = 120, /* characters of a source line that are shown */
    CONFIG_PROBLEM_WORD = 40,   /* longest word that gets a "did you mean" */
};

void config_problem_init(struct config_problems *problems, struct arena *arena, struct span source)
{
    *problems = (struct config_problems){.arena = arena, .source = source};
}

__attribute__((format(printf, 3, 0))) static void config_problem_add(struct config_problems *problems,
                                                                     struct config_problem problem, const char *format,
                                                                     va_list arguments)
{
    char text[CONFIG_PROBLEM_BYTES];
    vsnprintf(text, sizeof text, format, arguments);
    for (char *c = text; *c != '\0'; c++) {
        if ((unsigned char)*c < ' ' || *c == 0x7f) {
            *c = '?'; /* a quoted value must not forge a line */
        }
    }
    problem.text = arena_text(problems->arena, text);
    problems->errors += problem.warning ? 0 : 1;
    problems->warnings += problem.warning ? 1 : 0;
    if (problems->count < CONFIG_PROBLEMS && problem.text != NULL) {
        problems->items[problems->count++] = problem;
    }
}

void config_problem_error(struct config_problems *problems, uint32_t line, uint32_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    config_problem_add(problems, (struct config_problem){.line = line, .column = column}, format, arguments);
    va_end(arguments);
}

void config_problem_warning(struct config_problems *problems, uint32_t line, uint32_t column, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    config_problem_add(problems, (struct config_problem){.line = line, .column = column, .warning = true}, format,
                       arguments);
    va_end(arguments);
}

/* The text is the last key, so that the order never depends on the order of the checks. */
static int config_problem_order(const void *a, const void *b)
{
    const struct config_problem *left = a;
    const struct config_problem *right = b;
    if (left->line != right->line) {
        return left->line < right->line ? -1 : 1;
    }
    if (left->column != right->column) {
        return left->column < right->column ? -1 : 1;
    }
    return strcmp(left->text, right->text);
}

static struct span config_problem_line(struct span source, uint32_t line)
{
    size_t start = 0;
    for (uint32_t at = 1; at < line; at++) {
        const uint8_t *end = start < source.size ? memchr(source.data + start, '\n', source.size - start) : NULL;
        if (end == NULL) {
            return span_of(NULL, 0);
        }
        start = (size_t)(end - source.data) + 1;
    }
    if (start >= source.size) {
        return span_of(NULL, 0);
    }
    const uint8_t *end = memchr(source.data + start, '\n', source.size - start);
    size_t size = end == NULL ? source.size - start : (size_t)(end - (source.data + start));
    if (size > 0 && source.data[start + size - 1] == '\r') {
        size--;
    }
    return span_of(source.data + start, size);
}

/* Whether this byte starts a character (of UTF-8), so that columns count characters. */
static bool config_problem_starts(uint8_t byte)
{
    return (byte & 0xc0U) != 0x80U;
}

/* The source line and the caret below it; a window of it when the line is long. */
static void config_problem_point(struct span line, uint32_t column, struct buf *messages)
{
    const uint32_t first = column > CONFIG_PROBLEM_WIDTH - 20 ? column - CONFIG_PROBLEM_WIDTH / 2 : 1;
    buf_text(messages, "    ");
    uint32_t at = 0;
    for (size_t i = 0; i < line.size; i++) {
        at += config_problem_starts(line.data[i]) ? 1 : 0;
        if (at >= first && at < first + CONFIG_PROBLEM_WIDTH) {
            const uint8_t byte = line.data[i];
            const bool control = (byte < ' ' && byte != '\t') || byte == 0x7f;
            buf_u8(messages, control ? '?' : byte);
        }
    }
    buf_text(messages, "\n    ");
    at = 0;
    for (size_t i = 0; i < line.size && at + 1 < column; i++) {
        if (config_problem_starts(line.data[i])) {
            at++;
            if (at >= first) {
                buf_u8(messages, line.data[i] == '\t' ? '\t' : ' ');
            }
        }
    }
    buf_text(messages, "^\n");
}

void config_problem_sort(struct config_problems *problems)
{
    qsort(problems->items, problems->count, sizeof problems->items[0], config_problem_order);
}

void config_problem_print(struct config_problems *problems, const char *file, struct buf *messages)
{
    if (problems->errors + problems->warnings == 0) {
        return;
    }
    config_problem_sort(problems);
    for (uint32_t i = 0; i < problems->count; i++) {
        const struct config_problem *problem = &problems->items[i];
        const char *word = problem->warning ? "warning" : "error";
        if (problem->line == 0) {
            buf_printf(messages, "%s: %s: %s\n", file, word, problem->text);
            continue;
        }
        buf_printf(messages, "%s:%u:%u: %s: %s\n", file, problem->line, problem->column, word, problem->text);
        const struct span line = config_problem_line(problems->source, problem->line);
        if (line.size > 0) {
            config_problem_point(line, problem->column, messages);
        }
    }
    buf_printf(messages, "%s: %u error%s, %u warning%s", file, problems->errors, problems->errors == 1 ? "" : "s",
               problems->warnings, problems->warnings == 1 ? "" : "s");
    const uint32_t hidden = problems->errors + problems->warnings - problems->count;
    if (hidden > 0) {
        buf_printf(messages, " (%u not shown)", hidden);
    }
    buf_text(messages, "\n");
}

/* Insertions, deletions, replacements and swaps of neighbours (optimal string alignment). */
static uint32_t config_problem_distance(const char *a, const char *b)
{
    uint32_t rows[3][CONFIG_PROBLEM_WORD + 1];
    const size_t a_size = strlen(a);
    const size_t b_size = strlen(b);
    ASSERT(a_size <= CONFIG_PROBLEM_WORD && b_size <= CONFIG_PROBLEM_WORD);
    for (uint32_t j = 0; j <= b_size; j++) {
        rows[0][j] = j;
    }
    for (uint32_t i = 1; i <= a_size; i++) {
        uint32_t *row = rows[i % 3];
        const uint32_t *above = rows[(i + 2) % 3];
        const uint32_t *before = rows[(i + 1) % 3];
        row[0] = i;
        for (uint32_t j = 1; j <= b_size; j++) {
            uint32_t best = above[j - 1] + (a[i - 1] == b[j - 1] ? 0 : 1);
            best = above[j] + 1 < best ? above[j] + 1 : best;
            best = row[j - 1] + 1 < best ? row[j - 1] + 1 : best;
            const bool swap = i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1];
            row[j] = swap && before[j - 2] + 1 < best ? before[j - 2] + 1 : best;
        }
    }
    return rows[a_size % 3][b_size];
}

/* The distance to a candidate or to its end behind an underscore ("treshold" means failure_threshold); 0 also when the
 * word is how it starts ("crit" means critical). */
static uint32_t config_problem_far(const char *word, const char *candidate)
{
    const size_t size = strlen(word);
    if (strlen(candidate) > CONFIG_PROBLEM_WORD) {
        return UINT32_MAX;
    }
    if (size >= 3 && strncmp(word, candidate, size) == 0) {
        return 0;
    }
    uint32_t distance = config_problem_distance(word, candidate);
    for (const char *end = strchr(candidate, '_'); end != NULL; end = strchr(end + 1, '_')) {
        const uint32_t part = config_problem_distance(word, end + 1);
        distance = part < distance ? part : distance;
    }
    return distance;
}

const char *config_problem_nearest(const char *word, const char *const *candidates)
{
    const size_t size = strlen(word);
    if (size == 0 || size > CONFIG_PROBLEM_WORD) {
        return NULL;
    }
    const char *nearest = NULL;
    uint32_t best = size <= 3 ? 2 : size <= 6 ? 3 : 4; /* one more than is near */
    for (; *candidates != NULL; candidates++) {
        const uint32_t distance = config_problem_far(word, *candidates);
        if (distance < best && distance < size) {
            nearest = *candidates;
            best = distance;
        }
    }
    return nearest;
}
