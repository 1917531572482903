/* SPDX-License-Identifier: Apache-2.0
 * What readers of the view have met with at the servers that it names: connections, failures, wrong servers, round
 * trips.
 *
 * A reader writes its own figures into the shared memory of edge/publish.h, whoever publishes the view there reads the
 * sums. That is all: no socket, no answer, nothing that can block, and no more of it than the table holds. It is
 * information (doc/decisions/026): nothing is decided by it.
 *
 * Figures count from the reader's start, so a sum falls when a reader ends. A server is named by its address. */
#pragma once

#include "core/view.h"
#include "edge/publish.h"

struct publish_sight {
    uint64_t connections;
    uint64_t failures; /* to connect, or connections that broke */
    uint64_t wrong;    /* it was not what the view says */
    uint64_t rtt_us;   /* 0: not known */
};

/* The figures of this reader about a server. By the thread that owns the reader. What does not fit is not told. */
void publish_sight_set(struct publish_reader *reader, const struct view_address *server,
                       const struct publish_sight *sight);

/* Of all living readers together; the round trip is the longest. */
void publish_sight_sum(const struct publish_writer *writer, const struct view_address *server,
                       struct publish_sight *ret_sum);
