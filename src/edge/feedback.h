/* SPDX-License-Identifier: Apache-2.0
 * What applications of this host have met with at servers, as their libholdfast tells it (core/feedback_message.h).
 *
 * With sites.*.feedback the process that publishes the view has a socket beside it, for those who may read the view
 * (owner and group). It takes what is there when it looks, and answers nothing. Whoever may write there may write
 * anything: only servers that the view names are counted, at most FEEDBACK_LOOK datagrams a look, and what comes of
 * them is a figure to be shown and a check made a little earlier (edge/hint.h). Nothing is decided by it
 * (doc/decisions/029).
 *
 * Belongs to the lock of the publisher. */
#pragma once

#include "base/err.h"
#include "base/span.h"
#include "core/feedback_message.h"
#include "edge/sight.h"

enum { FEEDBACK_LOOK = 64 };

/* Of one server, since the last datagram. */
struct feedback_entry {
    struct view_address server;
    uint32_t answered;
    uint32_t failures;
    uint32_t wrong;
    uint32_t took_us;
};

/* ERR_PROTOCOL: it is none. `ret_entries` has room for FEEDBACK_MESSAGE_ENTRIES. */
ERR_CHECK enum err feedback_read(struct span datagram, struct feedback_entry *ret_entries, uint32_t *ret_count);

struct feedback {
    int fd; /* -1: nobody is listened to */
    char path[108];
    uint32_t count;
    struct sight_sum list[SIGHT_SERVERS]; /* `connections` are answered calls, `rtt_us` what they take lately */
};

/* Nobody is listened to. */
void feedback_none(struct feedback *feedback);

/* Makes the socket. ERR_INVALID: the path is too long for one. Others: those of bind(2). */
ERR_CHECK enum err feedback_open(struct feedback *feedback, const char *state_dir);
void feedback_close(struct feedback *feedback);

/* Takes what was told; `view` NULL: forgets it. Never waits. */
void feedback_look(struct feedback *feedback, const struct view *view);

/* Failures and wrong servers that were told of a server, since the start. */
uint64_t feedback_bad(const struct feedback *feedback, const struct view_address *server);

/* Appends what was told to a list of at most SIGHT_LIST entries, for those servers that the view names. */
void feedback_list(const struct feedback *feedback, const struct view *view, struct sight_sum *list, uint32_t *count);
