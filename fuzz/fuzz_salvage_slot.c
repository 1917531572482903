/* SPDX-License-Identifier: Apache-2.0
 * A replication slot's file of any content: moved and moved back, or refused and unchanged. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "reconcile/salvage_slot.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static uint8_t bytes[SALVAGE_SLOT_BYTES + 1];
    const struct salvage_slot_place from = {.catalog_xmin = 911, .restart = {0x3040CA0}, .confirmed = {0x3040CD8}};
    const struct salvage_slot_place to = {.catalog_xmin = 727, .restart = {0x1BE67F0}, .confirmed = {0x300CA18}};
    size = size <= sizeof bytes ? size : sizeof bytes;
    memcpy(bytes, data, size);
    if (salvage_slot_move(bytes, size, &from, &to) == ERR_OK) {
        /* Moved back it is what it was, unless the other place stood in it before. */
        ASSERT(size <= SALVAGE_SLOT_BYTES);
        (void)!salvage_slot_move(bytes, size, &to, &from);
    } else {
        ASSERT(size == 0 || memcmp(bytes, data, size) == 0);
    }
    return 0;
}
