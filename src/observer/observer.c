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
#include "edge/ear.h"
#include "edge/feedback.h"
#include "edge/hint.h"
#include "edge/latency_share.h"
#include "edge/log.h"
#include "edge/publish.h"
#include "edge/publish_file.h"
#include "edge/upstream.h"
#include "wire/config_beat.h"

enum {
    OBSERVER_PATH = 512,
    OBSERVER_MESSAGES = 64 * 1024,
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
    _Atomic(struct ear *) ear;                /* NULL: it hears no heartbeats */
    struct upstream *upstreams[LIMITS_SITES]; /* one per controller */
    char view_file[OBSERVER_PATH];
    pthread_mutex_t lock;   /* guards the publisher, the hints, and which pool they go to */
    pthread_mutex_t taking; /* one view at a time, to memory and file */
    struct publish_writer publisher;
    struct hint hint;
    struct latency_share *latency; /* how far client networks are */
    struct feedback feedback;      /* of applications */
};

/* ---- following the view ---- */

static void observer_commit(struct observer *observer, const struct view *view)
{
    pthread_mutex_lock(&observer->lock);
    enum err err = ERR_OK;
    const bool newer = view->version > publish_writer_version(&observer->publisher);
    if (newer) {
        *publish_writer_draft(&observer->publisher) = *view;
        err = publish_writer_commit(&observer->publisher);
    }
    pthread_mutex_unlock(&observer->lock);
    if (!newer) {
        return; /* another controller was first */
    }
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

/* The first controller that has a newer view gives it. */
static void observer_take(void *context, const struct view *view)
{
    struct observer *observer = context;
    pthread_mutex_lock(&observer->taking);
    observer_commit(observer, view);
    pthread_mutex_unlock(&observer->taking);
}

static uint64_t observer_version(void *context)
{
    struct observer *observer = context;
    pthread_mutex_lock(&observer->lock);
    const uint64_t version = publish_writer_version(&observer->publisher);
    pthread_mutex_unlock(&observer->lock);
    return version;
}

static void observer_readers(void *context, struct publish_reader_info *list, uint32_t *ret_count)
{
    struct observer *observer = context;
    pthread_mutex_lock(&observer->lock);
    publish_writer_readers(&observer->publisher, list, ret_count);
    feedback_look(&observer->feedback, publish_writer_view(&observer->publisher));
    if (observer->pool != NULL) {
        (void)hint_look(&observer->hint, &observer->publisher, &observer->feedback, clock_mono(), probe_pool_soon,
                        observer->pool);
    }
    pthread_mutex_unlock(&observer->lock);
}

static void observer_sights(void *context, struct sight_sum *list, uint32_t *ret_count)
{
    struct observer *observer = context;
    pthread_mutex_lock(&observer->lock);
    sight_list(&observer->publisher, list, ret_count);
    feedback_list(&observer->feedback, publish_writer_view(&observer->publisher), list, ret_count);
    pthread_mutex_unlock(&observer->lock);
}

/* ---- heartbeats ---- */

static void observer_beats(void *context, struct observe_beats *ret_beats)
{
    struct observer *observer = context;
    struct ear *ear = atomic_load(&observer->ear);
    ret_beats->any = false;
    if (ear != NULL) {
        ear_look(ear, ret_beats);
    }
}

/* The reports say it again and again; what is urgent goes out at once. */
static void observer_word(void *context, const struct observe_beats *beats, bool urgent)
{
    struct observer *observer = context;
    (void)beats;
    for (uint32_t i = 0; urgent && i < observer->controllers_count; i++) {
        upstream_urge(observer->upstreams[i]);
    }
}

static void observer_listen(struct observer *observer)
{
    const struct config_address *address = config_beat_address(&observer->config->sites[observer->site]);
    struct ear *ear = NULL;
    if (address == NULL) {
        LOG_N("heartbeats are not heard here: sites.%s.beats is not set", observer->site_name);
        return;
    }
    const struct ear_options options = {.listen = address->text,
                                        .config = observer->config,
                                        .token = observer->token,
                                        .context = observer,
                                        .word = observer_word};
    const enum err err = ear_new(&options, &ear);
    if (err != ERR_OK) {
        LOG_W("heartbeats are not heard here (UDP %s): %s; the checks decide alone", address->text, err_text(err));
        return;
    }
    atomic_store(&observer->ear, ear);
}

static enum err observer_connect(struct observer *observer)
{
    enum err err = ERR_OK;
    for (uint32_t i = 0; i < observer->controllers_count && err == ERR_OK; i++) {
        const struct upstream_options options = {.site = observer->site_name,
                                                 .address = observer->controllers[i],
                                                 .token = observer->token,
                                                 .state_dir = observer->config->sites[observer->site].state_dir,
                                                 .boot = observer->boot,
                                                 .host = {.context = observer,
                                                          .version = observer_version,
                                                          .take = observer_take,
                                                          .readers = observer_readers,
                                                          .sights = observer_sights,
                                                          .beats = observer_beats}};
        err = upstream_new(&options, &observer->upstreams[i]);
    }
    return err;
}

/* How far clients are, as the proxy and the relay of this host measure it; and what follows from all of them. */
static enum err observer_latency(struct observer *observer)
{
    const struct config *config = observer->config;
    struct latency_share_options options = {.site = observer->site_name,
                                            .state_dir = config->sites[observer->site].state_dir,
                                            .token = observer->token,
                                            .controllers_count = observer->controllers_count,
                                            .max_age_s = config->dns.latency_max_age_ms / 1000};
    for (uint32_t i = 0; i < observer->controllers_count; i++) {
        options.controllers[i] = observer->controllers[i];
    }
    const enum err err = latency_share_new(&options, &observer->latency);
    return err != ERR_OK ? err : latency_share_start(observer->latency);
}

/* ---- probing ---- */

/* To every controller: each makes its own picture. */
static void observer_push(void *context, const struct probe_result *result)
{
    struct observer *observer = context;
    for (uint32_t i = 0; i < observer->controllers_count; i++) {
        upstream_push(observer->upstreams[i], result);
    }
}

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

/* From now on what readers meet with hurries its checks; or no longer. The pool that was there. */
static struct probe_pool *observer_pool(struct observer *observer, struct probe_pool *pool)
{
    pthread_mutex_lock(&observer->lock);
    struct probe_pool *before = observer->pool;
    observer->pool = pool;
    pthread_mutex_unlock(&observer->lock);
    return before;
}

static enum err observer_probe(struct observer *observer)
{
    const struct probe_pool_options options = {.site = observer->site_name,
                                               .sink = observer_push,
                                               .sink_context = observer,
                                               .resolve = observer_resolve,
                                               .resolve_context = observer};
    struct probe_pool *pool = NULL;
    const enum err err = probe_pool_new(&options, &pool);
    (void)observer_pool(observer, pool);
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

/* What applications tell. */
static void observer_hear(struct observer *observer)
{
    const struct config_site *site = &observer->config->sites[observer->site];
    const enum err err = site->feedback ? feedback_open(&observer->feedback, site->state_dir) : ERR_OK;
    if (err != ERR_OK) {
        LOG_W("applications are not heard here: %s/" FEEDBACK_MESSAGE_SOCKET ": %s", site->state_dir, err_text(err));
    }
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
    observer_hear(observer);
    struct view view;
    if (publish_file_load(observer->view_file, &view) == ERR_OK) {
        observer_commit(observer, &view); /* better an old picture than none */
    }
    return ERR_OK;
}

enum err observer_start(const struct observer_options *options, char *message, size_t size,
                        struct observer **ret_observer)
{
    struct observer *observer = calloc(1, sizeof *observer);
    if (observer == NULL) {
        return ERR_NO_MEMORY;
    }
    text_copy(observer->config_path, sizeof observer->config_path, options->config_path);
    text_copy(observer->site_name, sizeof observer->site_name, options->site);
    feedback_none(&observer->feedback);
    pthread_mutex_init(&observer->lock, NULL);
    pthread_mutex_init(&observer->taking, NULL);
    message[0] = 0;
    enum err err = observer_load(observer, message, size);
    err = err != ERR_OK ? err : observer_attach(observer, message, size);
    if (err == ERR_OK && getrandom(&observer->boot, sizeof observer->boot, 0) != (ssize_t)sizeof observer->boot) {
        err = ERR_IO;
    }
    observer->boot >>= 1; /* a positive JSON integer */
    err = err != ERR_OK ? err : observer_connect(observer);
    err = err != ERR_OK ? err : observer_latency(observer);
    err = err != ERR_OK ? err : observer_probe(observer);
    if (err == ERR_OK) {
        observer_listen(observer);
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
        struct ear *ear = atomic_load(&observer->ear);
        if (ear != NULL) {
            ear_set(ear, config, observer->token);
        }
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
    ear_stop(atomic_load(&observer->ear)); /* it urges the reports, and they ask it */
    probe_pool_free(observer_pool(observer, NULL));
    for (uint32_t i = 0; i < observer->controllers_count; i++) {
        upstream_free(observer->upstreams[i]);
    }
    latency_share_free(observer->latency);
    ear_free(atomic_load(&observer->ear));
    feedback_close(&observer->feedback);
    publish_writer_close(&observer->publisher);
    config_free(observer->config);
    explicit_bzero(observer->token, sizeof observer->token);
    pthread_mutex_destroy(&observer->taking);
    pthread_mutex_destroy(&observer->lock);
    free(observer);
}
