/* SPDX-License-Identifier: Apache-2.0
 * One DNS worker. */
#include "dns/dns_worker.h"

#include <errno.h>
#include <netinet/in.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "wire/dns_message.h"

enum { DNS_WORKER_WAKE_TAG = 0, DNS_WORKER_EVENTS = 64, DNS_WORKER_DRAIN_TICK_MS = 10 };

_Static_assert((int)DNS_WORKER_LISTENS <= (int)DNS_TCP_LISTENS, "each address is listened on with TCP as well");
_Static_assert((int)DNS_WORKER_MESSAGE >= (int)DNS_MESSAGE_UDP_MAX, "an answer fits where its query was");

/* ---- set-up ---- */

static enum err dns_worker_watch(struct dns_worker *worker, int fd, bool any)
{
    if (worker->udp_count == DNS_WORKER_UDP) {
        close(fd);
        return ERR_TOO_LARGE;
    }
    worker->waits[worker->udp_count] = (struct pollfd){.fd = fd, .events = POLLIN};
    worker->any[worker->udp_count++] = any;
    return ERR_OK;
}

/* The last worker takes whatever was given of an address: the kernel sends clients to every socket that is open. */
static enum err dns_worker_udp(struct dns_worker *worker, const struct dns_worker_place *place, uint32_t index)
{
    const struct sockaddr_storage *address = &place->listens[index];
    const bool any = dns_socket_any(address);
    int fd = dns_socket_take(place->given, address, SOCK_DGRAM);
    enum err err = fd < 0 ? dns_socket_open(address, SOCK_DGRAM, &fd) : ERR_OK;
    while (err == ERR_OK && fd >= 0) {
        err = dns_worker_watch(worker, fd, any);
        fd = place->last ? dns_socket_take(place->given, address, SOCK_DGRAM) : -1;
    }
    return err;
}

static enum err dns_worker_open(struct dns_worker *worker, const struct dns_worker_place *place)
{
    worker->epoll = epoll_create1(EPOLL_CLOEXEC);
    worker->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    worker->rate = calloc(1, sizeof *worker->rate);
    worker->sign = dns_sign_new();
    if (worker->rate == NULL || worker->sign == NULL || getrandom(worker->rate->key, SIPHASH_KEY, 0) != SIPHASH_KEY) {
        return ERR_NO_MEMORY;
    }
    struct epoll_event event = {.events = EPOLLIN, .data.u64 = DNS_WORKER_WAKE_TAG};
    if (worker->epoll < 0 || worker->wake < 0 || epoll_ctl(worker->epoll, EPOLL_CTL_ADD, worker->wake, &event) != 0) {
        return err_from_errno(errno);
    }
    for (uint32_t i = 0; i < place->listens_count; i++) {
        const enum err err = dns_worker_udp(worker, place, i);
        if (err != ERR_OK) {
            return err;
        }
    }
    worker->waits[worker->udp_count] = (struct pollfd){.fd = worker->epoll, .events = POLLIN};
    const enum err err = dns_tcp_init(&worker->tcp, worker->epoll, place->listens, place->listens_count, place->given);
    return err == ERR_OK ? publish_reader_open(&worker->reader, place->view_path, PUBLISH_DNS, place->name) : err;
}

enum err dns_worker_init(struct dns_worker *worker, struct dns_worker_shared *shared,
                         const struct dns_worker_place *place)
{
    ASSERT(place->listens_count > 0 && place->listens_count <= DNS_WORKER_LISTENS);
    worker->shared = shared;
    worker->view_path = place->view_path;
    worker->figures = place->figures;
    worker->epoll = -1;
    worker->wake = -1;
    worker->batch.used = DNS_WORKER_BATCH;
    const enum err err = dns_worker_open(worker, place);
    if (err != ERR_OK) {
        dns_worker_fini(worker);
    }
    return err;
}

void dns_worker_fini(struct dns_worker *worker)
{
    publish_reader_close(&worker->reader);
    free(worker->rate);
    worker->rate = NULL;
    dns_sign_free(worker->sign);
    worker->sign = NULL;
    dns_tcp_fini(&worker->tcp);
    for (uint32_t i = 0; i < worker->udp_count; i++) {
        close(worker->waits[i].fd);
    }
    worker->udp_count = 0;
    if (worker->wake >= 0) {
        close(worker->wake);
    }
    if (worker->epoll >= 0) {
        close(worker->epoll);
    }
    worker->wake = -1;
    worker->epoll = -1;
}

/* ---- answering ---- */

/* All heads as recvmmsg wants them: those of the last batch have been used. */
static void dns_worker_batch_reset(struct dns_worker *worker, bool any)
{
    struct dns_worker_batch *batch = &worker->batch;
    const uint32_t count = batch->any == any ? batch->used : DNS_WORKER_BATCH;
    for (uint32_t i = 0; i < count; i++) {
        batch->parts[i] = (struct iovec){batch->messages[i], DNS_WORKER_MESSAGE};
        batch->heads[i].msg_hdr.msg_name = &batch->peers[i];
        batch->heads[i].msg_hdr.msg_namelen = sizeof batch->peers[i];
        batch->heads[i].msg_hdr.msg_iov = &batch->parts[i];
        batch->heads[i].msg_hdr.msg_iovlen = 1;
        batch->heads[i].msg_hdr.msg_control = any ? batch->control[i] : NULL;
        batch->heads[i].msg_hdr.msg_controllen = any ? sizeof batch->control[i] : 0;
    }
    batch->used = 0;
    batch->any = any;
}

/* How many queries the next one stands for in the sketches. While few come each is looked at. */
static uint32_t dns_worker_batch_sample(struct dns_worker *worker, uint32_t count)
{
    worker->unsampled++;
    if (count > DNS_WORKER_FEW && worker->unsampled < DNS_WORKER_SAMPLE) {
        return 0;
    }
    const uint32_t sample = worker->unsampled;
    worker->unsampled = 0;
    return sample;
}

/* Turns the received queries into answers where they lie; those without an answer are skipped. Their number. */
static uint32_t dns_worker_batch_answer(struct dns_worker *worker, uint32_t count)
{
    struct dns_worker_batch *batch = &worker->batch;
    uint32_t answers = 0;
    for (uint32_t i = 0; i < count; i++) {
        struct mmsghdr *head = &batch->heads[i];
        size_t size = 0;
        worker->sample = dns_worker_batch_sample(worker, count);
        /* Port 0 cannot be answered (reflected garbage); a cut query is one that is too large. */
        if ((head->msg_hdr.msg_flags & MSG_TRUNC) == 0 && head->msg_hdr.msg_namelen > 0) {
            size = dns_worker_answer(worker, batch->messages[i], head->msg_len, DNS_WORKER_MESSAGE, &batch->peers[i],
                                     NULL);
        }
        if (size == 0) {
            continue;
        }
        batch->parts[i].iov_len = size;
        if (answers != i) {
            batch->heads[answers].msg_hdr = head->msg_hdr;
        }
        answers++;
    }
    return answers;
}

static void dns_worker_batch_send(struct dns_worker *worker, int fd, uint32_t count)
{
    uint32_t at = 0;
    while (at < count) {
        const int sent = sendmmsg(fd, worker->batch.heads + at, count - at, MSG_DONTWAIT);
        if (sent > 0) {
            at += (uint32_t)sent;
        } else if (sent < 0 && errno == EINTR) {
            continue;
        } else {
            /* This one cannot be sent (no route, buffer full): the others may. */
            dns_figures_add(&worker->figures->counters.send_failed, 1);
            at++;
        }
    }
}

static int64_t dns_worker_now_ns(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* One batch of a socket; true when more may be waiting. */
static bool dns_worker_udp_batch(struct dns_worker *worker, uint32_t index)
{
    const int fd = worker->waits[index].fd;
    dns_worker_batch_reset(worker, worker->any[index]);
    const int got = recvmmsg(fd, worker->batch.heads, DNS_WORKER_BATCH, MSG_DONTWAIT, NULL);
    if (got <= 0) {
        return false;
    }
    worker->batch.used = (uint32_t)got;
    const int64_t came_ns = dns_worker_now_ns();
    dns_figures_add(&worker->figures->counters.udp_queries, (uint64_t)got);
    const uint32_t answers = dns_worker_batch_answer(worker, (uint32_t)got);
    dns_worker_batch_send(worker, fd, answers);
    dns_figures_took(worker->figures, (uint64_t)got, dns_worker_now_ns() - came_ns);
    return got >= DNS_WORKER_BATCH / 4; /* a server that is busy need not ask whether there is more */
}

/* Takes the present catalogue and view; the policy is made anew only when one of them has changed. */
static void dns_worker_enter(struct dns_worker *worker)
{
    struct dns_worker_shared *shared = worker->shared;
    /* Generation before catalogue: whoever sees our generation knows that no older catalogue is used any more. */
    atomic_store(&worker->generation_seen, atomic_load(&shared->generation));
    const struct dns_catalog *catalog = atomic_load(&shared->catalog);
    const struct view *view = publish_reader_enter(&worker->reader);
    if (view == NULL) {
        view = shared->file_view;
    }
    if (catalog != worker->catalog || view != worker->policy.view ||
        (view != NULL && view->version != worker->policy.version)) {
        if (catalog != worker->catalog) {
            dns_tcp_forget(worker); /* zones of the old one, under way to secondaries */
            dns_sign_room(worker->sign, catalog->signatures);
        }
        worker->catalog = catalog;
        dns_policy_prepare(&worker->policy, view, catalog->dynamic, catalog->dynamic_count);
        dns_policy_steer(&worker->policy, catalog->steer);
    }
}

/* A few batches in a row, then the others' turn; a flood on one socket must not starve TCP. */
static void dns_worker_udp_turn(struct dns_worker *worker, uint32_t index)
{
    for (int i = 0; i < 4 && dns_worker_udp_batch(worker, index); i++) {
        dns_worker_enter(worker);
    }
}

static void dns_worker_event(struct dns_worker *worker, uint64_t tag, struct mono now)
{
    if (tag == DNS_WORKER_WAKE_TAG) {
        uint64_t count;
        (void)!read(worker->wake, &count, sizeof count);
    } else if (tag < DNS_TCP_CONNECTION_TAG) {
        dns_tcp_accept(worker, (uint32_t)(tag - DNS_TCP_LISTEN_TAG), now);
    } else {
        dns_tcp_event(worker, (uint32_t)(tag - DNS_TCP_CONNECTION_TAG), now);
    }
}

static void dns_worker_events(struct dns_worker *worker, struct mono now)
{
    struct epoll_event events[DNS_WORKER_EVENTS];
    const int count = epoll_wait(worker->epoll, events, DNS_WORKER_EVENTS, 0);
    for (int i = 0; i < count; i++) {
        dns_worker_event(worker, events[i].data.u64, now);
    }
}

/* What poll has found. */
static void dns_worker_turn(struct dns_worker *worker, struct mono now)
{
    for (uint32_t i = 0; i < worker->udp_count; i++) {
        if (worker->waits[i].revents != 0) {
            dns_worker_udp_turn(worker, i);
        }
    }
    if (worker->waits[worker->udp_count].revents != 0) {
        dns_worker_events(worker, now);
    }
}

/* Whether the worker is to end: it is told to, and its TCP clients have what they asked for. */
static bool dns_worker_done(struct dns_worker *worker)
{
    if (!atomic_load(&worker->shared->stop)) {
        return false;
    }
    if (worker->stops.us == 0) {
        worker->stops = clock_mono();
    }
    const uint32_t pending = dns_tcp_drain(worker);
    const int64_t since_ms = time_since_ms(clock_mono(), worker->stops);
    return worker->tcp.taken == 0 || since_ms >= (pending > 0 ? DNS_TCP_DRAIN_MS : DNS_TCP_LINGER_MS);
}

void *dns_worker_run(void *argument)
{
    struct dns_worker *worker = argument;
    struct mono tick = clock_mono();
    while (!dns_worker_done(worker)) {
        const int wait_ms = worker->stops.us == 0 ? DNS_WORKER_TICK_MS : DNS_WORKER_DRAIN_TICK_MS;
        const int ready = poll(worker->waits, worker->udp_count + 1, wait_ms);
        const struct mono now = clock_mono();
        worker->now_ms = (uint32_t)(now.us / 1000);
        worker->now_s = (uint32_t)(clock_wall().us / 1000000);
        dns_worker_enter(worker);
        if (ready > 0) {
            dns_worker_turn(worker, now);
        }
        publish_reader_leave(&worker->reader);
        if (time_since_ms(now, tick) >= DNS_WORKER_TICK_MS / 2) {
            tick = now;
            publish_reader_beat(&worker->reader);
            if (publish_reader_refresh(&worker->reader, worker->view_path)) {
                worker->policy.view = NULL; /* a new view may lie where the old one was */
                worker->policy.version = 0;
            }
            dns_tcp_reap(worker, now);
        }
    }
    return NULL;
}
