/* SPDX-License-Identifier: Apache-2.0
 * The desk: questions of other threads, answered by the decision loop between two steps, or from what is shared. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "base/assert.h"
#include "base/text.h"
#include "control/control_state.h"
#include "control/control_tell.h"
#include "control/leases.h"
#include "edge/clock.h"
#include "edge/config_model.h"
#include "edge/log.h"
#include "edge/sql.h"
#include "wire/config_show.h"

enum {
    CONTROL_DESK_WAIT_MS = 5000,
    CONTROL_DESK_LEDGER_MS = 10000,
};

static struct timespec control_desk_until(uint32_t wait_ms)
{
    struct timespec until;
    clock_gettime(CLOCK_MONOTONIC, &until);
    const int64_t ns = until.tv_nsec + (int64_t)(wait_ms % 1000) * 1000000;
    until.tv_sec += wait_ms / 1000 + ns / 1000000000;
    until.tv_nsec = ns % 1000000000;
    return until;
}

/* ---- questions to the decision loop ---- */

/* Hands the question over and waits for the answer. */
static enum err control_desk_ask(struct control *control, struct control_waiter *waiter)
{
    const struct timespec until = control_desk_until(CONTROL_DESK_WAIT_MS);
    pthread_mutex_lock(&control->lock);
    waiter->token = ++control->tokens;
    uint32_t slot = 0;
    while (slot < CONTROL_WAITERS && control->waiters[slot] != NULL) {
        slot++;
    }
    if (slot == CONTROL_WAITERS) {
        pthread_mutex_unlock(&control->lock);
        return ERR_QUEUE_FULL;
    }
    control->waiters[slot] = waiter;
    inbox_wake(control->inbox);
    int waited = 0;
    while (!waiter->done && waited == 0) {
        waited = pthread_cond_timedwait(&control->changed, &control->lock, &until);
    }
    control->waiters[slot] = NULL;
    const enum err err = waiter->done ? waiter->err : ERR_TIMEOUT;
    pthread_mutex_unlock(&control->lock);
    return err;
}

static void control_desk_done(struct control *control, struct control_waiter *waiter, enum err err)
{
    waiter->done = true;
    waiter->err = err;
    pthread_cond_broadcast(&control->changed);
}

static void control_desk_preview(struct control *control, struct control_waiter *waiter)
{
    struct event event = {.kind = EVENT_COMMAND, .at = clock_mono(), .wall = clock_wall()};
    *waiter->ret_engine = control->engine;
    event.command = *waiter->command;
    event.command.dry_run = false; /* on the copy it is done for real, which is the point */
    engine_step(waiter->ret_engine, &event, waiter->ret_output);
}

static void control_desk_configure_now(struct control *control, struct control_waiter *waiter)
{
    if (!engine_configure(&control->engine, &waiter->setup->model)) {
        control_desk_done(control, waiter, ERR_UNAVAILABLE);
        return;
    }
    control->setup = waiter->setup; /* the asking thread has taken its own reference to the old one */
    control->site = model_site_find(&control->engine.model, control->site_name);
    control_desk_done(control, waiter, ERR_OK);
}

/* With the lock held. Commands leave it, because the engine's step may take a while. */
static void control_desk_answer_one(struct control *control, struct control_waiter *waiter, struct event *ret_command,
                                    bool *ret_has)
{
    switch (waiter->ask) {
    case CONTROL_ASK_SNAPSHOT:
        *waiter->ret_engine = control->engine;
        control_desk_done(control, waiter, ERR_OK);
        break;
    case CONTROL_ASK_PREVIEW:
        control_desk_preview(control, waiter);
        control_desk_done(control, waiter, ERR_OK);
        break;
    case CONTROL_ASK_CONFIGURE:
        control_desk_configure_now(control, waiter);
        break;
    case CONTROL_ASK_COMMAND:
        waiter->taken = true;
        ret_command->command = *waiter->command;
        ret_command->command.token = waiter->token;
        *ret_has = true;
        break;
    case CONTROL_ASK_NONE:
        break;
    }
}

void control_desk_answer(struct control *control)
{
    for (uint32_t slot = 0; slot < CONTROL_WAITERS; slot++) {
        struct event event = {.kind = EVENT_COMMAND, .at = clock_mono(), .wall = clock_wall()};
        bool has = false;
        pthread_mutex_lock(&control->lock);
        struct control_waiter *waiter = control->waiters[slot];
        if (waiter != NULL && !waiter->done && !waiter->taken) {
            control_desk_answer_one(control, waiter, &event, &has);
        }
        pthread_mutex_unlock(&control->lock);
        if (has) {
            engine_step(&control->engine, &event, &control->output);
            control_tell_order(control, &event);
            journal_take(control->journal, &control->engine, &control->output);
            control_metric_step(&control->metric, &control->engine, &control->output);
            control_desk_replies(control);
        }
    }
}

void control_desk_replies(struct control *control)
{
    if (control->output.replies_count == 0) {
        return;
    }
    pthread_mutex_lock(&control->lock);
    for (uint32_t i = 0; i < control->output.replies_count; i++) {
        const struct engine_reply *reply = &control->output.replies[i];
        for (uint32_t slot = 0; slot < CONTROL_WAITERS; slot++) {
            struct control_waiter *waiter = control->waiters[slot];
            if (waiter != NULL && waiter->taken && !waiter->done && waiter->token == reply->token) {
                *waiter->ret_reply = *reply;
                control_desk_done(control, waiter, ERR_OK);
            }
        }
    }
    pthread_mutex_unlock(&control->lock);
}

static void control_desk_snapshot(void *context, struct engine *ret_engine)
{
    struct control_waiter waiter = {.ask = CONTROL_ASK_SNAPSHOT, .ret_engine = ret_engine};
    if (control_desk_ask(context, &waiter) != ERR_OK) {
        memset(ret_engine, 0, sizeof *ret_engine); /* an empty model: the loop is stuck or ending */
    }
}

static enum err control_desk_command(void *context, const struct event_command *command, struct engine_reply *ret_reply)
{
    struct control_waiter waiter = {.ask = CONTROL_ASK_COMMAND, .command = command, .ret_reply = ret_reply};
    return control_desk_ask(context, &waiter);
}

static enum err control_desk_look(void *context, const struct event_command *command, struct engine *ret_engine,
                                  struct output *ret_output)
{
    struct control_waiter waiter = {
        .ask = CONTROL_ASK_PREVIEW, .command = command, .ret_engine = ret_engine, .ret_output = ret_output};
    return control_desk_ask(context, &waiter);
}

/* ---- what observers and agents send ---- */

static uint32_t control_desk_site(struct control *control, const char *name)
{
    struct setup *setup = control_setup(control);
    const uint32_t site = model_site_find(&setup->model, name);
    setup_drop(setup);
    return site;
}

static uint32_t control_desk_node(void *context, const char *name)
{
    struct setup *setup = control_setup(context);
    const uint32_t node = model_node_find(&setup->model, name);
    setup_drop(setup);
    return node;
}

static uint64_t control_desk_version(struct control *control)
{
    pthread_mutex_lock(&control->lock);
    const uint64_t version = control->view.version;
    pthread_mutex_unlock(&control->lock);
    return version;
}

static enum err control_desk_observe(void *context, const char *site_name, const struct probe_result *results,
                                     uint32_t count, uint64_t *ret_version)
{
    struct control *control = context;
    const uint32_t site = control_desk_site(control, site_name);
    if (site == LIMITS_NONE) {
        return ERR_NOT_FOUND;
    }
    struct event event = {.kind = EVENT_SITE};
    event.site.index = site;
    (void)inbox_push(control->inbox, &event);
    for (uint32_t i = 0; i < count; i++) {
        control_watch_take(control, site, &results[i]);
    }
    *ret_version = control_desk_version(control);
    return ERR_OK;
}

static enum err control_desk_beats(void *context, const char *site_name, const struct observe_beats *beats)
{
    struct control *control = context;
    const uint32_t site = control_desk_site(control, site_name);
    if (site == LIMITS_NONE) {
        return ERR_NOT_FOUND;
    }
    control_beat_take(control, site, beats);
    return ERR_OK;
}

static enum err control_desk_readers(void *context, const char *site_name, const struct desk_reader *readers,
                                     uint32_t count)
{
    struct control *control = context;
    const uint32_t site = control_desk_site(control, site_name);
    if (site == LIMITS_NONE) {
        return ERR_NOT_FOUND;
    }
    uint64_t oldest[ENGINE_READER_KINDS] = {UINT64_MAX, UINT64_MAX, UINT64_MAX};
    for (uint32_t i = 0; i < count; i++) {
        uint64_t *kind = &oldest[readers[i].kind];
        if (readers[i].age_ms < 2000 && readers[i].version < *kind) {
            *kind = readers[i].version;
        }
    }
    for (uint32_t kind = 0; kind < ENGINE_READER_KINDS; kind++) {
        if (oldest[kind] != UINT64_MAX) {
            struct event event = {.kind = EVENT_READER};
            event.reader =
                (struct event_reader){.site = site, .kind = (enum event_reader_kind)kind, .version = oldest[kind]};
            (void)inbox_push(control->inbox, &event);
        }
    }
    return ERR_OK;
}

/* With the lock held: the nodes that `node` keeps slots for. A writer for those that stream from another, a leader for
 * all of its region. */
static void control_desk_slots(const struct control *control, uint32_t node, struct desk_word *word)
{
    const struct view *view = &control->view;
    const struct view_node *self = &view->nodes[node];
    const bool writer = view->databases[self->database].writer == node;
    for (uint32_t other = 0; other < view->nodes_count; other++) {
        const struct view_node *entry = &view->nodes[other];
        const bool cascades = entry->order != 0 && entry->upstream != LIMITS_NONE;
        const bool here = self->leads != 0 && entry->region == self->region;
        if (other == node || entry->database != self->database || !(writer ? cascades : here)) {
            continue;
        }
        const struct event_node *has = &control->reports[other].node;
        const struct event_node *own = &control->reports[node].node;
        const bool same = has->role == VIEW_NODE_STANDBY && own->timeline != 0 && has->timeline == own->timeline;
        text_copy(word->slots[word->slots_count], LIMITS_NAME, entry->name);
        word->flushed[word->slots_count++] = same ? has->received : (struct lsn){0};
    }
}

/* With the lock held: what the published view says to this node. After a change of the configuration it may still
 * number nodes as before. */
static void control_desk_word(const struct control *control, const char *name, struct desk_word *word)
{
    const struct view *view = &control->view;
    uint32_t node = 0;
    *word = (struct desk_word){.version = view->version};
    while (node < view->nodes_count && strcmp(view->nodes[node].name, name) != 0) {
        node++;
    }
    if (node == view->nodes_count) {
        return;
    }
    const struct view_node *self = &view->nodes[node];
    const struct view_database *database = &view->databases[self->database];
    word->epoch = database->epoch;
    if (database->writer != LIMITS_NONE) {
        text_copy(word->writer, LIMITS_NAME, view->nodes[database->writer].name);
    }
    word->order = self->order;
    if (self->order != 0 && self->upstream != LIMITS_NONE) {
        text_copy(word->upstream, LIMITS_NAME, view->nodes[self->upstream].name);
    }
    control_desk_slots(control, node, word);
}

static enum err control_desk_report(void *context, const struct desk_report *report, struct desk_word *ret_word)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    const uint32_t node = report->node.node;
    if (node >= setup->model.nodes_count) {
        setup_drop(setup);
        return ERR_NOT_FOUND;
    }
    char name[LIMITS_NAME];
    text_copy(name, sizeof name, setup->model.nodes[node].name);
    setup_drop(setup);
    struct event event = {.kind = EVENT_NODE};
    event.node = report->node;
    (void)inbox_push(control->inbox, &event);
    pthread_mutex_lock(&control->lock);
    control->reports[node] = *report;
    control_desk_word(control, name, ret_word);
    pthread_mutex_unlock(&control->lock);
    return ERR_OK;
}

/* ---- leases ---- */

/* What the store says now, told to the engine. */
static void control_desk_tell_lease(struct control *control, const struct setup *setup, uint32_t database,
                                    const struct desk_lease *lease)
{
    struct event event = {.kind = EVENT_LEASE};
    event.lease = (struct event_lease){.database = database,
                                       .state = (enum event_lease_state)lease->state,
                                       .holder = model_node_find(&setup->model, lease->holder),
                                       .epoch = lease->epoch,
                                       .revision = lease->revision,
                                       .candidate = model_node_find(&setup->model, lease->candidate)};
    (void)inbox_push(control->inbox, &event);
}

static enum err control_desk_lease(struct control *control, const char *database, const char *node, uint64_t epoch,
                                   bool acquire, struct desk_lease *ret_lease)
{
    struct setup *setup = control_setup(control);
    const struct model *model = &setup->model;
    const uint32_t index = model_database_find(model, database);
    enum err err = ERR_NOT_FOUND;
    if (index != LIMITS_NONE) {
        const uint32_t initial = model->databases[index].initial_writer;
        const char *first = initial < model->nodes_count ? model->nodes[initial].name : "";
        err = node == NULL ? leases_get(control->store, database, ret_lease)
              : acquire    ? leases_acquire(control->store, database, node, epoch, first, ret_lease)
                           : leases_renew(control->store, database, node, epoch, ret_lease);
        ret_lease->lease_ms = model->databases[index].lease_ms;
        if (err == ERR_OK) {
            control_desk_tell_lease(control, setup, index, ret_lease);
        }
    }
    setup_drop(setup);
    return err;
}

static enum err control_desk_lease_get(void *context, const char *database, struct desk_lease *ret_lease)
{
    return control_desk_lease(context, database, NULL, 0, false, ret_lease);
}

static enum err control_desk_lease_renew(void *context, const char *database, const char *node, uint64_t epoch,
                                         uint64_t revision, struct desk_lease *ret_lease)
{
    (void)revision; /* epoch and holder identify the right; the write itself is a compare-and-swap */
    return control_desk_lease(context, database, node, epoch, false, ret_lease);
}

static enum err control_desk_lease_acquire(void *context, const char *database, const char *node, uint64_t epoch,
                                           struct desk_lease *ret_lease)
{
    return control_desk_lease(context, database, node, epoch, true, ret_lease);
}

/* ---- the ledger ---- */

static enum err control_desk_ledger(void *context, const struct desk_ledger *ask, char **ret_json, char *message,
                                    size_t size)
{
    struct control *control = context;
    struct setup *setup = control_setup(control);
    const uint32_t index = model_database_find(&setup->model, ask->database);
    struct view_node writer = {.role = VIEW_NODE_UNKNOWN};
    pthread_mutex_lock(&control->lock);
    if (index < control->view.databases_count && control->view.databases[index].writer < control->view.nodes_count) {
        writer = control->view.nodes[control->view.databases[index].writer];
    }
    pthread_mutex_unlock(&control->lock);
    enum err err = ERR_NOT_FOUND;
    if (index != LIMITS_NONE && (writer.name[0] == 0 || control->options.ledger == NULL)) {
        snprintf(message, size, "%s has no writer now, and its ledger is in the writer", ask->database);
        err = ERR_UNAVAILABLE;
    } else if (index != LIMITS_NONE) {
        const struct config_database *database = &setup->config->databases[index];
        const char *password = setup->superuser[index];
        const struct sql_login login = {.address = writer.postgres,
                                        .dbname = ask->dbname != NULL ? ask->dbname : database->dbname,
                                        .user = database->superuser.name,
                                        .password = password[0] != 0 ? password : NULL,
                                        .application_name = "holdfast ledger"};
        const struct mono deadline = time_add_ms(clock_mono(), CONTROL_DESK_LEDGER_MS);
        err = control->options.ledger(&login, ask, deadline, ret_json, message, size);
    }
    setup_drop(setup);
    return err;
}

/* ---- the view, details, configuration ---- */

static enum err control_desk_view(void *context, uint64_t after, uint32_t timeout_ms, struct view *ret_view)
{
    struct control *control = context;
    const struct timespec until = control_desk_until(timeout_ms);
    pthread_mutex_lock(&control->lock);
    int waited = 0;
    while (control->view.version <= after && waited == 0 && !atomic_load(&control->stopping)) {
        waited = pthread_cond_timedwait(&control->changed, &control->lock, &until);
    }
    const bool newer = control->view.version > after;
    if (newer) {
        *ret_view = control->view;
    }
    pthread_mutex_unlock(&control->lock);
    return newer ? ERR_OK : ERR_TIMEOUT;
}

static bool control_desk_detail(void *context, uint32_t site, uint32_t probe, struct probe_result *ret_result)
{
    struct control *control = context;
    ASSERT(site < LIMITS_SITES && probe < LIMITS_PROBES);
    pthread_mutex_lock(&control->lock);
    *ret_result = control->details[site][probe];
    pthread_mutex_unlock(&control->lock);
    return ret_result->check[0] != 0;
}

static void control_desk_node_detail(void *context, uint32_t node, struct desk_report *ret_report)
{
    struct control *control = context;
    ASSERT(node < LIMITS_NODES);
    pthread_mutex_lock(&control->lock);
    *ret_report = control->reports[node];
    pthread_mutex_unlock(&control->lock);
}

static enum err control_desk_configure(void *context, char *message, size_t size)
{
    struct control *control = context;
    struct setup *fresh = NULL;
    enum err err = setup_load(control->config_path, message, size, &fresh);
    if (err != ERR_OK) {
        return err;
    }
    const uint32_t site = model_site_find(&fresh->model, control->site_name);
    if (site == LIMITS_NONE || !fresh->model.sites[site].controls) {
        snprintf(message, size, "site '%s' would no longer be a controller", control->site_name);
        setup_drop(fresh);
        return ERR_INVALID;
    }
    struct setup *old = control_setup(control);
    struct control_waiter waiter = {.ask = CONTROL_ASK_CONFIGURE, .setup = fresh};
    err = control_desk_ask(control, &waiter);
    if (err != ERR_OK) {
        snprintf(message, size, "%s",
                 err == ERR_UNAVAILABLE ? "a run is in progress: apply again when it has ended" : err_text(err));
        setup_drop(err == ERR_TIMEOUT ? NULL : fresh); /* after a time-out the loop may still take it */
        setup_drop(old);
        return err;
    }
    err = control_watch_set(control, fresh);
    control_beat_set(control, fresh);
    setup_drop(old); /* ours */
    setup_drop(old); /* the control's own: `fresh` is in its place */
    LOG_N("configuration applied");
    snprintf(message, size, "applied");
    return err;
}

static char *control_desk_configuration(void *context)
{
    struct setup *setup = control_setup(context);
    char *text = malloc(CONFIG_SHOW_BYTES);
    if (text != NULL) {
        struct buf buf;
        buf_init(&buf, text, CONFIG_SHOW_BYTES);
        config_show(setup->config, &buf);
    }
    setup_drop(setup);
    return text;
}

void control_desk_init(struct control *control)
{
    control->desk = (struct desk){.context = control,
                                  .lead = control_lead_look,
                                  .snapshot = control_desk_snapshot,
                                  .command = control_desk_command,
                                  .preview = control_desk_look,
                                  .node = control_desk_node,
                                  .observe = control_desk_observe,
                                  .beats = control_desk_beats,
                                  .readers = control_desk_readers,
                                  .sights = control_sight_take,
                                  .seen = control_sight_seen,
                                  .figures = control_figure_take,
                                  .figures_list = control_figure_list,
                                  .latency = control_latency_take,
                                  .latencies = control_latency_look,
                                  .report = control_desk_report,
                                  .lease_get = control_desk_lease_get,
                                  .lease_renew = control_desk_lease_renew,
                                  .lease_acquire = control_desk_lease_acquire,
                                  .view = control_desk_view,
                                  .ledger = control_desk_ledger,
                                  .detail = control_desk_detail,
                                  .node_detail = control_desk_node_detail,
                                  .configure = control_desk_configure,
                                  .configuration = control_desk_configuration,
                                  .store = control->store};
}
