/* SPDX-License-Identifier: Apache-2.0
 * What the files of the HTTP server share, and nobody else includes. */
#pragma once

#include <stdatomic.h>

#include <microhttpd.h>

#include "edge/address.h"
#include "edge/http_server.h"

struct http_server {
    struct http_server_config config;
    char *token;
    struct MHD_Daemon *daemon;
    struct address address;
    atomic_bool stopping;
};

struct http_server_answer {
    struct MHD_Response *response;
    unsigned status;
    bool given;
};

/* One request in progress. */
struct http_server_call {
    struct http_server *server;
    struct MHD_Connection *connection;
    char *body;
    size_t size;
    size_t drained;
    bool too_large;
    char segments[HTTP_SERVER_SEGMENTS][HTTP_SERVER_SEGMENT];
    char peer[ADDRESS_TEXT];
    struct http_server_request request;
    struct http_server_answer answer;
};

/* The server is stopping, or the peer has closed its end. */
bool http_server_left(const struct http_server *server, struct MHD_Connection *connection);

/* The reason phrase of http_server_status(err). */
const char *http_server_title(enum err err);
