/* SPDX-License-Identifier: Apache-2.0
 * The controllers as the operator's verbs see them: found, asked in rotation, their refusals turned into words and exit
 * codes.
 *
 * Of several controllers one leads; the others send us there. Break-glass: any one controller is enough, and reading
 * needs no token. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include <jansson.h>

#include "bin/cli_option.h"
#include "edge/http_client.h"

struct cli_client;

enum { CLI_CLIENT_MESSAGE = 1024 };

/* From --api, else from the configuration's sites with role control. `change`: the token is needed: --token-file,
 * $HOLDFAST_TOKEN, else where the configuration says. An exit code; what is wrong was said on standard error. */
int cli_client_open(const struct cli_option *option, bool change, struct cli_client **ret_client);
void cli_client_close(struct cli_client *client);

/* An exit code. With VERB_OK the caller owns `ret_json`; else cli_client_message says what was wrong, and nothing was
 * printed. A POST is sent to the next controller only when the one before certainly did not get it. */
int cli_client_get(struct cli_client *client, const char *path, json_t **ret_json);
int cli_client_post(struct cli_client *client, const char *path, const json_t *body, json_t **ret_json);

/* Follows a stream until it or the sink ends; VERB_UNREACHABLE when it broke or could not be opened. */
int cli_client_stream(struct cli_client *client, const char *path, const struct http_client_sink *sink,
                      const atomic_bool *cancel);

/* The address of the controller that gave the last answer. */
const char *cli_client_answerer(const struct cli_client *client);

const char *cli_client_message(const struct cli_client *client);

/* Says it on standard error and hands the code through. */
int cli_client_complain(const struct cli_client *client, int code);

/* What an answer that is not 2xx means. `refused_by`: the problem's member, "" when absent. */
int cli_client_exit(enum err err, const char *refused_by);
