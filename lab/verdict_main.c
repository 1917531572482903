/* SPDX-License-Identifier: Apache-2.0
 * The lab's verdict as a program: tables for people on standard output, the same as JSON in a file.
 *
 *   lab-verdict window JOURNAL FROM UNTIL REGION...    what the clients got between two instants, and from which region
 *   lab-verdict fault JOURNAL KILL UNTIL RUN ROWS JSON what a failure cost them
 *   lab-verdict rows JOURNAL ROWS JSON                 whether every acknowledged row is there
 *
 * Instants are CLOCK_BOOTTIME microseconds. RUN: the answer of GET /v1/runs/ID. ROWS: "table TAB key" lines from the
 * writer. Exit status: 0 good; 1 a path did not recover, a tier-1 row is missing, or the phases do not explain the
 * outage; 2 usage. */
#include <errno.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "verdict.h"

enum { VERDICT_HOMES = 4, VERDICT_INTERVALS = 64, VERDICT_TOLERANCE_PERCENT = 5 };

struct verdict_input {
    struct journal_entry *entries;
    size_t count;
    struct verdict_row *rows;
    size_t rows_count;
    const char *home[VERDICT_HOMES];
    size_t homes;
};

static bool main_grow(void **memory, size_t count, size_t size)
{
    if ((count & (count - 1)) == 0) { /* a power of two: full */
        void *more = reallocarray(*memory, count == 0 ? 1 : count * 2, size);
        if (more == NULL) {
            return false;
        }
        *memory = more;
    }
    return true;
}

static bool main_read_journal(const char *path, struct verdict_input *input)
{
    char line[JOURNAL_LINE * 2];
    size_t bad = 0;
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "lab-verdict: %s: %s\n", path, strerror(errno));
        return false;
    }
    while (fgets(line, sizeof(line), file) != NULL) {
        struct journal_entry entry;
        if (journal_parse(line, strlen(line), &entry) != ERR_OK) {
            bad++;
            continue;
        }
        if (!main_grow((void **)&input->entries, input->count, sizeof(*input->entries))) {
            break;
        }
        input->entries[input->count++] = entry;
    }
    (void)fclose(file);
    /* The last line may be half written: the clients are still at it. */
    if (bad > 1) {
        (void)fprintf(stderr, "lab-verdict: %s: %zu lines are not a journal's\n", path, bad);
        return false;
    }
    verdict_sort(input->entries, input->count);
    return true;
}

static void main_find_homes(struct verdict_input *input)
{
    for (size_t i = 0; i < input->count; i++) {
        size_t known = 0;
        while (known < input->homes && strcmp(input->home[known], input->entries[i].home) != 0) {
            known++;
        }
        if (known == input->homes && input->homes < VERDICT_HOMES) {
            input->home[input->homes++] = input->entries[i].home;
        }
    }
}

static bool main_read_rows(const char *path, struct verdict_input *input)
{
    char line[JOURNAL_NAME + JOURNAL_KEY + 4];
    FILE *file = fopen(path, "re");
    if (file == NULL) {
        (void)fprintf(stderr, "lab-verdict: %s: %s\n", path, strerror(errno));
        return false;
    }
    bool good = true;
    while (good && fgets(line, sizeof(line), file) != NULL) {
        struct verdict_row row = {0};
        line[strcspn(line, "\n")] = '\0';
        char *tab = strchr(line, '\t');
        good = tab != NULL && tab - line < JOURNAL_NAME && strlen(tab + 1) < JOURNAL_KEY &&
               main_grow((void **)&input->rows, input->rows_count, sizeof(*input->rows));
        if (good) {
            memcpy(row.table, line, (size_t)(tab - line));
            memcpy(row.key, tab + 1, strlen(tab + 1));
            input->rows[input->rows_count++] = row;
        }
    }
    (void)fclose(file);
    if (!good) {
        (void)fprintf(stderr, "lab-verdict: %s: not \"table TAB key\": %s\n", path, line);
    }
    return good;
}

static int64_t main_us(const json_t *object, const char *name)
{
    return json_integer_value(json_object_get(object, name));
}

/* The run's parts in order of time. Gives their number. */
static size_t main_read_run(const char *path, int64_t kill_us, struct verdict_interval intervals[VERDICT_INTERVALS])
{
    json_error_t error;
    json_t *run = json_load_file(path, 0, &error);
    if (run == NULL) {
        (void)fprintf(stderr, "lab-verdict: %s: %s\n", path, error.text);
        return 0;
    }
    size_t count = 0;
    size_t index;
    const json_t *step;
    const int64_t began_us = main_us(run, "began_boot_us");
    if (began_us >= kill_us) {
        intervals[count++] = (struct verdict_interval){VERDICT_DETECT, kill_us, began_us};
    }
    json_array_foreach(json_object_get(run, "steps"), index, step)
    {
        enum verdict_phase phase;
        const char *name = json_string_value(json_object_get(step, "name"));
        const int64_t start_us = main_us(step, "started_boot_us");
        if (name != NULL && start_us > 0 && count < VERDICT_INTERVALS && verdict_phase_of(name, &phase)) {
            intervals[count++] = (struct verdict_interval){phase, start_us, main_us(step, "ended_boot_us")};
        }
    }
    json_decref(run);
    return count;
}

/* ---- window ------------------------------------------------------------------------------------------------------ */

static int main_window(const struct verdict_input *input, int64_t from_us, int64_t until_us, char *const *regions,
                       int regions_count)
{
    bool good = input->homes > 0;
    (void)printf("%-18s %7s %7s %8s %8s %8s %9s", "clients", "ok/s", "failed", "unknown", "p50 ms", "p95 ms",
                 "silence");
    for (int i = 0; i < regions_count; i++) {
        (void)printf(" %9s", regions[i]);
    }
    (void)printf("\n");
    for (int path = JOURNAL_HTTP; path <= JOURNAL_SQL; path++) {
        for (size_t home = 0; home < input->homes; home++) {
            const struct verdict_filter filter = {.path = (enum journal_path)path, .home = input->home[home]};
            struct verdict_window window;
            char title[48];
            verdict_window(input->entries, input->count, filter, from_us, until_us, &window);
            (void)snprintf(title, sizeof(title), "%s from %s", journal_path_name(filter.path), filter.home);
            (void)printf("%-18s %7.1f %7u %8u %8.1f %8.1f %7.2f s", title, window.per_second, window.failed,
                         window.unknown, (double)window.p50_us / 1e3, (double)window.p95_us / 1e3,
                         (double)window.silence_us / 1e6);
            for (int i = 0; i < regions_count; i++) {
                const unsigned served =
                    verdict_served(input->entries, input->count, filter, from_us, until_us, regions[i]);
                (void)printf(" %8.1f%%", window.ok > 0 ? 100.0 * served / window.ok : 0.0);
            }
            (void)printf("\n");
            good = good && window.ok > 0 && (window.failed + window.unknown) * 100 <= window.ok;
        }
    }
    return good ? 0 : 1;
}

/* ---- fault ------------------------------------------------------------------------------------------------------- */

static json_t *main_outage_json(const char *title, const struct verdict_outage *outage)
{
    return json_pack("{s:s, s:b, s:I, s:I, s:I, s:I, s:I, s:I}", "clients", title, "recovered",
                     outage->recovered ? 1 : 0, "rto_us", (json_int_t)outage->rto_us, "silence_us",
                     (json_int_t)outage->outage_us, "last_error_us", (json_int_t)outage->last_error_us, "acknowledged",
                     (json_int_t)outage->ok, "failed", (json_int_t)outage->failed, "unknown",
                     (json_int_t)outage->unknown);
}

static bool main_outage(const struct verdict_input *input, const char *title, struct verdict_filter filter,
                        const int64_t instants[2], struct verdict_outage *ret_outage, json_t *list)
{
    verdict_outage(input->entries, input->count, filter, instants[0], instants[1], ret_outage);
    if (ret_outage->recovered) {
        (void)printf("%-22s %9.3f s %9.3f s", title, (double)ret_outage->rto_us / 1e6,
                     (double)ret_outage->outage_us / 1e6);
    } else {
        (void)printf("%-22s %11s %9.3f s", title, "NEVER", (double)ret_outage->outage_us / 1e6);
    }
    (void)printf(" %7u %8u %9u %9.3f s\n", ret_outage->failed, ret_outage->unknown, ret_outage->ok,
                 (double)ret_outage->last_error_us / 1e6);
    (void)json_array_append_new(list, main_outage_json(title, ret_outage));
    return ret_outage->recovered;
}

/* What was acknowledged up to `until_us`, when the rows were read or before; later acknowledgements cannot be among
 * them. */
static bool main_rows(const struct verdict_input *input, int64_t until_us, json_t *report)
{
    struct verdict_rows rows;
    size_t count = 0;
    while (count < input->count && input->entries[count].end_us <= until_us) {
        count++;
    }
    verdict_rows(input->entries, count, input->rows, input->rows_count, &rows);
    (void)printf("%-22s %12s %9s %9s\n", "rows on the writer", "acknowledged", "present", "MISSING");
    for (int tier = 1; tier <= 2; tier++) {
        (void)printf("%-22s %12u %9u %9u\n", tier == 1 ? "tier 1 (no loss)" : "tier 2 (may lag)",
                     rows.acknowledged[tier], rows.present[tier], rows.missing[tier]);
    }
    (void)printf("%-22s %u stored, %u not (no client was told either)\n", "unknown outcomes", rows.unknown_present,
                 rows.unknown_absent);
    (void)printf("%-22s %u duplicates, %u stored although refused%s%s\n", "mistakes", rows.duplicates,
                 rows.failed_present, rows.first_missing[0] != '\0' ? ", first missing: " : "", rows.first_missing);
    (void)json_object_set_new(report, "rows",
                              json_pack("{s:i, s:i, s:i, s:i, s:i, s:i, s:i, s:i}", "tier1_acknowledged",
                                        (int)rows.acknowledged[1], "tier1_missing", (int)rows.missing[1],
                                        "tier2_acknowledged", (int)rows.acknowledged[2], "tier2_missing",
                                        (int)rows.missing[2], "unknown_present", (int)rows.unknown_present,
                                        "unknown_absent", (int)rows.unknown_absent, "failed_present",
                                        (int)rows.failed_present, "duplicates", (int)rows.duplicates));
    return rows.missing[1] == 0 && rows.duplicates == 0 && rows.failed_present == 0 && rows.acknowledged[1] > 0;
}

/* Whether the phases explain the outage of both paths within the tolerance. */
static bool main_phases(const struct verdict_interval *intervals, size_t count, int64_t kill_us,
                        const struct verdict_outage outages[2], json_t *report)
{
    struct verdict_phases phases[2];
    bool good = count > 0;
    json_t *list = json_array();
    for (int path = JOURNAL_HTTP; path <= JOURNAL_SQL; path++) {
        verdict_phases(intervals, count, kill_us, outages[path].recovered ? outages[path].recovered_us : kill_us,
                       &phases[path]);
    }
    (void)printf("%-22s %11s %11s\n", "where the time went", "http", "sql");
    for (int phase = 0; phase < VERDICT_PHASES; phase++) {
        const char *name = verdict_phase_name((enum verdict_phase)phase);
        const json_int_t http = phases[JOURNAL_HTTP].us[phase];
        const json_int_t sql = phases[JOURNAL_SQL].us[phase];
        (void)printf("  %-20s %9.3f s %9.3f s\n", name, (double)http / 1e6, (double)sql / 1e6);
        (void)json_array_append_new(list, json_pack("{s:s, s:I, s:I}", "phase", name, "http_us", http, "sql_us", sql));
    }
    for (int path = JOURNAL_HTTP; path <= JOURNAL_SQL; path++) {
        good = good && phases[path].unattributed_us * 100 <= phases[path].total_us * VERDICT_TOLERANCE_PERCENT;
    }
    (void)printf("  %-20s %9.3f s %9.3f s\n", "between the phases", (double)phases[0].unattributed_us / 1e6,
                 (double)phases[1].unattributed_us / 1e6);
    (void)printf("  %-20s %9.3f s %9.3f s   %s\n", "total (kill to first)", (double)phases[0].total_us / 1e6,
                 (double)phases[1].total_us / 1e6,
                 good ? "explained" : "NOT EXPLAINED: more than 5 % lies between the phases");
    (void)json_object_set_new(report, "phases", list);
    (void)json_object_set_new(report, "unattributed_us",
                              json_pack("{s:I, s:I}", "http", (json_int_t)phases[0].unattributed_us, "sql",
                                        (json_int_t)phases[1].unattributed_us));
    return good;
}

static bool main_save(json_t *report, bool good, const char *path)
{
    (void)json_object_set_new(report, "good", json_boolean(good));
    const bool saved = json_dump_file(report, path, JSON_INDENT(2)) == 0;
    if (!saved) {
        (void)fprintf(stderr, "lab-verdict: cannot write %s\n", path);
    }
    json_decref(report);
    return saved;
}

static int main_fault(struct verdict_input *input, const int64_t instants[2], char *const *files)
{
    struct verdict_interval intervals[VERDICT_INTERVALS];
    struct verdict_outage outages[2];
    json_t *report = json_pack("{s:I, s:I}", "kill_us", (json_int_t)instants[0], "until_us", (json_int_t)instants[1]);
    json_t *list = json_array();
    bool good = true;
    (void)printf("%-22s %11s %11s %7s %8s %9s %11s\n", "what the clients saw", "back after", "silence", "failed",
                 "unknown", "stored", "last error");
    for (int path = JOURNAL_HTTP; path <= JOURNAL_SQL; path++) {
        char title[48];
        struct verdict_filter filter = {.path = (enum journal_path)path};
        (void)snprintf(title, sizeof(title), "%s, all", journal_path_name(filter.path));
        good = main_outage(input, title, filter, instants, &outages[path], list) && good;
        for (size_t home = 0; home < input->homes; home++) {
            struct verdict_outage part;
            filter.home = input->home[home];
            (void)snprintf(title, sizeof(title), "%s from %s", journal_path_name(filter.path), filter.home);
            good = main_outage(input, title, filter, instants, &part, list) && good;
        }
    }
    (void)json_object_set_new(report, "paths", list);
    (void)printf("\n");
    const size_t count = main_read_run(files[0], instants[0], intervals);
    good = main_phases(intervals, count, instants[0], outages, report) && good;
    (void)printf("\n");
    good = main_rows(input, instants[1], report) && good;
    return main_save(report, good, files[2]) && good ? 0 : 1;
}

static bool main_instant(const char *text, int64_t *ret_us)
{
    char *end = NULL;
    errno = 0;
    *ret_us = strtoll(text, &end, 10);
    return errno == 0 && end != text && *end == '\0' && *ret_us > 0;
}

static int main_run(int argc, char **argv, struct verdict_input *input)
{
    int64_t instants[2] = {0, 0};
    const bool timed = argc > 4 && main_instant(argv[3], &instants[0]) && main_instant(argv[4], &instants[1]) &&
                       instants[1] > instants[0];
    if (argc < 4 || !main_read_journal(argv[2], input)) {
        return 2;
    }
    main_find_homes(input);
    if (timed && strcmp(argv[1], "window") == 0) {
        return main_window(input, instants[0], instants[1], argv + 5, argc - 5);
    }
    if (timed && argc == 8 && strcmp(argv[1], "fault") == 0) {
        return main_read_rows(argv[6], input) ? main_fault(input, instants, argv + 5) : 1;
    }
    if (argc == 5 && strcmp(argv[1], "rows") == 0) {
        json_t *report = json_object();
        const bool good = main_read_rows(argv[3], input) && main_rows(input, INT64_MAX, report);
        return main_save(report, good, argv[4]) && good ? 0 : 1;
    }
    return 2;
}

int main(int argc, char **argv)
{
    struct verdict_input input = {0};
    const int status = main_run(argc, argv, &input);
    if (status == 2) {
        (void)fprintf(stderr, "usage: lab-verdict window JOURNAL FROM UNTIL REGION...\n"
                              "       lab-verdict fault JOURNAL KILL UNTIL RUN.json ROWS.tsv OUT.json\n"
                              "       lab-verdict rows JOURNAL ROWS.tsv OUT.json\n");
    }
    free(input.entries);
    free(input.rows);
    return status;
}
