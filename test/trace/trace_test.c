/* SPDX-License-Identifier: Apache-2.0
 * Trace tests: each DIR/NAME.scenario is played in the simulator; its story must be DIR/NAME.story, to the letter.
 * With --bless the stories are written instead: read the difference before committing it. */
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "scenario.h"

enum { TRACE_TEST_BYTES = 1 << 20, TRACE_TEST_FILES = 64, TRACE_TEST_PATH = 512 };

struct trace_test_story {
    char *text;
    size_t size;
    int64_t from_us;
};

static void trace_test_line(void *context, const char *line)
{
    struct trace_test_story *story = context;
    const size_t size = strlen(line);
    const double seconds = strtod(line, NULL);
    if (seconds * 1000000 >= (double)story->from_us && story->size + size + 2 < TRACE_TEST_BYTES) {
        memcpy(story->text + story->size, line, size);
        story->text[story->size + size] = '\n';
        story->size += size + 1;
    }
}

/* The whole file as text; NULL when there is none. The caller frees. */
static char *trace_test_read(const char *path)
{
    FILE *file = fopen(path, "re");
    char *text = calloc(1, TRACE_TEST_BYTES);
    if (file == NULL || text == NULL) {
        free(text);
        return NULL;
    }
    const size_t size = fread(text, 1, TRACE_TEST_BYTES - 1, file);
    text[size] = 0;
    fclose(file);
    return text;
}

static bool trace_test_write(const char *path, const struct trace_test_story *story)
{
    FILE *file = fopen(path, "we");
    if (file == NULL) {
        return false;
    }
    const bool whole = fwrite(story->text, 1, story->size, file) == story->size;
    return fclose(file) == 0 && whole;
}

/* The first line that differs. */
static void trace_test_difference(const char *wanted, const char *got)
{
    uint32_t line = 1;
    while (*wanted != 0 && *got != 0) {
        const size_t a = strcspn(wanted, "\n");
        const size_t b = strcspn(got, "\n");
        if (a != b || memcmp(wanted, got, a) != 0) {
            break;
        }
        wanted += a + (wanted[a] != 0);
        got += b + (got[b] != 0);
        line++;
    }
    printf("# line %u\n#  story: %.*s\n#  now:   %.*s\n", line, (int)strcspn(wanted, "\n"), wanted,
           (int)strcspn(got, "\n"), got);
}

static bool trace_test_play(const char *text, const char *name, struct trace_test_story *story)
{
    static struct scenario scenario;
    if (!scenario_parse(text, &scenario)) {
        printf("# %s:%u: %s\n", name, scenario.line, scenario.problem);
        return false;
    }
    story->from_us = scenario.from_us;
    const struct sim_options options = {.seed = scenario.seed,
                                        .model = &scenario.model,
                                        .script = &scenario.script,
                                        .say = trace_test_line,
                                        .context = story};
    struct sim_result result;
    sim_run(&options, &result);
    if (result.violated) {
        printf("# %s: %s\n", name, result.violation);
    }
    return !result.violated;
}

static bool trace_test_one(const char *directory, const char *name, bool bless)
{
    char path[TRACE_TEST_PATH];
    snprintf(path, sizeof path, "%s/%s", directory, name);
    char *text = trace_test_read(path);
    struct trace_test_story story = {.text = calloc(1, TRACE_TEST_BYTES)};
    bool good = text != NULL && story.text != NULL && trace_test_play(text, name, &story);
    snprintf(path, sizeof path, "%s/%.*s.story", directory, (int)(strlen(name) - strlen(".scenario")), name);
    char *wanted = trace_test_read(path);
    if (good && bless) {
        good = trace_test_write(path, &story);
    } else if (good && (wanted == NULL || strcmp(wanted, story.text) != 0)) {
        trace_test_difference(wanted != NULL ? wanted : "", story.text);
        good = false;
    }
    free(wanted);
    free(text);
    free(story.text);
    return good;
}

static int trace_test_order(const void *a, const void *b)
{
    return strcmp(a, b);
}

int main(int argc, char **argv)
{
    static char names[TRACE_TEST_FILES][LIMITS_NAME * 4];
    const bool bless = argc == 3 && strcmp(argv[2], "--bless") == 0;
    int count = 0;
    int failed = 0;
    DIR *directory = argc >= 2 ? opendir(argv[1]) : NULL;
    if (directory == NULL || (argc == 3 && !bless)) {
        fprintf(stderr, "usage: trace_test DIRECTORY [--bless]\n");
        return 2;
    }
    for (struct dirent *entry = readdir(directory); entry != NULL; entry = readdir(directory)) {
        const size_t size = strlen(entry->d_name);
        if (size > 9 && size < sizeof names[0] && strcmp(entry->d_name + size - 9, ".scenario") == 0 &&
            count < TRACE_TEST_FILES) {
            memcpy(names[count++], entry->d_name, size + 1);
        }
    }
    closedir(directory);
    qsort(names, (size_t)count, sizeof names[0], trace_test_order);
    printf("1..%d\n", count);
    for (int i = 0; i < count; i++) {
        const bool good = trace_test_one(argv[1], names[i], bless);
        printf("%sok %d - %s\n", good ? "" : "not ", i + 1, names[i]);
        failed += !good;
    }
    return failed > 0 || count == 0;
}
