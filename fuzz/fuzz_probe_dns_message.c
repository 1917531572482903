/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as an answer to a dns probe. */
#include "base/assert.h"
#include "edge/probe_dns_message.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const types[][2] = {{"A", "127.1.0.80"}, {"CNAME", "a.example.test."}, {"TXT", "\"x\""}};
    for (size_t i = 0; i < sizeof types / sizeof types[0]; i++) {
        struct probe_dns_question question;
        uint8_t memory[128];
        struct buf words;
        buf_init(&words, memory, sizeof memory);
        ASSERT(probe_dns_message_question("www.example.test.", types[i][0], types[i][1], &question) == ERR_OK);
        question.id = size >= 2 ? (uint16_t)(256U * data[0] + data[1]) : (uint16_t)0;
        const enum err err = probe_dns_message_check(&question, span_of(data, size), &words);
        ASSERT(err == ERR_OK || err == ERR_STALE || err == ERR_PROTOCOL || err == ERR_STATUS || err == ERR_CONTENT);
    }
    return 0;
}
