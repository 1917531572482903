/* SPDX-License-Identifier: Apache-2.0
 * The options of the operator's verbs. */
#include "bin/cli_option.h"

#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "bin/verb.h"

enum {
    CLI_OPTION_LONG = 256, /* first number of an option without a letter */
    CLI_OPTION_NAME = 64,
    CLI_OPTION_DAY_MS = 24 * 60 * 60 * 1000,
};

/* Without a letter, by number from CLI_OPTION_LONG on. `group`: 0 when every verb knows it. */
struct cli_option_row {
    const char *name;
    int argument;
    uint32_t group;
    const char *what; /* with the argument's name, for --help */
};

enum {
    CLI_OPTION_AT_OUTPUT,
    CLI_OPTION_AT_CONFIG,
    CLI_OPTION_AT_API,
    CLI_OPTION_AT_TOKEN_FILE,
    CLI_OPTION_AT_TIMEOUT,
    CLI_OPTION_AT_NO_INPUT,
    CLI_OPTION_AT_HELP,
    CLI_OPTION_AT_WATCH,
    CLI_OPTION_AT_REASON,
    CLI_OPTION_AT_YES,
    CLI_OPTION_AT_DRY_RUN,
    CLI_OPTION_AT_SOURCE,
    CLI_OPTION_AT_TARGET,
    CLI_OPTION_AT_WAIT,
    CLI_OPTION_AT_ACCEPT_LOSS,
    CLI_OPTION_AT_FORCE,
    CLI_OPTION_AT_MODE,
    CLI_OPTION_AT_RUN,
    CLI_OPTION_AT_FOLLOW,
    CLI_OPTION_AT_AFTER,
    CLI_OPTION_AT_COUNT
};

static const struct cli_option_row cli_option_rows[CLI_OPTION_AT_COUNT] = {
    [CLI_OPTION_AT_REASON] = {"reason", 1, CLI_OPTION_CHANGES, "TEXT      why; required, and kept in the journal"},
    [CLI_OPTION_AT_YES] = {"yes", 0, CLI_OPTION_CHANGES, "             do not ask"},
    [CLI_OPTION_AT_SOURCE] = {"source", 1, CLI_OPTION_MOVES, "REGION    the region to leave"},
    [CLI_OPTION_AT_TARGET] = {"target", 1, CLI_OPTION_MOVES, "REGION    the region to go to"},
    [CLI_OPTION_AT_DRY_RUN] = {"dry-run", 0, CLI_OPTION_MOVES | CLI_OPTION_FORCES | CLI_OPTION_TRIES,
                               "         check everything for real, change nothing"},
    [CLI_OPTION_AT_WAIT] = {"wait", 0, CLI_OPTION_WAITS, "            follow it to its end"},
    [CLI_OPTION_AT_ACCEPT_LOSS] = {"accept-loss", 0, CLI_OPTION_MOVES,
                                   "     promote a node that may lack acknowledged commits"},
    [CLI_OPTION_AT_FORCE] = {"force", 0, CLI_OPTION_FORCES, "           although a check that may be forced refuses"},
    [CLI_OPTION_AT_MODE] = {"mode", 1, CLI_OPTION_MODE, "MODE        normal, or emergency: without canary and ramp"},
    [CLI_OPTION_AT_RUN] = {"run", 1, CLI_OPTION_RUN, "ID           the run with this number"},
    [CLI_OPTION_AT_FOLLOW] = {"follow", 0, CLI_OPTION_FOLLOWS, "          go on with what happens from now"},
    [CLI_OPTION_AT_AFTER] = {"after", 1, CLI_OPTION_FOLLOWS, "N          only what came after event N"},
    [CLI_OPTION_AT_WATCH] = {"watch", 0, CLI_OPTION_WATCHES, "           draw it again each second"},
    [CLI_OPTION_AT_OUTPUT] = {"output", 1, 0, "FORMAT    (-o) table, wide, json or yaml"},
    [CLI_OPTION_AT_CONFIG] = {"config", 1, 0, "FILE      where controllers and token are found"},
    [CLI_OPTION_AT_API] = {"api", 1, 0, "ADDRESS      a controller, instead; may be repeated"},
    [CLI_OPTION_AT_TOKEN_FILE] = {"token-file", 1, 0, "FILE  the token, instead of the configuration's"},
    [CLI_OPTION_AT_TIMEOUT] = {"timeout", 1, 0, "DURATION give up after (10s, 2m)"},
    [CLI_OPTION_AT_NO_INPUT] = {"no-input", 0, 0, "        never ask"},
    [CLI_OPTION_AT_HELP] = {"help", 0, 0, "            this text"},
};

void cli_option_usage(const struct cli_option_verb *verb, FILE *stream)
{
    fprintf(stream, "usage: holdfast %s %s\n%s\n", verb->name, verb->usage, verb->about);
    for (int i = CLI_OPTION_AT_COUNT; i > 0; i--) {
        const struct cli_option_row *row = &cli_option_rows[i - 1];
        if (row->group == 0 || (verb->takes & row->group) != 0) {
            fprintf(stream, "  --%s %s\n", row->name, row->what);
        }
    }
    fprintf(stream, "\nexample: %s\n", verb->example);
}

bool cli_option_duration(const char *text, uint32_t *ret_ms)
{
    static const struct {
        const char *unit;
        uint32_t ms;
    } units[] = {{"ms", 1}, {"s", 1000}, {"m", 60000}, {"h", 3600000}};
    char *end = NULL;
    if (text[0] < '0' || text[0] > '9') {
        return false;
    }
    const unsigned long long number = strtoull(text, &end, 10);
    for (size_t i = 0; i < sizeof units / sizeof units[0]; i++) {
        if (strcmp(end, units[i].unit) == 0 && number > 0 && number <= CLI_OPTION_DAY_MS / units[i].ms) {
            *ret_ms = (uint32_t)number * units[i].ms;
            return true;
        }
    }
    return false;
}

bool cli_option_format(const char *text, enum cli_option_format *ret_format)
{
    static const char *const formats[] = {"table", "wide", "json", "yaml"};
    for (size_t i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        if (strcmp(text, formats[i]) == 0) {
            *ret_format = (enum cli_option_format)i;
            return true;
        }
    }
    return false;
}

static bool cli_option_wrong(const struct cli_option_verb *verb, const char *what, const char *value)
{
    fprintf(stderr, "holdfast %s: %s%s%s\n", verb->name, what, value != NULL ? ": " : "", value != NULL ? value : "");
    return false;
}

/* Flags and plain texts are places in the structure. */
static void cli_option_place(int at, struct cli_option *option, bool **ret_flag, const char ***ret_text)
{
    bool *const flags[CLI_OPTION_AT_COUNT] = {
        [CLI_OPTION_AT_NO_INPUT] = &option->no_input, [CLI_OPTION_AT_WATCH] = &option->watch,
        [CLI_OPTION_AT_YES] = &option->yes,           [CLI_OPTION_AT_DRY_RUN] = &option->dry_run,
        [CLI_OPTION_AT_WAIT] = &option->wait,         [CLI_OPTION_AT_ACCEPT_LOSS] = &option->accept_loss,
        [CLI_OPTION_AT_FOLLOW] = &option->follow,     [CLI_OPTION_AT_FORCE] = &option->force};
    const char **const texts[CLI_OPTION_AT_COUNT] = {
        [CLI_OPTION_AT_CONFIG] = &option->config, [CLI_OPTION_AT_TOKEN_FILE] = &option->token_file,
        [CLI_OPTION_AT_REASON] = &option->reason, [CLI_OPTION_AT_SOURCE] = &option->source,
        [CLI_OPTION_AT_TARGET] = &option->target, [CLI_OPTION_AT_MODE] = &option->mode,
        [CLI_OPTION_AT_RUN] = &option->run,       [CLI_OPTION_AT_AFTER] = &option->after};
    *ret_flag = flags[at];
    *ret_text = texts[at];
}

static bool cli_option_take(const struct cli_option_verb *verb, int at, const char *value, struct cli_option *option)
{
    bool *flag = NULL;
    const char **text = NULL;
    cli_option_place(at, option, &flag, &text);
    if (flag != NULL) {
        *flag = true;
    } else if (text != NULL) {
        *text = value;
    } else if (at == CLI_OPTION_AT_OUTPUT) {
        return cli_option_format(value, &option->format) ||
               cli_option_wrong(verb, "--output is table, wide, json or yaml", value);
    } else if (at == CLI_OPTION_AT_TIMEOUT) {
        return cli_option_duration(value, &option->timeout_ms) ||
               cli_option_wrong(verb, "--timeout is a duration like 10s or 2m", value);
    } else if (option->apis_count < CLI_OPTION_APIS) {
        option->apis[option->apis_count++] = value;
    }
    return true;
}

/* What must hold once all were read. */
static bool cli_option_check(const struct cli_option_verb *verb, const struct cli_option *option)
{
    if (option->operands_count < verb->operands_min) {
        return cli_option_wrong(verb, "something is missing", verb->usage);
    }
    if ((verb->takes & CLI_OPTION_CHANGES) != 0 && (option->reason == NULL || option->reason[0] == 0)) {
        return cli_option_wrong(verb, "say why with --reason TEXT: it is kept in the journal", NULL);
    }
    if (option->reason != NULL && strlen(option->reason) > CLI_OPTION_REASON_BYTES) {
        char what[80];
        snprintf(what, sizeof what, "--reason is %zu bytes long, and may be %d at most", strlen(option->reason),
                 (int)CLI_OPTION_REASON_BYTES);
        return cli_option_wrong(verb, what, NULL);
    }
    if (option->mode != NULL && strcmp(option->mode, "normal") != 0 && strcmp(option->mode, "emergency") != 0) {
        return cli_option_wrong(verb, "--mode is normal or emergency", option->mode);
    }
    if (option->watch && option->format >= CLI_OPTION_JSON) {
        return cli_option_wrong(verb, "--watch draws a screen; for programs there is `holdfast events --follow`", NULL);
    }
    return true;
}

static bool cli_option_operands(int argc, char **argv, const struct cli_option_verb *verb, struct cli_option *option)
{
    for (int i = optind; i < argc; i++) {
        if (option->operands_count == verb->operands_max) {
            return cli_option_wrong(verb, "not expected", argv[i]);
        }
        option->operands[option->operands_count++] = argv[i];
    }
    return true;
}

static void cli_option_table(const struct cli_option_verb *verb, struct option table[CLI_OPTION_AT_COUNT + 1])
{
    size_t count = 0;
    memset(table, 0, (CLI_OPTION_AT_COUNT + 1) * sizeof table[0]);
    for (int i = 0; i < CLI_OPTION_AT_COUNT; i++) {
        const struct cli_option_row *row = &cli_option_rows[i];
        if (row->group == 0 || (verb->takes & row->group) != 0) {
            table[count++] = (struct option){row->name, row->argument, NULL, CLI_OPTION_LONG + i};
        }
    }
}

bool cli_option_asks_help(int argc, char **argv)
{
    for (int i = 1; i < argc; i++) {
        if (strcmp(argv[i], "--help") == 0 || strcmp(argv[i], "-h") == 0) {
            return true;
        }
    }
    return false;
}

bool cli_option_output(int argc, char **argv, int *at, enum cli_option_format *ret_format, bool *ret_good)
{
    static const char joined[] = "--output=";
    const char *word = argv[*at];
    const char *text = strncmp(word, joined, sizeof joined - 1) == 0 ? word + sizeof joined - 1 : NULL;
    if (text == NULL && strcmp(word, "-o") != 0 && strcmp(word, "--output") != 0) {
        return false;
    }
    if (text == NULL && *at + 1 < argc) {
        text = argv[++*at];
    }
    *ret_good = text != NULL && cli_option_format(text, ret_format);
    if (!*ret_good) {
        fprintf(stderr, "holdfast: --output is table, wide, json or yaml%s%s\n", text != NULL ? ", not " : "",
                text != NULL ? text : "");
    }
    return true;
}

int cli_option_parse(int argc, char **argv, const struct cli_option_verb *verb, struct cli_option *ret_option)
{
    struct option table[CLI_OPTION_AT_COUNT + 1];
    struct cli_option option = {.color = isatty(STDOUT_FILENO) == 1 && getenv("NO_COLOR") == NULL};
    static char name[CLI_OPTION_NAME]; /* what argv[0] is left pointing to */
    bool good = true;
    int found = 0;
    snprintf(name, sizeof name, "holdfast %s", verb->name);
    argv[0] = name; /* in the library's own messages */
    cli_option_table(verb, table);
    optind = 0; /* reads another argv from its start */
    while (good && (found = getopt_long(argc, argv, "o:hw", table, NULL)) != -1) {
        const int at = found == 'o'   ? CLI_OPTION_AT_OUTPUT
                       : found == 'h' ? CLI_OPTION_AT_HELP
                       : found == 'w' ? CLI_OPTION_AT_WATCH
                                      : found - CLI_OPTION_LONG;
        if (at == CLI_OPTION_AT_HELP) {
            cli_option_usage(verb, stdout);
            return VERB_OK;
        }
        good = at >= 0 && cli_option_take(verb, at, optarg, &option);
    }
    good = good && cli_option_operands(argc, argv, verb, &option) && cli_option_check(verb, &option);
    if (!good) {
        fprintf(stderr, "`holdfast %s --help` tells more\n", verb->name);
        return VERB_USAGE;
    }
    *ret_option = option;
    return CLI_OPTION_GO;
}
