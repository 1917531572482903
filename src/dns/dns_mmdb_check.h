/* SPDX-License-Identifier: Apache-2.0
 * Whether a record of MaxMind's data format is whole, in bounds and of a sane size: asked before a library decodes it.
 *
 * MaxMind DB file format 2.0, "Data Section Format". Pure. */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "base/span.h"

enum {
    DNS_MMDB_CHECK_DEPTH = 16,    /* of maps and arrays in each other, pointers counted */
    DNS_MMDB_CHECK_VALUES = 4096, /* in one record, as often as they are reached */
};

/* The map at `offset` of a section, and all that it holds or points to. */
bool dns_mmdb_check(struct span section, size_t offset);

/* The metadata at the end of a file: it is there and passes the check. */
bool dns_mmdb_check_metadata(struct span content);
