/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: files of rules, each rule asked about two clients. */
#include <stdint.h>

#include "base/assert.h"
#include "wire/pg_hba.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const struct pg_hba_client clients[] = {
        {.family = 4, .address = {10, 1, 2, 3}, .user = "ann", .database = "shop"},
        {.encrypted = true, .family = 6, .address = {[15] = 1}, .user = "bob", .database = "bob"}};
    struct pg_hba hba;
    struct pg_hba_rule rule;
    enum err err = ERR_OK;
    pg_hba_init(&hba, span_of(data, size));
    while (err == ERR_OK) {
        const size_t before = cursor_left(&hba.cursor);
        err = pg_hba_next(&hba, &rule);
        ASSERT((err == ERR_INVALID) == (hba.problem[0] != '\0'));
        if (err == ERR_OK) {
            ASSERT(cursor_left(&hba.cursor) < before && rule.line <= hba.line);
            for (size_t i = 0; i < 2; i++) {
                const bool matches = pg_hba_matches(&rule, &clients[i]);
                ASSERT(!matches || rule.type != PG_HBA_NEVER);
            }
        }
    }
    return 0;
}
