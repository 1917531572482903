/* SPDX-License-Identifier: Apache-2.0
 * Reading the fields of a what-if question: strict about types and words, with the place of the first mistake.
 *
 * The error is sticky: after it every read gives its default, so readers are straight lines and the caller asks once.
 * Fields whose value is null count as absent, unless said otherwise. Part of edge/whatif.c. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

/* Where a value stands: chained on the stack, printed only for an error. */
struct whatif_read_at {
    const struct whatif_read_at *parent; /* NULL: the line itself */
    const char *key;                     /* NULL: an element */
    size_t index;
    const json_t *value; /* NULL: absent */
};

enum { WHATIF_READ_PATH = 256, WHATIF_READ_MESSAGE = 200 };

struct whatif_read {
    bool failed;
    char path[WHATIF_READ_PATH]; /* "$.input.checks[0].status" */
    char message[WHATIF_READ_MESSAGE];
};

/* A number's limits. `required` or else `otherwise` when absent. Decimals: all three in millionths. */
struct whatif_read_range {
    int64_t low;
    int64_t high;
    bool required;
    int64_t otherwise;
};

/* 1, in millionths. */
#define WHATIF_READ_ONE INT64_C(1000000)

/* A trillion, in millionths: 1e12 seconds or milliseconds are enough for anybody. */
#define WHATIF_READ_MAX INT64_C(1000000000000000000)

/* Keeps the first error. */
void whatif_read_fail(struct whatif_read *reader, const struct whatif_read_at *at, const char *message);

/* The member or element; its value is NULL when absent or null. */
struct whatif_read_at whatif_read_member(const struct whatif_read_at *object, const char *key);
struct whatif_read_at whatif_read_element(const struct whatif_read_at *array, size_t index);

/* Whether it is there, as an object (array). A wrong type or a required one that is absent is an error. */
bool whatif_read_object(struct whatif_read *reader, const struct whatif_read_at *at, bool required);
bool whatif_read_array(struct whatif_read *reader, const struct whatif_read_at *at, bool required);

bool whatif_read_bool(struct whatif_read *reader, const struct whatif_read_at *object, const char *key, bool required,
                      bool otherwise);

/* A whole number, as it is. */
int64_t whatif_read_count(struct whatif_read *reader, const struct whatif_read_at *object, const char *key,
                          struct whatif_read_range range);

/* A decimal number, times 1,000,000, half-even. */
int64_t whatif_read_decimal(struct whatif_read *reader, const struct whatif_read_at *object, const char *key,
                            struct whatif_read_range range);

/* The same for a value itself. */
int64_t whatif_read_value(struct whatif_read *reader, const struct whatif_read_at *at, struct whatif_read_range range);

/* A required text of 1 to capacity - 1 bytes. */
void whatif_read_text(struct whatif_read *reader, const struct whatif_read_at *object, const char *key, char *ret_text,
                      size_t capacity);

/* The index of the word in a list that ends with NULL; `otherwise` when absent, which is an error below 0. */
int whatif_read_word(struct whatif_read *reader, const struct whatif_read_at *object, const char *key,
                     const char *const *words, int otherwise);
