/* SPDX-License-Identifier: Apache-2.0
 * What may stand behind a verb: the options that all operator's verbs share, read once, the same everywhere.
 *
 * Texts are borrowed from argv. One thread. */
#pragma once

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "core/event.h"

enum {
    CLI_OPTION_GO = -1,      /* cli_option_parse: go on; anything else is an exit code */
    CLI_OPTION_APIS = 8,     /* --api at most */
    CLI_OPTION_OPERANDS = 2, /* words that are not options, at most */
    CLI_OPTION_REASON_BYTES = sizeof((struct event_command *)NULL)->reason - 1, /* of --reason, at most */
};

enum cli_option_format { CLI_OPTION_TABLE, CLI_OPTION_WIDE, CLI_OPTION_JSON, CLI_OPTION_YAML };

/* Bits of cli_option_verb.takes: options that only some verbs know. */
enum cli_option_group {
    CLI_OPTION_WATCHES = 1,  /* --watch */
    CLI_OPTION_CHANGES = 2,  /* --reason, required; --yes */
    CLI_OPTION_MOVES = 4,    /* --source --target --dry-run --accept-loss */
    CLI_OPTION_MODE = 8,     /* --mode normal|emergency */
    CLI_OPTION_RUN = 16,     /* --run ID */
    CLI_OPTION_FOLLOWS = 32, /* --follow, --after N */
    CLI_OPTION_WAITS = 64,   /* --wait */
    CLI_OPTION_FORCES = 128, /* --force --dry-run */
    CLI_OPTION_TRIES = 256   /* --dry-run */
};

struct cli_option_verb {
    const char *name;
    const char *usage; /* behind "usage: holdfast NAME " */
    const char *about; /* what it does, in lines */
    const char *example;
    uint32_t takes;
    int operands_min;
    int operands_max;
};

struct cli_option {
    enum cli_option_format format;
    const char *config; /* NULL: the default */
    const char *apis[CLI_OPTION_APIS];
    int apis_count;
    const char *token_file;
    const char *reason;
    const char *source;
    const char *target;
    const char *mode;
    const char *run;
    const char *after;
    uint32_t timeout_ms; /* 0: not given */
    bool watch;
    bool follow;
    bool dry_run;
    bool yes;
    bool wait;
    bool accept_loss;
    bool force;
    bool no_input;
    bool color; /* standard output is a terminal, and NO_COLOR is not set */
    const char *operands[CLI_OPTION_OPERANDS];
    int operands_count;
};

/* Whether one of the words after the verb is --help or -h: for verbs that read their words by hand. */
bool cli_option_asks_help(int argc, char **argv);

/* Messages go to standard error, --help to standard output. CLI_OPTION_GO, VERB_OK after --help, VERB_USAGE. */
int cli_option_parse(int argc, char **argv, const struct cli_option_verb *verb, struct cli_option *ret_option);

void cli_option_usage(const struct cli_option_verb *verb, FILE *stream);

/* "table", "wide", "json", "yaml". */
bool cli_option_format(const char *text, enum cli_option_format *ret_format);

/* For verbs that read their words by hand: whether `-o FORMAT`, `--output FORMAT` or `--output=FORMAT` begins at *at,
 * which then stands on its last word. *ret_good is false after a message: no format, or another one. */
bool cli_option_output(int argc, char **argv, int *at, enum cli_option_format *ret_format, bool *ret_good);

/* "10s", "500ms", "2m", "1h"; at most a day. */
bool cli_option_duration(const char *text, uint32_t *ret_ms);
