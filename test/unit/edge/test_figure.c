/* SPDX-License-Identifier: Apache-2.0
 * Figures of data planes: sheets of living and dead processes, harmed ones, reports, and the text for Prometheus. */
#include <fcntl.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "base/prng.h"
#include "edge/figure_report.h"

static char directory[64];
static char path[128];
static struct figure_row rows[FIGURE_SITE];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/test_figure.XXXXXX");
    assert_non_null(mkdtemp(directory));
    snprintf(path, sizeof path, "%s/" FIGURE_PROXY_NAME, directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory);
}

static bool ends(const char *text, const char *end)
{
    const size_t size = strlen(text);
    return size >= strlen(end) && strcmp(text + size - strlen(end), end) == 0;
}

static void names_are_as_prometheus_wants_them(void **state)
{
    (void)state;
    for (uint32_t i = 0; i < FIGURE_COUNT; i++) {
        const enum figure figure = (enum figure)i;
        const enum figure_type type = figure_type(figure);
        const bool counts = type == FIGURE_COUNTER || type == FIGURE_COUNTER_US;
        const bool lasts = type == FIGURE_COUNTER_US || type == FIGURE_GAUGE_US;
        assert_int_equal(figure_find(figure_name(figure)), figure); /* unique, too */
        assert_int_equal(ends(figure_name(figure), "_total"), counts);
        assert_int_equal(ends(figure_name(figure), "_seconds") || ends(figure_name(figure), "_seconds_total"), lasts);
        assert_true(strlen(figure_name(figure)) + strlen(figure_help(figure)) < 160);
    }
    assert_int_equal(figure_find("proxy"), FIGURE_COUNT);
}

static void what_is_put_is_collected(void **state)
{
    (void)state;
    struct figure_sheet sheet;
    assert_int_equal(figure_collect(directory, rows), 0);
    assert_int_equal(figure_open(&sheet, path), ERR_OK);
    assert_int_equal(figure_collect(directory, rows), 0);
    for (uint64_t round = 1; round <= 3; round++) {
        figure_put(&sheet, FIGURE_PROXY_SESSIONS, "", 7 * round);
        figure_put(&sheet, FIGURE_PROXY_DATABASE_QUERIES, "shop", 100 * round);
        figure_put(&sheet, FIGURE_PROXY_DATABASE_QUERIES, "stock", 200 * round);
    }
    figure_put(&sheet, FIGURE_PROXY_DATABASE_QUERIES, "shop", 999);
    assert_int_equal(figure_collect(directory, rows), 3);
    assert_true(rows[0].figure == FIGURE_PROXY_SESSIONS && rows[0].value == 21 && rows[0].label[0] == 0);
    assert_true(rows[1].value == 999 && strcmp(rows[1].label, "shop") == 0);
    assert_true(rows[2].value == 600 && strcmp(rows[2].label, "stock") == 0);
    figure_close(&sheet);
    assert_int_equal(figure_collect(directory, rows), 0);
}

static void more_than_fits_is_left_out(void **state)
{
    (void)state;
    struct figure_sheet sheet;
    char label[FIGURE_LABEL];
    assert_int_equal(figure_open(&sheet, path), ERR_OK);
    for (uint32_t i = 0; i < FIGURE_SHEET + 9; i++) {
        snprintf(label, sizeof label, "database %u", i);
        figure_put(&sheet, FIGURE_PROXY_DATABASE_SENT, label, i);
    }
    assert_int_equal(figure_collect(directory, rows), FIGURE_SHEET);
    assert_int_equal(rows[FIGURE_SHEET - 1].value, FIGURE_SHEET - 1);
    figure_close(&sheet);
}

static void the_dead_tell_nothing(void **state)
{
    (void)state;
    const pid_t child = fork();
    if (child == 0) {
        struct figure_sheet sheet;
        if (figure_open(&sheet, path) == ERR_OK) {
            figure_put(&sheet, FIGURE_PROXY_SESSIONS, "", 1);
            _exit(figure_collect(directory, rows) == 1 ? 0 : 1);
        }
        _exit(2);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_int_equal(status, 0);
    assert_int_equal(figure_collect(directory, rows), 0);
}

/* Whoever may write there may write anything. */
static void harmed_sheets_are_harmless(void **state)
{
    (void)state;
    struct prng prng;
    struct figure_sheet sheet;
    struct stat status;
    prng_init(&prng, 29);
    for (int round = 0; round < 200; round++) {
        assert_int_equal(figure_open(&sheet, path), ERR_OK);
        figure_put(&sheet, FIGURE_PROXY_DATABASE_SENT, "shop", 1);
        const int fd = open(path, O_RDWR | O_CLOEXEC);
        assert_true(fd >= 0 && fstat(fd, &status) == 0);
        for (int i = 0; i < 40; i++) {
            const uint8_t byte = (uint8_t)prng_next(&prng);
            const uint64_t at = i % 2 == 0 ? 24 + prng_next(&prng) % 200 : prng_next(&prng) % (uint64_t)status.st_size;
            assert_int_equal(pwrite(fd, &byte, 1, (off_t)at), 1);
        }
        const uint32_t count = figure_collect(directory, rows);
        assert_true(count <= FIGURE_SHEET);
        for (uint32_t i = 0; i < count; i++) {
            assert_true(rows[i].figure < FIGURE_COUNT && memchr(rows[i].label, 0, FIGURE_LABEL) != NULL);
        }
        close(fd);
        figure_close(&sheet);
    }
    assert_int_equal(truncate(path, 100), 0);
    assert_int_equal(figure_collect(directory, rows), 0);
}

static void reports_are_read_as_they_were_made(void **state)
{
    (void)state;
    static struct figure_row read[FIGURE_SITE];
    struct figure_row made[2] = {{.figure = FIGURE_PROXY_MOVED, .value = 3},
                                 {.figure = FIGURE_PROXY_DATABASE_WAIT_TIME, .label = "a \"b\"", .value = 5}};
    const char *site = NULL;
    uint32_t count = 0;
    json_t *body = figure_report_make("taiwan-a", made, 2);
    assert_int_equal(figure_report_read(body, &site, read, &count), ERR_OK);
    assert_string_equal(site, "taiwan-a");
    assert_int_equal(count, 2);
    assert_memory_equal(read, made, sizeof made);
    json_decref(body);
}

static enum err read_text(const char *text, uint32_t *ret_count)
{
    json_t *body = json_loads(text, 0, NULL);
    const char *site = NULL;
    assert_non_null(body);
    const enum err err = figure_report_read(body, &site, rows, ret_count);
    json_decref(body);
    return err;
}

static void wrong_reports_are_refused(void **state)
{
    (void)state;
    uint32_t count = 0;
    assert_int_equal(read_text("[]", &count), ERR_INVALID);
    assert_int_equal(read_text("{\"site\":1,\"figures\":[]}", &count), ERR_INVALID);
    assert_int_equal(read_text("{\"site\":\"a\",\"figures\":{}}", &count), ERR_INVALID);
    assert_int_equal(read_text("{\"site\":\"a\",\"figures\":[7]}", &count), ERR_INVALID);
    assert_int_equal(read_text("{\"site\":\"a\",\"figures\":[{\"name\":\"proxy_moved_total\",\"label\":\"\","
                               "\"value\":-1}]}",
                               &count),
                     ERR_INVALID);
    assert_int_equal(read_text("{\"site\":\"a\",\"figures\":[{\"name\":\"of_another_release_total\",\"label\":\"\","
                               "\"value\":1}]}",
                               &count),
                     ERR_OK);
    assert_int_equal(count, 0);
    json_t *list = json_array();
    for (int i = 0; i <= FIGURE_SITE; i++) {
        json_array_append_new(list, json_pack("{s:s,s:s,s:i}", "name", "proxy_moved_total", "label", "", "value", i));
    }
    json_t *body = json_pack("{s:s,s:o}", "site", "a", "figures", list);
    const char *site = NULL;
    assert_int_equal(figure_report_read(body, &site, rows, &count), ERR_INVALID);
    json_decref(body);
}

static void the_text_is_that_of_prometheus(void **state)
{
    (void)state;
    char text[2048];
    struct buf buf;
    struct figure_row taiwan[2] = {{.figure = FIGURE_PROXY_MOVED, .value = 3},
                                   {.figure = FIGURE_PROXY_DATABASE_WAIT_TIME, .label = "a\"b\\\n", .value = 1500000}};
    struct figure_row tokyo[1] = {{.figure = FIGURE_PROXY_MOVED, .value = 4}};
    const struct figure_site sites[2] = {{.site = "taiwan-a", .region = "taiwan", .rows = taiwan, .count = 2},
                                         {.site = "tokyo-a", .region = "tokyo", .rows = tokyo, .count = 1}};
    buf_init(&buf, text, sizeof text);
    figure_report_text(sites, 2, &buf);
    assert_string_equal(
        buf_string(&buf),
        "# HELP holdfast_proxy_moved_total Sessions that went on with another server connection\n"
        "# TYPE holdfast_proxy_moved_total counter\n"
        "holdfast_proxy_moved_total{site=\"taiwan-a\",region=\"taiwan\"} 3\n"
        "holdfast_proxy_moved_total{site=\"tokyo-a\",region=\"tokyo\"} 4\n"
        "# HELP holdfast_proxy_wait_seconds_total Time that sessions have waited for a server connection\n"
        "# TYPE holdfast_proxy_wait_seconds_total counter\n"
        "holdfast_proxy_wait_seconds_total{site=\"taiwan-a\",region=\"taiwan\",database=\"a\\\"b\\\\\\n\"} 1.5\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(names_are_as_prometheus_wants_them), cmocka_unit_test(what_is_put_is_collected),
        cmocka_unit_test(more_than_fits_is_left_out),         cmocka_unit_test(the_dead_tell_nothing),
        cmocka_unit_test(harmed_sheets_are_harmless),         cmocka_unit_test(reports_are_read_as_they_were_made),
        cmocka_unit_test(wrong_reports_are_refused),          cmocka_unit_test(the_text_is_that_of_prometheus),
    };
    return cmocka_run_group_tests(tests, make_directory, remove_directory);
}
