/* SPDX-License-Identifier: Apache-2.0
 * What a client is told when its server goes while a transaction is open or something is in flight. */
#include "proxy/proxy_lost.h"

#include <stdio.h>
#include <string.h>

#include "base/assert.h"
#include "wire/pg_message.h"

enum { PROXY_LOST_TEXT = 320 };

/* An error that needs no privilege, no language and no table; the server's log names it. */
#define PROXY_LOST_FAIL "BEGIN; ROLLBACK TO SAVEPOINT \"a transaction lost with its server\""
#define PROXY_LOST_NAME "a batch lost with its server"

/* ---- the verdict ---- */

enum proxy_lost_proof proxy_lost_proof(const struct proxy_session *session, bool fatal)
{
    /* A writer that says it is a standby may have been promoted since. */
    const bool standby = session->server->standby && !session->server->target.writer;
    return standby ? PROXY_LOST_STANDBY : fatal ? PROXY_LOST_FATAL : PROXY_LOST_NOTHING;
}

/* Nothing that could have taken effect by itself: no COMMIT was in flight, and it is all of one transaction. */
static bool proxy_lost_uncommitted(const struct proxy_session *session, const struct proxy_lost *lost)
{
    const struct proxy_keep *keep = session->keep;
    if (proxy_keep_flight_commits(keep) || (keep->flight_marks & PG_STATEMENT_ROLLBACK) != 0) {
        return false;
    }
    if (lost->failed) {
        return true; /* it begins with BEGIN */
    }
    /* Without a block the Sync commits, and a COPY's end; some statements commit by themselves. */
    const bool plain = (keep->flight_marks & PG_STATEMENT_CONTROL) == 0;
    const bool copy = session->server->copying && !session->copy_ended;
    return plain && (copy || (lost->open && (keep->flight_marks & PG_STATEMENT_ONCE) == 0));
}

/* Outside a transaction when the last answer came. `alone`: one batch or query is all there was since then. */
static enum proxy_lost_verdict proxy_lost_judge_idle(const struct proxy_session *session, struct proxy_lost *lost,
                                                     enum proxy_lost_proof proof, bool alone)
{
    const struct proxy_keep *keep = session->keep;
    if (proof == PROXY_LOST_STANDBY) {
        lost->failed = !keep->flight_whole && alone && (keep->flight_first & PG_STATEMENT_BEGIN) != 0 &&
                       (keep->flight_marks & (PG_STATEMENT_COMMIT | PG_STATEMENT_ROLLBACK)) == 0;
        return keep->flight_whole ? PROXY_LOST_AGAIN : PROXY_LOST_ROLLED_BACK;
    }
    lost->failed = alone && (keep->flight_first & PG_STATEMENT_BEGIN) != 0;
    const bool uncommitted = alone && proxy_lost_uncommitted(session, lost);
    const bool once = (keep->flight_marks & PG_STATEMENT_ONCE) != 0;
    const bool told = proof == PROXY_LOST_FATAL && !session->server->copying;
    if ((told && proxy_keep_flight_again(keep)) || (uncommitted && !once && keep->flight_whole)) {
        lost->failed = false;
        return PROXY_LOST_AGAIN;
    }
    lost->failed = lost->failed && uncommitted;
    return uncommitted ? PROXY_LOST_ROLLED_BACK : PROXY_LOST_UNKNOWN;
}

/* Inside a transaction when the last answer came. */
static enum proxy_lost_verdict proxy_lost_judge_open(const struct proxy_session *session, struct proxy_lost *lost,
                                                     enum proxy_lost_proof proof)
{
    const struct proxy_keep *keep = session->keep;
    const bool single = keep->flight_units == 1 && keep->flight_whole;
    /* A transaction that has failed already ends either way. */
    const uint32_t ends = session->status == PG_MESSAGE_STATUS_FAILED ? PG_STATEMENT_ROLLBACK | PG_STATEMENT_COMMIT
                                                                      : PG_STATEMENT_ROLLBACK;
    lost->failed = true;
    if (single && (keep->flight_first & ends) != 0) {
        return PROXY_LOST_AGAIN;
    }
    if (proxy_keep_flight_commits(keep)) {
        lost->failed = false;
        return proof == PROXY_LOST_STANDBY ? PROXY_LOST_ROLLED_BACK : PROXY_LOST_UNKNOWN;
    }
    return PROXY_LOST_ROLLED_BACK;
}

struct proxy_lost proxy_lost_judge(const struct proxy_session *session, enum proxy_lost_proof proof)
{
    const struct proxy_keep *keep = session->keep;
    const bool open = session->status != PG_MESSAGE_STATUS_IDLE;
    struct proxy_lost lost = {.ready = session->expected, .open = session->open_batch, .failed = open};
    uint32_t groups = session->groups;
    if (session->server->copying && !session->copy_ended && session->syncs_since_execute > 0) {
        /* The server has ignored these, the client sends another one. */
        const uint32_t ignored = lost.ready < session->syncs_since_execute ? lost.ready : session->syncs_since_execute;
        lost.ready -= ignored;
        groups -= groups < ignored ? groups : ignored;
        lost.open = true;
    }
    const bool partial = !pg_frame_boundary(&session->client.received);
    const bool data =
        session->client.received.head[0] == PG_MESSAGE_COPY_DATA && session->client.received.head_have == PG_FRAME_HEAD;
    if (session->next.skipping) {
        lost.verdict = PROXY_LOST_END; /* the second server that is lost before the batch's end */
        return lost;
    }
    if (lost.ready == 0 && !lost.open) {
        lost.verdict = !partial || keep->flight_whole ? PROXY_LOST_AGAIN : PROXY_LOST_END;
        return lost;
    }
    lost.verdict = open ? proxy_lost_judge_open(session, &lost, proof)
                        : proxy_lost_judge_idle(session, &lost, proof, groups + (lost.open ? 1 : 0) == 1);
    if (partial && lost.verdict != PROXY_LOST_AGAIN && !(session->server->copying && data)) {
        lost.verdict = PROXY_LOST_END;
    }
    return lost;
}

bool proxy_lost_wrong(const struct proxy_session *session, struct span bytes)
{
    const struct proxy_server *server = session->server;
    struct pg_frame frame = server->end.received;
    struct pg_frame_message message;
    struct pg_message_error error;
    if (!server->standby || !server->target.writer || session->keep == NULL || !session->keep->flight_whole ||
        !pg_frame_boundary(&frame)) {
        return false;
    }
    while (pg_frame_step(&frame, &bytes, &message)) {
        if (message.type == PG_MESSAGE_ERROR) {
            return pg_message_error_parse(message.peek, &error) == ERR_OK && strcmp(error.sqlstate, "25006") == 0 &&
                   proxy_session_busy(session);
        }
        if (memchr("12tTnN", message.type, 6) == NULL) {
            return false;
        }
    }
    return false;
}

bool proxy_lost_traceable(const struct proxy_session *session, const struct proxy_lost *lost)
{
    const struct proxy_keep *keep = session->keep;
    const bool commit = (keep->flight_first & PG_STATEMENT_COMMIT) != 0 &&
                        (keep->flight_first & PG_STATEMENT_TWO_PHASE) == 0 && keep->flight_units == 1;
    return lost->verdict == PROXY_LOST_UNKNOWN && session->server->target.writer && commit && keep->xid != 0 &&
           session->status == PG_MESSAGE_STATUS_TRANSACTION && keep->flight_whole && lost->ready == 1 && !lost->open &&
           keep->lost_open == 0 && pg_frame_boundary(&session->client.received);
}

/* ---- telling ---- */

bool proxy_lost_tell(struct proxy_session_context *context, struct proxy_session *session,
                     const struct proxy_lost *lost, const char *what)
{
    const bool back = lost->verdict == PROXY_LOST_ROLLED_BACK;
    char text[PROXY_LOST_TEXT];
    uint8_t memory[PROXY_SESSION_ERROR];
    ASSERT(back || lost->verdict == PROXY_LOST_UNKNOWN);
    snprintf(text, sizeof text, "%s while a statement was in flight: whether it took effect is unknown", what);
    const uint32_t count = lost->ready + (lost->open ? 1 : 0);
    proxy_metrics_add(&context->metrics, back ? PROXY_METRICS_ROLLED_BACK : PROXY_METRICS_OUTCOME_UNKNOWN,
                      back ? 1 : count);
    for (uint32_t i = 0; i < count; i++) {
        struct buf buf;
        buf_init(&buf, memory, sizeof memory);
        pg_message_error_write(&buf, "ERROR", back ? "40001" : "08007", back ? PROXY_LOST_MESSAGE : text, NULL);
        if (i < lost->ready) {
            pg_message_ready_write(&buf, lost->failed ? PG_MESSAGE_STATUS_FAILED : PG_MESSAGE_STATUS_IDLE);
        }
        if (buf.overflow || !proxy_session_say(context, session, span_of(buf.data, buf.size))) {
            proxy_session_end(context, session, PROXY_SESSION_NO_MEMORY, NULL);
            return false;
        }
    }
    session->expected = 0;
    session->groups = 0;
    session->open_batch = lost->open;
    if (!proxy_end_flush(context, &session->client)) {
        proxy_session_end(context, session, PROXY_SESSION_CLIENT_LEFT, NULL);
        return false;
    }
    return true;
}

uint32_t proxy_lost_restore(const struct proxy_session *session, struct buf *buf)
{
    if (session->next.failed) {
        pg_message_query_write(buf, span_text(PROXY_LOST_FAIL));
    }
    if (session->next.skipping) {
        pg_message_bind_write(buf, PROXY_LOST_NAME);
    }
    if (session->inquiry.took) {
        pg_message_query_write(buf, span_text("BEGIN")); /* for the COMMIT that is sent again */
    } else if (session->inquiry.answered) {
        pg_message_sync_write(buf); /* so that there is an answer, wherever we come from */
    }
    return session->next.failed || session->inquiry.took || session->inquiry.answered ? 1 : 0;
}

/* ---- a doomed session ---- */

/* Whether the client itself ends the transaction that was lost, without asking for its effects. */
static bool proxy_lost_gives_up(const struct proxy_session *session)
{
    return (session->keep->flight_first & PG_STATEMENT_ROLLBACK) != 0;
}

bool proxy_lost_lawful(struct proxy_session_context *context, struct proxy_session *session)
{
    const struct proxy_keep *keep = session->keep;
    if (session->doom.told || proxy_lost_gives_up(session) || !proxy_keep_flight_commits(keep) ||
        keep->flight_units < 2) {
        return true;
    }
    proxy_session_end(context, session, PROXY_SESSION_NOT_MOVED,
                      "terminating connection: " PROXY_LOST_MESSAGE
                      " (its COMMIT came in one batch with other statements)");
    return false;
}

/* Whether the client hears 40001 in place of this message. */
static bool proxy_lost_replaced(const struct proxy_session *session, const struct pg_frame_message *message)
{
    struct pg_message_error error;
    switch (message->type) {
    case PG_MESSAGE_ERROR: /* a FATAL (a time-out of idle transactions) is the client's */
        return pg_message_error_parse(message->peek, &error) == ERR_OK && span_is(error.severity, "ERROR");
    case PG_MESSAGE_COMPLETE: /* nothing but the end of it completes in a transaction that has failed */
        return !session->doom.told && !proxy_lost_gives_up(session);
    default:
        return false;
    }
}

static bool proxy_lost_replace(struct proxy_session_context *context, struct proxy_session *session)
{
    uint8_t memory[PROXY_SESSION_ERROR];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_message_error_write(&buf, "ERROR", "40001", PROXY_LOST_MESSAGE, NULL);
    ASSERT(!buf.overflow);
    if (!session->doom.told) {
        session->doom.told = true;
        proxy_metrics_add(&context->metrics, PROXY_METRICS_ROLLED_BACK, 1);
    }
    return proxy_session_say(context, session, span_of(buf.data, buf.size));
}

bool proxy_lost_pass(struct proxy_session_context *context, struct proxy_session *session,
                     const struct pg_frame_message *message, struct span whole)
{
    const bool replaced = session->doom.open && proxy_lost_replaced(session, message);
    const bool good = replaced ? proxy_lost_replace(context, session) : proxy_session_say(context, session, whole);
    if (message->type == PG_MESSAGE_READY && session->status != PG_MESSAGE_STATUS_FAILED) {
        session->doom.open = false;
    }
    return good;
}
