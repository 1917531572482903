/* SPDX-License-Identifier: Apache-2.0
 * holdfast agent reinit, restart: an operator's order about one PostgreSQL node, through the controllers. */
#include "bin/cli_agent.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "bin/cli_change.h"
#include "bin/cli_client.h"
#include "bin/cli_preview.h"
#include "bin/cli_view.h"
#include "bin/verb.h"
#include "edge/clock.h"

enum {
    CLI_AGENT_PATH = 128,
    CLI_AGENT_POLL_MS = 500,
};

static const struct cli_option_verb cli_agent_restart_verb = {
    .name = "agent restart",
    .usage = "NODE --reason TEXT [--force] [OPTION...]",
    .about =
        "Stops and starts the PostgreSQL of a standby, for parameters that want it (`holdfast status` names them).\n"
        "Refused for the writer: move it first (holdfast switchover). --force is needed when tier-1 commits wait\n"
        "for the node.",
    .example = "holdfast agent restart tokyo-a --reason \"more connections\" --wait",
    .takes = CLI_OPTION_CHANGES | CLI_OPTION_FORCES | CLI_OPTION_WAITS,
    .operands_min = 1,
    .operands_max = 1,
};

static const struct cli_option_verb cli_agent_reinit_verb = {
    .name = "agent reinit",
    .usage = "NODE --reason TEXT [--force] [OPTION...]",
    .about = "Has a standby cloned anew from its writer. The old data directory is kept (DATA.kept-DATE-EPOCH), so\n"
             "the copy needs room beside it. Refused for the writer and while no writer is seen; --force is needed\n"
             "when tier-1 commits wait for the node, or when it was a writer and has not brought home what it holds.",
    .example = "holdfast agent reinit tokyo-b --reason \"its disk was replaced\" --wait",
    .takes = CLI_OPTION_CHANGES | CLI_OPTION_FORCES | CLI_OPTION_WAITS,
    .operands_min = 1,
    .operands_max = 1,
};

/* Which of the two, and what it is called in words and in paths. */
struct cli_agent {
    const struct cli_option_verb *verb;
    const char *name;
};

static void cli_agent_draw(struct cli_text *text, const struct cli_agent *agent, const json_t *preview)
{
    buf_printf(&text->out, "%s of %s, writer %s, would %s\n", agent->name, cli_text_member(preview, "node"),
               cli_text_member(preview, "from"), cli_text_member(preview, "would"));
    cli_preview_checks(text, preview);
}

/* The order's checks, asked for real. VERB_OK: give it. */
static int cli_agent_look(struct cli_client *client, const struct cli_option *option, const struct cli_agent *agent,
                          const char *path, json_t *body)
{
    json_t *preview = NULL;
    json_object_set_new(body, "dry_run", json_true());
    int code = cli_client_post(client, path, body, &preview);
    json_object_del(body, "dry_run");
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    const char *problem = cli_text_member(preview, "problem");
    if (option->format >= CLI_OPTION_JSON) {
        code = option->dry_run ? cli_view_data(option, preview) : VERB_OK;
    } else {
        struct cli_text text;
        cli_view_begin(&text, option);
        cli_agent_draw(&text, agent, preview);
        code = cli_view_flush(&text);
    }
    if (problem[0] != 0) {
        fprintf(stderr, "holdfast: refused by a safety rule: %s\n", problem);
        code = VERB_REFUSED;
    }
    if (code == VERB_OK && !option->dry_run) {
        code = cli_change_confirm(option, cli_text_member(preview, "node"));
    }
    json_decref(preview);
    return code;
}

/* What the node says about the order: VERB_OK done and streaming, VERB_FAILED, or VERB_TIMEOUT. */
static int cli_agent_state(const json_t *status, const struct cli_agent *agent, const char *name, int64_t order)
{
    size_t index = 0;
    const json_t *database = NULL;
    json_array_foreach(json_object_get(status, "databases"), index, database)
    {
        const json_t *node = cli_text_named(json_object_get(database, "nodes"), name);
        const json_t *state_of = json_object_get(node, agent->name);
        if (node == NULL || cli_text_integer(state_of, "order", 0) != order) {
            continue;
        }
        const char *state = cli_text_member(state_of, "state");
        if (strcmp(state, "failed") == 0) {
            fprintf(stderr, "holdfast: %s\n", cli_text_member(node, "error"));
            return VERB_FAILED;
        }
        return strcmp(state, "done") == 0 && cli_text_true(node, "receiving") ? VERB_OK : VERB_TIMEOUT;
    }
    return VERB_TIMEOUT;
}

static int cli_agent_wait(struct cli_client *client, const struct cli_option *option, const struct cli_agent *agent,
                          int64_t order)
{
    const char *name = option->operands[0];
    const struct mono start = clock_mono();
    int code = VERB_TIMEOUT;
    while (code == VERB_TIMEOUT &&
           (option->timeout_ms == 0 || time_since_ms(clock_mono(), start) < option->timeout_ms)) {
        const struct timespec pause = {.tv_nsec = CLI_AGENT_POLL_MS * 1000000L};
        json_t *status = NULL;
        (void)nanosleep(&pause, NULL);
        if (cli_client_get(client, "/v1/status", &status) == VERB_OK) {
            code = cli_agent_state(status, agent, name, order);
            json_decref(status);
        }
    }
    if (code != VERB_FAILED) {
        fprintf(stderr, "holdfast: %s %s\n", name, code == VERB_OK ? "streams again" : "is not back yet");
    }
    return code;
}

static int cli_agent_order(struct cli_client *client, const struct cli_option *option, const struct cli_agent *agent,
                           const char *path, const json_t *body)
{
    json_t *answer = NULL;
    int code = cli_client_post(client, path, body, &answer);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    const int64_t order = cli_text_integer(answer, "order", 0);
    if (option->format >= CLI_OPTION_JSON) {
        code = cli_view_data(option, answer);
    } else {
        printf("%s of %s is ordered%s\n", agent->name, option->operands[0],
               option->wait ? "" : "; `holdfast status --watch` shows how far it is");
        (void)fflush(stdout);
    }
    json_decref(answer);
    return code == VERB_OK && option->wait ? cli_agent_wait(client, option, agent, order) : code;
}

static int cli_agent_command(int argc, char **argv, const struct cli_agent *agent)
{
    struct cli_option option;
    struct cli_client *client = NULL;
    char path[CLI_AGENT_PATH];
    int code = cli_option_parse(argc, argv, agent->verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    const char *name = option.operands[0];
    if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(name) ||
        snprintf(path, sizeof path, "/v1/nodes/%s/%s", name, agent->name) >= (int)sizeof path) {
        fprintf(stderr, "holdfast: '%s' is no node's name\n", name);
        return VERB_USAGE;
    }
    json_t *body = cli_change_body(&option);
    code = body != NULL ? cli_client_open(&option, true, &client) : VERB_USAGE;
    if (code == VERB_OK) {
        json_object_set_new(body, "force", json_boolean(option.force));
        code = cli_agent_look(client, &option, agent, path, body);
    }
    if (code == VERB_OK && !option.dry_run) {
        code = cli_agent_order(client, &option, agent, path, body);
    }
    json_decref(body);
    cli_client_close(client);
    return code;
}

int cli_agent_reinit(int argc, char **argv)
{
    return cli_agent_command(argc, argv, &(struct cli_agent){&cli_agent_reinit_verb, "reinit"});
}

int cli_agent_restart(int argc, char **argv)
{
    return cli_agent_command(argc, argv, &(struct cli_agent){&cli_agent_restart_verb, "restart"});
}
