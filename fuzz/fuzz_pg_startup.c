/* SPDX-License-Identifier: Apache-2.0
 * Fuzz target: the start-up packet. What parses is written again and must parse to the same thing. */
#include <stdint.h>

#include "base/assert.h"
#include "wire/pg_startup.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    uint32_t measured = 0;
    if (pg_startup_measure(span_of(data, size), &measured) != ERR_OK) {
        return 0;
    }
    const size_t whole = measured > 0 && measured <= size ? measured : size;
    struct pg_startup startup;
    if (pg_startup_parse(span_of(data, whole), &startup) != ERR_OK) {
        return 0;
    }
    uint8_t memory[2 * PG_STARTUP_LIMIT];
    struct buf buf;
    buf_init(&buf, memory, sizeof memory);
    struct pg_startup again;
    if (startup.kind == PG_STARTUP_CANCEL) {
        pg_startup_cancel_write(&buf, startup.cancel_pid, startup.cancel_secret);
    } else if (startup.kind == PG_STARTUP_SESSION) {
        pg_startup_write(&buf, &startup, "shop");
    } else {
        return 0;
    }
    ASSERT(!buf.overflow);
    const enum err err = pg_startup_parse(span_of(buf.data, buf.size), &again);
    /* A packet at the limits may grow beyond them by the database's name. */
    ASSERT(err == ERR_OK || buf.size > whole);
    ASSERT(err != ERR_OK || again.kind == startup.kind);
    ASSERT(err != ERR_OK || span_equal(again.user, startup.user));
    return 0;
}
