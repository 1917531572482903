/* SPDX-License-Identifier: Apache-2.0
 * holdfast config: what is wrong with the configuration, what holds, and what may be written. */
#include "bin/cli_config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "bin/cli_client.h"
#include "bin/cli_config_check.h"
#include "bin/cli_load.h"
#include "bin/cli_option.h"
#include "bin/cli_view.h"
#include "bin/verb.h"
#include "edge/config_file.h"
#include "wire/config_json.h"
#include "wire/config_manual.h"
#include "wire/config_show.h"

static void cli_config_usage(FILE *stream)
{
    fputs("usage: holdfast config check [FILE]     tell what is wrong with it, and with its zone files\n"
          "                                        -o json (or yaml): for programs, on standard output\n"
          "       holdfast config show [FILE]      print what holds, defaults included, as YAML\n"
          "       holdfast config apply [OPTION]   the controller re-reads its own file; --help tells more\n"
          "       holdfast config schema           print the JSON Schema\n"
          "       holdfast config manual           print the manual page holdfast.yaml(5), for scdoc\n"
          "\n"
          "FILE is $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml when not given.\n"
          "Exit status: 0 good, 2 wrong usage, 8 invalid configuration.\n",
          stream);
}

static int cli_config_print(void (*print)(struct buf *), size_t capacity)
{
    uint8_t *memory = malloc(capacity);
    if (memory == NULL) {
        fputs("holdfast config: out of memory\n", stderr);
        return VERB_FAILED;
    }
    struct buf text;
    buf_init(&text, memory, capacity);
    print(&text);
    const bool bad = text.overflow || fwrite(text.data, 1, text.size, stdout) != text.size || fflush(stdout) != 0;
    free(memory);
    return bad ? VERB_FAILED : VERB_OK;
}

static int cli_config_show(const char *path)
{
    struct config *config = NULL;
    const int loaded = cli_load(path, &config);
    if (loaded != VERB_OK) {
        return loaded;
    }
    uint8_t *memory = malloc(CONFIG_SHOW_BYTES);
    if (memory == NULL) {
        fputs("holdfast config: out of memory\n", stderr);
        config_free(config);
        return VERB_FAILED;
    }
    struct buf text;
    buf_init(&text, memory, CONFIG_SHOW_BYTES);
    config_show(config, &text);
    const bool bad = text.overflow || fwrite(text.data, 1, text.size, stdout) != text.size || fflush(stdout) != 0;
    free(memory);
    config_free(config);
    return bad ? VERB_FAILED : VERB_OK;
}

/* The file is read where the controller runs. A wrong one changes nothing there. */
static int cli_config_apply(int argc, char **argv)
{
    static const struct cli_option_verb verb = {
        .name = "config apply",
        .usage = "[OPTION...]",
        .about = "The controller re-reads its configuration file. When the file is wrong, or a run is in progress,\n"
                 "nothing changes and the answer says why.",
        .example = "holdfast config check && holdfast config apply"};
    struct cli_option option;
    struct cli_client *client = NULL;
    json_t *body = NULL;
    json_t *answer = NULL;
    int code = cli_option_parse(argc, argv, &verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    code = cli_client_open(&option, true, &client);
    if (code == VERB_OK) {
        body = json_object();
        code = cli_client_post(client, "/v1/config/apply", body, &answer);
        if (code != VERB_OK) {
            (void)cli_client_complain(client, code);
            code = code == VERB_USAGE ? VERB_CONFIG : code;
        } else if (option.format >= CLI_OPTION_JSON) {
            code = cli_view_data(&option, answer);
        } else {
            printf("%s\n", cli_text_member(answer, "text"));
        }
    }
    json_decref(body);
    json_decref(answer);
    cli_client_close(client);
    return code;
}

int cli_config(int argc, char **argv)
{
    const char *what = argc >= 2 ? argv[1] : "";
    if (strcmp(what, "apply") == 0) {
        return cli_config_apply(argc - 1, argv + 1);
    }
    if (cli_option_asks_help(argc, argv) || strcmp(what, "help") == 0) {
        cli_config_usage(stdout);
        return VERB_OK;
    }
    if (strcmp(what, "check") == 0) {
        const int code = cli_config_check(argc - 1, argv + 1);
        if (code == VERB_USAGE) {
            cli_config_usage(stderr);
        }
        return code;
    }
    if (strcmp(what, "show") == 0 && argc <= 3 && (argc == 2 || argv[2][0] != '-')) {
        return cli_config_show(argc == 3 ? argv[2] : config_file_default());
    }
    if (strcmp(what, "schema") == 0 && argc == 2) {
        return cli_config_print(config_json, CONFIG_JSON_BYTES);
    }
    if (strcmp(what, "manual") == 0 && argc == 2) {
        return cli_config_print(config_manual, CONFIG_MANUAL_BYTES);
    }
    cli_config_usage(stderr);
    return VERB_USAGE;
}
