/* SPDX-License-Identifier: Apache-2.0
 * One thread that relays. */
#include "service/service_worker.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/tcp.h"
#include "service/service_connect.h"
#include "service/service_relay.h"
#include "service/service_session.h"
#include "service/service_switch.h"

enum {
    SERVICE_WORKER_EVENTS = 256,
    SERVICE_WORKER_ACCEPTS = 32, /* per event of a listener */
    SERVICE_WORKER_PACE_MS = 10, /* between two looks at what is due, of all sessions */
    SERVICE_WORKER_LONGEST_MS = 60000,
};

struct service_worker_listener {
    int fd; /* -1: free */
    struct service_setup_listener what;
};

struct service_worker {
    const struct service_worker_shared *shared;
    struct service_session_context context;
    pthread_t thread;
    int wake;    /* eventfd */
    int reserve; /* a descriptor to give up when there are no more, so that a client can be turned away */
    struct service_worker_listener listeners[SERVICE_SETUP_LISTENERS];
    struct view view; /* its own copies of what it has carried out */
    struct service_setup setup;
    uint64_t turn; /* of the box, as carried out */
    _Atomic uint64_t version;
    _Atomic int64_t grace_ms; /* >= 0: stop */
    bool stopping;
    struct mono stop_at;
    struct mono measured; /* the last turn of service_worker_measure */
};

/* ---- listeners ---- */

static void service_worker_close(struct service_worker_listener *listener)
{
    if (listener->fd >= 0) {
        close(listener->fd);
        listener->fd = -1;
    }
}

static bool service_worker_has(const struct service_worker *worker, const struct service_setup_listener *what)
{
    for (uint32_t i = 0; i < SERVICE_SETUP_LISTENERS; i++) {
        const struct service_worker_listener *listener = &worker->listeners[i];
        if (listener->fd >= 0 && listener->what.slot == what->slot &&
            service_setup_same(&listener->what.address, &what->address)) {
            return true;
        }
    }
    return false;
}

static void service_worker_open(struct service_worker *worker, const struct service_setup_listener *what)
{
    uint32_t at = 0;
    while (at < SERVICE_SETUP_LISTENERS && worker->listeners[at].fd >= 0) {
        at++;
    }
    ASSERT(at < SERVICE_SETUP_LISTENERS);
    struct service_worker_listener *listener = &worker->listeners[at];
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = listener};
    enum err err = tcp_listen(&what->address, &listener->fd);
    if (err == ERR_OK && epoll_ctl(worker->context.epoll, EPOLL_CTL_ADD, listener->fd, &event) != 0) {
        err = err_from_errno(errno);
        service_worker_close(listener);
    }
    if (err != ERR_OK) {
        char text[TCP_ADDRESS];
        tcp_print(&what->address, text);
        LOG_E("service %s: cannot listen on %s: %s", worker->setup.services[what->slot].name, text, err_text(err));
        return;
    }
    listener->what = *what;
}

/* Closes first: an address may go from one service to another. */
static void service_worker_listen(struct service_worker *worker)
{
    for (uint32_t i = 0; i < SERVICE_SETUP_LISTENERS; i++) {
        struct service_worker_listener *listener = &worker->listeners[i];
        if (listener->fd >= 0 && (worker->stopping || !service_setup_listens(&worker->setup, &listener->what))) {
            service_worker_close(listener);
        }
    }
    for (uint32_t i = 0; i < worker->setup.listeners_count && !worker->stopping; i++) {
        if (!service_worker_has(worker, &worker->setup.listeners[i])) {
            service_worker_open(worker, &worker->setup.listeners[i]);
        }
    }
}

/* ---- clients ---- */

static struct view_address service_worker_peer(const struct sockaddr_storage *storage)
{
    struct view_address address = {.family = 4};
    if (storage->ss_family == AF_INET6) {
        const struct sockaddr_in6 *six = (const struct sockaddr_in6 *)storage;
        address.family = 6;
        address.port = ntohs(six->sin6_port);
        memcpy(address.bytes, &six->sin6_addr, 16);
    } else {
        const struct sockaddr_in *four = (const struct sockaddr_in *)storage;
        address.port = ntohs(four->sin_port);
        memcpy(address.bytes, &four->sin_addr, 4);
    }
    return address;
}

/* Without descriptors the listener would be ready for ever: gives up the reserve to turn one client away. */
static void service_worker_turn_away(struct service_worker *worker, const struct service_worker_listener *listener)
{
    close(worker->reserve);
    const int fd = accept4(listener->fd, NULL, NULL, SOCK_CLOEXEC);
    if (fd >= 0) {
        close(fd);
        service_metrics_add(&worker->context.metrics[listener->what.slot], SERVICE_METRICS_REFUSED_LIMIT, 1);
    }
    worker->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
}

static void service_worker_accept(struct service_worker *worker, const struct service_worker_listener *listener)
{
    for (int i = 0; i < SERVICE_WORKER_ACCEPTS; i++) {
        struct sockaddr_storage storage = {0};
        socklen_t size = sizeof storage;
        const int fd = accept4(listener->fd, (struct sockaddr *)&storage, &size, SOCK_CLOEXEC | SOCK_NONBLOCK);
        if (fd < 0) {
            if (errno == EMFILE || errno == ENFILE) {
                service_worker_turn_away(worker, listener);
            }
            return;
        }
        const struct view_address peer = service_worker_peer(&storage);
        struct service_session *session = service_session_new(&worker->context, listener->what.slot, fd, &peer);
        if (session != NULL) {
            latency_seen_begin(&session->latency, &storage, worker->context.now);
        }
        if (session != NULL && session->state == SERVICE_SESSION_CONNECTING) {
            service_connect_begin(&worker->context, session);
        }
    }
}

static void service_worker_step(struct service_session_context *context, struct service_session *session)
{
    if (session->state == SERVICE_SESSION_CONNECTING) {
        service_connect_step(context, session);
    } else if (session->state == SERVICE_SESSION_ACTIVE) {
        service_relay_pump(context, session);
    }
}

static void service_worker_event(struct service_worker *worker, const struct epoll_event *event)
{
    struct service_session_end *end = event->data.ptr;
    end->readable = end->readable || (event->events & (EPOLLIN | EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    end->writable = end->writable || (event->events & (EPOLLOUT | EPOLLHUP | EPOLLERR)) != 0;
    end->hangup = end->hangup || (event->events & (EPOLLRDHUP | EPOLLHUP | EPOLLERR)) != 0;
    service_worker_step(&worker->context, end->session);
}

/* What is not a session's: a listener or the wake-up. */
static bool service_worker_own_event(struct service_worker *worker, const struct epoll_event *event)
{
    if (event->data.ptr == &worker->wake) {
        uint64_t count;
        (void)!read(worker->wake, &count, sizeof count);
        return true;
    }
    for (uint32_t i = 0; i < SERVICE_SETUP_LISTENERS; i++) {
        if (event->data.ptr == &worker->listeners[i]) {
            if (worker->listeners[i].fd >= 0) {
                service_worker_accept(worker, &worker->listeners[i]);
            }
            return true;
        }
    }
    return false;
}

/* ---- time ---- */

static void service_worker_late(struct service_session_context *context, struct service_session *session)
{
    if (session->state == SERVICE_SESSION_CONNECTING) {
        service_connect_late(context, session);
    } else if (time_reached(context->now, session->drain_until)) {
        service_session_end(context, session, SERVICE_METRICS_CUT_DRAINED, true);
    } else {
        service_session_end(context, session, SERVICE_METRICS_CUT_IDLE, true);
    }
}

static void service_worker_timers(struct service_worker *worker)
{
    struct service_session_context *context = &worker->context;
    if (!time_reached(context->now, context->next_due)) {
        return;
    }
    for (struct list *link = context->sessions.next, *next; link != &context->sessions; link = next) {
        next = link->next;
        struct service_session *session = LIST_ENTRY(link, struct service_session, link);
        if (time_reached(context->now, service_session_due(context, session))) {
            service_worker_late(context, session);
        }
    }
    struct mono soonest = TIME_NEVER;
    LIST_EACH(link, &context->sessions)
    {
        soonest = time_min(soonest, service_session_due(context, LIST_ENTRY(link, struct service_session, link)));
    }
    const struct mono pace = time_add_ms(context->now, SERVICE_WORKER_PACE_MS);
    context->next_due = soonest.us == TIME_NEVER.us ? TIME_NEVER : time_max(soonest, pace);
}

static int service_worker_timeout(const struct service_worker *worker)
{
    const struct service_session_context *context = &worker->context;
    if (!list_empty(&context->ready)) {
        return 0;
    }
    struct mono next = context->next_due;
    if (worker->stopping && !time_reached(context->now, worker->stop_at)) {
        next = time_min(next, worker->stop_at);
    }
    if (next.us == TIME_NEVER.us) {
        return -1;
    }
    const int64_t left_us = time_since_us(next, clock_mono());
    const int64_t left_ms = left_us <= 0 ? 0 : left_us / TIME_US_PER_MS + 1;
    return (int)(left_ms < SERVICE_WORKER_LONGEST_MS ? left_ms : SERVICE_WORKER_LONGEST_MS);
}

/* ---- the loop ---- */

static void service_worker_say(struct service_worker *worker, uint64_t version)
{
    if (atomic_load(&worker->version) != version) {
        atomic_store(&worker->version, version);
        worker->shared->carried(worker->shared->owner);
    }
}

/* A slot that another service has now counts anew. */
static void service_worker_count_anew(struct service_worker *worker, const struct service_setup *next)
{
    for (uint32_t slot = 0; slot < LIMITS_SERVICES; slot++) {
        if (strcmp(worker->setup.services[slot].name, next->services[slot].name) != 0) {
            service_metrics_clear(&worker->context.metrics[slot]);
        }
    }
}

static void service_worker_look(struct service_worker *worker)
{
    struct service_worker_box *box = worker->shared->box;
    worker->context.now = clock_mono();
    if (atomic_load(&worker->grace_ms) >= 0 && !worker->stopping) {
        worker->stopping = true;
        worker->stop_at = time_add_ms(worker->context.now, atomic_load(&worker->grace_ms));
        service_worker_listen(worker);
    }
    if (atomic_load_explicit(&box->turn, memory_order_acquire) == worker->turn) {
        return;
    }
    pthread_mutex_lock(&box->lock);
    const uint64_t turn = atomic_load(&box->turn);
    const bool known = box->filled;
    worker->view = box->view;
    service_worker_count_anew(worker, &box->setup);
    worker->setup = box->setup;
    pthread_mutex_unlock(&box->lock);
    service_worker_listen(worker);
    service_switch_apply(&worker->context, &worker->setup, known ? &worker->view : NULL);
    worker->turn = turn;
    service_worker_say(worker, known ? worker->view.version : 0);
}

/* Moves a list aside, so that what is put back waits for the next round. */
static void service_worker_turns(struct service_worker *worker)
{
    struct service_session_context *context = &worker->context;
    struct list round;
    list_init(&round);
    while (!list_empty(&context->ready)) {
        struct list *link = context->ready.next;
        list_remove(link);
        list_append(&round, link);
    }
    while (!list_empty(&round)) {
        struct service_session *session = LIST_ENTRY(round.next, struct service_session, ready);
        list_remove(&session->ready);
        service_worker_step(context, session);
    }
}

/* Buffers came back: who waited for one may read. */
static void service_worker_feed(struct service_worker *worker)
{
    struct service_session_context *context = &worker->context;
    uint32_t left = context->buffers.limit - context->buffers.used;
    while (left-- > 0 && !list_empty(&context->starved)) {
        struct service_session *session = LIST_ENTRY(context->starved.next, struct service_session, starved);
        list_remove(&session->starved);
        list_remove(&session->ready);
        list_append(&context->ready, &session->ready);
    }
}

static void service_worker_stop_sessions(struct service_worker *worker)
{
    struct service_session_context *context = &worker->context;
    const bool all = time_reached(context->now, worker->stop_at);
    for (struct list *link = context->sessions.next, *next; link != &context->sessions; link = next) {
        next = link->next;
        struct service_session *session = LIST_ENTRY(link, struct service_session, link);
        if (all || session->state == SERVICE_SESSION_CONNECTING) {
            service_session_end(context, session, SERVICE_METRICS_COUNT, true);
        }
    }
}

static void service_worker_bury(struct service_worker *worker)
{
    struct service_session_context *context = &worker->context;
    while (!list_empty(&context->dead)) {
        service_session_free(context, LIST_ENTRY(context->dead.next, struct service_session, dead));
    }
}

/* How far the clients of connections that live on are: in turns, those that were looked at longest ago first. A worker
 * that sleeps has nothing to learn. */
static void service_worker_measure(struct service_worker *worker)
{
    struct service_session_context *context = &worker->context;
    if (!latency_seen_turn(&worker->measured, context->now)) {
        return;
    }
    for (int i = 0; i < LATENCY_SEEN_TURN && !list_empty(&context->sessions); i++) {
        struct service_session *session = LIST_ENTRY(context->sessions.next, struct service_session, link);
        if (!latency_seen_again(&context->latency, &session->latency, session->client.fd, context->now)) {
            return;
        }
        list_remove(&session->link);
        list_append(&context->sessions, &session->link);
    }
}

static void *service_worker_run(void *argument)
{
    struct service_worker *worker = argument;
    struct service_session_context *context = &worker->context;
    struct epoll_event events[SERVICE_WORKER_EVENTS];
    service_worker_look(worker);
    while (!worker->stopping || !list_empty(&context->sessions)) {
        const int count = epoll_wait(context->epoll, events, SERVICE_WORKER_EVENTS, service_worker_timeout(worker));
        ASSERT(count >= 0 || errno == EINTR);
        service_worker_look(worker);
        for (int i = 0; i < count; i++) {
            if (!service_worker_own_event(worker, &events[i])) {
                service_worker_event(worker, &events[i]);
            }
        }
        service_worker_turns(worker);
        service_worker_timers(worker);
        service_worker_measure(worker);
        if (worker->stopping) {
            service_worker_stop_sessions(worker);
        }
        service_worker_feed(worker);
        service_worker_bury(worker);
    }
    service_worker_say(worker, UINT64_MAX);
    return NULL;
}

/* ---- start and end ---- */

void service_worker_free(struct service_worker *worker)
{
    for (uint32_t i = 0; i < SERVICE_SETUP_LISTENERS; i++) {
        service_worker_close(&worker->listeners[i]);
    }
    if (worker->wake >= 0) {
        close(worker->wake);
    }
    if (worker->reserve >= 0) {
        close(worker->reserve);
    }
    if (worker->context.epoll >= 0) {
        close(worker->context.epoll);
    }
    service_buffer_close(&worker->context.buffers);
    free(worker);
}

static void service_worker_context(struct service_worker *worker)
{
    struct service_session_context *context = &worker->context;
    context->epoll = epoll_create1(EPOLL_CLOEXEC);
    context->now = clock_mono();
    context->open = worker->shared->open;
    context->setup = &worker->setup;
    context->next_due = TIME_NEVER;
    service_buffer_open(&context->buffers, worker->shared->buffers);
    list_init(&context->sessions);
    list_init(&context->ready);
    list_init(&context->starved);
    list_init(&context->dead);
    for (uint32_t i = 0; i < SERVICE_SETUP_LISTENERS; i++) {
        worker->listeners[i].fd = -1;
    }
}

enum err service_worker_start(const struct service_worker_shared *shared, struct service_worker **ret_worker)
{
    struct service_worker *worker = calloc(1, sizeof *worker);
    if (worker == NULL) {
        return ERR_NO_MEMORY;
    }
    worker->shared = shared;
    service_worker_context(worker);
    atomic_store(&worker->grace_ms, -1);
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->reserve = open("/dev/null", O_RDONLY | O_CLOEXEC);
    struct epoll_event event = {.events = EPOLLIN, .data.ptr = &worker->wake};
    int number = worker->wake < 0 || worker->reserve < 0 || worker->context.epoll < 0 ||
                         epoll_ctl(worker->context.epoll, EPOLL_CTL_ADD, worker->wake, &event) != 0
                     ? errno
                     : 0;
    if (number == 0) {
        number = pthread_create(&worker->thread, NULL, service_worker_run, worker);
    }
    if (number != 0) {
        service_worker_free(worker);
        return err_from_errno(number);
    }
    *ret_worker = worker;
    return ERR_OK;
}

void service_worker_wake(struct service_worker *worker)
{
    const uint64_t one = 1;
    (void)!write(worker->wake, &one, sizeof one);
}

uint64_t service_worker_version(const struct service_worker *worker)
{
    return atomic_load(&worker->version);
}

void service_worker_metrics(const struct service_worker *worker, uint32_t slot, struct service_metrics_sum *sum)
{
    ASSERT(slot < LIMITS_SERVICES);
    service_metrics_collect(&worker->context.metrics[slot], sum);
}

void service_worker_sight(const struct service_worker *worker, struct sight_sum *sum, uint32_t *count)
{
    sight_collect(&worker->context.sight, sum, count);
}

struct latency_seen *service_worker_latency(struct service_worker *worker)
{
    return &worker->context.latency;
}

void service_worker_stop(struct service_worker *worker, int64_t grace_ms)
{
    ASSERT(grace_ms >= 0);
    atomic_store(&worker->grace_ms, grace_ms);
    service_worker_wake(worker);
}

void service_worker_join(struct service_worker *worker)
{
    pthread_join(worker->thread, NULL);
}
