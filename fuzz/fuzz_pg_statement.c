/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: a statement's text, whole and byte by byte: both must see the same. */
#include <stdint.h>

#include "base/assert.h"
#include "wire/pg_statement.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void fuzz_scan(struct pg_statement *statement, const uint8_t *data, size_t size, size_t piece)
{
    pg_statement_begin(statement);
    for (size_t at = 0; at < size; at += piece) {
        pg_statement_feed(statement, span_of(data + at, size - at < piece ? size - at : piece));
    }
    pg_statement_end(statement);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct pg_statement whole;
    struct pg_statement bytes;
    fuzz_scan(&whole, data, size, size > 0 ? size : 1);
    fuzz_scan(&bytes, data, size, 1);
    ASSERT(whole.marks == bytes.marks && whole.kind == bytes.kind && whole.statements == bytes.statements);
    ASSERT(whole.notable == bytes.notable && whole.settings == bytes.settings);
    ASSERT(strcmp(whole.name, bytes.name) == 0 && strlen(whole.name) < sizeof whole.name);
    ASSERT(whole.text_size == size && bytes.text_size == size);
    ASSERT(whole.notable <= whole.statements && whole.settings <= whole.notable);
    return 0;
}
