/* SPDX-License-Identifier: Apache-2.0
 * Agents: their reports and the writer leases. */
#include <string.h>

#include "base/text.h"
#include "core/lsn.h"
#include "web/web_state.h"
#include "wire/agent_protocol.h"

/* "0/3000148"; absent, null or empty: unknown. */
static bool web_agent_lsn(const json_t *object, const char *name, struct lsn *ret_lsn)
{
    bool good = true;
    const char *text = web_text(object, name, &good);
    return good && (text == NULL || text[0] == 0 || lsn_parse(text, ret_lsn));
}

static uint32_t web_agent_role(const char *role)
{
    return role == NULL                   ? VIEW_NODE_UNKNOWN
           : strcmp(role, "writer") == 0  ? VIEW_NODE_WRITER
           : strcmp(role, "standby") == 0 ? VIEW_NODE_STANDBY
                                          : VIEW_NODE_UNKNOWN;
}

static uint32_t web_agent_mask(const struct desk *desk, const json_t *names)
{
    uint32_t mask = 0;
    size_t index = 0;
    const json_t *name = NULL;
    json_array_foreach(names, index, name)
    {
        const char *text = json_string_value(name);
        const uint32_t node = text != NULL ? desk->node(desk->context, text) : LIMITS_NONE;
        mask |= node != LIMITS_NONE ? 1U << node : 0;
    }
    return mask;
}

static uint64_t web_agent_u64(const json_t *json, const char *name)
{
    uint64_t number = 0;
    return web_number(json, name, &number) ? number : 0;
}

/* The system identifier exceeds what JSON numbers are safe for: it travels as text. */
static uint64_t web_agent_system(const char *text)
{
    uint64_t number = 0;
    for (; text != NULL && *text >= '0' && *text <= '9'; text++) {
        number = number * 10 + (uint64_t)(*text - '0');
    }
    return number;
}

/* Counts beyond 32 bits are as good as the largest. */
static uint32_t web_agent_u32(const json_t *json, const char *name)
{
    const uint64_t number = web_agent_u64(json, name);
    return number < UINT32_MAX ? (uint32_t)number : UINT32_MAX;
}

/* A writer's guard slots and the count of its ledger. */
static void web_agent_guard(const json_t *guard, struct desk_report *ret_report)
{
    uint64_t number = 0;
    ret_report->node.ledger_age_ms = UINT32_MAX;
    if (!json_is_object(guard)) {
        return;
    }
    ret_report->guard = (struct desk_guard){.any = true,
                                            .slots = web_agent_u32(guard, "slots"),
                                            .missing = web_agent_u32(guard, "missing"),
                                            .lost = web_agent_u32(guard, "lost"),
                                            .retained_bytes = web_agent_u64(guard, "retained_bytes"),
                                            .limit_bytes = web_agent_u64(guard, "limit_bytes")};
    if (web_number(guard, "ledger_open", &number) && web_number(guard, "ledger_age_ms", &number)) {
        ret_report->node.ledger_open = web_agent_u32(guard, "ledger_open");
        ret_report->node.ledger_age_ms = web_agent_u32(guard, "ledger_age_ms");
    }
}

static bool web_agent_read(const struct desk *desk, const json_t *body, struct desk_report *ret_report)
{
    bool good = true;
    struct event_node *node = &ret_report->node;
    const char *name = web_text(body, "node", &good);
    const char *server = web_text(body, "postgres", &good);
    const char *activity = web_text(body, "activity", &good);
    const char *error = web_text(body, "error", &good);
    const char *upstream = web_text(body, "upstream", &good);
    const json_t *lsn = json_object_get(body, "lsn");
    const json_t *lease = json_object_get(body, "lease");
    node->node = name != NULL ? desk->node(desk->context, name) : LIMITS_NONE;
    node->running = server != NULL && strcmp(server, "running") == 0;
    node->role = web_agent_role(web_text(body, "role", &good));
    node->system_id = web_agent_system(web_text(body, "system_id", &good));
    good = good && web_number(body, "boot", &node->boot) && web_number(body, "sequence", &node->sequence) &&
           web_agent_lsn(lsn, "flushed", &node->written) && web_agent_lsn(lsn, "received", &node->received) &&
           web_agent_lsn(lsn, "replayed", &node->replayed);
    node->timeline = (uint32_t)web_agent_u64(body, "timeline");
    node->receiving = json_is_true(json_object_get(body, "receiving"));
    node->leads = json_is_true(json_object_get(body, "leads"));
    node->order = web_agent_u64(body, "order");
    node->epoch = web_agent_u64(body, "epoch");
    node->lease_held = json_is_true(json_object_get(lease, "held"));
    node->fenced = json_is_true(json_object_get(body, "fenced"));
    node->died = json_is_true(json_object_get(body, "died"));
    node->checksums = json_is_true(json_object_get(body, "data_checksums"));
    node->sync_mask = web_agent_mask(desk, json_object_get(body, "sync"));
    uint64_t lag_ms = 0;
    node->lag_ms = web_number(body, "lag_ms", &lag_ms) && lag_ms < UINT32_MAX ? (uint32_t)lag_ms : UINT32_MAX;
    uint64_t lowers = 0;
    node->lowers = web_number(body, "lowers", &lowers) && lowers < UINT32_MAX ? (uint32_t)lowers : UINT32_MAX;
    node->homed = web_agent_u64(body, "homed");
    node->owes = web_agent_u64(body, "owes");
    ret_report->restart = json_object_get(body, "restart") != NULL;
    const json_t *order = json_object_get(body, ret_report->restart ? "restart" : "reinit");
    const char *ordered = web_text(order, "state", &good);
    const char *pending = web_text(body, "pending_restart", &good);
    ret_report->order = web_agent_u64(order, "order");
    text_copy(ret_report->ordered, sizeof ret_report->ordered, ordered != NULL ? ordered : "");
    text_copy(ret_report->pending, sizeof ret_report->pending, pending != NULL ? pending : "");
    web_agent_guard(json_object_get(body, "guard"), ret_report);
    const char *lowers_by = json_string_value(json_object_get(body, "lowers_by"));
    text_copy(ret_report->lowers_by, sizeof ret_report->lowers_by, lowers_by != NULL ? lowers_by : "");
    text_copy(ret_report->activity, sizeof ret_report->activity, activity != NULL ? activity : "");
    text_copy(ret_report->error, sizeof ret_report->error, error != NULL ? error : "");
    if (node->role == VIEW_NODE_STANDBY) {
        const uint32_t from = upstream != NULL && upstream[0] != 0 ? desk->node(desk->context, upstream) : LIMITS_NONE;
        node->upstream = from != LIMITS_NONE ? from + 1 : 0;
        node->written = (struct lsn){0};
    }
    return good && node->node != LIMITS_NONE;
}

static json_t *web_agent_word(const struct desk_word *word)
{
    json_t *slots = json_array();
    for (uint32_t i = 0; i < word->slots_count; i++) {
        char flushed[LSN_TEXT] = "";
        if (word->flushed[i].position > 0) {
            lsn_print(word->flushed[i], flushed);
        }
        json_array_append_new(slots, json_pack("{s:s,s:s}", "node", word->slots[i], "flushed", flushed));
    }
    return json_pack("{s:I,s:s,s:I,s:s,s:I,s:o}", "view", (json_int_t)word->version, "writer", word->writer, "epoch",
                     (json_int_t)word->epoch, "upstream", word->upstream, "order", (json_int_t)word->order, "slots",
                     slots);
}

/* False: the agent is of a release that means something else by what it says, and was told. */
static bool web_agent_understood(const json_t *body, struct http_server_answer *answer)
{
    const json_t *protocol = json_object_get(body, "protocol");
    const long long number = protocol != NULL ? (long long)json_integer_value(protocol) : AGENT_PROTOCOL;
    if (number != AGENT_PROTOCOL) {
        http_server_answer_problem(answer, ERR_CONFLICT,
                                   "the agent reports by protocol %lld, this controller understands %d: update the "
                                   "older of the two (`holdfast version` tells both)",
                                   number, AGENT_PROTOCOL);
    }
    return number == AGENT_PROTOCOL;
}

void web_agent_report(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    json_t *body = NULL;
    if (http_server_body_json(request, answer, &body) != ERR_OK) {
        return;
    }
    if (!web_agent_understood(body, answer)) {
        json_decref(body);
        return;
    }
    struct desk_report report = {0};
    struct desk_word word = {0};
    enum err err = ERR_INVALID;
    if (web_agent_read(desk, body, &report)) {
        err = desk->report(desk->context, &report, &word);
    }
    if (err == ERR_OK) {
        http_server_answer_json(answer, 200, web_agent_word(&word));
    } else {
        http_server_answer_problem(answer, err, "not a report of a node of this system");
    }
    json_decref(body);
}

/* ---- leases ---- */

static void web_agent_lease_answer(struct http_server_answer *answer, const char *database, enum err err,
                                   const struct desk_lease *lease)
{
    static const char *const states[] = {"none", "held", "revoked"};
    if (err == ERR_CONFLICT) {
        http_server_answer_problem(answer, err, "the lease of %s is %s, epoch %llu, holder '%s'", database,
                                   states[lease->state], (unsigned long long)lease->epoch, lease->holder);
    } else if (err != ERR_OK) {
        http_server_answer_problem(answer, err, "lease of %s", database);
    } else {
        http_server_answer_json(answer, 200,
                                json_pack("{s:s,s:s,s:I,s:s,s:I,s:I,s:i}", "state", states[lease->state], "holder",
                                          lease->holder, "epoch", (json_int_t)lease->epoch, "candidate",
                                          lease->candidate, "next", (json_int_t)lease->next, "revision",
                                          (json_int_t)lease->revision, "lease_ms", (int)lease->lease_ms));
    }
}

void web_agent_lease(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct desk_lease lease = {0};
    const enum err err = desk->lease_get(desk->context, request->segments[0], &lease);
    web_agent_lease_answer(answer, request->segments[0], err, &lease);
}

static void web_agent_lease_change(const struct http_server_request *request, struct http_server_answer *answer,
                                   bool acquire)
{
    const struct desk *desk = web_of(request)->options.desk;
    json_t *body = NULL;
    if (http_server_body_json(request, answer, &body) != ERR_OK) {
        return;
    }
    bool good = true;
    const char *node = web_text(body, "node", &good);
    uint64_t epoch = 0;
    uint64_t revision = 0;
    struct desk_lease lease = {0};
    if (!good || node == NULL || !web_number(body, "epoch", &epoch)) {
        http_server_answer_problem(answer, ERR_INVALID, "node and epoch are needed");
    } else {
        (void)web_number(body, "revision", &revision);
        const enum err err =
            acquire ? desk->lease_acquire(desk->context, request->segments[0], node, epoch, &lease)
                    : desk->lease_renew(desk->context, request->segments[0], node, epoch, revision, &lease);
        web_agent_lease_answer(answer, request->segments[0], err, &lease);
    }
    json_decref(body);
}

void web_agent_renew(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_agent_lease_change(request, answer, false);
}

void web_agent_acquire(const struct http_server_request *request, struct http_server_answer *answer)
{
    web_agent_lease_change(request, answer, true);
}
