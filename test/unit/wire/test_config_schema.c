/* SPDX-License-Identifier: Apache-2.0
 * The schema table itself: every row is whole, its default is one of its values, and the documents carry all of them.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "base/arena.h"
#include "wire/config_json.h"
#include "wire/config_key.h"
#include "wire/config_manual.h"
#include "wire/config_scalar.h"
#include "wire/config_schema.h"

static char json[CONFIG_JSON_BYTES];
static char manual[CONFIG_MANUAL_BYTES];

static void check_documents(const struct config_schema_row *row)
{
    char words[160];
    snprintf(words, sizeof words, "\"%s\":{", row->key);
    assert_non_null(strstr(json, words));
    assert_non_null(strstr(json, row->prose));
}

static void check_row(const struct config_schema_section *section, const struct config_schema_row *row)
{
    assert_non_null(row->prose);
    assert_int_equal(row->prose[strlen(row->prose) - 1], '.');
    assert_true(row->offset < section->size);
    assert_true((row->type == CONFIG_SCHEMA_ENUM || row->type == CONFIG_SCHEMA_FLAGS) == (row->choices != NULL));
    assert_true((row->type == CONFIG_SCHEMA_SECTION || row->type == CONFIG_SCHEMA_MAP) == (row->section != NULL));
    assert_false(row->required && row->fallback != NULL);
    if (config_key_ranged(row->type)) {
        assert_true(row->min <= row->max && row->max > 0);
    }
    if (row->fallback != NULL) {
        struct arena arena;
        arena_init(&arena, 4096);
        char slot[128];
        assert_int_equal(config_scalar_read(&arena, row, row->type, row->fallback, slot), CONFIG_SCALAR_OK);
        arena_fini(&arena);
    }
    for (const struct config_schema_row *other = section->rows; other != row; other++) {
        const uint32_t both = other->kinds == 0 || row->kinds == 0 ? 1 : other->kinds & row->kinds;
        assert_true(strcmp(other->key, row->key) != 0 || both == 0);
    }
    if (!section->bare) {
        check_documents(row);
    }
}

static void check_section(const struct config_schema_section *section, uint32_t depth, uint32_t *count)
{
    assert_true(depth < CONFIG_DEPTH);
    assert_non_null(strstr(json, section->prose));
    for (const struct config_schema_row *row = section->rows; row->key != NULL; row++) {
        check_row(section, row);
        (*count)++;
        if (row->section != NULL) {
            check_section(row->section, depth + 1, count);
        }
    }
}

static void test_rows(void **state)
{
    (void)state;
    struct buf text;
    buf_init(&text, json, sizeof json);
    config_json(&text);
    assert_false(text.overflow);
    buf_init(&text, manual, sizeof manual);
    config_manual(&text);
    assert_false(text.overflow);
    uint32_t count = 0;
    check_section(&config_schema_root, 0, &count);
    assert_true(count > 100);
    assert_non_null(strstr(manual, "# databases.NAME.nodes.NAME\n"));
    assert_non_null(strstr(manual, "*lease* (a duration such as 500ms, 10s, 5m, 1h, from 500ms to 5m, default 3s)"));
}

static void test_kinds(void **state)
{
    (void)state;
    uint32_t count = 0;
    for (const struct config_schema_choice *kind = config_schema_kinds; kind->name != NULL; kind++) {
        assert_int_equal(kind->value, count++);
    }
    assert_int_equal(count, CONFIG_KIND_COUNT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rows),
        cmocka_unit_test(test_kinds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
