/* SPDX-License-Identifier: Apache-2.0
 * Reading and following the journal. */
#include "bin/cli_event.h"

#include <inttypes.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "bin/cli_view.h"
#include "bin/verb.h"
#include "edge/sse.h"

enum {
    CLI_EVENT_MEMORY = 64 * 1024,
    CLI_EVENT_ENTRIES = 20000, /* of one run, at most */
    CLI_EVENT_PAUSE_NS = 500 * 1000000,
};

static const char *cli_event_mark(int64_t us, char ret_mark[CLI_TEXT_SPAN])
{
    const int64_t ms = us < 0 ? -us / 1000 : us / 1000;
    snprintf(ret_mark, CLI_TEXT_SPAN, "%c%" PRId64 ".%03d", us < 0 ? '-' : '+', ms / 1000, (int)(ms % 1000));
    return ret_mark;
}

static enum cli_text_paint cli_event_paint(const char *kind)
{
    static const struct {
        const char *kind;
        enum cli_text_paint paint;
    } paints[] = {{"CHECK_FAILED", CLI_TEXT_BAD}, {"STEP_FAILED", CLI_TEXT_BAD},    {"NO_CANDIDATE", CLI_TEXT_BAD},
                  {"NO_WRITER", CLI_TEXT_BAD},    {"RUN_WAITING", CLI_TEXT_WARN},   {"RUN_UNDOING", CLI_TEXT_WARN},
                  {"STEP_UNDONE", CLI_TEXT_WARN}, {"STEP_UNPROVEN", CLI_TEXT_WARN}, {"NODE_SILENT", CLI_TEXT_WARN},
                  {"SITE_SILENT", CLI_TEXT_WARN}, {"DECISION", CLI_TEXT_BOLD}};
    for (size_t i = 0; i < sizeof paints / sizeof paints[0]; i++) {
        if (strcmp(kind, paints[i].kind) == 0) {
            return paints[i].paint;
        }
    }
    return CLI_TEXT_PLAIN;
}

void cli_event_draw(struct cli_text *text, const json_t *events, int64_t zero_us)
{
    size_t index = 0;
    const json_t *event = NULL;
    json_array_foreach(events, index, event)
    {
        char mark[CLI_TEXT_SPAN];
        const char *kind = cli_text_member(event, "kind");
        buf_printf(&text->out, "%10s s  ", cli_event_mark(cli_text_integer(event, "boot_us", zero_us) - zero_us, mark));
        cli_text_print(text, cli_event_paint(kind), "%-18s %s\n", kind, cli_text_member(event, "text"));
    }
}

int cli_event_read(struct cli_client *client, const char *run, int64_t after, json_t **ret_events)
{
    json_t *all = json_array();
    for (;;) {
        char path[160];
        json_t *page = NULL;
        snprintf(path, sizeof path, "/v1/events?after=%" PRId64 "%s%s", after, run != NULL ? "&run=" : "",
                 run != NULL ? run : "");
        const int code = cli_client_get(client, path, &page);
        if (code != VERB_OK) {
            json_decref(all);
            return cli_client_complain(client, code);
        }
        json_t *events = json_object_get(page, "events");
        const size_t count = json_array_size(events);
        json_array_extend(all, events);
        after = count > 0 ? cli_text_integer(json_array_get(events, count - 1), "number", after) : after;
        json_decref(page);
        if (count == 0 || json_array_size(all) >= CLI_EVENT_ENTRIES) {
            *ret_events = all;
            return VERB_OK;
        }
    }
}

/* ---- timeline ---- */

static int cli_event_timeline_show(struct cli_client *client, const struct cli_option *option)
{
    json_t *events = NULL;
    int code = cli_event_read(client, option->operands[0], 0, &events);
    if (code != VERB_OK) {
        return code;
    }
    if (json_array_size(events) == 0) {
        fprintf(stderr, "holdfast: the journal knows no run %s\n", option->operands[0]);
        code = VERB_FAILED;
    } else if (option->format >= CLI_OPTION_JSON) {
        code = cli_view_data(option, events);
    } else {
        struct cli_text text;
        cli_view_begin(&text, option);
        const json_t *first = json_array_get(events, 0);
        buf_printf(&text.out, "run %s, from %s\n", option->operands[0], cli_text_member(first, "time"));
        cli_event_draw(&text, events, cli_text_integer(first, "boot_us", 0));
        code = cli_view_flush(&text);
    }
    json_decref(events);
    return code;
}

static bool cli_event_number(const char *text)
{
    return text[0] != 0 && strlen(text) < 19 && strspn(text, "0123456789") == strlen(text);
}

int cli_event_timeline(int argc, char **argv)
{
    static const struct cli_option_verb verb = {
        .name = "timeline",
        .usage = "ID [OPTION...]",
        .about = "Everything in the journal about one run, in seconds from its start.",
        .example = "holdfast timeline 7",
        .operands_min = 1,
        .operands_max = 1};
    struct cli_option option;
    struct cli_client *client = NULL;
    int code = cli_option_parse(argc, argv, &verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    if (!cli_event_number(option.operands[0])) {
        fprintf(stderr, "holdfast: a run has a number, not '%s'; `holdfast history` shows them\n", option.operands[0]);
        return VERB_USAGE;
    }
    code = cli_client_open(&option, false, &client);
    code = code != VERB_OK ? code : cli_event_timeline_show(client, &option);
    cli_client_close(client);
    return code;
}

/* ---- events ---- */

struct cli_event_follower {
    const struct cli_option *option;
    struct sse sse;
    uint64_t last;
    bool broken;
};

static atomic_bool cli_event_stopped;

static void cli_event_stop(int number)
{
    (void)number;
    atomic_store(&cli_event_stopped, true);
}

static void cli_event_line(const struct cli_option *option, const json_t *event)
{
    if (option->format >= CLI_OPTION_JSON) {
        (void)json_dumpf(event, stdout, JSON_COMPACT);
        fputc('\n', stdout);
    } else {
        printf("%6lld  %s  %-18s %s\n", (long long)cli_text_integer(event, "number", 0), cli_text_member(event, "time"),
               cli_text_member(event, "kind"), cli_text_member(event, "text"));
    }
    (void)fflush(stdout);
}

static void cli_event_take(void *context, const struct sse_event *event)
{
    struct cli_event_follower *follower = context;
    json_t *json = json_loadb(event->data, event->size, 0, NULL);
    if (json_is_object(json)) {
        cli_event_line(follower->option, json);
    }
    follower->last = event->id;
    json_decref(json);
}

static bool cli_event_chunk(void *context, const void *data, size_t size)
{
    struct cli_event_follower *follower = context;
    follower->broken = sse_feed(&follower->sse, data, size) != ERR_OK || ferror(stdout) != 0;
    return !follower->broken && !atomic_load(&cli_event_stopped);
}

/* The number of the newest event: following begins behind it. */
static int cli_event_newest(struct cli_client *client, uint64_t *ret_number)
{
    json_t *page = NULL;
    const int code = cli_client_get(client, "/v1/events", &page);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    *ret_number = (uint64_t)cli_text_integer(page, "newest", 0);
    json_decref(page);
    return VERB_OK;
}

/* Opens the stream again when it breaks: from the last event seen, so nothing is missed or shown twice. */
static int cli_event_follow(struct cli_client *client, const struct cli_option *option)
{
    const struct sigaction action = {.sa_handler = cli_event_stop};
    const struct timespec pause = {.tv_nsec = CLI_EVENT_PAUSE_NS};
    struct cli_event_follower follower = {.option = option};
    char memory[CLI_EVENT_MEMORY];
    int code = VERB_OK;
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    if (option->after != NULL) {
        follower.last = strtoull(option->after, NULL, 10);
    } else {
        code = cli_event_newest(client, &follower.last);
    }
    while (code == VERB_OK && !atomic_load(&cli_event_stopped) && ferror(stdout) == 0) {
        char path[96];
        const struct http_client_sink sink = {.chunk = cli_event_chunk, .context = &follower};
        snprintf(path, sizeof path, "/v1/events?follow=1&after=%" PRIu64, follower.last);
        sse_init(&follower.sse, memory, sizeof memory, cli_event_take, &follower);
        code = cli_client_stream(client, path, &sink, &cli_event_stopped);
        if (code == VERB_OK && !atomic_load(&cli_event_stopped)) {
            nanosleep(&pause, NULL);
        }
    }
    return code == VERB_OK || atomic_load(&cli_event_stopped) ? VERB_OK : cli_client_complain(client, code);
}

static int cli_event_list(struct cli_client *client, const struct cli_option *option)
{
    json_t *page = NULL;
    char path[96];
    size_t index = 0;
    const json_t *event = NULL;
    snprintf(path, sizeof path, "/v1/events%s%s", option->after != NULL ? "?after=" : "",
             option->after != NULL ? option->after : "");
    int code = cli_client_get(client, path, &page);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    if (option->format >= CLI_OPTION_JSON) {
        code = cli_view_data(option, page);
    } else {
        json_array_foreach(json_object_get(page, "events"), index, event)
        {
            cli_event_line(option, event);
        }
    }
    json_decref(page);
    return code;
}

int cli_event(int argc, char **argv)
{
    static const struct cli_option_verb verb = {
        .name = "events",
        .usage = "[--after N] [--follow] [OPTION...]",
        .about = "The journal: the latest entries, or everything that happens from now on (-o json: a line each).",
        .example = "holdfast events --follow",
        .takes = CLI_OPTION_FOLLOWS};
    struct cli_option option;
    struct cli_client *client = NULL;
    int code = cli_option_parse(argc, argv, &verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    if (option.after != NULL && !cli_event_number(option.after)) {
        fprintf(stderr, "holdfast events: --after is the number of an event: %s\n", option.after);
        return VERB_USAGE;
    }
    code = cli_client_open(&option, false, &client);
    if (code == VERB_OK) {
        code = option.follow ? cli_event_follow(client, &option) : cli_event_list(client, &option);
    }
    cli_client_close(client);
    return code;
}
