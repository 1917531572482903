/* SPDX-License-Identifier: Apache-2.0
 * holdfast dns stats, holdfast dns top: what the DNS server of a site has counted (dns/dns_figures.h), on its host. */
#pragma once

#include <stdbool.h>

#include "bin/cli_option.h"

/* Print what the file at `path` says. Return an enum verb_exit. `metrics`: in the text format of Prometheus, for its
 * node exporter's text files; of `option` only the format is looked at, and not with `metrics`. */
int cli_dns_figures_stats(const char *path, const struct cli_option *option, bool metrics);

/* `what`: "clients" (also NULL) or "names". */
int cli_dns_figures_top(const char *path, const struct cli_option *option, const char *what);
