/* SPDX-License-Identifier: Apache-2.0
 * Paths against patterns, and numbers in queries: the pure part of the HTTP server.
 *
 * A pattern is a path whose segments may be `*` (exactly one non-empty segment) and whose last may be `**` (the rest,
 * also empty). No state, any thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "base/span.h"

enum {
    HTTP_ROUTE_SEGMENTS = 4,
};

struct http_route_match {
    struct span segments[HTTP_ROUTE_SEGMENTS]; /* borrowed from the path */
    size_t count;
};

bool http_route_matches(const char *pattern, struct span path, struct http_route_match *ret_match);

/* Decimal digits only, 64 bits. ERR_INVALID otherwise. */
ERR_CHECK enum err http_route_number(struct span text, uint64_t *ret_number);
