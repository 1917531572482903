/* SPDX-License-Identifier: Apache-2.0
 * Orders to the controller. */
#include "bin/cli_change.h"

#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bin/cli_follow.h"
#include "bin/cli_preview.h"
#include "bin/cli_view.h"
#include "bin/verb.h"

int cli_change_confirm(const struct cli_option *option, const char *word)
{
    char line[128];
    if (option->yes) {
        return VERB_OK;
    }
    if (option->no_input || isatty(STDIN_FILENO) != 1) {
        fputs("holdfast: this changes what is running and nobody can be asked: repeat it with --yes\n", stderr);
        return VERB_USAGE;
    }
    fprintf(stderr, "type %s to go on: ", word);
    if (fgets(line, sizeof line, stdin) == NULL) {
        line[0] = 0;
    }
    line[strcspn(line, "\r\n")] = 0;
    if (strcmp(line, word) != 0) {
        fputs("holdfast: not confirmed, nothing was done\n", stderr);
        return VERB_REFUSED;
    }
    return VERB_OK;
}

/* Who orders it, for the journal: the name of the account. */
static void cli_change_who(json_t *body)
{
    const struct passwd *entry = getpwuid(getuid());
    char who[32];
    snprintf(who, sizeof who, "%s", entry != NULL ? entry->pw_name : "operator");
    json_object_set_new(body, "who", json_string(who));
}

json_t *cli_change_body(const struct cli_option *option)
{
    json_t *body = json_pack("{s:s}", "reason", option->reason);
    if (body != NULL) {
        cli_change_who(body);
    } else {
        fputs("holdfast: --reason is not UTF-8 text\n", stderr);
    }
    return body;
}

/* ---- moves ---- */

struct cli_change_move {
    struct cli_option_verb verb;
    const char *path;
    bool home; /* the target is what the person types; else the source */
};

static const struct cli_change_move cli_change_moves[] = {
    {.verb = {.name = "failover",
              .usage = "[--source REGION] [--target REGION] --reason TEXT [OPTION...]",
              .about =
                  "Leaves a region that is lost or ill: fences its writer, promotes the target, moves the clients.\n"
                  "Without --source it is the region of the writer; without --target the first fit backup.",
              .example = "holdfast failover --source taiwan --reason \"power is out\" --wait",
              .takes = CLI_OPTION_CHANGES | CLI_OPTION_MOVES | CLI_OPTION_WAITS},
     .path = "/v1/failovers"},
    {.verb = {.name = "switchover",
              .usage = "[--source REGION] [--target REGION] --reason TEXT [OPTION...]",
              .about = "Moves writer and clients away from a healthy region: nothing lost, sessions held, not broken.\n"
                       "Without --source it is the region of the writer; without --target the first fit backup.",
              .example = "holdfast switchover --target tokyo --reason \"maintenance in taiwan\" --dry-run",
              .takes = CLI_OPTION_CHANGES | CLI_OPTION_MOVES | CLI_OPTION_WAITS},
     .path = "/v1/switchovers"},
    {.verb = {.name = "failback",
              .usage = "[--target REGION] --reason TEXT [--mode emergency] [OPTION...]",
              .about = "Brings a region's clients and writer home again: guard, comparison, approval, canary, ramp.\n"
                       "--mode emergency leaves out canary and ramp, never the fence.",
              .example = "holdfast failback --target taiwan --reason \"taiwan is back\"",
              .takes = CLI_OPTION_CHANGES | CLI_OPTION_MOVES | CLI_OPTION_WAITS | CLI_OPTION_MODE},
     .path = "/v1/failbacks",
     .home = true},
};

/* The region of the first database's writer: where a failover or switchover starts when nobody says. */
static int cli_change_source(struct cli_client *client, json_t *body)
{
    json_t *status = NULL;
    const int code = cli_client_get(client, "/v1/status", &status);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    const json_t *database = json_array_get(json_object_get(status, "databases"), 0);
    const json_t *node = cli_text_named(json_object_get(database, "nodes"), cli_text_member(database, "writer"));
    const bool found = node != NULL;
    if (found) {
        json_object_set_new(body, "source", json_string(cli_text_member(node, "region")));
    } else {
        fputs("holdfast: no database has a writer now: say which region to leave with --source\n", stderr);
    }
    json_decref(status);
    return found ? VERB_OK : VERB_USAGE;
}

static int cli_change_move_body(struct cli_client *client, const struct cli_option *option,
                                const struct cli_change_move *move, json_t **ret_body)
{
    json_t *body = cli_change_body(option);
    int code = body != NULL ? VERB_OK : VERB_USAGE;
    if (code == VERB_OK && option->source != NULL) {
        json_object_set_new(body, "source", json_string(option->source));
    } else if (code == VERB_OK && !move->home) {
        code = cli_change_source(client, body);
    }
    if (code != VERB_OK) {
        json_decref(body);
        return code;
    }
    if (option->target != NULL) {
        json_object_set_new(body, "target", json_string(option->target));
    }
    if (option->mode != NULL) {
        json_object_set_new(body, "mode", json_string(option->mode));
    }
    json_object_set_new(body, "accept_loss", json_boolean(option->accept_loss));
    *ret_body = body;
    return VERB_OK;
}

/* Shows what would happen. With a terminal in front of a person always, else only for --dry-run or when it is refused.
 */
static int cli_change_show(const struct cli_option *option, const json_t *preview)
{
    const bool refused = cli_preview_refused(preview);
    if (!option->dry_run && option->yes && !refused) {
        return VERB_OK;
    }
    if (option->format >= CLI_OPTION_JSON) {
        const int printed = option->dry_run ? cli_view_data(option, preview) : VERB_OK;
        return refused ? VERB_PRECHECK : printed;
    }
    struct cli_text text;
    cli_view_begin(&text, option);
    cli_preview_draw(&text, preview);
    const int printed = cli_view_flush(&text);
    if (refused) {
        fprintf(stderr, "holdfast: refused by a pre-check: %s\n", cli_text_member(preview, "problem"));
    }
    return refused ? VERB_PRECHECK : printed;
}

/* Looks at the order before it is given. VERB_OK: give it. */
static int cli_change_look(struct cli_client *client, const struct cli_option *option,
                           const struct cli_change_move *move, json_t *body)
{
    json_t *preview = NULL;
    json_object_set_new(body, "dry_run", json_true());
    int code = cli_client_post(client, move->path, body, &preview);
    json_object_set_new(body, "dry_run", json_false());
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    code = cli_change_show(option, preview);
    if (code == VERB_OK && !option->dry_run) {
        code = cli_change_confirm(option, cli_text_member(preview, move->home ? "target" : "source"));
    }
    json_decref(preview);
    return code;
}

static int cli_change_order(struct cli_client *client, const struct cli_option *option,
                            const struct cli_change_move *move, const json_t *body)
{
    json_t *answer = NULL;
    const int code = cli_client_post(client, move->path, body, &answer);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    const int64_t run = cli_text_integer(answer, "run", 0);
    if (option->format >= CLI_OPTION_JSON && !option->wait) {
        const int printed = cli_view_data(option, answer);
        json_decref(answer);
        return printed;
    }
    json_decref(answer);
    if (option->format < CLI_OPTION_JSON) {
        printf("%s: run %lld has begun%s\n", move->verb.name, (long long)run,
               option->wait ? "" : "; `holdfast status --watch` shows it");
        (void)fflush(stdout);
    }
    return option->wait ? cli_follow(client, option, run) : VERB_OK;
}

static int cli_change_do_move(int argc, char **argv, const struct cli_change_move *move)
{
    struct cli_option option;
    struct cli_client *client = NULL;
    json_t *body = NULL;
    int code = cli_option_parse(argc, argv, &move->verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    code = cli_client_open(&option, true, &client);
    if (code == VERB_OK) {
        code = cli_change_move_body(client, &option, move, &body);
    }
    if (code == VERB_OK) {
        code = cli_change_look(client, &option, move, body);
    }
    if (code == VERB_OK && !option.dry_run) {
        code = cli_change_order(client, &option, move, body);
    }
    json_decref(body);
    cli_client_close(client);
    return code;
}

int cli_change_failover(int argc, char **argv)
{
    return cli_change_do_move(argc, argv, &cli_change_moves[0]);
}

int cli_change_switchover(int argc, char **argv)
{
    return cli_change_do_move(argc, argv, &cli_change_moves[1]);
}

int cli_change_failback(int argc, char **argv)
{
    return cli_change_do_move(argc, argv, &cli_change_moves[2]);
}

/* ---- words: approve, abort, pause, resume ---- */

struct cli_change_word {
    struct cli_option_verb verb;
    bool run; /* the operand is a run's number */
};

static const struct cli_change_word cli_change_words[] = {
    {.verb = {.name = "approve",
              .usage = "ID --reason TEXT [OPTION...]",
              .about = "Lets a run go on that waits for a person.",
              .example = "holdfast approve 7 --reason \"checked with the team\" --wait",
              .takes = CLI_OPTION_CHANGES | CLI_OPTION_WAITS,
              .operands_min = 1,
              .operands_max = 1},
     .run = true},
    {.verb = {.name = "abort",
              .usage = "ID --reason TEXT [OPTION...]",
              .about = "Ends a run and undoes its completed steps, last first. Refused once a promotion was ordered.\n"
                       "`holdfast status` says what it would do now.",
              .example = "holdfast abort 7 --reason \"false alarm\" --wait",
              .takes = CLI_OPTION_CHANGES | CLI_OPTION_WAITS,
              .operands_min = 1,
              .operands_max = 1},
     .run = true},
    {.verb = {.name = "pause",
              .usage = "--reason TEXT [OPTION...]",
              .about = "Turns automation off: Holdfast goes on watching, deciding and routing, and starts nothing.",
              .example = "holdfast pause --reason \"network maintenance until 06:00\"",
              .takes = CLI_OPTION_CHANGES}},
    {.verb = {.name = "resume",
              .usage = "--reason TEXT [OPTION...]",
              .about = "Turns automation on again.",
              .example = "holdfast resume --reason \"maintenance is over\"",
              .takes = CLI_OPTION_CHANGES}},
};

static int cli_change_say(struct cli_client *client, const struct cli_option *option, const char *path, int64_t run)
{
    json_t *answer = NULL;
    json_t *body = cli_change_body(option);
    int code = body != NULL ? cli_client_post(client, path, body, &answer) : VERB_USAGE;
    if (code != VERB_OK) {
        json_decref(body);
        return body != NULL ? cli_client_complain(client, code) : code;
    }
    if (option->format >= CLI_OPTION_JSON && !option->wait) {
        code = cli_view_data(option, answer);
    } else if (option->format < CLI_OPTION_JSON) {
        printf("%s\n", cli_text_member(answer, "text"));
        (void)fflush(stdout);
    }
    json_decref(body);
    json_decref(answer);
    return code == VERB_OK && option->wait ? cli_follow(client, option, run) : code;
}

/* What a person must type: the name of the region that the run goes to, or the verb. */
static int cli_change_ask(struct cli_client *client, const struct cli_option *option,
                          const struct cli_change_word *word, int64_t run)
{
    char path[64];
    json_t *json = NULL;
    if (!word->run || option->yes) {
        return cli_change_confirm(option, word->verb.name);
    }
    snprintf(path, sizeof path, "/v1/runs/%lld", (long long)run);
    int code = cli_client_get(client, path, &json);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    fprintf(stderr, "run %lld: %s %s -> %s: %s; `abort` %s\n", (long long)run, cli_text_member(json, "plan"),
            cli_text_member(json, "source"), cli_text_member(json, "target"), cli_text_member(json, "state"),
            cli_text_member(json, "abort"));
    code = cli_change_confirm(option, cli_text_member(json, "target"));
    json_decref(json);
    return code;
}

static int cli_change_number(const struct cli_option *option, int64_t *ret_run)
{
    char *end = NULL;
    const char *text = option->operands[0];
    const long long run = strtoll(text, &end, 10);
    if (text[0] < '0' || text[0] > '9' || *end != 0) {
        fprintf(stderr, "holdfast: a run has a number, not '%s'; `holdfast history` shows them\n", text);
        return VERB_USAGE;
    }
    *ret_run = run;
    return VERB_OK;
}

static int cli_change_do_word(int argc, char **argv, const struct cli_change_word *word)
{
    struct cli_option option;
    struct cli_client *client = NULL;
    char path[64];
    int64_t run = 0;
    int code = cli_option_parse(argc, argv, &word->verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    snprintf(path, sizeof path, "/v1/%s", word->verb.name);
    code = word->run ? cli_change_number(&option, &run) : VERB_OK;
    if (code == VERB_OK && word->run) {
        snprintf(path, sizeof path, "/v1/runs/%lld/%s", (long long)run, word->verb.name);
    }
    code = code != VERB_OK ? code : cli_client_open(&option, true, &client);
    code = code != VERB_OK ? code : cli_change_ask(client, &option, word, run);
    code = code != VERB_OK ? code : cli_change_say(client, &option, path, run);
    cli_client_close(client);
    return code;
}

int cli_change_approve(int argc, char **argv)
{
    return cli_change_do_word(argc, argv, &cli_change_words[0]);
}

int cli_change_abort(int argc, char **argv)
{
    return cli_change_do_word(argc, argv, &cli_change_words[1]);
}

int cli_change_pause(int argc, char **argv)
{
    return cli_change_do_word(argc, argv, &cli_change_words[2]);
}

int cli_change_resume(int argc, char **argv)
{
    return cli_change_do_word(argc, argv, &cli_change_words[3]);
}
