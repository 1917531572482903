/* SPDX-License-Identifier: Apache-2.0
 * How deep JSON is: never less than what the parser makes of it. */
#include <jansson.h>

#include "base/assert.h"
#include "edge/json_depth.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint32_t fuzz_depth(const json_t *value)
{
    json_t *parent = (json_t *)(uintptr_t)value;
    json_t *child = NULL;
    const char *name = NULL;
    size_t index = 0;
    uint32_t below = 0;
    json_array_foreach(parent, index, child)
    {
        const uint32_t depth = fuzz_depth(child);
        below = depth > below ? depth : below;
    }
    json_object_foreach(parent, name, child)
    {
        const uint32_t depth = fuzz_depth(child);
        below = depth > below ? depth : below;
    }
    return json_is_array(value) || json_is_object(value) ? 1 + below : 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    json_t *value = json_loadb(text, size, JSON_DECODE_ANY, NULL);
    ASSERT(value == NULL || fuzz_depth(value) <= json_depth(text, size));
    json_decref(value);
    return 0;
}
