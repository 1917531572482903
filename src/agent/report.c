/* SPDX-License-Identifier: Apache-2.0
 * The REPORT of doc/protocol.md. */
#include "agent/report.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "agent/controller.h"
#include "agent/pending.h"
#include "agent/role.h"
#include "agent/source.h"
#include "agent/spare.h"
#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"
#include "wire/agent_protocol.h"

enum {
    REPORT_INTERVAL_MS = 250,
    REPORT_LEAST_MS = 20,     /* between two reports, unless what changed is urgent */
    REPORT_SHORT_MS = 50,     /* while a standby has no writer ... */
    REPORT_FORLORN_MS = 3000, /* ... for this long */
    REPORT_LOOK_MS = 100,
    REPORT_TRIM_TURNS = 100, /* looks between two looks at the log's size */
    REPORT_TIMEOUT_MS = 1500,
};

static void report_set(json_t *object, const char *name, json_t *value)
{
    (void)json_object_set_new(object, name, value);
}

static json_t *report_lsn(struct lsn lsn)
{
    char text[LSN_TEXT];
    lsn_print(lsn, text);
    return json_string(text);
}

static json_t *report_lsns(const struct pgquery_status *status)
{
    json_t *lsns = json_object();
    report_set(lsns, "written", report_lsn(status->written));
    report_set(lsns, "flushed", report_lsn(status->flushed));
    report_set(lsns, "received", report_lsn(status->received));
    report_set(lsns, "replayed", report_lsn(status->replayed));
    return lsns;
}

static json_t *report_lease(struct node *node)
{
    const bool held = node_held(node);
    json_t *lease = json_object();
    report_set(lease, "held", json_boolean(held));
    report_set(lease, "left_ms", json_integer(lease_holder_left_us(&node->holder, clock_mono()) / TIME_US_PER_MS));
    report_set(lease, "revision", json_integer((json_int_t)node->holder.revision));
    report_set(lease, "by", json_string(node->holder.by == LEASE_BY_PROMISES ? "promises" : "store"));
    return lease;
}

/* The names in quotes of synchronous_standby_names, as the agent writes it. */
static json_t *report_sync(const char *durability)
{
    json_t *names = json_array();
    for (const char *at = strchr(durability, '"'); at != NULL; at = strchr(at, '"')) {
        const char *end = strchr(at + 1, '"');
        if (end == NULL) {
            break;
        }
        (void)json_array_append_new(names, json_stringn(at + 1, (size_t)(end - at - 1)));
        at = end + 1;
    }
    return names;
}

static json_t *report_replicas(const struct pgquery_status *status)
{
    json_t *replicas = json_array();
    for (uint32_t i = 0; i < status->replicas_count; i++) {
        const struct pgquery_replica *from = &status->replicas[i];
        json_t *replica = json_object();
        report_set(replica, "name", json_string(from->name));
        report_set(replica, "state", json_string(from->state));
        report_set(replica, "sync", json_boolean(from->sync));
        report_set(replica, "flushed", report_lsn(from->flushed));
        report_set(replica, "replayed", report_lsn(from->replayed));
        report_set(replica, "lag_ms", json_integer(from->lag_ms));
        (void)json_array_append_new(replicas, replica);
    }
    return replicas;
}

static void report_server(struct node *node, json_t *report)
{
    static const char *const states[] = {"stopped", "starting", "running", "stopping"};
    static const struct pgquery_status nothing = {.lag_ms = -1};
    const struct pgquery_status *status = node->status_known ? &node->status : &nothing;
    const char *role = !node->status_known ? "none" : status->in_recovery ? "standby" : "writer";
    report_set(report, "protocol", json_integer(AGENT_PROTOCOL));
    report_set(report, "postgres", json_string(states[node->state]));
    report_set(report, "role", json_string(role));
    report_set(report, "system_id", json_sprintf("%llu", (unsigned long long)status->system_id));
    report_set(report, "timeline", json_integer(status->timeline));
    report_set(report, "lsn", report_lsns(status));
    /* What streams but was not yet found to be part of its writer's past confirms nothing. */
    const bool met = node->writer.name[0] == '\0' || node->record.data_epoch == node->writer.epoch;
    report_set(report, "receiving", json_boolean(source_streams(node) && met));
    report_set(report, "upstream", json_string(node->record.role == RECORD_STANDBY ? node->record.upstream : ""));
    report_set(report, "order", json_integer((json_int_t)node->record.order));
    report_set(report, "leads", json_boolean(status->in_recovery && node->slots.count > 0 && node->slots.made));
    report_set(report, "sync", report_sync(status->durability));
    report_set(report, "replicas", report_replicas(status));
    report_set(report, "lag_ms", json_integer(status->lag_ms));
    report_set(report, "data_checksums", json_boolean(status->checksums));
    report_set(report, "version", json_integer(status->version));
}

static json_t *report_guard(const struct guard_state *guard)
{
    json_t *json = json_pack("{s:i,s:i,s:i,s:I,s:I}", "slots", (int)guard->slots, "missing", (int)guard->missing,
                             "lost", (int)guard->lost, "retained_bytes", (json_int_t)guard->retained_bytes,
                             "limit_bytes", (json_int_t)guard->limit_bytes);
    if (guard->ledger_at.us != 0) {
        report_set(json, "ledger_open", json_integer((json_int_t)guard->ledger_open));
        report_set(json, "ledger_age_ms", json_integer(time_since_ms(clock_mono(), guard->ledger_at)));
    }
    return json;
}

static json_t *report_order(const struct node_order *order)
{
    static const char *const states[] = {"none", "wanted", "done", "failed"};
    return json_pack("{s:I,s:s}", "order", (json_int_t)order->number, "state", states[order->state]);
}

json_t *report_json(struct node *node)
{
    json_t *report = json_object();
    node_lock(node);
    report_set(report, "node", json_string(node->options->node));
    report_set(report, "boot", json_integer((json_int_t)node->boot));
    report_set(report, "sequence", json_integer((json_int_t)++node->sequence));
    report_server(node, report);
    const uint64_t epoch = node_held(node) ? node->holder.epoch : node->promise.epoch;
    report_set(report, "epoch", json_integer((json_int_t)epoch));
    report_set(report, "lease", report_lease(node));
    report_set(report, "fenced", json_boolean(node->fenced));
    report_set(report, "died", json_boolean(node_died_now(node)));
    if (node->guard.slots > 0 || node->guard.missing > 0) {
        report_set(report, "guard", report_guard(&node->guard));
    }
    const uint32_t lowers = tier_lowers(&node->tier, clock_mono());
    if (lowers != UINT32_MAX) {
        report_set(report, "lowers", json_integer(lowers));
        report_set(report, "lowers_by", json_string(node->tier.first));
    }
    report_set(report, "homed", json_integer((json_int_t)node->record.homed));
    report_set(report, "owes", json_integer((json_int_t)node->record.owes));
    if (node->order.state != NODE_ORDER_NONE) {
        report_set(report, node->order.restart ? "restart" : "reinit", report_order(&node->order));
    }
    report_set(report, "pending_restart", json_string(node->pending_restart));
    report_set(report, "activity", json_string(node->activity[0] != '\0' ? node->activity : "idle"));
    report_set(report, "error", json_string(node->error));
    node_unlock(node);
    return report;
}

/* What the report under way tells at least. */
struct report_seen {
    uint64_t changes;
    uint64_t urgent;
};

/* One controller as the sender to it sees it. */
struct report_lane {
    struct node *node;
    uint32_t controller;
    pthread_t thread;
    bool started;
};

static void report_answered(const struct report_lane *lane, enum err err)
{
    struct node *node = lane->node;
    const uint32_t bit = 1U << lane->controller;
    node_lock(node);
    const bool before = (node->answers & bit) != 0;
    const bool refuses = err == ERR_CONFLICT && (node->refused & bit) == 0;
    node->answers = err == ERR_OK ? node->answers | bit : node->answers & ~bit;
    node->refused = err == ERR_CONFLICT ? node->refused | bit : err == ERR_OK ? node->refused & ~bit : node->refused;
    node_unlock(node);
    const char *address = node->options->controllers[lane->controller];
    if (before != (err == ERR_OK)) {
        LOG_N("controller %s: %s", address, err_text(err));
    }
    if (refuses) {
        LOG_W("controller %s is of another release and takes no reports of this one: update the older of the two "
              "(`holdfast version` tells both)",
              address);
    }
}

static void report_send(const struct report_lane *lane)
{
    struct node *node = lane->node;
    json_t *report = report_json(node);
    char *text = report != NULL ? json_dumps(report, JSON_COMPACT) : NULL;
    json_decref(report);
    if (text == NULL) {
        return;
    }
    struct controller_word word;
    const size_t size = strlen(text);
    const struct buf body = {.data = (uint8_t *)text, .size = size, .capacity = size};
    const enum err err = controller_report(node->options, lane->controller, &body, REPORT_TIMEOUT_MS, &word);
    free(text);
    report_answered(lane, err);
    if (err == ERR_OK) {
        role_hear(node, &word);
    }
}

static void report_pause(int64_t ms)
{
    const struct timespec pause = {.tv_nsec = ms * 1000000};
    (void)nanosleep(&pause, NULL);
}

/* A standby that has just lost its writer: the next one's name is news that its commits may wait for. */
static bool report_forlorn(const struct node *node)
{
    return node->state == NODE_RUNNING && node->status_known && node->status.in_recovery && !node->status.receiving &&
           time_since_ms(clock_mono(), node->receiving_at) < REPORT_FORLORN_MS;
}

/* Until something changed or the interval is over; something urgent is not made to wait for the last report. */
static void report_wait(struct node *node, struct report_seen *seen)
{
    node_lock(node);
    node_wait(node, &node->urgent, seen->urgent, REPORT_LEAST_MS);
    node_wait(node, &node->changes, seen->changes, report_forlorn(node) ? REPORT_SHORT_MS : REPORT_INTERVAL_MS);
    *seen = (struct report_seen){.changes = node->changes, .urgent = node->urgent};
    node_unlock(node);
}

static void *report_lane_main(void *context)
{
    const struct report_lane *lane = context;
    struct report_seen seen = {0};
    for (bool over = false; !over;) { /* once more behind the end: it says that the server has stopped */
        over = atomic_load(&lane->node->quit);
        report_send(lane);
        report_wait(lane->node, &seen);
    }
    return NULL;
}

void *report_main(void *context)
{
    struct node *node = context;
    struct report_lane lanes[LIMITS_SITES];
    const uint32_t count = node->options->controllers_count;
    ASSERT(count <= LIMITS_SITES);
    for (uint32_t i = 0; i < count; i++) {
        lanes[i] = (struct report_lane){.node = node, .controller = i};
        lanes[i].started = pthread_create(&lanes[i].thread, NULL, report_lane_main, &lanes[i]) == 0;
        if (!lanes[i].started) {
            LOG_E("no memory for reports to controller %s", node->options->controllers[i]);
        }
    }
    for (uint32_t i = 0; i < count; i++) {
        if (lanes[i].started) {
            pthread_join(lanes[i].thread, NULL);
        }
    }
    return NULL;
}

void *report_look_main(void *context)
{
    struct node *node = context;
    struct pgquery query;
    uint32_t turns = 0;
    pgquery_init(&query, node->options);
    while (!atomic_load(&node->quit)) {
        node_look(node, &query);
        spare_keep(node);
        pending_look(node, &query);
        if (++turns % REPORT_TRIM_TURNS == 0) {
            pgctl_trim_log(node->options);
        }
        report_pause(REPORT_LOOK_MS);
    }
    pgquery_close(&query);
    return NULL;
}
