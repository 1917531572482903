/* SPDX-License-Identifier: Apache-2.0
 * The file in which PostgreSQL keeps a replication slot (pg_replslot/NAME/state), moved to another place of the log.
 *
 * The file is a head of four numbers (magic, CRC-32C of all behind it, version, length of what follows) and the slot's
 * data, whose layout differs between versions. So nothing is assumed of it but that catalog_xmin and restart_lsn stand
 * side by side, which they do since logical slots exist: the present values, which the server tells, are looked for,
 * and where they are not found exactly once, nothing is done. In the machine's order of bytes, as the file. Pure; every
 * byte may be wrong. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/err.h"
#include "core/lsn.h"

enum { SALVAGE_SLOT_BYTES = 4096 }; /* more than any version writes */

/* Where decoding with a slot begins to read, and from where on it tells. */
struct salvage_slot_place {
    uint32_t catalog_xmin;
    struct lsn restart;
    struct lsn confirmed;
};

/* Writes `to` where `from` stands, and the checksum. ERR_INVALID: it is not such a file, or not of that slot; unchanged
 * then. */
ERR_CHECK enum err salvage_slot_move(uint8_t *bytes, size_t size, const struct salvage_slot_place *from,
                                     const struct salvage_slot_place *to);
