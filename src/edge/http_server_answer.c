/* SPDX-License-Identifier: Apache-2.0
 * The HTTP server's answers: bytes, JSON, problems, and streams of events. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <jansson.h>
#include <microhttpd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/http_server_call.h"

enum {
    HTTP_SERVER_ANSWER_SLICE_MS = 500, /* how often a waiting stream looks whether its client is still there */
    HTTP_SERVER_ANSWER_BLOCK = 16 * 1024,
    HTTP_SERVER_ANSWER_LOCATION = 2048,
};

static const char http_server_answer_problem_type[] = "application/problem+json";

/* One stream of events in progress. */
struct http_server_answer_events {
    struct http_server *server;
    struct MHD_Connection *connection;
    struct http_server_stream stream;
    struct buf chunk;
    size_t sent; /* of the chunk */
    struct mono last;
    bool ended;
    uint8_t memory[HTTP_SERVER_CHUNK + 1];
};

static void http_server_answer_give(struct http_server_answer *answer, unsigned status, struct MHD_Response *response,
                                    const char *content_type)
{
    ASSERT(!answer->given);
    ASSERT(status >= 200 && status < 600);
    answer->given = true;
    answer->status = status;
    answer->response = response;
    if (response != NULL && content_type != NULL) {
        (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, content_type);
        (void)MHD_add_response_header(response, "X-Content-Type-Options", "nosniff");
    }
}

void http_server_answer_empty(struct http_server_answer *answer, unsigned status)
{
    static char nothing[1];
    http_server_answer_give(answer, status, MHD_create_response_from_buffer(0, nothing, MHD_RESPMEM_PERSISTENT), NULL);
}

void http_server_answer_copy(struct http_server_answer *answer, unsigned status, const char *content_type,
                             const void *data, size_t size)
{
    void *copy = malloc(size + 1);
    if (copy == NULL) {
        http_server_answer_empty(answer, 500);
        return;
    }
    if (size > 0) {
        memcpy(copy, data, size);
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(size, copy, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(copy);
    }
    http_server_answer_give(answer, status, response, content_type);
}

void http_server_answer_text(struct http_server_answer *answer, unsigned status, const char *content_type,
                             const char *text)
{
    http_server_answer_copy(answer, status, content_type, text, strlen(text));
}

static void http_server_answer_dump(struct http_server_answer *answer, unsigned status, const char *content_type,
                                    json_t *json)
{
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT | JSON_REAL_PRECISION(15)) : NULL;
    json_decref(json);
    if (text == NULL) {
        http_server_answer_empty(answer, 500);
        return;
    }
    struct MHD_Response *response = MHD_create_response_from_buffer(strlen(text), text, MHD_RESPMEM_MUST_FREE);
    if (response == NULL) {
        free(text);
    }
    http_server_answer_give(answer, status, response, content_type);
}

void http_server_answer_json(struct http_server_answer *answer, unsigned status, struct json_t *json)
{
    http_server_answer_dump(answer, status, "application/json", json);
}

void http_server_answer_static(struct http_server_answer *answer, unsigned status, const char *content_type,
                               const void *data, size_t size)
{
    /* libmicrohttpd only reads it. */
    void *bytes = NULL;
    memcpy(&bytes, &data, sizeof bytes);
    struct MHD_Response *response = MHD_create_response_from_buffer(size, bytes, MHD_RESPMEM_PERSISTENT);
    http_server_answer_give(answer, status, response, content_type);
}

void http_server_answer_problem(struct http_server_answer *answer, enum err err, const char *format, ...)
{
    char detail[512];
    va_list arguments;
    va_start(arguments, format);
    vsnprintf(detail, sizeof detail, format, arguments);
    va_end(arguments);
    const unsigned status = http_server_status(err);
    json_t *text = json_string(detail);
    if (text == NULL) {
        /* Not UTF-8: it quotes bytes from outside. */
        text = json_string(err_text(err));
    }
    json_t *problem = json_pack("{s:s, s:s, s:i, s:o, s:s}", "type", "about:blank", "title", http_server_title(err),
                                "status", (int)status, "detail", text, "code", err_name(err));
    http_server_answer_dump(answer, status, http_server_answer_problem_type, problem);
}

/* Everything but letters, digits and a few marks as %XX. */
static void http_server_answer_escape(struct buf *buf, const char *text)
{
    for (const char *at = text; *at != '\0'; at++) {
        const unsigned char byte = (unsigned char)*at;
        const bool plain = (byte >= '0' && byte <= '9') || (byte >= 'A' && byte <= 'Z') ||
                           (byte >= 'a' && byte <= 'z') || strchr("-._~/", byte) != NULL;
        if (plain) {
            buf_u8(buf, byte);
        } else {
            buf_printf(buf, "%%%02X", byte);
        }
    }
}

static enum MHD_Result http_server_answer_argument(void *context, enum MHD_ValueKind kind, const char *name,
                                                   const char *value)
{
    (void)kind;
    struct buf *buf = context;
    buf_text(buf, memchr(buf->data, '?', buf->size) == NULL ? "?" : "&");
    http_server_answer_escape(buf, name);
    if (value != NULL) {
        buf_text(buf, "=");
        http_server_answer_escape(buf, value);
    }
    return MHD_YES;
}

void http_server_answer_elsewhere(const struct http_server_request *request, struct http_server_answer *answer,
                                  const char *address, const char *detail)
{
    char memory[HTTP_SERVER_ANSWER_LOCATION];
    struct buf location;
    struct http_server_call *call = request->connection;
    buf_init(&location, memory, sizeof memory);
    buf_printf(&location, "http://%s", address);
    http_server_answer_escape(&location, request->path);
    (void)MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, http_server_answer_argument, &location);
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", "about:blank", "title",
                                http_server_title(ERR_NOT_LEADER), "status", (int)http_server_status(ERR_NOT_LEADER),
                                "detail", detail, "code", err_name(ERR_NOT_LEADER), "leader", address);
    http_server_answer_dump(answer, http_server_status(ERR_NOT_LEADER), http_server_answer_problem_type, problem);
    if (!location.overflow) {
        http_server_add_header(answer, MHD_HTTP_HEADER_LOCATION, buf_string(&location));
    }
}

void http_server_answer_refusal(struct http_server_answer *answer, enum err err, const char *by, const char *detail)
{
    enum { REFUSAL_STATUS = 409 };
    json_t *problem = json_pack("{s:s, s:s, s:i, s:s, s:s, s:s}", "type", "about:blank", "title", "Conflict", "status",
                                (int)REFUSAL_STATUS, "detail", detail, "code", err_name(err), "refused_by", by);
    http_server_answer_dump(answer, REFUSAL_STATUS, http_server_answer_problem_type, problem);
}

void http_server_add_header(struct http_server_answer *answer, const char *name, const char *value)
{
    ASSERT(answer->given);
    if (answer->response != NULL) {
        (void)MHD_add_response_header(answer->response, name, value);
    }
}

bool http_server_left(const struct http_server *server, struct MHD_Connection *connection)
{
    if (atomic_load(&server->stopping)) {
        return true;
    }
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    if (info == NULL) {
        return true;
    }
    char byte;
    const ssize_t peeked = recv(info->connect_fd, &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return peeked == 0 || (peeked < 0 && errno != EAGAIN && errno != EWOULDBLOCK && errno != EINTR);
}

/* -- streams -- */

/* Waits until the chunk holds something, or the stream is over (false). */
static bool http_server_answer_refill(struct http_server_answer_events *events)
{
    buf_reset(&events->chunk);
    events->sent = 0;
    while (events->chunk.size == 0) {
        if (events->ended || http_server_left(events->server, events->connection)) {
            return false;
        }
        events->ended = !events->stream.next(events->stream.context, &events->chunk, HTTP_SERVER_ANSWER_SLICE_MS);
        ASSERT(!events->chunk.overflow);
        const struct mono now = clock_mono();
        if (events->chunk.size > 0) {
            events->last = now;
        } else if (time_since_ms(now, events->last) >= events->server->config.beat_ms) {
            buf_text(&events->chunk, ":\n\n");
            events->last = now;
        }
    }
    return true;
}

static ssize_t http_server_answer_read(void *context, uint64_t position, char *out, size_t room)
{
    (void)position;
    struct http_server_answer_events *events = context;
    if (events->sent == events->chunk.size && !http_server_answer_refill(events)) {
        return MHD_CONTENT_READER_END_OF_STREAM;
    }
    const size_t left = events->chunk.size - events->sent;
    const size_t size = left < room ? left : room;
    ASSERT(size > 0);
    memcpy(out, events->chunk.data + events->sent, size);
    events->sent += size;
    return (ssize_t)size;
}

static void http_server_answer_end(void *context)
{
    struct http_server_answer_events *events = context;
    if (events->stream.close != NULL) {
        events->stream.close(events->stream.context);
    }
    free(events);
}

void http_server_answer_events(struct http_server_answer *answer, const struct http_server_stream *stream)
{
    struct http_server_call *call =
        (struct http_server_call *)(void *)((char *)answer - offsetof(struct http_server_call, answer));
    struct http_server_answer_events *events = calloc(1, sizeof *events);
    struct MHD_Response *response = NULL;
    if (events != NULL) {
        events->server = call->server;
        events->connection = call->connection;
        events->stream = *stream;
        events->last = clock_mono();
        buf_init(&events->chunk, events->memory, sizeof events->memory);
        /* Pushes the headers out before the first event exists. */
        buf_text(&events->chunk, ":\n\n");
        response = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, HTTP_SERVER_ANSWER_BLOCK,
                                                     http_server_answer_read, events, http_server_answer_end);
    }
    if (response == NULL) {
        if (stream->close != NULL) {
            stream->close(stream->context);
        }
        free(events);
        http_server_answer_empty(answer, 500);
        return;
    }
    http_server_answer_give(answer, 200, response, "text/event-stream");
    http_server_add_header(answer, "Cache-Control", "no-store");
}
