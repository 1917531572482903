/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: an answer to the lab's stub resolver. The first two bytes are taken as the query's number. */
#include <stdint.h>

#include "base/assert.h"
#include "client_dns.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct client_dns_answer answer;
    const uint16_t id = size >= 2 ? (uint16_t)(256U * data[0] + data[1]) : (uint16_t)0;
    if (client_dns_parse(data, size, id, &answer) == ERR_OK) {
        /* 12 bytes of head, a question of 5 and a record of 15 at least. */
        ASSERT(size >= 32);
        const enum err err = client_dns_parse(data, size, (uint16_t)(id + 1), &answer);
        ASSERT(err == ERR_PROTOCOL);
    }
    return 0;
}
