/* SPDX-License-Identifier: Apache-2.0
 * The leader's record as text. */
#include "control/lead_text.h"

#include <stdio.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/text.h"

static bool lead_text_number(const json_t *json, const char *name, uint64_t *ret_number)
{
    const json_t *value = json_object_get(json, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *ret_number = (uint64_t)json_integer_value(value);
    return true;
}

static bool lead_text_name(const json_t *json, const char *key, char name[LIMITS_NAME])
{
    const json_t *value = json_object_get(json, key);
    if (!json_is_string(value) || json_string_length(value) >= LIMITS_NAME) {
        return false;
    }
    text_copy(name, LIMITS_NAME, json_string_value(value));
    return true;
}

enum err lead_text_parse(const char *text, size_t size, struct leader_record *ret_record)
{
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    struct leader_record record = {0};
    const bool good = lead_text_name(json, "site", record.id.site) && lead_text_number(json, "boot", &record.id.boot) &&
                      lead_text_number(json, "machine", &record.id.machine) &&
                      lead_text_number(json, "term", &record.term) && lead_text_name(json, "favour", record.favour);
    json_decref(json);
    if (!good) {
        return ERR_INVALID;
    }
    *ret_record = record;
    return ERR_OK;
}

void lead_text_print(const struct leader_record *record, char *text, size_t size)
{
    const int written =
        snprintf(text, size, "{\"site\":\"%s\",\"boot\":%llu,\"machine\":%llu,\"term\":%llu,\"favour\":\"%s\"}",
                 record->id.site, (unsigned long long)record->id.boot, (unsigned long long)record->id.machine,
                 (unsigned long long)record->term, record->favour);
    ASSERT(written > 0 && (size_t)written < size);
}
