/* SPDX-License-Identifier: Apache-2.0
 * Any bytes as reports and tables of measured times: what is accepted can be written, and reads back the same. */
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/latency_message.h"

enum { NOW_S = 1792713600 };

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void report(const uint8_t *data, size_t size)
{
    static struct latency_message first;
    static struct latency_message second;
    static uint8_t memory[LATENCY_MESSAGE_BYTES];
    struct buf buf;
    for (size_t i = 0; i < LIMITS_NAME; i++) {
        first.site[i] = 0;
    }
    if (latency_message_read((const char *)data, size, &first) != ERR_OK || strpbrk(first.site, "\"\\") != NULL ||
        strspn(first.site, "abcdefghijklmnopqrstuvwxyz-0123456789") != strlen(first.site)) {
        return; /* sites are written as they are: names of the configuration */
    }
    buf_init(&buf, memory, sizeof memory);
    latency_message_write(&first, &buf);
    ASSERT(!buf.overflow && latency_message_read(buf_string(&buf), buf.size, &second) == ERR_OK);
    ASSERT(second.count == first.count);
    for (uint32_t i = 0; i < first.count; i++) {
        ASSERT(network_compare(&first.rows[i].network, &second.rows[i].network) == 0);
        ASSERT(first.rows[i].rtt_us == second.rows[i].rtt_us && first.rows[i].age_s == second.rows[i].age_s);
    }
}

static void table(const uint8_t *data, size_t size)
{
    struct latency_table *first = latency_table_new();
    struct latency_table *second = latency_table_new();
    ASSERT(first != NULL && second != NULL);
    if (latency_message_read_table((const char *)data, size, NOW_S, first) == ERR_OK) {
        char *text = latency_message_write_table(first, NOW_S, 86400);
        ASSERT(text != NULL && latency_message_read_table(text, strlen(text), NOW_S, second) == ERR_OK);
        ASSERT(first->rows_count == second->rows_count);
        free(text);
    }
    free(first);
    free(second);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    report(data, size);
    table(data, size);
    return 0;
}
