/* SPDX-License-Identifier: Apache-2.0
 * etc/prometheus-alerts.yaml against the tables of metrics and figures, and against what a DNS server shows: every name
 * in an expression must exist, with the suffixes of its type, and every label that it selects must be one of the
 * metric's. Of the events of a DNS server the words must exist, too. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "dns/dns_report.h"
#include "edge/figure_table.h"
#include "edge/metric.h"

#define ALERTS_PREFIX     "holdfast_"
#define ALERTS_DNS_PREFIX "holdfast_dns_"

enum { ALERTS_BYTES = 65536 };

static const struct {
    const char *name;
    const char *type;
    const char *labels;
} alerts_metrics[] = {
#define ALERTS_ROW(symbol, name, type, buckets, labels, help) {ALERTS_PREFIX name, #type, labels},
    METRIC_TABLE(ALERTS_ROW)
#undef ALERTS_ROW
#define ALERTS_PROCESS(symbol, name, type, help)  {ALERTS_PREFIX name, #type, "site,region"},
#define ALERTS_DATABASE(symbol, name, type, help) {ALERTS_PREFIX name, #type, "site,region,database"},
#define ALERTS_SERVICE(symbol, name, type, help)  {ALERTS_PREFIX name, #type, "site,region,service"},
        FIGURE_TABLE_PROXY(ALERTS_PROCESS) FIGURE_TABLE_PROXY_DATABASE(ALERTS_DATABASE)
            FIGURE_TABLE_SERVICE(ALERTS_SERVICE) FIGURE_TABLE_PROXY_FILE(ALERTS_PROCESS)
#undef ALERTS_SERVICE
#undef ALERTS_DATABASE
#undef ALERTS_PROCESS
};

static char alerts_dns[DNS_REPORT_BYTES]; /* what a DNS server shows */

static char *alerts_read(void)
{
    char path[512];
    const char *etc = getenv("TEST_ETC");
    assert_non_null(etc);
    snprintf(path, sizeof path, "%s/prometheus-alerts.yaml", etc);
    FILE *file = fopen(path, "re");
    assert_non_null(file);
    char *text = calloc(1, ALERTS_BYTES);
    assert_non_null(text);
    const size_t size = fread(text, 1, ALERTS_BYTES - 1, file);
    assert_in_range(size, 1000, ALERTS_BYTES - 2);
    fclose(file);
    return text;
}

/* The metric of a name in an expression; a histogram is asked for by its parts. */
static size_t alerts_find(const char *name)
{
    static const char *const parts[] = {"", "_bucket", "_sum", "_count"};
    for (size_t i = 0; i < sizeof alerts_metrics / sizeof alerts_metrics[0]; i++) {
        const bool histogram = strcmp(alerts_metrics[i].type, "HISTOGRAM") == 0;
        for (size_t part = histogram ? 1 : 0; part < (histogram ? 4 : 1); part++) {
            char full[128];
            snprintf(full, sizeof full, "%s%s", alerts_metrics[i].name, parts[part]);
            if (strcmp(full, name) == 0) {
                return i;
            }
        }
    }
    return SIZE_MAX;
}

static bool alerts_has_label(const char *labels, const char *label, size_t size)
{
    while (*labels != 0) {
        const size_t length = strcspn(labels, ",");
        if (length == size && strncmp(labels, label, size) == 0) {
            return true;
        }
        labels += length + (labels[length] == ',');
    }
    return false;
}

/* holdfast_x{a="...",b=~"..."} */
static void alerts_check_selector(const char *name, const char *at, const char *labels)
{
    while (*at != '}') {
        const size_t size = strcspn(at, "=!~");
        if (!alerts_has_label(labels, at, size)) {
            fail_msg("%s has no label %.*s", name, (int)size, at);
        }
        at += strcspn(at, "\"") + 1;
        at += strcspn(at, "\"") + 1;
        at += *at == ',';
    }
}

/* A server of one region that has one dynamic name. */
static int alerts_serve_dns(void **state)
{
    (void)state;
    struct dns_figures_file *file = NULL;
    struct buf buf;
    assert_int_equal(dns_figures_make(NULL, &file), ERR_OK);
    file->regions_count = 1;
    file->names_count = 1;
    memcpy(file->regions[0], "taiwan", 7);
    memcpy(file->names[0], "shop.example.", 14);
    buf_init(&buf, alerts_dns, sizeof alerts_dns);
    dns_report_metrics(file, &buf);
    (void)buf_string(&buf);
    dns_figures_close(file);
    return buf.overflow ? -1 : 0;
}

static bool alerts_dns_shows(const char *name, const char *label, const char *value, size_t size)
{
    char wanted[256];
    const size_t length = strlen(name);
    for (const char *line = strstr(alerts_dns, name); line != NULL; line = strstr(line + 1, name)) {
        char labels[256];
        if (line[length] != '{' || (line != alerts_dns && line[-1] != '\n')) {
            continue;
        }
        snprintf(labels, sizeof labels, ",%.*s", (int)strcspn(line + length + 1, "}"), line + length + 1);
        snprintf(wanted, sizeof wanted, ",%s=\"%.*s\"", label, (int)size, value);
        if (label[0] == '\0' || strstr(labels, wanted) != NULL) {
            return true;
        }
    }
    return false;
}

/* holdfast_dns_x{event=~"a|b"}: each of the words. */
static void alerts_check_dns(const char *name, const char *at)
{
    char label[64];
    if (!alerts_dns_shows(name, "", "", 0)) {
        fail_msg("no DNS server shows %s", name);
    }
    while (*at == '{' || *at == ',') {
        const size_t size = strcspn(++at, "=!~");
        snprintf(label, sizeof label, "%.*s", (int)size, at);
        at += strcspn(at, "\"") + 1;
        while (*at != '"') {
            const size_t word = strcspn(at, "|\"");
            if (!alerts_dns_shows(name, label, at, word)) {
                fail_msg("no DNS server shows %s with %s %.*s", name, label, (int)word, at);
            }
            at += word + (at[word] == '|');
        }
        at++;
    }
}

static size_t alerts_check_line(const char *line)
{
    size_t found = 0;
    for (const char *at = strstr(line, ALERTS_PREFIX); at != NULL; at = strstr(at, ALERTS_PREFIX)) {
        char name[128];
        const size_t size = strspn(at, "abcdefghijklmnopqrstuvwxyz0123456789_");
        snprintf(name, sizeof name, "%.*s", (int)size, at);
        const bool dns = strncmp(name, ALERTS_DNS_PREFIX, strlen(ALERTS_DNS_PREFIX)) == 0;
        const size_t metric = dns ? SIZE_MAX : alerts_find(name);
        if (!dns && metric == SIZE_MAX) {
            fail_msg("no metric %s", name);
        }
        at += size;
        if (dns) {
            alerts_check_dns(name, at);
        } else if (*at == '{') {
            alerts_check_selector(name, at + 1, alerts_metrics[metric].labels);
        }
        found++;
    }
    return found;
}

static void test_names_exist(void **state)
{
    (void)state;
    char *text = alerts_read();
    char *rest = text;
    size_t names = 0;
    size_t expressions = 0;
    for (char *line = strsep(&rest, "\n"); line != NULL; line = strsep(&rest, "\n")) {
        const char *expression = strstr(line, "expr: ");
        if (expression != NULL) {
            names += alerts_check_line(expression);
            expressions++;
        }
    }
    assert_in_range(expressions, 20, 100);
    assert_in_range(names, 20, 200);
    free(text);
}

static void test_every_alert_is_whole(void **state)
{
    (void)state;
    char *text = alerts_read();
    size_t alerts = 0;
    for (char *at = strstr(text, "- alert: "); at != NULL;) {
        char *next = strstr(at + 1, "- alert: ");
        char *end = next != NULL ? next : at + strlen(at);
        static const char *const needs[] = {"expr: ", "severity: ", "summary: ", "runbook_url: "};
        for (size_t i = 0; i < sizeof needs / sizeof needs[0]; i++) {
            const char *found = strstr(at, needs[i]);
            if (found == NULL || found > end) {
                fail_msg("%.40s has no %s", at, needs[i]);
            }
        }
        alerts++;
        at = next;
    }
    assert_in_range(alerts, 20, 100);
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_names_exist), cmocka_unit_test(test_every_alert_is_whole)};
    return cmocka_run_group_tests(tests, alerts_serve_dns, NULL);
}
