/* SPDX-License-Identifier: Apache-2.0
 * Collects findings and prints them. */
#include "check_report.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"

static const char *const check_report_codes[] = {
#define CHECK_REPORT_WORD(name, code, text) code,
    CHECK_REPORT_TABLE(CHECK_REPORT_WORD)
#undef CHECK_REPORT_WORD
};

static const char *const check_report_sentences[] = {
#define CHECK_REPORT_SENTENCE(name, code, text) text,
    CHECK_REPORT_TABLE(CHECK_REPORT_SENTENCE)
#undef CHECK_REPORT_SENTENCE
};

const char *check_report_code_name(enum check_report_code code)
{
    ASSERT(code < CHECK_REPORT_CODES);
    return check_report_codes[code];
}

void check_report_init(struct check_report *report, const struct history *history)
{
    *report = (struct check_report){.history = history};
}

void check_report_fini(struct check_report *report)
{
    for (size_t i = 0; i < CHECK_REPORT_CODES; i++) {
        for (size_t j = 0; j < CHECK_REPORT_KEPT; j++) {
            free(report->texts[i][j]);
        }
    }
    *report = (struct check_report){0};
}

bool check_report_begin(struct check_report *report, enum check_report_code code)
{
    ASSERT(code < CHECK_REPORT_CODES);
    report->counts[code]++;
    buf_init(&report->witness, report->text, sizeof(report->text));
    return report->counts[code] <= CHECK_REPORT_KEPT;
}

void check_report_add(struct check_report *report, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    buf_vprintf(&report->witness, format, arguments);
    va_end(arguments);
}

void check_report_op(struct check_report *report, const char *label, size_t op)
{
    char text[HISTORY_TEXT];
    ASSERT(op < report->history->ops_count);
    history_describe(report->history, &report->history->ops[op], text, sizeof(text));
    buf_printf(&report->witness, "\n%s%s", label, text);
}

void check_report_end(struct check_report *report, enum check_report_code code)
{
    ASSERT(report->counts[code] > 0 && report->counts[code] <= CHECK_REPORT_KEPT);
    report->texts[code][report->counts[code] - 1] = strdup(buf_string(&report->witness));
}

void check_report_figure(struct check_report *report, const char *group, const char *name, int64_t value)
{
    if (report->figures_count < CHECK_REPORT_FIGURES) {
        report->figures[report->figures_count++] =
            (struct check_report_figure){.group = group, .name = name, .value = value};
    }
}

bool check_report_clean(const struct check_report *report)
{
    for (size_t i = 0; i < CHECK_REPORT_CODES; i++) {
        if (report->counts[i] > 0) {
            return false;
        }
    }
    return true;
}

static void check_report_print_witness(const char *text, FILE *file)
{
    (void)fputs("      ", file);
    for (; *text != '\0'; text++) {
        (void)fputc(*text, file);
        if (*text == '\n') {
            (void)fputs("         ", file);
        }
    }
    (void)fputc('\n', file);
}

void check_report_print(const struct check_report *report, FILE *file)
{
    const char *group = "";
    for (size_t i = 0; i < report->figures_count; i++) {
        const struct check_report_figure *figure = &report->figures[i];
        if (strcmp(group, figure->group) != 0) {
            (void)fprintf(file, "%s%-24s", i > 0 ? "\n" : "", figure->group);
            group = figure->group;
        }
        (void)fprintf(file, "  %s %" PRId64, figure->name, figure->value);
    }
    (void)fprintf(file, "\n");
    for (size_t i = 0; i < CHECK_REPORT_CODES; i++) {
        if (report->counts[i] > 0) {
            (void)fprintf(file, "\n   %s: %zu x %s\n", check_report_codes[i], report->counts[i],
                          check_report_sentences[i]);
        }
        for (size_t j = 0; j < CHECK_REPORT_KEPT && report->texts[i][j] != NULL; j++) {
            check_report_print_witness(report->texts[i][j], file);
        }
    }
    (void)fprintf(file, "%s\n", check_report_clean(report) ? "CLEAN" : "\nFOUND: see above");
}

static json_t *check_report_finding(const struct check_report *report, size_t code)
{
    json_t *witnesses = json_array();
    for (size_t j = 0; j < CHECK_REPORT_KEPT && report->texts[code][j] != NULL; j++) {
        (void)json_array_append_new(witnesses, json_string(report->texts[code][j]));
    }
    return json_pack("{s:s, s:s, s:I, s:o}", "code", check_report_codes[code], "what", check_report_sentences[code],
                     "count", (json_int_t)report->counts[code], "witnesses", witnesses);
}

bool check_report_json(const struct check_report *report, FILE *file)
{
    json_t *figures = json_object();
    json_t *findings = json_array();
    for (size_t i = 0; i < report->figures_count; i++) {
        const struct check_report_figure *figure = &report->figures[i];
        json_t *group = json_object_get(figures, figure->group);
        if (group == NULL) {
            group = json_object();
            (void)json_object_set_new(figures, figure->group, group);
        }
        (void)json_object_set_new(group, figure->name, json_integer((json_int_t)figure->value));
    }
    for (size_t i = 0; i < CHECK_REPORT_CODES; i++) {
        if (report->counts[i] > 0) {
            (void)json_array_append_new(findings, check_report_finding(report, i));
        }
    }
    json_t *all = json_pack("{s:b, s:o, s:o}", "clean", check_report_clean(report) ? 1 : 0, "figures", figures,
                            "findings", findings);
    const bool written = all != NULL && json_dumpf(all, file, JSON_INDENT(1)) == 0 && fputc('\n', file) != EOF;
    json_decref(all);
    return written;
}
