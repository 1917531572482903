/* SPDX-License-Identifier: Apache-2.0
 * Showing an answer: as a screen, as JSON word for word, as YAML; once, or again each second. */
#pragma once

#include "bin/cli_client.h"
#include "bin/cli_option.h"
#include "bin/cli_text.h"

/* Draws an answer and returns the exit code that it means (of success: VERB_OK or VERB_DEGRADED). It may ask for more.
 */
struct cli_view {
    const char *path;
    int (*draw)(struct cli_text *text, const json_t *answer, struct cli_client *client,
                const struct cli_option *option);
};

/* Parses, opens, shows, closes: a whole verb that only looks. */
int cli_view_verb(int argc, char **argv, const struct cli_option_verb *verb, const struct cli_view *view);

/* With --watch until SIGINT, which is its good end. */
int cli_view_show(struct cli_client *client, const struct cli_option *option, const struct cli_view *view);

/* Prints JSON or YAML, whichever the options ask for. */
int cli_view_data(const struct cli_option *option, const json_t *json);

/* An answer's path with one query, escaped; NULL `value`: without it. */
void cli_view_path(char *ret_path, size_t size, const char *path, const char *name, const char *value);

/* A screen, on memory that cli_view_flush prints and frees. */
void cli_view_begin(struct cli_text *text, const struct cli_option *option);
int cli_view_flush(struct cli_text *text);
