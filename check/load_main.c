/* SPDX-License-Identifier: Apache-2.0
 * Works on a database as many clients do, and writes down what it was told: a history for holdfast-history.
 *
 *   holdfast-load --history FILE --writer HOST:PORT ... [--node HOST:PORT ...] [--processes 16] [--rate 200]
 *                 [--seconds N] [--end-seconds 60] [--timeout-ms 2500] [--base N] [--seed N] [--dbname shop] [--user
 * shop_tier1]
 *
 * --writer: proxies (or servers), any of which leads to the writer; --node: servers, for reads at replicas. Schema:
 * check/history.sql. Passwords come from PGPASSFILE. Without --seconds it works until SIGTERM; then everything is read
 * once more. Several runs on one database have different --base. 0: complete; 1: the end was not read; 2: usage. */
#include <getopt.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "load.h"
#include "load_end.h"
#include "load_work.h"

static struct load load_main_load;

/* Taken by the main thread alone, with sigtimedwait. */
static void load_main_signals(sigset_t *ret_set)
{
    (void)signal(SIGPIPE, SIG_IGN);
    (void)sigemptyset(ret_set);
    (void)sigaddset(ret_set, SIGTERM);
    (void)sigaddset(ret_set, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, ret_set, NULL);
}

static bool load_main_number(const char *text, int64_t low, int64_t high, int64_t *ret_number)
{
    char *end = NULL;
    const long long number = strtoll(text, &end, 10);
    if (end == text || *end != '\0' || number < low || number > high) {
        return false;
    }
    *ret_number = number;
    return true;
}

static bool load_main_target(struct load_target *targets, size_t *count, const char *text)
{
    const char *colon = strrchr(text, ':');
    if (colon == NULL || colon == text || *count == LOAD_TARGETS || (size_t)(colon - text) >= LOAD_TARGET ||
        strlen(colon + 1) == 0 || strlen(colon + 1) >= sizeof(targets->port)) {
        return false;
    }
    struct load_target *target = &targets[(*count)++];
    memcpy(target->host, text, (size_t)(colon - text));
    memcpy(target->port, colon + 1, strlen(colon + 1) + 1);
    return true;
}

enum load_main_option {
    LOAD_MAIN_HISTORY = 'h',
    LOAD_MAIN_WRITER = 'w',
    LOAD_MAIN_NODE = 'n',
    LOAD_MAIN_DBNAME = 'D',
    LOAD_MAIN_USER = 'U',
    LOAD_MAIN_NUMBERS = 256, /* from here on indices into the table below */
};

/* Options that are numbers. */
static const struct {
    const char *name;
    int64_t low;
    int64_t high;
} load_main_numbers[] = {
    {"processes", 1, LOAD_PROCESSES}, {"rate", 1, 100000}, {"seconds", 0, 1 << 30}, {"end-seconds", 1, 3600},
    {"timeout-ms", 100, 60000},       {"base", 0, 100000}, {"seed", 0, INT64_MAX},
};
enum { LOAD_MAIN_COUNT = 7 };

static bool load_main_option(struct load_config *config, int option, const char *text, const char **ret_path,
                             int64_t numbers[LOAD_MAIN_COUNT])
{
    switch (option) {
    case LOAD_MAIN_HISTORY:
        *ret_path = text;
        return true;
    case LOAD_MAIN_WRITER:
        return load_main_target(config->writers, &config->writers_count, text);
    case LOAD_MAIN_NODE:
        return load_main_target(config->nodes, &config->nodes_count, text);
    case LOAD_MAIN_DBNAME:
        config->dbname = text;
        return true;
    case LOAD_MAIN_USER:
        config->user = text;
        return true;
    default:
        break;
    }
    const int index = option - LOAD_MAIN_NUMBERS;
    return index >= 0 && index < LOAD_MAIN_COUNT &&
           load_main_number(text, load_main_numbers[index].low, load_main_numbers[index].high, &numbers[index]);
}

static bool load_main_options(int argc, char **argv, struct load_config *config, const char **ret_path)
{
    struct option options[LOAD_MAIN_COUNT + 6] = {
        {"history", required_argument, NULL, LOAD_MAIN_HISTORY}, {"writer", required_argument, NULL, LOAD_MAIN_WRITER},
        {"node", required_argument, NULL, LOAD_MAIN_NODE},       {"dbname", required_argument, NULL, LOAD_MAIN_DBNAME},
        {"user", required_argument, NULL, LOAD_MAIN_USER},
    };
    int64_t numbers[LOAD_MAIN_COUNT] = {16, 200, 0, 60, 2500, 0, 1};
    bool good = true;
    for (int i = 0; i < LOAD_MAIN_COUNT; i++) {
        options[5 + i] = (struct option){load_main_numbers[i].name, required_argument, NULL, LOAD_MAIN_NUMBERS + i};
    }
    *config = (struct load_config){.dbname = "shop", .user = "shop_tier1"};
    for (int option = getopt_long(argc, argv, "", options, NULL); option != -1 && good;
         option = getopt_long(argc, argv, "", options, NULL)) {
        good = load_main_option(config, option, optarg, ret_path, numbers);
    }
    config->processes = (unsigned)numbers[0];
    config->rate = (unsigned)numbers[1];
    config->seconds = (unsigned)numbers[2];
    config->end_seconds = (unsigned)numbers[3];
    config->timeout_ms = numbers[4];
    config->base = numbers[5];
    config->seed = (uint64_t)numbers[6];
    return good && optind == argc && *ret_path != NULL && config->writers_count > 0;
}

/* One process: an operation each so many microseconds; what was missed is not caught up. */
static void *load_main_process(void *argument)
{
    struct load_work *work = argument;
    const struct load_config *config = &work->load->config;
    const int64_t pace_us = (int64_t)config->processes * TIME_US_PER_S / config->rate;
    struct mono due = time_add_us(clock_mono(), pace_us * work->process / config->processes);
    while (!atomic_load(&work->load->stopping)) {
        const int64_t left_ms = time_since_ms(due, clock_mono());
        if (left_ms > 0) {
            (void)poll(NULL, 0, left_ms < 100 ? (int)left_ms : 100);
            continue;
        }
        (void)load_work_step(work);
        due = time_max(time_add_us(due, pace_us), clock_mono());
    }
    load_work_fini(work);
    return NULL;
}

static void load_main_wait(const sigset_t *set, unsigned seconds)
{
    const struct timespec time = {.tv_sec = seconds};
    int got;
    do {
        got = seconds > 0 ? sigtimedwait(set, NULL, &time) : sigwaitinfo(set, NULL);
    } while (got < 0 && seconds == 0);
}

static bool load_main_work(struct load *load, const sigset_t *signals)
{
    static pthread_t threads[LOAD_PROCESSES];
    static struct load_work *works[LOAD_PROCESSES + 1];
    for (unsigned i = 0; i <= load->config.processes; i++) {
        works[i] = calloc(1, sizeof(*works[i]));
        ASSERT(works[i] != NULL);
        load_work_init(works[i], load, i);
    }
    for (unsigned i = 0; i < load->config.processes; i++) {
        const int failed = pthread_create(&threads[i], NULL, load_main_process, works[i]);
        ASSERT(failed == 0);
    }
    load_main_wait(signals, load->config.seconds);
    atomic_store(&load->stopping, true);
    for (unsigned i = 0; i < load->config.processes; i++) {
        (void)pthread_join(threads[i], NULL);
        free(works[i]);
    }
    struct load_work *last = works[load->config.processes];
    const bool complete = load_end_read(last);
    load_work_fini(last);
    free(last);
    return complete;
}

int main(int argc, char **argv)
{
    struct load *load = &load_main_load;
    const char *path = NULL;
    sigset_t signals;
    if (!load_main_options(argc, argv, &load->config, &path)) {
        (void)fprintf(stderr, "usage: holdfast-load --history FILE --writer HOST:PORT ... [--node HOST:PORT ...]\n"
                              "         [--processes N] [--rate N] [--seconds N] [--end-seconds N] [--timeout-ms N]\n"
                              "         [--base N] [--seed N] [--dbname NAME] [--user NAME]\n");
        return 2;
    }
    load_main_signals(&signals);
    atomic_store(&load->numbers, load->config.base * LOAD_NUMBERS);
    (void)pthread_mutex_init(&load->lock, NULL);
    const enum err err = history_write_open(&load->write, path, LOAD_ACCOUNTS, LOAD_BALANCE);
    if (err != ERR_OK) {
        (void)fprintf(stderr, "holdfast-load: %s: %s\n", path, err_text(err));
        return 2;
    }
    const bool complete = load_main_work(load, &signals);
    history_write_close(&load->write);
    if (!complete) {
        (void)fprintf(stderr, "holdfast-load: no writer answered in time, the end was not read\n");
    }
    return complete ? 0 : 1;
}
