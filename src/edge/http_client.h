/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 calls between our processes, and to webhook receivers: blocking, with a deadline and a size limit.
 *
 * Thread-safe: each calling thread has a handle of its own with kept-alive connections, freed when the thread ends. A
 * call blocks for at most `timeout_ms`: never call it from the decision loop. No proxy from the environment, no
 * redirects, no signals, no name look-up for `address`.
 * A kept-alive connection that dies under a request is tried again once on a fresh one, so a request may arrive twice:
 * everything in doc/protocol.md may safely be done twice. */
#pragma once

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/err.h"

enum {
    HTTP_CLIENT_LIMIT_BYTES = 4 * 1024 * 1024, /* of an answer's body, when the request names no limit */
    HTTP_CLIENT_HEADERS = 8,
};

struct http_client_request {
    const char *method;  /* NULL: "GET" without a body, "POST" with one */
    const char *address; /* literal, "127.1.0.11:7081" or "[fd00::1]:7081" */
    const char *path;    /* begins with '/'; the query included, already escaped */
    const char *url;     /* instead of address and path: a webhook's http(s) URL; its name is looked up */
    const char *token;   /* NULL: no Authorization header */
    const void *body;    /* NULL: none */
    size_t body_size;
    const char *content_type;                 /* of the body; NULL: "application/json" */
    const char *headers[HTTP_CLIENT_HEADERS]; /* further ones, "Name: value"; ends at the first NULL */
    uint32_t timeout_ms;                      /* for the whole call, > 0. A stream: longest silence */
    uint32_t connect_timeout_ms;              /* 0: timeout_ms */
    size_t limit_bytes;                       /* 0: HTTP_CLIENT_LIMIT_BYTES */
    const atomic_bool *cancel; /* optional; set from another thread it ends the call within about a second */
};

struct http_client_response {
    unsigned status;
    char *body; /* owned, NUL-terminated behind `size` bytes, never NULL */
    size_t size;
    char content_type[64];
};

/* ERR_OK with any status once a whole answer was read: look at `status`, or ask http_client_response_err.
 * ERR_REFUSED, ERR_UNREACHABLE, ERR_TIMEOUT, ERR_RESET, ERR_CLOSED, ERR_NAME, ERR_TLS: the peer's outcome is unknown
 * (REFUSED and UNREACHABLE: it certainly did nothing); try again later. ERR_TOO_LARGE: the answer exceeds the limit.
 * ERR_PROTOCOL: not HTTP. ERR_CANCELLED. ERR_INVALID: not a literal address, not an http(s) URL. ERR_NO_MEMORY. */
ERR_CHECK enum err http_client_call(const struct http_client_request *request,
                                    struct http_client_response *ret_response);

/* Accepts a zeroed response. */
void http_client_response_fini(struct http_client_response *response);

/* What a complete answer means: ERR_OK for 2xx, else the "code" of its problem+json, else ERR_STATUS. `detail` gets the
 * problem's sentence, or "HTTP 502", cut to its size. */
ERR_CHECK enum err http_client_response_err(const struct http_client_response *response, char *detail,
                                            size_t detail_size);

/* Receives a stream's body as it arrives; returns false to end it. */
struct http_client_sink {
    bool (*chunk)(void *context, const void *data, size_t size);
    void *context;
};

/* Reads until the server ends the answer (ERR_OK), the sink or request->cancel ends it (ERR_CANCELLED), or nothing
 * arrives for request->timeout_ms (ERR_TIMEOUT). A status other than 200 is ERR_STATUS and nothing reaches the sink.
 * `limit_bytes` is not used. For server-sent events feed the chunks to edge/sse.h. */
ERR_CHECK enum err http_client_stream(const struct http_client_request *request, const struct http_client_sink *sink);
