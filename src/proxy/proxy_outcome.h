/* SPDX-License-Identifier: Apache-2.0
 * Whether a transaction whose COMMIT was not answered has taken effect: asked of the new writer, where that proves
 * something.
 *
 * The number of the transaction must be known: from a client that has selected it (pg_current_xact_id(), txid_current()
 * and their relatives, as a statement of its own). What pg_xact_status() says of it is a proof in two cases only
 * (doc/decisions/018-outcomes-are-looked-up.md):
 * - another node, or this one, was promoted since: "committed", if the number is below all that were begun since, which
 *   the agents record at each promotion (holdfast.promotion). Others mean nothing: the old writer may have the commit,
 *   and it is brought home later (doc/salvage.md).
 * - the same writer under the same epoch: "aborted". It may have lost the end of its log and have given the number to
 *   another transaction, so "committed" means nothing.
 *
 * One thread asks, one question after the other (proxy/proxy_asker.h). At most PROXY_OUTCOME_QUESTIONS wait. */
#pragma once

#include <stdint.h>

#include "base/err.h"
#include "proxy/proxy_asker.h"

enum {
    PROXY_OUTCOME_QUESTIONS = 64,
    PROXY_OUTCOME_ASK_MS = 2000, /* one question, its log-in included */
};

enum proxy_outcome_answer {
    PROXY_OUTCOME_UNKNOWN,
    PROXY_OUTCOME_COMMITTED,
    PROXY_OUTCOME_ROLLED_BACK,
};

struct proxy_outcome_question {
    const char *database; /* the cluster in the view */
    struct view_address server;
    uint64_t xid;
    uint64_t epoch; /* under which the transaction ran */
    bool promoted;  /* the server's is a newer one */
};

struct proxy_outcome;

/* `answered` is called by the thread. ERR_NO_MEMORY and the errors of pthread_create. */
ERR_CHECK enum err proxy_outcome_start(const struct proxy_asker_account *accounts, uint32_t count,
                                       void (*answered)(void *caller), void *caller,
                                       struct proxy_outcome **ret_outcome);
void proxy_outcome_stop(struct proxy_outcome *outcome);

/* ERR_NOT_FOUND: nobody may ask of this database. ERR_QUEUE_FULL. Else a ticket for one answer. Any thread. */
ERR_CHECK enum err proxy_outcome_ask(struct proxy_outcome *outcome, const struct proxy_outcome_question *question,
                                     uint32_t *ret_ticket);

/* ERR_UNAVAILABLE: not yet. Else the answer, and the ticket is used up. */
ERR_CHECK enum err proxy_outcome_look(struct proxy_outcome *outcome, uint32_t ticket,
                                      enum proxy_outcome_answer *ret_answer);

/* Nobody waits for the answer any more. */
void proxy_outcome_forget(struct proxy_outcome *outcome, uint32_t ticket);

/* What the words of the server prove; `status` and `first_xid` are NULL where it had none. Pure. */
enum proxy_outcome_answer proxy_outcome_judge(const struct proxy_outcome_question *question, const char *status,
                                              const char *first_xid);
