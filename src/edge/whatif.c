/* SPDX-License-Identifier: Apache-2.0
 * The line around the kinds: id, kind, input, errors. */
#include "edge/whatif.h"

#include <stdio.h>
#include <string.h>

#include "edge/whatif_kind.h"

static const struct {
    const char *name;
    json_t *(*answer)(const struct whatif_options *options, struct whatif_read *reader,
                      const struct whatif_read_at *input, json_t **ret_explain);
} whatif_kinds[] = {
    {"snapshot", whatif_snapshot_answer}, {"series", whatif_series_answer},   {"failback", whatif_failback_answer},
    {"routing", whatif_routing_answer},   {"breaker", whatif_breaker_answer},
};

static const char *const whatif_kind_names[] = {"snapshot", "series", "failback", "routing", "breaker", NULL};

void whatif_options_default(struct whatif_options *ret_options)
{
    *ret_options = (struct whatif_options){
        .profile = MODEL_STANDARD,
        .thresholds = decide_thresholds_default(),
        .failback = failback_limits_default(),
    };
}

/* Takes over the reference; NULL gives NULL. */
static char *whatif_print(json_t *object)
{
    char *text = json_dumps(object, JSON_COMPACT | JSON_REAL_PRECISION(15));
    json_decref(object);
    return text;
}

/* Takes over the reference to `id`; NULL: unknown. */
static char *whatif_error(json_t *id, const struct whatif_read *reader, uint64_t number)
{
    json_t *error = json_pack("{s:I,s:s%,s:s%}", "line", (json_int_t)number, "path", reader->path,
                              strnlen(reader->path, sizeof reader->path), "message", reader->message,
                              strnlen(reader->message, sizeof reader->message));
    return whatif_print(json_pack("{s:o,s:o}", "id", id != NULL ? id : json_null(), "error", error));
}

static json_t *whatif_evaluate(const struct whatif_options *options, struct whatif_read *reader,
                               const struct whatif_read_at *line, json_t **ret_explain)
{
    const struct whatif_read_at input = whatif_read_member(line, "input");
    if (json_object_get(line->value, "id") == NULL) {
        const struct whatif_read_at id = whatif_read_member(line, "id");
        whatif_read_fail(reader, &id, "is missing");
    }
    const int kind = whatif_read_word(reader, line, "kind", whatif_kind_names, -1);
    if (!whatif_read_object(reader, &input, true)) {
        return NULL;
    }
    json_t *answer = whatif_kinds[kind].answer(options, reader, &input, ret_explain);
    if (answer == NULL && !reader->failed) {
        whatif_read_fail(reader, &input, "needs more memory than there is");
    }
    return answer;
}

static json_t *whatif_parse(struct whatif_read *reader, const char *line, size_t size)
{
    const struct whatif_read_at at = {0};
    json_error_t error;
    if (size > WHATIF_LINE_BYTES) {
        whatif_read_fail(reader, &at, "is longer than 1 MiB");
        return NULL;
    }
    json_t *root = json_loadb(line, size, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY, &error);
    if (root == NULL) {
        char message[WHATIF_READ_MESSAGE];
        snprintf(message, sizeof message, "is not JSON: column %d: %.150s", error.column, error.text);
        whatif_read_fail(reader, &at, message);
    }
    return root;
}

bool whatif_line(const struct whatif_options *options, const char *line, size_t size, uint64_t number, char **ret_text)
{
    struct whatif_read reader = {0};
    json_t *explain = NULL;
    json_t *answer = NULL;
    json_t *root = whatif_parse(&reader, line, size);
    const struct whatif_read_at at = {.value = root};
    if (whatif_read_object(&reader, &at, true)) {
        answer = whatif_evaluate(options, &reader, &at, &explain);
    }
    json_t *id = json_incref(json_object_get(root, "id"));
    if (reader.failed) {
        *ret_text = whatif_error(id, &reader, number);
        json_decref(answer);
    } else if (explain != NULL) {
        *ret_text = whatif_print(json_pack("{s:o,s:o,s:O}", "id", id, "answer", answer, "explain", explain));
    } else {
        *ret_text = whatif_print(json_pack("{s:o,s:o}", "id", id, "answer", answer));
    }
    json_decref(explain);
    json_decref(root);
    return !reader.failed && *ret_text != NULL;
}
