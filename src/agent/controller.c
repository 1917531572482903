/* SPDX-License-Identifier: Apache-2.0
 * What the agent asks of the controllers and of other agents. */
#include "agent/controller.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/time.h"
#include "edge/http_client.h"

enum {
    CONTROLLER_BODY = 512,
    CONTROLLER_ANSWER = 64 * 1024,
    CONTROLLER_PATH = 128,
    CONTROLLER_LEAST_MS = 50,
};

static json_t *controller_json(const char *body, size_t size)
{
    json_error_t error;
    json_t *json = json_loadb(body, size, JSON_REJECT_DUPLICATES, &error);
    if (json != NULL && !json_is_object(json)) {
        json_decref(json);
        return NULL;
    }
    return json;
}

/* A number that is there and not negative. */
static bool controller_number(const json_t *json, const char *name, uint64_t *ret_number)
{
    const json_t *value = json_object_get(json, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *ret_number = (uint64_t)json_integer_value(value);
    return true;
}

/* A name; null or absent is the empty one. */
static bool controller_name(const json_t *json, const char *key, char name[LIMITS_NAME])
{
    const json_t *value = json_object_get(json, key);
    if (value == NULL || json_is_null(value)) {
        name[0] = '\0';
        return true;
    }
    if (!json_is_string(value) || json_string_length(value) >= LIMITS_NAME) {
        return false;
    }
    snprintf(name, LIMITS_NAME, "%s", json_string_value(value));
    return true;
}

enum err controller_parse_lease(const char *body, size_t size, struct controller_lease *ret_lease)
{
    static const char *const states[] = {"none", "held", "revoked"};
    json_t *json = controller_json(body, size);
    if (json == NULL) {
        return ERR_PROTOCOL;
    }
    struct controller_lease lease = {0};
    const json_t *state = json_object_get(json, "state");
    bool good = false;
    for (size_t i = 0; i < 3 && json_is_string(state); i++) {
        if (strcmp(json_string_value(state), states[i]) == 0) {
            lease.state = (enum controller_lease_state)i;
            good = true;
        }
    }
    good = good && controller_name(json, "holder", lease.holder) && controller_name(json, "candidate", lease.candidate);
    if (good && lease.state != CONTROLLER_LEASE_NONE) {
        good = controller_number(json, "epoch", &lease.epoch) && controller_number(json, "revision", &lease.revision);
    }
    json_decref(json);
    if (!good) {
        return ERR_PROTOCOL;
    }
    *ret_lease = lease;
    return ERR_OK;
}

/* {"slots":[{"node":"tokyo-b","flushed":"0/3000148"}]}, or none. */
static bool controller_slots(const json_t *json, struct controller_word *word)
{
    const json_t *slots = json_object_get(json, "slots");
    size_t index = 0;
    const json_t *entry = NULL;
    if (slots != NULL && (!json_is_array(slots) || json_array_size(slots) > LIMITS_NODES)) {
        return false;
    }
    json_array_foreach(slots, index, entry)
    {
        struct controller_slot *slot = &word->slots[word->slots_count++];
        const char *flushed = json_string_value(json_object_get(entry, "flushed"));
        if (!controller_name(entry, "node", slot->node) || slot->node[0] == '\0' ||
            (flushed != NULL && flushed[0] != '\0' && !lsn_parse(flushed, &slot->flushed))) {
            return false;
        }
    }
    return true;
}

enum err controller_parse_word(const char *body, size_t size, struct controller_word *ret_word)
{
    json_t *json = controller_json(body, size);
    struct controller_word word = {0};
    if (json == NULL) {
        return ERR_PROTOCOL;
    }
    bool good = controller_name(json, "writer", word.writer) && controller_name(json, "upstream", word.upstream) &&
                controller_slots(json, &word);
    (void)controller_number(json, "order", &word.order); /* a controller that does not say so says nothing about it */
    if (word.writer[0] != '\0') {
        good = good && controller_number(json, "epoch", &word.epoch);
    } else {
        (void)controller_number(json, "epoch", &word.epoch);
    }
    json_decref(json);
    if (!good) {
        return ERR_PROTOCOL;
    }
    *ret_word = word;
    return ERR_OK;
}

enum err controller_parse_grant(const char *body, size_t size, struct controller_grant *ret_grant)
{
    json_t *json = controller_json(body, size);
    struct controller_grant grant = {0};
    uint64_t lease_ms = 0;
    const bool good = json != NULL && controller_number(json, "revision", &grant.revision);
    if (good && controller_number(json, "lease_ms", &lease_ms) && lease_ms <= INT32_MAX) {
        grant.lease_us = (int64_t)lease_ms * TIME_US_PER_MS;
    }
    json_decref(json);
    if (!good) {
        return ERR_PROTOCOL;
    }
    *ret_grant = grant;
    return ERR_OK;
}

bool controller_parse_promised(const char *body, size_t size)
{
    json_t *json = controller_json(body, size);
    const bool promised = json != NULL && json_is_true(json_object_get(json, "promised"));
    json_decref(json);
    return promised;
}

/* One address; a body of NULL is a GET. */
static enum err controller_ask(const struct agent_options *options, const char *address, const char *path,
                               const char *body, size_t size, uint32_t timeout_ms,
                               struct http_client_response *ret_response)
{
    const struct http_client_request request = {
        .address = address,
        .path = path,
        .token = options->token,
        .body = body,
        .body_size = size,
        .timeout_ms = timeout_ms,
        .limit_bytes = CONTROLLER_ANSWER,
    };
    struct http_client_response response = {0};
    enum err err = http_client_call(&request, &response);
    if (err != ERR_OK) {
        return err;
    }
    if (response.status == 409) {
        err = ERR_CONFLICT;
    } else if (response.status < 200 || response.status > 299) {
        err = ERR_STATUS;
    }
    if (err != ERR_OK) {
        http_client_response_fini(&response);
        return err;
    }
    *ret_response = response;
    return ERR_OK;
}

/* Asks controller after controller within the time, until one gives an answer that counts. */
static enum err controller_call(const struct agent_options *options, const char *path, const char *body, size_t size,
                                uint32_t timeout_ms, struct http_client_response *ret_response)
{
    static atomic_uint last;
    const uint32_t count = options->controllers_count;
    if (count == 0) {
        return ERR_UNAVAILABLE;
    }
    const uint32_t share = timeout_ms / count;
    const uint32_t first = atomic_load(&last) % count;
    enum err err = ERR_UNAVAILABLE;
    for (uint32_t i = 0; i < count; i++) {
        const uint32_t index = (first + i) % count;
        err = controller_ask(options, options->controllers[index], path, body, size,
                             share > CONTROLLER_LEAST_MS ? share : CONTROLLER_LEAST_MS, ret_response);
        if (err == ERR_OK || err == ERR_CONFLICT) {
            atomic_store(&last, index);
            return err;
        }
    }
    return err;
}

enum err controller_lease(const struct agent_options *options, uint32_t timeout_ms, struct controller_lease *ret_lease)
{
    char path[CONTROLLER_PATH];
    struct http_client_response response = {0};
    snprintf(path, sizeof path, "/v1/leases/%s", options->database);
    enum err err = controller_call(options, path, NULL, 0, timeout_ms, &response);
    if (err == ERR_OK) {
        err = controller_parse_lease(response.body, response.size, ret_lease);
        http_client_response_fini(&response);
    }
    return err;
}

static enum err controller_change(const struct agent_options *options, const char *what, const struct buf *body,
                                  uint32_t timeout_ms, struct controller_grant *ret_grant)
{
    char path[CONTROLLER_PATH];
    struct http_client_response response = {0};
    snprintf(path, sizeof path, "/v1/leases/%s/%s", options->database, what);
    enum err err = controller_call(options, path, (const char *)body->data, body->size, timeout_ms, &response);
    if (err == ERR_OK) {
        err = controller_parse_grant(response.body, response.size, ret_grant);
        http_client_response_fini(&response);
    }
    return err;
}

enum err controller_acquire(const struct agent_options *options, uint64_t epoch, uint32_t timeout_ms,
                            struct controller_grant *ret_grant)
{
    char memory[CONTROLLER_BODY];
    struct buf body;
    buf_init(&body, memory, sizeof memory);
    buf_printf(&body, "{\"node\":\"%s\",\"epoch\":%llu}", options->node, (unsigned long long)epoch);
    return controller_change(options, "acquire", &body, timeout_ms, ret_grant);
}

enum err controller_renew(const struct agent_options *options, uint64_t epoch, uint64_t revision, uint32_t timeout_ms,
                          struct controller_grant *ret_grant)
{
    char memory[CONTROLLER_BODY];
    struct buf body;
    buf_init(&body, memory, sizeof memory);
    buf_printf(&body, "{\"node\":\"%s\",\"epoch\":%llu,\"revision\":%llu}", options->node, (unsigned long long)epoch,
               (unsigned long long)revision);
    return controller_change(options, "renew", &body, timeout_ms, ret_grant);
}

enum err controller_report(const struct agent_options *options, uint32_t controller, const struct buf *body,
                           uint32_t timeout_ms, struct controller_word *ret_word)
{
    ASSERT(controller < options->controllers_count);
    struct http_client_response response = {0};
    enum err err = controller_ask(options, options->controllers[controller], "/v1/agents/report",
                                  (const char *)body->data, body->size, timeout_ms, &response);
    if (err == ERR_OK) {
        err = controller_parse_word(response.body, response.size, ret_word);
        http_client_response_fini(&response);
    }
    return err;
}

enum err controller_promise(const struct agent_options *options, const struct agent_options_peer *peer, uint64_t epoch,
                            uint32_t timeout_ms)
{
    char memory[CONTROLLER_BODY];
    struct buf body;
    struct http_client_response response = {0};
    buf_init(&body, memory, sizeof memory);
    buf_printf(&body, "{\"database\":\"%s\",\"from\":\"%s\",\"epoch\":%llu,\"lease_ms\":%lld}", options->database,
               options->node, (unsigned long long)epoch, (long long)(options->lease_us / 1000));
    enum err err =
        controller_ask(options, peer->agent, "/v1/promise", (const char *)body.data, body.size, timeout_ms, &response);
    if (err == ERR_OK) {
        err = controller_parse_promised(response.body, response.size) ? ERR_OK : ERR_CONFLICT;
        http_client_response_fini(&response);
    }
    return err;
}
