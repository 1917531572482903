/* SPDX-License-Identifier: Apache-2.0
 * What a relay counts, for the controllers. */
#include "service/service_figure.h"

#include <string.h>

#include "edge/clock.h"
#include "edge/log.h"

enum { SERVICE_FIGURE_MS = 1000 };

_Static_assert((int)FIGURE_SERVICE_BYTES_TO_CLIENT - (int)FIGURE_SERVICE_CONNECTIONS ==
                   (int)SERVICE_METRICS_BYTES_TO_CLIENT,
               "figures are in the order of the counters");
_Static_assert((int)SERVICE_METRICS_COUNT *(int)LIMITS_SERVICES <= (int)FIGURE_SHEET, "all of it fits");

void service_figure_open(struct service_figure *figure, const char *path)
{
    figure->sheet = (struct figure_sheet){.page = NULL};
    const enum err err = path[0] != '\0' ? figure_open(&figure->sheet, path) : ERR_OK;
    if (err != ERR_OK) {
        LOG_W("%s: %s: the controllers' /metrics will not have what this relay counts", path, err_text(err));
    }
}

static void service_figure_slot(struct service_figure *figure, uint32_t slot, const char *name,
                                struct service_worker *const *workers, uint32_t count)
{
    struct service_metrics_sum sum = {.values = {0}};
    for (uint32_t i = 0; i < count; i++) {
        service_worker_metrics(workers[i], slot, &sum);
    }
    for (uint32_t i = 0; i < SERVICE_METRICS_COUNT; i++) {
        figure_put(&figure->sheet, (enum figure)(FIGURE_SERVICE_CONNECTIONS + i), name, sum.values[i]);
    }
}

void service_figure_look(struct service_figure *figure, struct service_worker_box *box,
                         struct service_worker *const *workers, uint32_t workers_count)
{
    char names[LIMITS_SERVICES][LIMITS_NAME];
    const struct mono now = clock_mono();
    if (figure->sheet.page == NULL || time_since_ms(now, figure->at) < SERVICE_FIGURE_MS) {
        return;
    }
    figure->at = now;
    pthread_mutex_lock(&box->lock);
    for (uint32_t slot = 0; slot < LIMITS_SERVICES; slot++) {
        memcpy(names[slot], box->setup.services[slot].name, LIMITS_NAME);
    }
    pthread_mutex_unlock(&box->lock);
    for (uint32_t slot = 0; slot < LIMITS_SERVICES; slot++) {
        if (names[slot][0] != '\0') {
            service_figure_slot(figure, slot, names[slot], workers, workers_count);
        }
    }
}

void service_figure_close(struct service_figure *figure)
{
    figure_close(&figure->sheet);
}
