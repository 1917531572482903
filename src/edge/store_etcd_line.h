/* SPDX-License-Identifier: Apache-2.0
 * One thread's way to the members of an etcd cluster: requests, one at a time, over kept-alive connections.
 *
 * Belongs to one thread. A call blocks for at most the configured time-out (and once more when a token or a check of a
 * member is needed first); no signal, no proxy, no redirect, no name look-up. Every request carries `hasleader`: a
 * member without a leader refuses it at once instead of keeping it. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include <curl/curl.h>

#include "base/arena.h"
#include "base/buf.h"
#include "base/time.h"
#include "edge/store_etcd_answer.h"
#include "edge/store_etcd_meaning.h"
#include "edge/store_etcd_member.h"

enum {
    STORE_ETCD_LINE_BODY = 3 * 1024 * 1024,    /* of a request */
    STORE_ETCD_LINE_ANSWER = 32 * 1024 * 1024, /* of an answer; more is ERR_TOO_LARGE */
    STORE_ETCD_LINE_WHY = 256,
};

struct store_etcd_line {
    struct store_etcd_members *members;
    CURL *easy;
    struct buf body; /* the next request: written by the caller */
    char *text;      /* the answer's */
    size_t text_size;
    size_t text_room;
    bool text_overflow;
    struct arena memory;             /* of `answer` */
    struct store_etcd_answer answer; /* until the next call */
    char why[STORE_ETCD_LINE_WHY];   /* the last failure, for people */
    struct mono paused;              /* when nobody was known to answer */
};

#define STORE_ETCD_LINE_RANGE        "/v3/kv/range"
#define STORE_ETCD_LINE_TXN          "/v3/kv/txn"
#define STORE_ETCD_LINE_COMPACTION   "/v3/kv/compaction"
#define STORE_ETCD_LINE_AUTHENTICATE "/v3/auth/authenticate"
#define STORE_ETCD_LINE_WATCH        "/v3/watch"
#define STORE_ETCD_LINE_STATUS       "/v3/maintenance/status"
#define STORE_ETCD_LINE_TRANSFER     "/v3/maintenance/transfer-leadership"

ERR_CHECK enum err store_etcd_line_init(struct store_etcd_line *line, struct store_etcd_members *members);
void store_etcd_line_fini(struct store_etcd_line *line);

/* Sends `body` once, to the member that is best now. `writes`: a member that is not known to answer is given a check
 * first, so that nothing unknown comes of asking it. On ANSWERED the answer is in `answer`. */
struct store_etcd_meaning store_etcd_line_try(struct store_etcd_line *line, const char *path, bool writes,
                                              struct mono deadline);

/* Sends `body`, which writes nothing or may be sent twice, until somebody answers. ERR_UNAVAILABLE: nobody did. */
ERR_CHECK enum err store_etcd_line_ask(struct store_etcd_line *line, const char *path, struct mono deadline);

/* Whether this member answers now; marks and measures it. */
ERR_CHECK enum err store_etcd_line_check(struct store_etcd_line *line, size_t member);

/* Sends `body` once to this member and nobody else; what comes of it says nothing about whether it is up. */
ERR_CHECK enum err store_etcd_line_tell(struct store_etcd_line *line, size_t member, const char *path);

/* -- for the watch, which runs a handle of its own -- */

/* URL, TLS, headers of a POST to this member. The list is freed by the caller after the call. */
ERR_CHECK enum err store_etcd_line_prepare(const struct store_etcd_members *members, CURL *easy, size_t member,
                                           const char *path, const char *token, struct curl_slist **ret_lists);

/* Sets `token`, asking for one when there is none; `ret_version` names it. Without a user: empty. */
ERR_CHECK enum err store_etcd_line_token(struct store_etcd_line *line, size_t member, char *token,
                                         uint64_t *ret_version);
