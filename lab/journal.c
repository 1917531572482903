/* SPDX-License-Identifier: Apache-2.0
 * What the lab's clients saw: one JSON line per attempt. */
#include "journal.h"

#include <inttypes.h>
#include <string.h>

#include <jansson.h>

static const char *const journal_outcomes[] = {"ok", "failed", "unknown"};
static const char *const journal_paths[] = {"http", "sql"};

const char *journal_outcome_name(enum journal_outcome outcome)
{
    return journal_outcomes[outcome];
}

const char *journal_path_name(enum journal_path path)
{
    return journal_paths[path];
}

void journal_set_error(struct journal_entry *entry, const char *text)
{
    size_t size = 0;
    for (; text[size] != '\0' && size < JOURNAL_ERROR - 1; size++) {
        const unsigned char byte = (unsigned char)text[size];
        entry->error[size] = byte < ' ' || byte > '~' || byte == '"' || byte == '\\' ? ' ' : text[size];
    }
    entry->error[size] = '\0';
}

void journal_write(FILE *file, const struct journal_entry *entry)
{
    (void)fprintf(file,
                  "{\"t\":%" PRId64 ",\"end\":%" PRId64 ",\"path\":\"%s\",\"home\":\"%s\",\"key\":\"%s\",\"tier\":%d,"
                  "\"table\":\"%s\",\"outcome\":\"%s\",\"region\":\"%s\",\"node\":\"%s\",\"error\":\"%s\"}\n",
                  entry->start_us, entry->end_us, journal_path_name(entry->path), entry->home, entry->key, entry->tier,
                  entry->table, journal_outcome_name(entry->outcome), entry->region, entry->node, entry->error);
}

static bool journal_text(const json_t *object, const char *name, char *ret_text, size_t size)
{
    const char *text = json_string_value(json_object_get(object, name));
    if (text == NULL || strlen(text) >= size) {
        return false;
    }
    memcpy(ret_text, text, strlen(text) + 1);
    return true;
}

static bool journal_word(const json_t *object, const char *name, const char *const *words, int count, int *ret_index)
{
    const char *text = json_string_value(json_object_get(object, name));
    for (int i = 0; text != NULL && i < count; i++) {
        if (strcmp(text, words[i]) == 0) {
            *ret_index = i;
            return true;
        }
    }
    return false;
}

enum err journal_parse(const char *line, size_t size, struct journal_entry *ret_entry)
{
    struct journal_entry entry = {0};
    int path = 0;
    int outcome = 0;
    json_t *object = json_loadb(line, size, JSON_REJECT_DUPLICATES, NULL);
    const json_t *start = json_object_get(object, "t");
    const json_t *end = json_object_get(object, "end");
    const json_t *tier = json_object_get(object, "tier");
    const bool good = json_is_integer(start) && json_is_integer(end) && json_is_integer(tier) &&
                      journal_word(object, "path", journal_paths, 2, &path) &&
                      journal_word(object, "outcome", journal_outcomes, 3, &outcome) &&
                      journal_text(object, "home", entry.home, sizeof(entry.home)) &&
                      journal_text(object, "table", entry.table, sizeof(entry.table)) &&
                      journal_text(object, "key", entry.key, sizeof(entry.key)) &&
                      journal_text(object, "region", entry.region, sizeof(entry.region)) &&
                      journal_text(object, "node", entry.node, sizeof(entry.node)) &&
                      journal_text(object, "error", entry.error, sizeof(entry.error));
    if (good) {
        entry.start_us = json_integer_value(start);
        entry.end_us = json_integer_value(end);
        entry.tier = (int)json_integer_value(tier);
        entry.path = (enum journal_path)path;
        entry.outcome = (enum journal_outcome)outcome;
        *ret_entry = entry;
    }
    json_decref(object);
    return good ? ERR_OK : ERR_INVALID;
}
