/* SPDX-License-Identifier: Apache-2.0
 * Paths, query numbers and literal addresses: segments lie inside the path, what is printed is read back the same. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/address.h"
#include "edge/http_route.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const patterns[] = {"/", "/v1/runs/*", "/v1/*/a/*", "/ui/**", "/*/**"};
    const struct span path = span_of(data, size);
    for (size_t i = 0; i < sizeof patterns / sizeof patterns[0]; i++) {
        struct http_route_match match;
        if (http_route_matches(patterns[i], path, &match)) {
            for (size_t j = 0; j < match.count; j++) {
                const struct span segment = match.segments[j];
                ASSERT(segment.data >= data && segment.size <= size - (size_t)(segment.data - data));
            }
        }
    }
    uint64_t number = 0;
    ASSERT(http_route_number(path, &number) == ERR_INVALID || (size > 0 && data[0] >= '0' && data[0] <= '9'));
    char *text = strndup((const char *)data, size);
    ASSERT(text != NULL);
    struct address address;
    if (address_parse(text, &address) == ERR_OK) {
        char printed[ADDRESS_TEXT];
        struct address again;
        address_print(&address, printed);
        ASSERT(address_parse(printed, &again) == ERR_OK);
        ASSERT(memcmp(&address, &again, sizeof address) == 0);
    }
    free(text);
    return 0;
}
