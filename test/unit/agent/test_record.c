/* SPDX-License-Identifier: Apache-2.0
 * The node's record: what is saved is loaded, what cannot be is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "agent/record.h"

static void test_saved_is_loaded(void **state)
{
    (void)state;
    char folder[] = "/tmp/holdfast-record-XXXXXX";
    char path[128];
    assert_non_null(mkdtemp(folder));
    struct record record = {.epoch = 7,
                            .ordered = 6,
                            .refused = 3,
                            .halted = 2,
                            .data_epoch = 5,
                            .role = RECORD_STANDBY,
                            .upstream = "tokyo-a",
                            .leader = "tokyo-b",
                            .order = 12,
                            .durability = "ANY 1 (\"a\", \"b\")",
                            .durability_told = true};
    struct record loaded = {0};
    assert_int_equal(record_load(folder, &loaded), ERR_NOT_FOUND);
    assert_int_equal(record_save(folder, &record), ERR_OK);
    assert_int_equal(record_load(folder, &loaded), ERR_OK);
    assert_memory_equal(&record, &loaded, sizeof record);
    record = (struct record){0};
    assert_int_equal(record_save(folder, &record), ERR_OK);
    assert_int_equal(record_load(folder, &loaded), ERR_OK);
    assert_memory_equal(&record, &loaded, sizeof record);
    snprintf(path, sizeof path, "%s/record", folder);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(rmdir(folder), 0);
}

static void test_an_overtaken_requirement_is_not_taken(void **state)
{
    (void)state;
    struct record record = {.durability_epoch = 4, .durability_order = 9, .durability = "old", .durability_told = true};
    assert_false(record_require(&record, 4, 8, "late"));
    assert_false(record_require(&record, 3, 10, "of a writer before"));
    assert_string_equal(record.durability, "old");
    assert_true(record_require(&record, 4, 9, "again"));
    assert_string_equal(record.durability, "again");
    assert_true(record_require(&record, 5, 1, "")); /* a new epoch begins anew, also with nobody required */
    assert_string_equal(record.durability, "");
    assert_true(record.durability_told);
    assert_int_equal(record.durability_epoch, 5);
    assert_int_equal(record.durability_order, 1);
}

static void test_refused(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "epoch 7",              /* cut */
        "epoch x\n",            /* not a number */
        "epoch \n",             /* nothing */
        "epoch 1\nordered 2\n", /* ordered what it does not know */
        "role king\n",
        "nothing\n",
        "epoch 99999999999999999999999\n",
        "upstream a-name-that-is-much-longer-than-names-may-be\n",
    };
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        struct record record;
        assert_int_equal(record_parse(span_text(bad[i]), &record), ERR_INVALID);
    }
    struct record record;
    assert_int_equal(record_parse(span_text("epoch 4\nsomething new\nrole writer\n"), &record), ERR_OK);
    assert_int_equal(record.role, RECORD_WRITER);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_saved_is_loaded),
        cmocka_unit_test(test_an_overtaken_requirement_is_not_taken),
        cmocka_unit_test(test_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
