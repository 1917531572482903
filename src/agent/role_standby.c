/* SPDX-License-Identifier: Apache-2.0
 * A node as a standby: start behind a writer, change to another without a restart, clone when it cannot follow. */
#include "agent/role_standby.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <libpq-fe.h>

#include "agent/adopt.h"
#include "agent/clone.h"
#include "agent/home.h"
#include "agent/source.h"
#include "agent/stop.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum {
    ROLE_STANDBY_ASK_MS = 3000,
    ROLE_STANDBY_START_MS = 60000,
    ROLE_STANDBY_STOP_MS = 15000,
    ROLE_STANDBY_SILENT_MS = 3000, /* not streaming for this long: is it able to follow at all? */
    ROLE_STANDBY_LOST_MS = 60000,  /* able by its history, but still not streaming: the log it needs is gone */
    ROLE_STANDBY_STREAMS = 3,      /* looks in a row at a stream that make it one: one that breaks at once is none */
    ROLE_STANDBY_STRANGE = 2,      /* answers in a row that a streaming node has what the writer has not */
    ROLE_STANDBY_TRIES = 3,        /* starts that failed */
    ROLE_STANDBY_RETRY_MS = 1000,  /* between two tries to follow */
};

enum role_standby_verdict { ROLE_STANDBY_CAN, ROLE_STANDBY_DIVERGED, ROLE_STANDBY_UNKNOWN };

static struct agent_options_peer role_standby_peer(const struct node_writer *writer)
{
    return (struct agent_options_peer){.name = writer->name, .host = writer->host, .port = writer->port};
}

/* How far a node of this system has come. */
struct role_standby_place {
    uint64_t system_id;
    uint32_t timeline;
    struct lsn position;
    bool streaming; /* from the writer in question or a leader that follows it: its timeline is the writer's */
};

static const char role_standby_password[] = "refuses the password";

/* Asks the writer who it is. A password that it does not take is told: nothing but a person mends it. */
static enum err role_standby_ask(struct node *node, const struct node_writer *writer,
                                 struct pgquery_upstream *ret_upstream)
{
    const struct agent_options_peer peer = role_standby_peer(writer);
    const struct mono deadline = time_add_ms(clock_mono(), ROLE_STANDBY_ASK_MS);
    const enum err err = pgquery_upstream(node->options, &peer, deadline, ret_upstream);
    if (err == ERR_AUTH) {
        node_lock(node);
        node_error(node, "%s %s of %s: correct databases.%s.replication.password and restart this agent", writer->name,
                   role_standby_password, node->options->replication, node->options->database);
        node_unlock(node);
    }
    return err;
}

enum role_standby_branch { ROLE_STANDBY_OURS, ROLE_STANDBY_ELSEWHERE, ROLE_STANDBY_UNSAID };

/* Whether this timeline was begun by the writer's promotion: its first transactions say which, when they have come here
 * and the server runs. A node that follows a leader comes by a timeline before it knows whose it is. */
static enum role_standby_branch role_standby_branch(struct node *node, const struct node_writer *writer,
                                                    uint32_t timeline)
{
    struct pgquery query;
    char number[16];
    PGresult *result = NULL;
    snprintf(number, sizeof number, "%u", timeline);
    const char *const values[] = {number};
    pgquery_init(&query, node->options);
    const enum err err = pgquery_ask(&query, "SELECT epoch FROM holdfast.promotion WHERE timeline = $1::bigint", 1,
                                     values, time_add_ms(clock_mono(), ROLE_STANDBY_ASK_MS), &result);
    enum role_standby_branch branch = ROLE_STANDBY_UNSAID;
    if (err == ERR_OK && PQntuples(result) == 1) {
        const bool ours = strtoull(PQgetvalue(result, 0, 0), NULL, 10) == writer->epoch;
        branch = ours ? ROLE_STANDBY_OURS : ROLE_STANDBY_ELSEWHERE;
    }
    PQclear(result);
    pgquery_close(&query);
    return branch;
}

/* Whether that place is part of the writer's past. */
static enum role_standby_verdict role_standby_judge(struct node *node, const struct node_writer *writer,
                                                    const struct role_standby_place *place)
{
    struct pgquery_upstream upstream;
    struct pgparse_history own = {.count = 0};
    if (role_standby_ask(node, writer, &upstream) != ERR_OK || upstream.in_recovery) {
        return ROLE_STANDBY_UNKNOWN;
    }
    if (pgctl_history(node->options, place->timeline, &own) != ERR_OK) {
        own.count = 0; /* not there: the writer's history decides alone */
    }
    node_lock(node);
    const uint64_t data_epoch = node->record.data_epoch;
    node_unlock(node);
    const bool same = place->timeline == upstream.timeline && data_epoch != 0 && data_epoch != writer->epoch;
    const enum role_standby_branch branch =
        same ? role_standby_branch(node, writer, place->timeline) : ROLE_STANDBY_OURS;
    const bool stranger = branch == ROLE_STANDBY_ELSEWHERE || (branch == ROLE_STANDBY_UNSAID && !place->streaming);
    if (place->system_id != upstream.system_id || stranger || !pgparse_history_within(&own, &upstream.history) ||
        !pgparse_history_holds(&upstream.history, upstream.timeline, upstream.position, place->timeline,
                               place->position)) {
        char text[LSN_TEXT];
        lsn_print(place->position, text);
        LOG_W("this node at %s of timeline %u is not part of the past of %s (timeline %u)", text, place->timeline,
              writer->name, upstream.timeline);
        return ROLE_STANDBY_DIVERGED;
    }
    return ROLE_STANDBY_CAN;
}

static enum role_standby_verdict role_standby_judge_stopped(struct node *node, const struct node_writer *writer)
{
    struct pgparse_control control;
    char label[AGENT_OPTIONS_PATH + 32];
    snprintf(label, sizeof label, "%s/backup_label", node->options->data);
    if (access(label, F_OK) == 0) {
        return ROLE_STANDBY_CAN; /* a fresh copy that never ran: whether it can stream shows soon */
    }
    if (home_begun(node)) {
        LOG_W("salvage ran in this directory: its log has records of its own");
        return ROLE_STANDBY_DIVERGED;
    }
    if (pgctl_control(node->options, &control) != ERR_OK) {
        return ROLE_STANDBY_UNKNOWN;
    }
    if (control.state == PGPARSE_IN_PRODUCTION || control.state == PGPARSE_STATE_OTHER) {
        LOG_W("this node was a writer and did not stop cleanly: its last records are unknown");
        return ROLE_STANDBY_DIVERGED;
    }
    struct role_standby_place place = {.system_id = control.system_id, .timeline = control.timeline};
    if (control.state == PGPARSE_SHUT_DOWN) {
        place.position = pgparse_checkpoint_end(control.checkpoint, 0);
        return role_standby_judge(node, writer, &place);
    }
    const bool minimum = control.minimum.position > 0 && control.minimum_timeline > 0;
    place.timeline = minimum ? control.minimum_timeline : control.timeline;
    place.position = minimum ? control.minimum : control.checkpoint;
    return role_standby_judge(node, writer, &place);
}

struct role_standby_clone {
    struct node *node;
    uint64_t kills;
    int percent;
};

static bool role_standby_progress(void *context, int percent)
{
    struct role_standby_clone *clone = context;
    struct node *node = clone->node;
    node_lock(node);
    if (percent >= 0 && percent != clone->percent) {
        clone->percent = percent;
        node_activity(node, "cloning %d%%", percent);
    }
    const bool go_on = node->kills == clone->kills && !atomic_load(&node->quit);
    node_unlock(node);
    return go_on;
}

static enum err role_standby_end_server(struct node *node)
{
    struct lsn shutdown;
    const enum err err = stop_server(node, time_add_ms(clock_mono(), ROLE_STANDBY_STOP_MS), &shutdown);
    return err == ERR_OK ? ERR_OK : node_kill(node, "it cannot follow the writer");
}

/* A copy that our programs cannot run is not worth making. */
static enum err role_standby_version(struct node *node, const struct node_writer *writer)
{
    struct pgquery_upstream upstream;
    uint32_t own = 0;
    const enum err err = role_standby_ask(node, writer, &upstream);
    if (err != ERR_OK) {
        node_lock(node);
        if (err != ERR_AUTH) { /* told already */
            node_error(node, "cloning from %s failed: %s", writer->name, err_text(err));
        }
        node_unlock(node);
        return err;
    }
    if (adopt_program_major(node->options, &own) && own != upstream.version / 10000) {
        node_lock(node);
        node_error(node, "%s runs PostgreSQL %u, the programs in %s are of %u: correct databases.%s.nodes.%s.bin",
                   writer->name, upstream.version / 10000, node->options->bin, own, node->options->database,
                   node->options->node);
        node_unlock(node);
        return ERR_UNSUPPORTED;
    }
    return ERR_OK;
}

static enum err role_standby_clone(struct node *node, const struct node_writer *writer)
{
    struct role_standby_clone clone = {.node = node, .percent = -1};
    const struct clone_watch watch = {.progress = role_standby_progress, .context = &clone};
    const struct agent_options_peer peer = role_standby_peer(writer);
    node_lock(node);
    const bool running = node->state != NODE_STOPPED;
    node_unlock(node);
    enum err err = role_standby_version(node, writer);
    if (err != ERR_OK) {
        return err;
    }
    err = running ? role_standby_end_server(node) : ERR_OK;
    node_lock(node);
    clone.kills = node->kills;
    const uint64_t kept_epoch = node->record.data_epoch;
    node_activity(node, "cloning 0%%");
    node_unlock(node);
    LOG_N("cloning from %s", writer->name);
    err = err == ERR_OK ? clone_run(node->options, &peer, kept_epoch, &watch) : err;
    node_lock(node);
    if (err == ERR_OK) {
        node->record.role = RECORD_STANDBY;
        node->record.data_epoch = writer->epoch;
        node->crashes = 0;
        err = node_save(node);
        LOG_N("cloned from %s", writer->name);
    } else {
        node_error(node, "cloning from %s failed: %s", writer->name, err_text(err));
    }
    node_unlock(node);
    struct pgquery_upstream upstream;
    if (err == ERR_EXIT_STATUS && role_standby_ask(node, writer, &upstream) == ERR_OK) {
        LOG_I("%s itself answers", writer->name);
    }
    return err;
}

/* What the node wrote up to its data's epoch is with others, or stays in a directory that is set aside. Becomes durable
 * with what follows. */
static void role_standby_account(struct node *node, bool homed)
{
    node_lock(node);
    uint64_t *epoch = homed ? &node->record.homed : &node->record.owes;
    *epoch = *epoch < node->record.data_epoch ? node->record.data_epoch : *epoch;
    node_unlock(node);
}

/* A data directory that is not part of the writer's past: what it holds alone is brought home first. Then it is
 * rewound, or cloned anew, and the old one kept. No server runs. */
static enum err role_standby_return(struct node *node, const struct node_writer *writer)
{
    const enum home_outcome outcome = home_come(node, writer);
    if (outcome == HOME_AGAIN) {
        return ERR_UNAVAILABLE;
    }
    role_standby_account(node, outcome != HOME_KEEP);
    if (outcome != HOME_REWOUND) {
        return role_standby_clone(node, writer);
    }
    node_lock(node);
    node->record.role = RECORD_STANDBY;
    node->record.data_epoch = writer->epoch;
    node->crashes = 0;
    const enum err saved = node_save(node);
    node_unlock(node);
    LOG_N("rewound behind %s", writer->name);
    return saved;
}

static enum err role_standby_start(struct node *node, const struct node_writer *writer)
{
    node_lock(node);
    const struct node_writer source = source_of(node, writer);
    node->record.role = RECORD_STANDBY;
    node->slots.made = false;
    snprintf(node->record.upstream, sizeof node->record.upstream, "%s", source.name);
    /* What it was told as a writer is out of date: the configured copies hold. Unless it was told just now, with an
     * order to become the writer. */
    node->record.durability_told &= node->record.durability_epoch == node->promise.epoch;
    enum err err = node_save(node);
    node_unlock(node);
    err = err == ERR_OK ? node_configure(node, &source, true) : err;
    err = err == ERR_OK ? node_start(node, false, time_add_ms(clock_mono(), ROLE_STANDBY_START_MS)) : err;
    if (err != ERR_OK) {
        return err;
    }
    struct pgquery query;
    pgquery_init(&query, node->options);
    if (pgquery_slots(&query, false, time_add_ms(clock_mono(), ROLE_STANDBY_ASK_MS)) != ERR_OK) {
        LOG_W("old replication slots could not be dropped: %s", query.error);
    }
    pgquery_close(&query);
    home_settled(node);
    LOG_N("following %s, epoch %llu", source.name, (unsigned long long)writer->epoch);
    return ERR_OK;
}

void role_standby_begin(struct node *node, const struct node_writer *writer)
{
    node_lock(node);
    const bool was_standby = node->record.role == RECORD_STANDBY;
    /* Once: a setting that no server starts with would clone for ever. */
    const bool broken = was_standby && node->crashes >= ROLE_STANDBY_TRIES && !node->recloned;
    node->recloned |= broken;
    node->retry_at = time_add_ms(clock_mono(), ROLE_STANDBY_RETRY_MS);
    node_unlock(node);
    enum role_standby_verdict verdict = ROLE_STANDBY_DIVERGED;
    const bool judged = pgctl_has_data(node->options) && !broken;
    if (judged) {
        verdict = role_standby_judge_stopped(node, writer);
    }
    if (verdict == ROLE_STANDBY_UNKNOWN && !was_standby) {
        node_lock(node);
        node_error(node, "waiting for %s: it must be asked before this former writer may follow", writer->name);
        node_unlock(node);
        return;
    }
    enum err err = verdict != ROLE_STANDBY_DIVERGED ? ERR_OK
                   : judged                         ? role_standby_return(node, writer)
                                                    : role_standby_clone(node, writer);
    err = err == ERR_OK ? role_standby_start(node, writer) : err;
    if (err != ERR_OK) {
        LOG_W("not following %s yet: %s", writer->name, err_text(err));
    }
}

bool role_standby_restart(struct node *node)
{
    struct lsn end;
    node_lock(node);
    const bool wanted = node->order.state == NODE_ORDER_WANTED && node->order.restart && !node_held(node);
    const bool running = node->state == NODE_RUNNING;
    node_unlock(node);
    if (!wanted) {
        return false;
    }
    const enum err err = running ? stop_server(node, time_add_ms(clock_mono(), ROLE_STANDBY_STOP_MS), &end) : ERR_OK;
    node_lock(node);
    node->order.state = err == ERR_OK ? NODE_ORDER_DONE : NODE_ORDER_FAILED;
    if (err != ERR_OK) {
        node_error(node, "PostgreSQL does not stop for its restart: %s", err_text(err));
    }
    node->pending_restart[0] = '\0';
    node_change(node);
    node_unlock(node);
    return true; /* the keeper starts it as what it was */
}

bool role_standby_reinit(struct node *node)
{
    node_lock(node);
    const struct node_writer writer = node->writer;
    const bool wanted = node->order.state == NODE_ORDER_WANTED && !node->order.restart;
    const bool able = writer.name[0] != '\0' && writer.epoch >= node->promise.epoch &&
                      writer.epoch > node->record.halted && !node_held(node);
    const bool met = node->record.data_epoch == writer.epoch;
    node_unlock(node);
    struct pgquery_upstream upstream;
    if (!wanted || !able) {
        return false; /* the writer is not known yet, or moves just now */
    }
    enum err err = role_standby_ask(node, &writer, &upstream);
    err = err == ERR_OK && upstream.in_recovery ? ERR_ROLE : err;
    if (err == ERR_OK && !met && pgctl_has_data(node->options)) {
        role_standby_account(node, false);
    }
    err = err == ERR_OK ? role_standby_clone(node, &writer) : err;
    node_lock(node);
    node->order.state = err == ERR_OK ? NODE_ORDER_DONE : NODE_ORDER_FAILED;
    if (err != ERR_OK && err != ERR_UNSUPPORTED) { /* of another version: said already, with what to do about it */
        node_error(node, "reinit from %s failed, the data directory is as it was: %s", writer.name, err_text(err));
    }
    node_change(node);
    node_unlock(node);
    if (err == ERR_OK && role_standby_start(node, &writer) != ERR_OK) {
        LOG_W("what was made anew does not start");
    }
    return true;
}

/* Points the running walreceiver elsewhere: a reload, no restart. */
static void role_standby_turn(struct node *node, const struct node_writer *source)
{
    if (node_configure(node, source, true) != ERR_OK) {
        return;
    }
    node_lock(node);
    snprintf(node->record.upstream, sizeof node->record.upstream, "%s", source->name);
    node->receiving_at = clock_mono();
    const enum err err = node_save(node);
    node_change(node);
    node_unlock(node);
    LOG_N("following %s from now on, epoch %llu%s", source->name, (unsigned long long)source->epoch,
          err == ERR_OK ? "" : " (not recorded)");
}

/* What was found out about a running standby still holds: no order, no stop, no other writer came between. */
static bool role_standby_same(struct node *node, const struct node_writer *writer, uint64_t kills)
{
    node_lock(node);
    const bool same = node->kills == kills && node->state == NODE_RUNNING && !node_held(node) &&
                      node->promise.ordered <= writer->epoch && node->writer.epoch == writer->epoch &&
                      strcmp(node->writer.name, writer->name) == 0;
    node_unlock(node);
    return same;
}

static struct role_standby_place role_standby_running(const struct pgquery_status *status, bool streaming)
{
    const bool ahead = status->received.position > status->replayed.position;
    return (struct role_standby_place){.system_id = status->system_id,
                                       .timeline = status->timeline,
                                       .position = ahead ? status->received : status->replayed,
                                       .streaming = streaming};
}

/* The data directory is of no use behind this writer. `diverged`: it may hold what nobody else has, and is begun with
 * as one that was stopped, whose control file names timeline and position as a pair; else it only fell too far behind.
 */
static void role_standby_again(struct node *node, const struct node_writer *writer, uint64_t kills, bool diverged)
{
    if (!node_take_work(node, (struct mono){0})) {
        return;
    }
    if (!role_standby_same(node, writer, kills)) {
        node_give_work(node);
        return;
    }
    const enum err err = diverged ? role_standby_end_server(node) : role_standby_clone(node, writer);
    if (err == ERR_OK && diverged) {
        role_standby_begin(node, writer);
    } else if (err == ERR_OK && role_standby_start(node, writer) != ERR_OK) {
        LOG_W("what was made anew does not start");
    }
    node_give_work(node);
}

/* The writer may have what the leader has not. False: it was the writer that we streamed from. */
static bool role_standby_leave(struct node *node, const struct node_writer *writer)
{
    node_lock(node);
    const bool cascades = strcmp(source_of(node, writer).name, writer->name) != 0;
    if (cascades) {
        source_give_up(node);
    }
    node_unlock(node);
    return cascades;
}

/* Whether it could have streamed for too long. Counts the time in which the writer answered, whoever it was to stream
 * from: controllers may name another leader each minute. */
static bool role_standby_lost(struct node *node, bool able)
{
    const struct mono now = clock_mono();
    node_lock(node);
    node->lost_since = !able ? (struct mono){0} : node->lost_since.us == 0 ? now : node->lost_since;
    const bool lost = able && time_since_ms(now, node->lost_since) >= ROLE_STANDBY_LOST_MS;
    if (lost) {
        node->lost_since = (struct mono){0}; /* the writer, or the copy, has its own time */
    }
    node_unlock(node);
    return lost;
}

/* Not streaming: able at all? */
static void role_standby_doubt(struct node *node, const struct node_writer *writer, const struct pgquery_status *status,
                               uint64_t kills)
{
    const struct role_standby_place place = role_standby_running(status, false);
    const enum role_standby_verdict verdict = role_standby_judge(node, writer, &place);
    const bool diverged = verdict == ROLE_STANDBY_DIVERGED;
    const bool lost = role_standby_lost(node, verdict == ROLE_STANDBY_CAN);
    if (diverged || (lost && !role_standby_leave(node, writer))) {
        role_standby_again(node, writer, kills, diverged);
    }
}

/* Streaming from a writer for the first time in its epoch. A node that has more than the writer's past streams too,
 * from before the fork and again and again, and its position would count as a confirmation: it must be asked. What is
 * read just while the timeline changes may mix two moments, so one bad answer is none. */
static void role_standby_meet(struct node *node, const struct node_writer *writer, const struct pgquery_status *status,
                              uint64_t kills)
{
    const struct role_standby_place place = role_standby_running(status, true);
    const enum role_standby_verdict verdict = role_standby_judge(node, writer, &place);
    node_lock(node);
    node->strange = verdict == ROLE_STANDBY_DIVERGED ? node->strange + 1 : 0;
    const bool again = node->strange >= ROLE_STANDBY_STRANGE;
    if (again) {
        node->strange = 0;
    }
    if (verdict == ROLE_STANDBY_CAN) {
        if (node->record.homed < node->record.data_epoch) {
            node->record.homed = node->record.data_epoch; /* all of it is part of the writer's past */
        }
        node->record.data_epoch = writer->epoch;
        const enum err err = node_save(node);
        (void)err; /* logged; tried again at the next epoch */
        node_change(node);
    }
    node_unlock(node);
    if (again) {
        role_standby_again(node, writer, kills, true);
    }
}

void role_standby_keep(struct node *node)
{
    const struct mono now = clock_mono();
    node_lock(node);
    const struct node_writer writer = node->writer;
    const struct node_writer source = source_of(node, &writer);
    const struct pgquery_status status = node->status;
    const bool known = node->status_known && status.in_recovery;
    const bool wanted = writer.name[0] != '\0' && writer.epoch >= node->promise.epoch;
    const bool turn = wanted && strcmp(source.name, node->record.upstream) != 0;
    const bool streaming = writer.name[0] != '\0' && source_streams(node);
    const int64_t silent_ms = time_since_ms(now, node->receiving_at);
    const uint64_t kills = node->kills;
    const bool rested = time_reached(now, node->retry_at);
    const bool met = node->record.data_epoch == writer.epoch;
    node->streams = streaming ? node->streams + 1 : 0;
    if (node->streams >= ROLE_STANDBY_STREAMS) {
        node->lost_since = (struct mono){0};
    }
    if (streaming && strstr(node->error, role_standby_password) != NULL) {
        node_error(node, "%s", "");
    }
    node_unlock(node);
    if (turn && node_take_work(node, (struct mono){0})) {
        if (role_standby_same(node, &writer, kills)) {
            role_standby_turn(node, &source);
        }
        node_give_work(node);
    } else if (!turn && wanted && known && rested && (streaming ? !met : silent_ms > ROLE_STANDBY_SILENT_MS)) {
        if (streaming) {
            role_standby_meet(node, &writer, &status, kills);
        } else {
            role_standby_doubt(node, &writer, &status, kills);
        }
        node_lock(node);
        node->retry_at = time_add_ms(clock_mono(), ROLE_STANDBY_RETRY_MS);
        node_unlock(node);
    }
}
