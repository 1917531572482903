/* SPDX-License-Identifier: Apache-2.0
 * holdfast service move: an operator's order to move the primary of a Redis to another region. */
#include "bin/cli_service_move.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "base/time.h"
#include "bin/cli_change.h"
#include "bin/cli_client.h"
#include "bin/cli_option.h"
#include "bin/cli_view.h"
#include "bin/verb.h"
#include "edge/clock.h"

enum {
    CLI_SERVICE_MOVE_PATH = 128,
    CLI_SERVICE_MOVE_POLL_MS = 200,
};

static const struct cli_option_verb cli_service_move_verb = {
    .name = "service move",
    .usage = "NAME REGION --reason TEXT [OPTION...]",
    .about = "Moves the primary of a service of kind redis to a region: writes pause, the replica there gets the rest\n"
             "and becomes the primary, clients are moved. Nothing is lost. Refused unless a replica there follows.",
    .example = "holdfast service move cache tokyo --reason \"maintenance in taiwan\" --wait",
    .takes = CLI_OPTION_CHANGES | CLI_OPTION_TRIES | CLI_OPTION_WAITS,
    .operands_min = 2,
    .operands_max = 2,
};

/* VERB_OK: the primary is there. VERB_TIMEOUT: not yet. */
static int cli_service_move_state(const json_t *status, const char *name, const char *region)
{
    const json_t *service = cli_text_named(json_object_get(status, "services"), name);
    const char *primary = cli_text_member(service, "primary");
    if (service == NULL) {
        fprintf(stderr, "holdfast: the service is gone from the configuration\n");
        return VERB_FAILED;
    }
    if (strcmp(primary, region) == 0) {
        return VERB_OK;
    }
    if (primary[0] != 0 && cli_text_member(service, "moving")[0] == 0) {
        fprintf(stderr, "holdfast: the primary of %s stays in %s; `holdfast events` says why\n", name, primary);
        return VERB_FAILED;
    }
    return VERB_TIMEOUT;
}

static int cli_service_move_wait(struct cli_client *client, const struct cli_option *option)
{
    const struct mono start = clock_mono();
    int code = VERB_TIMEOUT;
    while (code == VERB_TIMEOUT &&
           (option->timeout_ms == 0 || time_since_ms(clock_mono(), start) < option->timeout_ms)) {
        const struct timespec pause = {.tv_nsec = CLI_SERVICE_MOVE_POLL_MS * 1000000L};
        json_t *status = NULL;
        if (cli_client_get(client, "/v1/status", &status) == VERB_OK) {
            code = cli_service_move_state(status, option->operands[0], option->operands[1]);
            json_decref(status);
        }
        if (code == VERB_TIMEOUT) {
            (void)nanosleep(&pause, NULL);
        }
    }
    if (code != VERB_FAILED) {
        fprintf(stderr, "holdfast: the primary of %s %s %s\n", option->operands[0],
                code == VERB_OK ? "takes writes in" : "is not yet in", option->operands[1]);
    }
    return code;
}

/* Asks or orders, as the body says, and shows the answer. `ret_epoch`: 0 when nothing is to be done. */
static int cli_service_move_say(struct cli_client *client, const struct cli_option *option, const char *path,
                                const json_t *body, int64_t *ret_epoch)
{
    json_t *answer = NULL;
    int code = cli_client_post(client, path, body, &answer);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    *ret_epoch = cli_text_integer(answer, "epoch", 0);
    const bool last = !json_is_true(json_object_get(body, "dry_run")) || option->dry_run || *ret_epoch == 0;
    if (option->format >= CLI_OPTION_JSON && last) {
        code = cli_view_data(option, answer);
    } else if (option->format < CLI_OPTION_JSON) {
        printf("%s: %s\n", option->operands[0], cli_text_member(answer, "text"));
        (void)fflush(stdout);
    }
    json_decref(answer);
    return code;
}

static int cli_service_move_run(struct cli_client *client, const struct cli_option *option, const char *path,
                                json_t *body)
{
    int64_t epoch = 0;
    json_object_set_new(body, "region", json_string(option->operands[1]));
    json_object_set_new(body, "dry_run", json_true());
    int code = cli_service_move_say(client, option, path, body, &epoch);
    if (code == VERB_OK && epoch != 0 && !option->dry_run) {
        code = cli_change_confirm(option, option->operands[1]);
        json_object_set_new(body, "dry_run", json_false());
        code = code == VERB_OK ? cli_service_move_say(client, option, path, body, &epoch) : code;
    }
    return code == VERB_OK && option->wait && !option->dry_run ? cli_service_move_wait(client, option) : code;
}

static int cli_service_move_order(int argc, char **argv)
{
    struct cli_option option;
    struct cli_client *client = NULL;
    char path[CLI_SERVICE_MOVE_PATH];
    int code = cli_option_parse(argc, argv, &cli_service_move_verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    const char *name = option.operands[0];
    if (strspn(name, "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-_.") != strlen(name) ||
        snprintf(path, sizeof path, "/v1/services/%s/move", name) >= (int)sizeof path) {
        fprintf(stderr, "holdfast: '%s' is no service's name\n", name);
        return VERB_USAGE;
    }
    json_t *body = cli_change_body(&option);
    code = body != NULL ? cli_client_open(&option, true, &client) : VERB_USAGE;
    code = code == VERB_OK ? cli_service_move_run(client, &option, path, body) : code;
    json_decref(body);
    cli_client_close(client);
    return code;
}

int cli_service_move(int argc, char **argv)
{
    if (argc > 1 && strcmp(argv[1], "move") == 0) {
        return cli_service_move_order(argc - 1, argv + 1);
    }
    const bool help = cli_option_asks_help(argc, argv);
    cli_option_usage(&cli_service_move_verb, help ? stdout : stderr);
    return help ? VERB_OK : VERB_USAGE;
}
