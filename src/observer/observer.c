/* SPDX-License-Identifier: Apache-2.0
 * A site without a store: probing, reporting, following the view. */
#include "observer/observer.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"
#include "base/text.h"
#include "edge/clock.h"
#include "edge/config_file.h"
#include "edge/config_model.h"
#include "edge/config_probe.h"
#include "edge/config_secret.h"
#include "edge/http_client.h"
#include "edge/log.h"
#include "edge/observe.h"
#include "edge/observe_queue.h"
#include "edge/publish.h"
#include "edge/publish_file.h"

enum {
    OBSERVER_BATCH_MS = 50,     /* results wait this long for company */
    OBSERVER_ALIVE_MS = 500,    /* an empty report says "I am alive" */
    OBSERVER_CALL_MS = 1000,    /* for a report; a controller that takes longer is asked again with the next one */
    OBSERVER_FOLLOW_MS = 12000, /* the controller answers within 10 s, with or without news */
    OBSERVER_PAUSE_MS = 200,
    OBSERVER_READERS_MS = 10, /* how often the local announcements are looked at */
    OBSERVER_TELL_MS = 500,   /* readers are told again at least this often */
    OBSERVER_PATH = 512,
    OBSERVER_MESSAGES = 64 * 1024,
    OBSERVER_THREADS = 3,
};

struct observer {
    char config_path[OBSERVER_PATH];
    char site_name[LIMITS_NAME];
    uint32_t site;
    struct config *config; /* never changed but by observer_reload, which only replaces the probes */
    char token[CONFIG_SECRET_BYTES];
    const char *controllers[LIMITS_SITES];
    uint32_t controllers_count;
    uint64_t boot;
    struct probe_pool *pool;
    struct observe_queue *queue;
    char view_file[OBSERVER_PATH];
    pthread_mutex_t lock; /* guards the publisher */
    struct publish_writer publisher;
    atomic_bool stopping;
    uint32_t threads_count;
    pthread_t threads[OBSERVER_THREADS];
};

static void observer_pause(uint32_t ms)
{
    const struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    nanosleep(&pause, NULL);
}

/* ---- reporting what was observed ---- */

static enum err observer_post(const struct observer *observer, uint32_t controller, const char *path,
                              const struct buf *body)
{
    const struct http_client_request request = {.method = "POST",
                                                .address = observer->controllers[controller],
                                                .path = path,
                                                .token = observer->token,
                                                .body = body->data,
                                                .body_size = body->size,
                                                .timeout_ms = OBSERVER_CALL_MS};
    struct http_client_response response = {0};
    enum err err = http_client_call(&request, &response);
    if (err == ERR_OK) {
        char detail[96];
        err = http_client_response_err(&response, detail, sizeof detail);
    }
    http_client_response_fini(&response);
    return err;
}

/* To every controller: each makes its own picture. Says it once when it begins and ends to fail. */
static void observer_post_all(const struct observer *observer, const char *path, const struct buf *body, bool *failing)
{
    bool failed = false;
    for (uint32_t i = 0; i < observer->controllers_count; i++) {
        const enum err err = observer_post(observer, i, path, body);
        if (err != ERR_OK) {
            failed = true;
            if (!*failing) {
                LOG_W("controller %s: %s: %s", observer->controllers[i], path, err_text(err));
            }
        }
    }
    if (*failing && !failed) {
        LOG_N("controllers take %s again", path);
    }
    *failing = failed;
}

static void *observer_report(void *context)
{
    struct observer *observer = context;
    struct observe_batch *batch = calloc(1, sizeof *batch);
    char *memory = malloc(OBSERVE_BATCH_BYTES);
    ASSERT(batch != NULL && memory != NULL);
    text_copy(batch->site, sizeof batch->site, observer->site_name);
    batch->boot = observer->boot;
    bool failing = false;
    while (!atomic_load(&observer->stopping)) {
        batch->count = observe_queue_take(observer->queue, batch->results, OBSERVE_RESULTS, OBSERVER_ALIVE_MS);
        batch->sequence++;
        struct buf body;
        buf_init(&body, memory, OBSERVE_BATCH_BYTES);
        observe_write_batch(&body, batch, clock_mono());
        observer_post_all(observer, "/v1/observations", &body, &failing);
        observer_pause(OBSERVER_BATCH_MS);
    }
    free(memory);
    free(batch);
    return NULL;
}

/* ---- following the view ---- */

static void observer_commit(struct observer *observer, const struct view *view)
{
    pthread_mutex_lock(&observer->lock);
    enum err err = ERR_OK;
    if (view->version > publish_writer_version(&observer->publisher)) {
        *publish_writer_draft(&observer->publisher) = *view;
        err = publish_writer_commit(&observer->publisher);
    }
    pthread_mutex_unlock(&observer->lock);
    if (err != ERR_OK) {
        LOG_E("view %llu could not be published: %s", (unsigned long long)view->version, err_text(err));
        return;
    }
    LOG_I("view %llu published", (unsigned long long)view->version);
    err = publish_file_save(observer->view_file, view);
    if (err != ERR_OK) {
        LOG_W("%s: %s: a cold start would begin with an older view", observer->view_file, err_text(err));
    }
}

static enum err observer_fetch(struct observer *observer, uint32_t controller, uint64_t after)
{
    char path[64];
    snprintf(path, sizeof path, "/v1/view?after=%llu", (unsigned long long)after);
    const struct http_client_request request = {.address = observer->controllers[controller],
                                                .path = path,
                                                .token = observer->token,
                                                .timeout_ms = OBSERVER_FOLLOW_MS,
                                                .connect_timeout_ms = OBSERVER_CALL_MS};
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
            observer_commit(observer, &view);
        }
    } else if (err == ERR_OK && response.status != 304) {
        err = ERR_STATUS;
    }
    http_client_response_fini(&response);
    return err;
}

static void *observer_follow(void *context)
{
    struct observer *observer = context;
    uint32_t controller = 0;
    bool failing = false;
    while (!atomic_load(&observer->stopping)) {
        pthread_mutex_lock(&observer->lock);
        const uint64_t after = publish_writer_version(&observer->publisher);
        pthread_mutex_unlock(&observer->lock);
        const enum err err = observer_fetch(observer, controller, after);
        if (err != ERR_OK && !failing) {
            LOG_W("view from controller %s: %s: readers stay on version %llu", observer->controllers[controller],
                  err_text(err), (unsigned long long)after);
        }
        if (err != ERR_OK) {
            controller = (controller + 1) % observer->controllers_count;
            observer_pause(OBSERVER_PAUSE_MS);
        }
        failing = err != ERR_OK;
    }
    return NULL;
}

/* ---- telling what the readers of this host answer from ---- */

static void observer_readers_body(const struct observer *observer, const struct publish_reader_info *list,
                                  uint32_t count, struct buf *body)
{
    buf_printf(body, "{\"site\":\"%s\",\"readers\":[", observer->site_name);
    const char *comma = "";
    for (uint32_t i = 0; i < count; i++) {
        if (list[i].kind != PUBLISH_LIB) {
            buf_printf(body, "%s{\"name\":\"%s\",\"kind\":\"%s\",\"version\":%llu,\"age_ms\":%lld}", comma,
                       list[i].name, publish_kind_name(list[i].kind), (unsigned long long)list[i].version,
                       (long long)list[i].age_ms);
            comma = ",";
        }
    }
    buf_text(body, "]}");
}

static uint64_t observer_readers_sum(const struct publish_reader_info *list, uint32_t count)
{
    uint64_t sum = count;
    for (uint32_t i = 0; i < count; i++) {
        sum = sum * 31 + list[i].version;
    }
    return sum;
}

static void *observer_readers(void *context)
{
    struct observer *observer = context;
    uint64_t told = 0;
    struct mono told_at = {0};
    bool failing = false;
    while (!atomic_load(&observer->stopping)) {
        struct publish_reader_info list[LIMITS_READERS];
        uint32_t count = 0;
        pthread_mutex_lock(&observer->lock);
        publish_writer_readers(&observer->publisher, list, &count);
        pthread_mutex_unlock(&observer->lock);
        const uint64_t sum = observer_readers_sum(list, count);
        if (sum != told || time_since_ms(clock_mono(), told_at) >= OBSERVER_TELL_MS) {
            uint8_t memory[LIMITS_READERS * 160 + 128];
            struct buf body;
            buf_init(&body, memory, sizeof memory);
            observer_readers_body(observer, list, count, &body);
            told = sum;
            told_at = clock_mono();
            observer_post_all(observer, "/v1/readers", &body, &failing);
        }
        observer_pause(OBSERVER_READERS_MS);
    }
    return NULL;
}

/* ---- probing ---- */

static bool observer_resolve(void *context, const char *database, const char *region,
                             struct probe_pg_target *ret_target)
{
    struct observer *observer = context;
    pthread_mutex_lock(&observer->lock);
    const struct view *view = publish_writer_view(&observer->publisher);
    const bool found = view != NULL && config_probe_resolve(view, database, region, ret_target);
    pthread_mutex_unlock(&observer->lock);
    return found;
}

static enum err observer_watch(struct observer *observer, const struct config *config)
{
    struct probe_spec *specs = calloc(LIMITS_PROBES, sizeof *specs);
    if (specs == NULL) {
        return ERR_NO_MEMORY;
    }
    uint32_t count = 0;
    enum err err = config_probe_specs(config, observer->site, specs, LIMITS_PROBES, &count);
    if (err == ERR_OK) {
        err = probe_pool_set(observer->pool, specs, count);
    }
    explicit_bzero(specs, LIMITS_PROBES * sizeof *specs);
    free(specs);
    return err;
}

static enum err observer_probe(struct observer *observer)
{
    const struct probe_pool_options options = {.site = observer->site_name,
                                               .sink = observe_queue_push,
                                               .resolve = observer_resolve,
                                               .resolve_context = observer};
    struct probe_pool_options wired = options;
    enum err err = observe_queue_new(NULL, NULL, &observer->queue);
    wired.sink_context = observer->queue;
    err = err != ERR_OK ? err : probe_pool_new(&wired, &observer->pool);
    return err != ERR_OK ? err : observer_watch(observer, observer->config);
}

/* ---- start and stop ---- */

static enum err observer_load(struct observer *observer, char *message, size_t size)
{
    struct buf messages;
    buf_init(&messages, message, size);
    enum err err = config_file_load(observer->config_path, &messages, &observer->config);
    if (err != ERR_OK) {
        return err;
    }
    const struct config *config = observer->config;
    observer->site = config_site_find(config, observer->site_name);
    if (observer->site == CONFIG_NONE) {
        snprintf(message, size, "no site '%s' in %s", observer->site_name, observer->config_path);
        return ERR_NOT_FOUND;
    }
    for (uint32_t i = 0; i < config->sites_count; i++) {
        if ((config->sites[i].roles & CONFIG_ROLE_CONTROL) != 0) {
            observer->controllers[observer->controllers_count++] = config->sites[i].api.listen.text;
        }
    }
    if (observer->controllers_count == 0) {
        snprintf(message, size, "no site has the role control in %s", observer->config_path);
        return ERR_NOT_FOUND;
    }
    err = config_secret_read(&config->security.token, observer->token, sizeof observer->token);
    if (err != ERR_OK) {
        snprintf(message, size, "security.token: %s", err_text(err));
    }
    return err;
}

static enum err observer_attach(struct observer *observer, char *message, size_t size)
{
    const char *directory = observer->config->sites[observer->site].state_dir;
    char memory[OBSERVER_PATH];
    snprintf(memory, sizeof memory, "%s/" PUBLISH_NAME, directory);
    snprintf(observer->view_file, sizeof observer->view_file, "%s/" PUBLISH_FILE_NAME, directory);
    const enum err err = publish_writer_open(&observer->publisher, memory);
    if (err != ERR_OK) {
        snprintf(message, size, "view %s: %s", memory, err_text(err));
        return err;
    }
    struct view view;
    if (publish_file_load(observer->view_file, &view) == ERR_OK) {
        observer_commit(observer, &view); /* better an old picture than none */
    }
    return ERR_OK;
}

enum err observer_start(const struct observer_options *options, char *message, size_t size,
                        struct observer **ret_observer)
{
    static void *(*const work[OBSERVER_THREADS])(void *) = {observer_report, observer_follow, observer_readers};
    struct observer *observer = calloc(1, sizeof *observer);
    if (observer == NULL) {
        return ERR_NO_MEMORY;
    }
    text_copy(observer->config_path, sizeof observer->config_path, options->config_path);
    text_copy(observer->site_name, sizeof observer->site_name, options->site);
    pthread_mutex_init(&observer->lock, NULL);
    message[0] = 0;
    enum err err = observer_load(observer, message, size);
    err = err != ERR_OK ? err : observer_attach(observer, message, size);
    if (err == ERR_OK && getrandom(&observer->boot, sizeof observer->boot, 0) != (ssize_t)sizeof observer->boot) {
        err = ERR_IO;
    }
    observer->boot >>= 1; /* a positive JSON integer */
    err = err != ERR_OK ? err : observer_probe(observer);
    for (uint32_t i = 0; i < OBSERVER_THREADS && err == ERR_OK; i++) {
        if (pthread_create(&observer->threads[i], NULL, work[i], observer) != 0) {
            err = ERR_NO_MEMORY;
        } else {
            observer->threads_count++;
        }
    }
    if (err != ERR_OK) {
        if (message[0] == 0) {
            snprintf(message, size, "%s", err_text(err));
        }
        observer_stop(observer);
        return err;
    }
    *ret_observer = observer;
    return ERR_OK;
}

void observer_reload(struct observer *observer)
{
    char *message = malloc(OBSERVER_MESSAGES);
    struct config *config = NULL;
    struct buf messages;
    if (message == NULL) {
        return;
    }
    buf_init(&messages, message, OBSERVER_MESSAGES);
    enum err err = config_file_load(observer->config_path, &messages, &config);
    if (err == ERR_OK) {
        err = observer_watch(observer, config);
        config_free(config);
    }
    if (err != ERR_OK) {
        LOG_E("configuration not applied, the old one stays: %s %s", err_text(err), buf_string(&messages));
    } else {
        LOG_N("configuration applied to the probes; other changes of this site take a restart");
    }
    free(message);
}

void observer_stop(struct observer *observer)
{
    if (observer == NULL) {
        return;
    }
    atomic_store(&observer->stopping, true);
    probe_pool_free(observer->pool);
    for (uint32_t i = 0; i < observer->threads_count; i++) {
        pthread_join(observer->threads[i], NULL);
    }
    observe_queue_free(observer->queue);
    publish_writer_close(&observer->publisher);
    config_free(observer->config);
    explicit_bzero(observer->token, sizeof observer->token);
    pthread_mutex_destroy(&observer->lock);
    free(observer);
}
