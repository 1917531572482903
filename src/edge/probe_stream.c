/* SPDX-License-Identifier: Apache-2.0
 * A plain TCP or unix connection on a probe's loop. */
#include "edge/probe_stream.h"

#include <stdlib.h>
#include <string.h>
#include <sys/un.h>

#include "base/assert.h"

struct probe_stream {
    union {
        uv_handle_t handle;
        uv_stream_t stream;
        uv_tcp_t tcp;
        uv_pipe_t pipe;
    } uv;
    uv_connect_t connect;
    struct probe_stream_events events;
    void *context;
    bool closed; /* by the owner: no call-back any more */
    bool ended;
    uint8_t input[8192];
};

struct probe_stream_write_request {
    uv_write_t request;
    struct probe_stream *stream;
    uint8_t data[];
};

static void probe_stream_freed(uv_handle_t *handle)
{
    free(handle->data);
}

static void probe_stream_end(struct probe_stream *stream, int status)
{
    if (stream->closed || stream->ended) {
        return;
    }
    stream->ended = true;
    stream->events.ended(stream->context, status == UV_EOF ? ERR_CLOSED : err_from_errno(-status));
}

static void probe_stream_alloc(uv_handle_t *handle, size_t suggested, uv_buf_t *buf)
{
    (void)suggested;
    struct probe_stream *stream = handle->data;
    *buf = uv_buf_init((char *)stream->input, sizeof stream->input);
}

static void probe_stream_read(uv_stream_t *handle, ssize_t count, const uv_buf_t *buf)
{
    (void)buf;
    struct probe_stream *stream = handle->data;
    if (count < 0) {
        probe_stream_end(stream, (int)count);
    } else if (count > 0 && !stream->closed) {
        stream->events.data(stream->context, stream->input, (size_t)count);
    }
}

static void probe_stream_connected(uv_connect_t *request, int status)
{
    struct probe_stream *stream = request->data;
    if (stream->closed) {
        return;
    }
    if (status == 0) {
        status = uv_read_start(&stream->uv.stream, probe_stream_alloc, probe_stream_read);
    }
    if (status != 0) {
        probe_stream_end(stream, status);
        return;
    }
    stream->events.connected(stream->context);
}

struct probe_stream *probe_stream_new(uv_loop_t *loop, const struct probe_address *address,
                                      const struct probe_stream_events *events, void *context)
{
    struct probe_stream *stream = calloc(1, sizeof *stream);
    if (stream == NULL) {
        return NULL;
    }
    stream->events = *events;
    stream->context = context;
    stream->connect.data = stream;
    if (address->local) {
        struct sockaddr_un local;
        memcpy(&local, &address->storage, sizeof local);
        ASSERT(uv_pipe_init(loop, &stream->uv.pipe, 0) == 0);
        stream->uv.handle.data = stream;
        uv_pipe_connect(&stream->connect, &stream->uv.pipe, local.sun_path, probe_stream_connected);
        return stream;
    }
    ASSERT(uv_tcp_init(loop, &stream->uv.tcp) == 0);
    stream->uv.handle.data = stream;
    const int status = uv_tcp_connect(&stream->connect, &stream->uv.tcp, (const struct sockaddr *)&address->storage,
                                      probe_stream_connected);
    if (status != 0) {
        /* Out of descriptors or the like: nothing will call back. */
        uv_close(&stream->uv.handle, probe_stream_freed);
        return NULL;
    }
    return stream;
}

static void probe_stream_written(uv_write_t *request, int status)
{
    struct probe_stream_write_request *write = request->data;
    if (status != 0) {
        probe_stream_end(write->stream, status);
    }
    free(write);
}

void probe_stream_write(struct probe_stream *stream, const void *data, size_t size)
{
    ASSERT(!stream->closed);
    struct probe_stream_write_request *write = malloc(sizeof *write + size);
    if (write == NULL) {
        return; /* the attempt's time-out tells */
    }
    write->request.data = write;
    write->stream = stream;
    memcpy(write->data, data, size);
    const uv_buf_t buf = uv_buf_init((char *)write->data, (unsigned)size);
    if (uv_write(&write->request, &stream->uv.stream, &buf, 1, probe_stream_written) != 0) {
        free(write);
    }
}

void probe_stream_close(struct probe_stream *stream)
{
    if (stream == NULL) {
        return;
    }
    ASSERT(!stream->closed);
    stream->closed = true;
    uv_close(&stream->uv.handle, probe_stream_freed);
}
