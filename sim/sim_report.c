/* SPDX-License-Identifier: Apache-2.0
 * The sum of many seeds. */
#include "sim/sim_report.h"

#include <stdlib.h>

#include "core/run.h"

void sim_report_add(struct sim_report *report, const struct sim_result *result)
{
    report->seeds++;
    report->violations += result->violated;
    report->converged += result->converged;
    for (int state = 0; state <= DURABLE_RUN_FAILED; state++) {
        report->runs[state] += result->runs[state];
    }
    report->automatic += result->automatic;
    report->false_failovers += result->false_failovers;
    report->helped += result->helped;
    report->commits += result->commits;
    report->lost += result->lost_commits;
    report->steps += result->steps;
    report->virtual_us += result->virtual_us;
    report->converge_us = result->converge_us > report->converge_us ? result->converge_us : report->converge_us;
    for (uint32_t i = 0; i < result->outages_count && report->samples_count < SIM_REPORT_SAMPLES; i++) {
        report->samples_us[report->samples_count++] = result->outages_us[i];
    }
}

static int sim_report_order(const void *a, const void *b)
{
    const int64_t x = *(const int64_t *)a;
    const int64_t y = *(const int64_t *)b;
    return (x > y) - (x < y);
}

int64_t sim_report_percentile_us(struct sim_report *report, uint32_t percent)
{
    if (report->samples_count == 0) {
        return 0;
    }
    qsort(report->samples_us, report->samples_count, sizeof report->samples_us[0], sim_report_order);
    return report->samples_us[(uint64_t)(report->samples_count - 1) * percent / 100];
}

static void sim_report_histogram(const struct sim_report *report, FILE *stream)
{
    static const int64_t edges_ms[SIM_REPORT_BINS] = {1000,  2000,  3000,  5000,  7000,   10000,
                                                      15000, 20000, 30000, 60000, 120000, INT64_MAX};
    uint32_t bins[SIM_REPORT_BINS] = {0};
    uint32_t most = 1;
    for (uint32_t i = 0; i < report->samples_count; i++) {
        uint32_t bin = 0;
        while (report->samples_us[i] / 1000 > edges_ms[bin]) {
            bin++;
        }
        bins[bin]++;
        most = bins[bin] > most ? bins[bin] : most;
    }
    for (uint32_t bin = 0; bin < SIM_REPORT_BINS; bin++) {
        if (bin + 1 < SIM_REPORT_BINS) {
            fprintf(stream, "  <= %3lld s %7u ", (long long)(edges_ms[bin] / 1000), bins[bin]);
        } else {
            fprintf(stream, "  longer   %7u ", bins[bin]);
        }
        for (uint32_t i = 0; i < (uint64_t)bins[bin] * 50 / most; i++) {
            fputc('#', stream);
        }
        fputc('\n', stream);
    }
}

void sim_report_print(struct sim_report *report, FILE *stream)
{
    fprintf(stream, "seeds %llu, violations %llu, converged %llu (longest %lld s), %lld h of virtual time\n",
            (unsigned long long)report->seeds, (unsigned long long)report->violations,
            (unsigned long long)report->converged, (long long)(report->converge_us / 1000000),
            (long long)(report->virtual_us / 3600000000));
    fprintf(stream, "runs:");
    for (int state = DURABLE_RUN_SUCCEEDED; state <= DURABLE_RUN_FAILED; state++) {
        fprintf(stream, " %s %llu", run_state_name((enum durable_run_state)state),
                (unsigned long long)report->runs[state]);
    }
    fprintf(stream, "\nautomatic failovers %llu, false %llu; rescued by a person after healing %llu\n",
            (unsigned long long)report->automatic, (unsigned long long)report->false_failovers,
            (unsigned long long)report->helped);
    fprintf(stream, "commits acknowledged %llu; left behind, accepted or of tier 2: %llu\n",
            (unsigned long long)report->commits, (unsigned long long)report->lost);
    fprintf(stream,
            "clients without acknowledgement over an automatic failover: p50 %lld ms, p95 %lld ms, max %lld ms\n",
            (long long)(sim_report_percentile_us(report, 50) / 1000),
            (long long)(sim_report_percentile_us(report, 95) / 1000),
            (long long)(sim_report_percentile_us(report, 100) / 1000));
    sim_report_histogram(report, stream);
}
