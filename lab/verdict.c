/* SPDX-License-Identifier: Apache-2.0
 * The clients' verdict on a failure: from what they journaled and what the writer holds. */
#include "verdict.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "base/assert.h"

#define VERDICT_BEFORE_US ((int64_t)10 * 1000 * 1000)

static int verdict_compare_end(const void *left, const void *right)
{
    const struct journal_entry *a = left;
    const struct journal_entry *b = right;
    return a->end_us < b->end_us ? -1 : a->end_us > b->end_us ? 1 : 0;
}

void verdict_sort(struct journal_entry *entries, size_t count)
{
    qsort(entries, count, sizeof(*entries), verdict_compare_end);
}

static bool verdict_wanted(const struct journal_entry *entry, struct verdict_filter filter)
{
    return entry->path == filter.path && (filter.home == NULL || strcmp(entry->home, filter.home) == 0);
}

/* One attempt that ended after the kill. */
static void verdict_outage_count(const struct journal_entry *entry, int64_t kill_us, struct verdict_outage *outage)
{
    switch (entry->outcome) {
    case JOURNAL_OK:
        outage->ok++;
        return;
    case JOURNAL_FAILED:
        outage->failed++;
        break;
    case JOURNAL_UNKNOWN:
        outage->unknown++;
        break;
    }
    outage->last_error_us = entry->end_us - kill_us;
}

void verdict_outage(const struct journal_entry *entries, size_t count, struct verdict_filter filter, int64_t kill_us,
                    int64_t until_us, struct verdict_outage *ret_outage)
{
    struct verdict_outage outage = {0};
    int64_t before = kill_us; /* a path that never worked counts from the kill */
    int64_t last_end = INT64_MIN;
    for (size_t i = 0; i < count; i++) {
        const struct journal_entry *entry = &entries[i];
        ASSERT(entry->end_us >= last_end);
        last_end = entry->end_us;
        if (!verdict_wanted(entry, filter) || entry->end_us < kill_us - VERDICT_BEFORE_US || entry->end_us > until_us) {
            continue;
        }
        const bool after = entry->end_us > kill_us;
        if (after) {
            verdict_outage_count(entry, kill_us, &outage);
        }
        if (entry->outcome != JOURNAL_OK) {
            continue;
        }
        if (after && entry->end_us - before > outage.outage_us) {
            outage.recovered = true;
            outage.last_before_us = before;
            outage.recovered_us = entry->end_us;
            outage.outage_us = entry->end_us - before;
            outage.rto_us = entry->end_us - kill_us;
        }
        before = entry->end_us;
    }
    /* The silence at the end may be the longest. */
    if (outage.ok == 0 || until_us - before > outage.outage_us) {
        outage.recovered = false;
        outage.last_before_us = before;
        outage.recovered_us = 0;
        outage.outage_us = until_us - before;
        outage.rto_us = 0;
    }
    *ret_outage = outage;
}

static int verdict_compare_time(const void *left, const void *right)
{
    const int64_t a = *(const int64_t *)left;
    const int64_t b = *(const int64_t *)right;
    return a < b ? -1 : a > b ? 1 : 0;
}

void verdict_window(const struct journal_entry *entries, size_t count, struct verdict_filter filter, int64_t from_us,
                    int64_t until_us, struct verdict_window *ret_window)
{
    struct verdict_window window = {0};
    int64_t *times = calloc(count + 1, sizeof(*times));
    int64_t before = from_us;
    ASSERT(times != NULL && until_us > from_us);
    for (size_t i = 0; i < count; i++) {
        const struct journal_entry *entry = &entries[i];
        if (!verdict_wanted(entry, filter) || entry->end_us < from_us || entry->end_us >= until_us) {
            continue;
        }
        window.failed += entry->outcome == JOURNAL_FAILED ? 1 : 0;
        window.unknown += entry->outcome == JOURNAL_UNKNOWN ? 1 : 0;
        if (entry->outcome == JOURNAL_OK) {
            times[window.ok++] = entry->end_us - entry->start_us;
            window.silence_us = entry->end_us - before > window.silence_us ? entry->end_us - before : window.silence_us;
            before = entry->end_us;
        }
    }
    window.silence_us = until_us - before > window.silence_us ? until_us - before : window.silence_us;
    window.per_second = window.ok * 1e6 / (double)(until_us - from_us);
    if (window.ok > 0) {
        qsort(times, window.ok, sizeof(*times), verdict_compare_time);
        window.p50_us = times[(window.ok - 1) / 2];
        window.p95_us = times[(size_t)(window.ok - 1) * 95 / 100];
    }
    free(times);
    *ret_window = window;
}

unsigned verdict_served(const struct journal_entry *entries, size_t count, struct verdict_filter filter,
                        int64_t from_us, int64_t until_us, const char *region)
{
    unsigned served = 0;
    for (size_t i = 0; i < count; i++) {
        const struct journal_entry *entry = &entries[i];
        served += verdict_wanted(entry, filter) && entry->outcome == JOURNAL_OK && entry->end_us >= from_us &&
                          entry->end_us < until_us && strcmp(entry->region, region) == 0
                      ? 1
                      : 0;
    }
    return served;
}

static int verdict_compare_row(const void *left, const void *right)
{
    const struct verdict_row *a = left;
    const struct verdict_row *b = right;
    const int tables = strcmp(a->table, b->table);
    return tables != 0 ? tables : strcmp(a->key, b->key);
}

static void verdict_rows_count(const struct journal_entry *entry, bool there, struct verdict_rows *result)
{
    switch (entry->outcome) {
    case JOURNAL_UNKNOWN:
        *(there ? &result->unknown_present : &result->unknown_absent) += 1;
        break;
    case JOURNAL_FAILED:
        result->failed_present += there ? 1 : 0;
        break;
    case JOURNAL_OK:
        result->acknowledged[entry->tier]++;
        (there ? result->present : result->missing)[entry->tier]++;
        if (!there && result->first_missing[0] == '\0') {
            memcpy(result->first_missing, entry->key, sizeof(result->first_missing));
        }
        break;
    }
}

void verdict_rows(const struct journal_entry *entries, size_t count, struct verdict_row *rows, size_t rows_count,
                  struct verdict_rows *ret_rows)
{
    struct verdict_rows result = {0};
    qsort(rows, rows_count, sizeof(*rows), verdict_compare_row);
    for (size_t i = 1; i < rows_count; i++) {
        result.duplicates += verdict_compare_row(&rows[i - 1], &rows[i]) == 0 ? 1 : 0;
    }
    for (size_t i = 0; i < count; i++) {
        struct verdict_row wanted;
        ASSERT(entries[i].tier == 1 || entries[i].tier == 2);
        memcpy(wanted.table, entries[i].table, sizeof(wanted.table));
        memcpy(wanted.key, entries[i].key, sizeof(wanted.key));
        const bool there =
            rows_count > 0 && bsearch(&wanted, rows, rows_count, sizeof(*rows), verdict_compare_row) != NULL;
        verdict_rows_count(&entries[i], there, &result);
    }
    *ret_rows = result;
}

static const char *const verdict_phase_names[] = {"detect", "decide", "fence",    "promote",
                                                  "prove",  "route",  "reconnect"};

const char *verdict_phase_name(enum verdict_phase phase)
{
    ASSERT(phase >= 0 && phase < VERDICT_PHASES);
    return verdict_phase_names[phase];
}

bool verdict_phase_of(const char *step, enum verdict_phase *ret_phase)
{
    static const struct {
        const char *prefix;
        enum verdict_phase phase;
    } table[] = {
        {"evidence", VERDICT_DECIDE}, {"approval", VERDICT_DECIDE}, {"validate", VERDICT_DECIDE},
        {"fence", VERDICT_FENCE},     {"promote", VERDICT_PROMOTE}, {"prove", VERDICT_PROVE},
        {"route", VERDICT_ROUTE},
    };
    for (size_t i = 0; i < sizeof(table) / sizeof(table[0]); i++) {
        if (strncasecmp(step, table[i].prefix, strlen(table[i].prefix)) == 0) {
            *ret_phase = table[i].phase;
            return true;
        }
    }
    return false;
}

void verdict_phases(const struct verdict_interval *intervals, size_t count, int64_t kill_us, int64_t recovered_us,
                    struct verdict_phases *ret_phases)
{
    struct verdict_phases phases = {.total_us = recovered_us - kill_us};
    int64_t cursor = kill_us;
    ASSERT(recovered_us >= kill_us);
    for (size_t i = 0; i < count; i++) {
        int64_t start = intervals[i].start_us > cursor ? intervals[i].start_us : cursor;
        int64_t end = intervals[i].end_us > start ? intervals[i].end_us : start;
        start = start < recovered_us ? start : recovered_us;
        end = end < recovered_us ? end : recovered_us;
        phases.unattributed_us += start - cursor;
        phases.us[intervals[i].phase] += end - start;
        cursor = end;
    }
    phases.us[VERDICT_RECONNECT] += recovered_us - cursor;
    *ret_phases = phases;
}
