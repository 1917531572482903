/* SPDX-License-Identifier: Apache-2.0
 * What etcd's JSON gateway answers (v3.4 to v3.6): ranges, transactions, tokens, watch messages, errors.
 *
 * Pure functions, any thread. The gateway leaves out what is zero or false, writes 64-bit numbers as texts, keys and
 * values in base64. Unknown members are ignored. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/arena.h"
#include "base/err.h"
#include "base/span.h"

enum {
    STORE_ETCD_ANSWER_ID = 24, /* of a member: digits of 64 bits, and a NUL */
};

struct store_etcd_pair {
    struct span key;   /* NUL-terminated behind its size, as the value is */
    struct span value; /* empty when only keys were asked for */
    uint64_t revision; /* mod_revision */
};

/* The answer to one range. */
struct store_etcd_part {
    const struct store_etcd_pair *pairs;
    size_t count;
    bool more;
};

struct store_etcd_answer {
    int64_t code;                        /* of gRPC; 0: no error */
    const char *message;                 /* of an error, else "" */
    uint64_t revision;                   /* of the whole store, when it answered */
    bool succeeded;                      /* a transaction's compares held */
    const struct store_etcd_part *parts; /* a transaction: one per operation, empty for those that are no range; a
                                            range: one */
    size_t part_count;
    const char *token;  /* of authenticate; NULL: none */
    const char *member; /* of a status: who answers, in digits; "": not said */
    const char *leader; /* of a status: whom it follows; "": nobody */
};

/* One message of a watch. */
struct store_etcd_news {
    int64_t code; /* an error ends the watch; 0: none */
    const char *message;
    uint64_t revision; /* everything up to it has been told when there are no events; 0: not said */
    bool created;
    bool cancelled;
    bool fragment;         /* further messages of the same revision follow */
    uint64_t compacted_to; /* cancelled, because what was to be told first is compacted */
    const struct store_etcd_pair *events;
    size_t event_count;
};

/* Everything on `arena`. ERR_PROTOCOL: not what etcd says; ERR_NO_MEMORY: also when it does not fit on the arena. */
ERR_CHECK enum err store_etcd_answer_read(struct span text, struct arena *arena, struct store_etcd_answer *ret_answer);
ERR_CHECK enum err store_etcd_answer_read_news(struct span text, struct arena *arena, struct store_etcd_news *ret_news);
