/* SPDX-License-Identifier: Apache-2.0
 * What is written is read back; anything else is refused. */
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "journal.h"

static void test_round_trip(void **state)
{
    (void)state;
    struct journal_entry entry = {
        .start_us = 1234567890123,
        .end_us = 1234567890999,
        .path = JOURNAL_SQL,
        .outcome = JOURNAL_UNKNOWN,
        .tier = 1,
        .home = "taiwan",
        .table = "ledger_probe",
        .key = "s-run-1",
    };
    journal_set_error(&entry, "server said \"no\"\n\\ and \xff");
    char *text = NULL;
    size_t size = 0;
    FILE *file = open_memstream(&text, &size);
    assert_non_null(file);
    journal_write(file, &entry);
    assert_int_equal(fclose(file), 0);
    struct journal_entry back;
    assert_int_equal(journal_parse(text, size, &back), ERR_OK);
    assert_true(back.start_us == entry.start_us && back.end_us == entry.end_us);
    assert_int_equal(back.path, JOURNAL_SQL);
    assert_int_equal(back.outcome, JOURNAL_UNKNOWN);
    assert_string_equal(back.key, "s-run-1");
    assert_string_equal(back.error, "server said  no    and  ");
    for (size_t cut = 0; cut + 2 < size; cut++) {
        assert_int_equal(journal_parse(text, cut, &back), ERR_INVALID);
    }
    free(text);
}

static void test_refuses(void **state)
{
    (void)state;
    static const char *const lines[] = {
        "{}",
        "[]",
        "{\"t\":1,\"end\":2,\"path\":\"ftp\",\"home\":\"\",\"key\":\"\",\"tier\":1,\"table\":\"\",\"outcome\":\"ok\","
        "\"region\":\"\","
        "\"node\":\"\",\"error\":\"\"}",
        "{\"t\":\"1\",\"end\":2,\"path\":\"sql\",\"home\":\"\",\"key\":\"\",\"tier\":1,\"table\":\"\",\"outcome\":"
        "\"ok\",\"region\":\"\","
        "\"node\":\"\",\"error\":\"\"}",
        "{\"t\":1,\"end\":2,\"path\":\"sql\",\"home\":\"0123456789012345678901234567890123456789\",\"key\":\"\","
        "\"tier\":1,\"table\":\"\","
        "\"outcome\":\"ok\",\"region\":\"\",\"node\":\"\",\"error\":\"\"}",
    };
    struct journal_entry entry;
    for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
        assert_int_equal(journal_parse(lines[i], strlen(lines[i]), &entry), ERR_INVALID);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_round_trip), cmocka_unit_test(test_refuses)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
