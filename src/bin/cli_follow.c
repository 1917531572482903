/* SPDX-License-Identifier: Apache-2.0
 * Following a run. */
#include "bin/cli_follow.h"

#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "bin/cli_run.h"
#include "bin/cli_text.h"
#include "bin/cli_view.h"
#include "bin/verb.h"
#include "edge/clock.h"

enum {
    CLI_FOLLOW_LOOK_NS = 200 * 1000000,
    CLI_FOLLOW_PATIENCE_MS = 10 * 60 * 1000,
    CLI_FOLLOW_SILENCE_MS = 30 * 1000,
};

struct cli_follow_state {
    size_t told; /* steps printed so far */
    bool waiting;
    bool undoing;
};

static volatile sig_atomic_t cli_follow_stopped;

static void cli_follow_stop(int number)
{
    (void)number;
    cli_follow_stopped = 1;
}

static void cli_follow_step(const json_t *run, const json_t *step)
{
    char at[CLI_TEXT_SPAN];
    char took[CLI_TEXT_SPAN];
    char name[CLI_RUN_NAME];
    const int64_t began = cli_text_integer(run, "began_boot_us", 0);
    const int64_t ended = cli_text_integer(step, "ended_boot_us", 0);
    printf("+%-8s %-16s %-9s %8s  %s\n", cli_text_span(ended > began ? (ended - began) / 1000 : 0, at),
           cli_run_name(step, name), cli_text_member(step, "state"),
           cli_text_span(cli_text_integer(step, "ms", 0), took), cli_text_member(step, "detail"));
}

/* What is new since the last look. */
static void cli_follow_news(struct cli_follow_state *state, const json_t *run)
{
    const json_t *steps = json_object_get(run, "steps");
    const char *word = cli_text_member(run, "state");
    while (state->told < json_array_size(steps)) {
        const json_t *step = json_array_get(steps, state->told);
        const char *step_state = cli_text_member(step, "state");
        if (strcmp(step_state, "pending") == 0 || strcmp(step_state, "running") == 0) {
            break;
        }
        cli_follow_step(run, step);
        state->told++;
    }
    if (strcmp(word, "waiting") == 0 && !state->waiting) {
        printf("waits for a person: %s; `holdfast approve %lld` or `holdfast abort %lld`\n",
               cli_text_member(run, "problem"), (long long)cli_text_integer(run, "id", 0),
               (long long)cli_text_integer(run, "id", 0));
    }
    if (strcmp(word, "undoing") == 0 && !state->undoing) {
        printf("is being undone: %s\n", cli_text_member(run, "problem"));
    }
    state->waiting = strcmp(word, "waiting") == 0;
    state->undoing = strcmp(word, "undoing") == 0;
    (void)fflush(stdout);
}

static int cli_follow_end(const struct cli_option *option, const json_t *run)
{
    char took[CLI_TEXT_SPAN];
    char rto[CLI_TEXT_SPAN];
    const char *problem = cli_text_member(run, "problem");
    if (option->format >= CLI_OPTION_JSON) {
        const int printed = cli_view_data(option, run);
        return printed != VERB_OK ? printed : cli_run_exit(cli_text_member(run, "state"));
    }
    printf("run %lld %s after %s", (long long)cli_text_integer(run, "id", 0), cli_text_member(run, "state"),
           cli_text_span(cli_text_integer(run, "duration_ms", -1), took));
    if (cli_text_integer(run, "rto_ms", -1) >= 0) {
        printf(", served again after %s", cli_text_span(cli_text_integer(run, "rto_ms", -1), rto));
    }
    printf("%s%s\n", problem[0] != 0 ? ": " : "", problem);
    return cli_run_exit(cli_text_member(run, "state"));
}

static int cli_follow_left(int64_t run)
{
    fprintf(stderr,
            "holdfast: run %lld goes on; look at it with `holdfast status`, end it with `holdfast abort %lld`\n",
            (long long)run, (long long)run);
    return VERB_TIMEOUT;
}

int cli_follow(struct cli_client *client, const struct cli_option *option, int64_t run)
{
    const struct timespec pause = {.tv_nsec = CLI_FOLLOW_LOOK_NS};
    const struct sigaction action = {.sa_handler = cli_follow_stop};
    const struct mono until =
        time_add_ms(clock_mono(), option->timeout_ms > 0 ? option->timeout_ms : CLI_FOLLOW_PATIENCE_MS);
    struct mono heard = clock_mono();
    struct cli_follow_state state = {0};
    char path[64];
    snprintf(path, sizeof path, "/v1/runs/%lld", (long long)run);
    sigaction(SIGINT, &action, NULL);
    while (!cli_follow_stopped && !time_reached(clock_mono(), until)) {
        json_t *json = NULL;
        const int code = cli_client_get(client, path, &json);
        if (code == VERB_OK) {
            heard = clock_mono();
            if (option->format < CLI_OPTION_JSON) {
                cli_follow_news(&state, json);
            }
            if (cli_run_exit(cli_text_member(json, "state")) >= 0) {
                const int end = cli_follow_end(option, json);
                json_decref(json);
                return end;
            }
            json_decref(json);
        } else if (time_since_ms(clock_mono(), heard) > CLI_FOLLOW_SILENCE_MS) {
            return cli_client_complain(client, code);
        }
        nanosleep(&pause, NULL);
    }
    return cli_follow_left(run);
}
