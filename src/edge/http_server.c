/* SPDX-License-Identifier: Apache-2.0
 * An HTTP/1.1 server for our own APIs, on libmicrohttpd with a thread per connection. */
#include "edge/http_server.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <jansson.h>
#include <microhttpd.h>
#include <openssl/crypto.h>
#include <openssl/sha.h>

#include "base/assert.h"
#include "edge/address.h"
#include "edge/clock.h"
#include "edge/http_route.h"
#include "edge/http_server_call.h"
#include "edge/json_depth.h"
#include "edge/log.h"
#include "edge/metric.h"

enum {
    HTTP_SERVER_STACK = 512 * 1024,
    HTTP_SERVER_DEPTH = 32, /* of a body's JSON: ours is at most 6 levels deep, and each takes room on the stack */
    HTTP_SERVER_PIPE = 64 * 1024, /* memory of a connection: headers in, headers out, one block of a stream */
    HTTP_SERVER_DRAIN = 8 * HTTP_SERVER_BODY,
};

bool http_server_gone(const struct http_server_request *request)
{
    const struct http_server_call *call = request->connection;
    return http_server_left(call->server, call->connection);
}

void http_server_print_event(struct buf *chunk, uint64_t id, const char *name, const char *data)
{
    buf_printf(chunk, "id: %llu\n", (unsigned long long)id);
    if (name != NULL) {
        buf_printf(chunk, "event: %s\n", name);
    }
    const char *line = data;
    do {
        const size_t length = strcspn(line, "\r\n");
        buf_text(chunk, "data: ");
        buf_bytes(chunk, line, length);
        buf_text(chunk, "\n");
        line += length;
        line += line[0] == '\r' && line[1] == '\n' ? 2 : line[0] != '\0' ? 1 : 0;
    } while (*line != '\0');
    buf_text(chunk, "\n");
}

/* -- what a request says -- */

const char *http_server_query(const struct http_server_request *request, const char *name)
{
    const struct http_server_call *call = request->connection;
    const char *value = NULL;
    size_t size = 0;
    if (MHD_lookup_connection_value_n(call->connection, MHD_GET_ARGUMENT_KIND, name, strlen(name), &value, &size) !=
        MHD_YES) {
        return NULL;
    }
    return value != NULL ? value : "";
}

bool http_server_has_query(const struct http_server_request *request)
{
    const struct http_server_call *call = request->connection;
    return MHD_get_connection_values(call->connection, MHD_GET_ARGUMENT_KIND, NULL, NULL) > 0;
}

enum err http_server_query_u64(const struct http_server_request *request, const char *name, uint64_t fallback,
                               uint64_t *ret_value)
{
    const char *text = http_server_query(request, name);
    if (text == NULL) {
        *ret_value = fallback;
        return ERR_OK;
    }
    return http_route_number(span_text(text), ret_value);
}

const char *http_server_header(const struct http_server_request *request, const char *name)
{
    const struct http_server_call *call = request->connection;
    return MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, name);
}

enum err http_server_body_json(const struct http_server_request *request, struct http_server_answer *answer,
                               struct json_t **ret_json)
{
    json_error_t error = {.line = 0};
    json_t *json = request->body_size == 0
                       ? json_object()
                       : json_loadb(request->body, request->body_size, JSON_REJECT_DUPLICATES, &error);
    if (json == NULL) {
        http_server_answer_problem(answer, ERR_INVALID, "the body is not JSON: line %d, column %d: %s", error.line,
                                   error.column, error.text);
        return ERR_INVALID;
    }
    *ret_json = json;
    return ERR_OK;
}

/* -- dispatch -- */

static bool http_server_same_token(const char *a, const char *b)
{
    /* Digests have one length, so the comparison tells nothing about the token's. */
    uint8_t digest_a[SHA256_DIGEST_LENGTH];
    uint8_t digest_b[SHA256_DIGEST_LENGTH];
    SHA256((const uint8_t *)a, strlen(a), digest_a);
    SHA256((const uint8_t *)b, strlen(b), digest_b);
    return CRYPTO_memcmp(digest_a, digest_b, sizeof digest_a) == 0;
}

/* Whether the request may go on; otherwise the answer has been given. */
static bool http_server_authorize(struct http_server_call *call)
{
    static const char scheme[] = "Bearer ";
    const char *header = MHD_lookup_connection_value(call->connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_AUTHORIZATION);
    if (header == NULL || strncasecmp(header, scheme, sizeof scheme - 1) != 0) {
        http_server_answer_problem(&call->answer, ERR_AUTH, "this call needs \"Authorization: Bearer TOKEN\"");
        http_server_add_header(&call->answer, MHD_HTTP_HEADER_WWW_AUTHENTICATE, "Bearer");
        return false;
    }
    const char *token = call->server->token;
    if (token == NULL || token[0] == '\0' || !http_server_same_token(header + sizeof scheme - 1, token)) {
        http_server_answer_problem(&call->answer, ERR_PERMISSION, "the token is not the one of this cluster");
        return false;
    }
    return true;
}

/* Likewise: handlers parse the body on this thread's stack. */
static bool http_server_flat(struct http_server_call *call)
{
    if (json_depth(call->request.body, call->request.body_size) <= HTTP_SERVER_DEPTH) {
        return true;
    }
    http_server_answer_problem(&call->answer, ERR_INVALID, "the body is nested more than %d levels deep",
                               HTTP_SERVER_DEPTH);
    return false;
}

static bool http_server_take_segments(struct http_server_call *call, const struct http_route_match *match)
{
    for (size_t i = 0; i < match->count; i++) {
        const struct span segment = match->segments[i];
        if (segment.size >= HTTP_SERVER_SEGMENT) {
            return false;
        }
        memcpy(call->segments[i], segment.data, segment.size);
        call->segments[i][segment.size] = '\0';
        call->request.segments[i] = call->segments[i];
    }
    call->request.segment_count = match->count;
    return true;
}

static void http_server_refuse_method(struct http_server_call *call, const struct buf *allow)
{
    http_server_answer_problem(&call->answer, ERR_UNSUPPORTED, "%s is not possible here, only %s", call->request.method,
                               buf_string(allow));
    http_server_add_header(&call->answer, MHD_HTTP_HEADER_ALLOW, buf_string(allow));
}

static void http_server_dispatch(struct http_server_call *call)
{
    const struct http_server_config *config = &call->server->config;
    const struct http_server_request *request = &call->request;
    char memory[64];
    struct buf allow;
    buf_init(&allow, memory, sizeof memory);
    for (size_t i = 0; i < config->route_count; i++) {
        const struct http_server_route *route = &config->routes[i];
        struct http_route_match match;
        if (!http_route_matches(route->pattern, span_text(request->path), &match)) {
            continue;
        }
        if (strcmp(route->method, request->method) != 0) {
            buf_printf(&allow, "%s%s", allow.size > 0 ? ", " : "", route->method);
            continue;
        }
        if (!http_server_take_segments(call, &match)) {
            break;
        }
        const bool let_in = (!route->needs_token || http_server_authorize(call)) && http_server_flat(call);
        if (let_in && (config->gate == NULL || !config->gate(request, route, &call->answer))) {
            route->handle(request, &call->answer);
        }
        ASSERT(call->answer.given);
        return;
    }
    if (allow.size > 0) {
        http_server_refuse_method(call, &allow);
    } else {
        http_server_answer_problem(&call->answer, ERR_NOT_FOUND, "nothing is at %s", request->path);
    }
}

/* Clients may invent methods: they share one series. */
static void http_server_count(const struct http_server_call *call, const char *method)
{
    static const char *const known[] = {"GET", "HEAD", "POST", "PUT", "DELETE", "OPTIONS"};
    const char *name = "other";
    for (size_t i = 0; i < sizeof known / sizeof known[0]; i++) {
        name = strcmp(method, known[i]) == 0 ? known[i] : name;
    }
    char status[8];
    snprintf(status, sizeof status, "%u", call->answer.status);
    metric_add(METRIC_HTTP_REQUESTS, 1, METRIC_WITH(name, status));
}

static enum MHD_Result http_server_send(struct http_server_call *call)
{
    struct MHD_Response *response = call->answer.response;
    if (response == NULL) {
        return MHD_NO;
    }
    const enum MHD_Result result = MHD_queue_response(call->connection, call->answer.status, response);
    MHD_destroy_response(response);
    call->answer.response = NULL;
    return result;
}

static enum MHD_Result http_server_refuse_large(struct http_server_call *call)
{
    http_server_answer_problem(&call->answer, ERR_TOO_LARGE, "the body is larger than %d bytes", HTTP_SERVER_BODY);
    http_server_add_header(&call->answer, MHD_HTTP_HEADER_CONNECTION, "close");
    return http_server_send(call);
}

static enum MHD_Result http_server_take_body(struct http_server_call *call, const char *data, size_t size)
{
    call->drained += size;
    call->too_large = call->too_large || size > HTTP_SERVER_BODY - call->size;
    if (call->too_large) {
        /* The answer can only be sent after the body; who never ends it is cut off. */
        return call->drained <= HTTP_SERVER_DRAIN ? MHD_YES : MHD_NO;
    }
    char *grown = realloc(call->body, call->size + size + 1);
    if (grown == NULL) {
        return MHD_NO;
    }
    memcpy(grown + call->size, data, size);
    call->body = grown;
    call->size += size;
    call->body[call->size] = '\0';
    return MHD_YES;
}

static struct http_server_call *http_server_begin(struct http_server *server, struct MHD_Connection *connection)
{
    struct http_server_call *call = calloc(1, sizeof *call);
    if (call == NULL) {
        return NULL;
    }
    call->server = server;
    call->connection = connection;
    const union MHD_ConnectionInfo *info = MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CLIENT_ADDRESS);
    if (info != NULL && info->client_addr != NULL) {
        struct address address = {.size = sizeof(struct sockaddr_in)};
        if (info->client_addr->sa_family == AF_INET6) {
            address.size = sizeof(struct sockaddr_in6);
        }
        memcpy(&address.storage, info->client_addr, address.size);
        address_print(&address, call->peer);
    }
    return call;
}

static bool http_server_announces_large(struct MHD_Connection *connection)
{
    const char *length = MHD_lookup_connection_value(connection, MHD_HEADER_KIND, MHD_HTTP_HEADER_CONTENT_LENGTH);
    uint64_t size = 0;
    return length != NULL && http_route_number(span_text(length), &size) == ERR_OK && size > HTTP_SERVER_BODY;
}

/* libmicrohttpd calls this after the headers, for each part of the body, and after its end. */
static enum MHD_Result http_server_access(void *context, struct MHD_Connection *connection, const char *url,
                                          const char *method, const char *version, const char *data, size_t *size,
                                          void **request_context)
{
    (void)version;
    struct http_server_call *call = *request_context;
    if (call == NULL) {
        call = http_server_begin(context, connection);
        *request_context = call;
        if (call == NULL) {
            return MHD_NO;
        }
        return http_server_announces_large(connection) ? http_server_refuse_large(call) : MHD_YES;
    }
    if (*size > 0) {
        const size_t part = *size;
        *size = 0;
        return http_server_take_body(call, data, part);
    }
    if (call->too_large) {
        return http_server_refuse_large(call);
    }
    call->request = (struct http_server_request){
        .method = strcmp(method, "HEAD") == 0 ? "GET" : method,
        .path = url,
        .body = call->body != NULL ? call->body : "",
        .body_size = call->size,
        .peer = call->peer,
        .context = call->server->config.context,
        .connection = call,
    };
    http_server_dispatch(call);
    http_server_count(call, method);
    return http_server_send(call);
}

static void http_server_completed(void *context, struct MHD_Connection *connection, void **request_context,
                                  enum MHD_RequestTerminationCode code)
{
    (void)context;
    (void)connection;
    (void)code;
    struct http_server_call *call = *request_context;
    if (call != NULL) {
        ASSERT(call->answer.response == NULL);
        free(call->body);
        free(call);
        *request_context = NULL;
    }
}

/* -- start and stop -- */

static const char *http_server_advice(enum err err)
{
    switch ((unsigned)err) {
    case ERR_IN_USE:
        return "another process listens there: stop it (`ss -ltnp` names it) or choose another port";
    case ERR_PERMISSION:
        return "ports below 1024 need CAP_NET_BIND_SERVICE: grant it or choose another port";
    case ERR_UNREACHABLE:
        return "this machine has no such address: add it or choose one of `ip addr`";
    default:
        return "correct it and start again";
    }
}

static enum err http_server_fail(const struct http_server_config *config, enum err err, char *message, size_t size)
{
    char text[400];
    snprintf(text, sizeof text, "cannot listen on %s: %s; %s%s%s%s", config->listen, err_text(err),
             http_server_advice(err), config->setting != NULL ? " (setting " : "",
             config->setting != NULL ? config->setting : "", config->setting != NULL ? ")" : "");
    LOG_E("%s", text);
    if (message != NULL) {
        snprintf(message, size, "%s", text);
    }
    return err;
}

static enum err http_server_bind(struct address *address, int *ret_descriptor)
{
    const int family = address->storage.ss_family;
    const int descriptor = socket(family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
    if (descriptor < 0) {
        return err_from_errno(errno);
    }
    const int on = 1;
    (void)setsockopt(descriptor, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    socklen_t size = sizeof address->storage;
    if (bind(descriptor, (const struct sockaddr *)&address->storage, address->size) != 0 ||
        listen(descriptor, 128) != 0 || getsockname(descriptor, (struct sockaddr *)&address->storage, &size) != 0) {
        const enum err err = err_from_errno(errno);
        close(descriptor);
        return err;
    }
    *ret_descriptor = descriptor;
    return ERR_OK;
}

/* libmicrohttpd's own complaints are about single connections: for debugging only. */
__attribute__((format(printf, 2, 0))) static void http_server_log(void *context, const char *format, va_list arguments)
{
    (void)context;
    char text[256];
    vsnprintf(text, sizeof text, format, arguments);
    LOG_D("http server: %s", text);
}

static struct MHD_Daemon *http_server_run(struct http_server *server, int descriptor)
{
    const unsigned connections =
        server->config.connections > 0 ? server->config.connections : (unsigned)HTTP_SERVER_CONNECTIONS;
    return MHD_start_daemon(MHD_USE_THREAD_PER_CONNECTION | MHD_USE_INTERNAL_POLLING_THREAD | MHD_USE_POLL |
                                MHD_USE_ITC | MHD_USE_ERROR_LOG,
                            0, NULL, NULL, http_server_access, server, MHD_OPTION_EXTERNAL_LOGGER, http_server_log,
                            NULL, MHD_OPTION_LISTEN_SOCKET, descriptor, MHD_OPTION_CONNECTION_LIMIT, connections,
                            MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)HTTP_SERVER_IDLE_S,
                            MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HTTP_SERVER_PIPE, MHD_OPTION_THREAD_STACK_SIZE,
                            (size_t)HTTP_SERVER_STACK, MHD_OPTION_NOTIFY_COMPLETED, http_server_completed, NULL,
                            MHD_OPTION_END);
}

enum err http_server_start(const struct http_server_config *config, char *message, size_t message_size,
                           struct http_server **ret_server)
{
    for (size_t i = 0; i < config->route_count; i++) {
        ASSERT(config->routes[i].pattern[0] == '/' && config->routes[i].handle != NULL);
    }
    struct http_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return http_server_fail(config, ERR_NO_MEMORY, message, message_size);
    }
    server->config = *config;
    server->config.beat_ms = config->beat_ms > 0 ? config->beat_ms : (uint32_t)HTTP_SERVER_BEAT_MS;
    server->token = config->token != NULL ? strdup(config->token) : NULL;
    int descriptor = -1;
    enum err err = address_parse(config->listen, &server->address);
    if (err == ERR_OK) {
        err = http_server_bind(&server->address, &descriptor);
    }
    if (err == ERR_OK) {
        server->daemon = http_server_run(server, descriptor);
        err = server->daemon != NULL ? ERR_OK : ERR_NO_MEMORY;
        if (err != ERR_OK) {
            close(descriptor);
        }
    }
    if (err != ERR_OK) {
        http_server_stop(server);
        return http_server_fail(config, err, message, message_size);
    }
    *ret_server = server;
    return ERR_OK;
}

void http_server_stop(struct http_server *server)
{
    if (server == NULL) {
        return;
    }
    atomic_store(&server->stopping, true);
    if (server->daemon != NULL) {
        MHD_stop_daemon(server->daemon);
    }
    if (server->token != NULL) {
        explicit_bzero(server->token, strlen(server->token));
        free(server->token);
    }
    free(server);
}

uint16_t http_server_port(const struct http_server *server)
{
    return address_port(&server->address);
}
