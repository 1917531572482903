/* SPDX-License-Identifier: Apache-2.0
 * What an SQL proxy counts, written where others tell it to the controllers (edge/figure.h). By the watcher. */
#pragma once

#include "base/time.h"
#include "edge/figure.h"
#include "proxy/proxy_worker.h"

struct proxy_figure {
    struct figure_sheet sheet;
    const char *path;
    struct mono at;    /* told last */
    uint32_t editions; /* of the entries that are on the sheet; 0: none yet */
};

/* `path` is borrowed until the end; empty: nothing is told. A file that cannot be made is told in the log, and nothing
 * else. */
void proxy_figure_open(struct proxy_figure *figure, const char *path);

/* Tells what there is, when it is time (on a new sheet after a reload, so that entries which are gone are not told any
 * more), and has the workers count anew what they do not count all the time. */
void proxy_figure_look(struct proxy_figure *figure, const struct proxy_worker_shared *shared,
                       struct proxy_worker *const *workers, uint32_t workers_count);

void proxy_figure_close(struct proxy_figure *figure);
