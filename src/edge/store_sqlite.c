/* SPDX-License-Identifier: Apache-2.0
 * The store of a single controller: the writer thread, its queue and its batches. */
#include "edge/store_sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "edge/metric.h"
#include "edge/store_sqlite_db.h"
#include "edge/store_sqlite_read.h"

enum {
    STORE_SQLITE_BATCH = 128,
    STORE_SQLITE_WAITERS = 256,
    STORE_SQLITE_PATH = 1024,
    STORE_SQLITE_QUEUE_BYTES = 64 * 1024 * 1024,
};

struct store_sqlite {
    struct store store;
    struct store_sqlite_db db;
    int lock; /* descriptor of PATH.lock */
    pthread_t thread;
    pthread_mutex_t mutex; /* guards what follows up to the empty line */
    pthread_cond_t condition;
    struct list queue;
    size_t queued;
    size_t queued_bytes;
    bool closing;

    struct list waiting; /* CHANGES without an answer yet; the thread's own */
    size_t waiters;
    enum err failed; /* of the last batch, to log a change only once */
};

static struct store_sqlite *store_sqlite_of(struct store *store)
{
    return (struct store_sqlite *)(void *)((char *)store - offsetof(struct store_sqlite, store));
}

/* -- the thread -- */

static void store_sqlite_finish(struct store_job *job, enum err err)
{
    list_remove(&job->link);
    job->answer.err = err;
    store_finish(job);
}

static void store_sqlite_answer(struct store_sqlite *store, struct store_job *job)
{
    const enum err err = store_sqlite_read_request(&store->db, &job->request, &job->answer);
    const bool may_wait = job->request.ask == STORE_CHANGES && err == ERR_OK && job->answer.record_count == 0;
    if (!may_wait || time_reached(clock_mono(), job->deadline)) {
        store_sqlite_finish(job, err);
        return;
    }
    if (store->waiters >= STORE_SQLITE_WAITERS) {
        store_sqlite_finish(job, ERR_QUEUE_FULL);
        return;
    }
    arena_reset(&job->answer.memory);
    list_remove(&job->link);
    list_append(&store->waiting, &job->link);
    store->waiters++;
}

/* Asks once more for everybody who waits: something changed, or their time is up, or all is over. */
static void store_sqlite_wake(struct store_sqlite *store, bool cancel)
{
    struct list again;
    list_init(&again);
    while (!list_empty(&store->waiting)) {
        struct list *link = store->waiting.next;
        list_remove(link);
        list_append(&again, link);
        store->waiters--;
    }
    while (!list_empty(&again)) {
        struct store_job *job = LIST_ENTRY(again.next, struct store_job, link);
        if (cancel) {
            store_sqlite_finish(job, ERR_CANCELLED);
        } else {
            store_sqlite_answer(store, job);
        }
    }
}

static void store_sqlite_note(struct store_sqlite *store, enum err err)
{
    if (err == store->failed) {
        return;
    }
    if (err == ERR_OK) {
        LOG_N("store: writes succeed again");
    } else if (err == ERR_DISK_FULL) {
        LOG_E(
            "store: no space left: nothing is lost, but nothing can be recorded; free space on the disk of the store");
    } else {
        LOG_E("store: cannot write: %s (%s)", err_text(err), strerrordesc_np(store->db.system_errno));
    }
    store->failed = err;
}

/* One transaction for all jobs of the list; each gets its own answer after it is durable. */
static void store_sqlite_commit(struct store_sqlite *store, struct list *batch)
{
    const uint64_t before = store->db.revision;
    enum err err = store_sqlite_db_begin(&store->db);
    if (err == ERR_OK) {
        LIST_EACH(link, batch)
        {
            struct store_job *job = LIST_ENTRY(link, struct store_job, link);
            job->answer.err = store_sqlite_db_write(&store->db, &job->request, &job->answer);
            if (job->answer.err != ERR_OK && job->answer.err != ERR_CONFLICT) {
                err = job->answer.err;
                break;
            }
        }
        if (err == ERR_OK) {
            err = store_sqlite_db_end(&store->db);
        } else {
            store_sqlite_db_rollback(&store->db);
        }
    }
    store_sqlite_note(store, err);
    const struct mono now = clock_mono();
    while (!list_empty(batch)) {
        struct store_job *job = LIST_ENTRY(batch->next, struct store_job, link);
        const enum err result = err == ERR_OK ? job->answer.err : err;
        /* A commit does not wait: its deadline is when it was submitted. */
        const double seconds = (double)time_since_us(now, job->deadline) / TIME_US_PER_S;
        metric_add(METRIC_STORE_COMMITS, 1, METRIC_WITH(err_name(result)));
        metric_observe(METRIC_STORE_COMMIT_DURATION, seconds, METRIC_WITH());
        store_sqlite_finish(job, result);
    }
    if (store->db.revision != before) {
        store_sqlite_wake(store, false);
    }
}

/* Neighbouring commits share a transaction; a read between them sees only what is durable. */
static void store_sqlite_work(struct store_sqlite *store, struct list *jobs)
{
    struct list batch;
    list_init(&batch);
    while (!list_empty(jobs)) {
        struct store_job *job = LIST_ENTRY(jobs->next, struct store_job, link);
        if (job->request.ask == STORE_COMMIT) {
            list_remove(&job->link);
            list_append(&batch, &job->link);
            continue;
        }
        if (!list_empty(&batch)) {
            store_sqlite_commit(store, &batch);
        }
        if (job->request.ask == STORE_TRIM) {
            store_sqlite_finish(job, store_sqlite_db_trim(&store->db, job->request.after, &job->answer.more));
            continue;
        }
        store_sqlite_answer(store, job);
    }
    if (!list_empty(&batch)) {
        store_sqlite_commit(store, &batch);
    }
}

static struct mono store_sqlite_deadline(const struct store_sqlite *store)
{
    struct mono deadline = TIME_NEVER;
    LIST_EACH(link, &store->waiting)
    {
        deadline = time_min(deadline, LIST_ENTRY(link, struct store_job, link)->deadline);
    }
    return deadline;
}

/* With the mutex held: until there is work, or a waiter's time is up. */
static void store_sqlite_sleep(struct store_sqlite *store)
{
    const struct mono deadline = store_sqlite_deadline(store);
    const int64_t left_us = time_since_us(deadline, clock_mono());
    if (deadline.us == TIME_NEVER.us) {
        pthread_cond_wait(&store->condition, &store->mutex);
    } else if (left_us > 0) {
        struct timespec until;
        clock_gettime(CLOCK_MONOTONIC, &until);
        const int64_t nanoseconds = until.tv_nsec + left_us % TIME_US_PER_S * 1000;
        until.tv_sec += left_us / TIME_US_PER_S + nanoseconds / 1000000000;
        until.tv_nsec = nanoseconds % 1000000000;
        pthread_cond_timedwait(&store->condition, &store->mutex, &until);
    }
}

static void store_sqlite_take(struct store_sqlite *store, struct list *jobs)
{
    for (size_t i = 0; i < STORE_SQLITE_BATCH && !list_empty(&store->queue); i++) {
        struct store_job *job = LIST_ENTRY(store->queue.next, struct store_job, link);
        list_remove(&job->link);
        list_append(jobs, &job->link);
        store->queued--;
        store->queued_bytes -= job->memory.used;
    }
}

static void *store_sqlite_run(void *context)
{
    struct store_sqlite *store = context;
    struct list jobs;
    list_init(&jobs);
    pthread_mutex_lock(&store->mutex);
    while (!store->closing || !list_empty(&store->queue)) {
        if (list_empty(&store->queue)) {
            store_sqlite_sleep(store);
        }
        store_sqlite_take(store, &jobs);
        pthread_mutex_unlock(&store->mutex);
        store_sqlite_work(store, &jobs);
        if (time_reached(clock_mono(), store_sqlite_deadline(store))) {
            store_sqlite_wake(store, false);
        }
        pthread_mutex_lock(&store->mutex);
    }
    pthread_mutex_unlock(&store->mutex);
    store_sqlite_wake(store, true);
    return NULL;
}

/* -- the interface -- */

static enum err store_sqlite_submit(struct store *base, struct store_job *job)
{
    struct store_sqlite *store = store_sqlite_of(base);
    enum err err = ERR_OK;
    pthread_mutex_lock(&store->mutex);
    if (store->closing) {
        err = ERR_UNAVAILABLE;
    } else if (store->queued >= STORE_QUEUE || job->memory.used > STORE_SQLITE_QUEUE_BYTES - store->queued_bytes) {
        err = ERR_QUEUE_FULL;
    } else {
        store->queued++;
        store->queued_bytes += job->memory.used;
        list_append(&store->queue, &job->link);
        pthread_cond_signal(&store->condition);
    }
    pthread_mutex_unlock(&store->mutex);
    return err;
}

static bool store_sqlite_is_own_thread(const struct store *base)
{
    const struct store_sqlite *store = (const struct store_sqlite *)base;
    return pthread_equal(store->thread, pthread_self()) != 0;
}

static void store_sqlite_free(struct store_sqlite *store)
{
    store_sqlite_db_close(&store->db);
    if (store->lock >= 0) {
        close(store->lock);
    }
    pthread_cond_destroy(&store->condition);
    pthread_mutex_destroy(&store->mutex);
    free(store);
}

static void store_sqlite_close(struct store *base)
{
    struct store_sqlite *store = store_sqlite_of(base);
    ASSERT(!store_sqlite_is_own_thread(base));
    pthread_mutex_lock(&store->mutex);
    store->closing = true;
    pthread_cond_signal(&store->condition);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->thread, NULL);
    ASSERT(list_empty(&store->queue) && list_empty(&store->waiting));
    store_sqlite_free(store);
}

static const struct store_backend store_sqlite_backend = {
    .submit = store_sqlite_submit,
    .is_own_thread = store_sqlite_is_own_thread,
    .close = store_sqlite_close,
};

/* -- opening -- */

/* The lock tells who holds it; it is kept until the process ends, however it ends. */
static enum err store_sqlite_lock(struct store_sqlite *store, const char *path, char *owner, size_t owner_size)
{
    char name[STORE_SQLITE_PATH];
    const int length = snprintf(name, sizeof name, "%s.lock", path);
    if (length < 0 || (size_t)length >= sizeof name) {
        return ERR_INVALID;
    }
    store->lock = open(name, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (store->lock < 0) {
        return err_from_errno(errno);
    }
    if (flock(store->lock, LOCK_EX | LOCK_NB) != 0) {
        const enum err err = errno == EWOULDBLOCK ? ERR_IN_USE : err_from_errno(errno);
        const ssize_t size = pread(store->lock, owner, owner_size - 1, 0);
        owner[size > 0 ? size : 0] = '\0';
        owner[strspn(owner, "0123456789")] = '\0';
        return err;
    }
    char pid[24];
    const int digits = snprintf(pid, sizeof pid, "%ld\n", (long)getpid());
    /* Only for the message above: a full disk does not matter. */
    if (ftruncate(store->lock, 0) != 0 || pwrite(store->lock, pid, (size_t)digits, 0) != digits) {
        LOG_D("store: cannot write the process id into %s", name);
    }
    return ERR_OK;
}

/* SQLite would create it readable for everybody. */
static enum err store_sqlite_create(const char *path)
{
    const int descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (descriptor < 0) {
        return err_from_errno(errno);
    }
    close(descriptor);
    return ERR_OK;
}

static const char *store_sqlite_advice(enum err err)
{
    switch ((unsigned)err) {
    case ERR_NOT_FOUND:
        return "its directory does not exist: create it, owned by the user that runs holdfast";
    case ERR_PERMISSION:
        return "give the file and its directory to the user that runs holdfast";
    case ERR_IN_USE:
        return "another controller uses it: only one may; stop that one, or give this one a path of its own";
    case ERR_CONTENT:
        return "it is damaged or not a database: restore it from a backup, or move it away to start with an empty one";
    case ERR_EXISTS:
        return "it is a database of another program: choose another path";
    case ERR_UNSUPPORTED:
        return "it was written by a newer version of holdfast: use that version";
    case ERR_DISK_FULL:
        return "free space on its disk; nothing is lost";
    default:
        return "look at the disk (dmesg), then start again";
    }
}

static enum err store_sqlite_fail(const char *path, enum err err, const char *owner, char *message, size_t size)
{
    snprintf(message, size, "cannot open the store %s: %s%s%s; %s (setting store.path)", path, err_text(err),
             owner[0] != '\0' ? " by process " : "", owner, store_sqlite_advice(err));
    return err;
}

static enum err store_sqlite_init(struct store_sqlite *store)
{
    store->store.backend = &store_sqlite_backend;
    store->lock = -1;
    list_init(&store->queue);
    list_init(&store->waiting);
    pthread_condattr_t attributes;
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    const int made = pthread_cond_init(&store->condition, &attributes);
    pthread_condattr_destroy(&attributes);
    return made == 0 && pthread_mutex_init(&store->mutex, NULL) == 0 ? ERR_OK : ERR_NO_MEMORY;
}

enum err store_sqlite_open(const struct store_sqlite_config *config, char *message, size_t message_size,
                           struct store **ret_store)
{
    char owner[24] = "";
    struct store_sqlite *store = calloc(1, sizeof *store);
    if (store == NULL || store_sqlite_init(store) != ERR_OK) {
        free(store);
        return store_sqlite_fail(config->path, ERR_NO_MEMORY, owner, message, message_size);
    }
    enum err err = store_sqlite_lock(store, config->path, owner, sizeof owner);
    if (err == ERR_OK) {
        err = store_sqlite_create(config->path);
    }
    if (err == ERR_OK) {
        err = store_sqlite_db_open(&store->db, config->path, config->max_pages);
    }
    if (err == ERR_OK) {
        err = err_from_errno(pthread_create(&store->thread, NULL, store_sqlite_run, store));
    }
    if (err != ERR_OK) {
        store_sqlite_free(store);
        return store_sqlite_fail(config->path, err, owner, message, message_size);
    }
    *ret_store = &store->store;
    return ERR_OK;
}
