/* SPDX-License-Identifier: Apache-2.0
 * Figures of data planes (edge/figure.h) between processes, as JSON, and for Prometheus, as text. */
#pragma once

#include <jansson.h>

#include "base/buf.h"
#include "base/err.h"
#include "edge/figure.h"

/* The body of POST /v1/figures, for json_decref. NULL: out of memory. */
json_t *figure_report_make(const char *site, const struct figure_row *rows, uint32_t count);

/* What a process has sent. Figures that this release does not have are left out. ERR_INVALID: it is no report, or one
 * of more than FIGURE_SITE rows. `ret_rows` has room for FIGURE_SITE; `ret_site` is borrowed from the body. */
ERR_CHECK enum err figure_report_read(const json_t *body, const char **ret_site, struct figure_row *ret_rows,
                                      uint32_t *ret_count);

/* The text format 0.0.4, with help and type; labels `site`, `region` and the figure's own. */
void figure_report_text(const struct figure_site *sites, uint32_t count, struct buf *buf);
