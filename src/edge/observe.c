/* SPDX-License-Identifier: Apache-2.0
 * Probe results as the JSON of doc/protocol.md. */
#include "edge/observe.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

/* Names and messages are ASCII by their makers. Whatever comes, the text is valid JSON, and as long when it is read
 * back. */
static void observe_write_text(struct buf *buf, const char *text)
{
    buf_text(buf, "\"");
    for (const char *at = text; *at != 0; at++) {
        const unsigned char c = (unsigned char)*at;
        if (c == '"' || c == '\\') {
            buf_printf(buf, "\\%c", c);
        } else if (c > '~') {
            buf_text(buf, "?");
        } else if (c < ' ') {
            buf_printf(buf, "\\u%04x", c);
        } else {
            buf_bytes(buf, at, 1);
        }
    }
    buf_text(buf, "\"");
}

static void observe_write_figure(struct buf *buf, const char *name, int64_t value)
{
    if (value == PROBE_NONE) {
        buf_printf(buf, ",\"%s\":null", name);
    } else {
        buf_printf(buf, ",\"%s\":%lld", name, (long long)value);
    }
}

void observe_write_result(struct buf *buf, const struct probe_result *result, struct mono now)
{
    const struct probe_phases *phases = &result->phases;
    const int64_t age_ms = time_since_ms(now, result->ended);
    buf_text(buf, "{\"check\":");
    observe_write_text(buf, result->check);
    buf_text(buf, ",\"region\":");
    observe_write_text(buf, result->region);
    buf_printf(buf, ",\"ok\":%s,\"error\":\"%s\",\"message\":", result->ok ? "true" : "false", err_name(result->error));
    observe_write_text(buf, result->message);
    buf_printf(buf, ",\"latency_us\":%lld,\"phases\":{\"queue_us\":%lld,\"resolve_us\":%lld,\"connect_us\":%lld,",
               (long long)result->latency_us, (long long)phases->queue_us, (long long)phases->resolve_us,
               (long long)phases->connect_us);
    buf_printf(buf, "\"tls_us\":%lld,\"first_byte_us\":%lld,\"total_us\":%lld},\"age_ms\":%lld",
               (long long)phases->tls_us, (long long)phases->first_byte_us, (long long)phases->total_us,
               (long long)(age_ms > 0 ? age_ms : 0));
    observe_write_figure(buf, "value_ppm", result->value_ppm);
    observe_write_figure(buf, "requests", result->requests);
    buf_text(buf, "}");
}

static void observe_write_beats(struct buf *buf, const struct observe_beats *beats)
{
    buf_text(buf, ",\"beats\":[");
    for (uint32_t i = 0; i < beats->count; i++) {
        buf_text(buf, i == 0 ? "{\"node\":" : ",{\"node\":");
        observe_write_text(buf, beats->entries[i].node);
        buf_printf(buf, ",\"silent\":%s,\"age_ms\":%u", beats->entries[i].silent ? "true" : "false",
                   beats->entries[i].age_ms);
        if (beats->entries[i].gone != 0 && beats->entries[i].gone <= INT64_MAX) {
            buf_printf(buf, ",\"gone\":%llu", (unsigned long long)beats->entries[i].gone);
        }
        buf_text(buf, "}");
    }
    buf_text(buf, "]");
}

void observe_write_batch(struct buf *buf, const struct observe_batch *batch, struct mono now)
{
    buf_text(buf, "{\"site\":");
    observe_write_text(buf, batch->site);
    buf_printf(buf, ",\"boot\":%llu,\"sequence\":%llu,\"results\":[", (unsigned long long)batch->boot,
               (unsigned long long)batch->sequence);
    for (uint32_t i = 0; i < batch->count; i++) {
        buf_text(buf, i == 0 ? "" : ",");
        observe_write_result(buf, &batch->results[i], now);
    }
    buf_text(buf, "]");
    if (batch->beats.any) {
        observe_write_beats(buf, &batch->beats);
    }
    buf_text(buf, "}");
}

/* ---- reading: a sticky flag, tested once ---- */

struct observe_reader {
    bool bad;
};

static void observe_read_text(struct observe_reader *reader, const json_t *object, const char *name, char *ret_text,
                              size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || strlen(text) >= size) {
        reader->bad = true;
        return;
    }
    memcpy(ret_text, text, strlen(text) + 1);
}

static int64_t observe_read_number(struct observe_reader *reader, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        reader->bad = true;
        return 0;
    }
    return json_integer_value(value);
}

/* A figure may be null and, as a rate of change, negative; PROBE_NONE itself cannot be sent. */
static int64_t observe_read_figure(struct observe_reader *reader, const json_t *object, const char *name)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL || json_is_null(value)) {
        return PROBE_NONE;
    }
    if (!json_is_integer(value) || json_integer_value(value) == PROBE_NONE) {
        reader->bad = true;
        return PROBE_NONE;
    }
    return json_integer_value(value);
}

static void observe_read_phases(struct observe_reader *reader, const json_t *object, struct probe_phases *ret_phases)
{
    const json_t *phases = json_object_get(object, "phases");
    ret_phases->queue_us = observe_read_number(reader, phases, "queue_us");
    ret_phases->resolve_us = observe_read_number(reader, phases, "resolve_us");
    ret_phases->connect_us = observe_read_number(reader, phases, "connect_us");
    ret_phases->tls_us = observe_read_number(reader, phases, "tls_us");
    ret_phases->first_byte_us = observe_read_number(reader, phases, "first_byte_us");
    ret_phases->total_us = observe_read_number(reader, phases, "total_us");
}

/* Far more than any real age or duration, and far from where arithmetic on moments could overflow. */
static const int64_t OBSERVE_AGE_MAX_MS = 1000LL * 86400 * 3650;

static void observe_read_result(struct observe_reader *reader, const json_t *object, struct mono now,
                                struct probe_result *ret_result)
{
    struct probe_result result = {.kind = PROBE_KINDS};
    char error[32] = "";
    observe_read_text(reader, object, "check", result.check, sizeof result.check);
    observe_read_text(reader, object, "region", result.region, sizeof result.region);
    observe_read_text(reader, object, "error", error, sizeof error);
    observe_read_text(reader, object, "message", result.message, sizeof result.message);
    result.latency_us = observe_read_number(reader, object, "latency_us");
    observe_read_phases(reader, object, &result.phases);
    const int64_t age_ms = observe_read_number(reader, object, "age_ms");
    result.value_ppm = observe_read_figure(reader, object, "value_ppm");
    result.requests = observe_read_figure(reader, object, "requests");
    result.ok = json_is_true(json_object_get(object, "ok"));
    result.error = err_from_name(error);
    reader->bad = reader->bad || !json_is_boolean(json_object_get(object, "ok")) ||
                  result.ok != (result.error == ERR_OK) || age_ms > OBSERVE_AGE_MAX_MS ||
                  result.phases.total_us / 1000 > OBSERVE_AGE_MAX_MS;
    if (!reader->bad) {
        result.ended = time_add_ms(now, -age_ms);
        result.started = time_add_us(result.ended, -result.phases.total_us);
    }
    *ret_result = result;
}

/* Absent: the site does not listen. */
static void observe_read_beats(struct observe_reader *reader, const json_t *list, struct observe_beats *ret_beats)
{
    ret_beats->any = list != NULL;
    ret_beats->count = 0;
    reader->bad = reader->bad || (list != NULL && !json_is_array(list));
    for (size_t i = 0; i < json_array_size(list) && i < LIMITS_NODES; i++) {
        const json_t *entry = json_array_get(list, i);
        struct observe_beat *beat = &ret_beats->entries[ret_beats->count++];
        observe_read_text(reader, entry, "node", beat->node, sizeof beat->node);
        const int64_t age_ms = observe_read_number(reader, entry, "age_ms");
        beat->silent = json_is_true(json_object_get(entry, "silent"));
        beat->age_ms = (uint32_t)(age_ms < INT32_MAX ? age_ms : INT32_MAX);
        beat->gone = 0;
        if (json_object_get(entry, "gone") != NULL) {
            beat->gone = (uint64_t)observe_read_number(reader, entry, "gone");
        }
        reader->bad = reader->bad || !json_is_boolean(json_object_get(entry, "silent"));
    }
}

static enum err observe_read_root(const json_t *root, struct mono now, struct observe_batch *ret_batch)
{
    struct observe_reader reader = {false};
    const json_t *results = json_object_get(root, "results");
    observe_read_text(&reader, root, "site", ret_batch->site, sizeof ret_batch->site);
    ret_batch->boot = (uint64_t)observe_read_number(&reader, root, "boot");
    ret_batch->sequence = (uint64_t)observe_read_number(&reader, root, "sequence");
    const json_t *beats = json_object_get(root, "beats");
    if (reader.bad || !json_is_array(results)) {
        return ERR_INVALID;
    }
    observe_read_beats(&reader, beats, &ret_batch->beats);
    if (json_array_size(results) > OBSERVE_RESULTS || json_array_size(beats) > LIMITS_NODES) {
        return ERR_TOO_LARGE;
    }
    ret_batch->count = (uint32_t)json_array_size(results);
    for (uint32_t i = 0; i < ret_batch->count; i++) {
        observe_read_result(&reader, json_array_get(results, i), now, &ret_batch->results[i]);
    }
    return reader.bad ? ERR_INVALID : ERR_OK;
}

enum err observe_read_batch(const char *text, size_t size, struct mono now, struct observe_batch *ret_batch)
{
    json_t *root = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    const enum err err = root != NULL ? observe_read_root(root, now, ret_batch) : ERR_INVALID;
    json_decref(root);
    return err;
}
