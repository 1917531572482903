/* SPDX-License-Identifier: Apache-2.0
 * What the heads of a client's messages say of its session. */
#include "proxy/proxy_heads.h"

#include "base/cursor.h"
#include "wire/pg_message.h"

void proxy_heads_client(struct proxy_session *session, uint8_t type)
{
    switch (type) {
    case PG_MESSAGE_QUERY:
        session->syncs_since_execute = 0;
        session->open_batch = false;
        session->expected++;
        session->groups++;
        break;
    case PG_MESSAGE_SYNC:
        session->syncs_since_execute++;
        session->open_batch = false;
        session->expected++;
        session->groups++;
        break;
    case PG_MESSAGE_FUNCTION:
        session->open_batch = false;
        session->expected++;
        session->groups++;
        break;
    case PG_MESSAGE_EXECUTE:
        session->syncs_since_execute = 0;
        session->open_batch = true;
        break;
    case PG_MESSAGE_COPY_DONE:
    case PG_MESSAGE_COPY_FAIL:
        session->copy_ended = true;
        /* The server has ignored a Sync that came during the COPY of an Execute; another one follows. */
        if (session->syncs_since_execute > 0) {
            session->expected -=
                session->expected < session->syncs_since_execute ? session->expected : session->syncs_since_execute;
            session->syncs_since_execute = 0;
            session->open_batch = true;
        }
        break;
    case PG_MESSAGE_COPY_DATA: /* belongs to a statement that is counted already */
    case 'p':                  /* passwords: the log-in ends with a ReadyForQuery of its own */
        break;
    case PG_MESSAGE_TERMINATE:
        session->terminated = true;
        break;
    default:
        session->open_batch = true;
        break;
    }
}

void proxy_heads_unnamed(struct proxy_session *session, const struct pg_frame_message *message)
{
    const struct span body = message->peek;
    switch (message->type) {
    case PG_MESSAGE_QUERY:
        session->lent.unnamed = true;
        break;
    case PG_MESSAGE_PARSE:
        session->lent.unnamed = session->lent.unnamed || (body.size > 0 && body.data[0] == 0);
        break;
    case PG_MESSAGE_BIND: {
        struct cursor cursor;
        cursor_init(&cursor, body.data, body.size);
        (void)cursor_until(&cursor, 0);
        const struct span name = cursor_until(&cursor, 0);
        session->lent.strange =
            session->lent.strange || (!session->lent.unnamed && (!cursor_ok(&cursor) || name.size == 0));
        break;
    }
    case PG_MESSAGE_DESCRIBE:
        session->lent.strange =
            session->lent.strange || (!session->lent.unnamed && span_equal(body, span_of("S\0", 2)));
        break;
    default:
        break;
    }
}
