/* SPDX-License-Identifier: Apache-2.0
 * What the console shows. */
#include "proxy/proxy_console_show.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/tcp.h"

enum { PROXY_CONSOLE_SHOW_NUMBER = 24 };

static void proxy_console_show_address(const struct view_address *address, char host[TCP_ADDRESS], char port[8])
{
    host[0] = '\0';
    snprintf(port, 8, "%u", address->port);
    if (address->family != 0) {
        tcp_print(address, host);
        char *colon = strrchr(host, ':');
        ASSERT(colon != NULL);
        *colon = '\0';
    }
}

/* Sessions, by their clients or by their servers. */
static void proxy_console_show_ends(const struct proxy_console_source *source, bool servers,
                                    struct proxy_console_reply *reply)
{
    static const char *const names[] = {"type", "user", "database", "state", "addr",
                                        "port", "link", "epoch",    "tls",   NULL};
    struct proxy_census_row *rows = NULL;
    uint32_t count = 0;
    struct proxy_entries entries;
    source->census(source->owner, &rows, &count);
    source->entries(source->owner, &entries); /* after it: whatever a row names is there */
    proxy_console_reply_columns(reply, names);
    for (uint32_t i = 0; i < count; i++) {
        const struct proxy_census_row *row = &rows[i];
        char host[TCP_ADDRESS];
        char port[8];
        char epoch[PROXY_CONSOLE_SHOW_NUMBER];
        if (servers ? row->node[0] == '\0' : row->kind != PROXY_CENSUS_SESSION) {
            continue;
        }
        proxy_console_show_address(servers ? &row->server : &row->client, host, port);
        snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)row->epoch);
        const bool tls = servers ? row->server_tls : row->client_tls;
        const char *const values[] = {servers ? "S" : "C", row->user, entries.routes[row->route].name,
                                      row->state,          host,      port,
                                      row->node,           epoch,     tls ? "TLS" : ""};
        proxy_console_reply_row(reply, values, 9);
    }
    free(rows);
}

static void proxy_console_show_clients(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    proxy_console_show_ends(source, false, reply);
}

static void proxy_console_show_servers(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    proxy_console_show_ends(source, true, reply);
}

static void proxy_console_show_databases(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {
        "name",  "host", "port",  "database", "current_connections", "max_connections", "paused",
        "route", "node", "epoch", NULL};
    struct proxy_census_row *rows = NULL;
    uint32_t count = 0;
    struct proxy_entries entries;
    source->census(source->owner, &rows, &count);
    source->entries(source->owner, &entries); /* after it: whatever a row names is there */
    proxy_console_reply_columns(reply, names);
    for (uint32_t route = 0; route < entries.count; route++) {
        struct proxy_route_target target = {.open = false};
        uint32_t connections = 0;
        char host[TCP_ADDRESS];
        char port[8];
        char numbers[3][PROXY_CONSOLE_SHOW_NUMBER];
        for (uint32_t i = 0; i < count; i++) {
            connections += rows[i].route == route && rows[i].kind == PROXY_CENSUS_SESSION ? 1 : 0;
        }
        if (entries.routes[route].closed && connections == 0) {
            continue;
        }
        source->target(source->owner, route, &target);
        proxy_console_show_address(&target.address, host, port);
        snprintf(numbers[0], sizeof numbers[0], "%u", connections);
        snprintf(numbers[1], sizeof numbers[1], "%u", source->max_clients);
        snprintf(numbers[2], sizeof numbers[2], "%llu", (unsigned long long)target.epoch);
        const struct proxy_route *entry = &entries.routes[route];
        const char *const values[] = {entry->name,
                                      host,
                                      port,
                                      entry->dbname[0] != '\0' ? entry->dbname : entry->name,
                                      numbers[0],
                                      numbers[1],
                                      source->paused(source->owner, route) ? "1" : "0",
                                      entry->kind == PROXY_ROUTE_READER ? "reader" : "writer",
                                      target.node,
                                      numbers[2]};
        proxy_console_reply_row(reply, values, 10);
    }
    free(rows);
}

/* By user and entry, in the order in which they first appear. Quadratic in the number of pairs, which is small. */
static void proxy_console_show_pools(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"database", "user", "cl_active", "cl_waiting", "sv_active", "sv_idle", NULL};
    struct proxy_census_row *rows = NULL;
    uint32_t count = 0;
    struct proxy_entries entries;
    source->census(source->owner, &rows, &count);
    source->entries(source->owner, &entries); /* after it: whatever a row names is there */
    proxy_console_reply_columns(reply, names);
    for (uint32_t i = 0; i < count; i++) {
        const struct proxy_census_row *first = &rows[i];
        uint32_t sums[4] = {0, 0, 0, 0};
        char numbers[4][PROXY_CONSOLE_SHOW_NUMBER];
        if (first->state == NULL || first->kind == PROXY_CENSUS_SPARE) {
            continue; /* counted, or nobody's */
        }
        for (uint32_t k = i; k < count; k++) {
            struct proxy_census_row *row = &rows[k];
            if (row->state == NULL || row->kind == PROXY_CENSUS_SPARE || row->route != first->route ||
                strcmp(row->user, first->user) != 0) {
                continue;
            }
            const bool waits = strcmp(row->state, "waiting") == 0 || strcmp(row->state, "held") == 0;
            const bool client = row->kind == PROXY_CENSUS_SESSION;
            sums[0] += client && !waits ? 1 : 0;
            sums[1] += client && waits ? 1 : 0;
            sums[2] += client && row->node[0] != '\0' ? 1 : 0;
            sums[3] += row->kind == PROXY_CENSUS_POOLED ? 1 : 0;
            row->state = k > i ? NULL : row->state;
        }
        for (size_t k = 0; k < 4; k++) {
            snprintf(numbers[k], sizeof numbers[k], "%u", sums[k]);
        }
        const char *const values[] = {
            entries.routes[first->route].name, first->user, numbers[0], numbers[1], numbers[2], numbers[3]};
        proxy_console_reply_row(reply, values, 6);
    }
    free(rows);
}

static void proxy_console_show_counters(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"name", "value", NULL};
    struct proxy_metrics_sum sum;
    source->metrics(source->owner, &sum);
    proxy_console_reply_columns(reply, names);
    for (int i = 0; i < PROXY_METRICS_COUNT; i++) {
        char number[PROXY_CONSOLE_SHOW_NUMBER];
        snprintf(number, sizeof number, "%llu", (unsigned long long)sum.values[i]);
        const char *const values[] = {proxy_metrics_name((enum proxy_metrics_kind)i), number};
        proxy_console_reply_row(reply, values, 2);
    }
}

static void proxy_console_show_version(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"version", NULL};
    static const char *const values[] = {"Holdfast " HOLDFAST_VERSION};
    (void)source;
    proxy_console_reply_columns(reply, names);
    proxy_console_reply_row(reply, values, 1);
}

/* What happened on an entry: as it is, then per second or per transaction and query. */
static void proxy_console_show_stats_row(const char *name, const uint64_t now[PROXY_STAT_KINDS],
                                         const uint64_t before[PROXY_STAT_KINDS], int64_t us,
                                         struct proxy_console_reply *reply)
{
    char numbers[2 * PROXY_STAT_KINDS][PROXY_CONSOLE_SHOW_NUMBER];
    const char *values[2 * PROXY_STAT_KINDS + 1] = {name};
    uint64_t added[PROXY_STAT_KINDS];
    for (uint32_t kind = 0; kind < PROXY_STAT_KINDS; kind++) {
        added[kind] = now[kind] < before[kind] ? now[kind] : now[kind] - before[kind]; /* it has begun at zero since */
    }
    for (uint32_t kind = 0; kind < PROXY_STAT_KINDS; kind++) {
        const uint64_t events = kind == PROXY_STAT_TRANSACTION_US ? added[PROXY_STAT_TRANSACTIONS]
                                : kind == PROXY_STAT_QUERY_US     ? added[PROXY_STAT_QUERIES]
                                                                  : 0;
        const double seconds = (double)us / TIME_US_PER_S;
        const bool each = kind == PROXY_STAT_TRANSACTION_US || kind == PROXY_STAT_QUERY_US;
        const double average = !each        ? (double)added[kind] / seconds
                               : events > 0 ? (double)added[kind] / (double)events
                                            : 0;
        snprintf(numbers[kind], sizeof numbers[kind], "%llu", (unsigned long long)now[kind]);
        snprintf(numbers[PROXY_STAT_KINDS + kind], sizeof numbers[kind], "%.0f", average);
        values[1 + kind] = numbers[kind];
        values[1 + PROXY_STAT_KINDS + kind] = numbers[PROXY_STAT_KINDS + kind];
    }
    proxy_console_reply_row(reply, values, 2 * PROXY_STAT_KINDS + 1);
}

static void proxy_console_show_stats(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"database",       "total_xact_count", "total_query_count", "total_received",
                                        "total_sent",     "total_xact_time",  "total_query_time",  "total_wait_time",
                                        "avg_xact_count", "avg_query_count",  "avg_recv",          "avg_sent",
                                        "avg_xact_time",  "avg_query_time",   "avg_wait_time",     NULL};
    struct proxy_stat_sum now;
    struct proxy_stat_sum before;
    struct proxy_entries entries;
    const int64_t us = source->stats(source->owner, &now, &before);
    source->entries(source->owner, &entries);
    proxy_console_reply_columns(reply, names);
    for (uint32_t i = 0; i < entries.count; i++) {
        if (!entries.routes[i].closed) {
            proxy_console_show_stats_row(entries.routes[i].name, now.values[i], before.values[i], us, reply);
        }
    }
}

/* Entries, console users and regions change with a reload; all else takes a restart. */
static bool proxy_console_show_changeable(const char *key)
{
    return strncmp(key, "proxy.databases.", 16) == 0 || strncmp(key, "proxy.console.users", 19) == 0;
}

static void proxy_console_show_setting(void *taker, const struct proxy_console_setting *setting)
{
    const char *const values[] = {setting->key, setting->value, setting->standard,
                                  proxy_console_show_changeable(setting->key) ? "yes" : "no"};
    proxy_console_reply_row(taker, values, 4);
}

static void proxy_console_show_config(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"key", "value", "default", "changeable", NULL};
    proxy_console_reply_columns(reply, names);
    source->settings(source->owner, proxy_console_show_setting, reply);
}

void proxy_console_show(const struct proxy_console_source *source, enum proxy_console_show_what what,
                        struct proxy_console_reply *reply)
{
    static void (*const shows[])(const struct proxy_console_source *source, struct proxy_console_reply *reply) = {
        [PROXY_CONSOLE_SHOW_CLIENTS] = proxy_console_show_clients,
        [PROXY_CONSOLE_SHOW_SERVERS] = proxy_console_show_servers,
        [PROXY_CONSOLE_SHOW_DATABASES] = proxy_console_show_databases,
        [PROXY_CONSOLE_SHOW_POOLS] = proxy_console_show_pools,
        [PROXY_CONSOLE_SHOW_STATS] = proxy_console_show_stats,
        [PROXY_CONSOLE_SHOW_COUNTERS] = proxy_console_show_counters,
        [PROXY_CONSOLE_SHOW_CONFIG] = proxy_console_show_config,
        [PROXY_CONSOLE_SHOW_VERSION] = proxy_console_show_version,
    };
    ASSERT(what < sizeof shows / sizeof shows[0]);
    shows[what](source, reply);
}
