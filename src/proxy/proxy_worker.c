/* SPDX-License-Identifier: Apache-2.0
 * One thread that serves clients. */
#include "proxy/proxy_worker.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/timerfd.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/tcp.h"
#include "proxy/proxy_ahead.h"
#include "proxy/proxy_auth.h"
#include "proxy/proxy_batch.h"
#include "proxy/proxy_connect.h"
#include "proxy/proxy_lend.h"
#include "proxy/proxy_move.h"
#include "proxy/proxy_park.h"
#include "proxy/proxy_relay.h"
#include "proxy/proxy_session.h"
#include "proxy/proxy_startup.h"
#include "proxy/proxy_switch.h"
#include "wire/pg_message.h"

enum {
    PROXY_WORKER_EVENTS = 256,
    PROXY_WORKER_ACCEPTS = 32,  /* per event of a listener */
    PROXY_WORKER_LINE = 1024,   /* clients that the kernel has let in for a listener (edge/tcp.c) */
    PROXY_WORKER_WORDS = 256,   /* bytes of a refusal */
    PROXY_WORKER_SURPLUS = 256, /* connections beyond max_clients that are only told so, or carry cancels */
};

struct proxy_worker {
    const struct proxy_worker_shared *shared;
    struct proxy_session_context context;
    struct proxy_batch batch;
    pthread_t thread;
    int wake;             /* eventfd */
    int timer;            /* timerfd */
    struct mono timer_at; /* when it wakes us, TIME_NEVER: not; often too early, because deadlines move away */
    int reserve;          /* a descriptor to give up when there are no more, so that a client can be turned away */
    int listeners[PROXY_WORKER_LISTENERS];
    uint32_t listeners_count;
    uint32_t sessions_count;
    struct proxy_switch change;
    _Atomic uint64_t carried_out; /* what was acknowledged */
    _Atomic uint32_t paused;      /* likewise of the console's pauses */
    _Atomic(struct proxy_census *) asked;
    _Atomic int64_t grace_ms; /* >= 0: stop */
    struct mono stop_at;
    struct mono measured; /* the last turn of proxy_worker_measure */
};

static void proxy_worker_acknowledge(struct proxy_worker *worker)
{
    const uint64_t before = atomic_load_explicit(&worker->carried_out, memory_order_relaxed);
    if (before != worker->change.applied && proxy_switch_quiet(&worker->context)) {
        atomic_store_explicit(&worker->carried_out, worker->change.applied, memory_order_release);
        worker->shared->acknowledged(worker->shared->owner);
    }
}

static void proxy_worker_console(struct proxy_worker *worker)
{
    if (atomic_load_explicit(&worker->paused, memory_order_relaxed) != worker->change.pauses &&
        proxy_switch_still(&worker->context)) {
        atomic_store_explicit(&worker->paused, worker->change.pauses, memory_order_release);
    }
    if (atomic_load_explicit(&worker->context.tally.wanted, memory_order_relaxed)) {
        atomic_store_explicit(&worker->context.tally.wanted, false, memory_order_relaxed);
        proxy_tally_take(&worker->context);
    }
    if (atomic_load_explicit(&worker->asked, memory_order_relaxed) != NULL) {
        struct proxy_census *census = atomic_exchange(&worker->asked, NULL);
        if (census != NULL) {
            proxy_census_take(&worker->context, census);
        }
    }
}

/* ---- clients ---- */

/* Says why, once: there is no room to see to a client that does not take it. What it has sent is read first, because a
 * close over unread bytes would reset the connection. */
static void proxy_worker_refuse(struct proxy_worker *worker, int fd)
{
    uint8_t memory[PROXY_WORKER_WORDS];
    struct buf words;
    proxy_metrics_add(&worker->context.metrics, PROXY_METRICS_REFUSED_CLIENTS, 1);
    (void)!recv(fd, memory, sizeof memory, MSG_DONTWAIT);
    buf_init(&words, memory, sizeof memory);
    pg_message_error_write(&words, "FATAL", "53300", "too many connections to this proxy already", NULL);
    ASSERT(!words.overflow);
    (void)!send(fd, words.data, words.size, MSG_NOSIGNAL | MSG_DONTWAIT);
    close(fd);
}

/* Without descriptors the listener would be ready for ever: gives up the reserve to turn one client away. */
static void proxy_worker_turn_away(struct proxy_worker *worker, int listener)
{
    close(worker->reserve);
    const int fd = accept4(listener, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        proxy_worker_refuse(worker, fd);
    }
    worker->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

/* At most so many. */
static void proxy_worker_accept(struct proxy_worker *worker, int listener, uint32_t most)
{
    struct proxy_session_context *context = &worker->context;
    for (uint32_t i = 0; i < most; i++) {
        struct sockaddr_storage peer = {.ss_family = AF_UNSPEC};
        socklen_t size = sizeof peer;
        const int fd = accept4(listener, (struct sockaddr *)&peer, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                proxy_worker_turn_away(worker, listener);
            }
            return;
        }
        if (worker->sessions_count >= context->max_clients + PROXY_WORKER_SURPLUS) {
            proxy_worker_refuse(worker, fd);
            continue;
        }
        struct proxy_session *session = proxy_session_new(context, fd);
        if (session != NULL) {
            latency_seen_begin(&session->latency, &peer, context->now);
            worker->sessions_count++;
        }
    }
}

static void proxy_worker_step(struct proxy_session_context *context, struct proxy_session *session)
{
    switch (session->state) {
    case PROXY_SESSION_STARTUP:
        proxy_startup_step(context, session);
        break;
    case PROXY_SESSION_CHALLENGE:
        proxy_auth_step(context, session);
        break;
    case PROXY_SESSION_CONNECTING:
    case PROXY_SESSION_LOGIN:
    case PROXY_SESSION_AUTH:
        proxy_connect_step(context, session);
        break;
    case PROXY_SESSION_ACTIVE:
        proxy_relay_pump(context, session);
        break;
    case PROXY_SESSION_DRAINING:
        proxy_session_drain(context, session);
        break;
    case PROXY_SESSION_CLOSED:
    case PROXY_SESSION_STATES:
        break;
    }
}

static void proxy_worker_event(struct proxy_worker *worker, const struct epoll_event *event)
{
    struct proxy_end *end = event->data.ptr;
    end->readable = end->readable || (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    end->writable = end->writable || (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    if (end->tls != NULL) {
        end->readable = true; /* it reads in order to write, and the other way round */
        end->writable = true;
    }
    end->hangup = end->hangup || (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    if (end->session != NULL) { /* not dropped by an event before this one */
        proxy_worker_step(&worker->context, end->session);
    } else if (end->server != NULL && end->server->ahead) {
        proxy_ahead_event(&worker->context, end->server);
    } else if (end->server != NULL && (end->server->pool != NULL || end->server->spare != NULL)) {
        proxy_park_event(&worker->context, end->server);
    }
}

/* ---- time ---- */

static void proxy_worker_late(struct proxy_session_context *context, struct proxy_session *session)
{
    switch (session->state) {
    case PROXY_SESSION_STARTUP:
        proxy_session_end(context, session, PROXY_SESSION_STARTUP_SLOW, NULL);
        break;
    case PROXY_SESSION_CHALLENGE:
        proxy_auth_late(context, session);
        break;
    case PROXY_SESSION_CONNECTING:
    case PROXY_SESSION_LOGIN:
    case PROXY_SESSION_AUTH:
        proxy_connect_late(context, session);
        break;
    case PROXY_SESSION_DRAINING:
        proxy_session_drain(context, session);
        break;
    case PROXY_SESSION_ACTIVE: /* it has put something off */
        proxy_session_deadline(context, session, TIME_NEVER);
        proxy_relay_pump(context, session);
        break;
    case PROXY_SESSION_CLOSED:
    case PROXY_SESSION_STATES:
        break;
    }
}

/* Those whose deadline has passed; then the next deadline. A session's step may put it at the list's end again. */
static void proxy_worker_timers(struct proxy_worker *worker)
{
    struct proxy_session_context *context = &worker->context;
    if (!time_reached(context->now, context->next_deadline)) {
        return;
    }
    for (struct list *link = context->timed.next, *next; link != &context->timed; link = next) {
        next = link->next;
        struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, timed);
        if (time_reached(context->now, session->deadline)) {
            proxy_worker_late(context, session);
        }
    }
    context->next_deadline = TIME_NEVER;
    LIST_EACH(link, &context->timed)
    {
        const struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, timed);
        context->next_deadline = time_min(context->next_deadline, session->deadline);
    }
}

/* How far the clients of sessions that live on are: in turns, those that were looked at longest ago first. A worker
 * that sleeps has nothing to learn. */
static void proxy_worker_measure(struct proxy_worker *worker)
{
    struct proxy_session_context *context = &worker->context;
    if (!latency_seen_turn(&worker->measured, context->now)) {
        return;
    }
    for (int i = 0; i < LATENCY_SEEN_TURN && !list_empty(&context->sessions); i++) {
        struct proxy_session *session = LIST_ENTRY(context->sessions.next, struct proxy_session, link);
        if (!latency_seen_again(&context->latency, &session->latency, session->client.fd, context->now)) {
            return;
        }
        list_remove(&session->link);
        list_append(&context->sessions, &session->link);
    }
}

static struct mono proxy_worker_deadline(const struct proxy_worker *worker)
{
    const struct proxy_session_context *context = &worker->context;
    struct mono next = time_min(context->next_deadline, proxy_switch_deadline(&worker->change, context));
    next = time_min(next, time_min(context->pools_deadline, context->ahead_deadline));
    if (context->stopping && !time_reached(context->now, worker->stop_at)) {
        next = time_min(next, worker->stop_at);
    }
    return next;
}

/* Whether there is something to wait for; if so, the timer ends the wait in time. It is set anew only for what comes
 * earlier than before: a time-out given to each sleep costs more than waking up for nothing now and then. */
static bool proxy_worker_waits(struct proxy_worker *worker)
{
    const struct proxy_session_context *context = &worker->context;
    if (!list_empty(&context->ready) || !list_empty(&context->stirred)) {
        return false;
    }
    const struct mono next = proxy_worker_deadline(worker);
    if (next.us < worker->timer_at.us) {
        const int64_t at_us = next.us > 0 ? next.us : 1; /* 0 would disarm it */
        const struct itimerspec when = {
            .it_value = {.tv_sec = at_us / TIME_US_PER_S, .tv_nsec = at_us % TIME_US_PER_S * 1000}};
        const int result = timerfd_settime(worker->timer, TFD_TIMER_ABSTIME, &when, NULL);
        ASSERT(result == 0);
        worker->timer_at = next;
    }
    return true;
}

/* ---- the end ---- */

static void proxy_worker_listeners_close(struct proxy_worker *worker)
{
    for (uint32_t i = 0; i < worker->listeners_count; i++) {
        close(worker->listeners[i]);
    }
    worker->listeners_count = 0;
}

static void proxy_worker_stop_begin(struct proxy_worker *worker)
{
    const int64_t grace_ms = atomic_load(&worker->grace_ms);
    if (grace_ms < 0 || worker->context.stopping) {
        return;
    }
    worker->context.stopping = true;
    worker->stop_at = time_add_ms(worker->context.now, grace_ms);
    for (uint32_t i = 0; i < worker->listeners_count; i++) { /* who is in line there would be reset */
        proxy_worker_accept(worker, worker->listeners[i], PROXY_WORKER_LINE);
    }
    proxy_worker_listeners_close(worker);
}

/* Ends whoever may end now. */
static void proxy_worker_stop_sessions(struct proxy_worker *worker)
{
    struct proxy_session_context *context = &worker->context;
    const bool all = time_reached(context->now, worker->stop_at);
    for (struct list *link = context->sessions.next, *next; link != &context->sessions; link = next) {
        next = link->next;
        struct proxy_session *session = LIST_ENTRY(link, struct proxy_session, link);
        if (all || session->state < PROXY_SESSION_AUTH || proxy_session_idle(session)) {
            proxy_session_end(context, session, PROXY_SESSION_STOPPING, NULL);
        }
    }
}

static void proxy_worker_bury(struct proxy_worker *worker)
{
    struct proxy_session_context *context = &worker->context;
    while (!list_empty(&context->dead)) {
        struct proxy_session *session = LIST_ENTRY(context->dead.next, struct proxy_session, dead);
        proxy_session_free(context, session);
        ASSERT(worker->sessions_count > 0);
        worker->sessions_count--;
    }
    proxy_server_bury(context);
}

/* ---- the loop ---- */

/* Sessions that had more to relay than their turn allowed. */
static void proxy_worker_ready(struct proxy_worker *worker)
{
    struct proxy_session_context *context = &worker->context;
    struct list turn;
    list_init(&turn);
    while (!list_empty(&context->ready)) {
        struct list *link = context->ready.next;
        list_remove(link);
        list_append(&turn, link);
    }
    while (!list_empty(&turn)) {
        struct proxy_session *session = LIST_ENTRY(turn.next, struct proxy_session, ready);
        list_remove(&session->ready);
        proxy_worker_step(context, session);
    }
}

/* What is not a session's: a listener, the wake-up or the timer. */
static bool proxy_worker_own_event(struct proxy_worker *worker, const struct epoll_event *event)
{
    if (event->data.ptr == &worker->wake) {
        uint64_t count;
        (void)!read(worker->wake, &count, sizeof count);
        proxy_move_learn_all(&worker->context);
        proxy_move_inquire_all(&worker->context);
        proxy_auth_ask_all(&worker->context);
        return true;
    }
    if (event->data.ptr == &worker->timer) {
        uint64_t count;
        (void)!read(worker->timer, &count, sizeof count);
        worker->timer_at = TIME_NEVER;
        return true;
    }
    for (uint32_t i = 0; i < worker->shared->listen_count; i++) {
        if (event->data.ptr == &worker->listeners[i]) {
            if (i < worker->listeners_count) {
                proxy_worker_accept(worker, worker->listeners[i], PROXY_WORKER_ACCEPTS);
            }
            return true;
        }
    }
    return false;
}

static void proxy_worker_look(struct proxy_worker *worker)
{
    worker->context.now = clock_mono();
    proxy_switch_look(&worker->change, &worker->context, worker->shared->box);
    proxy_worker_stop_begin(worker);
}

static void *proxy_worker_run(void *argument)
{
    struct proxy_worker *worker = argument;
    struct proxy_session_context *context = &worker->context;
    struct epoll_event events[PROXY_WORKER_EVENTS];
    if (!worker->shared->single) {
        proxy_batch_init(&worker->batch);
    }
    proxy_worker_look(worker);
    proxy_worker_acknowledge(worker);
    while (!context->stopping || worker->sessions_count > 0) {
        const int count = epoll_wait(context->epoll, events, PROXY_WORKER_EVENTS, proxy_worker_waits(worker) ? -1 : 0);
        ASSERT(count >= 0 || errno == EINTR);
        proxy_worker_look(worker);
        for (int i = 0; i < count; i++) {
            if (!proxy_worker_own_event(worker, &events[i])) {
                proxy_worker_event(worker, &events[i]);
            }
        }
        proxy_lend_serve(context);
        proxy_worker_ready(worker);
        proxy_worker_timers(worker);
        proxy_worker_measure(worker);
        proxy_park_tend(context);
        proxy_ahead_tend(context);
        if (context->stopping) {
            proxy_worker_stop_sessions(worker);
        }
        proxy_batch_settle(context); /* before a word about what this turn has done, and before the next sleep */
        proxy_worker_acknowledge(worker);
        proxy_worker_console(worker);
        proxy_worker_bury(worker);
    }
    proxy_ahead_end(context);
    proxy_park_end(context);
    proxy_server_bury(context);
    proxy_batch_fini(&worker->batch);
    return NULL;
}

void proxy_worker_free(struct proxy_worker *worker)
{
    proxy_worker_listeners_close(worker);
    close(worker->wake);
    close(worker->timer);
    close(worker->reserve);
    close(worker->context.epoll);
    free(worker->context.buffer);
    free(worker->context.rewritten);
    proxy_shelf_free(worker->context.shelf);
    free(worker);
}

static enum err proxy_worker_add(struct proxy_worker *worker, int fd, void *tag)
{
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = tag};
    return epoll_ctl(worker->context.epoll, EPOLL_CTL_ADD, fd, &event) == 0 ? ERR_OK : err_from_errno(errno);
}

static enum err proxy_worker_listen(struct proxy_worker *worker)
{
    const struct proxy_worker_shared *shared = worker->shared;
    ASSERT(shared->listen_count <= PROXY_WORKER_LISTENERS);
    for (uint32_t i = 0; i < shared->listen_count; i++) {
        enum err err = tcp_listen(&shared->listen[i], &worker->listeners[i]);
        if (err == ERR_OK) {
            worker->listeners_count++;
            (void)fcntl(worker->listeners[i], F_SETFL, O_NONBLOCK);
            err = proxy_worker_add(worker, worker->listeners[i], &worker->listeners[i]);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    const enum err err = proxy_worker_add(worker, worker->timer, &worker->timer);
    return err == ERR_OK ? proxy_worker_add(worker, worker->wake, &worker->wake) : err;
}

static void proxy_worker_context(struct proxy_worker *worker, uint32_t index)
{
    const struct proxy_worker_shared *shared = worker->shared;
    struct proxy_session_context *context = &worker->context;
    *context = (struct proxy_session_context){
        .epoll = epoll_create1(EPOLL_CLOEXEC),
        .batch = &worker->batch,
        .now = clock_mono(),
        .cancel = shared->cancel,
        .clients = shared->clients,
        .max_clients = shared->max_clients,
        .startup_timeout_ms = shared->startup_timeout_ms,
        .connect_wait_ms = shared->connect_wait_ms,
        .connect_timeout_ms = shared->connect_timeout_ms,
        .auth_timeout_ms = shared->auth_timeout_ms,
        .login = shared->login,
        .challenge = shared->challenge,
        .roster = shared->roster,
        .rules = shared->rules,
        .mock_secret = shared->mock_secret,
        .tls = shared->tls,
        .tls_mode = shared->tls_mode,
        .server_tls = shared->server_tls,
        .vault = shared->vault,
        .outcome = shared->outcome,
        .worker = index,
        .workers = shared->workers,
        .route_clients = shared->route_clients,
        .pools_deadline = TIME_NEVER,
        .ahead_deadline = TIME_NEVER,
        .door = shared->door,
        .next_deadline = TIME_NEVER,
        .buffer = malloc(shared->buffer_bytes),
        .buffer_size = shared->buffer_bytes,
    };
    list_init(&context->sessions);
    list_init(&context->timed);
    list_init(&context->ready);
    list_init(&context->dead);
    list_init(&context->dropped);
    list_init(&context->pools);
    list_init(&context->stirred);
    list_init(&context->spares);
    list_init(&context->learning);
    list_init(&context->inquiries);
    list_init(&context->asking);
}

enum err proxy_worker_start(const struct proxy_worker_shared *shared, uint32_t index, struct proxy_worker **ret_worker)
{
    struct proxy_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return ERR_NO_MEMORY;
    }
    worker->shared = shared;
    worker->change.hold_timeout_ms = shared->hold_timeout_ms;
    proxy_worker_context(worker, index);
    (void)proxy_switch_edition(&worker->change, &worker->context, shared->box);
    atomic_store(&worker->grace_ms, -1);
    worker->timer = timerfd_create(CLOCK_BOOTTIME, TFD_CLOEXEC | TFD_NONBLOCK); /* the clock of clock_mono */
    worker->timer_at = TIME_NEVER;
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    enum err err = ERR_OK;
    if (worker->wake < 0 || worker->timer < 0 || worker->reserve < 0 || worker->context.epoll < 0) {
        err = err_from_errno(errno);
    } else if (worker->context.buffer == NULL) {
        err = ERR_NO_MEMORY;
    } else {
        err = proxy_worker_listen(worker);
    }
    if (err == ERR_OK) {
        const int number = pthread_create(&worker->thread, NULL, proxy_worker_run, worker);
        err = number == 0 ? ERR_OK : err_from_errno(number);
    }
    if (err != ERR_OK) {
        proxy_worker_free(worker);
        return err;
    }
    *ret_worker = worker;
    return ERR_OK;
}

void proxy_worker_wake(struct proxy_worker *worker)
{
    const uint64_t one = 1;
    (void)!write(worker->wake, &one, sizeof one);
}

void proxy_worker_ask(struct proxy_worker *worker, struct proxy_census *census)
{
    ASSERT(atomic_load(&worker->asked) == NULL);
    atomic_store(&worker->asked, census);
    proxy_worker_wake(worker);
}

bool proxy_worker_unask(struct proxy_worker *worker)
{
    return atomic_exchange(&worker->asked, NULL) != NULL;
}

uint32_t proxy_worker_paused(const struct proxy_worker *worker)
{
    return atomic_load_explicit(&worker->paused, memory_order_acquire);
}

uint64_t proxy_worker_left(const struct proxy_worker *worker)
{
    return atomic_load_explicit(&worker->change.left, memory_order_acquire);
}

uint64_t proxy_worker_version(const struct proxy_worker *worker)
{
    return atomic_load_explicit(&worker->carried_out, memory_order_acquire);
}

void proxy_worker_metrics(const struct proxy_worker *worker, struct proxy_metrics_sum *sum)
{
    proxy_metrics_collect(&worker->context.metrics, sum);
}

void proxy_worker_sight(const struct proxy_worker *worker, struct sight_sum *sum, uint32_t *count)
{
    sight_collect(&worker->context.sight, sum, count);
}

struct latency_seen *proxy_worker_latency(struct proxy_worker *worker)
{
    return &worker->context.latency;
}

void proxy_worker_stat(const struct proxy_worker *worker, struct proxy_stat_sum *sum)
{
    proxy_stat_collect(&worker->context.stat, sum);
}

void proxy_worker_tally(const struct proxy_worker *worker, struct proxy_tally_sum *sum)
{
    proxy_tally_collect(&worker->context.tally, sum);
}

void proxy_worker_tally_ask(struct proxy_worker *worker)
{
    atomic_store_explicit(&worker->context.tally.wanted, true, memory_order_relaxed);
    proxy_worker_wake(worker);
}

void proxy_worker_stop(struct proxy_worker *worker, int64_t grace_ms)
{
    ASSERT(grace_ms >= 0);
    atomic_store(&worker->grace_ms, grace_ms);
    proxy_worker_wake(worker);
}

void proxy_worker_join(struct proxy_worker *worker)
{
    pthread_join(worker->thread, NULL);
}
