/* SPDX-License-Identifier: Apache-2.0
 * holdfast simulate: how often this configuration would fail over, and for how long clients would wait. */
#include "bin/cli_simulate.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <argp.h>

#include "base/buf.h"
#include "bin/cli_load.h"
#include "bin/verb.h"
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
};

static const struct argp_option cli_simulate_options[] = {
    {"config", 'c', "FILE", 0, "the configuration; default $HOLDFAST_CONFIG or /etc/holdfast/holdfast.yaml", 0},
    {"seeds", 'n', "N", 0, "so many incidents; default 500", 0},
    {"years", 'y', "Y", 0, "as many incidents as so many years bring", 0},
    {"seed", 's', "S", 0, "one incident, told from its beginning to its end", 0},
    {NULL, 0, NULL, 0, NULL, 0},
};

static error_t cli_simulate_option(int key, char *argument, struct argp_state *state)
{
    struct cli_simulate *simulate = state->input;
    char *end = NULL;
    const uint64_t number = argument != NULL && key != 'c' ? strtoull(argument, &end, 10) : 0;
    if (end != NULL && (*end != '\0' || end == argument || argument[0] == '-' || number > CLI_SIMULATE_MOST)) {
        argp_error(state, "'%s' is not a number up to %d", argument, CLI_SIMULATE_MOST);
        return EINVAL;
    }
    switch (key) {
    case 'c':
        simulate->config = argument;
        return 0;
    case 'n':
        simulate->seeds = number;
        return 0;
    case 'y':
        simulate->years = number;
        return 0;
    case 's':
        simulate->seed = number;
        simulate->one = true;
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

/* Hundredths, without floating point: events of `seeds` incidents, when a year brings `per_year` / 1000 of them. */
static void cli_simulate_yearly(const char *what, uint64_t events, uint64_t seeds, uint32_t per_year)
{
    const uint64_t hundredths = events * per_year / (CLI_SIMULATE_THOUSAND / 100) / seeds;
    printf("  %-42s %llu.%02llu a year\n", what, (unsigned long long)(hundredths / 100),
           (unsigned long long)(hundredths % 100));
}

static int cli_simulate_many(const struct model *model, uint64_t seeds)
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
            printf("incident %llu: %s\n", (unsigned long long)seed, result.violation);
        }
    }
    printf("%llu incidents, as %llu.%llu years of this configuration bring (%u a year)\n\n", (unsigned long long)seeds,
           (unsigned long long)(seeds * CLI_SIMULATE_THOUSAND / per_year),
           (unsigned long long)(seeds * CLI_SIMULATE_THOUSAND * 10 / per_year % 10),
           (per_year + CLI_SIMULATE_THOUSAND / 2) / CLI_SIMULATE_THOUSAND);
    cli_simulate_yearly("automatic failovers", report->automatic, seeds, per_year);
    cli_simulate_yearly("of these false (the source really served)", report->false_failovers, seeds, per_year);
    cli_simulate_yearly("runs that needed a person's rescue", report->helped, seeds, per_year);
    printf("\n");
    sim_report_print(report, stdout);
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
    return cli_simulate_many(&model, simulate.seeds > 0 ? simulate.seeds : CLI_SIMULATE_SEEDS);
}
