/* SPDX-License-Identifier: Apache-2.0
 * A replication slot's file, moved to another place of the log. */
#include "reconcile/salvage_slot.h"

#include <stdbool.h>
#include <string.h>

#include "base/cursor.h"

#define SALVAGE_SLOT_MAGIC      0x1051CA1u
#define SALVAGE_SLOT_POLYNOMIAL 0x82F63B78u /* Castagnoli, bits reversed */

enum {
    SALVAGE_SLOT_NUMBER = 4,
    SALVAGE_SLOT_POSITION = 8,
    SALVAGE_SLOT_CHECKSUM_AT = 4,
    SALVAGE_SLOT_CHECKED_AT = 8, /* behind magic and checksum */
    SALVAGE_SLOT_HEAD = 16,
};

static uint32_t salvage_slot_checksum(const uint8_t *bytes, size_t size)
{
    uint32_t crc = UINT32_MAX;
    for (size_t i = 0; i < size; i++) {
        crc ^= bytes[i];
        for (int bit = 0; bit < 8; bit++) {
            crc = crc >> 1 ^ ((crc & 1u) != 0 ? SALVAGE_SLOT_POLYNOMIAL : 0);
        }
    }
    return ~crc;
}

static uint32_t salvage_slot_number(struct cursor *cursor)
{
    uint32_t number = 0;
    const struct span span = cursor_span(cursor, sizeof number);
    if (span.size == sizeof number) {
        memcpy(&number, span.data, sizeof number);
    }
    return number;
}

static bool salvage_slot_good(const uint8_t *bytes, size_t size)
{
    struct cursor cursor;
    cursor_init(&cursor, bytes, size);
    const uint32_t magic = salvage_slot_number(&cursor);
    const uint32_t checksum = salvage_slot_number(&cursor);
    cursor_skip(&cursor, SALVAGE_SLOT_NUMBER); /* the version */
    const uint32_t length = salvage_slot_number(&cursor);
    return cursor_ok(&cursor) && magic == SALVAGE_SLOT_MAGIC && length == cursor_left(&cursor) &&
           checksum == salvage_slot_checksum(bytes + SALVAGE_SLOT_CHECKED_AT, size - SALVAGE_SLOT_CHECKED_AT);
}

/* Where the one occurrence of these bytes begins, from `from` on; 0: there is none, or more than one. */
static size_t salvage_slot_find(const uint8_t *bytes, size_t size, size_t from, const void *wanted, size_t wanted_size)
{
    size_t found = 0;
    for (size_t at = from; at + wanted_size <= size; at += SALVAGE_SLOT_NUMBER) {
        if (memcmp(bytes + at, wanted, wanted_size) == 0) {
            if (found != 0) {
                return 0;
            }
            found = at;
        }
    }
    return found;
}

enum err salvage_slot_move(uint8_t *bytes, size_t size, const struct salvage_slot_place *from,
                           const struct salvage_slot_place *to)
{
    uint8_t pair[SALVAGE_SLOT_NUMBER + SALVAGE_SLOT_POSITION];
    if (size > SALVAGE_SLOT_BYTES || !salvage_slot_good(bytes, size) || from->restart.position == 0 ||
        from->confirmed.position == 0) {
        return ERR_INVALID;
    }
    memcpy(pair, &from->catalog_xmin, SALVAGE_SLOT_NUMBER);
    memcpy(pair + SALVAGE_SLOT_NUMBER, &from->restart.position, SALVAGE_SLOT_POSITION);
    const size_t first = salvage_slot_find(bytes, size, SALVAGE_SLOT_HEAD, pair, sizeof pair);
    const size_t second = first != 0 ? salvage_slot_find(bytes, size, first + sizeof pair, &from->confirmed.position,
                                                         SALVAGE_SLOT_POSITION)
                                     : 0;
    if (second == 0) {
        return ERR_INVALID;
    }
    memcpy(bytes + first, &to->catalog_xmin, SALVAGE_SLOT_NUMBER);
    memcpy(bytes + first + SALVAGE_SLOT_NUMBER, &to->restart.position, SALVAGE_SLOT_POSITION);
    memcpy(bytes + second, &to->confirmed.position, SALVAGE_SLOT_POSITION);
    const uint32_t checksum = salvage_slot_checksum(bytes + SALVAGE_SLOT_CHECKED_AT, size - SALVAGE_SLOT_CHECKED_AT);
    memcpy(bytes + SALVAGE_SLOT_CHECKSUM_AT, &checksum, sizeof checksum);
    return ERR_OK;
}
