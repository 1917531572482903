/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a line of the lab clients' journal. */
#include <stdint.h>
#include <string.h>

#include "base/assert.h"
#include "journal.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct journal_entry entry;
    if (journal_parse((const char *)data, size, &entry) == ERR_OK) {
        ASSERT(strlen(entry.key) < JOURNAL_KEY && strlen(entry.error) < JOURNAL_ERROR);
        ASSERT(entry.path == JOURNAL_HTTP || entry.path == JOURNAL_SQL);
        ASSERT(entry.outcome <= JOURNAL_UNKNOWN);
    }
    return 0;
}
