/* SPDX-License-Identifier: Apache-2.0
 * Files of measured times: whatever is in one, what is read of it is in range, and is read again as it is printed. */
#include "base/assert.h"
#include "wire/latency_line.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void again(const struct latency_line *line)
{
    char memory[4096];
    struct buf buf;
    struct cursor cursor;
    struct latency_line same;
    uint32_t number = 0;
    buf_init(&buf, memory, sizeof memory);
    latency_line_print(line, &buf);
    cursor_init(&cursor, buf.data, buf.size);
    ASSERT(!buf.overflow && latency_line_next(&cursor, &number, &same) == LATENCY_LINE_ROW && number == 1);
    ASSERT(network_compare(&same.network, &line->network) == 0 && same.count == line->count);
    for (uint32_t i = 0; i < line->count; i++) {
        ASSERT(same.places[i].rtt_us == line->places[i].rtt_us && same.places[i].seen_s == line->places[i].seen_s);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct cursor cursor;
    struct latency_line line;
    uint32_t number = 0;
    cursor_init(&cursor, data, size);
    while (latency_line_next(&cursor, &number, &line) == LATENCY_LINE_ROW) {
        ASSERT(line.count >= 1 && line.count <= LATENCY_LINE_PLACES);
        for (uint32_t i = 0; i < line.count; i++) {
            ASSERT(line.places[i].rtt_us >= 1 && line.places[i].rtt_us <= LATENCY_LINE_MOST_US);
            ASSERT(line.places[i].seen_s >= 0 && line.places[i].name[0] != 0);
        }
        again(&line);
    }
    return 0;
}
