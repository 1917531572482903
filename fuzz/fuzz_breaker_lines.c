/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: the breaker's driver protocol, line by line. Every request gets an answer and the breaker's own
 * assertions hold. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "breaker_lines.h"

enum { FUZZ_LINE = 256, FUZZ_LINES = 200, FUZZ_DIGITS = 5 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Long numbers make windows of gigabytes and idle ages: legal, but too slow to fuzz. */
static int has_long_number(const char *line)
{
    size_t digits = 0;
    for (; *line != '\0'; line++) {
        digits = *line >= '0' && *line <= '9' ? digits + 1 : 0;
        if (digits > FUZZ_DIGITS) {
            return 1;
        }
    }
    return 0;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct breaker_lines *lines = breaker_lines_new();
    size_t at = 0;
    ASSERT(lines != NULL);
    for (int i = 0; i < FUZZ_LINES && at < size; i++) {
        char line[FUZZ_LINE];
        const uint8_t *end = (const uint8_t *)memchr(data + at, '\n', size - at);
        const size_t whole = end != NULL ? (size_t)(end - data) - at : size - at;
        const size_t kept = whole < sizeof line ? whole : sizeof line - 1;
        memcpy(line, data + at, kept);
        line[kept] = '\0';
        at += whole + 1;
        if (!has_long_number(line)) {
            const char *answer = breaker_lines_answer(lines, line);
            ASSERT(strncmp(answer, "state=", 6) == 0 || strncmp(answer, "permit=", 7) == 0);
        }
    }
    breaker_lines_free(lines);
    return 0;
}
