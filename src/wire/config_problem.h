/* SPDX-License-Identifier: Apache-2.0
 * What is wrong with a configuration: a list of problems with their places, printed as compilers do.
 *
 * All problems of a run are collected, then sorted by place and printed with the source line and a caret. Beyond
 * CONFIG_PROBLEMS they are only counted. One owner, one thread; the arena holds the texts. */
#pragma once

#include <stdint.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/span.h"
#include "wire/config.h"

struct config_problem {
    uint32_t line;   /* from 1; 0: the whole file */
    uint32_t column; /* from 1, in characters */
    bool warning;
    const char *text;
};

struct config_problems {
    struct arena *arena;
    struct span source;
    struct config_problem items[CONFIG_PROBLEMS];
    uint32_t count;
    uint32_t errors;
    uint32_t warnings;
};

void config_problem_init(struct config_problems *problems, struct arena *arena, struct span source);

/* Message form: "what; expected ...; hint". */
void config_problem_error(struct config_problems *problems, uint32_t line, uint32_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));
void config_problem_warning(struct config_problems *problems, uint32_t line, uint32_t column, const char *format, ...)
    __attribute__((format(printf, 4, 5)));

/* By place; what has none comes first. */
void config_problem_sort(struct config_problems *problems);

/* Sorts, then prints all of them and a last line that counts. Prints nothing when there are none. */
void config_problem_print(struct config_problems *problems, const char *file, struct buf *messages);

/* Of the candidates (ends with NULL) the one that `word` was probably meant to be; NULL when none is near. */
const char *config_problem_nearest(const char *word, const char *const *candidates);
