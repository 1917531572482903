/* SPDX-License-Identifier: Apache-2.0
 * holdfast-sim: many seeds and a summary, or one seed and its story. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "sim/sim.h"
#include "sim/sim_report.h"

static void sim_main_line(void *context, const char *line)
{
    (void)context;
    puts(line);
}

static int sim_main_one(struct sim_options *options)
{
    struct sim_result result;
    options->say = sim_main_line;
    sim_run(options, &result);
    printf("seed %llu: %s%s after %lld s of virtual time\n", (unsigned long long)options->seed,
           result.violated ? "VIOLATION: " : "no violation, converged", result.violated ? result.violation : "",
           (long long)(result.virtual_us / 1000000));
    return result.violated ? 1 : 0;
}

static int sim_main_many(struct sim_options *options, uint64_t first, uint64_t count)
{
    static struct sim_report report;
    struct timespec began;
    struct timespec ended;
    clock_gettime(CLOCK_MONOTONIC, &began);
    for (uint64_t seed = first; seed < first + count; seed++) {
        struct sim_result result;
        options->seed = seed;
        sim_run(options, &result);
        sim_report_add(&report, &result);
        if (result.violated) {
            printf("seed %llu: %s\n", (unsigned long long)seed, result.violation);
            fflush(stdout);
        }
    }
    clock_gettime(CLOCK_MONOTONIC, &ended);
    sim_report_print(&report, stdout);
    const double took = (double)(ended.tv_sec - began.tv_sec) + (double)(ended.tv_nsec - began.tv_nsec) / 1e9;
    fprintf(stderr, "%.1f seeds/s, %.2f us per engine step\n", (double)count / took,
            took * 1e6 / (double)(report.steps > 0 ? report.steps : 1));
    return report.violations > 0 ? 1 : 0;
}

static int sim_main_usage(void)
{
    fprintf(stderr, "usage: holdfast-sim --seed S | --seeds N [--first S] [--sabotage NAME]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct sim_options options = {0};
    uint64_t seeds = 0;
    uint64_t first = 1;
    for (int i = 1; i + 1 < argc; i += 2) {
        char *end = NULL;
        const uint64_t number = strtoull(argv[i + 1], &end, 10);
        const bool whole = *end == 0 && end != argv[i + 1];
        if (strcmp(argv[i], "--seed") == 0 && whole) {
            options.seed = number;
        } else if (strcmp(argv[i], "--seeds") == 0 && whole) {
            seeds = number;
        } else if (strcmp(argv[i], "--first") == 0 && whole) {
            first = number;
        } else if (strcmp(argv[i], "--sabotage") == 0) {
            while (options.sabotage < SIM_SABOTAGE_COUNT &&
                   strcmp(argv[i + 1], sim_sabotage_name(options.sabotage)) != 0) {
                options.sabotage++;
            }
            if (options.sabotage == SIM_SABOTAGE_COUNT) {
                return sim_main_usage();
            }
        } else {
            return sim_main_usage();
        }
    }
    if (argc < 3 || argc % 2 == 0) {
        return sim_main_usage();
    }
    return seeds > 0 ? sim_main_many(&options, first, seeds) : sim_main_one(&options);
}
