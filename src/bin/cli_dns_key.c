/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns key: the keys that sign a zone. */
#include "bin/cli_dns_key.h"

#include <stdio.h>
#include <string.h>

#include "bin/cli_dns_key_algorithm.h"
#include "bin/cli_dns_key_make.h"
#include "bin/cli_dns_key_parent.h"
#include "bin/cli_dns_key_roll.h"
#include "bin/cli_dns_key_show.h"
#include "bin/cli_load.h"
#include "bin/cli_option.h"
#include "bin/verb.h"

static void cli_dns_key_usage(FILE *stream)
{
    fputs("usage: holdfast dns key generate ZONE [--split] [--algorithm ecdsap256sha256|ed25519]\n"
          "         the first key of a zone; --split: one for the keys and one for the records\n"
          "       holdfast dns key import ZONE --role ksk|zsk|csk --file FILE\n"
          "         a private key that exists: PEM (PKCS#8), or BIND's K*.private\n"
          "       holdfast dns key list ZONE\n"
          "         the keys, and what comes next\n"
          "       holdfast dns key roll ZONE --role ksk|zsk|csk [--ds-seen] [--force]\n"
          "         the next step of one key taking the place of another, the first one when none is under way\n"
          "       holdfast dns key retire ZONE --tag TAG [--force]\n"
          "         takes a key out of use, and away once nobody needs it\n"
          "       holdfast dns key algorithm ZONE --algorithm ecdsap256sha256|ed25519 [--ds-seen] [--force]\n"
          "         the next step of one algorithm taking the place of another, without an unsigned minute\n"
          "       holdfast dns key ds ZONE\n"
          "         the DS records that belong into the zone above\n"
          "       holdfast dns key parent ZONE\n"
          "         the DS records that stand there, and whose they are\n"
          "\n"
          "--resolver ADDRESS[:PORT]: who is asked for the DS in the zone above; else those of /etc/resolv.conf.\n"
          "--ds-seen: the DS there are as the step needs them; your word where no resolver answers.\n"
          "--force: wait neither until caches have forgotten nor for the zone above; resolvers may fail.\n"
          "--config FILE: else $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml. The keys are in dnssec.keys of the\n"
          "zone. Servers read them on SIGHUP; copy the directory to all of them first.\n"
          "Exit status: 0 done, 1 failed, 2 wrong usage, 3 refused: too early or not safe, 5 no resolver answers,\n"
          "8 invalid configuration, 10 parent: the zone above has not what it should.\n",
          stream);
}

static bool cli_dns_key_flag(const char *word, struct cli_dns_key_call_arguments *arguments)
{
    bool *flag = strcmp(word, "--split") == 0     ? &arguments->split
                 : strcmp(word, "--ds-seen") == 0 ? &arguments->ds_seen
                 : strcmp(word, "--force") == 0   ? &arguments->force
                                                  : NULL;
    if (flag != NULL) {
        *flag = true;
    }
    return flag != NULL;
}

static bool cli_dns_key_parse(int argc, char **argv, struct cli_dns_key_call_arguments *arguments)
{
    arguments->verb = argc > 1 ? argv[1] : "";
    for (int i = 2; i < argc; i++) {
        const char **value = strcmp(argv[i], "--config") == 0      ? &arguments->config
                             : strcmp(argv[i], "--algorithm") == 0 ? &arguments->algorithm
                             : strcmp(argv[i], "--role") == 0      ? &arguments->role
                             : strcmp(argv[i], "--file") == 0      ? &arguments->file
                             : strcmp(argv[i], "--tag") == 0       ? &arguments->tag
                             : strcmp(argv[i], "--resolver") == 0  ? &arguments->resolver
                                                                   : NULL;
        if (value != NULL && i + 1 < argc) {
            *value = argv[++i];
        } else if (value == NULL && argv[i][0] != '-' && arguments->zone == NULL) {
            arguments->zone = argv[i];
        } else if (value != NULL || !cli_dns_key_flag(argv[i], arguments)) {
            return false;
        }
    }
    return arguments->zone != NULL;
}

int cli_dns_key(int argc, char **argv)
{
    static const struct {
        const char *name;
        int (*run)(struct cli_dns_key_call *key);
    } rows[] = {{"generate", cli_dns_key_make_generate},
                {"import", cli_dns_key_make_import},
                {"list", cli_dns_key_show_list},
                {"roll", cli_dns_key_roll_step},
                {"retire", cli_dns_key_roll_retire},
                {"algorithm", cli_dns_key_algorithm},
                {"ds", cli_dns_key_show_ds},
                {"parent", cli_dns_key_parent}};
    struct cli_dns_key_call_arguments arguments = {0};
    struct cli_dns_key_call key = {.arguments = &arguments};
    struct config *config = NULL;
    int (*run)(struct cli_dns_key_call *) = NULL;
    if (cli_option_asks_help(argc, argv)) {
        cli_dns_key_usage(stdout);
        return VERB_OK;
    }
    const bool parsed = cli_dns_key_parse(argc, argv, &arguments);
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++) {
        run = strcmp(arguments.verb, rows[i].name) == 0 ? rows[i].run : run;
    }
    if (!parsed || run == NULL) {
        cli_dns_key_usage(stderr);
        return VERB_USAGE;
    }
    int result = cli_load(arguments.config, &config);
    if (result != VERB_OK) {
        return result;
    }
    result = cli_dns_key_call_find(config, &key);
    result = result == VERB_OK ? run(&key) : result;
    config_free(config);
    return result;
}
