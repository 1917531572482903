/* SPDX-License-Identifier: Apache-2.0
 * The configuration from a file, and what is said when it cannot be read. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "edge/config_file.h"

static char messages_memory[CONFIG_MESSAGES];

static enum err load(const char *path, struct config **ret_config)
{
    struct buf messages;
    buf_init(&messages, messages_memory, sizeof messages_memory);
    return config_file_load(path, &messages, ret_config);
}

static void test_unreadable(void **state)
{
    (void)state;
    struct config *config = NULL;
    assert_int_equal(load("/nonexistent/holdfast.yaml", &config), ERR_NOT_FOUND);
    assert_string_equal(messages_memory,
                        "/nonexistent/holdfast.yaml: error: not found; expected a readable file of at most 1 MiB; name "
                        "another one, or set HOLDFAST_CONFIG\n");
    assert_int_not_equal(load("/", &config), ERR_OK);
    assert_non_null(strstr(messages_memory, "/: error: "));
    assert_int_equal(load("/dev/zero", &config), ERR_TOO_LARGE);
    assert_null(config);
}

static void test_invalid(void **state)
{
    (void)state;
    struct config *config = NULL;
    assert_int_equal(load("/dev/null", &config), ERR_INVALID);
    assert_null(config);
    assert_non_null(strstr(messages_memory, "/dev/null: error: the file is empty"));
}

static void test_default(void **state)
{
    (void)state;
    unsetenv("HOLDFAST_CONFIG");
    assert_string_equal(config_file_default(), "/etc/holdfast/holdfast.yaml");
    setenv("HOLDFAST_CONFIG", "/tmp/other.yaml", 1);
    assert_string_equal(config_file_default(), "/tmp/other.yaml");
    unsetenv("HOLDFAST_CONFIG");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_unreadable),
        cmocka_unit_test(test_invalid),
        cmocka_unit_test(test_default),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
