/* SPDX-License-Identifier: Apache-2.0
 * What a DNS server has counted (dns/dns_figures.h), as text for people and for Prometheus. */
#pragma once

#include "base/buf.h"
#include "dns/dns_figures.h"

enum { DNS_REPORT_BYTES = 256 * 1024 };

/* Queries by transport, code and type, zones, dynamic names by region, percentiles of the time taken. */
void dns_report_stats(const struct dns_figures_file *file, struct buf *buf);

/* The clients, or the questions, that most queries came from. */
void dns_report_top(const struct dns_figures_file *file, bool clients, uint32_t most, struct buf *buf);

/* holdfast_dns_...: the text format of Prometheus. */
void dns_report_metrics(const struct dns_figures_file *file, struct buf *buf);
