/* SPDX-License-Identifier: Apache-2.0
 * Checking a configuration. */
#include "bin/cli_config_check.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bin/cli_load.h"
#include "bin/cli_view.h"
#include "bin/cli_zone.h"
#include "bin/verb.h"
#include "edge/config_file.h"
#include "edge/config_model.h"
#include "wire/config_build.h"

enum { CLI_CONFIG_CHECK_HASH = 17 };

/* What is told of a check, collected. */
struct cli_config_check {
    const char *path;
    json_t *problems;
    uint32_t errors;
    uint32_t warnings;
    char hash[CLI_CONFIG_CHECK_HASH]; /* empty: there is no valid configuration */
};

/* ---- for people ---- */

static void cli_config_check_summary(const char *path, const struct config *config)
{
    const uint32_t counts[] = {config->regions_count, config->sites_count, config->databases_count,
                               config->checks_count};
    static const char *const one[] = {"region", "site", "database", "check"};
    printf("%s: good:", path);
    for (uint32_t i = 0; i < 4; i++) {
        printf("%s %u %s%s", i == 0 ? "" : ",", counts[i], one[i], counts[i] == 1 ? "" : "s");
    }
    printf(" (hash %016" PRIx64 ")\n", config_model_hash(config));
}

static int cli_config_check_text(const char *path)
{
    char problem[DNS_ZONE_PROBLEM] = "";
    struct config *config = NULL;
    int code = cli_load(path, &config);
    if (code == VERB_OK) {
        code = cli_zone_check(config, problem);
        if (problem[0] != 0) {
            fprintf(stderr, "%s: %s\n", code == VERB_OK ? "warning" : "error", problem);
        }
        if (code == VERB_OK) {
            cli_config_check_summary(path, config);
        }
    }
    config_free(config);
    return code;
}

/* ---- for programs ---- */

/* JSON is UTF-8; a path, or a message that quotes bytes of a file or was cut, need not be. */
static json_t *cli_config_check_string(const char *text)
{
    json_t *string = json_string(text);
    char *copy = string == NULL ? strdup(text) : NULL;
    for (char *c = copy; c != NULL && *c != 0; c++) {
        *c = (char)((unsigned char)*c < 0x80 ? *c : '?');
    }
    if (copy != NULL) {
        string = json_string(copy);
    }
    free(copy);
    return string;
}

/* Line 0: it is about no place. `file` NULL: the message names it where there is one. */
static void cli_config_check_add(struct cli_config_check *check, const char *file, const struct config_problem *problem)
{
    json_t *line = problem->line > 0 ? json_integer(problem->line) : json_null();
    json_t *column = problem->line > 0 ? json_integer(problem->column) : json_null();
    json_array_append_new(check->problems,
                          json_pack("{s:o,s:o,s:o,s:s,s:o}", "file",
                                    file != NULL ? cli_config_check_string(file) : json_null(), "line", line, "column",
                                    column, "severity", problem->warning ? "warning" : "error", "message",
                                    cli_config_check_string(problem->text)));
}

static void cli_config_check_zones(struct cli_config_check *check, const struct config *config)
{
    char text[DNS_ZONE_PROBLEM];
    const bool good = cli_zone_check(config, text) == VERB_OK;
    if (text[0] != 0) {
        const struct config_problem problem = {.warning = good, .text = text};
        cli_config_check_add(check, NULL, &problem);
    }
    check->warnings += good && text[0] != 0 ? 1 : 0;
    check->errors += good ? 0 : 1;
}

/* The text is read, the file was. */
static void cli_config_check_build(struct cli_config_check *check, struct config_problems *problems)
{
    struct config *config = NULL;
    const enum err err = config_build(problems, &config);
    config_problem_sort(problems);
    for (uint32_t i = 0; i < problems->count; i++) {
        cli_config_check_add(check, check->path, &problems->items[i]);
    }
    check->errors = problems->errors;
    check->warnings = problems->warnings;
    if (err == ERR_OK) {
        cli_config_check_zones(check, config);
    } else if (problems->errors == 0) { /* no memory */
        const struct config_problem problem = {.text = err_text(err)};
        cli_config_check_add(check, check->path, &problem);
        check->errors++;
    }
    if (check->errors == 0) {
        snprintf(check->hash, sizeof check->hash, "%016" PRIx64, config_model_hash(config));
    }
}

static void cli_config_check_file(struct cli_config_check *check)
{
    static struct config_problems problems;
    struct arena arena;
    uint8_t *text = NULL;
    size_t size = 0;
    const enum err err = config_file_text(check->path, &text, &size);
    if (err != ERR_OK) {
        char message[256];
        snprintf(message, sizeof message, "%s; " CONFIG_FILE_EXPECTED, err_text(err));
        const struct config_problem problem = {.text = message};
        cli_config_check_add(check, check->path, &problem);
        check->errors = 1;
        return;
    }
    arena_init(&arena, CONFIG_BUILD_BYTES);
    config_problem_init(&problems, &arena, span_of(text, size));
    cli_config_check_build(check, &problems);
    arena_fini(&arena);
    free(text);
}

static int cli_config_check_data(const char *path, const struct cli_option *option)
{
    struct cli_config_check check = {.path = path, .problems = json_array()};
    cli_config_check_file(&check);
    const bool valid = check.errors == 0;
    json_t *json = json_pack("{s:o,s:b,s:s?,s:I,s:I,s:o}", "file", cli_config_check_string(path), "valid", valid,
                             "hash", valid ? check.hash : NULL, "errors", (json_int_t)check.errors, "warnings",
                             (json_int_t)check.warnings, "problems", check.problems);
    const int code = json != NULL ? cli_view_data(option, json) : VERB_FAILED;
    json_decref(json);
    return code == VERB_OK && !valid ? VERB_CONFIG : code;
}

int cli_config_check(int argc, char **argv)
{
    struct cli_option option = {.format = CLI_OPTION_TABLE};
    const char *path = NULL;
    bool good = true;
    for (int i = 1; i < argc && good; i++) {
        if (!cli_option_output(argc, argv, &i, &option.format, &good)) {
            good = path == NULL && argv[i][0] != '-';
            path = argv[i];
        }
    }
    path = path != NULL ? path : config_file_default();
    return !good                              ? VERB_USAGE
           : option.format >= CLI_OPTION_JSON ? cli_config_check_data(path, &option)
                                              : cli_config_check_text(path);
}
