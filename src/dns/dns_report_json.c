/* SPDX-License-Identifier: Apache-2.0
 * Reports as JSON. */
#include "dns/dns_report_json.h"

#include <stdlib.h>

#include "base/buf.h"
#include "dns/dns_report.h"
#include "edge/clock.h"

enum { DNS_REPORT_JSON_WHO = 4 * DNS_NAME_MAX + 4 }; /* a name whose bytes are all escaped */

static json_t *dns_report_json_took(const struct dns_figures *sum)
{
    uint64_t all = 0;
    for (uint32_t i = 0; i < DNS_FIGURES_TOOK; i++) {
        all += sum->took[i];
    }
    if (all == 0) {
        return json_null();
    }
    return json_pack("{s:I,s:I,s:I,s:f}", "p50", (json_int_t)dns_report_quantile_us(sum, all, 500), "p99",
                     (json_int_t)dns_report_quantile_us(sum, all, 990), "p999",
                     (json_int_t)dns_report_quantile_us(sum, all, 999), "mean",
                     (double)sum->took_ns / (double)all / 1000);
}

static json_t *dns_report_json_zones(const struct dns_figures_file *file, const struct dns_figures *sum)
{
    json_t *zones = json_array();
    for (uint32_t i = 0; i < file->zones_count; i++) {
        json_array_append_new(zones,
                              json_pack("{s:s,s:I}", "zone", file->zones[i], "queries", (json_int_t)sum->zones[i]));
    }
    return zones;
}

static json_t *dns_report_json_names(const struct dns_figures_file *file, const struct dns_figures *sum)
{
    json_t *names = json_array();
    for (uint32_t i = 0; i < file->names_count; i++) {
        json_t *answers = json_object();
        for (uint32_t column = 0; column < DNS_FIGURES_COLUMNS; column++) {
            if (column < file->regions_count || column == DNS_FIGURES_NOWHERE) {
                json_object_set_new(answers, dns_report_region(file, column),
                                    json_integer((json_int_t)sum->names[i][column]));
            }
        }
        json_array_append_new(names, json_pack("{s:s,s:o}", "name", file->names[i], "answers", answers));
    }
    return names;
}

static json_t *dns_report_json_types(const struct dns_figures *sum)
{
    json_t *types = json_object();
    for (uint32_t i = 0; i < DNS_FIGURES_TYPES_COUNT; i++) {
        json_object_set_new(types, dns_figures_type_name((enum dns_figures_type)i),
                            json_integer((json_int_t)sum->types[i]));
    }
    return types;
}

static json_t *dns_report_json_counters(const struct dns_figures *sum)
{
    json_t *counters = json_object();
#define DNS_REPORT_JSON_COUNTER(member)                                                                                \
    json_object_set_new(counters, #member, json_integer((json_int_t)sum->counters.member));
    DNS_FIGURES_COUNTERS(DNS_REPORT_JSON_COUNTER)
#undef DNS_REPORT_JSON_COUNTER
    return counters;
}

json_t *dns_report_json_stats(const struct dns_figures_file *file)
{
    struct dns_figures *sum = calloc(1, sizeof *sum);
    if (sum == NULL) {
        return NULL;
    }
    dns_figures_sum(file, sum);
    const int64_t up_s = (clock_wall().us - file->started_wall_us) / 1000000;
    const uint64_t queries = sum->counters.udp_queries + sum->counters.tcp_queries;
    json_t *json =
        json_pack("{s:i,s:I,s:I,s:I,s:f,s:o,s:o,s:o,s:o,s:o}", "pid", (int)file->pid, "workers",
                  (json_int_t)file->workers, "up_s", (json_int_t)up_s, "queries", (json_int_t)queries, "queries_per_s",
                  up_s > 0 ? (double)queries / (double)up_s : 0.0, "took_us", dns_report_json_took(sum), "zones",
                  dns_report_json_zones(file, sum), "names", dns_report_json_names(file, sum), "types",
                  dns_report_json_types(sum), "counters", dns_report_json_counters(sum));
    free(sum);
    return json;
}

json_t *dns_report_json_top(const struct dns_figures_file *file, bool clients, uint32_t most)
{
    uint32_t count = 0;
    uint64_t all = 0;
    struct dns_sketch_row *rows = dns_report_rows(file, clients, &count, &all);
    json_t *list = json_array();
    for (uint32_t i = 0; rows != NULL && i < count && i < most; i++) {
        char text[DNS_REPORT_JSON_WHO];
        struct buf who;
        buf_init(&who, text, sizeof text);
        dns_report_who(&rows[i], clients, &who);
        json_array_append_new(list,
                              json_pack("{s:s,s:I,s:I,s:f}", clients ? "client" : "name", buf_string(&who), "queries",
                                        (json_int_t)rows[i].count, "too_many_at_most", (json_int_t)rows[i].error,
                                        "share_percent", all > 0 ? 100.0 * (double)rows[i].count / (double)all : 0.0));
    }
    json_t *json =
        rows != NULL ? json_pack("{s:I,s:O}", "queries", (json_int_t)all, clients ? "clients" : "names", list) : NULL;
    json_decref(list);
    free(rows);
    return json;
}
