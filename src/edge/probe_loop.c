/* SPDX-License-Identifier: Apache-2.0
 * One probe thread: rhythm, time-outs, handshake tokens, and taking over new sets. */
#include "edge/probe_loop.h"

#include <fcntl.h>
#include <pthread.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/hash.h"
#include "base/text.h"
#include "edge/clock.h"
#include "edge/probe_curl.h"

enum {
    /* A new spec starts within its interval, but nobody waits longer than this for the first result. */
    PROBE_LOOP_FIRST_MS = 10000,
    /* A handshake that takes longer than this waits for the network, not for our processor: others may begin. */
    PROBE_LOOP_TOKEN_MS = 100,
    PROBE_LOOP_SOON = 8,       /* wishes that are kept until the thread looks at them */
    PROBE_LOOP_SOON_MS = 1000, /* between two attempts that are hurried; shorter intervals: a quarter of them */
};

struct probe_loop_wish {
    char database[LIMITS_NAME];
    char region[LIMITS_NAME];
};

struct probe_loop {
    uv_loop_t uv;
    uv_async_t wake;
    uv_timer_t pace; /* ticks while somebody waits for a token */
    struct probe_pool_options options;
    probe_loop_driver_of driver_of;
    char site[LIMITS_NAME];
    struct probe_curl *curl;
    pthread_t thread;
    struct list slots;
    struct list waiting;
    uint32_t tokens;
    bool stopping;
    int schedstat; /* of this thread; -1: the kernel has none */
    uint64_t lost_at_ms;
    int64_t lost_us;
    /* Handed over by other threads. */
    pthread_mutex_t mutex;
    struct probe_spec *pending;
    uint32_t pending_count;
    struct probe_loop_wish soon[PROBE_LOOP_SOON];
    uint32_t soon_count;
    bool stop;
};

uv_loop_t *probe_loop_uv(struct probe_loop *loop)
{
    return &loop->uv;
}

struct probe_curl *probe_loop_curl(struct probe_loop *loop)
{
    return loop->curl;
}

const struct probe_pool_options *probe_loop_options(const struct probe_loop *loop)
{
    return &loop->options;
}

bool probe_loop_running(const struct probe_slot *slot)
{
    return slot->running;
}

int64_t probe_loop_elapsed_us(const struct probe_slot *slot)
{
    return time_since_us(clock_mono(), slot->result.started);
}

/* Time in which this thread did not wait for the world so far: it computed, or was ready to and did not get a processor
 * (/proc/.../schedstat, second number, nanoseconds). What it grows by during an attempt was lost to the attempt by us.
 */
static int64_t probe_loop_lost_us(struct probe_loop *loop)
{
    char text[128];
    long long delay_ns = 0;
    const ssize_t size = loop->schedstat < 0 ? -1 : pread(loop->schedstat, text, sizeof text - 1, 0);
    if (size > 0) {
        text[size] = 0;
        const char *second = strchr(text, ' ');
        delay_ns = second != NULL ? strtoll(second, NULL, 10) : 0;
    }
    return clock_thread_us() + delay_ns / 1000;
}

/* The same, read once per turn of the loop: good enough for a beginning. */
static int64_t probe_loop_lost_roughly_us(struct probe_loop *loop)
{
    if (loop->lost_at_ms != uv_now(&loop->uv)) {
        loop->lost_at_ms = uv_now(&loop->uv);
        loop->lost_us = probe_loop_lost_us(loop);
    }
    return loop->lost_us;
}

static void probe_loop_timer(uv_timer_t *timer);

static void probe_loop_arm(struct probe_slot *slot, int64_t delay_us)
{
    uv_update_time(&slot->loop->uv);
    const int64_t delay_ms = delay_us <= 0 ? 0 : (delay_us + TIME_US_PER_MS - 1) / TIME_US_PER_MS;
    uv_timer_start(&slot->timer, probe_loop_timer, (uint64_t)delay_ms, 0);
}

/* The next beat of the slot's rhythm: what we were too late for is left out, never made up in a burst. */
static void probe_loop_schedule(struct probe_slot *slot)
{
    const int64_t now_us = clock_mono().us;
    const int64_t interval_us = (int64_t)slot->spec.interval_ms * TIME_US_PER_MS;
    slot->due.us += interval_us;
    if (slot->due.us <= now_us) {
        slot->due.us += (now_us - slot->due.us) / interval_us * interval_us + interval_us;
    }
    probe_loop_arm(slot, slot->due.us - now_us);
}

void probe_loop_release(struct probe_slot *slot)
{
    if (slot->holds_token) {
        ASSERT(slot->loop->tokens > 0);
        slot->holds_token = false;
        slot->loop->tokens--;
    }
}

static void probe_loop_begin(struct probe_slot *slot)
{
    ASSERT(!slot->running);
    struct probe_result *result = &slot->result;
    *result = (struct probe_result){.id = slot->spec.id,
                                    .kind = slot->spec.kind,
                                    .value_ppm = PROBE_NONE,
                                    .requests = PROBE_NONE,
                                    .started = clock_mono()};
    memcpy(result->check, slot->spec.check, sizeof result->check);
    memcpy(result->region, slot->spec.region, sizeof result->region);
    const int64_t late_us = time_since_us(result->started, slot->due);
    result->phases.queue_us = late_us > 0 ? late_us : 0;
    slot->running = true;
    slot->grace = false;
    slot->news = false;
    slot->doing = "waiting for";
    slot->lost_us = probe_loop_lost_roughly_us(slot->loop);
    probe_loop_arm(slot, (int64_t)slot->spec.timeout_ms * TIME_US_PER_MS);
    slot->driver->start(slot);
}

static void probe_loop_grant(struct probe_slot *slot)
{
    slot->holds_token = true;
    slot->loop->tokens++;
    slot->token_end = time_add_ms(clock_mono(), PROBE_LOOP_TOKEN_MS);
    probe_loop_begin(slot);
}

static void probe_loop_pace(uv_timer_t *timer)
{
    struct probe_loop *loop = timer->data;
    const struct mono now = clock_mono();
    LIST_EACH(link, &loop->slots)
    {
        struct probe_slot *slot = LIST_ENTRY(link, struct probe_slot, all);
        if (slot->holds_token && time_reached(now, slot->token_end)) {
            probe_loop_release(slot);
        }
    }
    while (!list_empty(&loop->waiting) && loop->tokens < PROBE_HANDSHAKES) {
        struct probe_slot *slot = LIST_ENTRY(loop->waiting.next, struct probe_slot, waiting);
        list_remove(&slot->waiting);
        probe_loop_grant(slot);
    }
    if (list_empty(&loop->waiting)) {
        uv_timer_stop(&loop->pace);
    }
}

static void probe_loop_due(struct probe_slot *slot)
{
    struct probe_loop *loop = slot->loop;
    const bool heavy = slot->driver->heavy != NULL && slot->driver->heavy(slot);
    if (!heavy) {
        probe_loop_begin(slot);
    } else if (loop->tokens < PROBE_HANDSHAKES && list_empty(&loop->waiting)) {
        probe_loop_grant(slot);
    } else {
        list_append(&loop->waiting, &slot->waiting);
        if (!uv_is_active((uv_handle_t *)&loop->pace)) {
            uv_timer_start(&loop->pace, probe_loop_pace, 1, 1);
        }
    }
}

static const char *probe_loop_target(const struct probe_spec *spec)
{
    return spec->address[0] != 0 ? spec->address : spec->url[0] != 0 ? spec->url : spec->command;
}

/* Time that this thread lost is given back, and the sockets get one more look before a target counts as silent: timers
 * run before the events that came in while the thread was busy. */
static void probe_loop_timeout(struct probe_slot *slot)
{
    const int64_t timeout_us = (int64_t)slot->spec.timeout_ms * TIME_US_PER_MS;
    const int64_t lost_us = probe_loop_lost_us(slot->loop) - slot->lost_us;
    const int64_t left_us = timeout_us + lost_us - probe_loop_elapsed_us(slot);
    if (left_us > 0 || !slot->grace) {
        slot->grace = left_us <= 0;
        probe_loop_arm(slot, left_us > TIME_US_PER_MS ? left_us : TIME_US_PER_MS);
        return;
    }
    if (slot->driver->expire != NULL) {
        slot->driver->expire(slot);
        ASSERT(!slot->running);
        return;
    }
    slot->driver->cancel(slot);
    probe_loop_finish(slot, ERR_TIMEOUT, "timed out after %u ms %s %s", slot->spec.timeout_ms, slot->doing,
                      probe_loop_target(&slot->spec));
}

static void probe_loop_timer(uv_timer_t *timer)
{
    struct probe_slot *slot = timer->data;
    if (slot->running) {
        probe_loop_timeout(slot);
    } else {
        probe_loop_due(slot);
    }
}

/* Messages hold pieces of foreign answers: one line of printable ASCII is safe in logs, JSON and terminals. */
static void __attribute__((format(printf, 2, 0)))
probe_loop_message(struct probe_result *result, const char *format, va_list arguments)
{
    vsnprintf(result->message, sizeof result->message, format, arguments);
    for (char *at = result->message; *at != 0; at++) {
        if (*at == '\n' || *at == '\r' || *at == '\t') {
            *at = ' ';
        } else if (*at < ' ' || *at > '~') {
            *at = '?';
        }
    }
}

static void __attribute__((format(printf, 3, 4)))
probe_loop_fail(struct probe_result *result, enum err err, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    probe_loop_message(result, format, arguments);
    va_end(arguments);
    result->ok = false;
    result->error = err;
}

static void probe_loop_limits(struct probe_slot *slot)
{
    const struct probe_spec *spec = &slot->spec;
    struct probe_result *result = &slot->result;
    if (spec->figure == MODEL_FIGURE_P95 && result->value_ppm != PROBE_NONE) {
        result->latency_us = result->value_ppm;
    } else if (spec->latency_limit_us > 0) {
        const int64_t lost_us = probe_loop_lost_us(slot->loop) - slot->lost_us;
        if (result->latency_us - lost_us > (int64_t)spec->latency_limit_us) {
            probe_loop_fail(result, ERR_SLOW, "took %lld ms, limit %u ms", (long long)(result->latency_us / 1000),
                            spec->latency_limit_us / 1000);
            return;
        }
    }
    if (spec->limit_ppm <= 0 || result->value_ppm == PROBE_NONE || result->value_ppm <= spec->limit_ppm) {
        return;
    }
    if (spec->kind == PROBE_POSTGRES) {
        probe_loop_fail(result, ERR_LAG, "replication lag %lld ms, limit %lld ms", (long long)result->value_ppm / 1000,
                        (long long)spec->limit_ppm / 1000);
    } else if (spec->figure == MODEL_FIGURE_P95) {
        probe_loop_fail(result, ERR_LIMIT, "quantile %lld ms, limit %lld ms", (long long)result->value_ppm / 1000,
                        (long long)spec->limit_ppm / 1000);
    } else {
        probe_loop_fail(result, ERR_LIMIT, "value %.6g, limit %.6g", (double)result->value_ppm / 1e6,
                        (double)spec->limit_ppm / 1e6);
    }
}

void probe_loop_finish(struct probe_slot *slot, enum err err, const char *format, ...)
{
    ASSERT(slot->running);
    struct probe_result *result = &slot->result;
    va_list arguments;
    va_start(arguments, format);
    probe_loop_message(result, format, arguments);
    va_end(arguments);
    result->ended = clock_mono();
    if (result->phases.total_us == 0) {
        result->phases.total_us = time_since_us(result->ended, result->started);
    }
    result->latency_us = result->phases.total_us;
    result->ok = err == ERR_OK;
    result->error = err;
    if (result->ok) {
        probe_loop_limits(slot);
    }
    probe_loop_release(slot);
    slot->running = false;
    probe_loop_schedule(slot);
    slot->loop->options.sink(slot->loop->options.sink_context, result);
}

void probe_loop_finish_connection(struct probe_slot *slot, enum err err, const char *where)
{
    const char *words = err == ERR_REFUSED  ? "connection refused by"
                        : err == ERR_RESET  ? "connection reset by"
                        : err == ERR_CLOSED ? "connection closed by"
                                            : NULL;
    if (words != NULL) {
        probe_loop_finish(slot, err, "%s %s", words, where);
    } else {
        probe_loop_finish(slot, err, "%s: %s", err_text(err), where);
    }
}

void probe_loop_news(struct probe_slot *slot, enum err err, const char *format, ...)
{
    ASSERT(!slot->running && err != ERR_OK);
    slot->news = true;
    struct probe_result result = {.id = slot->spec.id,
                                  .kind = slot->spec.kind,
                                  .error = err,
                                  .news = true,
                                  .value_ppm = PROBE_NONE,
                                  .requests = PROBE_NONE,
                                  .started = clock_mono()};
    result.ended = result.started;
    memcpy(result.check, slot->spec.check, sizeof result.check);
    memcpy(result.region, slot->spec.region, sizeof result.region);
    va_list arguments;
    va_start(arguments, format);
    probe_loop_message(&result, format, arguments);
    va_end(arguments);
    slot->loop->options.sink(slot->loop->options.sink_context, &result);
}

/* ---- sets ---- */

static void probe_loop_slot_closed(uv_handle_t *handle)
{
    struct probe_slot *slot = handle->data;
    explicit_bzero(&slot->spec, sizeof slot->spec);
    free(slot);
}

static void probe_loop_remove(struct probe_slot *slot)
{
    if (slot->running) {
        slot->driver->cancel(slot);
        slot->running = false;
    }
    probe_loop_release(slot);
    if (slot->driver->close != NULL) {
        slot->driver->close(slot);
    }
    list_remove(&slot->all);
    list_remove(&slot->waiting);
    uv_close((uv_handle_t *)&slot->timer, probe_loop_slot_closed);
}

static bool probe_loop_add(struct probe_loop *loop, const struct probe_spec *spec)
{
    struct probe_slot *slot = calloc(1, sizeof *slot);
    if (slot == NULL) {
        return false;
    }
    slot->spec = *spec;
    slot->driver = loop->driver_of(spec->kind);
    slot->loop = loop;
    slot->doing = "";
    slot->keep = true;
    ASSERT(uv_timer_init(&loop->uv, &slot->timer) == 0);
    slot->timer.data = slot;
    list_init(&slot->waiting);
    list_append(&loop->slots, &slot->all);
    const uint32_t spread_ms = spec->interval_ms < PROBE_LOOP_FIRST_MS ? spec->interval_ms : PROBE_LOOP_FIRST_MS;
    uint64_t hash = hash_more(hash_text(loop->site), spec->check, strlen(spec->check));
    hash = hash_more(hash, spec->region, strlen(spec->region));
    slot->due = time_add_us(clock_mono(), (int64_t)(hash % ((uint64_t)spread_ms * TIME_US_PER_MS)));
    probe_loop_arm(slot, time_since_us(slot->due, clock_mono()));
    return true;
}

static bool probe_loop_same(const struct probe_spec *a, const struct probe_spec *b)
{
    struct probe_spec copy = *b;
    copy.id = a->id;
    const bool same = memcmp(a, &copy, sizeof copy) == 0;
    explicit_bzero(copy.password, sizeof copy.password);
    return same;
}

static struct probe_slot *probe_loop_find(struct probe_loop *loop, const struct probe_spec *spec)
{
    LIST_EACH(link, &loop->slots)
    {
        struct probe_slot *slot = LIST_ENTRY(link, struct probe_slot, all);
        if (!slot->keep && probe_loop_same(&slot->spec, spec)) {
            return slot;
        }
    }
    return NULL;
}

static void probe_loop_sweep(struct probe_loop *loop)
{
    struct list *link = loop->slots.next;
    while (link != &loop->slots) {
        struct probe_slot *slot = LIST_ENTRY(link, struct probe_slot, all);
        link = link->next;
        if (!slot->keep) {
            probe_loop_remove(slot);
        }
    }
}

static void probe_loop_apply(struct probe_loop *loop, const struct probe_spec *specs, uint32_t count)
{
    LIST_EACH(link, &loop->slots)
    {
        LIST_ENTRY(link, struct probe_slot, all)->keep = false;
    }
    for (uint32_t i = 0; i < count; i++) {
        struct probe_slot *slot = probe_loop_find(loop, &specs[i]);
        if (slot != NULL) {
            slot->keep = true;
            slot->spec.id = specs[i].id;
            slot->result.id = specs[i].id;
        }
    }
    probe_loop_sweep(loop);
    for (uint32_t i = 0; i < count; i++) {
        bool known = false;
        LIST_EACH(link, &loop->slots)
        {
            known = known || probe_loop_same(&LIST_ENTRY(link, struct probe_slot, all)->spec, &specs[i]);
        }
        if (!known) {
            ASSERT(probe_loop_add(loop, &specs[i]));
        }
    }
}

/* Those that were good when they were last looked at, and not just now. */
static void probe_loop_hurry(struct probe_loop *loop, const struct probe_loop_wish *wish)
{
    const struct mono now = clock_mono();
    LIST_EACH(link, &loop->slots)
    {
        struct probe_slot *slot = LIST_ENTRY(link, struct probe_slot, all);
        const bool meant = slot->spec.kind == PROBE_POSTGRES && strcmp(slot->spec.database, wish->database) == 0 &&
                           strcmp(slot->spec.region, wish->region) == 0;
        const int64_t quarter_ms = slot->spec.interval_ms / 4;
        const int64_t least_ms = quarter_ms < PROBE_LOOP_SOON_MS ? quarter_ms : PROBE_LOOP_SOON_MS;
        if (meant && !slot->running && list_empty(&slot->waiting) && slot->result.ok && !slot->news &&
            time_since_ms(now, slot->result.started) >= least_ms) {
            slot->due = now;
            probe_loop_arm(slot, 0);
        }
    }
}

static void probe_loop_stop(struct probe_loop *loop)
{
    probe_loop_apply(loop, NULL, 0);
    probe_curl_free(loop->curl);
    loop->curl = NULL;
    uv_close((uv_handle_t *)&loop->wake, NULL);
    uv_close((uv_handle_t *)&loop->pace, NULL);
}

static void probe_loop_wake(uv_async_t *async)
{
    struct probe_loop *loop = async->data;
    pthread_mutex_lock(&loop->mutex);
    struct probe_spec *specs = loop->pending;
    const uint32_t count = loop->pending_count;
    const bool stop = loop->stop;
    struct probe_loop_wish soon[PROBE_LOOP_SOON];
    const uint32_t soon_count = loop->soon_count;
    memcpy(soon, loop->soon, soon_count * sizeof soon[0]);
    loop->soon_count = 0;
    loop->pending = NULL;
    loop->pending_count = 0;
    pthread_mutex_unlock(&loop->mutex);
    for (uint32_t i = 0; i < soon_count && !stop && !loop->stopping; i++) {
        probe_loop_hurry(loop, &soon[i]);
    }
    if (specs != NULL && !stop) {
        probe_loop_apply(loop, specs, count);
    }
    if (specs != NULL) {
        explicit_bzero(specs, count * sizeof *specs);
        free(specs);
    }
    if (stop && !loop->stopping) {
        loop->stopping = true;
        probe_loop_stop(loop);
    }
}

static void *probe_loop_main(void *argument)
{
    struct probe_loop *loop = argument;
    loop->schedstat = open("/proc/thread-self/schedstat", O_RDONLY | O_CLOEXEC);
    uv_run(&loop->uv, UV_RUN_DEFAULT);
    ASSERT(loop->stopping);
    if (loop->schedstat >= 0) {
        close(loop->schedstat);
    }
    return NULL;
}

static enum err probe_loop_thread(struct probe_loop *loop)
{
    /* Signals are for the process's main thread. */
    sigset_t all;
    sigset_t before;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    const int status = pthread_create(&loop->thread, NULL, probe_loop_main, loop);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    if (status == 0) {
        pthread_setname_np(loop->thread, "probe");
    }
    return err_from_errno(status);
}

enum err probe_loop_new(const struct probe_pool_options *options, probe_loop_driver_of driver_of,
                        struct probe_loop **ret_loop)
{
    struct probe_loop *loop = calloc(1, sizeof *loop);
    if (loop == NULL) {
        return ERR_NO_MEMORY;
    }
    if (uv_loop_init(&loop->uv) != 0) {
        free(loop);
        return ERR_NO_MEMORY;
    }
    loop->options = *options;
    loop->driver_of = driver_of;
    snprintf(loop->site, sizeof loop->site, "%s", options->site != NULL ? options->site : "");
    loop->options.site = loop->site;
    list_init(&loop->slots);
    list_init(&loop->waiting);
    ASSERT(pthread_mutex_init(&loop->mutex, NULL) == 0);
    ASSERT(uv_async_init(&loop->uv, &loop->wake, probe_loop_wake) == 0);
    ASSERT(uv_timer_init(&loop->uv, &loop->pace) == 0);
    loop->wake.data = loop;
    loop->pace.data = loop;
    loop->curl = probe_curl_new(&loop->uv);
    const enum err err = loop->curl == NULL ? ERR_NO_MEMORY : probe_loop_thread(loop);
    if (err != ERR_OK) {
        loop->stopping = true;
        probe_loop_stop(loop);
        uv_run(&loop->uv, UV_RUN_DEFAULT);
        uv_loop_close(&loop->uv);
        free(loop);
        return err;
    }
    *ret_loop = loop;
    return ERR_OK;
}

void probe_loop_soon(struct probe_loop *loop, const char *database, const char *region)
{
    pthread_mutex_lock(&loop->mutex);
    if (loop->soon_count < PROBE_LOOP_SOON) {
        struct probe_loop_wish *wish = &loop->soon[loop->soon_count++];
        text_copy(wish->database, sizeof wish->database, database);
        text_copy(wish->region, sizeof wish->region, region);
    }
    pthread_mutex_unlock(&loop->mutex);
    uv_async_send(&loop->wake);
}

void probe_loop_set(struct probe_loop *loop, struct probe_spec *specs, uint32_t count)
{
    pthread_mutex_lock(&loop->mutex);
    struct probe_spec *overtaken = loop->pending;
    const uint32_t overtaken_count = loop->pending_count;
    loop->pending = specs;
    loop->pending_count = count;
    pthread_mutex_unlock(&loop->mutex);
    if (overtaken != NULL) {
        explicit_bzero(overtaken, overtaken_count * sizeof *overtaken);
        free(overtaken);
    }
    uv_async_send(&loop->wake);
}

void probe_loop_free(struct probe_loop *loop)
{
    pthread_mutex_lock(&loop->mutex);
    loop->stop = true;
    pthread_mutex_unlock(&loop->mutex);
    uv_async_send(&loop->wake);
    pthread_join(loop->thread, NULL);
    ASSERT(uv_loop_close(&loop->uv) == 0);
    pthread_mutex_destroy(&loop->mutex);
    free(loop->pending);
    free(loop);
}
