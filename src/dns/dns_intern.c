/* SPDX-License-Identifier: Apache-2.0
 * Numbers for records. */
#include "dns/dns_intern.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/hash.h"

/* The slot of a record: its own, or the free one where it belongs. */
static uint32_t *dns_intern_slot(const struct dns_intern *intern, const void *record)
{
    uint32_t at = (uint32_t)hash_bytes(record, intern->size) & (intern->slots_count - 1);
    while (intern->slots[at] != 0 && memcmp(dns_intern_at(intern, intern->slots[at] - 1), record, intern->size) != 0) {
        at = (at + 1) & (intern->slots_count - 1);
    }
    return &intern->slots[at];
}

/* Room for one more, at most half of the slots taken. */
static bool dns_intern_grow(struct dns_intern *intern)
{
    if (intern->count < intern->capacity) {
        return true;
    }
    const uint32_t capacity = intern->capacity > 0 ? intern->capacity * 2 : 64;
    uint8_t *records = realloc(intern->records, (size_t)capacity * intern->size);
    uint32_t *slots = calloc((size_t)capacity * 2, sizeof *slots);
    intern->records = records != NULL ? records : intern->records;
    if (records == NULL || slots == NULL) {
        free(slots);
        return false;
    }
    free(intern->slots);
    intern->slots = slots;
    intern->slots_count = capacity * 2;
    intern->capacity = capacity;
    for (uint32_t i = 0; i < intern->count; i++) {
        *dns_intern_slot(intern, dns_intern_at(intern, i)) = i + 1;
    }
    return true;
}

bool dns_intern_put(struct dns_intern *intern, const void *record, uint32_t *ret_number)
{
    ASSERT(intern->size > 0 && intern->most > 0);
    if (!dns_intern_grow(intern)) {
        return false;
    }
    uint32_t *slot = dns_intern_slot(intern, record);
    if (*slot == 0) {
        if (intern->count == intern->most) {
            return false;
        }
        memcpy(intern->records + (size_t)intern->count * intern->size, record, intern->size);
        *slot = ++intern->count;
    }
    *ret_number = *slot - 1;
    return true;
}

void dns_intern_fini(struct dns_intern *intern)
{
    free(intern->records);
    free(intern->slots);
    *intern = (struct dns_intern){0};
}
