/* SPDX-License-Identifier: Apache-2.0
 * One answer on the screen, once or again and again. */
#include "bin/cli_view.h"

#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/assert.h"
#include "bin/verb.h"

enum { CLI_VIEW_SECOND_NS = 1000000000 - 1 };

static volatile sig_atomic_t cli_view_stopped;

static void cli_view_stop(int number)
{
    (void)number;
    cli_view_stopped = 1;
}

void cli_view_begin(struct cli_text *text, const struct cli_option *option)
{
    void *memory = malloc(CLI_TEXT_BYTES);
    ASSERT(memory != NULL);
    *text = (struct cli_text){.color = option->color, .wide = option->format == CLI_OPTION_WIDE};
    buf_init(&text->out, memory, CLI_TEXT_BYTES);
}

int cli_view_flush(struct cli_text *text)
{
    const bool good = fwrite(text->out.data, 1, text->out.size, stdout) == text->out.size && fflush(stdout) == 0;
    if (text->out.overflow) {
        fputs("holdfast: the answer is too long for a table; use -o json\n", stderr);
    }
    free(text->out.data);
    return good ? VERB_OK : VERB_FAILED;
}

int cli_view_data(const struct cli_option *option, const json_t *json)
{
    bool good = true;
    if (option->format == CLI_OPTION_JSON) {
        good = json_dumpf(json, stdout, JSON_INDENT(2) | JSON_ENCODE_ANY | JSON_REAL_PRECISION(12)) == 0;
        good = fputc('\n', stdout) != EOF && good;
    } else {
        struct cli_text text;
        cli_view_begin(&text, option);
        cli_text_yaml(&text.out, json);
        return cli_view_flush(&text);
    }
    return good && fflush(stdout) == 0 ? VERB_OK : VERB_FAILED;
}

void cli_view_path(char *ret_path, size_t size, const char *path, const char *name, const char *value)
{
    struct buf buf;
    buf_init(&buf, ret_path, size);
    buf_text(&buf, path);
    if (value != NULL) {
        buf_printf(&buf, "?%s=", name);
        for (; *value != 0; value++) {
            const unsigned char byte = (unsigned char)*value;
            buf_printf(&buf, isalnum(byte) || byte == '-' || byte == '_' || byte == '.' ? "%c" : "%%%02X", byte);
        }
    }
    ASSERT(!buf.overflow);
}

static int cli_view_once(struct cli_client *client, const struct cli_option *option, const struct cli_view *view)
{
    json_t *answer = NULL;
    int code = cli_client_get(client, view->path, &answer);
    if (code != VERB_OK) {
        return cli_client_complain(client, code);
    }
    struct cli_text text;
    cli_view_begin(&text, option);
    code = view->draw(&text, answer, client, option);
    int printed = VERB_OK;
    if (option->format >= CLI_OPTION_JSON) {
        buf_reset(&text.out);
        printed = cli_view_data(option, answer);
    }
    const int flushed = cli_view_flush(&text);
    json_decref(answer);
    return printed != VERB_OK ? printed : flushed != VERB_OK ? flushed : code;
}

/* One picture: the screen is replaced only when the next one is ready, so that it does not flicker. */
static void cli_view_picture(struct cli_client *client, const struct cli_option *option, const struct cli_view *view)
{
    json_t *answer = NULL;
    struct cli_text text;
    const int code = cli_client_get(client, view->path, &answer);
    cli_view_begin(&text, option);
    buf_text(&text.out, isatty(STDOUT_FILENO) == 1 ? "\033[H\033[2J" : "");
    if (code == VERB_OK) {
        (void)view->draw(&text, answer, client, option);
    } else {
        cli_text_print(&text, CLI_TEXT_BAD, "%s\n", cli_client_message(client));
    }
    (void)cli_view_flush(&text);
    json_decref(answer);
}

static int cli_view_watch(struct cli_client *client, const struct cli_option *option, const struct cli_view *view)
{
    const struct sigaction action = {.sa_handler = cli_view_stop};
    const struct timespec pause = {.tv_nsec = CLI_VIEW_SECOND_NS};
    sigaction(SIGINT, &action, NULL);
    sigaction(SIGTERM, &action, NULL);
    while (!cli_view_stopped && ferror(stdout) == 0) {
        cli_view_picture(client, option, view);
        if (!cli_view_stopped) {
            nanosleep(&pause, NULL);
        }
    }
    fputs("\n", stdout);
    return VERB_OK;
}

int cli_view_show(struct cli_client *client, const struct cli_option *option, const struct cli_view *view)
{
    return option->watch ? cli_view_watch(client, option, view) : cli_view_once(client, option, view);
}

int cli_view_verb(int argc, char **argv, const struct cli_option_verb *verb, const struct cli_view *view)
{
    struct cli_option option;
    struct cli_client *client = NULL;
    int code = cli_option_parse(argc, argv, verb, &option);
    if (code != CLI_OPTION_GO) {
        return code;
    }
    code = cli_client_open(&option, false, &client);
    if (code == VERB_OK) {
        char path[512];
        /* The operand of such a verb is the region to look at. */
        if (option.operands_count > 0 && strlen(option.operands[0]) > 64) {
            fprintf(stderr, "holdfast: no region has such a long name\n");
            code = VERB_USAGE;
        } else {
            cli_view_path(path, sizeof path, view->path, "region",
                          option.operands_count > 0 ? option.operands[0] : NULL);
            const struct cli_view asked = {.path = path, .draw = view->draw};
            code = cli_view_show(client, &option, &asked);
        }
    }
    cli_client_close(client);
    return code;
}
