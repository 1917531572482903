/* SPDX-License-Identifier: Apache-2.0
 * Texts of prepared statements, each there once for all clients and servers of a worker, under a name of our own.
 *
 * A text is the body of a Parse behind its name: the statement, a zero, and the types of its parameters. Two clients
 * that prepare the same, under whatever names, mean the same text; on a server it is prepared once, under the text's
 * name. Texts live as long as somebody uses them: a client's name (proxy_prepare.h) or a server's copy.
 *
 * Bookkeeping only; one owner, one thread. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/span.h"

enum {
    PROXY_SHELF_BUCKETS = 1024,
    PROXY_SHELF_NAME = 32, /* bytes of a name of ours, terminator included */
};

struct proxy_shelf {
    uint64_t last; /* number that was given */
    uint32_t count;
    struct list buckets[PROXY_SHELF_BUCKETS];
};

struct proxy_shelf_text {
    struct proxy_shelf *shelf;
    struct list link;
    uint64_t number;
    uint32_t users;
    size_t size;
    uint8_t body[];
};

/* A text on one server. */
struct proxy_shelf_copy {
    struct proxy_shelf_text *text;
    uint64_t used;    /* by the server's clock */
    uint64_t group;   /* of messages, in which it was last sent there */
    uint32_t pending; /* times that it was sent there and nothing has been said yet */
    bool there;       /* by what was said */
    bool leaving;     /* it was told to forget it, and has not said that it has */
};

/* What a server has; zeroed: nothing. */
struct proxy_shelf_copies {
    struct proxy_shelf_copy *data;
    uint32_t count;
    uint32_t capacity;
    uint32_t leaving;
    uint64_t clock;
};

/* NULL: out of memory. */
struct proxy_shelf *proxy_shelf_new(void);
void proxy_shelf_free(struct proxy_shelf *shelf); /* nobody uses a text any more; NULL is fine */

/* The text of this body, which the caller uses from now on. NULL: out of memory. And: another user; one less. */
struct proxy_shelf_text *proxy_shelf_take(struct proxy_shelf *shelf, struct span body);
void proxy_shelf_share(struct proxy_shelf_text *text);
void proxy_shelf_leave(struct proxy_shelf_text *text); /* NULL is fine */

/* Its name on servers. NULL: a name that nothing ever has. */
void proxy_shelf_name(const struct proxy_shelf_text *text, char name[PROXY_SHELF_NAME]);

/* NULL: the server does not have it. Finding it is using it. */
struct proxy_shelf_copy *proxy_shelf_find(struct proxy_shelf_copies *copies, const struct proxy_shelf_text *text);

/* It is not there yet. NULL: out of memory. Points into the list, good until that changes. */
struct proxy_shelf_copy *proxy_shelf_add(struct proxy_shelf_copies *copies, struct proxy_shelf_text *text);
void proxy_shelf_remove(struct proxy_shelf_copies *copies, struct proxy_shelf_copy *copy);

/* It makes room; and it does not, or is wanted again. */
void proxy_shelf_leaves(struct proxy_shelf_copies *copies, struct proxy_shelf_copy *copy);
void proxy_shelf_stays(struct proxy_shelf_copies *copies, struct proxy_shelf_copy *copy);

/* Of those that stay, the one that has not been used for longest, before `since`; NULL: none. */
struct proxy_shelf_copy *proxy_shelf_oldest(const struct proxy_shelf_copies *copies, uint64_t since);

/* The server has nothing any more. */
void proxy_shelf_clear(struct proxy_shelf_copies *copies);
