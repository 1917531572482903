/* SPDX-License-Identifier: Apache-2.0
 * One controller as others see it: reporting, following its view, telling readers. */
#include "edge/upstream.h"

#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/clock.h"
#include "edge/figure_report.h"
#include "edge/http_client.h"
#include "edge/log.h"
#include "edge/observe.h"
#include "edge/observe_queue.h"
#include "edge/tcp.h"

enum {
    UPSTREAM_BATCH_MS = 50,     /* results wait this long for company */
    UPSTREAM_ALIVE_MS = 500,    /* an empty report says "I am alive" */
    UPSTREAM_CALL_MS = 1000,    /* for a report; a controller that takes longer is asked again with the next one */
    UPSTREAM_FOLLOW_MS = 12000, /* the controller answers within 10 s, with or without news */
    UPSTREAM_PAUSE_MS = 200,
    UPSTREAM_READERS_MS = 10, /* how often the local announcements are looked at ... */
    UPSTREAM_CARRIED_MS = 1,  /* ... and while proxies carry a new view out: a run waits for that */
    UPSTREAM_CARRY_MS = 200,  /* for at most this long */
    UPSTREAM_TELL_MS = 500,   /* readers are told again at least this often */
    UPSTREAM_FIGURES = 20,    /* pauses between two reports of figures */
    UPSTREAM_THREADS = 4,
};

struct upstream {
    struct upstream_options options;
    struct observe_queue *queue;
    atomic_bool stopping;
    int taken_fd; /* eventfd: a view was taken */
    uint32_t threads_count;
    pthread_t threads[UPSTREAM_THREADS];
};

static void upstream_pause(uint32_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

/* Says once when it begins and ends to fail. */
static void upstream_post(const struct upstream *upstream, const char *path, const struct buf *body, bool *failing)
{
    const struct http_client_request request = {.method = "POST",
                                                .address = upstream->options.address,
                                                .path = path,
                                                .token = upstream->options.token,
                                                .body = body->data,
                                                .body_size = body->size,
                                                .timeout_ms = UPSTREAM_CALL_MS,
                                                .cancel = &upstream->stopping};
    struct http_client_response response = {0};
    enum err err = http_client_call(&request, &response);
    if (err == ERR_OK) {
        char detail[96];
        err = http_client_response_err(&response, detail, sizeof detail);
    }
    http_client_response_fini(&response);
    if (err != ERR_OK && !*failing) {
        LOG_W("controller %s: %s: %s", upstream->options.address, path, err_text(err));
    } else if (err == ERR_OK && *failing) {
        LOG_N("controller %s takes %s again", upstream->options.address, path);
    }
    *failing = err != ERR_OK;
}

/* ---- reporting what was observed ---- */

static void *upstream_report(void *context)
{
    struct upstream *upstream = context;
    struct observe_batch *batch = calloc(1, sizeof *batch);
    char *memory = malloc(OBSERVE_BATCH_BYTES);
    ASSERT(batch != NULL && memory != NULL);
    text_copy(batch->site, sizeof batch->site, upstream->options.site);
    batch->boot = upstream->options.boot;
    bool failing = false;
    while (!atomic_load(&upstream->stopping)) {
        batch->count = observe_queue_take(upstream->queue, batch->results, OBSERVE_RESULTS, UPSTREAM_ALIVE_MS);
        batch->sequence++;
        if (upstream->options.host.beats != NULL) {
            upstream->options.host.beats(upstream->options.host.context, &batch->beats);
        }
        struct buf body;
        buf_init(&body, memory, OBSERVE_BATCH_BYTES);
        observe_write_batch(&body, batch, clock_mono());
        upstream_post(upstream, "/v1/observations", &body, &failing);
        observe_queue_rest(upstream->queue, UPSTREAM_BATCH_MS);
    }
    free(memory);
    free(batch);
    return NULL;
}

/* ---- following the view ---- */

static enum err upstream_fetch(const struct upstream *upstream, uint64_t after)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/view?after=%llu", (unsigned long long)after);
    const struct http_client_request request = {.address = upstream->options.address,
                                                .path = path,
                                                .token = upstream->options.token,
                                                .timeout_ms = UPSTREAM_FOLLOW_MS,
                                                .connect_timeout_ms = UPSTREAM_CALL_MS,
                                                .cancel = &upstream->stopping};
    struct http_client_response response = {0};
    enum err err = http_client_call(&request, &response);
    if (err == ERR_OK && response.status == 200) {
        struct view view;
        err = ERR_PROTOCOL;
        if (response.size == sizeof view) {
            memcpy(&view, response.body, sizeof view);
            err = view_valid(&view, sizeof view) ? ERR_OK : ERR_PROTOCOL;
        }
        if (err == ERR_OK) {
            upstream->options.host.take(upstream->options.host.context, &view);
            (void)eventfd_write(upstream->taken_fd, 1);
        }
    } else if (err == ERR_OK && response.status != 304) {
        err = ERR_STATUS;
    }
    http_client_response_fini(&response);
    return err;
}

static void *upstream_follow(void *context)
{
    struct upstream *upstream = context;
    const struct upstream_host *host = &upstream->options.host;
    bool failing = false;
    while (!atomic_load(&upstream->stopping)) {
        const enum err err = upstream_fetch(upstream, host->version(host->context));
        if (err != ERR_OK && !failing && !atomic_load(&upstream->stopping)) {
            LOG_W("view from controller %s: %s", upstream->options.address, err_text(err));
        }
        if (err != ERR_OK) {
            upstream_pause(UPSTREAM_PAUSE_MS);
        }
        failing = err != ERR_OK;
    }
    return NULL;
}

/* ---- telling what the readers of this host answer from ---- */

static void upstream_readers_body(const struct upstream *upstream, const struct publish_reader_info *list,
                                  uint32_t count, struct buf *body)
{
    buf_printf(body, "{\"site\":\"%s\",\"readers\":[", upstream->options.site);
    const char *comma = "";
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].kind != PUBLISH_LIB) {
            buf_printf(body, "%s{\"name\":\"%s\",\"kind\":\"%s\",\"version\":%llu,\"age_ms\":%lld}", comma,
                       list[i].name, publish_kind_name(list[i].kind), (unsigned long long)list[i].version,
                       (long long)list[i].age_ms);
            comma = ",";
        }
    }
    buf_text(body, "]");
}

/* What they have met with at servers. Ends the body. */
static void upstream_sights_body(const struct upstream *upstream, struct buf *body)
{
    struct sight_sum list[SIGHT_LIST];
    uint32_t count = 0;
    upstream->options.host.sights(upstream->options.host.context, list, &count);
    buf_text(body, ",\"sights\":[");
    for (uint32_t i = 0; i < count; i++) {
        const struct publish_sight *sight = &list[i].sight;
        char server[TCP_ADDRESS];
        tcp_print(&list[i].server, server);
        buf_printf(body,
                   "%s{\"server\":\"%s\",%s\"connections\":%llu,\"failures\":%llu,\"wrong\":%llu,\"rtt_us\":%llu}",
                   i > 0 ? "," : "", server, list[i].applications ? "\"by\":\"applications\"," : "",
                   (unsigned long long)sight->connections, (unsigned long long)sight->failures,
                   (unsigned long long)sight->wrong, (unsigned long long)sight->rtt_us);
    }
    buf_text(body, "]}");
}

static uint64_t upstream_readers_sum(const struct publish_reader_info *list, uint32_t count)
{
    uint64_t sum = count;
    for (uint32_t i = 0; i < count; i++) {
        sum = sum * 31 + list[i].version;
    }
    return sum;
}

/* Whether a proxy of this host has still to carry out what the host has published. */
static bool upstream_carrying(const struct publish_reader_info *list, uint32_t count, uint64_t version)
{
    bool carrying = false;
    for (uint32_t i = 0; i < count; i++) {
        carrying |= list[i].kind == PUBLISH_PROXY && list[i].version < version;
    }
    return carrying;
}

/* Until the next look: soon while proxies are at work, which begins with a view. A proxy that hangs is no reason to
 * look soon for ever. */
static void upstream_rest(const struct upstream *upstream, bool carrying, struct mono *since)
{
    const struct mono now = clock_mono();
    struct pollfd taken = {.fd = upstream->taken_fd, .events = POLLIN};
    eventfd_t count;
    if (!carrying) {
        *since = now;
    }
    const bool soon = carrying && time_since_ms(now, *since) < UPSTREAM_CARRY_MS;
    if (poll(&taken, 1, soon ? UPSTREAM_CARRIED_MS : UPSTREAM_READERS_MS) > 0) {
        (void)eventfd_read(upstream->taken_fd, &count);
    }
}

static void *upstream_readers(void *context)
{
    struct upstream *upstream = context;
    const struct upstream_host *host = &upstream->options.host;
    uint64_t told = 0;
    struct mono told_at = {0};
    struct mono since = clock_mono();
    bool failing = false;
    while (!atomic_load(&upstream->stopping)) {
        struct publish_reader_info list[LIMITS_READERS];
        uint32_t count = 0;
        host->readers(host->context, list, &count);
        const uint64_t sum = upstream_readers_sum(list, count);
        if (sum != told || time_since_ms(clock_mono(), told_at) >= UPSTREAM_TELL_MS) {
            uint8_t memory[LIMITS_READERS * 160 + SIGHT_LIST * 224 + 128];
            struct buf body;
            buf_init(&body, memory, sizeof memory);
            upstream_readers_body(upstream, list, count, &body);
            upstream_sights_body(upstream, &body);
            told = sum;
            told_at = clock_mono();
            upstream_post(upstream, "/v1/readers", &body, &failing);
        }
        upstream_rest(upstream, upstream_carrying(list, count, host->version(host->context)), &since);
    }
    return NULL;
}

/* ---- telling what the data planes of this host count ---- */

static void upstream_figures_tell(struct upstream *upstream, struct figure_row *rows, bool *failing)
{
    const uint32_t count = figure_collect(upstream->options.state_dir, rows);
    json_t *json = count > 0 ? figure_report_make(upstream->options.site, rows, count) : NULL;
    char *text = json != NULL ? json_dumps(json, JSON_COMPACT) : NULL;
    if (text != NULL) {
        const struct buf body = {.data = (void *)text, .size = strlen(text)};
        upstream_post(upstream, "/v1/figures", &body, failing);
    }
    free(text);
    json_decref(json);
}

static void *upstream_figures(void *context)
{
    struct upstream *upstream = context;
    struct figure_row *rows = calloc(FIGURE_SITE, sizeof *rows);
    bool failing = false;
    ASSERT(rows != NULL);
    while (!atomic_load(&upstream->stopping)) {
        upstream_figures_tell(upstream, rows, &failing);
        for (uint32_t i = 0; i < UPSTREAM_FIGURES && !atomic_load(&upstream->stopping); i++) {
            upstream_pause(UPSTREAM_PAUSE_MS / 2);
        }
    }
    free(rows);
    return NULL;
}

/* ---- start and stop ---- */

void upstream_push(void *context, const struct probe_result *result)
{
    struct upstream *upstream = context;
    observe_queue_push(upstream->queue, result);
}

void upstream_urge(struct upstream *upstream)
{
    observe_queue_urge(upstream->queue);
}

enum err upstream_new(const struct upstream_options *options, struct upstream **ret_upstream)
{
    static void *(*const work[UPSTREAM_THREADS])(void *) = {upstream_report, upstream_follow, upstream_readers,
                                                            upstream_figures};
    struct upstream *upstream = calloc(1, sizeof *upstream);
    if (upstream == NULL) {
        return ERR_NO_MEMORY;
    }
    upstream->options = *options;
    upstream->taken_fd = eventfd(0, EFD_NONBLOCK | EFD_CLOEXEC);
    enum err err = upstream->taken_fd < 0 ? err_from_errno(errno) : ERR_OK;
    err = err == ERR_OK ? observe_queue_new(NULL, NULL, &upstream->queue) : err;
    for (uint32_t i = 0; i < UPSTREAM_THREADS && err == ERR_OK; i++) {
        if (pthread_create(&upstream->threads[i], NULL, work[i], upstream) != 0) {
            err = ERR_NO_MEMORY;
        } else {
            upstream->threads_count++;
        }
    }
    if (err != ERR_OK) {
        upstream_free(upstream);
        return err;
    }
    *ret_upstream = upstream;
    return ERR_OK;
}

void upstream_free(struct upstream *upstream)
{
    if (upstream == NULL) {
        return;
    }
    atomic_store(&upstream->stopping, true);
    for (uint32_t i = 0; i < upstream->threads_count; i++) {
        pthread_join(upstream->threads[i], NULL);
    }
    observe_queue_free(upstream->queue);
    if (upstream->taken_fd >= 0) {
        close(upstream->taken_fd);
    }
    free(upstream);
}
