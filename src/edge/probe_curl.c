/* SPDX-License-Identifier: Apache-2.0
 * libcurl's multi interface on a libuv loop. */
#include "edge/probe_curl.h"

#include <stdlib.h>

#include "base/assert.h"

struct probe_curl {
    uv_loop_t *loop;
    uv_timer_t timer;
    CURLM *multi;
};

struct probe_curl_socket {
    uv_poll_t poll;
    struct probe_curl *curl;
    curl_socket_t socket;
};

static void probe_curl_collect(struct probe_curl *curl)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(curl->multi, &left)) != NULL) {
        if (message->msg != CURLMSG_DONE) {
            continue;
        }
        const CURLcode code = message->data.result; /* gone once the handle is removed */
        CURL *easy = message->easy_handle;
        char *private = NULL;
        curl_easy_getinfo(easy, CURLINFO_PRIVATE, &private);
        struct probe_curl_transfer *transfer = (void *)private;
        ASSERT(transfer != NULL && transfer->easy == easy);
        curl_multi_remove_handle(curl->multi, easy);
        transfer->done(transfer, code);
    }
}

static void probe_curl_ready(uv_poll_t *poll, int status, int events)
{
    struct probe_curl_socket *socket = poll->data;
    struct probe_curl *curl = socket->curl;
    int flags = status < 0 ? CURL_CSELECT_ERR : 0;
    flags |= (events & UV_READABLE) != 0 ? CURL_CSELECT_IN : 0;
    flags |= (events & UV_WRITABLE) != 0 ? CURL_CSELECT_OUT : 0;
    int running;
    curl_multi_socket_action(curl->multi, socket->socket, flags, &running);
    probe_curl_collect(curl);
}

static void probe_curl_elapsed(uv_timer_t *timer)
{
    struct probe_curl *curl = timer->data;
    int running;
    curl_multi_socket_action(curl->multi, CURL_SOCKET_TIMEOUT, 0, &running);
    probe_curl_collect(curl);
}

/* Never calls back into curl: 0 ms means "at the next turn of the loop". */
static int probe_curl_timer(CURLM *multi, long timeout_ms, void *context)
{
    (void)multi;
    struct probe_curl *curl = context;
    if (timeout_ms < 0) {
        uv_timer_stop(&curl->timer);
    } else {
        uv_timer_start(&curl->timer, probe_curl_elapsed, (uint64_t)timeout_ms, 0);
    }
    return 0;
}

static void probe_curl_socket_closed(uv_handle_t *handle)
{
    free(handle->data);
}

static int probe_curl_socket(CURL *easy, curl_socket_t number, int what, void *context, void *assigned)
{
    (void)easy;
    struct probe_curl *curl = context;
    struct probe_curl_socket *socket = assigned;
    if (what == CURL_POLL_REMOVE) {
        if (socket != NULL) {
            /* Stop at once: curl closes the descriptor right after this. */
            uv_poll_stop(&socket->poll);
            uv_close((uv_handle_t *)&socket->poll, probe_curl_socket_closed);
            curl_multi_assign(curl->multi, number, NULL);
        }
        return 0;
    }
    if (socket == NULL) {
        socket = calloc(1, sizeof *socket);
        if (socket == NULL || uv_poll_init_socket(curl->loop, &socket->poll, number) != 0) {
            free(socket);
            return -1;
        }
        socket->poll.data = socket;
        socket->curl = curl;
        socket->socket = number;
        curl_multi_assign(curl->multi, number, socket);
    }
    const int events = ((what & CURL_POLL_IN) != 0 ? UV_READABLE : 0) | ((what & CURL_POLL_OUT) != 0 ? UV_WRITABLE : 0);
    uv_poll_start(&socket->poll, events, probe_curl_ready);
    return 0;
}

struct probe_curl *probe_curl_new(uv_loop_t *loop)
{
    struct probe_curl *curl = calloc(1, sizeof *curl);
    if (curl == NULL) {
        return NULL;
    }
    curl->multi = curl_multi_init();
    if (curl->multi == NULL) {
        free(curl);
        return NULL;
    }
    curl->loop = loop;
    ASSERT(uv_timer_init(loop, &curl->timer) == 0);
    curl->timer.data = curl;
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETFUNCTION, probe_curl_socket);
    curl_multi_setopt(curl->multi, CURLMOPT_SOCKETDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERFUNCTION, probe_curl_timer);
    curl_multi_setopt(curl->multi, CURLMOPT_TIMERDATA, curl);
    curl_multi_setopt(curl->multi, CURLMOPT_MAXCONNECTS, 1L);
    return curl;
}

void probe_curl_add(struct probe_curl *curl, struct probe_curl_transfer *transfer)
{
    ASSERT(curl_multi_add_handle(curl->multi, transfer->easy) == CURLM_OK);
}

void probe_curl_remove(struct probe_curl *curl, struct probe_curl_transfer *transfer)
{
    ASSERT(curl_multi_remove_handle(curl->multi, transfer->easy) == CURLM_OK);
}

static void probe_curl_closed(uv_handle_t *handle)
{
    free(handle->data);
}

void probe_curl_free(struct probe_curl *curl)
{
    if (curl == NULL) {
        return;
    }
    curl_multi_cleanup(curl->multi);
    uv_close((uv_handle_t *)&curl->timer, probe_curl_closed);
}
