/* SPDX-License-Identifier: Apache-2.0
 * What people are told about a run, as text and as JSON. */
#include "edge/notify_message.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <jansson.h>

#include "base/assert.h"
#include "edge/clock.h"

static const char *const notify_message_phases[] = {"INITIATED", "PROGRESS", "SUCCESS", "FAILED"};
static const char *const notify_message_severities[] = {"info", "warning", "error", "critical"};
static const char *const notify_message_states[] = {"pending", "running", "done", "failed", "skipped"};

static void notify_message_time(struct buf *text, struct wall wall, bool with_date)
{
    const time_t seconds = (time_t)(wall.us / TIME_US_PER_S);
    struct tm date;
    gmtime_r(&seconds, &date);
    if (with_date) {
        buf_printf(text, "%04d-%02d-%02d ", date.tm_year + 1900, date.tm_mon + 1, date.tm_mday);
    }
    buf_printf(text, "%02d:%02d:%02d UTC", date.tm_hour, date.tm_min, date.tm_sec);
}

static void notify_message_line(struct buf *text, const char *label, const char *value)
{
    if (value != NULL && value[0] != '\0') {
        buf_printf(text, "%s: %s\n", label, value);
    }
}

static void notify_message_title(struct buf *text, const struct notify_message *message)
{
    if (message->operation != NULL && strcmp(message->operation, "durability") == 0) {
        buf_printf(text, "DURABILITY %s\n\n", message->status != NULL ? message->status : "CHANGED");
        return;
    }
    const char *operation = message->operation != NULL ? message->operation : "incident";
    if (strcmp(operation, "drill") != 0) {
        buf_text(text, "REGIONAL ");
    }
    for (const char *at = operation; *at != '\0'; at++) {
        buf_u8(text, (uint8_t)toupper((unsigned char)*at));
    }
    buf_printf(text, " %s\n\n", notify_message_phases[message->phase]);
}

static void notify_message_steps(struct buf *text, const struct notify_message *message)
{
    if (message->step_count == 0) {
        return;
    }
    buf_text(text, "\nCurrent Status:\n");
    for (size_t i = 0; i < message->step_count; i++) {
        const struct notify_message_step *step = &message->steps[i];
        buf_printf(text, "[%s] %s", notify_message_states[step->state], step->name);
        if (step->detail != NULL && step->detail[0] != '\0') {
            buf_printf(text, " (%s)", step->detail);
        }
        buf_text(text, "\n");
    }
}

static void notify_message_estimate(struct buf *text, const struct notify_message *message)
{
    if (message->estimated_completion.us == 0) {
        return;
    }
    buf_text(text, "\nEstimated Completion: ");
    notify_message_time(text, message->estimated_completion, false);
    const int64_t left_s = (message->estimated_completion.us - message->now.us) / TIME_US_PER_S;
    if (left_s <= 0) {
        buf_text(text, " (overdue)\n");
    } else if (left_s < 120) {
        buf_printf(text, " (%lld seconds)\n", (long long)left_s);
    } else {
        buf_printf(text, " (%lld minutes)\n", (long long)(left_s + 59) / 60);
    }
}

static void notify_message_people(struct buf *text, const struct notify_message *message)
{
    if (message->on_call_count == 0 && message->channel == NULL) {
        return;
    }
    buf_text(text, "\n");
    for (size_t i = 0; i < message->on_call_count; i++) {
        buf_printf(text, "%s%s", i == 0 ? "On-Call Team: " : ", ", message->on_call[i]);
    }
    buf_text(text, message->on_call_count > 0 ? "\n" : "");
    notify_message_line(text, "Incident Channel", message->channel);
}

void notify_message_print(const struct notify_message *message, struct buf *text)
{
    ASSERT(message->step_count <= NOTIFY_MESSAGE_STEPS);
    notify_message_title(text, message);
    notify_message_line(text, "System", message->system);
    notify_message_line(text, "Source Region", message->source);
    notify_message_line(text, "Target Region", message->target);
    buf_printf(text, "Reason: %s%s%s\n", message->automatic ? "Automatic" : "Manual",
               message->reason != NULL ? " - " : "", message->reason != NULL ? message->reason : "");
    if (message->started.us != 0) {
        buf_text(text, "Started: ");
        notify_message_time(text, message->started, true);
        buf_text(text, "\n");
    }
    notify_message_line(text, "Status", message->status);
    notify_message_steps(text, message);
    notify_message_estimate(text, message);
    notify_message_people(text, message);
}

/* -- JSON -- */

static void notify_message_set(json_t *object, const char *key, const char *value)
{
    if (value != NULL) {
        (void)json_object_set_new(object, key, json_string(value));
    }
}

static void notify_message_set_time(json_t *object, const char *key, struct wall wall)
{
    if (wall.us != 0) {
        char stamp[CLOCK_TEXT];
        clock_print(wall, stamp);
        notify_message_set(object, key, stamp);
    }
}

static json_t *notify_message_step_list(const struct notify_message *message)
{
    json_t *list = json_array();
    for (size_t i = 0; i < message->step_count; i++) {
        const struct notify_message_step *step = &message->steps[i];
        json_t *object = json_object();
        notify_message_set(object, "name", step->name);
        notify_message_set(object, "state", notify_message_states[step->state]);
        notify_message_set(object, "detail", step->detail);
        (void)json_array_append_new(list, object);
    }
    return list;
}

static json_t *notify_message_object(const struct notify_message *message, const char *text)
{
    json_t *object = json_object();
    json_t *people = json_array();
    for (size_t i = 0; i < message->on_call_count; i++) {
        (void)json_array_append_new(people, json_string(message->on_call[i]));
    }
    notify_message_set(object, "dedup_key", message->incident);
    notify_message_set(object, "phase", notify_message_phases[message->phase]);
    notify_message_set(object, "severity", notify_message_severities[message->severity]);
    notify_message_set(object, "system", message->system);
    notify_message_set(object, "operation", message->operation);
    notify_message_set(object, "run", message->run);
    notify_message_set(object, "source", message->source);
    notify_message_set(object, "target", message->target);
    (void)json_object_set_new(object, "automatic", json_boolean(message->automatic));
    notify_message_set(object, "reason", message->reason);
    notify_message_set(object, "status", message->status);
    notify_message_set_time(object, "started", message->started);
    notify_message_set_time(object, "time", message->now);
    notify_message_set_time(object, "estimated_completion", message->estimated_completion);
    (void)json_object_set_new(object, "steps", notify_message_step_list(message));
    (void)json_object_set_new(object, "on_call", people);
    notify_message_set(object, "channel", message->channel);
    notify_message_set(object, "text", text);
    return object;
}

enum err notify_message_json(const struct notify_message *message, char **ret_json)
{
    if (message->incident == NULL || message->incident[0] == '\0' ||
        strlen(message->incident) >= NOTIFY_MESSAGE_INCIDENT) {
        return ERR_INVALID;
    }
    char memory[NOTIFY_MESSAGE_TEXT];
    struct buf text;
    buf_init(&text, memory, sizeof memory);
    notify_message_print(message, &text);
    json_t *object = notify_message_object(message, buf_string(&text));
    /* A setter that failed shows here: text that is not UTF-8, or no memory. */
    const bool whole = json_object_get(object, "dedup_key") != NULL && json_object_get(object, "text") != NULL;
    char *json = whole ? json_dumps(object, JSON_COMPACT) : NULL;
    json_decref(object);
    if (json == NULL) {
        return whole ? ERR_NO_MEMORY : ERR_INVALID;
    }
    *ret_json = json;
    return ERR_OK;
}

enum err notify_message_peek(const char *json, char incident[NOTIFY_MESSAGE_INCIDENT],
                             enum notify_message_severity *ret_severity)
{
    json_t *object = json_loads(json, JSON_REJECT_DUPLICATES, NULL);
    const char *key = json_string_value(json_object_get(object, "dedup_key"));
    const char *severity = json_string_value(json_object_get(object, "severity"));
    enum err err = ERR_CONTENT;
    for (size_t i = 0; severity != NULL && key != NULL && i <= NOTIFY_MESSAGE_CRITICAL; i++) {
        if (strcmp(severity, notify_message_severities[i]) == 0 && strlen(key) < NOTIFY_MESSAGE_INCIDENT) {
            snprintf(incident, NOTIFY_MESSAGE_INCIDENT, "%s", key);
            *ret_severity = (enum notify_message_severity)i;
            err = ERR_OK;
        }
    }
    json_decref(object);
    return err;
}
