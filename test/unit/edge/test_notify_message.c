/* SPDX-License-Identifier: Apache-2.0
 * What people read: the text of a message, and the JSON around it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <jansson.h>

#include "edge/notify_message.h"

#define AT(seconds) ((struct wall){(1761402600LL + (seconds)) * TIME_US_PER_S}) /* 2025-10-25 14:30:00 UTC */

static const struct notify_message_step steps[] = {
    {"Target region validated", NOTIFY_MESSAGE_DONE, NULL},
    {"Traffic shifting", NOTIFY_MESSAGE_RUNNING, "50 % complete"},
    {"Verification", NOTIFY_MESSAGE_PENDING, NULL},
};
static const char *const on_call[] = {"sre-primary", "sre-backup"};

static struct notify_message message_of(enum notify_message_phase phase)
{
    return (struct notify_message){
        .incident = "shop/failover/17",
        .phase = phase,
        .severity = NOTIFY_MESSAGE_CRITICAL,
        .system = "shop",
        .operation = "failover",
        .run = "17",
        .source = "taiwan",
        .target = "tokyo",
        .automatic = true,
        .reason = "COMPLETE_REGIONAL_FAILURE",
        .status = "IN_PROGRESS",
        .started = AT(0),
        .now = AT(30),
        .estimated_completion = AT(300),
        .steps = steps,
        .step_count = 3,
        .on_call = on_call,
        .on_call_count = 2,
        .channel = "#incident-failover-20251025",
    };
}

static void expect_text(const struct notify_message *message, const char *want)
{
    char memory[NOTIFY_MESSAGE_TEXT];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    notify_message_print(message, &text);
    assert_false(text.overflow);
    assert_string_equal(buf_string(&text), want);
}

static void test_the_template(void **state)
{
    (void)state;
    const struct notify_message message = message_of(NOTIFY_MESSAGE_INITIATED);
    expect_text(&message, "REGIONAL FAILOVER INITIATED\n"
                          "\n"
                          "System: shop\n"
                          "Source Region: taiwan\n"
                          "Target Region: tokyo\n"
                          "Reason: Automatic - COMPLETE_REGIONAL_FAILURE\n"
                          "Started: 2025-10-25 14:30:00 UTC\n"
                          "Status: IN_PROGRESS\n"
                          "\n"
                          "Current Status:\n"
                          "[done] Target region validated\n"
                          "[running] Traffic shifting (50 % complete)\n"
                          "[pending] Verification\n"
                          "\n"
                          "Estimated Completion: 14:35:00 UTC (5 minutes)\n"
                          "\n"
                          "On-Call Team: sre-primary, sre-backup\n"
                          "Incident Channel: #incident-failover-20251025\n");
}

static void test_what_is_unknown_does_not_appear(void **state)
{
    (void)state;
    const struct notify_message message = {
        .incident = "i", .phase = NOTIFY_MESSAGE_SUCCESS, .operation = "drill", .reason = "quarterly"};
    expect_text(&message, "DRILL SUCCESS\n\nReason: Manual - quarterly\n");
    const struct notify_message alone = {.incident = "i",
                                         .operation = "durability",
                                         .automatic = true,
                                         .status = "DEGRADED",
                                         .reason = "shop: no standby acknowledges"};
    expect_text(&alone, "DURABILITY DEGRADED\n\nReason: Automatic - shop: no standby acknowledges\nStatus: DEGRADED\n");
    struct notify_message late = {.incident = "i",
                                  .phase = NOTIFY_MESSAGE_FAILED,
                                  .operation = "failback",
                                  .now = AT(60),
                                  .estimated_completion = AT(59)};
    expect_text(&late, "REGIONAL FAILBACK FAILED\n\nReason: Manual\n\nEstimated Completion: 14:30:59 UTC (overdue)\n");
    late.phase = NOTIFY_MESSAGE_PROGRESS;
    late.estimated_completion = AT(75);
    expect_text(&late,
                "REGIONAL FAILBACK PROGRESS\n\nReason: Manual\n\nEstimated Completion: 14:31:15 UTC (15 seconds)\n");
}

static void test_json_carries_every_field(void **state)
{
    (void)state;
    const struct notify_message message = message_of(NOTIFY_MESSAGE_PROGRESS);
    char *json = NULL;
    assert_int_equal(notify_message_json(&message, &json), ERR_OK);
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    const char *dedup = NULL;
    const char *phase = NULL;
    const char *started = NULL;
    const char *text = NULL;
    const char *second = NULL;
    int automatic = 0;
    assert_int_equal(json_unpack(object, "{s:s, s:s, s:s, s:s, s:b, s:[{}, {s:s}, {}]}", "dedup_key", &dedup, "phase",
                                 &phase, "started", &started, "text", &text, "automatic", &automatic, "steps", "state",
                                 &second),
                     0);
    assert_string_equal(dedup, "shop/failover/17");
    assert_string_equal(phase, "PROGRESS");
    assert_string_equal(started, "2025-10-25T14:30:00.000Z");
    assert_memory_equal(text, "REGIONAL FAILOVER PROGRESS\n", 27);
    assert_string_equal(second, "running");
    assert_int_equal(automatic, 1);
    assert_int_equal(json_array_size(json_object_get(object, "on_call")), 2);
    json_decref(object);
    char incident[NOTIFY_MESSAGE_INCIDENT];
    enum notify_message_severity severity = NOTIFY_MESSAGE_INFO;
    assert_int_equal(notify_message_peek(json, incident, &severity), ERR_OK);
    assert_string_equal(incident, "shop/failover/17");
    assert_int_equal(severity, NOTIFY_MESSAGE_CRITICAL);
    free(json);
}

static void test_refusals(void **state)
{
    (void)state;
    char *json = NULL;
    struct notify_message message = message_of(NOTIFY_MESSAGE_INITIATED);
    message.incident = NULL;
    assert_int_equal(notify_message_json(&message, &json), ERR_INVALID);
    message.incident = "\xff";
    assert_int_equal(notify_message_json(&message, &json), ERR_INVALID);
    assert_null(json);
    char incident[NOTIFY_MESSAGE_INCIDENT];
    enum notify_message_severity severity = NOTIFY_MESSAGE_INFO;
    static const char *const bad[] = {"", "[]", "{}", "{\"dedup_key\":\"a\",\"severity\":\"x\"}",
                                      "{\"severity\":\"info\"}"};
    for (size_t i = 0; i < sizeof bad / sizeof bad[0]; i++) {
        assert_int_equal(notify_message_peek(bad[i], incident, &severity), ERR_CONTENT);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_the_template),
        cmocka_unit_test(test_what_is_unknown_does_not_appear),
        cmocka_unit_test(test_json_carries_every_field),
        cmocka_unit_test(test_refusals),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
