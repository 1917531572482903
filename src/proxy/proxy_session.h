/* SPDX-License-Identifier: Apache-2.0
 * A client's session: its two ends, its state, and the one funnel through which it ends.
 *
 * States move only along the table in proxy_session.c:
 *   STARTUP     the client's first packets are read
 *   CHALLENGE   the proxy asks the client for its password itself (proxy_auth.h)
 *   CONNECTING  a server is wanted: waiting for the view to name one, connecting, or waiting for its first word
 *   LOGIN       a session that is moved: the proxy logs in for it and says again what the last server had heard
 *   AUTH        the server talks to the client until the first ReadyForQuery; whole messages only, the key is ours
 *   ACTIVE      bytes are relayed
 *   DRAINING    the session is over; what is still owed to an end is being delivered, for a bounded time
 *   CLOSED      waiting to be freed at the end of the worker's batch
 * A cancel request is a session too: STARTUP, CONNECTING, DRAINING, CLOSED. A session whose server is gone may go from
 * ACTIVE to CONNECTING again (proxy_move.h); its client only waits.
 *
 * Everything belongs to one worker's thread. Memory: the session, plus buffers only while something is pending, each at
 * most as large as the worker's relay buffer. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/list.h"
#include "base/time.h"
#include "edge/latency_seen.h"
#include "edge/sight.h"
#include "proxy/proxy_ban.h"
#include "proxy/proxy_cancel.h"
#include "proxy/proxy_door.h"
#include "proxy/proxy_end.h"
#include "proxy/proxy_keep.h"
#include "proxy/proxy_load.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_outcome.h"
#include "proxy/proxy_pool.h"
#include "proxy/proxy_prepare.h"
#include "proxy/proxy_proof.h"
#include "proxy/proxy_roster.h"
#include "proxy/proxy_route.h"
#include "proxy/proxy_rules.h"
#include "proxy/proxy_server.h"
#include "proxy/proxy_spare.h"
#include "proxy/proxy_stat.h"
#include "proxy/proxy_tally.h"
#include "proxy/proxy_vault.h"
#include "wire/pg_message.h"

enum {
    PROXY_SESSION_EARLY = 16 * 1024, /* bytes of one server message before the session is active */
    PROXY_SESSION_ERROR = 512,       /* bytes of an ErrorResponse of ours */
    PROXY_SESSION_DRAIN_MS = 5000,   /* for delivering what is owed */
    PROXY_SESSION_LINGER_MS = 1000,  /* for the peer to close after that */
};

enum proxy_session_state {
    PROXY_SESSION_STARTUP,
    PROXY_SESSION_CHALLENGE,
    PROXY_SESSION_CONNECTING,
    PROXY_SESSION_LOGIN,
    PROXY_SESSION_AUTH,
    PROXY_SESSION_ACTIVE,
    PROXY_SESSION_DRAINING,
    PROXY_SESSION_CLOSED,
    PROXY_SESSION_STATES
};

/* Why a session ends. X(name, SQLSTATE told to the client or NULL, text, counter) - the text may be replaced by a more
 * exact one. NONE as a counter: nothing to count. */
#define PROXY_SESSION_REASONS(X)                                                                                       \
    X(CLIENT_LEFT, NULL, "the client left", COUNT)                                                                     \
    X(SERVER_ENDED, NULL, "the server ended the session and told why", COUNT)                                          \
    X(CANCEL_DONE, NULL, "cancel request served", COUNT)                                                               \
    X(CLIENT_PROTOCOL, "08P01", "the client does not speak PostgreSQL's protocol", PROTOCOL_ERRORS)                    \
    X(SERVER_PROTOCOL, "08P01", "the server does not speak PostgreSQL's protocol", PROTOCOL_ERRORS)                    \
    X(UNSUPPORTED, "0A000", "unsupported protocol version or replication connection", PROTOCOL_ERRORS)                 \
    X(STARTUP_SLOW, NULL, "no start-up packet in time", PROTOCOL_ERRORS)                                               \
    X(NO_DATABASE, "3D000", "no such database in this proxy's configuration", REFUSED_DATABASE)                        \
    X(TOO_MANY, "53300", "too many clients of this proxy already", REFUSED_CLIENTS)                                    \
    X(NO_SERVER, "57P03", "no writable server could be reached in time, try again", WAIT_TIMEOUTS)                     \
    X(POOL_TIMEOUT, "53300", "no server connection of this pool came free in time (pool.wait_timeout), try again",     \
      POOL_TIMEOUTS)                                                                                                   \
    X(UNNAMED, "26000",                                                                                                \
      "the unnamed prepared statement was made in an earlier transaction, on a server connection that this client no " \
      "longer has: parse and bind it in one transaction, or give it a name",                                           \
      PROTOCOL_ERRORS)                                                                                                 \
    X(AUTH_SLOW, "08006", "the log-in did not end in time", PROTOCOL_ERRORS)                                           \
    X(AUTH_FAILED, "28P01", "password authentication failed", AUTH_FAILURES)                                           \
    X(AUTH_BINDING, "28000", "SCRAM channel binding negotiation error or check failed", AUTH_FAILURES)                 \
    X(FORBIDDEN, "28000", "the rules of this proxy do not let the client in", AUTH_FAILURES)                           \
    X(CLEAR, "28000", "this proxy requires encryption: connect with sslmode=require or stronger", REFUSED_CLEAR)       \
    X(TLS_FAILED, NULL, "the TLS handshake failed", TLS_FAILURES)                                                      \
    X(SERVER_LOST, "08006", "the connection to the server was lost", SERVER_LOST)                                      \
    X(OUTCOME_UNKNOWN, "08007",                                                                                        \
      "the connection to the server was lost while a statement was in flight: whether it took effect is unknown",      \
      OUTCOME_UNKNOWN)                                                                                                 \
    X(NOT_MOVED, "57P01", "terminating connection: its server is gone and the session cannot be moved", NOT_MOVED)     \
    X(FENCED, "57P01", "terminating connection: the epoch of this session was fenced, reconnect", FENCED)              \
    X(LOCKED_COMMIT, "42501",                                                                                          \
      "synchronous_commit may not be named here: every commit of this database waits for its durability set", LOCKED)  \
    X(KILLED, "57P01", "terminating connection: an operator has ended all sessions of this database", KILLED)          \
    X(REMOVED, "57P01", "terminating connection: this database was taken out of the proxy's configuration", COUNT)     \
    X(STOPPING, "57P01", "terminating connection: this proxy is stopping, reconnect", COUNT)                           \
    X(NO_MEMORY, "53200", "this proxy is out of memory", COUNT)

enum proxy_session_reason {
#define PROXY_SESSION_ENUM(name, sqlstate, text, counter) PROXY_SESSION_##name,
    PROXY_SESSION_REASONS(PROXY_SESSION_ENUM)
#undef PROXY_SESSION_ENUM
        PROXY_SESSION_REASONS_COUNT
};

struct proxy_session;

/* CHALLENGE: what was asked of a client, and the message that it answers. */
struct proxy_session_challenge {
    bool asked; /* the verifier is known */
    bool scram; /* md5 will not do */
    struct proxy_proof proof;
    size_t message_have;
    uint8_t message[PG_FRAME_HEAD + PG_SCRAM_SERVE_MESSAGE];
};

/* The way to another server, CONNECTING and LOGIN. proxy_move.c owns it; who begins such a way sets the first three. */
struct proxy_session_move {
    bool under_way;  /* the client is logged in already */
    bool entering;   /* ... by us: it waits for its first ReadyForQuery */
    bool borrowing;  /* ... and the session had no server before, it is not moved */
    bool asked;      /* the server was a spare, and has not said its role yet */
    bool logged_in;  /* the new server has said ReadyForQuery */
    bool restored;   /* all that the new server must hear was sent */
    uint32_t left;   /* ReadyForQuery still to come; 0: the log-in has not ended */
    uint32_t strict; /* of these: for statements that must not fail */
};

/* What the next server must be brought to, beside what `keep` has: nothing, when all are false. Judged by proxy_lost.c,
 * carried out by proxy_move.c. */
struct proxy_session_next {
    bool again;    /* what is in flight is sent again */
    bool failed;   /* a transaction that has failed */
    bool skipping; /* it must ignore what comes up to the next Sync */
};

/* The outcome of a COMMIT that is looked up before anything else (proxy_outcome.h). proxy_move.c owns it. */
struct proxy_session_inquiry {
    struct list link; /* linked while the answer is awaited */
    bool wanted;
    bool answered;
    bool took;          /* ... it has taken effect: the COMMIT is sent again, behind a BEGIN */
    uint32_t ticket;    /* for the answer; LIMITS_NONE: not asked */
    uint64_t ran_epoch; /* under which the transaction ran */
};

/* The client's open transaction was lost with its server. proxy_lost.c owns it. */
struct proxy_session_doom {
    bool open; /* it is: the client has not ended it yet */
    bool told; /* ... and knows that it has failed */
};

/* Of a pooled entry. proxy_line.c owns the first two, proxy_rest.c the next two, proxy_relay.c the last. */
struct proxy_session_lent {
    struct proxy_pool_waiter waiter;
    bool placed;           /* CONNECTING: a place in the pool is ours, no server has it yet */
    struct list lingering; /* linked while it keeps a server that it could give back */
    bool pinned;           /* counted as such */
    bool unnamed;          /* the unnamed prepared statement of its present server is the client's own */
    bool strange;          /* the client has used another's */
};

struct proxy_session {
    struct list link;  /* the worker's sessions */
    struct list timed; /* linked while `deadline` is set */
    struct list ready; /* linked while there is more to relay in the next round */
    struct list dead;  /* linked when CLOSED */
    enum proxy_session_state state;
    struct proxy_end client;
    struct proxy_server *server; /* NULL: none */
    struct mono deadline;        /* of the present state or attempt; TIME_NEVER: none */
    struct mono wait_deadline;   /* CONNECTING: when to give up */
    uint32_t retry_ms;
    uint32_t failures; /* attempts that have failed in a row */
    bool admitted;     /* counted among the clients */
    bool waiting;      /* counted as waiting */
    bool cancelling;   /* this session is a cancel request */
    bool direct;       /* TLS from the first byte, without a request for it */
    bool console;      /* this client wants the admin console */
    bool answered;     /* STARTUP: a request for encryption was answered */
    uint8_t *startup;  /* the start-up packet, malloc'ed until the server has answered it, or as long as `keep` */
    size_t startup_have;
    uint32_t route;
    struct proxy_cancel_entry *key;
    struct proxy_cancel_ticket cancel; /* of a cancel request */
    /* What the message heads say. */
    uint8_t status;               /* of the last ReadyForQuery */
    uint32_t expected;            /* ReadyForQuery still to come */
    uint32_t syncs_since_execute; /* a COPY that begins now makes the server ignore these */
    bool open_batch;              /* messages were sent that no Sync has closed yet */
    bool terminated;              /* the client said goodbye */
    bool held;
    struct mono held_since;
    struct proxy_stat_clock clock;
    struct latency_seen_mark latency;
    bool lowers;          /* the client has named synchronous_commit */
    struct proxy_ban ban; /* its stream, as far as that word goes */
    bool copy_ended;      /* a COPY: the client has sent its end */
    bool swallow;         /* the rest of a COPY's message that began for another server is dropped */
    uint32_t groups;      /* ReadyForQuery asked for since nothing was in flight */
    /* For a life with another server. */
    struct proxy_session_challenge *challenge; /* NULL: not in CHALLENGE */
    struct proxy_keep *keep;                   /* NULL: the session ends with its server */
    struct list learning;                      /* linked while a verifier is awaited */
    struct proxy_session_move move;
    struct proxy_session_next next;
    struct proxy_session_inquiry inquiry;
    struct proxy_session_doom doom;
    struct proxy_pool *pool; /* NULL: its server is its own */
    struct proxy_session_lent lent;
    struct proxy_prepare *prepare; /* NULL: its prepared statements have its names */
    struct proxy_spare_way *way;   /* how it has logged in, for what is opened ahead of need; NULL: nothing is */
};

/* What the sessions of a worker share with it. */
struct proxy_session_context {
    int epoll;
    struct proxy_batch *batch; /* NULL: what is sent is sent at once */
    struct mono now;
    struct proxy_metrics metrics;
    struct proxy_tally tally;
    struct sight sight;
    struct latency_seen latency;
    struct proxy_stat stat;
    struct proxy_cancel *cancel;
    _Atomic uint32_t *clients; /* admitted in all workers */
    uint32_t max_clients;
    int64_t startup_timeout_ms;
    int64_t connect_wait_ms;
    int64_t connect_timeout_ms;
    int64_t auth_timeout_ms;
    const struct proxy_route *routes;
    uint32_t routes_count;
    bool login;                    /* sessions may outlive their server */
    struct proxy_rules *rules;     /* NULL: every client is asked for its password */
    struct proxy_roster *roster;   /* NULL: no auth file */
    bool challenge;                /* the proxy authenticates clients itself; `login` is set */
    struct proxy_tls_context *tls; /* NULL: clients are not encrypted */
    enum proxy_tls_mode tls_mode;
    struct mono server_tls_told;          /* when a failure of it may be told again */
    struct proxy_tls_context *server_tls; /* NULL: connections to servers are not encrypted */
    const uint8_t *mock_secret;           /* PG_SCRAM_SERVE_SECRET bytes: for roles that are not there */
    struct proxy_vault *vault;            /* NULL: there is none to ask for verifiers */
    struct proxy_outcome *outcome;        /* NULL: there is none to ask for outcomes */
    struct list inquiries;
    const struct proxy_door *door; /* NULL: there is no console */
    const struct proxy_door_user *operators;
    uint32_t operators_count;
    bool paused[PROXY_ROUTES]; /* by the console */
    uint32_t logins;           /* servers asked for a session that have not said a word yet, abandoned ones included */
    struct proxy_route_target targets[PROXY_ROUTES];  /* by the view that this worker has carried out */
    struct proxy_route_target others[PROXY_ROUTES];   /* readers' second choices */
    struct proxy_route_choices choices[PROXY_ROUTES]; /* ... and what is as good as their first */
    struct proxy_load load;
    bool holding[PROXY_ROUTES]; /* hold, and not given up */
    bool stopping;
    uint32_t worker; /* which one, of how many: for the shares of pools */
    uint32_t workers;
    struct list pools;
    struct list stirred; /* those that have to be looked at */
    struct mono pools_deadline;
    const struct view *view;              /* that this worker has carried out; NULL: none yet */
    struct list spares;                   /* struct proxy_spare_way */
    struct proxy_spare_login ahead;       /* the log-in that nobody waits for */
    struct mono ahead_deadline;           /* when to look after these */
    uint32_t route_servers[PROXY_ROUTES]; /* places in all pools of an entry */
    _Atomic uint32_t *route_clients;      /* PROXY_ROUTES, of all workers */
    struct list sessions;
    struct list timed;
    struct list ready;
    struct list dead;
    struct list dropped; /* servers */
    struct list learning;
    struct list asking; /* sessions in CHALLENGE that await a verifier, linked by `learning` */
    struct mono next_deadline;
    uint8_t *buffer; /* for relaying */
    size_t buffer_size;
    struct proxy_shelf *shelf; /* NULL: no entry renames prepared statements */
    uint8_t *rewritten;        /* what becomes of the buffer's bytes by that */
    size_t rewritten_size;
};

/* Takes over an accepted connection. NULL: out of memory, the connection is closed. */
struct proxy_session *proxy_session_new(struct proxy_session_context *context, int fd);

/* Only of a CLOSED session, when no event of this batch can name it any more. */
void proxy_session_free(struct proxy_session_context *context, struct proxy_session *session);

void proxy_session_move(struct proxy_session *session, enum proxy_session_state state);

/* TIME_NEVER: none. */
void proxy_session_deadline(struct proxy_session_context *context, struct proxy_session *session, struct mono deadline);

/* The session and this server are each other's from now on; and the server is given up again, if there is one. */
void proxy_session_take_server(struct proxy_session *session, struct proxy_server *server);
void proxy_session_drop_server(struct proxy_session_context *context, struct proxy_session *session, bool abort);

/* Its server is not what the view says. */
void proxy_session_wrong(struct proxy_session_context *context, const struct proxy_session *session);

/* At a transaction boundary, by a planned move or a pause; and no longer. Either may be said twice. */
void proxy_session_hold(struct proxy_session_context *context, struct proxy_session *session);
void proxy_session_release(struct proxy_session_context *context, struct proxy_session *session);

void proxy_session_wait_begin(struct proxy_session_context *context, struct proxy_session *session);
void proxy_session_wait_end(struct proxy_session_context *context, struct proxy_session *session);

/* Owes the client whole messages of ours, where its stream stands between two messages. */
bool proxy_session_say(struct proxy_session_context *context, struct proxy_session *session, struct span messages);

/* Wipes and frees what CHALLENGE needed. */
void proxy_session_challenge_free(struct proxy_session *session);

/* The funnel: counts, tells the client as far as its stream allows, cuts the server off, and drains or closes. A fenced
 * session's unsent bytes are dropped in both directions, also when it is draining already. `text` NULL: the reason's.
 */
void proxy_session_end(struct proxy_session_context *context, struct proxy_session *session,
                       enum proxy_session_reason reason, const char *text);

/* The client names synchronous_commit: counts it once. False: this database allows nobody to; say so. */
bool proxy_session_lower(struct proxy_session_context *context, struct proxy_session *session);

/* One step of DRAINING, after an event or at its deadline. */
void proxy_session_drain(struct proxy_session_context *context, struct proxy_session *session);

/* Something in flight: a cancel makes sense, an outcome may be unknown. */
static inline bool proxy_session_busy(const struct proxy_session *session)
{
    return session->expected > 0 || session->open_batch || !pg_frame_boundary(&session->client.received);
}

/* Outside a transaction, nothing in flight, at a message boundary of the client's. */
static inline bool proxy_session_idle(const struct proxy_session *session)
{
    return session->state == PROXY_SESSION_ACTIVE && session->status == PG_MESSAGE_STATUS_IDLE &&
           !proxy_session_busy(session);
}

const char *proxy_session_state_name(enum proxy_session_state state);
