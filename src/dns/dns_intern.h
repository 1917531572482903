/* SPDX-License-Identifier: Apache-2.0
 * Numbers for records: equal bytes get the same number, new ones the next. Used while loading, by one thread.
 *
 * Records have one size and no bytes that were not set (padding counts). */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dns_intern {
    size_t size; /* of a record; set by the user, the rest zero */
    uint32_t most;
    uint32_t count;
    uint32_t capacity;
    uint8_t *records;
    uint32_t slots_count; /* a power of two */
    uint32_t *slots;      /* number + 1; 0: free */
};

/* False: there would be more than `most`, or out of memory. */
bool dns_intern_put(struct dns_intern *intern, const void *record, uint32_t *ret_number);

/* Until the next put. */
static inline const void *dns_intern_at(const struct dns_intern *intern, uint32_t number)
{
    return intern->records + (size_t)number * intern->size;
}

void dns_intern_fini(struct dns_intern *intern);
