/* SPDX-License-Identifier: Apache-2.0
 * Counting brackets. */
#include "edge/json_depth.h"

#include <stdbool.h>

uint32_t json_depth(const char *text, size_t size)
{
    uint32_t deepest = 0;
    uint32_t depth = 0;
    bool quoted = false;
    for (size_t i = 0; i < size; i++) {
        const char byte = text[i];
        if (quoted) {
            i += byte == '\\';
            quoted = byte != '"';
        } else if (byte == '"') {
            quoted = true;
        } else if (byte == '[' || byte == '{') {
            depth += depth < UINT32_MAX;
            deepest = depth > deepest ? depth : deepest;
        } else if (byte == ']' || byte == '}') {
            depth -= depth > 0;
        }
    }
    return deepest;
}
