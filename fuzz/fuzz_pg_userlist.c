/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: files of roles and secrets, and what is made of a password and of what a server says. */
#include <stdint.h>

#include "base/assert.h"
#include "wire/pg_scram.h"
#include "wire/pg_userlist.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pg_userlist list;
    struct pg_userlist_entry entry;
    enum err err = ERR_OK;
    pg_userlist_init(&list, span_of(data, size));
    while (err == ERR_OK) {
        const size_t before = cursor_left(&list.cursor);
        err = pg_userlist_next(&list, &entry);
        ASSERT(err != ERR_OK || (entry.name[0] != '\0' && cursor_left(&list.cursor) < before));
        ASSERT((err == ERR_INVALID) == (list.problem != NULL));
    }
    struct pg_scram_key key;
    (void)!pg_scram_key_derive(span_of(data, size), span_text("x"), &key);
    return 0;
}
