/* SPDX-License-Identifier: Apache-2.0
 * Who asks most, in bounded memory: the space-saving sketch (Metwally, Agrawal, El Abbadi, 2005).
 *
 * It has room for so many entries. One that is not among them takes the place of the smallest, and its count with it as
 * a possible error: whoever has more than 1 / DNS_SKETCH_ROWS of all weight is there, with a count that is at most
 * `error` too high. One thread writes; others may copy rows at any time. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "base/span.h"

enum { DNS_SKETCH_ROWS = 64, DNS_SKETCH_BYTES = 256 };

struct dns_sketch_row {
    uint64_t count;
    uint64_t error;
    uint32_t size;
    uint8_t bytes[DNS_SKETCH_BYTES]; /* who it is: an address with its family before it, or a name in wire form */
};

struct dns_sketch {
    uint64_t keys[DNS_SKETCH_ROWS]; /* hashes; 0: free */
    uint64_t counts[DNS_SKETCH_ROWS];
    uint64_t errors[DNS_SKETCH_ROWS];
    _Atomic uint32_t turns[DNS_SKETCH_ROWS]; /* odd while the row changes hands */
    uint32_t sizes[DNS_SKETCH_ROWS];
    uint8_t bytes[DNS_SKETCH_ROWS][DNS_SKETCH_BYTES];
};

/* Counts `weight` for the one with these bytes (cut to DNS_SKETCH_BYTES). */
void dns_sketch_add(struct dns_sketch *sketch, struct span who, uint64_t weight);

/* A copy of a row, from any thread. False: it is free, or just changing hands. */
bool dns_sketch_row(const struct dns_sketch *sketch, uint32_t row, struct dns_sketch_row *ret_row);

/* Adds a row of another sketch to `rows`, of which `count` are there: to its own kind, or as a new one while there is
 * room for `most`. */
void dns_sketch_merge(const struct dns_sketch_row *row, struct dns_sketch_row *rows, uint32_t *count, uint32_t most);

/* The largest first. */
void dns_sketch_sort(struct dns_sketch_row *rows, uint32_t count);
