/* SPDX-License-Identifier: Apache-2.0
 * The commands of the console. */
#include "proxy/proxy_console_command.h"

#include <string.h>
#include <strings.h>

#include "base/assert.h"
#include "proxy/proxy_console_show.h"

enum {
    PROXY_CONSOLE_COMMAND_WORDS = 4,
    PROXY_CONSOLE_COMMAND_WORD = PROXY_ROUTE_NAME,
};

struct proxy_console_command_line {
    uint32_t count; /* more than fit: too many */
    char words[PROXY_CONSOLE_COMMAND_WORDS][PROXY_CONSOLE_COMMAND_WORD];
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

/* ---- what is done to entries; each answers with the number of the change ---- */

static uint32_t proxy_console_command_pause(const struct proxy_console_source *source, uint32_t route)
{
    return source->pause(source->owner, route, true);
}

static uint32_t proxy_console_command_resume(const struct proxy_console_source *source, uint32_t route)
{
    return source->pause(source->owner, route, false);
}

static uint32_t proxy_console_command_kill(const struct proxy_console_source *source, uint32_t route)
{
    return source->kill(source->owner, route);
}

static uint32_t proxy_console_command_renew(const struct proxy_console_source *source, uint32_t route)
{
    return source->renew(source->owner, route);
}

/* ---- the table ---- */

enum proxy_console_command_kind {
    PROXY_CONSOLE_COMMAND_SHOW,
    PROXY_CONSOLE_COMMAND_HELP,
    PROXY_CONSOLE_COMMAND_RELOAD,
    PROXY_CONSOLE_COMMAND_ENTRIES, /* of one entry, or of all */
    PROXY_CONSOLE_COMMAND_ENTRY,   /* of one that is named */
};

struct proxy_console_command_row {
    const char *words[2]; /* the second one NULL: an entry's name stands there */
    enum proxy_console_command_kind kind;
    bool waits; /* the answer is given when the change is carried out */
    const char *text;
    enum proxy_console_show_what what;
    uint32_t (*change)(const struct proxy_console_source *source, uint32_t route);
};

#define PROXY_CONSOLE_COMMAND_SHOWS(word, show, prose)                                                                 \
    {                                                                                                                  \
        .words = {"SHOW", word}, .kind = PROXY_CONSOLE_COMMAND_SHOW, .what = (show), .text = (prose)                   \
    }

static const struct proxy_console_command_row proxy_console_command_table[] = {
    PROXY_CONSOLE_COMMAND_SHOWS("CLIENTS", PROXY_CONSOLE_SHOW_CLIENTS,
                                "SHOW CLIENTS: sessions, where they come from, and the node that serves them"),
    PROXY_CONSOLE_COMMAND_SHOWS("SERVERS", PROXY_CONSOLE_SHOW_SERVERS, "SHOW SERVERS: connections to servers"),
    PROXY_CONSOLE_COMMAND_SHOWS("DATABASES", PROXY_CONSOLE_SHOW_DATABASES,
                                "SHOW DATABASES: entries of the configuration, where new sessions go, what is paused"),
    PROXY_CONSOLE_COMMAND_SHOWS("POOLS", PROXY_CONSOLE_SHOW_POOLS,
                                "SHOW POOLS: sessions and their servers by entry and user"),
    PROXY_CONSOLE_COMMAND_SHOWS("STATS", PROXY_CONSOLE_SHOW_STATS,
                                "SHOW STATS: transactions, queries, bytes and microseconds by entry"),
    PROXY_CONSOLE_COMMAND_SHOWS("COUNTERS", PROXY_CONSOLE_SHOW_COUNTERS, "SHOW COUNTERS: what the proxy counts"),
    PROXY_CONSOLE_COMMAND_SHOWS(
        "CONFIG", PROXY_CONSOLE_SHOW_CONFIG,
        "SHOW CONFIG: settings with their defaults, and whether RELOAD is enough to change them"),
    PROXY_CONSOLE_COMMAND_SHOWS("VERSION", PROXY_CONSOLE_SHOW_VERSION, "SHOW VERSION"),
    {.words = {"SHOW", "HELP"}, .kind = PROXY_CONSOLE_COMMAND_HELP, .text = "SHOW HELP"},
    {.words = {"RELOAD"},
     .kind = PROXY_CONSOLE_COMMAND_RELOAD,
     .text = "RELOAD: the configuration and its files are read again, a moment later; the log says what came of it"},
    {.words = {"PAUSE"},
     .kind = PROXY_CONSOLE_COMMAND_ENTRIES,
     .waits = true,
     .change = proxy_console_command_pause,
     .text = "PAUSE [NAME]: sessions stop at their next transaction boundary; ends when all have"},
    {.words = {"RESUME"},
     .kind = PROXY_CONSOLE_COMMAND_ENTRIES,
     .change = proxy_console_command_resume,
     .text = "RESUME [NAME]: they go on"},
    {.words = {"RECONNECT"},
     .kind = PROXY_CONSOLE_COMMAND_ENTRIES,
     .change = proxy_console_command_renew,
     .text = "RECONNECT [NAME]: server connections are replaced at their next transaction boundary"},
    {.words = {"KILL"},
     .kind = PROXY_CONSOLE_COMMAND_ENTRY,
     .waits = true,
     .change = proxy_console_command_kill,
     .text = "KILL NAME: ends all sessions of an entry at once; new ones wait until RESUME"},
};

enum { PROXY_CONSOLE_COMMAND_COUNT = sizeof proxy_console_command_table / sizeof proxy_console_command_table[0] };

static void proxy_console_command_help(struct proxy_console_reply *reply)
{
    static const char *const names[] = {"command", NULL};
    proxy_console_reply_columns(reply, names);
    for (size_t i = 0; i < PROXY_CONSOLE_COMMAND_COUNT; i++) {
        proxy_console_reply_row(reply, &proxy_console_command_table[i].text, 1);
    }
}

static bool proxy_console_command_matches(const struct proxy_console_command_row *row,
                                          const struct proxy_console_command_line *line)
{
    if (strcasecmp(line->words[0], row->words[0]) != 0) {
        return false;
    }
    if (row->words[1] != NULL) {
        return line->count == 2 && strcasecmp(line->words[1], row->words[1]) == 0;
    }
    if (row->kind == PROXY_CONSOLE_COMMAND_RELOAD) {
        return line->count == 1;
    }
    return line->count == 2 || (line->count == 1 && row->kind == PROXY_CONSOLE_COMMAND_ENTRIES);
}

static const struct proxy_console_command_row *proxy_console_command_find(const struct proxy_console_command_line *line)
{
    for (size_t i = 0; i < PROXY_CONSOLE_COMMAND_COUNT; i++) {
        if (proxy_console_command_matches(&proxy_console_command_table[i], line)) {
            return &proxy_console_command_table[i];
        }
    }
    return NULL;
}

/* `name` NULL: all. The number of the last change; 0: no such entry, and the answer says so. */
static uint32_t proxy_console_command_change(const struct proxy_console_source *source,
                                             const struct proxy_console_command_row *row, const char *name,
                                             struct proxy_console_reply *reply)
{
    struct proxy_entries entries;
    uint32_t change = 0;
    source->entries(source->owner, &entries);
    for (uint32_t i = 0; i < entries.count; i++) {
        if (!entries.routes[i].closed && (name == NULL || strcmp(name, entries.routes[i].name) == 0)) {
            change = row->change(source, i);
        }
    }
    if (change == 0) {
        proxy_console_reply_error(reply, "3D000", "no such database in this proxy's configuration");
    }
    return change;
}

static void proxy_console_command_unknown(const char *word, struct proxy_console_reply *reply)
{
    if (strcasecmp(word, "shutdown") == 0) {
        proxy_console_reply_error(reply, "0A000",
                                  "that is the service manager's: the supervisor would start the proxy again "
                                  "(systemctl stop holdfast)");
    } else {
        proxy_console_reply_error(reply, "42601",
                                  "the console does not know this command; SHOW HELP names those it knows");
    }
}

uint32_t proxy_console_command(const struct proxy_console_source *source, struct span text,
                               struct proxy_console_reply *reply, const char **ret_tag)
{
    struct proxy_console_command_line line;
    proxy_console_command_split(text, &line);
    if (line.count == 0) {
        static const uint8_t empty[] = {'I', 0, 0, 0, 4}; /* EmptyQueryResponse */
        proxy_console_reply_bytes(reply, span_of(empty, sizeof empty));
        return PROXY_CONSOLE_COMMAND_NOTHING;
    }
    const struct proxy_console_command_row *row = proxy_console_command_find(&line);
    if (row == NULL) {
        proxy_console_command_unknown(line.words[0], reply);
        return PROXY_CONSOLE_COMMAND_NOTHING;
    }
    if (row->kind == PROXY_CONSOLE_COMMAND_SHOW) {
        proxy_console_show(source, row->what, reply);
    } else if (row->kind == PROXY_CONSOLE_COMMAND_HELP) {
        proxy_console_command_help(reply);
    } else if (row->kind == PROXY_CONSOLE_COMMAND_RELOAD) {
        source->reload(source->owner);
    } else {
        const char *name = line.count == 2 ? line.words[1] : NULL;
        const uint32_t change = proxy_console_command_change(source, row, name, reply);
        if (change == 0 || row->waits) {
            *ret_tag = row->words[0];
            return change;
        }
    }
    proxy_console_reply_complete(reply, row->words[0]);
    return PROXY_CONSOLE_COMMAND_NOTHING;
}
