/* SPDX-License-Identifier: Apache-2.0
 * The control process: the decision loop and its wiring. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "base/text.h"
#include "control/control_cache.h"
#include "control/control_keep.h"
#include "control/control_state.h"
#include "control/control_tell.h"
#include "control/stores.h"
#include "edge/clock.h"
#include "edge/clock_watch.h"
#include "edge/log.h"
#include "edge/publish_file.h"

enum {
    CONTROL_INBOX = 8192,
    CONTROL_BURST = 64,      /* events taken before answers, readers and the journal are looked at */
    CONTROL_READERS_MS = 20, /* how often the local readers' announcements are looked at ... */
    CONTROL_CARRIED_MS = 2,  /* ... and while proxies carry a new view out: a run waits for that */
    CONTROL_CARRY_MS = 200,  /* for at most this long */
};

/* ---- what the workers and the journal call ---- */

static struct setup *control_world_setup(void *context)
{
    return control_setup(context);
}

static void control_world_view(void *context, struct view *ret_view)
{
    struct control *control = context;
    pthread_mutex_lock(&control->lock);
    *ret_view = control->view;
    pthread_mutex_unlock(&control->lock);
}

static void control_world_tell(void *context, const struct event *event)
{
    struct control *control = context;
    (void)inbox_push(control->inbox, event); /* dropped and counted when full: the engine asks again */
}

static void control_publish(void *context, const struct view *view)
{
    struct control *control = context;
    pthread_mutex_lock(&control->publishing);
    *publish_writer_draft(&control->publisher) = *view;
    const enum err err = publish_writer_commit(&control->publisher);
    pthread_mutex_unlock(&control->publishing);
    if (err != ERR_OK) {
        LOG_E("view %llu could not be published: %s", (unsigned long long)view->version, err_text(err));
        return;
    }
    pthread_mutex_lock(&control->lock);
    control->view = *view;
    pthread_cond_broadcast(&control->changed);
    pthread_mutex_unlock(&control->lock);
    control->readers_at = (struct mono){0};
    control->published_at = clock_mono();
}

static void control_act(void *context, const struct action *action)
{
    struct control *control = context;
    act_start(control->act, action);
}

static bool control_sink_tell(void *context, const struct action *action, struct arena *memory,
                              struct store_write *ret_write)
{
    return control_tell_write(context, action, memory, ret_write);
}

static void control_sink_told(void *context)
{
    struct control *control = context;
    if (control->notify != NULL) {
        notify_wake(control->notify);
    }
}

static void control_wake(void *context)
{
    struct control *control = context;
    inbox_wake(control->inbox);
}

/* ---- the decision loop ---- */

/* The oldest version that a reader of each kind on this host answers from, as events of our own site. */
static void control_readers(struct control *control)
{
    struct publish_reader_info list[LIMITS_READERS];
    uint32_t count = 0;
    control_share_readers(control, list, &count);
    control_sight_look(control);
    for (uint32_t kind = 0; kind < ENGINE_READER_KINDS; kind++) {
        static const enum publish_kind kinds[ENGINE_READER_KINDS] = {
            [EVENT_READER_DNS] = PUBLISH_DNS,
            [EVENT_READER_PROXY] = PUBLISH_PROXY,
            [EVENT_READER_SERVICE] = PUBLISH_SERVICE,
        };
        uint64_t oldest = UINT64_MAX;
        for (uint32_t i = 0; i < count; i++) {
            if (list[i].kind == kinds[kind] && list[i].age_ms < 2000 && list[i].version < oldest) {
                oldest = list[i].version;
            }
        }
        if (kind == EVENT_READER_PROXY) {
            control->carrying = oldest < publish_writer_version(&control->publisher);
        }
        if (oldest != UINT64_MAX) {
            struct event event = {.kind = EVENT_READER};
            event.reader =
                (struct event_reader){.site = control->site, .kind = (enum event_reader_kind)kind, .version = oldest};
            (void)inbox_push(control->inbox, &event);
        }
    }
}

static void control_step(struct control *control, const struct event *event)
{
    engine_step(&control->engine, event, &control->output);
    journal_take(control->journal, &control->engine, &control->output);
    control_metric_step(&control->metric, &control->engine, &control->output);
    control_desk_replies(control);
}

static void control_configure(struct control *control)
{
    char message[2048];
    const enum err err = control->desk.configure(control, message, sizeof message);
    if (err != ERR_OK) {
        LOG_E("configuration not applied, the old one stays: %s", message);
    }
}

static void *control_reload_thread(void *context)
{
    control_configure(context);
    return NULL;
}

/* The configuration is read by a thread of its own: a slow disk must not hold the loop. */
static void control_reload_start(struct control *control)
{
    pthread_t thread;
    if (atomic_exchange(&control->reload, false) &&
        pthread_create(&thread, NULL, control_reload_thread, control) == 0) {
        pthread_detach(thread);
    }
}

/* When the readers are looked at next. */
static struct mono control_readers_due(const struct control *control)
{
    const bool soon = control->carrying && time_since_ms(clock_mono(), control->published_at) < CONTROL_CARRY_MS;
    return time_add_ms(control->readers_at, soon ? CONTROL_CARRIED_MS : CONTROL_READERS_MS);
}

void control_run(struct control *control)
{
    struct event event;
    while (!atomic_load(&control->stopping) && !journal_lost(control->journal) && !control->ended) {
        struct mono deadline = engine_deadline(&control->engine);
        deadline = control->carrying ? time_min(deadline, control_readers_due(control)) : deadline;
        for (int i = 0; i < CONTROL_BURST && inbox_take(control->inbox, deadline, &event); i++) {
            control_step(control, &event);
            deadline = (struct mono){0};
        }
        if (time_reached(clock_mono(), engine_deadline(&control->engine))) {
            event = (struct event){.kind = EVENT_TICK, .at = clock_mono(), .wall = clock_wall()};
            control_step(control, &event);
        }
        if (time_reached(clock_mono(), control_readers_due(control))) {
            control->readers_at = clock_mono();
            clock_watch_tell(&control->clock);
            control_readers(control);
        }
        control_desk_answer(control);
        journal_step(control->journal);
        control_lead_turn(control);
        if (atomic_load(&control->leading)) {
            trim_step(&control->trim, clock_mono());
        }
        control_reload_start(control);
    }
    control_lead_end(control);
}

bool control_ended(const struct control *control)
{
    return control->ended || journal_lost(control->journal);
}

void control_stop(struct control *control)
{
    atomic_store(&control->stopping, true);
    inbox_wake(control->inbox);
}

void control_reload(struct control *control)
{
    atomic_store(&control->reload, true);
    inbox_wake(control->inbox);
}

/* ---- start ---- */

static enum err control_open_store(struct control *control, char *message, size_t size)
{
    const enum err err = stores_open(control->setup->config, control->site_name, message, size, &control->store);
    trim_init(&control->trim, control->store, control->setup->config->store.journal_entries, clock_mono());
    return err;
}

static enum err control_open_view(struct control *control, char *message, size_t size)
{
    const char *directory = control->setup->config->sites[control->site].state_dir;
    snprintf(control->view_memory, sizeof control->view_memory, "%s/" PUBLISH_NAME, directory);
    snprintf(control->view_file, sizeof control->view_file, "%s/" PUBLISH_FILE_NAME, directory);
    const enum err err = publish_writer_open(&control->publisher, control->view_memory);
    if (err != ERR_OK) {
        snprintf(message, size, "view %s: %s", control->view_memory, err_text(err));
        return err;
    }
    const bool heard = control->setup->config->sites[control->site].feedback;
    const enum err deaf = heard ? feedback_open(&control->feedback, directory) : ERR_OK;
    if (deaf != ERR_OK) {
        LOG_W("applications are not heard here: %s/" FEEDBACK_MESSAGE_SOCKET ": %s", directory, err_text(deaf));
    }
    return ERR_OK;
}

/* The only controller goes on where a former life stopped. */
static enum err control_open_alone(struct control *control, const struct journal_sink *sink, char *message, size_t size)
{
    struct durable *durable = NULL;
    const enum err err = journal_open(control->store, sink, &durable, &control->journal);
    if (err != ERR_OK) {
        snprintf(message, size, "store: the controller's record cannot be read: %s", err_text(err));
        return err;
    }
    engine_init(&control->engine, &control->setup->model, durable, clock_mono(), clock_wall());
    free(durable);
    atomic_store(&control->leading, true);
    /* Data planes may have seen a higher number than the store knows, when a former life ended between the two. */
    const uint64_t published = publish_writer_version(&control->publisher);
    if (published > control->engine.durable.view_version) {
        control->engine.durable.view_version = published;
    }
    return control_tell_open(control);
}

/* One of several begins as a follower, with the view that its host has. */
static enum err control_open_among(struct control *control, const struct journal_sink *sink, char *message, size_t size)
{
    const struct view *view = publish_writer_view(&control->publisher);
    if (view != NULL) {
        control->view = *view;
    }
    engine_init(&control->engine, &control->setup->model, NULL, clock_mono(), clock_wall());
    engine_follow(&control->engine);
    enum err err = journal_follow(control->store, sink, &control->journal);
    err = err != ERR_OK ? err : control_lead_open(control, message, size);
    return err != ERR_OK ? err : control_follow_open(control);
}

static enum err control_open_engine(struct control *control, char *message, size_t size)
{
    const struct journal_sink sink = {.tell = control_sink_tell,
                                      .told = control_sink_told,
                                      .publish = control_publish,
                                      .act = control_act,
                                      .wake = control_wake,
                                      .leads = control_lead_leads,
                                      .context = control};
    const bool alone = control->setup->config->store.kind == CONFIG_STORE_SQLITE;
    enum err err =
        alone ? control_open_alone(control, &sink, message, size) : control_open_among(control, &sink, message, size);
    if (err != ERR_OK) {
        return err;
    }
    const struct act_world world = {.setup = control_world_setup,
                                    .view = control_world_view,
                                    .tell = control_world_tell,
                                    .leads = control_lead_leads,
                                    .context = control,
                                    .store = control->store,
                                    .compare = control->options.compare};
    return act_new(&world, &control->act);
}

static enum err control_open(struct control *control, char *message, size_t size)
{
    enum err err = setup_load(control->config_path, message, size, &control->setup);
    if (err != ERR_OK) {
        return err;
    }
    control->born = setup_hold(control->setup);
    control->site = model_site_find(&control->setup->model, control->site_name);
    if (control->site == LIMITS_NONE || !control->setup->model.sites[control->site].controls) {
        snprintf(message, size, "site '%s' has no role control in %s", control->site_name, control->config_path);
        return ERR_NOT_FOUND;
    }
    err = inbox_new(CONTROL_INBOX, &control->inbox);
    err = err != ERR_OK ? err : control_open_store(control, message, size);
    err = err != ERR_OK ? err : control_open_view(control, message, size);
    err = err != ERR_OK ? err : control_open_engine(control, message, size);
    err = err != ERR_OK ? err : control_keep_start(control);
    err = err != ERR_OK ? err : control_cache_start(control);
    err = err != ERR_OK ? err : control_latency_start(control);
    if (err == ERR_OK) {
        control_beat_start(control);
    }
    return err != ERR_OK ? err : control_watch_start(control);
}

enum err control_new(const struct control_options *options, char *message, size_t size, struct control **ret_control)
{
    struct control *control = calloc(1, sizeof *control);
    if (control == NULL) {
        return ERR_NO_MEMORY;
    }
    control->options = *options;
    feedback_none(&control->feedback);
    text_copy(control->config_path, sizeof control->config_path, options->config_path);
    text_copy(control->site_name, sizeof control->site_name, options->site);
    pthread_mutex_init(&control->lock, NULL);
    pthread_mutex_init(&control->publishing, NULL);
    pthread_mutex_init(&control->latency_lock, NULL);
    pthread_condattr_t attributes; /* a wall clock that is set back must not keep those who ask waiting */
    pthread_condattr_init(&attributes);
    pthread_condattr_setclock(&attributes, CLOCK_MONOTONIC);
    pthread_cond_init(&control->changed, &attributes);
    pthread_condattr_destroy(&attributes);
    message[0] = 0;
    const enum err err = control_open(control, message, size);
    if (err != ERR_OK) {
        if (message[0] == 0) {
            snprintf(message, size, "%s", err_text(err));
        }
        control_free(control);
        return err;
    }
    control_desk_init(control);
    *ret_control = control;
    return ERR_OK;
}

void control_free(struct control *control)
{
    if (control == NULL) {
        return;
    }
    probe_pool_free(control->pool);
    control_beat_stop(control);
    control_follow_close(control);
    control_latency_close(control);
    control_beat_close(control);
    control_cache_stop(control);
    control_keep_stop(control);
    act_free(control->act);
    control_tell_close(control);
    control_lead_close(control);
    store_close(control->store);
    journal_close(control->journal);
    feedback_close(&control->feedback);
    publish_writer_close(&control->publisher);
    inbox_free(control->inbox);
    control_figure_close(control);
    setup_drop(control->setup);
    setup_drop(control->born);
    pthread_mutex_destroy(&control->publishing);
    pthread_mutex_destroy(&control->latency_lock);
    pthread_cond_destroy(&control->changed);
    pthread_mutex_destroy(&control->lock);
    free(control);
}

const struct desk *control_desk(struct control *control)
{
    return &control->desk;
}

const char *control_token(const struct control *control)
{
    return control->setup->token;
}

const char *control_listen(const struct control *control)
{
    return control->setup->config->sites[control->site].api.listen.text;
}
