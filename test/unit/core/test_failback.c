/* SPDX-License-Identifier: Apache-2.0
 * The failback guard: every row and boundary of both profiles, and their order. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include <cmocka.h>

#include "core/failback.h"

#define SECOND INT64_C(1000000)

struct failback_case {
    const char *title;
    void (*change)(struct failback_facts *f);
    const char *standard;
    const char *adr;
};

#define CASE(name, ...)                                                                                                \
    static void name(struct failback_facts *f)                                                                         \
    {                                                                                                                  \
        __VA_ARGS__;                                                                                                   \
    }

CASE(good, (void)f)
CASE(operator_first, f->operator_abort = true; f->db = false; f->error_rate_ppm = 900000)
CASE(no_db, f->db = false; f->stable_us = 0)
CASE(no_app, f->app = false)
CASE(no_cache, f->cache = false)
CASE(no_queue, f->queue = false)
CASE(unstable, f->stable_us = 600 * SECOND - 1; f->lag_us = 9 * SECOND)
CASE(stable, f->stable_us = 600 * SECOND)
CASE(lag, f->lag_us = 5 * SECOND + 1; f->tier1_conflicts = 1)
CASE(lag_exact, f->lag_us = 5 * SECOND)
CASE(lag_unknown, f->lag_known = false)
CASE(conflicts, f->tier1_conflicts = 1; f->consistent = false)
CASE(inconsistent, f->consistent = false; f->approved = false)
CASE(unapproved, f->approved = false)
CASE(failing, f->error_rate_ppm = 20001; f->p95_ns = 900000000)
CASE(failing_exact, f->error_rate_ppm = 20000)
CASE(slow, f->p95_ns = 500000001; f->lag_us = 9 * SECOND)
CASE(slow_exact, f->p95_ns = 500000000)
CASE(early, f->elapsed_us = 1800 * SECOND - 1; f->requests = 0)
CASE(few, f->requests = 99)
CASE(enough, f->requests = 100)

static const struct failback_case precheck[] = {
    {"good", good, "START OK", "START OK"},
    {"operator", operator_first, "ABORT OPERATOR", "START OK"},
    {"no db", no_db, "REFUSE ORIGINAL_UNHEALTHY", "START OK"},
    {"no app", no_app, "REFUSE ORIGINAL_UNHEALTHY", "START OK"},
    {"no cache", no_cache, "REFUSE ORIGINAL_UNHEALTHY", "START OK"},
    {"no queue", no_queue, "REFUSE ORIGINAL_UNHEALTHY", "START OK"},
    {"unstable", unstable, "REFUSE NOT_STABLE_LONG_ENOUGH", "REFUSE REPLICATION_LAG"},
    {"stable", stable, "START OK", "START OK"},
    {"lag", lag, "REFUSE REPLICATION_LAG", "REFUSE REPLICATION_LAG"},
    {"lag exact", lag_exact, "START OK", "START OK"},
    {"lag unknown", lag_unknown, "REFUSE REPLICATION_LAG", "REFUSE REPLICATION_LAG"},
    {"conflicts", conflicts, "REFUSE TIER1_CONFLICTS_OPEN", "REFUSE INCONSISTENT"},
    {"inconsistent", inconsistent, "REFUSE INCONSISTENT", "REFUSE INCONSISTENT"},
    {"unapproved", unapproved, "REFUSE WAITING_APPROVAL", "START OK"},
    {"the canary's figures do not matter", failing, "START OK", "START OK"},
};

static const struct failback_case canary[] = {
    {"good", good, "PROCEED OK", "PROCEED OK"},
    {"operator", operator_first, "ABORT OPERATOR", "ABORT ERROR_RATE"},
    {"no db", no_db, "ABORT ORIGINAL_UNHEALTHY", "PROCEED OK"},
    {"no queue", no_queue, "ABORT ORIGINAL_UNHEALTHY", "PROCEED OK"},
    {"failing", failing, "ABORT ERROR_RATE", "ABORT ERROR_RATE"},
    {"failing exact", failing_exact, "PROCEED OK", "PROCEED OK"},
    {"slow", slow, "ABORT LATENCY", "ABORT LATENCY"},
    {"slow exact", slow_exact, "PROCEED OK", "PROCEED OK"},
    {"lag", lag, "ABORT REPLICATION_LAG", "PROCEED OK"},
    {"lag exact", lag_exact, "PROCEED OK", "PROCEED OK"},
    {"early", early, "CONTINUE HOLDING", "CONTINUE HOLDING"},
    {"few", few, "CONTINUE TOO_FEW_REQUESTS", "PROCEED OK"},
    {"enough", enough, "PROCEED OK", "PROCEED OK"},
    {"stability, conflicts and approval are asked before", unapproved, "PROCEED OK", "PROCEED OK"},
};

static void expect(const struct failback_case *row, enum failback_phase phase, enum model_profile profile,
                   const char *expected)
{
    const struct failback_limits limits = failback_limits_default();
    struct failback_facts facts = {.phase = phase,
                                   .db = true,
                                   .app = true,
                                   .cache = true,
                                   .queue = true,
                                   .stable_us = 3600 * SECOND,
                                   .lag_known = true,
                                   .consistent = true,
                                   .approved = true,
                                   .requests = 5000,
                                   .elapsed_us = 1800 * SECOND};
    char text[64];
    row->change(&facts);
    const struct failback_answer answer = failback_evaluate(&facts, &limits, profile);
    snprintf(text, sizeof text, "%s %s", failback_action_name(answer.action), failback_reason_name(answer.reason));
    if (strcmp(text, expected) != 0) {
        fail_msg("%s, phase %d, profile %d: %s, expected %s", row->title, (int)phase, (int)profile, text, expected);
    }
}

static void test_precheck(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof precheck / sizeof precheck[0]; i++) {
        expect(&precheck[i], FAILBACK_PRECHECK, MODEL_STANDARD, precheck[i].standard);
        expect(&precheck[i], FAILBACK_PRECHECK, MODEL_ADR_039, precheck[i].adr);
    }
}

static void test_canary_and_ramp(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof canary / sizeof canary[0]; i++) {
        expect(&canary[i], FAILBACK_CANARY, MODEL_STANDARD, canary[i].standard);
        expect(&canary[i], FAILBACK_RAMP50, MODEL_STANDARD, canary[i].standard);
        expect(&canary[i], FAILBACK_CANARY, MODEL_ADR_039, canary[i].adr);
        expect(&canary[i], FAILBACK_RAMP50, MODEL_ADR_039, canary[i].adr);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_precheck), cmocka_unit_test(test_canary_and_ramp)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
