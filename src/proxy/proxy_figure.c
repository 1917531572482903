/* SPDX-License-Identifier: Apache-2.0
 * What an SQL proxy counts, for the controllers. */
#include "proxy/proxy_figure.h"

#include "edge/clock.h"
#include "edge/log.h"
#include "proxy/proxy_metrics.h"
#include "proxy/proxy_stat.h"
#include "proxy/proxy_tally.h"

enum { PROXY_FIGURE_MS = 1000 };

_Static_assert((int)FIGURE_PROXY_BYTES_TO_CLIENT - (int)FIGURE_PROXY_SESSIONS == (int)PROXY_METRICS_BYTES_TO_CLIENT,
               "figures of a process are in the order of its counters");
_Static_assert(PROXY_METRICS_COUNT + 1 + PROXY_ROUTES * (PROXY_TALLY_KINDS + PROXY_STAT_KINDS) <= FIGURE_SHEET,
               "all of it fits");

void proxy_figure_open(struct proxy_figure *figure, const char *path)
{
    *figure = (struct proxy_figure){.path = path};
    const enum err err = path[0] != '\0' ? figure_open(&figure->sheet, path) : ERR_OK;
    if (err != ERR_OK) {
        LOG_W("%s: %s: the controllers' /metrics will not have what this proxy counts", path, err_text(err));
    }
}

/* The old sheet is that of nobody once the new one is in its place. */
static void proxy_figure_renew(struct proxy_figure *figure)
{
    struct figure_sheet before = figure->sheet;
    proxy_figure_open(figure, figure->path);
    if (figure->sheet.page != NULL) {
        figure_close(&before);
    } else {
        figure->sheet = before;
    }
}

static void proxy_figure_process(struct proxy_figure *figure, struct proxy_worker *const *workers, uint32_t count)
{
    struct proxy_metrics_sum sum = {.values = {0}};
    for (uint32_t i = 0; i < count; i++) {
        proxy_worker_metrics(workers[i], &sum);
    }
    for (uint32_t i = 0; i < PROXY_METRICS_COUNT; i++) {
        figure_put(&figure->sheet, (enum figure)(FIGURE_PROXY_SESSIONS + i), "", sum.values[i]);
    }
}

static void proxy_figure_files(struct proxy_figure *figure, const struct proxy_worker_shared *shared)
{
    const struct wall expires = shared->tls != NULL ? proxy_tls_context_expires(shared->tls) : (struct wall){0};
    if (expires.us > 0) {
        figure_put(&figure->sheet, FIGURE_PROXY_FILE_CERTIFICATE, "", (uint64_t)expires.us);
    }
}

static void proxy_figure_databases(struct proxy_figure *figure, const struct proxy_worker_shared *shared,
                                   struct proxy_worker *const *workers, uint32_t count)
{
    static const enum figure tallies[PROXY_TALLY_KINDS] = {
        [PROXY_TALLY_ACTIVE] = FIGURE_PROXY_DATABASE_CLIENTS_ACTIVE,
        [PROXY_TALLY_IDLE] = FIGURE_PROXY_DATABASE_CLIENTS_IDLE,
        [PROXY_TALLY_WAITING] = FIGURE_PROXY_DATABASE_CLIENTS_WAITING,
        [PROXY_TALLY_SERVERS_ACTIVE] = FIGURE_PROXY_DATABASE_SERVERS_ACTIVE,
        [PROXY_TALLY_SERVERS_IDLE] = FIGURE_PROXY_DATABASE_SERVERS_IDLE,
        [PROXY_TALLY_LONGEST_US] = FIGURE_PROXY_DATABASE_LONGEST_WAIT,
    };
    static const enum figure stats[PROXY_STAT_KINDS] = {
        [PROXY_STAT_TRANSACTIONS] = FIGURE_PROXY_DATABASE_TRANSACTIONS,
        [PROXY_STAT_QUERIES] = FIGURE_PROXY_DATABASE_QUERIES,
        [PROXY_STAT_RECEIVED] = FIGURE_PROXY_DATABASE_RECEIVED,
        [PROXY_STAT_SENT] = FIGURE_PROXY_DATABASE_SENT,
        [PROXY_STAT_TRANSACTION_US] = FIGURE_PROXY_DATABASE_TRANSACTION_TIME,
        [PROXY_STAT_QUERY_US] = FIGURE_PROXY_DATABASE_QUERY_TIME,
        [PROXY_STAT_WAIT_US] = FIGURE_PROXY_DATABASE_WAIT_TIME,
    };
    struct proxy_tally_sum tally = {.values = {{0}}};
    struct proxy_stat_sum stat = {.values = {{0}}};
    for (uint32_t i = 0; i < count; i++) {
        proxy_worker_tally(workers[i], &tally);
        proxy_worker_stat(workers[i], &stat);
    }
    struct proxy_entries entries;
    proxy_switch_entries(shared->box, &entries);
    for (uint32_t route = 0; route < entries.count; route++) {
        const char *name = entries.routes[route].name;
        if (entries.routes[route].closed) {
            continue; /* another one may have its name */
        }
        for (uint32_t kind = 0; kind < PROXY_TALLY_KINDS; kind++) {
            figure_put(&figure->sheet, tallies[kind], name, tally.values[route][kind]);
        }
        for (uint32_t kind = 0; kind < PROXY_STAT_KINDS; kind++) {
            figure_put(&figure->sheet, stats[kind], name, stat.values[route][kind]);
        }
    }
}

void proxy_figure_look(struct proxy_figure *figure, const struct proxy_worker_shared *shared,
                       struct proxy_worker *const *workers, uint32_t workers_count)
{
    const struct mono now = clock_mono();
    if (figure->sheet.page == NULL || time_since_ms(now, figure->at) < PROXY_FIGURE_MS) {
        return;
    }
    const uint32_t editions = atomic_load_explicit(&shared->box->editions, memory_order_relaxed);
    if (figure->editions != 0 && figure->editions != editions) {
        proxy_figure_renew(figure);
    }
    figure->editions = editions;
    figure->at = now;
    proxy_figure_process(figure, workers, workers_count);
    proxy_figure_databases(figure, shared, workers, workers_count);
    proxy_figure_files(figure, shared);
    for (uint32_t i = 0; i < workers_count; i++) {
        proxy_worker_tally_ask(workers[i]);
    }
}

void proxy_figure_close(struct proxy_figure *figure)
{
    figure_close(&figure->sheet);
}
