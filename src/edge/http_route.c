/* SPDX-License-Identifier: Apache-2.0
 * Paths against patterns, and numbers in queries. */
#include "edge/http_route.h"

#include "base/assert.h"
#include "base/cursor.h"

/* The bytes up to the next slash or the end; the slash is skipped and `ret_more` says whether there was one. */
static struct span http_route_segment(struct cursor *cursor, bool *ret_more)
{
    const size_t left = cursor_left(cursor);
    const uint8_t *slash = left > 0 ? memchr(cursor->data + cursor->at, '/', left) : NULL;
    *ret_more = slash != NULL;
    return slash != NULL ? cursor_until(cursor, '/') : cursor_span(cursor, left);
}

static bool http_route_same(struct http_route_match *match, struct span wanted, struct span here)
{
    if (!span_is(wanted, "*")) {
        return span_equal(wanted, here);
    }
    ASSERT(match->count < HTTP_ROUTE_SEGMENTS);
    match->segments[match->count++] = here;
    return here.size > 0;
}

bool http_route_matches(const char *pattern, struct span path, struct http_route_match *ret_match)
{
    struct http_route_match match = {.count = 0};
    struct cursor want;
    struct cursor have;
    cursor_init(&want, pattern, strlen(pattern));
    cursor_init(&have, path.data, path.size);
    bool more_wanted = true;
    bool more_here = true;
    while (more_wanted && more_here) {
        const struct span wanted = http_route_segment(&want, &more_wanted);
        if (span_is(wanted, "**")) {
            ASSERT(!more_wanted && match.count < HTTP_ROUTE_SEGMENTS);
            match.segments[match.count++] = cursor_span(&have, cursor_left(&have));
            more_here = false;
        } else if (!http_route_same(&match, wanted, http_route_segment(&have, &more_here))) {
            return false;
        }
    }
    if (more_wanted || more_here) {
        return false;
    }
    *ret_match = match;
    return true;
}

enum err http_route_number(struct span text, uint64_t *ret_number)
{
    uint64_t number = 0;
    if (text.size == 0) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < text.size; i++) {
        const uint8_t digit = text.data[i];
        if (digit < '0' || digit > '9' || __builtin_mul_overflow(number, 10, &number) ||
            __builtin_add_overflow(number, (uint64_t)(digit - '0'), &number)) {
            return ERR_INVALID;
        }
    }
    *ret_number = number;
    return ERR_OK;
}
