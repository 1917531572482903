/* SPDX-License-Identifier: Apache-2.0
 * breaker-driver: the circuit breaker of libholdfast behind a line protocol, for tests in any language.
 *
 * Reads request lines on standard input and answers each with one line on standard output at once. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "breaker_lines.h"

int main(void)
{
    struct breaker_lines *lines = breaker_lines_new();
    char *request = NULL;
    size_t capacity = 0;
    if (lines == NULL) {
        return 1;
    }
    while (getline(&request, &capacity, stdin) >= 0) {
        request[strcspn(request, "\n")] = '\0';
        puts(breaker_lines_answer(lines, request));
        fflush(stdout);
    }
    free(request);
    breaker_lines_free(lines);
    return 0;
}
