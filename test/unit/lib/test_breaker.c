/* SPDX-License-Identifier: Apache-2.0
 * The circuit breaker's scenarios, through the driver protocol: each row of the specification's table, the mended
 * defects included.
 *
 * A scenario is text: "request -> words that the answer has", one per line; a number before the request repeats it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "breaker_lines.h"

struct breaker_scenario {
    const char *title;
    const char *text;
};

/* Whether `word` is one of the answer's words. */
static int has_word(const char *answer, const char *word)
{
    const size_t size = strlen(word);
    for (const char *at = answer; (at = strstr(at, word)) != NULL; at++) {
        if ((at == answer || at[-1] == ' ') && (at[size] == ' ' || at[size] == '\0')) {
            return 1;
        }
    }
    return 0;
}

static void expect(const char *title, const char *request, const char *answer, char *words)
{
    char *rest = NULL;
    for (char *word = strtok_r(words, " ", &rest); word != NULL; word = strtok_r(NULL, " ", &rest)) {
        if (!has_word(answer, word)) {
            fail_msg("%s: '%s' expected %s: %s", title, request, word, answer);
        }
    }
}

static void play_line(struct breaker_lines *lines, const char *title, char *line)
{
    char *words = strstr(line, "->");
    char *request = line;
    if (words != NULL) {
        *words = '\0';
        words += 2;
    }
    long times = strtol(request, &request, 10);
    const char *answer = NULL;
    do {
        answer = breaker_lines_answer(lines, request);
    } while (--times > 0);
    if (strstr(answer, "INVALID_REQUEST") != NULL) {
        fail_msg("%s: '%s' is no request", title, request);
    }
    if (words != NULL) {
        expect(title, request, answer, words);
    }
}

static void play(const struct breaker_scenario *scenario)
{
    struct breaker_lines *lines = breaker_lines_new();
    char *text = strdup(scenario->text);
    char *rest = NULL;
    assert_non_null(lines);
    for (char *line = strtok_r(text, "\n", &rest); line != NULL; line = strtok_r(NULL, "\n", &rest)) {
        play_line(lines, scenario->title, line);
    }
    free(text);
    breaker_lines_free(lines);
}

#define SMALL "new window_size=4 minimum_calls=4 permitted_half_open=2 wait_open_ms=1000"

static const struct breaker_scenario scenarios[] = {
    {"defaults", "new -> state=CLOSED failure_rate=-1 slow_rate=-1 buffered=0 events=\n"
                 "99 error -> state=CLOSED failure_rate=-1 buffered=99\n"
                 "error -> state=OPEN failure_rate=100 buffered=100\n"
                 "advance 60000 -> state=OPEN events=\n"
                 "acquire -> permit=0 state=OPEN not_permitted=1 events=NOT_PERMITTED\n"
                 "advance 1\n"
                 "10 acquire -> permit=1 state=HALF_OPEN\n"
                 "acquire -> permit=0 not_permitted=1"},
    {"regional", "new preset=regional\n2 error\n2 success -> state=CLOSED buffered=4 failure_rate=-1\n"
                 "error -> state=OPEN failure_rate=60\n"
                 "advance 29999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN events=STATE_TRANSITION:OPEN>HALF_OPEN\n"
                 "3 acquire -> permit=1\nacquire -> permit=0"},
    {"configurations refused",
     "new failure_rate_threshold=0 -> state=NONE error=INVALID_CONFIG\n"
     "new failure_rate_threshold=100.01 -> error=INVALID_CONFIG\nnew failure_rate_threshold=100 -> state=CLOSED\n"
     "new failure_rate_threshold=0.001 -> state=CLOSED\nnew failure_rate_threshold=-1 -> error=INVALID_CONFIG\n"
     "new slow_call_rate_threshold=0 -> error=INVALID_CONFIG\nnew slow_call_rate_threshold=101 -> "
     "error=INVALID_CONFIG\n"
     "new slow_call_duration_us=0 -> error=INVALID_CONFIG\nnew slow_call_duration_us=0.001 -> state=CLOSED\n"
     "new window_size=0 -> error=INVALID_CONFIG\nnew window_size=1000000 -> state=CLOSED\n"
     "new window_type=HOURS -> error=INVALID_CONFIG\nnew minimum_calls=0 -> error=INVALID_CONFIG\n"
     "new permitted_half_open=0 -> error=INVALID_CONFIG\nnew wait_open_ms=0 -> error=INVALID_CONFIG\n"
     "new wait_open_ms=-1 -> error=INVALID_CONFIG\nnew wait_open_ms=1 -> state=CLOSED\n"
     "new wait_open_ms=60000 wait_open_exp=1000:2:8000 -> error=INVALID_CONFIG\n"
     "new wait_open_exp=1000:2:8000 -> state=CLOSED\nnew wait_open_exp=1000:0.5:8000 -> error=INVALID_CONFIG\n"
     "new wait_open_exp=0:2:8000 -> error=INVALID_CONFIG\nnew wait_open_exp=1000:2 -> error=INVALID_CONFIG\n"
     "new max_wait_half_open_ms=-1 -> error=INVALID_CONFIG\nnew after_half_open_wait=HALF_OPEN -> "
     "error=INVALID_CONFIG\n"
     "new initial_state=BROKEN -> error=INVALID_CONFIG\nnew nonsense=1 -> error=INVALID_CONFIG\n"
     "new window_size=ten -> error=INVALID_CONFIG\nsuccess -> state=NONE"},
    {"initial states",
     "new initial_state=OPEN wait_open_ms=10 -> state=OPEN events=\nadvance 10\nacquire -> permit=0\n"
     "advance 1\nacquire -> permit=1 events=STATE_TRANSITION:OPEN>HALF_OPEN\n"
     "new initial_state=FORCED_OPEN -> state=FORCED_OPEN events=\nacquire -> permit=0\n"
     "new initial_state=DISABLED -> state=DISABLED\nnew initial_state=METRICS_ONLY -> state=METRICS_ONLY\n"
     "new initial_state=HALF_OPEN permitted_half_open=1 -> state=HALF_OPEN\nacquire -> permit=1\n"
     "acquire -> permit=0"},
    {"opens at the threshold exactly",
     SMALL "\n2 error\nsuccess -> state=CLOSED\nsuccess -> state=OPEN failure_rate=50"},
    {"the success that completes the minimum opens",
     SMALL " failure_rate_threshold=75\n3 error -> state=CLOSED failure_rate=-1\n"
           "success -> state=OPEN failure_rate=75 "
           "events=SUCCESS,FAILURE_RATE_EXCEEDED,STATE_TRANSITION:CLOSED>OPEN"},
    {"just below stays closed", SMALL "\nerror\n3 success -> state=CLOSED failure_rate=25\nsuccess -> failure_rate=0"},
    {"thirds", "new window_size=3 minimum_calls=3 failure_rate_threshold=33.3333\nerror\nsuccess\n"
               "success -> state=OPEN failure_rate=33.333333"},
    {"a minimum above the window is clamped to it", "new window_size=2 minimum_calls=50\nerror -> state=CLOSED\n"
                                                    "error -> state=OPEN"},
    {"half-open minimum is clamped to the permits",
     "new window_size=50 minimum_calls=50 permitted_half_open=2\nto_open\nto_half_open\nsuccess -> state=HALF_OPEN\n"
     "success -> state=CLOSED"},
    {"half-open verdict at the minimum, before all permits are used",
     "new window_size=10 minimum_calls=2 permitted_half_open=5\nto_open\nto_half_open\n3 acquire\nsuccess -> "
     "state=HALF_OPEN\n"
     "success -> state=CLOSED buffered=0"},
    {"no verdict before, even if it is clear",
     "new window_size=10 minimum_calls=3 permitted_half_open=3\nto_open\nto_half_open\n2 error -> state=HALF_OPEN\n"
     "error -> state=OPEN buffered=3 failed=3 events=ERROR,STATE_TRANSITION:HALF_OPEN>OPEN"},
    {"time window is not clamped", "new window_type=TIME window_size=1 minimum_calls=3\n2 error -> state=CLOSED\n"
                                   "error -> state=OPEN"},
    {"count window is a ring and never ages",
     "new window_size=3 minimum_calls=3 failure_rate_threshold=60\nerror\n2 success -> failed=1 buffered=3\n"
     "advance 100000000 -> buffered=3 failed=1\nsuccess -> failed=0 buffered=3\nerror -> failed=1 state=CLOSED\n"
     "success\nerror -> state=OPEN failure_rate=66.666667"},
    {"time window counts whole seconds",
     "new window_type=TIME window_size=2 minimum_calls=100 start_ms=900\nerror -> buffered=1\nadvance 99 -> "
     "buffered=1\n"
     "advance 1 -> buffered=1\nerror -> buffered=2\nadvance 999 -> buffered=2\nadvance 1 -> buffered=1\n"
     "advance 1000 -> buffered=0"},
    {"a call lives between N-1 and N seconds",
     "new window_type=TIME window_size=2 minimum_calls=100 start_ms=0\nsuccess\nadvance 1999 -> buffered=1\n"
     "advance 1 -> buffered=0"},
    {"a long pause empties the time window", "new window_type=TIME window_size=5 minimum_calls=100\n3 error\n"
                                             "advance 1000000 -> buffered=0 failed=0\nerror -> buffered=1 failed=1"},
    {"time window of one second",
     "new window_type=TIME window_size=1 minimum_calls=9\nerror\nadvance 999 -> buffered=1\n"
     "advance 1 -> buffered=0"},
    {"half-open of a time window is a count window",
     "new window_type=TIME window_size=1 minimum_calls=2 permitted_half_open=2\nto_open\nto_half_open\nerror\n"
     "advance 5000 -> buffered=1\nsuccess -> state=OPEN failure_rate=50"},
    {"slow is strictly longer", "new window_size=2 minimum_calls=2 slow_call_duration_us=100\nsuccess 100 -> slow=0\n"
                                "success 100.001 -> slow=1 state=CLOSED slow_rate=50\n"
                                "success 101 -> slow=2 state=OPEN slow_rate=100 failure_rate=0 "
                                "events=SUCCESS,SLOW_CALL_RATE_EXCEEDED,STATE_TRANSITION:CLOSED>OPEN"},
    {"both thresholds, in order",
     "new window_size=2 minimum_calls=2 slow_call_duration_us=100 slow_call_rate_threshold=50\nerror 200 -> "
     "slow_failed=1\n"
     "success 5 -> state=OPEN slow=1 slow_failed=1 failed=1 "
     "events=SUCCESS,FAILURE_RATE_EXCEEDED,SLOW_CALL_RATE_EXCEEDED,STATE_TRANSITION:CLOSED>OPEN"},
    {"no exceeded events in half-open", SMALL "\nto_open\nto_half_open\nerror 99999999\nerror 99999999 -> state=OPEN "
                                              "events=ERROR,STATE_TRANSITION:HALF_OPEN>OPEN"},
    {"slow trials open as well",
     SMALL " slow_call_duration_us=1\nto_open\nto_half_open\nsuccess 2\nsuccess 2 -> state=OPEN"},
    {"open without a timer: strictly later",
     SMALL "\n4 error -> state=OPEN\nadvance 1000 -> state=OPEN\nacquire -> permit=0\n"
           "advance 0.001 -> state=OPEN\nacquire -> permit=1 state=HALF_OPEN "
           "events=STATE_TRANSITION:OPEN>HALF_OPEN not_permitted=0\n"
           "acquire -> permit=1\nacquire -> permit=0 not_permitted=1"},
    {"open with a timer: exactly", SMALL " automatic=1\n4 error\nadvance 999.999 -> state=OPEN\n"
                                         "advance 0.001 -> state=HALF_OPEN events=STATE_TRANSITION:OPEN>HALF_OPEN"},
    {"the window that opened stays visible, late results change no state", SMALL
     "\n4 error -> state=OPEN buffered=4\nacquire -> not_permitted=1\n"
     "4 success -> state=OPEN failed=0 failure_rate=0 not_permitted=1 events=SUCCESS\nerror -> failed=1 state=OPEN"},
    {"late results of the closed period count as trials",
     SMALL "\n6 acquire\n4 error -> state=OPEN\nto_half_open\nsuccess -> state=HALF_OPEN\nsuccess -> state=CLOSED"},
    {"maximum wait in half-open, to OPEN",
     SMALL " max_wait_half_open_ms=500\nto_open\nto_half_open\nacquire\nadvance 499 -> "
           "state=HALF_OPEN\nadvance 1 -> state=OPEN "
           "events=STATE_TRANSITION:HALF_OPEN>OPEN"},
    {"maximum wait in half-open, to CLOSED",
     SMALL " max_wait_half_open_ms=500 after_half_open_wait=CLOSED\nto_open\nto_half_open\nadvance 500 -> state=CLOSED "
           "events=STATE_TRANSITION:HALF_OPEN>CLOSED"},
    {"maximum wait is cancelled by a verdict", SMALL " max_wait_half_open_ms=500\nto_open\nto_half_open\n2 success -> "
                                                     "state=CLOSED\nadvance 1000 -> state=CLOSED events="},
    {"no maximum wait: for ever", SMALL "\nto_open\nto_half_open\n2 acquire\nadvance 1000000000 -> state=HALF_OPEN\n"
                                        "acquire -> permit=0"},
    {"timers run in order, each at its own time", SMALL
     " automatic=1 max_wait_half_open_ms=500\nto_open\nadvance 4400 -> state=HALF_OPEN "
     "events=STATE_TRANSITION:OPEN>HALF_OPEN,STATE_TRANSITION:HALF_OPEN>OPEN,STATE_TRANSITION:OPEN>HALF_OPEN,"
     "STATE_TRANSITION:HALF_OPEN>OPEN,STATE_TRANSITION:OPEN>HALF_OPEN\n"
     "advance 99 -> state=HALF_OPEN\nadvance 1 -> state=OPEN\nadvance 999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN"},
    {"an idle age is skipped and the phase kept",
     SMALL " automatic=1 max_wait_half_open_ms=500\nto_open\nadvance 1500000000000 -> state=OPEN\n"
           "advance 999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN\nadvance 500 -> state=OPEN"},
    {"growing waits",
     "new wait_open_exp=1000:2:3000 automatic=1\nto_open\nadvance 999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN\n"
     "to_open\nadvance 1999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN\nto_open\nadvance 2999 -> state=OPEN\n"
     "advance 1 -> state=HALF_OPEN\nto_open\nadvance 2999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN\n"
     "to_closed\nto_open\nadvance 999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN"},
    {"a decimal multiplier is cut to milliseconds at each step",
     "new wait_open_exp=3:1.5:100 automatic=1\nto_open\nadvance 3 -> state=HALF_OPEN\nto_open\nadvance 3.999 -> "
     "state=OPEN\n"
     "advance 0.001 -> state=HALF_OPEN\nto_open\nadvance 5.999 -> state=OPEN\nadvance 0.001 -> state=HALF_OPEN"},
    {"the half-open time-out is one more attempt",
     "new wait_open_exp=1000:2:8000 automatic=1 max_wait_half_open_ms=10\nto_open\nadvance 1010 -> state=OPEN\n"
     "advance 1999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN"},
    {"open-for keeps the attempt",
     "new wait_open_exp=1000:2:8000 automatic=1\nto_open\nadvance 1000\nto_open_for 50 -> state=OPEN\nadvance 49 -> "
     "state=OPEN\n"
     "advance 1 -> state=HALF_OPEN\nto_open\nadvance 1999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN"},
    {"OPEN again is one more attempt and keeps the window",
     "new wait_open_exp=1000:2:8000 window_size=2 minimum_calls=2\n2 error\nto_open -> state=OPEN buffered=2 events=\n"
     "advance 2000\nacquire -> permit=0\nadvance 1\nacquire -> permit=1"},
    {"ignored: the permit goes back, nothing recorded",
     SMALL "\nto_open\nto_half_open\n2 acquire\nacquire -> permit=0\nignored -> buffered=0 events=IGNORED_ERROR\n"
           "acquire -> permit=1\nacquire -> permit=0"},
    {"unrecorded counts as success", SMALL "\n4 unrecorded -> state=CLOSED buffered=4 failed=0 events=SUCCESS"},
    {"a result may be a failure", SMALL "\n4 result_failed -> state=OPEN failed=4 "
                                        "events=ERROR,FAILURE_RATE_EXCEEDED,STATE_TRANSITION:CLOSED>OPEN"},
    {"a result may open at once, below the minimum",
     SMALL " automatic=1\nerror_trip 5 200 -> state=OPEN buffered=1 failed=1 failure_rate=-1 "
           "events=ERROR,STATE_TRANSITION:CLOSED>OPEN\nadvance 199 -> state=OPEN\nadvance 1 -> state=HALF_OPEN"},
    {"when the rate opens, its wait holds", SMALL " automatic=1\n3 error\nerror_trip 5 9999 -> state=OPEN\n"
                                                  "advance 999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN"},
    {"only CLOSED reacts to open-for of a result",
     SMALL "\nto_metrics_only\nerror_trip 1 100 -> state=METRICS_ONLY failed=1\n"
           "to_closed\nto_open\nto_half_open\nerror_trip 1 100 -> state=HALF_OPEN"},
    {"reset", SMALL "\n4 error\nacquire\nreset -> state=CLOSED buffered=0 not_permitted=0 "
                    "events=STATE_TRANSITION:OPEN>CLOSED,RESET\nerror\nreset -> state=CLOSED buffered=0 events=RESET"},
    {"reset forgets the attempts",
     "new wait_open_exp=1000:2:8000 automatic=1\nto_open\nadvance 1000\nto_open\nreset\nto_open\n"
     "advance 1000 -> state=HALF_OPEN"},
    {"mended: reset cancels the pending timer", SMALL " automatic=1\nto_open\nadvance 600\nreset\nto_open\nadvance 400 "
                                                      "-> state=OPEN events=\nadvance 599 -> state=OPEN\n"
                                                      "advance 1 -> state=HALF_OPEN"},
    {"mended: reset cancels the half-open timer",
     SMALL " max_wait_half_open_ms=500\nto_open\nto_half_open\nadvance 100\nreset\n"
           "advance 1000 -> state=CLOSED events="},
    {"mended: DISABLED to OPEN shows a real window",
     SMALL "\nerror\nto_disabled\nto_open -> state=OPEN buffered=0 failure_rate=-1\n"
           "4 error -> state=OPEN buffered=4 failure_rate=100 events=ERROR\nsuccess -> buffered=4 failed=3"},
    {"mended: FORCED_OPEN to OPEN shows a real window",
     SMALL "\nerror\nto_forced_open\nto_open -> state=OPEN buffered=0\nerror -> buffered=1 failed=1\n"
           "success 1 -> buffered=2 failed=1"},
    {"mended: the real window of a time-based breaker",
     "new window_type=TIME window_size=10 minimum_calls=1\nto_disabled\nadvance 50000\nto_open\nerror -> buffered=1 "
     "state=OPEN\n"
     "advance 10000 -> buffered=0"},
    {"mended: releasing more than was taken admits no more", SMALL
     "\nto_open\nto_half_open\n5 release\nacquire -> permit=1\nacquire -> permit=1\nacquire -> permit=0\nrelease\n"
     "acquire -> permit=1\nacquire -> permit=0\nignored\nrelease\nrelease\nrelease\n2 acquire -> permit=1\n"
     "acquire -> permit=0"},
    {"DISABLED: all pass, nothing recorded, nothing published",
     SMALL "\nto_disabled -> state=DISABLED events=STATE_TRANSITION:CLOSED>DISABLED\nacquire -> permit=1\n"
           "9 error -> state=DISABLED buffered=0 events=\nsuccess -> events= buffered=0\nignored -> events=\n"
           "reset -> state=CLOSED events=STATE_TRANSITION:DISABLED>CLOSED,RESET"},
    {"FORCED_OPEN: none pass, refusals counted, nothing published", SMALL
     "\nto_forced_open -> events=STATE_TRANSITION:CLOSED>FORCED_OPEN\n3 acquire -> permit=0 not_permitted=3 events=\n"
     "advance 100000000 -> state=FORCED_OPEN\nsuccess -> events= buffered=0\nto_forced_open -> not_permitted=0 "
     "events="},
    {"METRICS_ONLY: each rate is announced once", SMALL
     " slow_call_duration_us=1 slow_call_rate_threshold=50\nto_metrics_only\n3 error\nerror -> state=METRICS_ONLY "
     "failure_rate=100 events=ERROR,FAILURE_RATE_EXCEEDED\nerror -> events=ERROR\nacquire -> permit=1\n"
     "success 2 -> slow=1\nsuccess 2 -> slow=2 events=SUCCESS,SLOW_CALL_RATE_EXCEEDED\nsuccess 2 -> events=SUCCESS\n"
     "to_metrics_only -> buffered=0 events=\n3 error\nerror -> events=ERROR,FAILURE_RATE_EXCEEDED"},
    {"transitions refused",
     SMALL "\nto_half_open -> state=CLOSED error=ILLEGAL_TRANSITION events=\nto_metrics_only\n"
           "to_open -> state=METRICS_ONLY error=ILLEGAL_TRANSITION\nto_open_for 5 -> error=ILLEGAL_TRANSITION\n"
           "to_half_open -> error=ILLEGAL_TRANSITION\nto_forced_open -> state=FORCED_OPEN\nto_metrics_only -> "
           "state=METRICS_ONLY\n"
           "to_disabled -> state=DISABLED\nto_metrics_only\nto_closed -> state=CLOSED"},
    {"transitions allowed",
     SMALL "\nto_forced_open\nto_half_open -> state=HALF_OPEN\nto_disabled\nto_half_open -> "
           "state=HALF_OPEN\nto_metrics_only -> "
           "state=METRICS_ONLY\nto_disabled\nto_open_for 10 -> state=OPEN\nto_metrics_only -> "
           "state=METRICS_ONLY\nto_disabled\n"
           "to_forced_open -> state=FORCED_OPEN\nto_disabled -> state=DISABLED\nto_closed -> "
           "state=CLOSED\nto_open\nto_closed -> "
           "events=STATE_TRANSITION:OPEN>CLOSED\nto_open\nto_half_open\nto_forced_open -> state=FORCED_OPEN"},
    {"same to same clears and publishes nothing",
     SMALL "\n2 error\nto_closed -> state=CLOSED buffered=0 events=\nto_open\nto_half_open\nerror\nacquire\n"
           "to_half_open -> state=HALF_OPEN buffered=0 events=\nacquire\nacquire -> permit=1\nacquire -> permit=0"},
    {"FORCED_OPEN counts as an attempt", "new wait_open_exp=1000:2:8000 automatic=1\nto_forced_open\nto_open\nadvance "
                                         "1999 -> state=OPEN\nadvance 1 -> state=HALF_OPEN"},
    {"closing empties the window", SMALL "\n4 error\nto_half_open\n2 success -> state=CLOSED buffered=0 failed=0 "
                                         "failure_rate=-1 events=SUCCESS,STATE_TRANSITION:HALF_OPEN>CLOSED"},
    {"half-open that fails opens again and keeps its window visible",
     SMALL "\nto_open\nto_half_open\nsuccess\nerror -> state=OPEN failure_rate=50 buffered=2\nsuccess -> buffered=2"},
};

static void test_scenarios(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof scenarios / sizeof scenarios[0]; i++) {
        play(&scenarios[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_scenarios)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
