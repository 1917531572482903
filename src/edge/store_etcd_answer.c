/* SPDX-License-Identifier: Apache-2.0
 * etcd's JSON to values. */
#include "edge/store_etcd_answer.h"

#include <string.h>

#include <jansson.h>

#include "base/cursor.h"
#include "edge/store_etcd_code.h"

enum {
    STORE_ETCD_ANSWER_PAIRS = 100000,
    STORE_ETCD_ANSWER_PARTS = 1024,
};

/* A text of digits, or a number; absent: 0. */
static enum err store_etcd_answer_number(const json_t *object, const char *name, uint64_t *ret_number)
{
    const json_t *value = json_object_get(object, name);
    if (value == NULL) {
        *ret_number = 0;
        return ERR_OK;
    }
    if (json_is_integer(value) && json_integer_value(value) >= 0) {
        *ret_number = (uint64_t)json_integer_value(value);
        return ERR_OK;
    }
    struct cursor cursor;
    cursor_init(&cursor, json_string_value(value), json_string_length(value));
    uint64_t number = 0;
    if (cursor_left(&cursor) == 0 || cursor_left(&cursor) > 19) {
        return ERR_PROTOCOL;
    }
    while (cursor_left(&cursor) > 0) {
        const uint8_t digit = cursor_u8(&cursor);
        if (digit < '0' || digit > '9') {
            return ERR_PROTOCOL;
        }
        number = number * 10 + (uint64_t)(digit - '0');
    }
    if (number > INT64_MAX) {
        return ERR_PROTOCOL;
    }
    *ret_number = number;
    return ERR_OK;
}

static bool store_etcd_answer_flag(const json_t *object, const char *name)
{
    return json_is_true(json_object_get(object, name));
}

static enum err store_etcd_answer_bytes(const json_t *object, const char *name, struct arena *arena,
                                        struct span *ret_bytes)
{
    const json_t *value = json_object_get(object, name);
    if (value != NULL && !json_is_string(value)) {
        return ERR_PROTOCOL;
    }
    const struct span text =
        value != NULL ? span_of(json_string_value(value), json_string_length(value)) : span_of("", 0);
    return store_etcd_code_get(text, arena, ret_bytes);
}

static enum err store_etcd_answer_pair(const json_t *json, struct arena *arena, struct store_etcd_pair *ret_pair)
{
    struct store_etcd_pair pair;
    if (!json_is_object(json)) {
        return ERR_PROTOCOL;
    }
    enum err err = store_etcd_answer_bytes(json, "key", arena, &pair.key);
    err = err != ERR_OK ? err : store_etcd_answer_bytes(json, "value", arena, &pair.value);
    err = err != ERR_OK ? err : store_etcd_answer_number(json, "mod_revision", &pair.revision);
    if (err == ERR_OK) {
        *ret_pair = pair;
    }
    return err;
}

/* The pairs of an array; with `inside` each is that member of its element. */
static enum err store_etcd_answer_pairs(const json_t *array, const char *inside, struct arena *arena,
                                        const struct store_etcd_pair **ret_pairs, size_t *ret_count)
{
    const size_t count = json_array_size(array);
    if ((array != NULL && !json_is_array(array)) || count > STORE_ETCD_ANSWER_PAIRS) {
        return ERR_PROTOCOL;
    }
    struct store_etcd_pair *pairs = arena_alloc(arena, (count + 1) * sizeof *pairs);
    if (pairs == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *element = json_array_get(array, i);
        const json_t *pair = inside != NULL ? json_object_get(element, inside) : element;
        const enum err err = store_etcd_answer_pair(pair, arena, &pairs[i]);
        if (err != ERR_OK) {
            return err;
        }
    }
    *ret_pairs = pairs;
    *ret_count = count;
    return ERR_OK;
}

static enum err store_etcd_answer_part(const json_t *range, struct arena *arena, struct store_etcd_part *part)
{
    part->more = store_etcd_answer_flag(range, "more");
    return store_etcd_answer_pairs(json_object_get(range, "kvs"), NULL, arena, &part->pairs, &part->count);
}

static enum err store_etcd_answer_parts(const json_t *root, struct arena *arena, struct store_etcd_answer *answer)
{
    const json_t *responses = json_object_get(root, "responses");
    const size_t count = responses != NULL ? json_array_size(responses) : 1;
    if ((responses != NULL && !json_is_array(responses)) || count > STORE_ETCD_ANSWER_PARTS) {
        return ERR_PROTOCOL;
    }
    struct store_etcd_part *parts = arena_alloc(arena, (count + 1) * sizeof *parts);
    if (parts == NULL) {
        return ERR_NO_MEMORY;
    }
    for (size_t i = 0; i < count; i++) {
        const json_t *range =
            responses != NULL ? json_object_get(json_array_get(responses, i), "response_range") : root;
        const enum err err = store_etcd_answer_part(range, arena, &parts[i]);
        if (err != ERR_OK) {
            return err;
        }
    }
    answer->parts = parts;
    answer->part_count = count;
    return ERR_OK;
}

/* Both gateways: {"error":TEXT,"code":N,"message":TEXT} and, for streams, {"error":{"grpc_code":N,...}}. */
static enum err store_etcd_answer_error(const json_t *root, struct arena *arena, int64_t *ret_code,
                                        const char **ret_message)
{
    const json_t *error = json_object_get(root, "error");
    const json_t *object = json_is_object(error) ? error : root;
    const json_t *code = json_object_get(object, "grpc_code");
    code = code != NULL ? code : json_object_get(object, "code");
    const char *message = json_string_value(json_object_get(object, "message"));
    if (message == NULL) {
        message = json_is_string(error) ? json_string_value(error) : "";
    }
    *ret_message = arena_text(arena, message);
    *ret_code = json_integer_value(code);
    if (*ret_code == 0 && error != NULL) {
        *ret_code = 2; /* UNKNOWN of gRPC */
    }
    return *ret_message != NULL ? ERR_OK : ERR_NO_MEMORY;
}

/* A member's number as its digits: 64 bits without a sign, which no number of ours holds. Absent, 0 or no number: "".
 */
static enum err store_etcd_answer_id(const json_t *object, const char *name, struct arena *arena, const char **ret_id)
{
    const char *text = json_string_value(json_object_get(object, name));
    const size_t size = text != NULL ? strspn(text, "0123456789") : 0;
    const bool good = size > 0 && size < STORE_ETCD_ANSWER_ID && text[size] == '\0' && text[0] != '0';
    *ret_id = good ? arena_text(arena, text) : "";
    return *ret_id != NULL ? ERR_OK : ERR_NO_MEMORY;
}

static enum err store_etcd_answer_take(const json_t *root, struct arena *arena, struct store_etcd_answer *answer)
{
    const json_t *header = json_object_get(root, "header");
    enum err err = store_etcd_answer_error(root, arena, &answer->code, &answer->message);
    err = err != ERR_OK ? err : store_etcd_answer_number(header, "revision", &answer->revision);
    err = err != ERR_OK ? err : store_etcd_answer_parts(root, arena, answer);
    err = err != ERR_OK ? err : store_etcd_answer_id(header, "member_id", arena, &answer->member);
    err = err != ERR_OK ? err : store_etcd_answer_id(root, "leader", arena, &answer->leader);
    answer->succeeded = store_etcd_answer_flag(root, "succeeded");
    const json_t *token = json_object_get(root, "token");
    if (err == ERR_OK && token != NULL) {
        answer->token = json_is_string(token) ? arena_text(arena, json_string_value(token)) : NULL;
        err = answer->token != NULL ? ERR_OK : json_is_string(token) ? ERR_NO_MEMORY : ERR_PROTOCOL;
    }
    return err;
}

static json_t *store_etcd_answer_load(struct span text)
{
    json_t *root = json_loadb((const char *)text.data, text.size, JSON_REJECT_DUPLICATES, NULL);
    if (!json_is_object(root)) {
        json_decref(root);
        return NULL;
    }
    return root;
}

enum err store_etcd_answer_read(struct span text, struct arena *arena, struct store_etcd_answer *ret_answer)
{
    json_t *root = store_etcd_answer_load(text);
    struct store_etcd_answer answer = {.code = 0};
    const enum err err = root != NULL ? store_etcd_answer_take(root, arena, &answer) : ERR_PROTOCOL;
    json_decref(root);
    if (err == ERR_OK) {
        *ret_answer = answer;
    }
    return err;
}

static enum err store_etcd_answer_take_news(const json_t *root, struct arena *arena, struct store_etcd_news *news)
{
    const json_t *result = json_object_get(root, "result");
    const json_t *header = json_object_get(result, "header");
    enum err err = store_etcd_answer_error(root, arena, &news->code, &news->message);
    if (err == ERR_OK && news->code == 0 && !json_is_object(result)) {
        err = ERR_PROTOCOL;
    }
    err = err != ERR_OK ? err : store_etcd_answer_number(header, "revision", &news->revision);
    err = err != ERR_OK ? err : store_etcd_answer_number(result, "compact_revision", &news->compacted_to);
    err = err != ERR_OK ? err
                        : store_etcd_answer_pairs(json_object_get(result, "events"), "kv", arena, &news->events,
                                                  &news->event_count);
    news->created = store_etcd_answer_flag(result, "created");
    news->cancelled = store_etcd_answer_flag(result, "canceled");
    news->fragment = store_etcd_answer_flag(result, "fragment");
    return err;
}

enum err store_etcd_answer_read_news(struct span text, struct arena *arena, struct store_etcd_news *ret_news)
{
    json_t *root = store_etcd_answer_load(text);
    struct store_etcd_news news = {.code = 0};
    const enum err err = root != NULL ? store_etcd_answer_take_news(root, arena, &news) : ERR_PROTOCOL;
    json_decref(root);
    if (err == ERR_OK) {
        *ret_news = news;
    }
    return err;
}
