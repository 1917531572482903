/* SPDX-License-Identifier: Apache-2.0
 * Figures of data planes as JSON and as text. */
#include "edge/figure_report.h"

#include <string.h>

#include "base/text.h"
#include "base/time.h"

/* ---- between processes ---- */

json_t *figure_report_make(const char *site, const struct figure_row *rows, uint32_t count)
{
    json_t *list = json_array();
    for (uint32_t i = 0; i < count; i++) {
        /* Labels are the configuration's words; one that is not UTF-8 is NULL here and left out. */
        json_t *row = json_pack("{s:s,s:s,s:I}", "name", figure_name((enum figure)rows[i].figure), "label",
                                rows[i].label, "value", (json_int_t)(rows[i].value & INT64_MAX));
        if (row != NULL) {
            json_array_append_new(list, row);
        }
    }
    return json_pack("{s:s,s:o}", "site", site, "figures", list);
}

/* -1: wrong, 0: not known here, 1: a row. */
static int figure_report_row(const json_t *json, struct figure_row *ret_row)
{
    const char *name = json_string_value(json_object_get(json, "name"));
    const char *label = json_string_value(json_object_get(json, "label"));
    const json_t *value = json_object_get(json, "value");
    if (name == NULL || label == NULL || !json_is_integer(value) || json_integer_value(value) < 0) {
        return -1;
    }
    const enum figure figure = figure_find(name);
    *ret_row = (struct figure_row){.figure = figure, .value = (uint64_t)json_integer_value(value)};
    text_copy(ret_row->label, sizeof ret_row->label, label);
    return figure < FIGURE_COUNT ? 1 : 0;
}

enum err figure_report_read(const json_t *body, const char **ret_site, struct figure_row *ret_rows, uint32_t *ret_count)
{
    const char *site = json_string_value(json_object_get(body, "site"));
    const json_t *list = json_object_get(body, "figures");
    uint32_t count = 0;
    if (site == NULL || !json_is_array(list) || json_array_size(list) > FIGURE_SITE) {
        return ERR_INVALID;
    }
    for (size_t i = 0; i < json_array_size(list); i++) {
        const int row = figure_report_row(json_array_get(list, i), &ret_rows[count]);
        if (row < 0) {
            return ERR_INVALID;
        }
        count += (uint32_t)row;
    }
    *ret_site = site;
    *ret_count = count;
    return ERR_OK;
}

/* ---- for Prometheus ---- */

static void figure_report_label(struct buf *buf, const char *name, const char *value)
{
    buf_printf(buf, "%s=\"", name);
    for (const char *at = value; *at != '\0'; at++) {
        if (*at == '\n') {
            buf_text(buf, "\\n");
        } else {
            buf_printf(buf, *at == '\\' || *at == '"' ? "\\%c" : "%c", *at);
        }
    }
    buf_text(buf, "\"");
}

static void figure_report_line(const struct figure_site *site, const struct figure_row *row, struct buf *buf)
{
    const enum figure figure = (enum figure)row->figure;
    const enum figure_type type = figure_type(figure);
    buf_printf(buf, "holdfast_%s{", figure_name(figure));
    figure_report_label(buf, "site", site->site);
    figure_report_label(buf, ",region", site->region);
    if (figure_label(figure)[0] != '\0') {
        buf_text(buf, ",");
        figure_report_label(buf, figure_label(figure), row->label);
    }
    if (type == FIGURE_COUNTER_US || type == FIGURE_GAUGE_US) {
        buf_printf(buf, "} %.15g\n", (double)row->value / TIME_US_PER_S);
    } else {
        buf_printf(buf, "} %llu\n", (unsigned long long)row->value);
    }
}

static void figure_report_head(enum figure figure, struct buf *buf)
{
    const enum figure_type type = figure_type(figure);
    buf_printf(buf, "# HELP holdfast_%s %s\n# TYPE holdfast_%s %s\n", figure_name(figure), figure_help(figure),
               figure_name(figure), type == FIGURE_COUNTER || type == FIGURE_COUNTER_US ? "counter" : "gauge");
}

void figure_report_text(const struct figure_site *sites, uint32_t count, struct buf *buf)
{
    for (uint32_t figure = 0; figure < FIGURE_COUNT; figure++) {
        bool told = false;
        for (uint32_t i = 0; i < count; i++) {
            for (uint32_t j = 0; j < sites[i].count; j++) {
                if (sites[i].rows[j].figure != figure) {
                    continue;
                }
                if (!told) {
                    figure_report_head((enum figure)figure, buf);
                }
                told = true;
                figure_report_line(&sites[i], &sites[i].rows[j], buf);
            }
        }
    }
}
