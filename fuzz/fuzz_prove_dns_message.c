/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: the answer to a proof over DNS, whatever its id. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "edge/prove_dns_message.h"
#include "wire/dns_type.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct prove_dns_message_question question = {.type = DNS_TYPE_A};
    const enum err named = dns_name_parse(span_text("www.example.test"), NULL, &question.name);
    ASSERT(named == ERR_OK);
    if (size >= 2) {
        question.id = (uint16_t)(data[0] << 8 | data[1]);
    }
    struct prove_dns_answer answer;
    if (prove_dns_message_parse(span_of(data, size), &question, &answer) == ERR_OK) {
        ASSERT(answer.count > 0 && answer.count <= PROVE_ADDRESSES);
    }
    return 0;
}
