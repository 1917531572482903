/* SPDX-License-Identifier: Apache-2.0
 * Judges what clients of a database saw.
 *
 *   holdfast-history check [-o text|json] FILE...   0: clean; 1: findings; 2: not a history, or not enough memory
 *   holdfast-history show FILE...                   one operation per line, for people
 *   holdfast-history sample OPERATIONS              a clean history of made-up operations, to measure with */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "base/prng.h"
#include "base/time.h"
#include "check_bank.h"
#include "check_epoch.h"
#include "check_list.h"
#include "check_register.h"
#include "check_report.h"
#include "check_set.h"
#include "edge/clock.h"

enum {
    HISTORY_MAIN_LISTS = 20,   /* of a sample, at one time */
    HISTORY_MAIN_LENGTH = 32,  /* appends to one list */
    HISTORY_MAIN_PACE_US = 50, /* between two operations of a sample */
};

static bool history_main_read(struct history *history, char *const *paths, int count)
{
    for (int i = 0; i < count; i++) {
        size_t line = 0;
        FILE *file = fopen(paths[i], "re");
        if (file == NULL) {
            (void)fprintf(stderr, "holdfast-history: %s: %s\n", paths[i], strerror(errno));
            return false;
        }
        const enum err err = history_read(history, file, &line);
        (void)fclose(file);
        if (err != ERR_OK) {
            (void)fprintf(stderr, "holdfast-history: %s:%zu: %s\n", paths[i], line, err_text(err));
            return false;
        }
    }
    return true;
}

static void history_main_figures(const struct history *history, struct check_report *report)
{
    int64_t outcomes[HISTORY_OUTCOMES] = {0};
    for (size_t i = 0; i < history->ops_count; i++) {
        outcomes[history->ops[i].outcome]++;
    }
    check_report_figure(report, "history", "files", (int64_t)history->files);
    check_report_figure(report, "history", "torn", (int64_t)history->torn);
    check_report_figure(report, "history", "operations", (int64_t)history->ops_count);
    for (int i = 0; i < HISTORY_OUTCOMES; i++) {
        check_report_figure(report, "history", history_outcome_name((enum history_outcome)i), outcomes[i]);
    }
}

static enum err history_main_judge(const struct history *history, struct check_report *report)
{
    enum err err = check_set_judge(history, report);
    err = err == ERR_OK ? check_bank_judge(history, report) : err;
    err = err == ERR_OK ? check_register_judge(history, report) : err;
    err = err == ERR_OK ? check_epoch_judge(history, report) : err;
    return err == ERR_OK ? check_list_judge(history, report) : err;
}

static int history_main_check(int argc, char **argv)
{
    static struct history history;
    static struct check_report report;
    const bool option = argc > 1 && strcmp(argv[0], "-o") == 0;
    const bool json = option && strcmp(argv[1], "json") == 0;
    if ((option && !json && strcmp(argv[1], "text") != 0) || argc <= (option ? 2 : 0)) {
        return 3;
    }
    int status = 2;
    const struct mono began = clock_mono();
    history_init(&history);
    check_report_init(&report, &history);
    if (history_main_read(&history, argv + (option ? 2 : 0), argc - (option ? 2 : 0))) {
        const struct mono loaded = clock_mono();
        history_main_figures(&history, &report);
        const enum err err = history_main_judge(&history, &report);
        check_report_figure(&report, "time", "read_ms", time_since_ms(loaded, began));
        check_report_figure(&report, "time", "judge_ms", time_since_ms(clock_mono(), loaded));
        if (err != ERR_OK) {
            (void)fprintf(stderr, "holdfast-history: this history cannot be judged: %s\n", err_text(err));
        } else if (!json || check_report_json(&report, stdout)) {
            status = check_report_clean(&report) ? 0 : 1;
        }
        if (err == ERR_OK && !json) {
            check_report_print(&report, stdout);
        }
    }
    check_report_fini(&report);
    history_fini(&history);
    return status;
}

static int history_main_show(int argc, char **argv)
{
    static struct history history;
    char text[HISTORY_TEXT];
    history_init(&history);
    const bool good = argc > 0 && history_main_read(&history, argv, argc);
    for (size_t i = 0; good && i < history.ops_count; i++) {
        history_describe(&history, &history.ops[i], text, sizeof(text));
        (void)puts(text);
    }
    history_fini(&history);
    return good ? 0 : 2;
}

/* ---- a sample ---------------------------------------------------------------------------------------------------- */

struct history_main_list {
    int64_t key;
    int64_t count;
    int64_t values[HISTORY_MAIN_LENGTH];
};

static void history_main_print_list(const struct history_main_list *list)
{
    (void)printf(" r%" PRId64 ":", list->key);
    for (int64_t i = 0; i < list->count; i++) {
        (void)printf("%s%" PRId64, i > 0 ? "," : "", list->values[i]);
    }
}

/* One operation of a sample, done before the next begins. NULL: no append. */
static void history_main_sample_op(int64_t number, const struct history_main_list *read,
                                   struct history_main_list *append)
{
    const int64_t at = 1000000 + number * HISTORY_MAIN_PACE_US;
    (void)printf("i %" PRId64 " %" PRId64 " %" PRId64 " list serializable r%" PRId64, number, number % 50, at,
                 read->key);
    if (append != NULL) {
        (void)printf(" a%" PRId64 ":%" PRId64, append->key, number);
    }
    (void)printf("\no %" PRId64 " %" PRId64 " ok %" PRId64 " writer sample 1 1 1 -", number, at + 40, at + 20);
    history_main_print_list(read);
    (void)printf("\n");
    if (append != NULL) {
        append->values[append->count++] = number;
    }
}

/* A list that is full is read once more, and replaced. */
static int64_t history_main_sample_ops(struct history_main_list *lists, int64_t count, struct prng *prng)
{
    int64_t keys = HISTORY_MAIN_LISTS;
    int64_t number = 0;
    while (number < count) {
        struct history_main_list *append = &lists[prng_below(prng, HISTORY_MAIN_LISTS)];
        history_main_sample_op(number++, &lists[prng_below(prng, HISTORY_MAIN_LISTS)], append);
        if (append->count == HISTORY_MAIN_LENGTH) {
            history_main_sample_op(number++, append, NULL);
            *append = (struct history_main_list){.key = keys++};
        }
    }
    return number;
}

static int history_main_sample(int argc, char **argv)
{
    static struct history_main_list lists[HISTORY_MAIN_LISTS];
    struct prng prng;
    char *end = NULL;
    const int64_t count = argc == 1 ? strtoll(argv[0], &end, 10) : 0;
    if (count <= 0 || count > HISTORY_OPS / 2 || *end != '\0') {
        return 3;
    }
    prng_init(&prng, 1);
    for (int64_t i = 0; i < HISTORY_MAIN_LISTS; i++) {
        lists[i].key = i;
    }
    (void)puts("holdfast-history 1 0 0");
    const int64_t number = history_main_sample_ops(lists, count, &prng);
    for (int64_t i = 0; i < HISTORY_MAIN_LISTS; i++) {
        history_main_sample_op(number + i, &lists[i], NULL);
    }
    return fflush(stdout) == 0 ? 0 : 2;
}

int main(int argc, char **argv)
{
    int status = 3;
    if (argc > 1 && strcmp(argv[1], "check") == 0) {
        status = history_main_check(argc - 2, argv + 2);
    } else if (argc > 1 && strcmp(argv[1], "show") == 0) {
        status = history_main_show(argc - 2, argv + 2);
    } else if (argc > 1 && strcmp(argv[1], "sample") == 0) {
        status = history_main_sample(argc - 2, argv + 2);
    }
    if (status == 3) {
        (void)fprintf(stderr, "usage: holdfast-history check [-o text|json] FILE...\n"
                              "       holdfast-history show FILE...\n"
                              "       holdfast-history sample OPERATIONS\n");
        return 2;
    }
    return status;
}
