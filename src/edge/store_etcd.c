/* SPDX-License-Identifier: Apache-2.0
 * The etcd store: its queue, its threads, and who may run beside whom. */
#include "edge/store_etcd.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <openssl/rand.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/metric.h"
#include "edge/store_etcd_chief.h"
#include "edge/store_etcd_commit.h"
#include "edge/store_etcd_keep.h"
#include "edge/store_etcd_line.h"
#include "edge/store_etcd_member.h"
#include "edge/store_etcd_order.h"
#include "edge/store_etcd_read.h"
#include "edge/store_etcd_watch.h"

enum {
    STORE_ETCD_WORKERS = 8,
    STORE_ETCD_COMMITS = 6, /* at a time: commits that wait for their fate leave room for reads */
    STORE_ETCD_WINDOW = 64, /* how far ahead of a waiting request others may overtake it */
    STORE_ETCD_WAITERS = 256,
    STORE_ETCD_QUEUE_BYTES = 64 * 1024 * 1024,
    STORE_ETCD_TRIES = 3, /* times the time-out: a request's time */
    STORE_ETCD_TICK_MS = 100,
    STORE_ETCD_LOOK_MS = 1000,    /* between looks at members that do not answer, and for changes */
    STORE_ETCD_MEASURE_MS = 5000, /* between looks at all members */
};

struct store_etcd_worker {
    struct store_etcd *store;
    pthread_t thread;
    struct store_etcd_line line;
    struct store_etcd_slot slot;
    bool busy;                    /* under the store's mutex */
    struct store_request request; /* while busy: what others must not overtake */
    struct arena memory;          /* of `request`, once its job is gone */
};

struct store_etcd {
    struct store store;
    struct store_etcd_members *members;
    struct store_etcd_count count;
    struct store_etcd_watch *watch; /* the keeper's; runs once somebody waits */
    struct store_etcd_worker workers[STORE_ETCD_WORKERS];
    size_t worker_count;
    struct store_etcd_line line; /* the keeper's */
    struct store_etcd_keep keep;
    struct store_etcd_chief chief;
    _Atomic(uint32_t) wanted; /* members one of which should lead etcd */
    pthread_t timer;
    pthread_t keeper;
    bool timed;
    bool kept;
    pthread_mutex_t telling; /* one answer is told at a time; never taken while `mutex` is held */

    pthread_mutex_t mutex; /* guards what follows */
    pthread_cond_t work;
    pthread_cond_t tick;
    struct list queue;
    size_t queued;
    size_t queued_bytes;
    struct list waiting; /* CHANGES without an answer yet, read at answer.revision */
    size_t waiters;
    uint64_t changed;     /* newest revision that the watch has told of */
    uint64_t gaps;        /* times that it may have missed something */
    struct mono answered; /* when the store last answered anything */
    enum err failed;      /* of the last commit, to log a change only once */
    bool closing;
    bool ending; /* the timer and the keeper too */
};

static struct store_etcd *store_etcd_of(struct store *store)
{
    return (struct store_etcd *)(void *)((char *)store - offsetof(struct store_etcd, store));
}

static uint32_t store_etcd_timeout_ms(const struct store_etcd *store)
{
    return store_etcd_member_config(store->members)->timeout_ms;
}

/* With the mutex held: when a request is given up that was ready at `since`. While the store answers, none is. */
static struct mono store_etcd_deadline(const struct store_etcd *store, struct mono since)
{
    return time_add_ms(time_max(since, store->answered), (int64_t)STORE_ETCD_TRIES * store_etcd_timeout_ms(store));
}

/* -- what may start -- */

static bool store_etcd_may_start(struct store_etcd *store, const struct store_job *job)
{
    size_t commits = 0;
    for (size_t i = 0; i < store->worker_count; i++) {
        const struct store_etcd_worker *worker = &store->workers[i];
        if (worker->busy && store_etcd_order_matters(&worker->request, &job->request)) {
            return false;
        }
        commits += worker->busy && worker->request.ask == STORE_COMMIT ? 1 : 0;
    }
    if (job->request.ask == STORE_COMMIT && commits >= STORE_ETCD_COMMITS) {
        return false;
    }
    for (struct list *link = job->link.prev; link != &store->queue; link = link->prev) {
        if (store_etcd_order_matters(&LIST_ENTRY(link, struct store_job, link)->request, &job->request)) {
            return false;
        }
    }
    return true;
}

/* With the mutex held. NULL: nothing may start now. */
static struct store_job *store_etcd_pick(struct store_etcd *store)
{
    size_t looked = 0;
    LIST_EACH(link, &store->queue)
    {
        struct store_job *job = LIST_ENTRY(link, struct store_job, link);
        if (looked++ == STORE_ETCD_WINDOW) {
            break;
        }
        if (store_etcd_may_start(store, job)) {
            return job;
        }
    }
    return NULL;
}

static void store_etcd_take(struct store_etcd *store, struct store_job *job)
{
    list_remove(&job->link);
    store->queued--;
    store->queued_bytes -= job->memory.used;
}

/* -- answering -- */

static void store_etcd_tell(struct store_etcd *store, struct store_job *job, enum err err)
{
    job->answer.err = err;
    pthread_mutex_lock(&store->telling);
    store_finish(job);
    pthread_mutex_unlock(&store->telling);
}

/* Others must not overtake the request before its answer was told: what it points to outlives its job. */
static void store_etcd_answer(struct store_etcd *store, struct store_etcd_worker *worker, struct store_job *job,
                              enum err err)
{
    worker->memory = job->memory;
    arena_init(&job->memory, 0);
    store_etcd_tell(store, job, err);
}

/* Whether the store itself has spoken. */
static bool store_etcd_spoke(enum err err)
{
    return err == ERR_OK || err == ERR_CONFLICT || err == ERR_NOT_FOUND || err == ERR_STALE || err == ERR_TOO_LARGE ||
           err == ERR_DISK_FULL || err == ERR_PERMISSION;
}

static void store_etcd_note(struct store_etcd *store, enum err err, const char *why)
{
    char advice[STORE_ETCD_MEMBER_ADVICE];
    const enum err state = err == ERR_CONFLICT || err == ERR_TOO_LARGE ? ERR_OK : err;
    pthread_mutex_lock(&store->mutex);
    if (store_etcd_spoke(err)) {
        store->answered = clock_mono();
    }
    const bool changed = state != store->failed;
    store->failed = state;
    pthread_mutex_unlock(&store->mutex);
    if (changed && state == ERR_OK) {
        LOG_N("store: writes succeed again");
    } else if (changed) {
        LOG_E("store: cannot write to etcd: %s (%s); %s", err_text(state), why,
              store_etcd_member_advice(store_etcd_member_config(store->members), state, advice));
    }
}

static void store_etcd_settle(struct store_etcd *store, struct store_etcd_worker *worker)
{
    bool settled = false;
    bool closing = false;
    while (!settled && !closing) {
        const struct mono deadline = time_add_ms(clock_mono(), store_etcd_timeout_ms(store));
        settled = store_etcd_commit_settle(&worker->slot, deadline);
        pthread_mutex_lock(&store->mutex);
        closing = store->closing;
        pthread_mutex_unlock(&store->mutex);
    }
}

static void store_etcd_run_commit(struct store_etcd *store, struct store_etcd_worker *worker, struct store_job *job,
                                  struct mono deadline)
{
    const enum err err = store_etcd_commit_run(&worker->slot, &job->request, deadline, &job->answer);
    const double seconds = (double)time_since_us(clock_mono(), job->submitted) / TIME_US_PER_S;
    metric_add(METRIC_STORE_COMMITS, 1, METRIC_WITH(err_name(err)));
    metric_observe(METRIC_STORE_COMMIT_DURATION, seconds, METRIC_WITH());
    store_etcd_note(store, err, worker->line.why);
    store_etcd_answer(store, worker, job, err);
    if (err == ERR_IO) {
        store_etcd_settle(store, worker);
    }
}

/* Nothing has changed yet: the job waits, unless something did meanwhile. */
static bool store_etcd_park(struct store_etcd *store, struct store_etcd_worker *worker, struct store_job *job,
                            uint64_t gaps)
{
    bool parked = false;
    arena_reset(&job->answer.memory);
    job->answer = (struct store_answer){.revision = job->answer.revision, .memory = job->answer.memory};
    pthread_mutex_lock(&store->mutex);
    if (!store->closing && store->waiters < STORE_ETCD_WAITERS) {
        parked = true;
        worker->busy = false; /* somebody else may take the job and end it */
        if (store->changed > job->answer.revision || store->gaps != gaps) {
            job->submitted = clock_mono();
            list_append(&store->queue, &job->link);
            store->queued++;
            store->queued_bytes += job->memory.used;
            pthread_cond_broadcast(&store->work);
        } else {
            list_append(&store->waiting, &job->link);
            store->waiters++;
            pthread_cond_signal(&store->tick);
        }
    }
    if (!parked) {
        job->answer.err = store->closing ? ERR_CANCELLED : ERR_QUEUE_FULL;
    }
    pthread_mutex_unlock(&store->mutex);
    return parked;
}

static void store_etcd_run_read(struct store_etcd *store, struct store_etcd_worker *worker, struct store_job *job,
                                struct mono deadline)
{
    pthread_mutex_lock(&store->mutex);
    const uint64_t gaps = store->gaps;
    pthread_mutex_unlock(&store->mutex);
    const struct store_request *request = &job->request;
    enum err err = store_etcd_read_request(&worker->line, request, deadline, &job->answer);
    if (store_etcd_spoke(err)) {
        pthread_mutex_lock(&store->mutex);
        store->answered = clock_mono();
        pthread_mutex_unlock(&store->mutex);
    }
    const bool empty = request->ask == STORE_CHANGES && err == ERR_OK && job->answer.record_count == 0;
    if (empty && !time_reached(clock_mono(), job->deadline)) {
        if (store_etcd_park(store, worker, job, gaps)) {
            return;
        }
        err = job->answer.err;
    }
    store_etcd_answer(store, worker, job, err);
}

static void store_etcd_run_job(struct store_etcd *store, struct store_etcd_worker *worker, struct store_job *job,
                               struct mono deadline, bool closing)
{
    if (closing && job->request.ask == STORE_CHANGES && job->answer.revision != 0) {
        store_etcd_answer(store, worker, job, ERR_CANCELLED); /* it was waiting */
    } else if (job->request.ask == STORE_COMMIT) {
        store_etcd_run_commit(store, worker, job, deadline);
    } else {
        store_etcd_run_read(store, worker, job, deadline);
    }
}

static void *store_etcd_work(void *context)
{
    struct store_etcd_worker *worker = context;
    struct store_etcd *store = worker->store;
    pthread_mutex_lock(&store->mutex);
    while (!store->closing || !list_empty(&store->queue)) {
        struct store_job *job = store_etcd_pick(store);
        if (job == NULL) {
            pthread_cond_wait(&store->work, &store->mutex);
            continue;
        }
        store_etcd_take(store, job);
        worker->busy = true;
        worker->request = job->request;
        const struct mono deadline = store_etcd_deadline(store, job->submitted);
        const bool closing = store->closing;
        pthread_mutex_unlock(&store->mutex);
        store_etcd_run_job(store, worker, job, deadline, closing);
        pthread_mutex_lock(&store->mutex);
        worker->busy = false;
        arena_fini(&worker->memory);
        pthread_cond_broadcast(&store->work);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* -- the watch's word -- */

/* With the mutex held: back into the queue, to be read again. */
static void store_etcd_wake(struct store_etcd *store, struct store_job *job)
{
    list_remove(&job->link);
    store->waiters--;
    job->submitted = clock_mono();
    list_append(&store->queue, &job->link);
    store->queued++;
    store->queued_bytes += job->memory.used;
}

/* With the mutex held: who waits for this key; NULL: for anything. */
static void store_etcd_wake_all(struct store_etcd *store, struct span key)
{
    for (struct list *link = store->waiting.next; link != &store->waiting;) {
        struct store_job *job = LIST_ENTRY(link, struct store_job, link);
        const size_t size = strlen(job->request.key);
        link = link->next;
        if (key.data == NULL || (size <= key.size && memcmp(job->request.key, key.data, size) == 0)) {
            store_etcd_wake(store, job);
        }
    }
    pthread_cond_broadcast(&store->work);
}

static void store_etcd_changed(void *context, struct span key, uint64_t revision)
{
    struct store_etcd *store = context;
    pthread_mutex_lock(&store->mutex);
    store->changed = revision > store->changed ? revision : store->changed;
    store_etcd_wake_all(store, key);
    pthread_mutex_unlock(&store->mutex);
}

static void store_etcd_gap(void *context)
{
    struct store_etcd *store = context;
    pthread_mutex_lock(&store->mutex);
    store->changed = 0;
    store->gaps++;
    store_etcd_wake_all(store, span_of(NULL, 0));
    pthread_mutex_unlock(&store->mutex);
}

/* -- the timer: who has waited long enough -- */

static void store_etcd_sleep(struct store_etcd *store, int64_t ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t nanoseconds = until.tv_nsec + ms % 1000 * 1000000;
    until.tv_sec += ms / 1000 + nanoseconds / 1000000000;
    until.tv_nsec = nanoseconds % 1000000000;
    pthread_cond_timedwait(&store->tick, &store->mutex, &until);
}

/* With the mutex held. */
static void store_etcd_expire(struct store_etcd *store, struct list *late, struct list *idle)
{
    const struct mono now = clock_mono();
    for (struct list *link = store->queue.next; link != &store->queue;) {
        struct store_job *job = LIST_ENTRY(link, struct store_job, link);
        link = link->next;
        if (time_reached(now, store_etcd_deadline(store, job->submitted))) {
            store_etcd_take(store, job);
            list_append(late, &job->link);
        }
    }
    for (struct list *link = store->waiting.next; link != &store->waiting;) {
        struct store_job *job = LIST_ENTRY(link, struct store_job, link);
        link = link->next;
        if (time_reached(now, job->deadline)) {
            list_remove(&job->link);
            store->waiters--;
            list_append(idle, &job->link);
        }
    }
}

static void store_etcd_tell_all(struct store_etcd *store, struct list *jobs, enum err err)
{
    while (!list_empty(jobs)) {
        struct store_job *job = LIST_ENTRY(jobs->next, struct store_job, link);
        list_remove(&job->link);
        store_etcd_tell(store, job, err);
    }
}

static void *store_etcd_time(void *context)
{
    struct store_etcd *store = context;
    struct list late;
    struct list idle;
    list_init(&late);
    list_init(&idle);
    pthread_mutex_lock(&store->mutex);
    while (!store->ending) {
        store_etcd_expire(store, &late, &idle);
        if (list_empty(&late) && list_empty(&idle)) {
            store_etcd_sleep(store, STORE_ETCD_TICK_MS);
            continue;
        }
        pthread_mutex_unlock(&store->mutex);
        store_etcd_tell_all(store, &late, ERR_UNAVAILABLE);
        store_etcd_tell_all(store, &idle, ERR_OK);
        pthread_mutex_lock(&store->mutex);
        pthread_cond_broadcast(&store->work);
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* -- the keeper: members, the watch, old history -- */

static void store_etcd_look_at_members(struct store_etcd *store, bool all)
{
    const size_t count = store_etcd_member_config(store->members)->endpoint_count;
    for (size_t i = 0; i < count; i++) {
        if (all || !store_etcd_member_is_up(store->members, i)) {
            const enum err err = store_etcd_line_check(&store->line, i);
            if (err != ERR_OK) {
                LOG_D("store: etcd: %s", store->line.why);
            }
        }
    }
}

/* Compares what the watch has told with what is true: a stream that says nothing is found out. */
static void store_etcd_look_for_changes(struct store_etcd *store, uint64_t *missed)
{
    pthread_mutex_lock(&store->mutex);
    const bool waited = !list_empty(&store->waiting);
    pthread_mutex_unlock(&store->mutex);
    if (!waited && store->watch == NULL) {
        return;
    }
    if (store->watch == NULL) {
        const struct store_etcd_watch_sink sink = {store_etcd_changed, store_etcd_gap, store};
        if (store_etcd_watch_new(store->members, &sink, &store->watch) != ERR_OK) {
            LOG_W("store: no memory for the watch; changes are looked for once a second");
            store_etcd_gap(store);
        }
        return;
    }
    const uint64_t seen = store_etcd_watch_seen(store->watch);
    const struct mono deadline = time_add_ms(clock_mono(), store_etcd_timeout_ms(store));
    uint64_t newest = 0;
    if (store_etcd_read_newest(&store->line, seen, deadline, &newest) != ERR_OK) {
        return;
    }
    const bool replaced = store->line.answer.revision < seen;
    if (replaced || (*missed > 0 && seen < *missed && seen > 0)) {
        LOG_W("store: the watch at etcd was silent although something changed: going to another member");
        store_etcd_watch_restart(store->watch, replaced);
        newest = 0;
    }
    if (newest > store_etcd_watch_seen(store->watch)) {
        store_etcd_gap(store); /* nobody waits longer for a stream that may be slow or silent */
    }
    *missed = newest;
}

static void *store_etcd_attend(void *context)
{
    struct store_etcd *store = context;
    struct mono measured = clock_mono();
    uint64_t missed = 0;
    pthread_mutex_lock(&store->mutex);
    while (!store->ending) {
        pthread_mutex_unlock(&store->mutex);
        const bool all = time_since_ms(clock_mono(), measured) >= STORE_ETCD_MEASURE_MS;
        measured = all ? clock_mono() : measured;
        store_etcd_look_at_members(store, all);
        store_etcd_look_for_changes(store, &missed);
        store_etcd_keep_run(&store->keep, time_add_ms(clock_mono(), store_etcd_timeout_ms(store)));
        if (all) {
            store_etcd_chief_run(&store->chief, atomic_load(&store->wanted));
        }
        const struct mono until = time_add_ms(clock_mono(), STORE_ETCD_LOOK_MS);
        pthread_mutex_lock(&store->mutex);
        while (!store->ending && !time_reached(clock_mono(), until) &&
               !(store->watch == NULL && !list_empty(&store->waiting))) {
            store_etcd_sleep(store, time_since_ms(until, clock_mono()) + 1);
        }
    }
    pthread_mutex_unlock(&store->mutex);
    return NULL;
}

/* -- the interface -- */

static enum err store_etcd_submit(struct store *base, struct store_job *job)
{
    struct store_etcd *store = store_etcd_of(base);
    enum err err = ERR_OK;
    pthread_mutex_lock(&store->mutex);
    if (store->closing) {
        err = ERR_UNAVAILABLE;
    } else if (store->queued >= STORE_QUEUE || job->memory.used > STORE_ETCD_QUEUE_BYTES - store->queued_bytes) {
        err = ERR_QUEUE_FULL;
    } else {
        store->queued++;
        store->queued_bytes += job->memory.used;
        list_append(&store->queue, &job->link);
        pthread_cond_signal(&store->work);
    }
    pthread_mutex_unlock(&store->mutex);
    return err;
}

static bool store_etcd_is_own_thread(const struct store *base)
{
    const struct store_etcd *store = (const struct store_etcd *)base;
    const pthread_t self = pthread_self();
    bool own = (store->timed && pthread_equal(store->timer, self) != 0) ||
               (store->kept && pthread_equal(store->keeper, self) != 0);
    for (size_t i = 0; i < store->worker_count; i++) {
        own = own || pthread_equal(store->workers[i].thread, self) != 0;
    }
    return own;
}

static void store_etcd_free(struct store_etcd *store)
{
    store_etcd_watch_free(store->watch);
    for (size_t i = 0; i < STORE_ETCD_WORKERS; i++) {
        store_etcd_line_fini(&store->workers[i].line);
        arena_fini(&store->workers[i].memory);
    }
    store_etcd_line_fini(&store->line);
    store_etcd_member_free(store->members);
    pthread_cond_destroy(&store->work);
    pthread_cond_destroy(&store->tick);
    pthread_mutex_destroy(&store->mutex);
    pthread_mutex_destroy(&store->telling);
    pthread_mutex_destroy(&store->count.mutex);
    free(store);
}

static void store_etcd_stop(struct store_etcd *store)
{
    pthread_mutex_lock(&store->mutex);
    store->closing = true;
    store_etcd_wake_all(store, span_of(NULL, 0)); /* to be cancelled */
    pthread_mutex_unlock(&store->mutex);
    for (size_t i = 0; i < store->worker_count; i++) {
        pthread_join(store->workers[i].thread, NULL);
    }
    pthread_mutex_lock(&store->mutex);
    store->ending = true;
    pthread_cond_broadcast(&store->tick);
    pthread_mutex_unlock(&store->mutex);
    if (store->timed) {
        pthread_join(store->timer, NULL);
    }
    if (store->kept) {
        pthread_join(store->keeper, NULL);
    }
}

static void store_etcd_close(struct store *base)
{
    struct store_etcd *store = store_etcd_of(base);
    ASSERT(!store_etcd_is_own_thread(base));
    store_etcd_stop(store);
    ASSERT(list_empty(&store->queue) && list_empty(&store->waiting));
    store_etcd_free(store);
}

static void store_etcd_prefer(struct store *base, uint32_t members)
{
    atomic_store(&store_etcd_of(base)->wanted, members);
}

static const struct store_backend store_etcd_backend = {
    .submit = store_etcd_submit,
    .prefer = store_etcd_prefer,
    .is_own_thread = store_etcd_is_own_thread,
    .close = store_etcd_close,
};

/* -- opening -- */

static void store_etcd_curl(void)
{
    const CURLcode code = curl_global_init(CURL_GLOBAL_DEFAULT);
    ASSERT(code == CURLE_OK);
}

static enum err store_etcd_init(struct store_etcd *store)
{
    static pthread_once_t once = PTHREAD_ONCE_INIT;
    pthread_once(&once, store_etcd_curl);
    store->store.backend = &store_etcd_backend;
    list_init(&store->queue);
    list_init(&store->waiting);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&store->tick, &attributes);
    pthread_condattr_destroy(&attributes);
    pthread_cond_init(&store->work, NULL);
    pthread_mutex_init(&store->mutex, NULL);
    pthread_mutex_init(&store->telling, NULL);
    pthread_mutex_init(&store->count.mutex, NULL);
    uint64_t client = 0;
    enum err err = RAND_bytes((unsigned char *)&client, sizeof client) == 1 ? ERR_OK : ERR_INTERNAL;
    err = err != ERR_OK ? err : store_etcd_line_init(&store->line, store->members);
    const struct store_etcd_config *config = store_etcd_member_config(store->members);
    for (uint32_t i = 0; err == ERR_OK && i < STORE_ETCD_WORKERS; i++) {
        struct store_etcd_worker *worker = &store->workers[i];
        worker->store = store;
        worker->slot = (struct store_etcd_slot){.line = &worker->line,
                                                .count = &store->count,
                                                .prefix = config->prefix,
                                                .owner = config->owner,
                                                .slot = i,
                                                .client = client};
        err = store_etcd_line_init(&worker->line, store->members);
    }
    store->keep.line = &store->line;
    store->chief.line = &store->line;
    return err;
}

static enum err store_etcd_start(struct store_etcd *store)
{
    store->answered = clock_mono();
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < STORE_ETCD_WORKERS; i++) {
        struct store_etcd_worker *worker = &store->workers[i];
        err = err_from_errno(pthread_create(&worker->thread, NULL, store_etcd_work, worker));
        pthread_mutex_lock(&store->mutex);
        store->worker_count += err == ERR_OK ? 1 : 0;
        pthread_mutex_unlock(&store->mutex);
    }
    if (err == ERR_OK) {
        err = err_from_errno(pthread_create(&store->timer, NULL, store_etcd_time, store));
        store->timed = err == ERR_OK;
    }
    if (err == ERR_OK) {
        err = err_from_errno(pthread_create(&store->keeper, NULL, store_etcd_attend, store));
        store->kept = err == ERR_OK;
    }
    return err;
}

enum err store_etcd_open(const struct store_etcd_config *config, char *message, size_t message_size,
                         struct store **ret_store)
{
    struct store_etcd *store = calloc(1, sizeof *store);
    enum err err = store != NULL ? store_etcd_member_new(config, &store->members) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        free(store);
        snprintf(message, message_size,
                 "cannot open the store in etcd: %s; look at the section store of the configuration", err_text(err));
        return err;
    }
    err = store_etcd_init(store);
    err = err != ERR_OK
              ? err
              : store_etcd_keep_connect(&store->line, (uint32_t)STORE_ETCD_TRIES * store_etcd_timeout_ms(store));
    if (err != ERR_OK) {
        char advice[STORE_ETCD_MEMBER_ADVICE];
        const bool known = err == ERR_AUTH || err == ERR_PERMISSION || err == ERR_CERTIFICATE || err == ERR_TLS ||
                           err == ERR_UNSUPPORTED || err == ERR_NO_MEMORY || err == ERR_DISK_FULL ||
                           err == ERR_PROTOCOL;
        snprintf(message, message_size, "cannot open the store in etcd at %s%s: %s (%s); %s", config->endpoints[0],
                 config->endpoint_count > 1 ? ", ..." : "", err_text(err), store->line.why,
                 store_etcd_member_advice(config, err, advice));
        store_etcd_free(store);
        return known ? err : ERR_UNAVAILABLE;
    }
    err = store_etcd_start(store);
    if (err != ERR_OK) {
        store_etcd_stop(store);
        store_etcd_free(store);
        snprintf(message, message_size, "cannot open the store in etcd: no threads: %s", err_text(err));
        return err;
    }
    *ret_store = &store->store;
    return ERR_OK;
}
