/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: the configuration. Any bytes: a configuration that shows itself and reads back to the same, or messages.
 */
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "wire/config.h"
#include "wire/config_show.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static uint8_t fuzz_messages[CONFIG_MESSAGES];
static uint8_t fuzz_shown[2][CONFIG_SHOW_BYTES];

static enum err fuzz_parse(struct span text, struct buf *shown)
{
    struct buf messages;
    buf_init(&messages, fuzz_messages, sizeof fuzz_messages);
    struct config *config = NULL;
    const enum err err = config_parse("fuzz.yaml", text, &messages, &config);
    ASSERT((err == ERR_OK) == (config != NULL));
    ASSERT(err != ERR_INVALID || strstr(buf_string(&messages), "error: ") != NULL);
    if (config != NULL) {
        config_show(config, shown);
        ASSERT(!shown->overflow);
    }
    config_free(config);
    return err;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct buf first;
    struct buf second;
    buf_init(&first, fuzz_shown[0], sizeof fuzz_shown[0]);
    buf_init(&second, fuzz_shown[1], sizeof fuzz_shown[1]);
    if (fuzz_parse(span_of(data, size), &first) == ERR_OK) {
        ASSERT(fuzz_parse(span_of(first.data, first.size), &second) == ERR_OK);
        ASSERT(first.size == second.size && memcmp(first.data, second.data, first.size) == 0);
    }
    return 0;
}
