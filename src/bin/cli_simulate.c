/* SPDX-License-Identifier: Apache-2.0
 * holdfast simulate: how often this configuration would fail over, and for how long clients would wait. */
#include "bin/cli_simulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <argp.h>
#include <jansson.h>

#include "base/buf.h"
#include "bin/cli_load.h"
#include "bin/verb.h"
#include "core/run.h"
#include "edge/config_file.h"
#include "edge/config_model.h"
#include "sim/sim.h"
#include "sim/sim_report.h"

enum {
    CLI_SIMULATE_SEEDS = 500,
    CLI_SIMULATE_MOST = 1000000,
    CLI_SIMULATE_THOUSAND = 1000,
};

struct cli_simulate {
    const char *config;
    uint64_t seeds;
    uint64_t seed;
    uint64_t years;
    bool one;
    bool json;
};

static const struct argp_option cli_simulate_options[] = {
    {"config", 'c', "FILE", 0, "the configuration; default $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml", 0},
    {"seeds", 'n', "N", 0, "so many incidents; default 500", 0},
    {"years", 'y', "Y", 0, "as many incidents as so many years bring", 0},
    {"seed", 's', "S", 0, "one incident, told from its beginning to its end", 0},
    {"output", 'o', "FORMAT", 0, "text (default) or json; not of one incident", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

/* Ends the program when it is none. */
static uint64_t cli_simulate_number(const char *argument, struct argp_state *state)
{
    char *end = NULL;
    const uint64_t number = strtoull(argument, &end, 10);
    if (argument[0] < '0' || argument[0] > '9' || *end != '\0' || number < 1 || number > CLI_SIMULATE_MOST) {
        argp_error(state, "'%s' is not a number from 1 to %d", argument, CLI_SIMULATE_MOST);
    }
    return number;
}

static error_t cli_simulate_option(int key, char *argument, struct argp_state *state)
{
    struct cli_simulate *simulate = state->input;
    switch (key) {
    case 'c':
        simulate->config = argument;
        return 0;
    case 'n':
        simulate->seeds = cli_simulate_number(argument, state);
        return 0;
    case 'y':
        simulate->years = cli_simulate_number(argument, state);
        return 0;
    case 's':
        simulate->seed = cli_simulate_number(argument, state);
        simulate->one = true;
        return 0;
    case 'o':
        simulate->json = strcmp(argument, "json") == 0;
        if (!simulate->json && strcmp(argument, "text") != 0) {
            argp_error(state, "--output is text or json, not '%s'", argument);
        }
        return 0;
    default:
        return ARGP_ERR_UNKNOWN;
    }
}

static int cli_simulate_load(const char *path, struct model *ret_model)
{
    struct config *config = NULL;
    const int loaded = cli_load(path, &config);
    if (loaded != VERB_OK) {
        return loaded;
    }
    config_model(config, ret_model);
    config_free(config);
    const char *problem = sim_problem(ret_model);
    if (problem != NULL) {
        fprintf(stderr, "holdfast simulate: %s: %s\n", path, problem);
        return VERB_CONFIG;
    }
    return VERB_OK;
}

static void cli_simulate_line(void *context, const char *line)
{
    (void)context;
    puts(line);
}

static int cli_simulate_one(const struct model *model, uint64_t seed)
{
    struct sim_result result;
    const struct sim_options options = {
        .seed = seed, .model = model, .realistic = true, .say = cli_simulate_line, .brief = false};
    sim_run(&options, &result);
    printf("incident %llu: %s\n", (unsigned long long)seed, result.violated ? result.violation : "no promise broken");
    return result.violated ? VERB_FAILED : VERB_OK;
}

/* The same for programs. */
static void cli_simulate_json(struct sim_report *report, uint32_t per_year)
{
    const double thousand = CLI_SIMULATE_THOUSAND;
    const double years = (double)report->seeds * thousand / per_year;
    json_t *runs = json_object();
    for (int state = DURABLE_RUN_SUCCEEDED; state <= DURABLE_RUN_FAILED; state++) {
        json_object_set_new(runs, run_state_name((enum durable_run_state)state),
                            json_integer((json_int_t)report->runs[state]));
    }
    json_t *silence = json_pack("{s:I,s:I,s:I}", "p50", (json_int_t)(sim_report_percentile_us(report, 50) / 1000),
                                "p95", (json_int_t)(sim_report_percentile_us(report, 95) / 1000), "max",
                                (json_int_t)(sim_report_percentile_us(report, 100) / 1000));
    json_t *json = json_pack("{s:I,s:f,s:f,s:f,s:f,s:f,s:I,s:I,s:I,s:I,s:o,s:o}", "incidents",
                             (json_int_t)report->seeds, "incidents_per_year", per_year / thousand, "years", years,
                             "automatic_failovers_per_year", (double)report->automatic / years,
                             "false_failovers_per_year", (double)report->false_failovers / years, "rescues_per_year",
                             (double)report->helped / years, "violations", (json_int_t)report->violations, "converged",
                             (json_int_t)report->converged, "commits", (json_int_t)report->commits,
                             "commits_left_behind", (json_int_t)report->lost, "runs", runs, "silence_ms", silence);
    json_dumpf(json, stdout, JSON_INDENT(2) | JSON_REAL_PRECISION(6));
    putchar('\n');
    json_decref(json);
}

/* Hundredths, without floating point: events of `seeds` incidents, when a year brings `per_year` / 1000 of them. */
static void cli_simulate_yearly(const char *what, uint64_t events, uint64_t seeds, uint32_t per_year)
{
    const uint64_t hundredths = events * per_year / (CLI_SIMULATE_THOUSAND / 100) / seeds;
    printf("  %-42s %llu.%02llu a year\n", what, (unsigned long long)(hundredths / 100),
           (unsigned long long)(hundredths % 100));
}

static void cli_simulate_print(struct sim_report *report, uint32_t per_year)
{
    const uint64_t seeds = report->seeds;
    printf("%llu incidents, as %llu.%llu years of this configuration bring (%u a year)\n\n", (unsigned long long)seeds,
           (unsigned long long)(seeds * CLI_SIMULATE_THOUSAND / per_year),
           (unsigned long long)(seeds * CLI_SIMULATE_THOUSAND * 10 / per_year % 10),
           (per_year + CLI_SIMULATE_THOUSAND / 2) / CLI_SIMULATE_THOUSAND);
    cli_simulate_yearly("automatic failovers", report->automatic, seeds, per_year);
    cli_simulate_yearly("of these false (the source really served)", report->false_failovers, seeds, per_year);
    cli_simulate_yearly("runs that needed a person's rescue", report->helped, seeds, per_year);
    printf("\n");
    sim_report_print(report, stdout);
}

static int cli_simulate_many(const struct model *model, uint64_t seeds, bool json)
{
    struct sim_report *report = calloc(1, sizeof *report);
    if (report == NULL) {
        return VERB_FAILED;
    }
    const uint32_t per_year = sim_incidents(model);
    for (uint64_t seed = 1; seed <= seeds; seed++) {
        struct sim_result result;
        const struct sim_options options = {.seed = seed, .model = model, .realistic = true};
        sim_run(&options, &result);
        sim_report_add(report, &result);
        if (result.violated) {
            fprintf(json ? stderr : stdout, "incident %llu: %s\n", (unsigned long long)seed, result.violation);
        }
    }
    if (json) {
        cli_simulate_json(report, per_year);
    } else {
        cli_simulate_print(report, per_year);
    }
    const int status = report->violations > 0 ? VERB_FAILED : VERB_OK;
    free(report);
    return status;
}

int cli_simulate(int argc, char **argv)
{
    static const struct argp argp = {
        cli_simulate_options,
        cli_simulate_option,
        NULL,
        "Simulates incidents of ordinary years on the regions, sites, databases and checks of a configuration, by the "
        "same code that the daemon runs: failovers and false failovers a year, and how long clients wait."
        "\vDelays, rates of faults and times of promotion are assumptions (sim/sim_swarm.c), not measurements of your "
        "machines. Exit status: 0 no promise broken, 1 one was, 2 wrong usage, 8 invalid configuration.",
        NULL,
        NULL,
        NULL};
    static struct model model;
    struct cli_simulate simulate = {.config = config_file_default()};
    argp_err_exit_status = VERB_USAGE;
    char name[] = "holdfast simulate";
    argv[0] = name;
    if (argp_parse(&argp, argc, argv, 0, NULL, &simulate) != 0) { /* NOLINT(concurrency-mt-unsafe): one thread */
        return VERB_USAGE;
    }
    const int status = cli_simulate_load(simulate.config, &model);
    if (status != VERB_OK) {
        return status;
    }
    if (simulate.one) {
        return cli_simulate_one(&model, simulate.seed);
    }
    if (simulate.years > 0) {
        simulate.seeds = simulate.years * sim_incidents(&model) / CLI_SIMULATE_THOUSAND;
    }
    return cli_simulate_many(&model, simulate.seeds > 0 ? simulate.seeds : CLI_SIMULATE_SEEDS, simulate.json);
}
