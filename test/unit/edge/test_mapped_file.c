/* SPDX-License-Identifier: Apache-2.0
 * Files that others map: whole or not there, and the old one stays with who has it. */
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

#include "edge/mapped_file.h"

static char directory[64];
static char path[128];

static int make_directory(void **state)
{
    (void)state;
    snprintf(directory, sizeof directory, "/tmp/holdfast-mapped-XXXXXX");
    snprintf(path, sizeof path, "%s", directory);
    if (mkdtemp(directory) == NULL) {
        return -1;
    }
    snprintf(path, sizeof path, "%s/file", directory);
    return 0;
}

static int remove_directory(void **state)
{
    (void)state;
    unlink(path);
    return rmdir(directory); /* fails when something was left beside it */
}

static void test_a_new_one_takes_the_place_of_the_old(void **state)
{
    (void)state;
    int old = -1;
    int fresh = -1;
    char text[8];
    struct stat status;
    assert_int_equal(mapped_file_create(path, 0600, 5000, span_text("first"), &old), ERR_OK);
    assert_int_equal(mapped_file_create(path, 0600, 3, span_of(NULL, 0), &fresh), ERR_OK);
    assert_int_equal(fstat(old, &status), 0);
    assert_int_equal(status.st_size, 5000);
    assert_int_equal(pread(old, text, sizeof text, 0), 8);
    assert_memory_equal(text, "first\0\0", 8);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_size, 3);
    assert_int_equal(pread(fresh, text, sizeof text, 0), 3);
    assert_memory_equal(text, "\0\0\0", 3);
    close(old);
    close(fresh);
}

static void test_what_fails_leaves_everything_as_it_was(void **state)
{
    (void)state;
    int fd = -1;
    static char longer[5000];
    memset(longer, 'a', sizeof longer - 1);
    assert_int_equal(mapped_file_create(longer, 0600, 1, span_of(NULL, 0), &fd), ERR_INVALID);
    assert_int_equal(mapped_file_create("/proc/no/such/place", 0600, 1, span_of(NULL, 0), &fd), ERR_NOT_FOUND);
    /* Nothing has room for that much. */
    assert_int_not_equal(mapped_file_create(path, 0600, (size_t)1 << 62, span_of(NULL, 0), &fd), ERR_OK);
    assert_int_equal(access(path, F_OK), -1);
    /* A directory cannot be replaced; what was made beside it is gone (remove_directory sees it). */
    assert_int_equal(mkdir(path, 0700), 0);
    assert_int_not_equal(mapped_file_create(path, 0600, 10, span_text("x"), &fd), ERR_OK);
    assert_int_equal(rmdir(path), 0);
    assert_int_equal(fd, -1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_new_one_takes_the_place_of_the_old, make_directory, remove_directory),
        cmocka_unit_test_setup_teardown(test_what_fails_leaves_everything_as_it_was, make_directory, remove_directory),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
