/* SPDX-License-Identifier: Apache-2.0
 * The sum of many seeds: runs by outcome, the budget of outages as a histogram, false failovers, violations. */
#pragma once

#include <stdio.h>

#include "sim/sim.h"

enum { SIM_REPORT_BINS = 12, SIM_REPORT_SAMPLES = 1 << 16 };

struct sim_report {
    uint64_t seeds;
    uint64_t violations;
    uint64_t converged;
    uint64_t runs[DURABLE_RUN_FAILED + 1];
    uint64_t automatic;
    uint64_t false_failovers;
    uint64_t helped;
    uint64_t commits;
    uint64_t lost;
    uint64_t steps;
    int64_t virtual_us;
    int64_t converge_us; /* the longest */
    uint32_t samples_count;
    int64_t samples_us[SIM_REPORT_SAMPLES];
};

void sim_report_add(struct sim_report *report, const struct sim_result *result);

/* Outage below which this share (percent) of the automatic failovers stayed; 0 without any. */
int64_t sim_report_percentile_us(struct sim_report *report, uint32_t percent);

void sim_report_print(struct sim_report *report, FILE *stream);
