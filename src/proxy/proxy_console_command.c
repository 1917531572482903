/* SPDX-License-Identifier: Apache-2.0
 * The commands of the console. */
#include "proxy/proxy_console_command.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "edge/tcp.h"

enum {
    PROXY_CONSOLE_COMMAND_WORDS = 4,
    PROXY_CONSOLE_COMMAND_WORD = PROXY_ROUTE_NAME,
    PROXY_CONSOLE_COMMAND_NUMBER = 24,
};

struct proxy_console_command_line {
    uint32_t count; /* more than fit: too many */
    char words[PROXY_CONSOLE_COMMAND_WORDS][PROXY_CONSOLE_COMMAND_WORD];
};

struct proxy_console_command_row {
    const char *name;
    const char *text;
    void (*show)(const struct proxy_console_source *source, struct proxy_console_reply *reply);
};

static bool proxy_console_command_blank(uint8_t c)
{
    return c == ' ' || c == '\t' || c == '\n' || c == '\r' || c == ';' || c == '"' || c == 0;
}

static void proxy_console_command_split(struct span text, struct proxy_console_command_line *line)
{
    line->count = 0;
    for (size_t i = 0; i < text.size;) {
        size_t size = 0;
        while (i < text.size && proxy_console_command_blank(text.data[i])) {
            i++;
        }
        while (i + size < text.size && !proxy_console_command_blank(text.data[i + size])) {
            size++;
        }
        if (size > 0 && line->count < PROXY_CONSOLE_COMMAND_WORDS) {
            const size_t kept = size < PROXY_CONSOLE_COMMAND_WORD ? size : PROXY_CONSOLE_COMMAND_WORD - 1;
            memcpy(line->words[line->count], text.data + i, kept);
            line->words[line->count][kept] = '\0';
        }
        line->count += size > 0 ? 1 : 0;
        i += size;
    }
}

/* ---- SHOW ---- */

static void proxy_console_command_address(const struct view_address *address, char host[TCP_ADDRESS], char port[8])
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

static void proxy_console_command_clients(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"type", "user", "database", "state", "addr",
                                        "port", "link", "epoch",    "tls",   NULL};
    struct proxy_census_row *rows = NULL;
    uint32_t count = 0;
    source->census(source->owner, &rows, &count);
    proxy_console_reply_columns(reply, names);
    for (uint32_t i = 0; i < count; i++) {
        const struct proxy_census_row *row = &rows[i];
        char host[TCP_ADDRESS];
        char port[8];
        char epoch[PROXY_CONSOLE_COMMAND_NUMBER];
        proxy_console_command_address(&row->client, host, port);
        snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)row->epoch);
        const char *const values[] = {"C",        row->user, source->routes[row->route].name,
                                      row->state, host,      port,
                                      row->node,  epoch,     row->tls ? "TLS" : ""};
        proxy_console_reply_row(reply, values, 9);
    }
    free(rows);
}

static void proxy_console_command_servers(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"type", "user", "database", "state", "addr", "port", "link", "epoch", NULL};
    struct proxy_census_row *rows = NULL;
    uint32_t count = 0;
    source->census(source->owner, &rows, &count);
    proxy_console_reply_columns(reply, names);
    for (uint32_t i = 0; i < count; i++) {
        const struct proxy_census_row *row = &rows[i];
        char host[TCP_ADDRESS];
        char port[8];
        char epoch[PROXY_CONSOLE_COMMAND_NUMBER];
        proxy_console_command_address(&row->server, host, port);
        snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)row->epoch);
        const char *const values[] = {"S",       row->user, source->routes[row->route].name, row->state, host, port,
                                      row->node, epoch};
        if (row->node[0] != '\0') {
            proxy_console_reply_row(reply, values, 8);
        }
    }
    free(rows);
}

static void proxy_console_command_databases(const struct proxy_console_source *source,
                                            struct proxy_console_reply *reply)
{
    static const char *const names[] = {
        "name",  "host", "port",  "database", "current_connections", "max_connections", "paused",
        "route", "node", "epoch", NULL};
    struct proxy_census_row *rows = NULL;
    uint32_t count = 0;
    source->census(source->owner, &rows, &count);
    proxy_console_reply_columns(reply, names);
    for (uint32_t route = 0; route < source->routes_count; route++) {
        struct proxy_route_target target = {.open = false};
        uint32_t connections = 0;
        char host[TCP_ADDRESS];
        char port[8];
        char numbers[3][PROXY_CONSOLE_COMMAND_NUMBER];
        for (uint32_t i = 0; i < count; i++) {
            connections += rows[i].route == route ? 1 : 0;
        }
        source->target(source->owner, route, &target);
        proxy_console_command_address(&target.address, host, port);
        snprintf(numbers[0], sizeof numbers[0], "%u", connections);
        snprintf(numbers[1], sizeof numbers[1], "%u", source->max_clients);
        snprintf(numbers[2], sizeof numbers[2], "%llu", (unsigned long long)target.epoch);
        const struct proxy_route *entry = &source->routes[route];
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
static void proxy_console_command_pools(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"database", "user", "cl_active", "cl_waiting", "sv_active", NULL};
    struct proxy_census_row *rows = NULL;
    uint32_t count = 0;
    source->census(source->owner, &rows, &count);
    proxy_console_reply_columns(reply, names);
    for (uint32_t i = 0; i < count; i++) {
        const struct proxy_census_row *first = &rows[i];
        uint32_t sums[3] = {0, 0, 0};
        char numbers[3][PROXY_CONSOLE_COMMAND_NUMBER];
        if (first->state == NULL) {
            continue; /* counted */
        }
        for (uint32_t k = i; k < count; k++) {
            struct proxy_census_row *row = &rows[k];
            if (row->state == NULL || row->route != first->route || strcmp(row->user, first->user) != 0) {
                continue;
            }
            const bool waits = strcmp(row->state, "waiting") == 0 || strcmp(row->state, "held") == 0;
            sums[0] += waits ? 0 : 1;
            sums[1] += waits ? 1 : 0;
            sums[2] += row->node[0] != '\0' ? 1 : 0;
            row->state = k > i ? NULL : row->state;
        }
        for (size_t k = 0; k < 3; k++) {
            snprintf(numbers[k], sizeof numbers[k], "%u", sums[k]);
        }
        const char *const values[] = {source->routes[first->route].name, first->user, numbers[0], numbers[1],
                                      numbers[2]};
        proxy_console_reply_row(reply, values, 5);
    }
    free(rows);
}

static void proxy_console_command_stats(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"name", "value", NULL};
    struct proxy_metrics_sum sum;
    source->metrics(source->owner, &sum);
    proxy_console_reply_columns(reply, names);
    for (int i = 0; i < PROXY_METRICS_COUNT; i++) {
        char number[PROXY_CONSOLE_COMMAND_NUMBER];
        snprintf(number, sizeof number, "%llu", (unsigned long long)sum.values[i]);
        const char *const values[] = {proxy_metrics_name((enum proxy_metrics_kind)i), number};
        proxy_console_reply_row(reply, values, 2);
    }
}

static void proxy_console_command_version(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"version", NULL};
    static const char *const values[] = {"Holdfast " HOLDFAST_VERSION};
    (void)source;
    proxy_console_reply_columns(reply, names);
    proxy_console_reply_row(reply, values, 1);
}

static void proxy_console_command_help(const struct proxy_console_source *source, struct proxy_console_reply *reply);

static const struct proxy_console_command_row proxy_console_command_shows[] = {
    {"clients", "SHOW CLIENTS: sessions, where they come from, and the node that serves them",
     proxy_console_command_clients},
    {"servers", "SHOW SERVERS: connections to servers", proxy_console_command_servers},
    {"databases", "SHOW DATABASES: entries of the configuration, where new sessions go, what is paused",
     proxy_console_command_databases},
    {"pools", "SHOW POOLS: sessions and their servers by entry and user", proxy_console_command_pools},
    {"stats", "SHOW STATS: the proxy's counters", proxy_console_command_stats},
    {"version", "SHOW VERSION", proxy_console_command_version},
    {"help", "SHOW HELP", proxy_console_command_help},
};

static void proxy_console_command_help(const struct proxy_console_source *source, struct proxy_console_reply *reply)
{
    static const char *const names[] = {"command", NULL};
    static const char *const others[] = {
        "PAUSE [NAME]: sessions stop at their next transaction boundary; ends when all have",
        "RESUME [NAME]: they go on",
        "KILL NAME: ends all sessions of an entry at once; new ones wait until RESUME",
    };
    (void)source;
    proxy_console_reply_columns(reply, names);
    for (size_t i = 0; i < sizeof proxy_console_command_shows / sizeof proxy_console_command_shows[0]; i++) {
        proxy_console_reply_row(reply, &proxy_console_command_shows[i].text, 1);
    }
    for (size_t i = 0; i < sizeof others / sizeof others[0]; i++) {
        proxy_console_reply_row(reply, &others[i], 1);
    }
}

static void proxy_console_command_show(const struct proxy_console_source *source, const char *what,
                                       struct proxy_console_reply *reply)
{
    for (size_t i = 0; i < sizeof proxy_console_command_shows / sizeof proxy_console_command_shows[0]; i++) {
        if (strcasecmp(what, proxy_console_command_shows[i].name) == 0) {
            proxy_console_command_shows[i].show(source, reply);
            proxy_console_reply_complete(reply, "SHOW");
            return;
        }
    }
    proxy_console_reply_error(reply, "42601",
                              "the console shows CLIENTS, SERVERS, POOLS, DATABASES, STATS, VERSION and HELP");
}

/* ---- PAUSE, RESUME, KILL ---- */

enum proxy_console_command_verb {
    PROXY_CONSOLE_COMMAND_PAUSE,
    PROXY_CONSOLE_COMMAND_RESUME,
    PROXY_CONSOLE_COMMAND_KILL
};

/* `name` NULL: all. The number of the last change; 0: no such entry, and the answer says so. */
static uint32_t proxy_console_command_change(const struct proxy_console_source *source, const char *name,
                                             enum proxy_console_command_verb verb, struct proxy_console_reply *reply)
{
    uint32_t change = 0;
    for (uint32_t i = 0; i < source->routes_count; i++) {
        if (name != NULL && strcmp(name, source->routes[i].name) != 0) {
            continue;
        }
        change = verb == PROXY_CONSOLE_COMMAND_KILL
                     ? source->kill(source->owner, i)
                     : source->pause(source->owner, i, verb == PROXY_CONSOLE_COMMAND_PAUSE);
    }
    if (change == 0) {
        proxy_console_reply_error(reply, "3D000", "no such database in this proxy's configuration");
    }
    return change;
}

uint32_t proxy_console_command(const struct proxy_console_source *source, struct span text,
                               struct proxy_console_reply *reply, const char **ret_tag)
{
    struct proxy_console_command_line line;
    proxy_console_command_split(text, &line);
    const char *name = line.count == 2 ? line.words[1] : NULL;
    if (line.count == 0) {
        static const uint8_t empty[] = {'I', 0, 0, 0, 4}; /* EmptyQueryResponse */
        proxy_console_reply_bytes(reply, span_of(empty, sizeof empty));
    } else if (line.count == 2 && strcasecmp(line.words[0], "show") == 0) {
        proxy_console_command_show(source, name, reply);
    } else if (line.count <= 2 && strcasecmp(line.words[0], "pause") == 0) {
        *ret_tag = "PAUSE";
        return proxy_console_command_change(source, name, PROXY_CONSOLE_COMMAND_PAUSE, reply);
    } else if (line.count == 2 && strcasecmp(line.words[0], "kill") == 0) {
        *ret_tag = "KILL";
        return proxy_console_command_change(source, name, PROXY_CONSOLE_COMMAND_KILL, reply);
    } else if (line.count <= 2 && strcasecmp(line.words[0], "resume") == 0) {
        if (proxy_console_command_change(source, name, PROXY_CONSOLE_COMMAND_RESUME, reply) != 0) {
            proxy_console_reply_complete(reply, "RESUME");
        }
    } else if (strcasecmp(line.words[0], "shutdown") == 0 || strcasecmp(line.words[0], "reload") == 0) {
        proxy_console_reply_error(reply, "0A000",
                                  "that is the service manager's: the supervisor would start the proxy again "
                                  "(systemctl stop holdfast, systemctl reload holdfast)");
    } else {
        proxy_console_reply_error(reply, "42601",
                                  "the console does not know this command; SHOW HELP names those it knows");
    }
    return PROXY_CONSOLE_COMMAND_NOTHING;
}
