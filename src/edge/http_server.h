/* SPDX-License-Identifier: Apache-2.0
 * An HTTP/1.1 server for our own APIs: a table of routes, tokens, problem+json, server-sent events.
 *
 * It has threads of its own, one per connection, and a limit of connections: a handler runs on its connection's thread,
 * several at once, and may block for some seconds (long polls, calls to other processes). Handlers that wait longer
 * than a second ask http_server_gone now and then. Everything a handler gets is borrowed until it returns. The server
 * answers by itself: 400 bad request, 401 without and 403 with a wrong token, 404, 405 with Allow, 413 for a body above
 * 1 MiB; all as application/problem+json with the `code` of an enum err (doc/protocol.md). Not for the open internet:
 * plain HTTP, listen on loopback or a private network. */
#pragma once

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"

struct json_t;
struct http_server;
struct http_server_answer;

enum {
    HTTP_SERVER_BODY = 1024 * 1024, /* bytes of a request's body */
    HTTP_SERVER_SEGMENTS = 4,       /* `*` in one pattern */
    HTTP_SERVER_SEGMENT = 128,      /* bytes of what a `*` stands for, terminator included */
    HTTP_SERVER_CONNECTIONS = 128,
    HTTP_SERVER_IDLE_S = 30,       /* a silent or stuck connection is closed */
    HTTP_SERVER_CHUNK = 64 * 1024, /* bytes that a stream may add at once */
    HTTP_SERVER_BEAT_MS = 10000,   /* a silent stream carries a comment this often */
};

struct http_server_request {
    const char *method;                         /* "GET" also for HEAD */
    const char *path;                           /* unescaped, without the query */
    const char *segments[HTTP_SERVER_SEGMENTS]; /* what each `*` of the pattern stands for, in order */
    size_t segment_count;
    const void *body; /* NUL-terminated behind `body_size` bytes; never NULL */
    size_t body_size;
    const char *peer; /* "127.1.0.11:40312" */
    void *context;    /* of the configuration */
    void *connection; /* the server's own */
};

struct http_server_route {
    const char *method; /* "GET", "POST", ...; a GET route also serves HEAD */
    /* A path; a segment that is `*` stands for exactly one non-empty segment, a last `**` for all the rest. */
    const char *pattern;
    bool needs_token;
    /* Gives exactly one answer by one of the http_server_answer_... functions. */
    void (*handle)(const struct http_server_request *request, struct http_server_answer *answer);
};

struct http_server_config {
    /* Asked before the handler of a request that was let in; true: it has answered instead. NULL: none. */
    bool (*gate)(const struct http_server_request *request, const struct http_server_route *route,
                 struct http_server_answer *answer);
    const char *listen;  /* literal, "127.3.0.1:7080"; port 0: see http_server_port */
    const char *setting; /* where the operator changes it, for messages: "sites.witness.api.listen" */
    const char *token;   /* for routes with needs_token; NULL or empty: they always refuse */
    const struct http_server_route *routes; /* borrowed until http_server_stop; first match wins */
    size_t route_count;
    void *context;
    unsigned connections; /* 0: HTTP_SERVER_CONNECTIONS */
    uint32_t beat_ms;     /* 0: HTTP_SERVER_BEAT_MS */
};

/* Listens and serves. ERR_INVALID: not a literal address; ERR_IN_USE, ERR_PERMISSION, ERR_UNREACHABLE (the address is
 * not one of this machine), ERR_NO_MEMORY. In each case an error that names the address and says what to do was logged,
 * and `message` (may be NULL) carries the same sentence. */
ERR_CHECK enum err http_server_start(const struct http_server_config *config, char *message, size_t message_size,
                                     struct http_server **ret_server);

/* Stops listening, ends streams, waits for handlers (they see http_server_gone), frees. Accepts NULL. */
void http_server_stop(struct http_server *server);

uint16_t http_server_port(const struct http_server *server);

/* A query parameter, unescaped; NULL when absent. "?follow" gives "". */
const char *http_server_query(const struct http_server_request *request, const char *name);

/* Whether there is any query parameter. */
bool http_server_has_query(const struct http_server_request *request);

/* A whole number in the query; `fallback` when absent. ERR_INVALID: present but not a decimal number of 64 bits. */
ERR_CHECK enum err http_server_query_u64(const struct http_server_request *request, const char *name, uint64_t fallback,
                                         uint64_t *ret_value);

/* A request header; NULL when absent. */
const char *http_server_header(const struct http_server_request *request, const char *name);

/* The body as JSON, owned by the caller (json_decref). ERR_INVALID: not JSON or duplicate keys; then the 400 has been
 * answered already, with line and column, and the handler only returns. An empty body is an empty object. */
ERR_CHECK enum err http_server_body_json(const struct http_server_request *request, struct http_server_answer *answer,
                                         struct json_t **ret_json);

/* The client has left or the server is stopping: a waiting handler gives up (any answer). */
bool http_server_gone(const struct http_server_request *request);

/* -- answers: exactly one per request. Without memory the client gets 500 or a closed connection. -- */

void http_server_answer_empty(struct http_server_answer *answer, unsigned status);
void http_server_answer_copy(struct http_server_answer *answer, unsigned status, const char *content_type,
                             const void *data, size_t size);
/* Text that ends with its NUL; a copy is sent. */
void http_server_answer_text(struct http_server_answer *answer, unsigned status, const char *content_type,
                             const char *text);
/* Takes the reference. NULL (out of memory) becomes 500. */
void http_server_answer_json(struct http_server_answer *answer, unsigned status, struct json_t *json);
/* Data that outlives the server, such as the console's files. */
void http_server_answer_static(struct http_server_answer *answer, unsigned status, const char *content_type,
                               const void *data, size_t size);
/* problem+json; the status follows from the code (http_server_status). */
void http_server_answer_problem(struct http_server_answer *answer, enum err err, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

/* 307 to the same path and query at another address, and problem+json with code NOT_LEADER and "leader": the address.
 */
void http_server_answer_elsewhere(const struct http_server_request *request, struct http_server_answer *answer,
                                  const char *address, const char *detail);

/* A refusal that is no fault: 409, with "refused_by" ("safety rule", "precheck") beside the code. */
void http_server_answer_refusal(struct http_server_answer *answer, enum err err, const char *by, const char *detail);

/* The HTTP status that stands for a code: NOT_FOUND 404, CONFLICT and FENCED 409, INVALID 400, TIMEOUT 504, ... */
unsigned http_server_status(enum err err);

/* A further header for the answer given by this handler; call it after the answer. */
void http_server_add_header(struct http_server_answer *answer, const char *name, const char *value);

/* Server-sent events. `next` appends whole events to `chunk` (at most HTTP_SERVER_CHUNK bytes a call), waiting up to
 * `wait_ms` for something to say; it may append nothing; false ends the stream. `close` (may be NULL) is called exactly
 * once, when the stream has ended for whatever reason: the client left (noticed within about a second), the server
 * stops, `next` said so. Both run on the connection's thread. */
struct http_server_stream {
    bool (*next)(void *context, struct buf *chunk, uint32_t wait_ms);
    void (*close)(void *context);
    void *context;
};
void http_server_answer_events(struct http_server_answer *answer, const struct http_server_stream *stream);

/* One event into a chunk: "id: 7\nevent: step\ndata: {...}\n\n". `name` may be NULL; line breaks in `data` become
 * several data lines. */
void http_server_print_event(struct buf *chunk, uint64_t id, const char *name, const char *data);
