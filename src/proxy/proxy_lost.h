/* SPDX-License-Identifier: Apache-2.0
 * What a client is told when its server goes while a transaction is open or something is in flight.
 *
 * A transaction without its COMMIT in flight was rolled back, whatever the server did last: that is 40001, and clients
 * know what to do with it. A COMMIT in flight, or a statement that is a transaction of its own, may have taken effect:
 * 08007. What certainly had no effect, of which nothing was answered, and which nothing before it depends on, is sent
 * again, and the client is told nothing.
 *
 * A client in a transaction stays in one that has failed: on its new server the proxy brings about a real one, so that
 * PostgreSQL itself answers what follows, in all its ways (ROLLBACK, COMMIT that says ROLLBACK, batches up to a Sync),
 * and the session leaves it as it always does. Until then the session is `doomed`, which changes answers in two ways:
 * errors are told as 40001 (25P02 would be right, and 3B001 for a savepoint that was lost, but would not say why); and
 * a COMMIT that comes before the client was told anything gets 40001 where PostgreSQL would say ROLLBACK, because
 * clients do not read that word. Such a COMMIT in one batch with other statements ends the session: the others would be
 * executed behind the error.
 *
 * A standby changes nothing: what was in flight there is sent again when nothing of it was answered, else it is 40001.
 *
 * A batch of the extended protocol that no Sync has closed goes on likewise: the new server ignores the rest of it. */
#pragma once

#include "proxy/proxy_session.h"

#define PROXY_LOST_MESSAGE "the transaction was rolled back because its server was lost; try it again"

enum proxy_lost_verdict {
    PROXY_LOST_END,         /* nothing can be said or done: the session is over */
    PROXY_LOST_AGAIN,       /* what is in flight, if anything, is sent to the next server */
    PROXY_LOST_ROLLED_BACK, /* 40001 */
    PROXY_LOST_UNKNOWN,     /* 08007 */
};

struct proxy_lost {
    enum proxy_lost_verdict verdict;
    bool failed;    /* the client is inside a transaction that has failed */
    bool open;      /* a batch is open: its error is told now, its ReadyForQuery with its Sync */
    uint32_t ready; /* answers that a ReadyForQuery ends */
};

/* What the server's last words prove about what it was doing. */
enum proxy_lost_proof {
    PROXY_LOST_NOTHING, /* it may have been done */
    PROXY_LOST_FATAL,   /* it said FATAL: what it was doing then is rolled back */
    PROXY_LOST_STANDBY, /* it is a standby, where nothing takes effect at all */
};

/* Whether this is all that a server says which the view calls the writer: that it cannot write, being a standby. What
 * an extended batch is told before that (ParseComplete and relatives) will be said again. */
bool proxy_lost_wrong(const struct proxy_session *session, struct span bytes);

/* Whether all that is unknown is one COMMIT of a transaction whose number is known: its outcome can be looked up. */
bool proxy_lost_traceable(const struct proxy_session *session, const struct proxy_lost *lost);

/* Of a server that is gone and that the view still names in this role; `fatal`: it said FATAL. A standby that was
 * promoted, carried out a client's write and died before the view knew of any of it is taken for a standby: who writes
 * through a route of readers may then have written twice. */
enum proxy_lost_proof proxy_lost_proof(const struct proxy_session *session, bool fatal);

/* Judges a session of which something is in flight or a transaction open. */
struct proxy_lost proxy_lost_judge(const struct proxy_session *session, enum proxy_lost_proof proof);

/* Tells the client what was judged: ROLLED_BACK, or UNKNOWN because of `what`. Nothing is in flight any more. False:
 * the session is over. */
bool proxy_lost_tell(struct proxy_session_context *context, struct proxy_session *session,
                     const struct proxy_lost *lost, const char *what);

/* Appends the messages that bring a new server to where the client believes it is. How many of them a ReadyForQuery
 * answers; with `skipping` the last one is answered by an error alone. */
uint32_t proxy_lost_restore(const struct proxy_session *session, struct buf *buf);

/* Whether what a doomed session's client has sent by now may go to its server. False: the session has ended. */
bool proxy_lost_lawful(struct proxy_session_context *context, struct proxy_session *session);

/* A whole message of a doomed session's server, which has been looked at: says it to the client, changed where it must
 * be. False: out of memory. */
bool proxy_lost_pass(struct proxy_session_context *context, struct proxy_session *session,
                     const struct pg_frame_message *message, struct span whole);
