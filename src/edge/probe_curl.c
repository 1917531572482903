/* SPDX-License-Identifier: Apache-2.0
 * libcurl's multi interface on a libuv loop. */
#include "edge/probe_curl.h"

#include <stdint.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/assert.h"

/* curl changes what it waits for several times per transfer, and uv_poll pays four system calls for each change. So the
 * sockets are in an epoll set of their own (one call per change), and the loop watches only that set. */
struct probe_curl {
    uv_loop_t *loop;
    uv_timer_t timer;
    uv_poll_t poll; /* on the epoll set */
    CURLM *multi;
    int epoll;
    uint32_t open; /* handles not closed yet */
};

enum {
    PROBE_CURL_EVENTS = 64,
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
    (void)status;
    (void)events;
    struct probe_curl *curl = poll->data;
    struct epoll_event ready[PROBE_CURL_EVENTS];
    const int count = epoll_wait(curl->epoll, ready, PROBE_CURL_EVENTS, 0);
    int running;
    for (int i = 0; i < count; i++) {
        int flags = (ready[i].events & (EPOLLERR | EPOLLHUP)) != 0 ? CURL_CSELECT_ERR : 0;
        flags |= (ready[i].events & (EPOLLIN | EPOLLHUP)) != 0 ? CURL_CSELECT_IN : 0;
        flags |= (ready[i].events & EPOLLOUT) != 0 ? CURL_CSELECT_OUT : 0;
        /* A socket that was closed meanwhile is unknown to curl, which ignores it; one whose number was given out again
         * is looked at in vain. */
        curl_multi_socket_action(curl->multi, ready[i].data.fd, flags, &running);
    }
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

static int probe_curl_socket(CURL *easy, curl_socket_t socket, int what, void *context, void *assigned)
{
    (void)easy;
    struct probe_curl *curl = context;
    if (what == CURL_POLL_REMOVE) {
        if (assigned != NULL) {
            epoll_ctl(curl->epoll, EPOLL_CTL_DEL, socket, NULL);
            curl_multi_assign(curl->multi, socket, NULL);
        }
        return 0;
    }
    struct epoll_event event = {.data.fd = socket};
    event.events = ((what & CURL_POLL_IN) != 0 ? EPOLLIN : 0U) | ((what & CURL_POLL_OUT) != 0 ? EPOLLOUT : 0U);
    if (epoll_ctl(curl->epoll, assigned == NULL ? EPOLL_CTL_ADD : EPOLL_CTL_MOD, socket, &event) != 0) {
        return -1;
    }
    if (assigned == NULL) {
        curl_multi_assign(curl->multi, socket, curl); /* only says: it is in the set */
    }
    return 0;
}

struct probe_curl *probe_curl_new(uv_loop_t *loop)
{
    struct probe_curl *curl = calloc(1, sizeof *curl);
    if (curl == NULL) {
        return NULL;
    }
    curl->epoll = epoll_create1(EPOLL_CLOEXEC);
    curl->multi = curl->epoll < 0 ? NULL : curl_multi_init();
    if (curl->multi == NULL) {
        if (curl->epoll >= 0) {
            close(curl->epoll);
        }
        free(curl);
        return NULL;
    }
    curl->loop = loop;
    ASSERT(uv_timer_init(loop, &curl->timer) == 0);
    ASSERT(uv_poll_init(loop, &curl->poll, curl->epoll) == 0);
    ASSERT(uv_poll_start(&curl->poll, UV_READABLE, probe_curl_ready) == 0);
    curl->timer.data = curl;
    curl->poll.data = curl;
    curl->open = 2;
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
    struct probe_curl *curl = handle->data;
    if (--curl->open == 0) {
        close(curl->epoll);
        free(curl);
    }
}

void probe_curl_free(struct probe_curl *curl)
{
    if (curl == NULL) {
        return;
    }
    curl_multi_cleanup(curl->multi);
    uv_close((uv_handle_t *)&curl->timer, probe_curl_closed);
    uv_close((uv_handle_t *)&curl->poll, probe_curl_closed);
}
