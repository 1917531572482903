/* SPDX-License-Identifier: Apache-2.0
 * Sends of a worker's turn, together. */
#include "proxy/proxy_batch.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include "base/assert.h"
#include "edge/log.h"
#include "edge/ring.h"
#include "proxy/proxy_session.h"

void proxy_batch_init(struct proxy_batch *batch)
{
    ASSERT(batch->ring == NULL && batch->count == 0);
    const enum err err = ring_open(PROXY_BATCH_SENDS, &batch->ring);
    if (err != ERR_OK) {
        batch->ring = NULL;
        LOG_I("no io_uring of Linux 6.1 here (%s): sends go one by one", err_text(err));
    }
    batch->open = batch->ring != NULL;
}

void proxy_batch_fini(struct proxy_batch *batch)
{
    ASSERT(batch->count == 0);
    ring_close(batch->ring);
    batch->ring = NULL;
    batch->open = false;
}

bool proxy_batch_add(struct proxy_session_context *context, struct proxy_end *end, struct span bytes,
                     const struct pg_frame *before)
{
    struct proxy_batch *batch = context->batch;
    const struct proxy_session *session = end->session;
    proxy_batch_settle_end(context, end);
    if (batch == NULL || !batch->open || end->tls != NULL || end->pending != NULL || bytes.size > PROXY_BATCH_SEND ||
        session->state != PROXY_SESSION_ACTIVE) {
        return false;
    }
    if (batch->count == PROXY_BATCH_SENDS) {
        proxy_batch_settle(context);
    }
    uint8_t *memory = batch->memory[batch->count];
    memcpy(memory, bytes.data, bytes.size);
    batch->sends[batch->count] =
        (struct proxy_batch_send){.end = end, .route = session->route, .bytes = span_of(memory, bytes.size)};
    batch->count++;
    end->queued = true;
    end->sent = *before;
    return true;
}

static void proxy_batch_count(struct proxy_session_context *context, const struct proxy_batch_send *send, size_t size)
{
    const bool down = send->end->server == NULL;
    proxy_metrics_add(&context->metrics, down ? PROXY_METRICS_BYTES_TO_CLIENT : PROXY_METRICS_BYTES_TO_SERVER, size);
    proxy_stat_add(&context->stat, send->route, down ? PROXY_STAT_SENT : PROXY_STAT_RECEIVED, size);
}

/* The end is owed these bytes. False: out of memory. */
static bool proxy_batch_owe(struct proxy_end *end, struct span bytes)
{
    ASSERT(end->pending == NULL);
    end->pending = malloc(bytes.size);
    if (end->pending == NULL) {
        return false;
    }
    memcpy(end->pending, bytes.data, bytes.size);
    end->pending_at = 0;
    end->pending_size = bytes.size;
    return true;
}

/* The kernel took `result` bytes of it, less than all, or said -errno. The next attempt hears an error again, and says
 * what it means. */
static void proxy_batch_short(struct proxy_session_context *context, const struct proxy_batch_send *send,
                              int32_t result)
{
    struct proxy_end *end = send->end;
    const size_t taken = result > 0 ? (size_t)result : 0;
    struct span passed = span_of(send->bytes.data, taken);
    struct pg_frame_message message;
    ASSERT(taken < send->bytes.size);
    proxy_batch_count(context, send, taken);
    while (pg_frame_step(&end->sent, &passed, &message)) {
    }
    end->writable = result < 0 && result != -EAGAIN;
    if (!proxy_batch_owe(end, span_of(send->bytes.data + taken, send->bytes.size - taken))) {
        (void)shutdown(end->fd, SHUT_RDWR); /* no memory: its stream has a hole now, so it ends here */
    }
    if (end->session != NULL) {
        list_remove(&end->session->ready);
        list_append(&context->ready, &end->session->ready);
    }
}

/* Sends one by itself. */
static void proxy_batch_alone(struct proxy_session_context *context, const struct proxy_batch_send *one)
{
    const ssize_t sent = send(one->end->fd, one->bytes.data, one->bytes.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (sent == (ssize_t)one->bytes.size) {
        proxy_batch_count(context, one, one->bytes.size);
    } else {
        proxy_batch_short(context, one, sent < 0 ? -errno : (int32_t)sent);
    }
}

/* Sends them together. How many were dealt with; the rest was not tried. */
static uint32_t proxy_batch_together(struct proxy_session_context *context, struct proxy_batch *batch)
{
    bool whole[PROXY_BATCH_SENDS];
    for (uint32_t i = 0; i < batch->count; i++) {
        whole[i] = true;
        ring_send(batch->ring, batch->sends[i].end->fd, batch->sends[i].bytes, i);
    }
    const uint32_t done = ring_submit(batch->ring);
    uint64_t which = 0;
    int32_t result = 0;
    while (ring_shortfall(batch->ring, &which, &result)) {
        ASSERT(which < done && whole[which]);
        whole[which] = false;
        proxy_batch_short(context, &batch->sends[which], result);
    }
    for (uint32_t i = 0; i < done; i++) {
        if (whole[i]) {
            proxy_batch_count(context, &batch->sends[i], batch->sends[i].bytes.size);
        }
    }
    return done;
}

void proxy_batch_settle(struct proxy_session_context *context)
{
    struct proxy_batch *batch = context->batch;
    if (batch == NULL || batch->count == 0) {
        return;
    }
    for (uint32_t i = 0; i < batch->count; i++) {
        ASSERT(batch->sends[i].end->queued);
        batch->sends[i].end->queued = false;
    }
    const uint32_t done = batch->count > 1 && batch->ring != NULL ? proxy_batch_together(context, batch) : 0;
    for (uint32_t i = done; i < batch->count; i++) {
        proxy_batch_alone(context, &batch->sends[i]);
    }
    batch->count = 0;
}
