/* SPDX-License-Identifier: Apache-2.0
 * What a DNS server has counted (dns/dns_figures.h), as text for people and for Prometheus. */
#pragma once

#include "base/buf.h"
#include "dns/dns_figures.h"

enum { DNS_REPORT_BYTES = 256 * 1024 };

/* ---- what dns_report_json.c tells of the same ---- */

/* A region by its column of dns_figures.names; "none" for answers that no region could be chosen for. */
const char *dns_report_region(const struct dns_figures_file *file, uint32_t column);

/* The upper bound, in microseconds, of what so many per mille of `all` queries took. */
uint64_t dns_report_quantile_us(const struct dns_figures *sum, uint64_t all, uint64_t per_mille);

/* Who asked, or what for, over all workers, the largest first: the caller frees. And how many queries there were. NULL:
 * no memory. */
struct dns_sketch_row *dns_report_rows(const struct dns_figures_file *file, bool clients, uint32_t *ret_count,
                                       uint64_t *ret_all);

/* The client's address, or the question's name. */
void dns_report_who(const struct dns_sketch_row *row, bool client, struct buf *buf);

/* ---- whole reports ---- */

/* Queries by transport, code and type, zones, dynamic names by region, percentiles of the time taken. */
void dns_report_stats(const struct dns_figures_file *file, struct buf *buf);

/* The clients, or the questions, that most queries came from. */
void dns_report_top(const struct dns_figures_file *file, bool clients, uint32_t most, struct buf *buf);

/* holdfast_dns_...: the text format of Prometheus. */
void dns_report_metrics(const struct dns_figures_file *file, struct buf *buf);
