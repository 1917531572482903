/* SPDX-License-Identifier: Apache-2.0
 * The agent's HTTP: the commands of doc/protocol.md. */
#include "agent/command.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "agent/pgconf.h"
#include "agent/report.h"
#include "agent/role.h"
#include "agent/source.h"
#include "agent/spare.h"
#include "agent/stop.h"
#include "edge/address.h"
#include "edge/clock.h"
#include "edge/http_server.h"
#include "edge/log.h"

enum {
    COMMAND_PROMOTE_MS = 30000,
    COMMAND_STOP_MS = 60000,
    COMMAND_CHECKPOINT_MS = 60000,
    COMMAND_QUERY_MS = 3000,
    COMMAND_WORK_MS = 10000,    /* for the transition under way to end */
    COMMAND_REPLAYED_MS = 1500, /* less than a controller waits for the answer */
    COMMAND_POLL_US = 5000,
    COMMAND_REPLAY_US = 1000, /* clients wait for it */
    COMMAND_PROOF_MS = 1000,
};

/* A command's body, read and checked. */
struct command {
    struct node *node;
    json_t *body;
    uint64_t epoch;
};

static void command_answer(struct node *node, struct http_server_answer *answer, unsigned status, const char *key,
                           json_t *value)
{
    json_t *report = report_json(node);
    if (key != NULL) {
        (void)json_object_set_new(report, key, value);
    }
    http_server_answer_json(answer, status, report);
}

/* `certain`: it did not happen and will not. */
static void command_deny(struct node *node, struct http_server_answer *answer, enum err err, bool certain,
                         const char *why)
{
    json_t *report = report_json(node);
    (void)json_object_set_new(report, "refused", json_boolean(certain));
    (void)json_object_set_new(report, "code", json_string(err_name(err)));
    (void)json_object_set_new(report, "detail", json_string(why));
    http_server_answer_json(answer, 409, report);
}

static void command_refuse(struct node *node, struct http_server_answer *answer, enum err err, const char *why)
{
    command_deny(node, answer, err, true, why);
}

/* An older epoch than known here. It may have been in force on this very node, before. */
static void command_too_old(const struct command *command, struct http_server_answer *answer)
{
    node_lock(command->node);
    const bool wrote = role_wrote(command->node, command->epoch);
    node_unlock(command->node);
    command_deny(command->node, answer, ERR_FENCED, !wrote, "an epoch older than this node knows");
}

/* The body with its epoch; an epoch older than known here is answered. False: answered. */
static bool command_begin(const struct http_server_request *request, struct http_server_answer *answer,
                          struct command *command)
{
    *command = (struct command){.node = request->context};
    json_t *body = NULL;
    if (http_server_body_json(request, answer, &body) != ERR_OK) {
        return false;
    }
    const json_t *epoch = json_object_get(body, "epoch");
    if (!json_is_integer(epoch) || json_integer_value(epoch) <= 0) {
        http_server_answer_problem(answer, ERR_INVALID, "\"epoch\" must be a whole number above 0");
        json_decref(body);
        return false;
    }
    command->body = body;
    command->epoch = (uint64_t)json_integer_value(epoch);
    node_lock(command->node);
    const uint64_t known = command->node->promise.epoch;
    node_unlock(command->node);
    if (command->epoch < known) {
        command_too_old(command, answer);
        json_decref(body);
        return false;
    }
    return true;
}

static void command_get_node(const struct http_server_request *request, struct http_server_answer *answer)
{
    http_server_answer_json(answer, 200, report_json(request->context));
}

/* How new a setting of the durability set is; 0: nothing is said about it. */
static uint64_t command_order(const struct command *command)
{
    const json_int_t number = json_integer_value(json_object_get(command->body, "order"));
    return number > 0 ? (uint64_t)number : 0;
}

/* The members' names into the text of the setting. Only names of the cluster, never our own. */
static bool command_members_text(const struct command *command, struct buf *text)
{
    const json_t *members = json_object_get(command->body, "members");
    const json_int_t required = json_integer_value(json_object_get(command->body, "required"));
    const char *names[LIMITS_NODES];
    uint32_t count = 0;
    if (!json_is_array(members) || json_array_size(members) > LIMITS_NODES || required < 0 || required > LIMITS_NODES) {
        return false;
    }
    for (size_t i = 0; i < json_array_size(members); i++) {
        const char *name = json_string_value(json_array_get(members, i));
        bool known = false;
        for (uint32_t k = 0; k < command->node->options->peers_count; k++) {
            known |= name != NULL && strcmp(name, command->node->options->peers[k].name) == 0;
        }
        if (known) {
            names[count++] = name;
        } else if (name == NULL || strcmp(name, command->node->options->node) != 0) {
            return false;
        }
    }
    pgconf_durability(names, count, (uint32_t)required, text);
    return !text->overflow && (uint32_t)required <= count;
}

/* False: answered. */
static bool command_members(const struct command *command, struct http_server_answer *answer, struct buf *text)
{
    const bool good = command_members_text(command, text);
    if (!good) {
        http_server_answer_problem(answer, ERR_INVALID,
                                   "\"members\" must be other nodes of the cluster, \"required\" at most their number");
    }
    return good;
}

static const char *command_whom(const char *durability)
{
    return durability[0] != '\0' ? durability : "nobody";
}

static void command_promote(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct command command;
    char memory[RECORD_DURABILITY];
    struct buf text;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    struct node *node = command.node;
    struct role_opening opening = {.order = command_order(&command),
                                   .early = json_is_true(json_object_get(command.body, "early"))};
    buf_init(&text, memory, sizeof memory);
    if (opening.order > 0 && !command_members(&command, answer, &text)) {
        json_decref(command.body);
        return;
    }
    opening.durability = buf_string(&text);
    LOG_N("ordered to become the writer, epoch %llu%s%s", (unsigned long long)command.epoch,
          opening.order > 0 ? ", commits wait for " : "", opening.order > 0 ? command_whom(opening.durability) : "");
    const enum role_result result =
        role_promote(node, command.epoch, &opening, time_add_ms(clock_mono(), COMMAND_PROMOTE_MS));
    switch (result) {
    case ROLE_DONE:
        command_answer(node, answer, 200, NULL, NULL);
        break;
    case ROLE_REFUSED:
        command_refuse(node, answer, ERR_CONFLICT, "not promoted under this epoch, and never will be");
        break;
    case ROLE_FENCED:
        command_too_old(&command, answer);
        break;
    case ROLE_UNKNOWN:
        command_answer(node, answer, 504, "refused", json_false());
        break;
    }
    json_decref(command.body);
}

static void command_fence(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct command command;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    struct node *node = command.node;
    const enum err err = role_halt(node, command.epoch, true);
    if (err == ERR_FENCED) {
        command_too_old(&command, answer);
        json_decref(command.body);
        return;
    }
    /* Whatever could not be remembered: the server ends first. */
    const enum err killed = node_kill(node, "fenced by a controller");
    command_answer(node, answer, err == ERR_OK && killed == ERR_OK ? 200 : 504, NULL, NULL);
    json_decref(command.body);
}

static bool command_take_work(struct node *node)
{
    return node_take_work(node, time_add_ms(clock_mono(), COMMAND_WORK_MS));
}

static void command_stop(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct command command;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    struct node *node = command.node;
    struct lsn shutdown = {0};
    char text[LSN_TEXT];
    spare_drop(node);
    enum err err = role_halt(node, command.epoch, false);
    if (err == ERR_OK && !command_take_work(node)) {
        err = ERR_TIMEOUT;
    } else if (err == ERR_OK) {
        err = stop_writing(node, time_add_ms(clock_mono(), COMMAND_STOP_MS), &shutdown);
        node_give_work(node);
    }
    if (err == ERR_OK) {
        lsn_print(shutdown, text);
        LOG_N("PostgreSQL ends cleanly, its log at %s", text);
        command_answer(node, answer, 200, "shutdown_lsn", json_string(text));
    } else {
        command_answer(node, answer, 504, "code", json_string(err_name(err)));
    }
    json_decref(command.body);
}

static void command_checkpoint(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct command command;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    struct pgquery query;
    spare_take(command.node, &query);
    const enum err err = pgquery_checkpoint(&query, time_add_ms(clock_mono(), COMMAND_CHECKPOINT_MS));
    if (err == ERR_OK) {
        command_answer(command.node, answer, 200, NULL, NULL);
    } else {
        http_server_answer_problem(answer, err, "no checkpoint: %s", query.error);
    }
    spare_give(command.node, &query);
    json_decref(command.body);
}

/* Answers as soon as it is so: a report would be up to a look and an interval late. */
static void command_replayed(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct command command;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    struct node *node = command.node;
    struct pgquery query;
    struct lsn wanted = {0};
    const char *text = json_string_value(json_object_get(command.body, "lsn"));
    if (text == NULL || !lsn_parse(text, &wanted)) {
        http_server_answer_problem(answer, ERR_INVALID, "\"lsn\" must be a position such as 0/3000148");
        json_decref(command.body);
        return;
    }
    const struct mono deadline = time_add_ms(clock_mono(), COMMAND_REPLAYED_MS);
    spare_take(node, &query);
    bool done = false;
    for (;;) {
        struct lsn replayed = {0};
        done = pgquery_replayed(&query, deadline, &replayed) == ERR_OK && replayed.position >= wanted.position;
        if (done || time_reached(clock_mono(), deadline) || atomic_load(&node->quit)) {
            break;
        }
        const struct timespec pause = {.tv_nsec = COMMAND_REPLAY_US * 1000};
        (void)nanosleep(&pause, NULL);
    }
    spare_give(node, &query);
    command_answer(node, answer, done ? 200 : 504, NULL, NULL);
    json_decref(command.body);
}

/* {"writer","host","port"}: the host a literal address. */
static bool command_writer(const struct command *command, struct node_writer *ret_writer)
{
    const char *name = json_string_value(json_object_get(command->body, "writer"));
    const char *host = json_string_value(json_object_get(command->body, "host"));
    const json_int_t port = json_integer_value(json_object_get(command->body, "port"));
    if (name == NULL || host == NULL || strlen(name) >= LIMITS_NAME || strlen(host) >= NODE_HOST || port < 1 ||
        port > UINT16_MAX || host[strspn(host, "0123456789abcdefABCDEF.:")] != '\0') {
        return false;
    }
    struct node_writer writer = {.port = (uint16_t)port, .epoch = command->epoch};
    snprintf(writer.name, sizeof writer.name, "%s", name);
    snprintf(writer.host, sizeof writer.host, "%s", host);
    *ret_writer = writer;
    return true;
}

static void command_follow(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct command command;
    struct node_writer writer;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    if (!command_writer(&command, &writer) || strcmp(writer.name, command.node->options->node) == 0) {
        http_server_answer_problem(answer, ERR_INVALID, "\"writer\", \"host\" and \"port\" of another node are needed");
    } else {
        const enum err err = role_follow(command.node, &writer);
        if (err == ERR_OK) {
            command_answer(command.node, answer, 202, NULL, NULL);
        } else {
            command_refuse(command.node, answer, err,
                           err == ERR_CONFLICT ? "this node holds the lease" : err_text(err));
        }
    }
    json_decref(command.body);
}

/* Taken here, carried out by the keeper: a clone takes as long as it takes. */
static void command_node_order(const struct http_server_request *request, struct http_server_answer *answer,
                               bool restart)
{
    struct command command;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    struct node *node = command.node;
    const json_int_t number = json_integer_value(json_object_get(command.body, "order"));
    if (number <= 0) {
        http_server_answer_problem(answer, ERR_INVALID, "\"order\" must be a whole number above 0");
        json_decref(command.body);
        return;
    }
    const uint64_t order = (uint64_t)number;
    node_lock(node);
    const bool strange = node->writer.name[0] == '\0' || command.epoch != node->writer.epoch;
    const bool refused = node_held(node) || (!restart && strange);
    const bool known = node->order.state != NODE_ORDER_NONE && order <= node->order.number;
    if (!refused && !known) {
        node->order = (struct node_order){.state = NODE_ORDER_WANTED, .restart = restart, .number = order};
        node_change(node);
    }
    node_unlock(node);
    if (refused) {
        command_refuse(node, answer, ERR_CONFLICT,
                       restart ? "this node writes" : "this node writes, or knows no writer of that epoch");
    } else {
        LOG_N("ordered to %s%s", restart ? "start PostgreSQL again" : "be cloned anew",
              known ? " (known already)" : "");
        command_answer(node, answer, 202, NULL, NULL);
    }
    json_decref(command.body);
}

static void command_reinit(const struct http_server_request *request, struct http_server_answer *answer)
{
    command_node_order(request, answer, false);
}

static void command_restart(const struct http_server_request *request, struct http_server_answer *answer)
{
    command_node_order(request, answer, true);
}

/* The row that was committed within the promotion, moments ago; once, so that another order commits another. */
static bool command_proven(struct node *node, uint64_t epoch, struct lsn *ret_lsn)
{
    node_lock(node);
    const struct node_proof proof = node->proof;
    const bool good = proof.epoch == epoch && proof.kills == node->kills && role_is_writer(node, epoch) &&
                      time_since_ms(clock_mono(), proof.at) < COMMAND_PROOF_MS;
    node->proof.epoch = 0;
    node_unlock(node);
    if (good) {
        *ret_lsn = proof.lsn;
    }
    return good;
}

static void command_prove(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct command command;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    struct node *node = command.node;
    struct pgquery query;
    struct lsn lsn = {0};
    char text[LSN_TEXT];
    node_lock(node);
    const bool held = node_held(node) && node->holder.epoch == command.epoch;
    node_unlock(node);
    if (held) {
        node_await_guard(node, time_add_ms(clock_mono(), COMMAND_QUERY_MS));
    }
    spare_take(node, &query);
    const enum err err = !held || command_proven(node, command.epoch, &lsn)
                             ? ERR_OK
                             : pgquery_prove(&query, command.epoch, time_add_ms(clock_mono(), COMMAND_QUERY_MS), &lsn);
    if (!held) {
        command_refuse(node, answer, ERR_ROLE, "this node does not hold the lease of that epoch");
    } else if (err == ERR_OK) {
        lsn_print(lsn, text);
        command_answer(node, answer, 200, "lsn", json_string(text));
    } else {
        http_server_answer_problem(answer, err == ERR_CONTENT ? ERR_UNAVAILABLE : err, "no proof: %s", query.error);
    }
    spare_give(node, &query);
    json_decref(command.body);
}

/* A reload is asynchronous: waits until the server shows the value. */
static enum err command_await_durability(struct node *node, const char *wanted)
{
    struct pgquery query;
    struct pgquery_status status;
    const struct mono deadline = time_add_ms(clock_mono(), COMMAND_QUERY_MS);
    pgquery_init(&query, node->options);
    enum err err = ERR_TIMEOUT;
    while (!time_reached(clock_mono(), deadline)) {
        err = pgquery_status(&query, deadline, &status);
        if (err != ERR_OK || strcmp(status.durability, wanted) == 0) {
            break;
        }
        err = ERR_TIMEOUT;
        const struct timespec pause = {.tv_nsec = COMMAND_POLL_US * 1000};
        (void)nanosleep(&pause, NULL);
    }
    pgquery_close(&query);
    return err;
}

/* With `work` held. ERR_FENCED: meanwhile a newer epoch is known. ERR_STALE: a newer order came first. */
static enum err command_set_durability(const struct command *command, const char *text)
{
    struct node *node = command->node;
    struct node_writer upstream;
    const uint64_t order = command_order(command);
    node_lock(node);
    enum err err = command->epoch < node->promise.epoch ? ERR_FENCED : ERR_OK;
    if (err == ERR_OK && !record_require(&node->record, command->epoch, order, text)) {
        err = ERR_STALE;
    }
    if (err != ERR_OK) {
        node_unlock(node);
        return err;
    }
    err = node_save(node);
    const bool running = node->state == NODE_RUNNING;
    const bool standby = node->record.role == RECORD_STANDBY;
    upstream = source_of(node, &node->writer);
    node_unlock(node);
    if (err != ERR_OK || !running) {
        return err;
    }
    err = node_configure(node, standby && upstream.name[0] != '\0' ? &upstream : NULL, standby);
    return err == ERR_OK ? command_await_durability(node, text) : err;
}

static void command_durability(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct command command;
    char memory[RECORD_DURABILITY];
    struct buf text;
    if (!command_begin(request, answer, &command)) {
        return;
    }
    buf_init(&text, memory, sizeof memory);
    if (!command_members(&command, answer, &text)) {
        json_decref(command.body);
        return;
    }
    if (!command_take_work(command.node)) {
        http_server_answer_problem(answer, ERR_TIMEOUT, "busy with another transition");
    } else {
        const enum err err = command_set_durability(&command, buf_string(&text));
        node_give_work(command.node);
        if (err == ERR_OK) {
            command_answer(command.node, answer, 200, NULL, NULL);
        } else if (err == ERR_FENCED || err == ERR_STALE) {
            command_refuse(command.node, answer, err, "a newer epoch or a newer order is known here");
        } else {
            http_server_answer_problem(answer, ERR_TIMEOUT, "the server has not taken it over: %s", err_text(err));
        }
    }
    json_decref(command.body);
}

/* Asked by a writer that cannot reach the store. Not through command_begin: an old epoch is a plain no. */
static void command_promise(const struct http_server_request *request, struct http_server_answer *answer)
{
    struct node *node = request->context;
    json_t *body = NULL;
    if (http_server_body_json(request, answer, &body) != ERR_OK) {
        return;
    }
    const json_int_t epoch = json_integer_value(json_object_get(body, "epoch"));
    const json_int_t lease_ms = json_integer_value(json_object_get(body, "lease_ms"));
    const char *database = json_string_value(json_object_get(body, "database"));
    bool promised = false;
    if (epoch > 0 && lease_ms > 0 && lease_ms < INT32_MAX && database != NULL &&
        strcmp(database, node->options->database) == 0) {
        node_lock(node);
        const uint64_t before = node->promise.epoch;
        const bool writer = node_held(node);
        promised =
            !writer && lease_promise_make(&node->promise, (uint64_t)epoch, lease_ms * TIME_US_PER_MS, clock_mono());
        if (promised && node->promise.epoch != before) {
            promised = node_save(node) == ERR_OK; /* a promise must outlive this process */
        }
        node_unlock(node);
    }
    json_decref(body);
    http_server_answer_json(answer, promised ? 200 : 409, json_pack("{s:b}", "promised", promised ? 1 : 0));
}

static const struct http_server_route command_routes[] = {
    {"GET", "/v1/node", true, command_get_node},          {"POST", "/v1/promote", true, command_promote},
    {"POST", "/v1/fence", true, command_fence},           {"POST", "/v1/stop", true, command_stop},
    {"POST", "/v1/checkpoint", true, command_checkpoint}, {"POST", "/v1/follow", true, command_follow},
    {"POST", "/v1/prove", true, command_prove},           {"POST", "/v1/durability", true, command_durability},
    {"POST", "/v1/promise", true, command_promise},       {"POST", "/v1/reinit", true, command_reinit},
    {"POST", "/v1/restart", true, command_restart},       {"POST", "/v1/replayed", true, command_replayed},
};

enum err command_start(struct node *node, struct http_server **ret_server)
{
    const struct http_server_config config = {
        .listen = node->options->listen,
        .setting = "databases.*.nodes.*.agent",
        .token = node->options->token,
        .routes = command_routes,
        .route_count = sizeof command_routes / sizeof command_routes[0],
        .context = node,
    };
    return http_server_start(&config, NULL, 0, ret_server);
}
