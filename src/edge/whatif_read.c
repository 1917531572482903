/* SPDX-License-Identifier: Apache-2.0
 * Typed access to JSON with paths. */
#include "edge/whatif_read.h"

#include <stdio.h>
#include <string.h>

#include "base/buf.h"
#include "base/decimal.h"

static void whatif_read_path(struct buf *path, const struct whatif_read_at *at)
{
    if (at->parent == NULL) {
        buf_text(path, "$");
        return;
    }
    whatif_read_path(path, at->parent);
    if (at->key != NULL) {
        buf_printf(path, ".%s", at->key);
    } else {
        buf_printf(path, "[%zu]", at->index);
    }
}

void whatif_read_fail(struct whatif_read *reader, const struct whatif_read_at *at, const char *message)
{
    if (reader->failed) {
        return;
    }
    struct buf path;
    buf_init(&path, reader->path, sizeof reader->path);
    whatif_read_path(&path, at);
    reader->failed = true;
    snprintf(reader->message, sizeof reader->message, "%s", message);
}

struct whatif_read_at whatif_read_member(const struct whatif_read_at *object, const char *key)
{
    const json_t *value = json_object_get(object->value, key);
    return (struct whatif_read_at){.parent = object, .key = key, .value = json_is_null(value) ? NULL : value};
}

struct whatif_read_at whatif_read_element(const struct whatif_read_at *array, size_t index)
{
    return (struct whatif_read_at){.parent = array, .index = index, .value = json_array_get(array->value, index)};
}

/* Whether there is something to read. */
static bool whatif_read_there(struct whatif_read *reader, const struct whatif_read_at *at, bool required)
{
    if (at->value == NULL && required) {
        whatif_read_fail(reader, at, "is missing");
    }
    return at->value != NULL && !reader->failed;
}

bool whatif_read_object(struct whatif_read *reader, const struct whatif_read_at *at, bool required)
{
    if (!whatif_read_there(reader, at, required)) {
        return false;
    }
    if (!json_is_object(at->value)) {
        whatif_read_fail(reader, at, "is not an object");
    }
    return !reader->failed;
}

bool whatif_read_array(struct whatif_read *reader, const struct whatif_read_at *at, bool required)
{
    if (!whatif_read_there(reader, at, required)) {
        return false;
    }
    if (!json_is_array(at->value)) {
        whatif_read_fail(reader, at, "is not a list");
    }
    return !reader->failed;
}

bool whatif_read_bool(struct whatif_read *reader, const struct whatif_read_at *object, const char *key, bool required,
                      bool otherwise)
{
    const struct whatif_read_at at = whatif_read_member(object, key);
    if (!whatif_read_there(reader, &at, required)) {
        return otherwise;
    }
    if (!json_is_boolean(at.value)) {
        whatif_read_fail(reader, &at, "is not true or false");
        return otherwise;
    }
    return json_is_true(at.value);
}

/* The library hands out doubles; 15 digits bring back the decimal text that was written. */
static enum err whatif_read_scale(const json_t *value, uint32_t digits, int64_t *ret_scaled)
{
    char text[64];
    const int size = json_is_integer(value)
                         ? snprintf(text, sizeof text, "%" JSON_INTEGER_FORMAT, json_integer_value(value))
                         : snprintf(text, sizeof text, "%.15g", json_real_value(value));
    return decimal_parse(text, (size_t)size, digits, ret_scaled);
}

int64_t whatif_read_value(struct whatif_read *reader, const struct whatif_read_at *at, struct whatif_read_range range)
{
    int64_t value = 0;
    if (!whatif_read_there(reader, at, range.required)) {
        return range.otherwise;
    }
    if (!json_is_number(at->value)) {
        whatif_read_fail(reader, at, "is not a number");
        return range.otherwise;
    }
    const enum err err = whatif_read_scale(at->value, DECIMAL_MICRO, &value);
    if (err != ERR_OK || value < range.low || value > range.high) {
        whatif_read_fail(reader, at, "is out of range");
        return range.otherwise;
    }
    return value;
}

int64_t whatif_read_decimal(struct whatif_read *reader, const struct whatif_read_at *object, const char *key,
                            struct whatif_read_range range)
{
    const struct whatif_read_at at = whatif_read_member(object, key);
    return whatif_read_value(reader, &at, range);
}

int64_t whatif_read_count(struct whatif_read *reader, const struct whatif_read_at *object, const char *key,
                          struct whatif_read_range range)
{
    const struct whatif_read_at at = whatif_read_member(object, key);
    const struct whatif_read_range millionths = {0, WHATIF_READ_MAX, range.required, -1};
    const int64_t value = whatif_read_value(reader, &at, millionths);
    if (reader->failed || value < 0) {
        return range.otherwise;
    }
    if (value % WHATIF_READ_ONE != 0) {
        whatif_read_fail(reader, &at, "is not a whole number");
    } else if (value / WHATIF_READ_ONE < range.low || value / WHATIF_READ_ONE > range.high) {
        whatif_read_fail(reader, &at, "is out of range");
    }
    return value / WHATIF_READ_ONE;
}

void whatif_read_text(struct whatif_read *reader, const struct whatif_read_at *object, const char *key, char *ret_text,
                      size_t capacity)
{
    const struct whatif_read_at at = whatif_read_member(object, key);
    if (!whatif_read_there(reader, &at, true)) {
        return;
    }
    const size_t size = json_string_length(at.value);
    if (!json_is_string(at.value)) {
        whatif_read_fail(reader, &at, "is not a text");
    } else if (size == 0) {
        whatif_read_fail(reader, &at, "is empty");
    } else if (size >= capacity) {
        whatif_read_fail(reader, &at, "is too long");
    } else {
        memcpy(ret_text, json_string_value(at.value), size + 1);
    }
}

int whatif_read_word(struct whatif_read *reader, const struct whatif_read_at *object, const char *key,
                     const char *const *words, int otherwise)
{
    const struct whatif_read_at at = whatif_read_member(object, key);
    char message[WHATIF_READ_MESSAGE];
    struct buf text;
    if (!whatif_read_there(reader, &at, otherwise < 0)) {
        return otherwise < 0 ? 0 : otherwise;
    }
    buf_init(&text, message, sizeof message);
    buf_text(&text, "is none of");
    for (int i = 0; words[i] != NULL; i++) {
        if (json_is_string(at.value) && strcmp(json_string_value(at.value), words[i]) == 0) {
            return i;
        }
        buf_printf(&text, " %s", words[i]);
    }
    whatif_read_fail(reader, &at, buf_string(&text));
    return 0;
}
