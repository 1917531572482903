/* SPDX-License-Identifier: Apache-2.0
 * The dates of a certificate file, to the second; files that hold none. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/certificate.h"

/* Valid for 30 days from 2026-11-22 15:39:34 UTC. */
static const char pem[] = "-----BEGIN CERTIFICATE-----\n"
                          "MIIBMjCB5aADAgECAhR0yBv8rdy7w/gylZZnXOqoTDOhZTAFBgMrZXAwDzENMAsG\n"
                          "A1UEAwwEdGVzdDAeFw0yNjExMjIxNTM5MzRaFw0yNjEyMjIxNTM5MzRaMA8xDTAL\n"
                          "BgNVBAMMBHRlc3QwKjAFBgMrZXADIQA2AWCvzNDT9ZldxzzsC61YyOa5tX/0p0my\n"
                          "XcqY9vRS5qNTMFEwHQYDVR0OBBYEFCwOVL7NgrrKUnEPPObSc95xaJUuMB8GA1Ud\n"
                          "IwQYMBaAFCwOVL7NgrrKUnEPPObSc95xaJUuMA8GA1UdEwEB/wQFMAMBAf8wBQYD\n"
                          "K2VwA0EAs1ecGEUKs57cwmyebkG2tZ8uAtyo38phTUvVVkJgLpRUxDSRQuTmT00x\n"
                          "31bVVntSO7eylMvtD+GTMHG5w8NvAw==\n"
                          "-----END CERTIFICATE-----\n";
static const int64_t begin_s = 1795361974;
static const int64_t end_s = 1797953974;

static char path[] = "/tmp/holdfast-certificate-XXXXXX";
static char text[256];

static void write_file(const char *content)
{
    FILE *file = fopen(path, "w");
    assert_non_null(file);
    assert_int_equal(fputs(content, file) >= 0 && fclose(file) == 0, 1);
}

static enum err at(int64_t seconds)
{
    return certificate_check(path, (struct wall){seconds * TIME_US_PER_S}, text, sizeof text);
}

static void test_dates(void **state)
{
    (void)state;
    write_file(pem);
    assert_int_equal(at(begin_s), ERR_OK);
    assert_string_equal(text, "");
    assert_int_equal(at(end_s - 1), ERR_OK);
    assert_int_equal(at(end_s + 1), ERR_CERTIFICATE);
    assert_non_null(strstr(text, path));
    assert_non_null(strstr(text, "expired at 2026-12-22 15:39:34 UTC"));
    assert_int_equal(at(begin_s - 1), ERR_CERTIFICATE);
    assert_non_null(strstr(text, "not valid before 2026-11-22 15:39:34 UTC"));
}

static void test_no_certificate(void **state)
{
    (void)state;
    write_file("");
    assert_int_equal(at(begin_s), ERR_CONTENT);
    write_file("-----BEGIN CERTIFICATE-----\nAAAA\n-----END CERTIFICATE-----\n");
    assert_int_equal(at(begin_s), ERR_CONTENT);
    assert_non_null(strstr(text, path));
    assert_int_equal(certificate_check("/nonexistent/file", (struct wall){0}, text, sizeof text), ERR_NOT_FOUND);
    assert_non_null(strstr(text, "/nonexistent/file"));
}

static int setup(void **state)
{
    (void)state;
    const int file = mkstemp(path);
    return file < 0 ? -1 : close(file);
}

static int teardown(void **state)
{
    (void)state;
    return unlink(path);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_dates), cmocka_unit_test(test_no_certificate)};
    return cmocka_run_group_tests(tests, setup, teardown);
}
