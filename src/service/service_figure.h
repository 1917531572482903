/* SPDX-License-Identifier: Apache-2.0
 * What a relay counts per service, written where others tell it to the controllers (edge/figure.h). By the watcher. */
#pragma once

#include "base/time.h"
#include "edge/figure.h"
#include "service/service_worker.h"

struct service_figure {
    struct figure_sheet sheet;
    struct mono at; /* told last */
};

/* `path` empty: nothing is told. A file that cannot be made is told in the log, and nothing else. */
void service_figure_open(struct service_figure *figure, const char *path);

/* Tells what there is, when it is time. */
void service_figure_look(struct service_figure *figure, struct service_worker_box *box,
                         struct service_worker *const *workers, uint32_t workers_count);

void service_figure_close(struct service_figure *figure);
