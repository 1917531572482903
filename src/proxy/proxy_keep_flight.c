/* SPDX-License-Identifier: Apache-2.0
 * What a session has in flight: its bytes, and what may become of it when its server is gone. */
#include <stdlib.h>
#include <string.h>

#include "proxy/proxy_keep.h"

void proxy_keep_flight_begin(struct proxy_keep *keep, bool whole)
{
    keep->flight_size = 0;
    keep->flight_whole = whole;
    keep->flight_marks = 0;
    keep->flight_texts = 0;
    keep->flight_units = 0;
    keep->flight_first = 0;
}

void proxy_keep_flight_add(struct proxy_keep *keep, struct span bytes)
{
    const size_t wanted = keep->flight_size + bytes.size;
    if (!keep->flight_whole || wanted > PROXY_KEEP_FLIGHT) {
        keep->flight_whole = false;
        return;
    }
    if (wanted > keep->flight_capacity) {
        const size_t capacity = wanted < 1024 ? 1024 : PROXY_KEEP_FLIGHT;
        uint8_t *memory = realloc(keep->flight, capacity);
        if (memory == NULL) {
            keep->flight_whole = false;
            return;
        }
        keep->flight = memory;
        keep->flight_capacity = capacity;
    }
    memcpy(keep->flight + keep->flight_size, bytes.data, bytes.size);
    keep->flight_size = wanted;
}

bool proxy_keep_flight_again(const struct proxy_keep *keep)
{
    const bool single = (keep->flight_marks & PG_STATEMENT_CONTROL) == 0 || keep->flight_texts == 1;
    return keep->flight_whole && keep->flight_size > 0 && single && (keep->flight_marks & PG_STATEMENT_ONCE) == 0;
}

bool proxy_keep_flight_commits(const struct proxy_keep *keep)
{
    /* With the old strings a backslash hides a quote, and what follows is not where it seems to be. */
    const bool old_strings =
        keep->flight_units > 0 &&
        proxy_keep_parameter_told(keep, span_text("standard_conforming_strings"), span_text("off"));
    return old_strings || keep->bound_commit || (keep->flight_marks & PG_STATEMENT_COMMIT) != 0;
}
