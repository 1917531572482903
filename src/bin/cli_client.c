/* SPDX-License-Identifier: Apache-2.0
 * Finding and asking the controllers. */
#include "bin/cli_client.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "base/text.h"
#include "bin/cli_load.h"
#include "bin/verb.h"
#include "edge/config_file.h"
#include "edge/config_secret.h"
#include "edge/log.h"

enum {
    CLI_CLIENT_CALL_MS = 8000, /* the controller's own patience is 5 s */
    CLI_CLIENT_CONNECT_MS = 1500,
    CLI_CLIENT_SILENCE_MS = 60000, /* of a stream; the server beats more often */
    CLI_CLIENT_ADDRESS = 64,
    CLI_CLIENT_CONTROLLERS = 16,
    CLI_CLIENT_HOPS = 3, /* the lead may move on while it is looked for */
};

struct cli_client {
    char addresses[CLI_CLIENT_CONTROLLERS][CLI_CLIENT_ADDRESS];
    uint32_t count;
    uint32_t at;                     /* the one that answered last */
    char leader[CLI_CLIENT_ADDRESS]; /* that it sent us to; "": it leads itself */
    bool has_token;
    uint32_t timeout_ms;
    char token[CONFIG_SECRET_BYTES];
    char message[CLI_CLIENT_MESSAGE];
};

/* ---- finding ---- */

static void cli_client_add(struct cli_client *client, const char *address)
{
    if (client->count < CLI_CLIENT_CONTROLLERS) {
        text_copy(client->addresses[client->count++], CLI_CLIENT_ADDRESS, address);
    }
}

static int cli_client_config(const struct cli_option *option, struct config **ret_config)
{
    const char *path = option->config != NULL ? option->config : config_file_default();
    const int loaded = cli_load(path, ret_config);
    if (loaded == VERB_CONFIG) {
        fprintf(stderr,
                "holdfast: no controller is known: %s cannot be used; name it with --config, or a controller "
                "with --api ADDRESS\n",
                path);
    }
    return loaded;
}

static int cli_client_sites(struct cli_client *client, const struct config *config)
{
    for (uint32_t i = 0; i < config->sites_count; i++) {
        const struct config_site *site = &config->sites[i];
        if ((site->roles & CONFIG_ROLE_CONTROL) != 0 && site->api.listen.text != NULL) {
            cli_client_add(client, site->api.listen.text);
        }
    }
    if (client->count == 0) {
        fputs("holdfast: the configuration has no site with role control\n", stderr);
        return VERB_CONFIG;
    }
    return VERB_OK;
}

/* --token-file, $HOLDFAST_TOKEN, the configuration's: the first that is there. */
static int cli_client_token(struct cli_client *client, const struct cli_option *option, const struct config *config)
{
    struct config_secret secret = {.file = option->token_file};
    if (secret.file == NULL && getenv("HOLDFAST_TOKEN") != NULL) {
        secret.env = "HOLDFAST_TOKEN";
    } else if (secret.file == NULL && config != NULL) {
        secret = config->security.token;
    }
    const bool any = secret.file != NULL || secret.env != NULL;
    if (!any || config_secret_read(&secret, client->token, sizeof client->token) != ERR_OK) {
        fprintf(stderr,
                "holdfast: a change needs the cluster's token%s%s; name a file that you can read with "
                "--token-file, or set HOLDFAST_TOKEN\n",
                any ? ", which cannot be read from " : "", any ? (secret.file != NULL ? secret.file : secret.env) : "");
        return VERB_FAILED;
    }
    client->has_token = true;
    return VERB_OK;
}

int cli_client_open(const struct cli_option *option, bool change, struct cli_client **ret_client)
{
    log_init("holdfast", LOG_ERROR);
    struct cli_client *client = calloc(1, sizeof *client);
    if (client == NULL) {
        fputs("holdfast: out of memory\n", stderr);
        return VERB_FAILED;
    }
    client->timeout_ms = option->timeout_ms > 0 && !option->wait ? option->timeout_ms : CLI_CLIENT_CALL_MS;
    struct config *config = NULL;
    int code = VERB_OK;
    for (int i = 0; i < option->apis_count; i++) {
        cli_client_add(client, option->apis[i]);
    }
    if (option->apis_count == 0) {
        code = cli_client_config(option, &config);
        code = code != VERB_OK ? code : cli_client_sites(client, config);
    }
    if (code == VERB_OK && change) {
        code = cli_client_token(client, option, config);
    }
    config_free(config);
    if (code != VERB_OK) {
        cli_client_close(client);
        return code;
    }
    *ret_client = client;
    return VERB_OK;
}

void cli_client_close(struct cli_client *client)
{
    if (client != NULL) {
        explicit_bzero(client->token, sizeof client->token);
        free(client);
    }
}

/* ---- asking ---- */

const char *cli_client_answerer(const struct cli_client *client)
{
    return client->leader[0] != 0 ? client->leader : client->addresses[client->at];
}

const char *cli_client_message(const struct cli_client *client)
{
    return client->message;
}

int cli_client_complain(const struct cli_client *client, int code)
{
    fprintf(stderr, "holdfast: %s\n", client->message);
    return code;
}

int cli_client_exit(enum err err, const char *refused_by)
{
    if (refused_by[0] != 0) {
        return strcmp(refused_by, "precheck") == 0 ? VERB_PRECHECK : VERB_REFUSED;
    }
    switch ((int)err) {
    case ERR_OK:
        return VERB_OK;
    case ERR_INVALID:
        return VERB_USAGE;
    case ERR_CONFLICT:
        return VERB_REFUSED;
    case ERR_UNAVAILABLE:
    case ERR_QUEUE_FULL:
    case ERR_UNREACHABLE:
    case ERR_NOT_LEADER:
    case ERR_NO_LEADER:
        return VERB_UNREACHABLE;
    case ERR_TIMEOUT:
        return VERB_TIMEOUT;
    default:
        return VERB_FAILED;
    }
}

static int cli_client_answer(struct cli_client *client, const char *address,
                             const struct http_client_response *response, json_t **ret_json)
{
    char detail[512];
    const enum err err = http_client_response_err(response, detail, sizeof detail);
    json_t *json = json_loadb(response->body, response->size, 0, NULL);
    if (err == ERR_OK && (json != NULL || response->size == 0)) {
        *ret_json = json != NULL ? json : json_object();
        return VERB_OK;
    }
    if (err == ERR_OK) {
        snprintf(client->message, sizeof client->message, "%s: not an answer of a controller", address);
        json_decref(json);
        return VERB_FAILED;
    }
    const char *by = json_string_value(json_object_get(json, "refused_by"));
    const int code = cli_client_exit(err, by != NULL ? by : "");
    const char *kind = err == ERR_AUTH         ? "the token is not accepted: "
                       : code == VERB_REFUSED  ? "refused by a safety rule: "
                       : code == VERB_PRECHECK ? "refused by a pre-check: "
                                               : "";
    snprintf(client->message, sizeof client->message, "%s%s", kind, detail);
    json_decref(json);
    return code;
}

/* Whether the answer sends us to the leader; then `client->leader` names it. */
static bool cli_client_sent(struct cli_client *client, const struct http_client_response *response)
{
    json_t *json = response->status == 307 ? json_loadb(response->body, response->size, 0, NULL) : NULL;
    const char *leader = json_string_value(json_object_get(json, "leader"));
    const bool sent = leader != NULL && strlen(leader) < CLI_CLIENT_ADDRESS;
    if (sent) {
        text_copy(client->leader, sizeof client->leader, leader);
    }
    json_decref(json);
    return sent;
}

/* Asks one controller, and whom it names as the leader. `request->address` is who gave the answer. */
static enum err cli_client_follow(struct cli_client *client, struct http_client_request *request,
                                  struct http_client_response *ret_response)
{
    enum err err = http_client_call(request, ret_response);
    for (uint32_t hop = 0; hop < CLI_CLIENT_HOPS && err == ERR_OK && cli_client_sent(client, ret_response); hop++) {
        http_client_response_fini(ret_response);
        request->address = client->leader;
        err = http_client_call(request, ret_response);
    }
    return err;
}

/* Whether the next controller may be asked: a question always, an order only when this one certainly did not get it. */
static bool cli_client_next(const struct http_client_request *request, enum err err)
{
    return request->body == NULL || err == ERR_REFUSED || err == ERR_UNREACHABLE;
}

static int cli_client_broken(struct cli_client *client, enum err err, bool change, const char *tried)
{
    if (err == ERR_INVALID) {
        snprintf(client->message, sizeof client->message, "not an address with a port like 192.0.2.1:7080: %s", tried);
        return VERB_USAGE;
    }
    if (change && err != ERR_REFUSED && err != ERR_UNREACHABLE) {
        snprintf(client->message, sizeof client->message,
                 "%s; whether the order arrived is unknown: look at `holdfast status` before sending it again", tried);
        return VERB_TIMEOUT;
    }
    snprintf(client->message, sizeof client->message, "no controller can be reached: %s", tried);
    return VERB_UNREACHABLE;
}

static int cli_client_call(struct cli_client *client, struct http_client_request *request, json_t **ret_json)
{
    uint8_t tried_memory[CLI_CLIENT_MESSAGE / 2];
    struct buf tried;
    enum err err = ERR_UNREACHABLE;
    buf_init(&tried, tried_memory, sizeof tried_memory);
    request->token = client->has_token ? client->token : NULL;
    request->timeout_ms = client->timeout_ms;
    request->connect_timeout_ms = CLI_CLIENT_CONNECT_MS;
    for (uint32_t i = 0; i < client->count; i++) {
        const uint32_t at = (client->at + i) % client->count;
        struct http_client_response response = {0};
        request->address = client->addresses[at];
        client->leader[0] = 0;
        err = cli_client_follow(client, request, &response);
        if (err == ERR_OK) {
            const int code = cli_client_answer(client, request->address, &response, ret_json);
            http_client_response_fini(&response);
            client->at = at;
            /* A controller that cannot say is no better than one that is away, as long as another may know. */
            if (code != VERB_UNREACHABLE || i + 1 == client->count) {
                return code;
            }
            buf_printf(&tried, "%s%s: %.100s", tried.size > 0 ? ", " : "", request->address, client->message);
            continue;
        }
        buf_printf(&tried, "%s%s: %s", tried.size > 0 ? ", " : "", request->address, err_text(err));
        if (!cli_client_next(request, err)) {
            break;
        }
    }
    return cli_client_broken(client, err, request->body != NULL, buf_string(&tried));
}

int cli_client_get(struct cli_client *client, const char *path, json_t **ret_json)
{
    struct http_client_request request = {.path = path};
    return cli_client_call(client, &request, ret_json);
}

int cli_client_post(struct cli_client *client, const char *path, const json_t *body, json_t **ret_json)
{
    char *text = json_dumps(body, JSON_COMPACT);
    if (text == NULL) {
        snprintf(client->message, sizeof client->message, "not UTF-8 text");
        return VERB_USAGE;
    }
    struct http_client_request request = {.path = path, .body = text, .body_size = strlen(text)};
    const int code = cli_client_call(client, &request, ret_json);
    free(text);
    return code;
}

/* A stream follows no redirection: who leads is asked first. */
static void cli_client_find(struct cli_client *client)
{
    json_t *json = NULL;
    if (cli_client_get(client, "/v1/controllers", &json) == VERB_OK) {
        const char *address = json_string_value(json_object_get(json, "address"));
        if (address != NULL && !json_is_true(json_object_get(json, "leads"))) {
            text_copy(client->leader, sizeof client->leader, address);
        }
        json_decref(json);
    }
}

int cli_client_stream(struct cli_client *client, const char *path, const struct http_client_sink *sink,
                      const atomic_bool *cancel)
{
    enum err err = ERR_UNREACHABLE;
    for (uint32_t i = 0; i < client->count; i++) {
        cli_client_find(client);
        const char *address = client->leader[0] != 0 ? client->leader : client->addresses[client->at];
        const struct http_client_request request = {.address = address,
                                                    .path = path,
                                                    .timeout_ms = CLI_CLIENT_SILENCE_MS,
                                                    .connect_timeout_ms = CLI_CLIENT_CONNECT_MS,
                                                    .cancel = cancel};
        err = http_client_stream(&request, sink);
        if (err == ERR_OK || err == ERR_CANCELLED) {
            return VERB_OK;
        }
        snprintf(client->message, sizeof client->message, "%s: %s", address, err_text(err));
        client->at = (client->at + 1) % client->count;
    }
    return err == ERR_INVALID ? VERB_USAGE : VERB_UNREACHABLE;
}
