/* SPDX-License-Identifier: Apache-2.0
 * What a client has been told by ParameterStatus messages, and what a new server says. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/cursor.h"
#include "proxy/proxy_keep.h"

bool proxy_keep_parameter_next(const struct proxy_keep_parameters *parameters, size_t *at, struct span *ret_name,
                               struct span *ret_value)
{
    struct cursor cursor;
    if (parameters->size == *at) {
        return false;
    }
    cursor_init(&cursor, parameters->data + *at, parameters->size - *at);
    *ret_name = cursor_until(&cursor, 0);
    *ret_value = cursor_until(&cursor, 0);
    ASSERT(cursor_ok(&cursor));
    *at += cursor.at;
    return true;
}

static void proxy_keep_parameter_remove(struct proxy_keep_parameters *parameters, struct span name)
{
    struct span found;
    struct span value;
    for (size_t at = 0, start = 0; proxy_keep_parameter_next(parameters, &at, &found, &value); start = at) {
        if (span_equal(found, name)) {
            memmove(parameters->data + start, parameters->data + at, parameters->size - at);
            parameters->size -= at - start;
            return;
        }
    }
}

void proxy_keep_parameter(struct proxy_keep_parameters *parameters, struct span whole)
{
    struct cursor cursor;
    cursor_init(&cursor, whole.data, whole.size);
    const struct span name = cursor_until(&cursor, 0);
    if (!cursor_ok(&cursor) || name.size == 0) {
        return;
    }
    proxy_keep_parameter_remove(parameters, name);
    const struct span value = cursor_until(&cursor, 0);
    const size_t size = name.size + value.size + 2;
    if (!cursor_ok(&cursor) || parameters->size + size > PROXY_KEEP_PARAMETERS) {
        return; /* not known: the client will be told again after a move */
    }
    uint8_t *data = realloc(parameters->data, parameters->size + size);
    if (data == NULL) {
        return;
    }
    memcpy(data + parameters->size, whole.data, size);
    parameters->data = data;
    parameters->size += size;
}

bool proxy_keep_parameter_told(const struct proxy_keep *keep, struct span name, struct span value)
{
    struct span known;
    struct span told;
    for (size_t at = 0; proxy_keep_parameter_next(&keep->known, &at, &known, &told);) {
        if (span_equal(known, name)) {
            return span_equal(told, value);
        }
    }
    return false;
}

bool proxy_keep_parameters_set(struct proxy_keep_parameters *parameters, struct span all)
{
    uint8_t *data = malloc(all.size + 1);
    if (data == NULL) {
        return false;
    }
    if (all.size > 0) {
        memcpy(data, all.data, all.size);
    }
    free(parameters->data);
    *parameters = (struct proxy_keep_parameters){.data = data, .size = all.size};
    return true;
}

void proxy_keep_parameters_take(struct proxy_keep *keep)
{
    free(keep->known.data);
    keep->known = keep->fresh;
    keep->fresh = (struct proxy_keep_parameters){.data = NULL};
}
