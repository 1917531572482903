/* SPDX-License-Identifier: Apache-2.0
 * What a DNS server has counted, for programs: the same as dns/dns_report.h tells people. */
#pragma once

#include <jansson.h>

#include "dns/dns_figures.h"

/* Each is the caller's; NULL: no memory. */

/* {"pid", "workers", "up_s", "queries", "queries_per_s", "took_us": {"p50", "p99", "p999" (upper bounds),
 * "mean"} or null, "zones": [{"zone", "queries"}], "names": [{"name", "answers": {REGION: n}}], "types": {TYPE: n},
 * "counters": {NAME: n}}. The region "none": none could be chosen. */
json_t *dns_report_json_stats(const struct dns_figures_file *file);

/* {"queries": n, "clients" or "names": [{"client" or "name", "queries", "too_many_at_most", "share_percent"}]}: `most`
 * of them, the largest first. */
json_t *dns_report_json_top(const struct dns_figures_file *file, bool clients, uint32_t most);
