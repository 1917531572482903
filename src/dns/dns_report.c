/* SPDX-License-Identifier: Apache-2.0
 * Reports. */
#include "dns/dns_report.h"

#include <arpa/inet.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/cursor.h"
#include "edge/clock.h"

enum { DNS_REPORT_ROWS = DNS_FIGURES_WORKERS * DNS_SKETCH_ROWS };

const char *dns_report_region(const struct dns_figures_file *file, uint32_t column)
{
    return column < file->regions_count ? file->regions[column] : "none";
}

static uint64_t dns_report_queries(const struct dns_figures *sum)
{
    return sum->counters.udp_queries + sum->counters.tcp_queries;
}

/* ---- for people ---- */

uint64_t dns_report_quantile_us(const struct dns_figures *sum, uint64_t all, uint64_t per_mille)
{
    uint64_t seen = 0;
    for (uint32_t i = 0; i < DNS_FIGURES_TOOK; i++) {
        seen += sum->took[i];
        if (seen * 1000 >= all * per_mille) {
            return 1ULL << i;
        }
    }
    return 1ULL << DNS_FIGURES_TOOK;
}

static void dns_report_took(const struct dns_figures *sum, struct buf *buf)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < DNS_FIGURES_TOOK; i++) {
        all += sum->took[i];
    }
    if (all > 0) {
        buf_printf(buf,
                   "took            p50 < %" PRIu64 " us, p99 < %" PRIu64 " us, p99.9 < %" PRIu64 " us, mean %.1f us\n",
                   dns_report_quantile_us(sum, all, 500), dns_report_quantile_us(sum, all, 990),
                   dns_report_quantile_us(sum, all, 999), (double)sum->took_ns / (double)all / 1000);
    }
}

static void dns_report_names(const struct dns_figures_file *file, const struct dns_figures *sum, struct buf *buf)
{
    for (uint32_t i = 0; i < file->zones_count; i++) {
        buf_printf(buf, "zone            %-40.255s %" PRIu64 "\n", file->zones[i], sum->zones[i]);
    }
    for (uint32_t i = 0; i < file->names_count; i++) {
        buf_printf(buf, "name            %-40.255s", file->names[i]);
        for (uint32_t column = 0; column < DNS_FIGURES_COLUMNS; column++) {
            if (column < file->regions_count || sum->names[i][column] > 0) {
                buf_printf(buf, " %.31s %" PRIu64, dns_report_region(file, column), sum->names[i][column]);
            }
        }
        buf_text(buf, "\n");
    }
}

void dns_report_stats(const struct dns_figures_file *file, struct buf *buf)
{
    struct dns_figures *sum = calloc(1, sizeof *sum);
    if (sum == NULL) {
        buf_text(buf, "out of memory\n");
        return;
    }
    dns_figures_sum(file, sum);
    const int64_t up_s = (clock_wall().us - file->started_wall_us) / 1000000;
    const uint64_t queries = dns_report_queries(sum);
    buf_printf(buf, "server          process %d, %u workers, up %" PRId64 " s\n", file->pid, file->workers, up_s);
    buf_printf(buf, "queries         %" PRIu64 ", %.1f a second on average\n", queries,
               up_s > 0 ? (double)queries / (double)up_s : 0);
    dns_report_took(sum, buf);
    dns_report_names(file, sum, buf);
    buf_text(buf, "types          ");
    for (uint32_t i = 0; i < DNS_FIGURES_TYPES_COUNT; i++) {
        if (sum->types[i] > 0) {
            buf_printf(buf, " %s %" PRIu64, dns_figures_type_name((enum dns_figures_type)i), sum->types[i]);
        }
    }
    buf_text(buf, "\n");
#define DNS_REPORT_COUNTER(member) buf_printf(buf, "%-15s %" PRIu64 "\n", #member, sum->counters.member);
    DNS_FIGURES_COUNTERS(DNS_REPORT_COUNTER)
#undef DNS_REPORT_COUNTER
    free(sum);
}

static void dns_report_client(const struct dns_sketch_row *row, struct buf *buf)
{
    char text[INET6_ADDRSTRLEN] = "?";
    if (row->size == 17) {
        inet_ntop(row->bytes[0] == 6 ? AF_INET6 : AF_INET, row->bytes + 1, text, sizeof text);
    }
    buf_text(buf, text);
}

static void dns_report_question(const struct dns_sketch_row *row, struct buf *buf)
{
    struct cursor cursor;
    struct dns_name name;
    cursor_init(&cursor, (const char *)row->bytes, row->size);
    dns_name_read(&cursor, &name);
    if (cursor_ok(&cursor)) {
        dns_name_print(&name, buf);
    } else {
        buf_text(buf, "?");
    }
}

void dns_report_who(const struct dns_sketch_row *row, bool client, struct buf *buf)
{
    (client ? dns_report_client : dns_report_question)(row, buf);
}

struct dns_sketch_row *dns_report_rows(const struct dns_figures_file *file, bool clients, uint32_t *ret_count,
                                       uint64_t *ret_all)
{
    struct dns_sketch_row *rows = calloc(DNS_REPORT_ROWS, sizeof *rows);
    struct dns_sketch_row row;
    uint32_t count = 0;
    uint64_t all = 0;
    if (rows == NULL) {
        return NULL;
    }
    for (uint32_t i = 0; i < file->workers; i++) {
        const struct dns_figures *part = &file->parts[i];
        all += __atomic_load_n(&part->counters.udp_queries, __ATOMIC_RELAXED);
        all += __atomic_load_n(&part->counters.tcp_queries, __ATOMIC_RELAXED);
        for (uint32_t j = 0; j < DNS_SKETCH_ROWS; j++) {
            if (dns_sketch_row(clients ? &part->clients : &part->questions, j, &row)) {
                dns_sketch_merge(&row, rows, &count, DNS_REPORT_ROWS);
            }
        }
    }
    dns_sketch_sort(rows, count);
    *ret_count = count;
    *ret_all = all;
    return rows;
}

void dns_report_top(const struct dns_figures_file *file, bool clients, uint32_t most, struct buf *buf)
{
    uint32_t count = 0;
    uint64_t all = 0;
    struct dns_sketch_row *rows = dns_report_rows(file, clients, &count, &all);
    buf_printf(buf, "%12s %6s  %s\n", "queries", "share", clients ? "client" : "name");
    for (uint32_t i = 0; i < count && i < most; i++) {
        buf_printf(buf, "%12" PRIu64 " %5.1f%%  ", rows[i].count,
                   all > 0 ? 100.0 * (double)rows[i].count / (double)all : 0);
        dns_report_who(&rows[i], clients, buf);
        if (rows[i].error > 0) {
            buf_printf(buf, " (at most %" PRIu64 " too many)", rows[i].error);
        }
        buf_text(buf, "\n");
    }
    free(rows);
}

/* ---- for Prometheus ---- */

static void dns_report_head(struct buf *buf, const char *name, const char *kind, const char *help)
{
    buf_printf(buf, "# HELP %s %s\n# TYPE %s %s\n", name, help, name, kind);
}

/* A label's value: names carry backslashes and quotes of their own. */
static void dns_report_label(struct buf *buf, const char *text)
{
    for (; *text != 0; text++) {
        buf_printf(buf, *text == '\\' || *text == '"' ? "\\%c" : "%c", *text);
    }
}

static void dns_report_histogram(const struct dns_figures *sum, struct buf *buf)
{
    uint64_t seen = 0;
    dns_report_head(buf, "holdfast_dns_query_seconds", "histogram",
                    "From a query's receipt to its answer's sending, without the time in the kernel.");
    for (uint32_t i = 0; i + 1 < DNS_FIGURES_TOOK; i++) {
        seen += sum->took[i];
        buf_printf(buf, "holdfast_dns_query_seconds_bucket{le=\"%g\"} %" PRIu64 "\n", (double)(1ULL << i) / 1e6, seen);
    }
    seen += sum->took[DNS_FIGURES_TOOK - 1];
    buf_printf(buf, "holdfast_dns_query_seconds_bucket{le=\"+Inf\"} %" PRIu64 "\n", seen);
    buf_printf(buf, "holdfast_dns_query_seconds_sum %.9g\n", (double)sum->took_ns / 1e9);
    buf_printf(buf, "holdfast_dns_query_seconds_count %" PRIu64 "\n", seen);
}

static void dns_report_labelled(const struct dns_figures_file *file, const struct dns_figures *sum, struct buf *buf)
{
    dns_report_head(buf, "holdfast_dns_type_queries_total", "counter", "Queries by type.");
    for (uint32_t i = 0; i < DNS_FIGURES_TYPES_COUNT; i++) {
        buf_printf(buf, "holdfast_dns_type_queries_total{type=\"%s\"} %" PRIu64 "\n",
                   dns_figures_type_name((enum dns_figures_type)i), sum->types[i]);
    }
    dns_report_head(buf, "holdfast_dns_zone_queries_total", "counter", "Queries by zone.");
    for (uint32_t i = 0; i < file->zones_count; i++) {
        buf_text(buf, "holdfast_dns_zone_queries_total{zone=\"");
        dns_report_label(buf, file->zones[i]);
        buf_printf(buf, "\"} %" PRIu64 "\n", sum->zones[i]);
    }
    dns_report_head(buf, "holdfast_dns_name_answers_total", "counter",
                    "Answers for dynamic names by the region that they lead to.");
    for (uint32_t i = 0; i < file->names_count; i++) {
        for (uint32_t column = 0; column < DNS_FIGURES_COLUMNS; column++) {
            if (column < file->regions_count || column == DNS_FIGURES_NOWHERE) {
                buf_text(buf, "holdfast_dns_name_answers_total{name=\"");
                dns_report_label(buf, file->names[i]);
                buf_printf(buf, "\",region=\"%.31s\"} %" PRIu64 "\n", dns_report_region(file, column),
                           sum->names[i][column]);
            }
        }
    }
}

void dns_report_metrics(const struct dns_figures_file *file, struct buf *buf)
{
    struct dns_figures *sum = calloc(1, sizeof *sum);
    if (sum == NULL) {
        return;
    }
    dns_figures_sum(file, sum);
    dns_report_head(buf, "holdfast_dns_events_total", "counter", "Queries, answers by code, and what else happened.");
#define DNS_REPORT_EVENT(member)                                                                                       \
    buf_printf(buf, "holdfast_dns_events_total{event=\"%s\"} %" PRIu64 "\n", #member, sum->counters.member);
    DNS_FIGURES_COUNTERS(DNS_REPORT_EVENT)
#undef DNS_REPORT_EVENT
    dns_report_labelled(file, sum, buf);
    dns_report_histogram(sum, buf);
    free(sum);
}
