/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: one what-if line, in both profiles. Whatever comes in, one JSON object with an answer or an error goes
 * out. */
#include <stdint.h>
#include <stdlib.h>

#include <jansson.h>

#include "base/assert.h"
#include "edge/whatif.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evaluate(const struct whatif_options *options, const uint8_t *data, size_t size)
{
    char *text = NULL;
    json_error_t error;
    const bool good = whatif_line(options, (const char *)data, size, 1, &text);
    ASSERT(text != NULL);
    json_t *line = json_loads(text, JSON_REJECT_DUPLICATES, &error);
    ASSERT(json_is_object(line));
    ASSERT(json_object_get(line, "id") != NULL);
    ASSERT(json_is_object(json_object_get(line, good ? "answer" : "error")));
    ASSERT(json_object_get(line, good ? "error" : "answer") == NULL);
    json_decref(line);
    free(text);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct whatif_options options;
    whatif_options_default(&options);
    options.explain = true;
    evaluate(&options, data, size);
    options.profile = MODEL_ADR_039;
    evaluate(&options, data, size);
    return 0;
}
