/* SPDX-License-Identifier: Apache-2.0
 * What data planes count: told by observers and other controllers, shown in /metrics. */
#include <stdlib.h>

#include "edge/figure_report.h"
#include "web/web_state.h"

enum { WEB_FIGURE_LINE = 512 }; /* bytes of a line, with a figure's head before it */

void web_figure_take(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct figure_row *rows = calloc(FIGURE_SITE, sizeof *rows);
    const char *site = "";
    uint32_t count = 0;
    json_t *body = NULL;
    if (rows == NULL) {
        http_server_answer_problem(answer, ERR_NO_MEMORY, "no memory");
        return;
    }
    if (http_server_body_json(request, answer, &body) == ERR_OK) {
        enum err err = figure_report_read(body, &site, rows, &count);
        if (err == ERR_OK) {
            err = desk->figures(desk->context, site, rows, count);
        }
        if (err == ERR_OK) {
            http_server_answer_empty(answer, 204);
        } else {
            http_server_answer_problem(answer, err, "figures of '%s'", site);
        }
    }
    json_decref(body);
    free(rows);
}

char *web_figure_text(const struct desk *desk)
{
    struct figure_site sites[LIMITS_SITES];
    const uint32_t count = desk->figures_list(desk->context, sites);
    size_t rows = 1;
    for (uint32_t i = 0; i < count; i++) {
        rows += sites[i].count;
    }
    char *text = malloc(rows * WEB_FIGURE_LINE);
    if (text != NULL) {
        struct buf buf;
        buf_init(&buf, text, rows * WEB_FIGURE_LINE);
        figure_report_text(sites, count, &buf);
        (void)buf_string(&buf);
    }
    for (uint32_t i = 0; i < count; i++) {
        free(sites[i].rows);
    }
    return text;
}
