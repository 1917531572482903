/* SPDX-License-Identifier: Apache-2.0
 * Carries a view out on the sessions of one worker: where new ones go, who is cut off, who is held, who may go on.
 *
 * Belongs to the worker's thread; only the box is shared. */
#pragma once

#include <pthread.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/view.h"
#include "proxy/proxy_edition.h"
#include "proxy/proxy_session.h"

/* Where workers find the view, the configuration, and what the console has said. */
struct proxy_switch_box {
    pthread_mutex_t lock;
    struct view view;
    bool filled;
    _Atomic uint64_t version; /* of what is inside; read without the lock */
    struct proxy_edition edition;
    _Atomic uint32_t editions; /* grows with each; read without the lock */
    /* The console's pauses. */
    _Atomic uint32_t pauses; /* grows with each change; read without the lock */
    _Atomic bool paused[PROXY_ROUTES];
    _Atomic uint32_t kills[PROXY_ROUTES];    /* grows when all sessions of an entry are to end */
    _Atomic uint32_t renewals[PROXY_ROUTES]; /* ... and when its server connections are to be renewed */
};

struct proxy_switch {
    struct proxy_edition edition; /* the worker's own copy */
    uint32_t editions;            /* its number */
    int64_t hold_timeout_ms;
    struct view view; /* the worker's own copy */
    bool known;
    uint64_t applied;             /* version of `view` */
    uint32_t pauses;              /* the change that is carried out */
    uint32_t kills[PROXY_ROUTES]; /* likewise */
    uint32_t renewals[PROXY_ROUTES];
    struct mono hold_end[PROXY_ROUTES]; /* when a hold is given up; 0: none */
    uint64_t leaving;                   /* closed entries on which something stands here, a bit for each index */
    struct mono leaving_look;           /* when to look at these again */
    _Atomic uint64_t left; /* ... and those on which nothing does; becomes less under the box's lock only */
};

/* The entries as they are now. Any thread. */
void proxy_switch_entries(struct proxy_switch_box *box, struct proxy_entries *ret_entries);

/* Copies the edition that is in the box: before the first look, and with it. True: it is another one. */
bool proxy_switch_edition(struct proxy_switch *change, struct proxy_session_context *context,
                          struct proxy_switch_box *box);

/* Looks at the box, and carries out what is new; gives up holds that have lasted too long. Before any byte is moved. */
void proxy_switch_look(struct proxy_switch *change, struct proxy_session_context *context,
                       struct proxy_switch_box *box);

/* Whether every session that is on a writer on hold stands at a transaction boundary. */
bool proxy_switch_quiet(struct proxy_session_context *context);

/* Likewise for what the console has paused. */
bool proxy_switch_still(const struct proxy_session_context *context);

/* When the next hold is given up; TIME_NEVER: none. */
struct mono proxy_switch_deadline(const struct proxy_switch *change, const struct proxy_session_context *context);
