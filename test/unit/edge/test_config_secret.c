/* SPDX-License-Identifier: Apache-2.0
 * Secrets by reference: what is read, what is refused, and that nothing stays behind after a refusal. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/config_secret.h"

static char path[] = "/tmp/holdfast-secret-XXXXXX";

static void write_secret(const void *data, size_t size, mode_t mode)
{
    FILE *file = fopen(path, "we");
    assert_non_null(file);
    assert_int_equal(fwrite(data, 1, size, file), size);
    assert_int_equal(fclose(file), 0);
    assert_int_equal(chmod(path, mode), 0);
}

/* The result; on errors the memory must be wiped. */
static enum err read_secret(const struct config_secret *secret, char *text, size_t capacity)
{
    memset(text, 'x', capacity);
    const enum err err = config_secret_read(secret, text, capacity);
    for (size_t i = 0; err != ERR_OK && i < capacity; i++) {
        assert_int_equal(text[i], 0);
    }
    return err;
}

static void test_file(void **state)
{
    (void)state;
    const struct config_secret secret = {.file = path};
    char text[16];
    write_secret("geheim\n", 7, 0600);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_OK);
    assert_string_equal(text, "geheim");
    write_secret("geheim\n\n", 8, 0640);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_OK);
    assert_string_equal(text, "geheim\n");
    write_secret("fifteen bytes !", 15, 0600);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_OK);
    assert_string_equal(text, "fifteen bytes !");
}

static void test_refused(void **state)
{
    (void)state;
    const struct config_secret secret = {.file = path};
    char text[16];
    write_secret("geheim", 6, 0604);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_PERMISSION);
    write_secret("", 0, 0600);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_INVALID);
    write_secret("\n", 1, 0600);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_INVALID);
    write_secret("a\0b", 3, 0600);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_INVALID);
    write_secret("sixteen bytes !!", 16, 0600);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_TOO_LARGE);
    const struct config_secret missing = {.file = "/nonexistent/secret"};
    assert_int_equal(read_secret(&missing, text, sizeof text), ERR_NOT_FOUND);
    const struct config_secret directory = {.file = "/"};
    assert_int_not_equal(read_secret(&directory, text, sizeof text), ERR_OK);
    const struct config_secret none = {.file = NULL};
    assert_int_equal(read_secret(&none, text, sizeof text), ERR_NOT_FOUND);
}

static void test_environment(void **state)
{
    (void)state;
    const struct config_secret secret = {.env = "HOLDFAST_TEST_SECRET"};
    char text[16];
    unsetenv(secret.env);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_NOT_FOUND);
    setenv(secret.env, "geheim", 1);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_OK);
    assert_string_equal(text, "geheim");
    setenv(secret.env, "", 1);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_INVALID);
    setenv(secret.env, "sixteen bytes !!", 1);
    assert_int_equal(read_secret(&secret, text, sizeof text), ERR_TOO_LARGE);
    unsetenv(secret.env);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_file),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_environment),
    };
    const int file = mkstemp(path);
    if (file < 0) {
        return 1;
    }
    close(file);
    const int failed = cmocka_run_group_tests(tests, NULL, NULL);
    unlink(path);
    return failed;
}
