/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: heartbeats. What comes is read as it is, and once more with the right signature put under it; what is
 * taken must be written as it was. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "wire/beat.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct beat_key key;
    struct beat beat;
    struct beat_life life = {.any = false};
    beat_key_make(&key, "token", "shop");
    if (beat_read(span_of(data, size), &key, &beat) == ERR_OK) {
        ASSERT(beat_life_take(&life, &beat) == ERR_OK);
        ASSERT(beat_life_take(&life, &beat) == ERR_STALE);
    }
    /* The fuzzer does not find signatures: what it made is sent by somebody who has the key. */
    if (size < BEAT_BYTES - BEAT_MAC) {
        return 0;
    }
    uint8_t memory[BEAT_BUFFER];
    uint8_t text[BEAT_NAME];
    memcpy(text, data + BEAT_BYTES - BEAT_MAC - BEAT_NAME, BEAT_NAME);
    memset(&beat, 0, sizeof beat);
    for (size_t i = 0; i + 1 < BEAT_NAME && text[i] != 0; i++) {
        beat.node[i] = (char)text[i];
    }
    if (beat.node[0] == 0) {
        return 0;
    }
    beat.state = data[4];
    memcpy(&beat.boot, data + 8, 5 * sizeof(uint64_t));
    struct buf buf;
    struct beat again;
    buf_init(&buf, memory, sizeof memory);
    beat_write(&buf, &key, &beat);
    ASSERT(!buf.overflow);
    const enum err err = beat_read(span_of(buf.data, buf.size), &key, &again);
    ASSERT(err == ERR_OK || err == ERR_PROTOCOL);
    if (err == ERR_OK) {
        uint8_t second[BEAT_BUFFER];
        struct buf rewritten;
        buf_init(&rewritten, second, sizeof second);
        beat_write(&rewritten, &key, &again);
        ASSERT(memcmp(memory, second, BEAT_BYTES) == 0);
    }
    return 0;
}
