/* SPDX-License-Identifier: Apache-2.0
 * What the threads of a data plane meet with at servers, noted where it happens.
 *
 * Each thread has a block of its own, written by that thread only, read by anybody at any time; a thread of the process
 * adds the blocks up and tells them to whoever publishes the view (edge/publish_sight.h). A note costs a look through
 * the few servers that there are, and is made when a connection begins or ends, not for what passes through it. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/view.h"
#include "edge/publish_sight.h"

enum {
    SIGHT_SERVERS = VIEW_MEMORY_SIGHTS,
    SIGHT_LIST = 2 * SIGHT_SERVERS, /* of data planes, and of applications (edge/feedback.h) */
};

enum sight_kind {
    SIGHT_CONNECTED,
    SIGHT_FAILED, /* to connect, or the connection broke */
    SIGHT_WRONG,  /* it is not what the view says */
    SIGHT_KINDS
};

struct sight_row {
    struct view_address server; /* fixed once `used` */
    _Atomic bool used;
    _Atomic uint64_t counts[SIGHT_KINDS];
    _Atomic uint64_t rtt_us;
};

struct sight {
    struct sight_row rows[SIGHT_SERVERS];
};

/* By the block's own thread. More servers than fit are not told. */
void sight_note(struct sight *sight, const struct view_address *server, enum sight_kind kind);

/* Asks the kernel how long round trips on this connection take. */
void sight_measure(struct sight *sight, const struct view_address *server, int fd);

/* Adds a block to what is told of servers. `sum` begins zeroed; SIGHT_SERVERS of them. Any thread. */
struct sight_sum {
    struct view_address server;
    struct publish_sight sight;
    bool applications; /* they have told it, not a data plane */
};

void sight_collect(const struct sight *sight, struct sight_sum *sum, uint32_t *count);

/* What all readers of this host say of the servers that the published view names, those that they have met with. At
 * most SIGHT_SERVERS. By whoever publishes. */
void sight_list(const struct publish_writer *writer, struct sight_sum *list, uint32_t *ret_count);

/* By the thread that owns the reader. */
void sight_tell(struct publish_reader *reader, const struct sight_sum *sum, uint32_t count);
