/* SPDX-License-Identifier: Apache-2.0
 * holdfast <verb>: finds the verb's row and hands over. */
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <string.h>

#include "bin/verb.h"

static void main_usage(FILE *stream)
{
    fprintf(stream, "usage: holdfast VERB [OPTION...]\n\n");
    for (const struct verb *verb = verb_table; verb->name != NULL; verb++) {
        fprintf(stream, "  %-12s %s\n", verb->name, verb->summary);
    }
    fprintf(stream, "\n`holdfast VERB --help` tells more; `man holdfast` tells all.\n");
}

/* The word, or the options that people try instead: --word and a letter. */
static bool main_is(const char *argument, const char *word, const char *letter)
{
    return strcmp(argument, word) == 0 || strcmp(argument, letter) == 0 ||
           (strncmp(argument, "--", 2) == 0 && strcmp(argument + 2, word) == 0);
}

int main(int argc, char **argv)
{
    signal(SIGPIPE, SIG_IGN);
    if (argc < 2) {
        main_usage(stderr);
        return VERB_USAGE;
    }
    if (main_is(argv[1], "help", "-h")) {
        main_usage(stdout);
        return VERB_OK;
    }
    if (main_is(argv[1], "version", "-V")) {
        return verb_version(argc - 1, argv + 1);
    }
    for (const struct verb *verb = verb_table; verb->name != NULL; verb++) {
        if (strcmp(argv[1], verb->name) == 0) {
            return verb->run(argc - 1, argv + 1);
        }
    }
    fprintf(stderr, "holdfast: no verb '%s'\n\n", argv[1]);
    main_usage(stderr);
    return VERB_USAGE;
}
