/* SPDX-License-Identifier: Apache-2.0
 * Who names synchronous_commit where nobody may. */
#include "proxy/proxy_law.h"

#include "wire/pg_message.h"

/* Whether the byte before `end` belongs to a message that can change a setting: to all but a COPY's data. */
static bool proxy_law_meant(const struct proxy_end *client, struct span bytes, size_t end)
{
    struct pg_frame frame = client->received;
    struct pg_frame_message message;
    struct span rest = bytes;
    for (;;) {
        const bool ended = pg_frame_step(&frame, &rest, &message);
        if (bytes.size - rest.size >= end || !ended) {
            return (ended ? message.type : frame.head[0]) != PG_MESSAGE_COPY_DATA;
        }
    }
}

bool proxy_law_passes(struct proxy_session_context *context, struct proxy_session *session, struct span bytes)
{
    size_t end = 0;
    bool found = proxy_ban_find(&session->ban, bytes, &end);
    for (size_t next = 0; found; end += next) {
        if (proxy_law_meant(&session->client, bytes, end)) {
            return proxy_session_lower(context, session);
        }
        found = proxy_ban_in(span_of(bytes.data + end, bytes.size - end), &next);
    }
    return true;
}

bool proxy_law_refuse(struct proxy_session_context *context, struct proxy_session *session, struct span bytes)
{
    struct pg_frame frame;
    struct pg_frame_message message;
    struct span rest = bytes;
    pg_frame_init(&frame);
    const bool alone = !proxy_session_busy(session) && pg_frame_step(&frame, &rest, &message) && rest.size == 0 &&
                       message.type == PG_MESSAGE_QUERY;
    uint8_t memory[PROXY_SESSION_ERROR];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    pg_message_error_write(&buf, "ERROR", "42501",
                           "synchronous_commit may not be named here: every commit of this database waits for its "
                           "durability set",
                           NULL);
    pg_message_ready_write(&buf, session->status);
    if (!alone || !proxy_session_say(context, session, span_of(buf.data, buf.size))) {
        proxy_session_end(context, session, PROXY_SESSION_LOCKED_COMMIT, NULL);
        return false;
    }
    proxy_metrics_add(&context->metrics, PROXY_METRICS_LOCKED, 1);
    return true;
}
