/* SPDX-License-Identifier: Apache-2.0
 * Counters: the sketch's promise, the histogram, the file, the reports. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/prng.h"
#include "dns/dns_report.h"
#include "dns/dns_report_json.h"
#include "wire/dns_type.h"
#include "zone_sample.h"

static const struct dns_sketch_row *find(const struct dns_sketch_row *rows, uint32_t count, const char *who)
{
    for (uint32_t i = 0; i < count; i++) {
        if (rows[i].size == strlen(who) && memcmp(rows[i].bytes, who, rows[i].size) == 0) {
            return &rows[i];
        }
    }
    return NULL;
}

/* Ten that ask a lot, among 100,000 that ask once: they are all there, and their counts are off by no more than said.
 */
static void test_who_asks_most_is_found(void **state)
{
    (void)state;
    static struct dns_sketch sketch;
    static struct dns_sketch_row rows[DNS_SKETCH_ROWS];
    struct prng dice;
    uint64_t asked[10] = {0};
    uint32_t count = 0;
    char who[32];
    prng_init(&dice, 7);
    for (uint32_t i = 0; i < 200000; i++) {
        const bool busy = prng_chance(&dice, 500000);
        const uint32_t number = (uint32_t)prng_between(&dice, 0, 9);
        const uint64_t weight = 1 + i % 2;
        snprintf(who, sizeof who, busy ? "busy-%u" : "quiet-%u", busy ? number : i);
        asked[number] += busy ? weight : 0;
        dns_sketch_add(&sketch, span_text(who), weight);
    }
    for (uint32_t i = 0; i < DNS_SKETCH_ROWS; i++) {
        struct dns_sketch_row row;
        assert_true(dns_sketch_row(&sketch, i, &row));
        dns_sketch_merge(&row, rows, &count, DNS_SKETCH_ROWS);
    }
    dns_sketch_sort(rows, count);
    for (uint32_t i = 0; i < 10; i++) {
        snprintf(who, sizeof who, "busy-%u", i);
        const struct dns_sketch_row *row = find(rows, 10, who);
        assert_true(row != NULL && row->count >= asked[i] && row->count - row->error <= asked[i]);
    }
}

static void test_rows_of_several_workers_add_up(void **state)
{
    (void)state;
    static struct dns_sketch one;
    static struct dns_sketch other;
    struct dns_sketch_row rows[4];
    struct dns_sketch_row row;
    uint32_t count = 0;
    dns_sketch_add(&one, span_text("a"), 3);
    dns_sketch_add(&one, span_text("b"), 2);
    dns_sketch_add(&other, span_text("b"), 5);
    assert_false(dns_sketch_row(&one, 2, &row)); /* free */
    for (uint32_t i = 0; i < 2; i++) {
        if (dns_sketch_row(&one, i, &row)) {
            dns_sketch_merge(&row, rows, &count, 4);
        }
        if (dns_sketch_row(&other, i, &row)) {
            dns_sketch_merge(&row, rows, &count, 4);
        }
    }
    dns_sketch_sort(rows, count);
    assert_int_equal(count, 2);
    assert_true(rows[0].bytes[0] == 'b' && rows[0].count == 7 && rows[1].count == 3);
}

static void test_time_falls_into_buckets(void **state)
{
    (void)state;
    static struct dns_figures figures;
    static const struct {
        int64_t ns;
        uint32_t bucket;
    } cases[] = {{-5, 0}, {0, 0}, {999, 0}, {1000, 1}, {1999, 1}, {2000, 2}, {3999, 2}, {4000, 3}, {INT64_MAX / 4, 23}};
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const uint64_t before = figures.took[cases[i].bucket];
        dns_figures_took(&figures, 3, cases[i].ns);
        assert_int_equal(figures.took[cases[i].bucket], before + 3);
    }
    assert_int_equal(dns_figures_type(DNS_TYPE_AAAA), DNS_FIGURES_AAAA);
    assert_int_equal(dns_figures_type(65280), DNS_FIGURES_OTHER);
}

static json_int_t number(const json_t *json, const char *name)
{
    const json_t *member = json_object_get(json, name);
    assert_true(json_is_integer(member));
    return json_integer_value(member);
}

/* The same figures as in the texts. */
static void check_json(const struct dns_figures_file *file)
{
    json_t *stats = dns_report_json_stats(file);
    assert_int_equal(number(stats, "queries"), 20);
    assert_int_equal(number(stats, "workers"), 2);
    assert_int_equal(number(json_object_get(stats, "took_us"), "p999"), 4);
    assert_int_equal(number(json_object_get(stats, "types"), "A"), 18);
    assert_int_equal(number(json_object_get(stats, "counters"), "nxdomain"), 3);
    const json_t *name = json_array_get(json_object_get(stats, "names"), 0);
    assert_string_equal(json_string_value(json_object_get(name, "name")), "www.example.test.");
    assert_int_equal(number(json_object_get(name, "answers"), "tokyo"), 8);
    assert_int_equal(number(json_object_get(name, "answers"), "none"), 0);
    const json_t *zone = json_array_get(json_object_get(stats, "zones"), 0);
    assert_string_equal(json_string_value(json_object_get(zone, "zone")), "example.test.");
    json_decref(stats);

    json_t *top = dns_report_json_top(file, true, 5);
    const json_t *client = json_array_get(json_object_get(top, "clients"), 0);
    assert_int_equal(number(top, "queries"), 20);
    assert_int_equal(json_array_size(json_object_get(top, "clients")), 1);
    assert_string_equal(json_string_value(json_object_get(client, "client")), "192.0.2.7");
    assert_int_equal(number(client, "queries"), 16);
    assert_true(json_real_value(json_object_get(client, "share_percent")) == 80.0);
    json_decref(top);

    top = dns_report_json_top(file, false, 5);
    name = json_array_get(json_object_get(top, "names"), 0);
    assert_string_equal(json_string_value(json_object_get(name, "name")), "www.example.test.");
    json_decref(top);
    top = dns_report_json_top(file, false, 0);
    assert_int_equal(json_array_size(json_object_get(top, "names")), 0);
    json_decref(top);
}

static void test_reports_tell_what_others_map(void **state)
{
    (void)state;
    char path[] = "/tmp/test_dns_figures.XXXXXX";
    static char text[DNS_REPORT_BYTES];
    struct dns_figures_file *file = NULL;
    const struct dns_figures_file *seen = NULL;
    struct buf buf;
    const int fd = mkstemp(path);
    assert_true(fd >= 0);
    close(fd);
    assert_int_equal(dns_figures_open(path, &seen), ERR_NOT_FOUND); /* empty */
    assert_int_equal(dns_figures_make(path, &file), ERR_OK);
    file->workers = 2;
    file->regions_count = 2;
    memcpy(file->regions[0], "taiwan", 7);
    memcpy(file->regions[1], "tokyo", 6);
    struct dns_catalog *catalog = dns_catalog_new();
    struct dns_zone *zone = sample_zone();
    assert_true(catalog != NULL && zone != NULL && dns_catalog_add(catalog, zone) == ERR_OK);
    dns_figures_label(file, catalog);
    dns_catalog_free(catalog);
    static const uint8_t client[17] = {4, 192, 0, 2, 7};
    const struct dns_name name = sample_name("www.example.test.");
    for (uint32_t i = 0; i < 2; i++) {
        dns_figures_add(&file->parts[i].counters.udp_queries, 10);
        dns_figures_add(&file->parts[i].counters.nxdomain, 1 + i);
        dns_figures_add(&file->parts[i].types[DNS_FIGURES_A], 9);
        dns_figures_add(&file->parts[i].names[0][1], 4);
        dns_figures_took(&file->parts[i], 10, 2500);
        dns_sketch_add(&file->parts[i].clients, span_of(client, sizeof client), 8);
        dns_sketch_add(&file->parts[i].questions, span_of(name.bytes, name.size), 8);
    }
    assert_int_equal(dns_figures_open(path, &seen), ERR_OK);
    buf_init(&buf, text, sizeof text);
    dns_report_stats(seen, &buf);
    assert_non_null(strstr(buf_string(&buf), "queries         20,"));
    assert_non_null(strstr(text, "took            p50 < 4 us, p99 < 4 us"));
    assert_non_null(strstr(text, "taiwan 0 tokyo 8"));
    assert_non_null(strstr(text, "nxdomain        3\n"));
    buf_init(&buf, text, sizeof text);
    dns_report_top(seen, true, 5, &buf);
    assert_non_null(strstr(buf_string(&buf), "          16  80.0%  192.0.2.7\n"));
    buf_init(&buf, text, sizeof text);
    dns_report_top(seen, false, 5, &buf);
    assert_non_null(strstr(buf_string(&buf), "www.example.test.\n"));
    buf_init(&buf, text, sizeof text);
    dns_report_metrics(seen, &buf);
    assert_non_null(strstr(buf_string(&buf), "holdfast_dns_events_total{event=\"nxdomain\"} 3\n"));
    assert_non_null(strstr(text, "holdfast_dns_name_answers_total{name=\"www.example.test.\",region=\"tokyo\"} 8\n"));
    assert_non_null(strstr(text, "holdfast_dns_query_seconds_bucket{le=\"4e-06\"} 20\n"));
    assert_false(buf.overflow);
    check_json(seen);
    dns_figures_close(seen);
    dns_figures_close(file);
    unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_who_asks_most_is_found),
        cmocka_unit_test(test_rows_of_several_workers_add_up),
        cmocka_unit_test(test_time_falls_into_buckets),
        cmocka_unit_test(test_reports_tell_what_others_map),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
