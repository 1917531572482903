/* SPDX-License-Identifier: Apache-2.0
 * HTTP/1.1 calls with a deadline and a size limit, on libcurl: one easy handle per thread. */
#include "edge/http_client.h"

#include <errno.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <curl/curl.h>
#include <jansson.h>

#include "base/assert.h"
#include "base/time.h"
#include "edge/address.h"
#include "edge/clock.h"

enum {
    HTTP_CLIENT_URL = 2048,
    HTTP_CLIENT_LINE = 1024, /* one header line */
};

/* One transfer in progress. */
struct http_client_call {
    const struct http_client_request *request;
    const struct http_client_sink *sink; /* a stream, else NULL */
    CURL *handle;
    struct http_client_response response;
    size_t limit;
    struct mono last;
    enum err err; /* why we ourselves ended the transfer */
};

static pthread_once_t http_client_once = PTHREAD_ONCE_INIT;
static pthread_key_t http_client_key;

static void http_client_drop_handle(void *handle)
{
    curl_easy_cleanup(handle);
}

static void http_client_start(void)
{
    const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    ASSERT(code == CURLE_OK);
    const int made = pthread_key_create(&http_client_key, http_client_drop_handle);
    ASSERT(made == 0);
}

static CURL *http_client_handle(void)
{
    pthread_once(&http_client_once, http_client_start);
    CURL *handle = pthread_getspecific(http_client_key);
    if (handle != NULL) {
        curl_easy_reset(handle);
        return handle;
    }
    handle = curl_easy_init();
    if (handle != NULL && pthread_setspecific(http_client_key, handle) != 0) {
        curl_easy_cleanup(handle);
        return NULL;
    }
    return handle;
}

static curl_socket_t http_client_socket(void *context, curlsocktype purpose, struct curl_sockaddr *address)
{
    (void)context;
    (void)purpose;
    return socket(address->family, address->socktype | SOCK_CLOEXEC, address->protocol);
}

/* Grows by doubling, so that a large answer costs few copies. */
static bool http_client_append(struct http_client_call *call, const void *data, size_t size)
{
    struct http_client_response *response = &call->response;
    if (size > call->limit - response->size) {
        call->err = ERR_TOO_LARGE;
        return false;
    }
    const size_t needed = response->size + size + 1;
    size_t room = 1024;
    while (room < needed) {
        room *= 2;
    }
    char *grown = realloc(response->body, room);
    if (grown == NULL) {
        call->err = ERR_NO_MEMORY;
        return false;
    }
    if (size > 0) {
        memcpy(grown + response->size, data, size);
    }
    response->body = grown;
    response->size += size;
    response->body[response->size] = '\0';
    return true;
}

static bool http_client_feed(struct http_client_call *call, const void *data, size_t size)
{
    long status = 0;
    curl_easy_getinfo(call->handle, CURLINFO_RESPONSE_CODE, &status);
    if (status != 200) {
        call->err = ERR_STATUS;
        return false;
    }
    if (!call->sink->chunk(call->sink->context, data, size)) {
        call->err = ERR_CANCELLED;
        return false;
    }
    return true;
}

static size_t http_client_receive(char *data, size_t size, size_t count, void *context)
{
    struct http_client_call *call = context;
    ASSERT(size == 1);
    call->last = clock_mono();
    const bool goes_on =
        call->sink != NULL ? http_client_feed(call, data, count) : http_client_append(call, data, count);
    /* CURL_WRITEFUNC_ERROR is newer than this libcurl: any other number than `count` is an error. */
    return goes_on ? count : count + 1;
}

/* libcurl calls this at least once a second. */
static int http_client_progress(void *context, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                                curl_off_t up)
{
    (void)down_total;
    (void)down;
    (void)up_total;
    (void)up;
    struct http_client_call *call = context;
    if (call->request->cancel != NULL && atomic_load(call->request->cancel)) {
        call->err = ERR_CANCELLED;
    } else if (call->sink != NULL && time_since_ms(clock_mono(), call->last) > call->request->timeout_ms) {
        call->err = ERR_TIMEOUT;
    }
    return call->err == ERR_OK ? 0 : 1;
}

static enum err http_client_url(const struct http_client_request *request, char *url, size_t size)
{
    if (request->url != NULL) {
        if (strncmp(request->url, "http://", 7) != 0 && strncmp(request->url, "https://", 8) != 0) {
            return ERR_INVALID;
        }
        const int length = snprintf(url, size, "%s", request->url);
        return length > 0 && (size_t)length < size ? ERR_OK : ERR_INVALID;
    }
    struct address address;
    if (request->address == NULL || request->path == NULL || request->path[0] != '/' ||
        address_parse(request->address, &address) != ERR_OK || address_port(&address) == 0) {
        return ERR_INVALID;
    }
    const int length = snprintf(url, size, "http://%s%s", request->address, request->path);
    return length > 0 && (size_t)length < size ? ERR_OK : ERR_INVALID;
}

static enum err http_client_add_header(struct curl_slist **list, const char *line)
{
    /* A line break would let a value forge another header. */
    if (strpbrk(line, "\r\n") != NULL) {
        return ERR_INVALID;
    }
    struct curl_slist *longer = curl_slist_append(*list, line);
    if (longer == NULL) {
        return ERR_NO_MEMORY;
    }
    *list = longer;
    return ERR_OK;
}

static enum err http_client_headers(const struct http_client_request *request, struct curl_slist **list)
{
    char line[HTTP_CLIENT_LINE];
    /* Without this libcurl waits for "100 Continue" before larger bodies. */
    enum err err = http_client_add_header(list, "Expect:");
    if (err == ERR_OK && request->token != NULL) {
        const int length = snprintf(line, sizeof line, "Authorization: Bearer %s", request->token);
        err = length > 0 && (size_t)length < sizeof line ? http_client_add_header(list, line) : ERR_INVALID;
        explicit_bzero(line, sizeof line);
    }
    if (err == ERR_OK && request->body != NULL) {
        const char *type = request->content_type != NULL ? request->content_type : "application/json";
        snprintf(line, sizeof line, "Content-Type: %s", type);
        err = http_client_add_header(list, line);
    }
    for (size_t i = 0; err == ERR_OK && i < HTTP_CLIENT_HEADERS && request->headers[i] != NULL; i++) {
        err = http_client_add_header(list, request->headers[i]);
    }
    return err;
}

static void http_client_set_common(CURL *handle)
{
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_PROXY, "");
    curl_easy_setopt(handle, CURLOPT_FOLLOWLOCATION, 0L);
    curl_easy_setopt(handle, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(handle, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
    curl_easy_setopt(handle, CURLOPT_USERAGENT, "holdfast");
    /* With a CApath libcurl reads the whole bundle at each handshake: 21 ms instead of 0.8. */
    curl_easy_setopt(handle, CURLOPT_CAPATH, NULL);
    curl_easy_setopt(handle, CURLOPT_OPENSOCKETFUNCTION, http_client_socket);
}

static void http_client_set(struct http_client_call *call, const char *url, struct curl_slist *headers)
{
    const struct http_client_request *request = call->request;
    CURL *handle = call->handle;
    http_client_set_common(handle);
    curl_easy_setopt(handle, CURLOPT_URL, url);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, headers);
    if (request->body != NULL) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)request->body_size);
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, request->body);
    }
    if (request->method != NULL && strcmp(request->method, "GET") != 0) {
        /* A POST without a body still says "Content-Length: 0". */
        if (request->body == NULL && strcmp(request->method, "POST") == 0) {
            curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)0);
            curl_easy_setopt(handle, CURLOPT_POSTFIELDS, "");
        }
        curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, request->method);
    }
    const uint32_t connect_ms = request->connect_timeout_ms > 0 ? request->connect_timeout_ms : request->timeout_ms;
    curl_easy_setopt(handle, CURLOPT_CONNECTTIMEOUT_MS, (long)connect_ms);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, http_client_receive);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, call);
    if (call->sink != NULL || request->cancel != NULL) {
        curl_easy_setopt(handle, CURLOPT_XFERINFOFUNCTION, http_client_progress);
        curl_easy_setopt(handle, CURLOPT_XFERINFODATA, call);
        curl_easy_setopt(handle, CURLOPT_NOPROGRESS, 0L);
    }
    if (call->sink == NULL) {
        curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)request->timeout_ms);
    }
}

static enum err http_client_connect_err(CURL *handle)
{
    long number = 0;
    curl_easy_getinfo(handle, CURLINFO_OS_ERRNO, &number);
    const enum err err = err_from_errno((int)number);
    return err == ERR_OK || err == ERR_IO ? ERR_UNREACHABLE : err;
}

static const struct {
    CURLcode code;
    enum err err;
} http_client_codes[] = {
    {CURLE_OK, ERR_OK},
    {CURLE_URL_MALFORMAT, ERR_INVALID},
    {CURLE_COULDNT_RESOLVE_HOST, ERR_NAME},
    {CURLE_OPERATION_TIMEDOUT, ERR_TIMEOUT},
    {CURLE_SSL_CONNECT_ERROR, ERR_TLS},
    {CURLE_PEER_FAILED_VERIFICATION, ERR_CERTIFICATE},
    {CURLE_SSL_CACERT_BADFILE, ERR_CERTIFICATE},
    {CURLE_GOT_NOTHING, ERR_CLOSED},
    {CURLE_PARTIAL_FILE, ERR_CLOSED},
    {CURLE_SEND_ERROR, ERR_RESET},
    {CURLE_RECV_ERROR, ERR_RESET},
    {CURLE_WEIRD_SERVER_REPLY, ERR_PROTOCOL},
    {CURLE_UNSUPPORTED_PROTOCOL, ERR_PROTOCOL},
    {CURLE_BAD_CONTENT_ENCODING, ERR_PROTOCOL},
    {CURLE_OUT_OF_MEMORY, ERR_NO_MEMORY},
};

static enum err http_client_err(const struct http_client_call *call, CURLcode code)
{
    if (call->err != ERR_OK) {
        return call->err;
    }
    if (code == CURLE_COULDNT_CONNECT) {
        return http_client_connect_err(call->handle);
    }
    for (size_t i = 0; i < sizeof http_client_codes / sizeof http_client_codes[0]; i++) {
        if (http_client_codes[i].code == code) {
            return http_client_codes[i].err;
        }
    }
    return ERR_IO;
}

static void http_client_describe(struct http_client_call *call)
{
    long status = 0;
    const char *type = NULL;
    curl_easy_getinfo(call->handle, CURLINFO_RESPONSE_CODE, &status);
    curl_easy_getinfo(call->handle, CURLINFO_CONTENT_TYPE, &type);
    call->response.status = (unsigned)status;
    snprintf(call->response.content_type, sizeof call->response.content_type, "%s", type != NULL ? type : "");
}

static enum err http_client_perform(struct http_client_call *call)
{
    ASSERT(call->request->timeout_ms > 0);
    char url[HTTP_CLIENT_URL];
    enum err err = http_client_url(call->request, url, sizeof url);
    if (err != ERR_OK) {
        return err;
    }
    call->handle = http_client_handle();
    if (call->handle == NULL) {
        return ERR_NO_MEMORY;
    }
    struct curl_slist *headers = NULL;
    err = http_client_headers(call->request, &headers);
    if (err == ERR_OK) {
        http_client_set(call, url, headers);
        call->last = clock_mono();
        err = http_client_err(call, curl_easy_perform(call->handle));
    }
    if (err == ERR_OK) {
        http_client_describe(call);
    }
    /* The handle outlives this call: it must not keep pointers into it, nor the token. */
    curl_easy_reset(call->handle);
    curl_slist_free_all(headers);
    return err;
}

enum err http_client_call(const struct http_client_request *request, struct http_client_response *ret_response)
{
    struct http_client_call call = {
        .request = request,
        .limit = request->limit_bytes > 0 ? request->limit_bytes : HTTP_CLIENT_LIMIT_BYTES,
    };
    if (!http_client_append(&call, NULL, 0)) {
        return call.err;
    }
    const enum err err = http_client_perform(&call);
    if (err != ERR_OK) {
        http_client_response_fini(&call.response);
        return err;
    }
    *ret_response = call.response;
    return ERR_OK;
}

enum err http_client_stream(const struct http_client_request *request, const struct http_client_sink *sink)
{
    struct http_client_call call = {.request = request, .sink = sink};
    const enum err err = http_client_perform(&call);
    return err == ERR_OK && call.response.status != 200 ? ERR_STATUS : err;
}

void http_client_response_fini(struct http_client_response *response)
{
    free(response->body);
    *response = (struct http_client_response){.status = 0};
}

enum err http_client_response_err(const struct http_client_response *response, char *detail, size_t detail_size)
{
    if (response->status >= 200 && response->status < 300) {
        snprintf(detail, detail_size, "%s", "");
        return ERR_OK;
    }
    snprintf(detail, detail_size, "HTTP %u", response->status);
    json_t *problem = json_loadb(response->body, response->size, JSON_REJECT_DUPLICATES, NULL);
    const char *code = json_string_value(json_object_get(problem, "code"));
    const char *sentence = json_string_value(json_object_get(problem, "detail"));
    const enum err named = code != NULL ? err_from_name(code) : ERR_STATUS;
    if (sentence != NULL) {
        snprintf(detail, detail_size, "%s", sentence);
    }
    json_decref(problem);
    return named == ERR_OK ? ERR_STATUS : named;
}
