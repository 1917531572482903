/* SPDX-License-Identifier: Apache-2.0
 * A hand-made history as text, judged. */
#include "judged.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <string.h>

#include <cmocka.h>

static struct history judged_history;
static struct check_report judged_report;

static void judged_load(const char *text)
{
    check_report_fini(&judged_report);
    history_fini(&judged_history);
    history_init(&judged_history);
    assert_int_equal(history_begin(&judged_history), ERR_OK);
    assert_int_equal(history_line(&judged_history, span_text("holdfast-history 1 3 100")), ERR_OK);
    while (*text != '\0') {
        const size_t size = strcspn(text, "\n");
        if (history_line(&judged_history, span_of(text, size)) != ERR_OK) {
            fail_msg("refused: %.*s", (int)size, text);
        }
        text += size + (text[size] == '\n' ? 1 : 0);
    }
    check_report_init(&judged_report, &judged_history);
}

const struct check_report *judged_text(const char *text, judged_judge *judge)
{
    judged_load(text);
    assert_int_equal(judge(&judged_history, &judged_report), ERR_OK);
    return &judged_report;
}

void judged_only(const char *text, judged_judge *judge, enum check_report_code code, size_t count)
{
    const struct check_report *report = judged_text(text, judge);
    for (size_t i = 0; i < CHECK_REPORT_CODES; i++) {
        if (report->counts[i] != (i == code ? count : 0)) {
            fail_msg("%zu x %s, expected %zu x %s\n%s", report->counts[i],
                     check_report_code_name((enum check_report_code)i), count, check_report_code_name(code),
                     report->texts[i][0] != NULL ? report->texts[i][0] : "");
        }
    }
}

void judged_clean(const char *text, judged_judge *judge)
{
    judged_only(text, judge, CHECK_REPORT_LOST, 0);
    assert_true(check_report_clean(&judged_report));
}

void judged_refused(const char *text, judged_judge *judge, enum err err)
{
    judged_load(text);
    assert_int_equal(judge(&judged_history, &judged_report), err);
}
