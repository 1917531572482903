/* SPDX-License-Identifier: Apache-2.0
 * The store's interface: requests checked and copied, blocking calls on top of submitted ones. */
#include "edge/store.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"

static bool store_is_name(const char *name)
{
    return name != NULL && name[0] != '\0' && strlen(name) < STORE_KEY;
}

static enum err store_check_write(const struct store_request *request, size_t index)
{
    const struct store_write *write = &request->writes[index];
    if (write->value.size > STORE_VALUE) {
        return ERR_TOO_LARGE;
    }
    if (write->verb == STORE_APPEND) {
        const bool good = store_is_name(write->kind) && (write->run == NULL || strlen(write->run) < STORE_KEY);
        return good ? ERR_OK : ERR_INVALID;
    }
    if (!store_is_name(write->key)) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < index; i++) {
        if (request->writes[i].verb != STORE_APPEND && strcmp(request->writes[i].key, write->key) == 0) {
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static enum err store_check(const struct store_request *request)
{
    if (request->ask == STORE_READ || request->ask == STORE_TRIM) {
        return ERR_OK;
    }
    if (request->ask != STORE_COMMIT) {
        return request->key != NULL && strlen(request->key) < STORE_KEY ? ERR_OK : ERR_INVALID;
    }
    if (request->write_count == 0 || request->write_count > STORE_WRITES) {
        return request->write_count == 0 ? ERR_INVALID : ERR_TOO_LARGE;
    }
    enum err err = ERR_OK;
    for (size_t i = 0; err == ERR_OK && i < request->write_count; i++) {
        err = store_check_write(request, i);
    }
    return err;
}

/* Copies a text that may be absent; says whether there was memory. */
static bool store_copy_text(struct arena *arena, const char **text)
{
    if (*text != NULL) {
        *text = arena_text(arena, *text);
        return *text != NULL;
    }
    return true;
}

static bool store_copy_writes(struct store_job *job, const struct store_request *request)
{
    struct store_write *writes = arena_alloc(&job->memory, request->write_count * sizeof *writes);
    if (writes == NULL) {
        return false;
    }
    for (size_t i = 0; i < request->write_count; i++) {
        struct store_write *write = &writes[i];
        *write = request->writes[i];
        const char *value = arena_copy(&job->memory, write->value.data, write->value.size);
        if (value == NULL || !store_copy_text(&job->memory, &write->key) ||
            !store_copy_text(&job->memory, &write->kind) || !store_copy_text(&job->memory, &write->run)) {
            return false;
        }
        write->value = span_of(value, write->value.size);
    }
    job->request.writes = writes;
    return true;
}

static bool store_copy(struct store_job *job, const struct store_request *request)
{
    job->request = *request;
    struct store_request *copy = &job->request;
    return (request->ask != STORE_COMMIT || store_copy_writes(job, request)) &&
           store_copy_text(&job->memory, &copy->key) && store_copy_text(&job->memory, &copy->kind) &&
           store_copy_text(&job->memory, &copy->run);
}

static void store_free_job(struct store_job *job)
{
    store_answer_fini(&job->answer);
    arena_fini(&job->memory);
    free(job);
}

enum err store_submit(struct store *store, const struct store_request *request,
                      void (*done)(void *context, struct store_answer *answer), void *context)
{
    ASSERT(done != NULL);
    enum err err = store_check(request);
    if (err != ERR_OK) {
        return err;
    }
    struct store_job *job = calloc(1, sizeof *job);
    if (job == NULL) {
        return ERR_NO_MEMORY;
    }
    list_init(&job->link);
    arena_init(&job->memory, (size_t)STORE_WRITES * (STORE_VALUE + 4 * STORE_KEY) + 65536);
    arena_init(&job->answer.memory, STORE_ANSWER);
    job->done = done;
    job->context = context;
    job->submitted = clock_mono();
    job->deadline = time_add_ms(job->submitted, request->ask == STORE_CHANGES ? request->wait_ms : 0);
    err = store_copy(job, request) ? store->backend->submit(store, job) : ERR_NO_MEMORY;
    if (err != ERR_OK) {
        store_free_job(job);
    }
    return err;
}

void store_finish(struct store_job *job)
{
    ASSERT(list_empty(&job->link));
    job->done(job->context, &job->answer);
    store_free_job(job);
}

struct store_wait {
    pthread_mutex_t mutex;
    pthread_cond_t condition;
    bool finished;
    struct store_answer answer;
};

static void store_wake(void *context, struct store_answer *answer)
{
    struct store_wait *wait = context;
    pthread_mutex_lock(&wait->mutex);
    wait->answer = *answer;
    *answer = (struct store_answer){.err = ERR_OK};
    wait->finished = true;
    pthread_cond_signal(&wait->condition);
    pthread_mutex_unlock(&wait->mutex);
}

enum err store_call(struct store *store, const struct store_request *request, struct store_answer *ret_answer)
{
    /* It would wait for itself. */
    ASSERT(!store->backend->is_own_thread(store));
    struct store_wait wait = {.mutex = PTHREAD_MUTEX_INITIALIZER, .condition = PTHREAD_COND_INITIALIZER};
    const enum err err = store_submit(store, request, store_wake, &wait);
    if (err == ERR_OK) {
        pthread_mutex_lock(&wait.mutex);
        while (!wait.finished) {
            pthread_cond_wait(&wait.condition, &wait.mutex);
        }
        pthread_mutex_unlock(&wait.mutex);
    } else {
        wait.answer.err = err;
    }
    pthread_cond_destroy(&wait.condition);
    pthread_mutex_destroy(&wait.mutex);
    *ret_answer = wait.answer;
    return ret_answer->err;
}

void store_answer_fini(struct store_answer *answer)
{
    arena_fini(&answer->memory);
    *answer = (struct store_answer){.err = ERR_OK};
}

enum err store_get(struct store *store, const char *key, char *value, size_t capacity, uint64_t *ret_revision)
{
    const struct store_request request = {.ask = STORE_GET, .key = key};
    struct store_answer answer;
    enum err err = store_call(store, &request, &answer);
    if (err == ERR_OK) {
        ASSERT(answer.record_count == 1);
        const struct store_record *record = &answer.records[0];
        if (record->value.size >= capacity) {
            err = ERR_TOO_LARGE;
        } else {
            memcpy(value, record->value.data, record->value.size + 1);
            *ret_revision = record->revision;
        }
    }
    store_answer_fini(&answer);
    return err;
}

enum err store_put_if(struct store *store, const char *key, struct span value, uint64_t expected,
                      uint64_t *ret_revision)
{
    const struct store_write write = {.verb = STORE_PUT, .key = key, .value = value, .expected = expected};
    const struct store_request request = {.ask = STORE_COMMIT, .writes = &write, .write_count = 1};
    struct store_answer answer;
    const enum err err = store_call(store, &request, &answer);
    if (err == ERR_OK || err == ERR_CONFLICT) {
        *ret_revision = answer.revision;
    }
    store_answer_fini(&answer);
    return err;
}

enum err store_append(struct store *store, const char *kind, const char *run, struct wall wall, const char *text,
                      uint64_t *ret_number)
{
    const struct store_write write = {
        .verb = STORE_APPEND, .kind = kind, .run = run, .wall = wall, .value = span_text(text)};
    const struct store_request request = {.ask = STORE_COMMIT, .writes = &write, .write_count = 1};
    struct store_answer answer;
    const enum err err = store_call(store, &request, &answer);
    if (err == ERR_OK && ret_number != NULL) {
        *ret_number = answer.number;
    }
    store_answer_fini(&answer);
    return err;
}

void store_prefer(struct store *store, uint32_t members)
{
    if (store->backend->prefer != NULL) {
        store->backend->prefer(store, members);
    }
}

void store_close(struct store *store)
{
    if (store != NULL) {
        store->backend->close(store);
    }
}
