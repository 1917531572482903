/* SPDX-License-Identifier: Apache-2.0
 * What test_decoding prints becomes JSON, whatever a value holds. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "reconcile/salvage_text.h"

static const struct {
    const char *line;
    const char *json; /* NULL: refused */
} cases[] = {
    {"table public.t: INSERT: id[integer]:1 v[text]:'it''s' n[text]:null",
     "[{\"s\":\"public\",\"n\":\"t\",\"o\":\"I\",\"v\":{\"id\":\"1\",\"v\":\"it's\",\"n\":null}}"},
    {"table public.t: UPDATE: id[integer]:1 v[text]:unchanged-toast-datum n[numeric]:NaN",
     "[{\"s\":\"public\",\"n\":\"t\",\"o\":\"U\",\"v\":{\"id\":\"1\",\"n\":\"NaN\"}}"},
    {"table public.t: UPDATE: v[text]:unchanged-toast-datum id[integer]:1",
     "[{\"s\":\"public\",\"n\":\"t\",\"o\":\"U\",\"v\":{\"id\":\"1\"}}"},
    {"table public.t: UPDATE: old-key: id[integer]:1 new-tuple: id[integer]:2 b[boolean]:true",
     "[{\"s\":\"public\",\"n\":\"t\",\"o\":\"U\",\"k\":{\"id\":\"1\"},\"v\":{\"id\":\"2\",\"b\":\"true\"}}"},
    {"table public.t: DELETE: id[integer]:1", "[{\"s\":\"public\",\"n\":\"t\",\"o\":\"D\",\"k\":{\"id\":\"1\"}}"},
    {"table public.t: DELETE: (no-tuple-data)", "[{\"s\":\"public\",\"n\":\"t\",\"o\":\"D\"}"},
    {"table \"S s\".\"a\"\"b.c\": INSERT: \"x:y [z]\"[character varying]:'new-tuple: a\n\"b\\' b[bit varying]:B'101'",
     "[{\"s\":\"S s\",\"n\":\"a\\\"b.c\",\"o\":\"I\",\"v\":{\"x:y [z]\":\"new-tuple: "
     "a\\u000a\\\"b\\\\\",\"b\":\"101\"}}"},
    {"table public.t: INSERT: a[integer[]]:'{1,2}' o[public.\"odd]t\"\"[ype\"]:'x'",
     "[{\"s\":\"public\",\"n\":\"t\",\"o\":\"I\",\"v\":{\"a\":\"{1,2}\",\"o\":\"x\"}}"},
    {"table public.a, public.b, holdfast.c: TRUNCATE: restart_seqs cascade",
     "[{\"s\":\"public\",\"n\":\"a\",\"o\":\"T\"},{\"s\":\"public\",\"n\":\"b\",\"o\":\"T\"}"},
    {"table holdfast.proof: UPDATE: epoch[bigint]:1", "["},
    {"table public.t: INSERT: id[integer]:", NULL},
    {"table public.t: INSERT: v[text]:'open", NULL},
    {"table public.t: INSERT: v[text:'x'", NULL},
    {"table public: INSERT: v[text]:'x'", NULL},
    {"table public.t: MERGE: v[text]:'x'", NULL},
    {"table \"open", NULL},
    {"BEGIN x", NULL},
    {"BEGIN 99999999999", NULL},
    {"COMMIT 1 (at ", NULL},
    {"something else", NULL},
    {"", NULL},
};

static void test_changes(void **state)
{
    (void)state;
    struct salvage_text_buf json = {.limit = 4096};
    for (size_t i = 0; i < sizeof cases / sizeof cases[0]; i++) {
        struct salvage_text text;
        salvage_text_reset(&json, "[");
        const enum err err = salvage_text_read(span_text(cases[i].line), &json, &text);
        assert_int_equal(err, cases[i].json != NULL ? ERR_OK : ERR_INVALID);
        if (cases[i].json != NULL) {
            assert_int_equal(json.size, strlen(cases[i].json));
            assert_memory_equal(json.data, cases[i].json, json.size);
        }
    }
    salvage_text_free(&json);
}

static void test_ends(void **state)
{
    (void)state;
    struct salvage_text_buf json = {.limit = 4096};
    struct salvage_text text;
    salvage_text_reset(&json, "[");
    assert_int_equal(salvage_text_read(span_text("BEGIN 4294967295"), &json, &text), ERR_OK);
    assert_int_equal(text.kind, SALVAGE_TEXT_BEGIN);
    assert_int_equal(text.xid, UINT32_MAX);
    assert_int_equal(salvage_text_read(span_text("COMMIT 7 (at 2026-11-22 09:00:00+00)"), &json, &text), ERR_OK);
    assert_int_equal(text.kind, SALVAGE_TEXT_COMMIT);
    assert_true(span_is(text.time, "2026-11-22 09:00:00+00"));
    assert_int_equal(salvage_text_read(span_text("message: transactional: 1 prefix: x, sz: 1 content:y"), &json, &text),
                     ERR_OK);
    assert_int_equal(text.kind, SALVAGE_TEXT_MESSAGE);
    salvage_text_free(&json);
}

static void test_limit(void **state)
{
    (void)state;
    struct salvage_text_buf json = {.limit = 40};
    struct salvage_text text;
    salvage_text_reset(&json, "[");
    assert_int_equal(salvage_text_read(span_text(cases[0].line), &json, &text), ERR_TOO_LARGE);
    salvage_text_reset(&json, "[");
    assert_false(json.overflow);
    salvage_text_free(&json);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_changes),
        cmocka_unit_test(test_ends),
        cmocka_unit_test(test_limit),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
