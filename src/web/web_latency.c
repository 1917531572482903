/* SPDX-License-Identifier: Apache-2.0
 * How far client networks are from the regions: reports of hosts, and what follows from them. */
#include <stdlib.h>

#include "edge/clock.h"
#include "edge/metric.h"
#include "web/web_state.h"

void web_latency_report(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct latency_message *message = calloc(1, sizeof *message);
    enum err err = message != NULL ? ERR_OK : ERR_NO_MEMORY;
    if (err == ERR_OK) {
        err = latency_message_read(request->body, request->body_size, message);
    }
    if (err == ERR_OK) {
        err = desk->latency(desk->context, message);
    }
    if (err == ERR_OK) {
        http_server_answer_empty(answer, 204);
    } else {
        http_server_answer_problem(answer, err, "measured times of '%s'; expected {site, networks: at most %d}",
                                   message != NULL ? message->site : "", LATENCY_MESSAGE_ROWS);
    }
    free(message);
}

void web_latency_get(const struct http_server_request *request, struct http_server_answer *answer)
{
    const struct desk *desk = web_of(request)->options.desk;
    struct latency_table *table = latency_table_new();
    int64_t max_age_s = 0;
    char *text = NULL;
    if (table != NULL) {
        desk->latencies(desk->context, table, &max_age_s);
        text = latency_message_write_table(table, clock_wall().us / TIME_US_PER_S, max_age_s);
    }
    if (text != NULL) {
        http_server_answer_text(answer, 200, "application/json", text);
    } else {
        http_server_answer_problem(answer, ERR_NO_MEMORY, "no memory");
    }
    free(text);
    free(table);
}

void web_latency_metrics(const struct desk *desk)
{
    struct latency_table *table = latency_table_new();
    int64_t max_age_s = 0;
    if (table == NULL) {
        return;
    }
    desk->latencies(desk->context, table, &max_age_s);
    metric_clear(METRIC_LATENCY_NETWORKS);
    metric_clear(METRIC_LATENCY_NEWEST);
    for (uint32_t place = 0; place < table->places_count; place++) {
        uint32_t networks = 0;
        int64_t seen_s = 0;
        for (uint32_t i = 0; i < table->rows_count; i++) {
            const struct latency_table_cell *cell = &table->rows[i].cells[place];
            networks += cell->rtt_us != 0 ? 1 : 0;
            seen_s = cell->rtt_us != 0 && cell->seen_s > seen_s ? cell->seen_s : seen_s;
        }
        metric_set(METRIC_LATENCY_NETWORKS, networks, METRIC_WITH(table->places[place]));
        if (networks > 0) {
            const int64_t age_s = clock_wall().us / TIME_US_PER_S - seen_s;
            metric_set(METRIC_LATENCY_NEWEST, age_s > 0 ? (double)age_s : 0.0, METRIC_WITH(table->places[place]));
        }
    }
    free(table);
}
