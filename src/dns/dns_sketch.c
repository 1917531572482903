/* SPDX-License-Identifier: Apache-2.0
 * The space-saving sketch. */
#include "dns/dns_sketch.h"

#include <stdlib.h>
#include <string.h>

#include "base/hash.h"

/* Two passes over 512 bytes each: cheaper than a heap, for so few rows. */
static uint32_t dns_sketch_find(const struct dns_sketch *sketch, uint64_t key)
{
    uint32_t found = DNS_SKETCH_ROWS;
    for (uint32_t i = 0; i < DNS_SKETCH_ROWS; i++) {
        found = sketch->keys[i] == key ? i : found;
    }
    return found;
}

static uint32_t dns_sketch_least(const struct dns_sketch *sketch)
{
    uint32_t least = 0;
    for (uint32_t i = 1; i < DNS_SKETCH_ROWS; i++) {
        least = sketch->counts[i] < sketch->counts[least] ? i : least;
    }
    return least;
}

static void dns_sketch_hand(struct dns_sketch *sketch, uint32_t row, uint64_t key, struct span who)
{
    const uint32_t turn = atomic_load_explicit(&sketch->turns[row], memory_order_relaxed);
    atomic_store_explicit(&sketch->turns[row], turn + 1, memory_order_relaxed);
    atomic_thread_fence(memory_order_release);
    sketch->keys[row] = key;
    sketch->errors[row] = sketch->counts[row];
    sketch->sizes[row] = (uint32_t)who.size;
    memcpy(sketch->bytes[row], who.data, who.size);
    atomic_store_explicit(&sketch->turns[row], turn + 2, memory_order_release);
}

void dns_sketch_add(struct dns_sketch *sketch, struct span who, uint64_t weight)
{
    who.size = who.size < DNS_SKETCH_BYTES ? who.size : DNS_SKETCH_BYTES;
    const uint64_t hash = hash_bytes(who.data, who.size);
    const uint64_t key = hash != 0 ? hash : 1;
    uint32_t row = dns_sketch_find(sketch, key);
    if (row == DNS_SKETCH_ROWS) {
        row = dns_sketch_least(sketch);
        dns_sketch_hand(sketch, row, key, who);
    }
    __atomic_store_n(&sketch->counts[row], sketch->counts[row] + weight, __ATOMIC_RELAXED);
}

bool dns_sketch_row(const struct dns_sketch *sketch, uint32_t row, struct dns_sketch_row *ret_row)
{
    const uint32_t turn = atomic_load_explicit(&sketch->turns[row], memory_order_acquire);
    ret_row->count = __atomic_load_n(&sketch->counts[row], __ATOMIC_RELAXED);
    ret_row->error = sketch->errors[row];
    ret_row->size = sketch->sizes[row];
    const bool whole = turn != 0 && turn % 2 == 0 && ret_row->size <= DNS_SKETCH_BYTES;
    if (whole) {
        memcpy(ret_row->bytes, sketch->bytes[row], ret_row->size);
    }
    atomic_thread_fence(memory_order_acquire);
    return whole && atomic_load_explicit(&sketch->turns[row], memory_order_relaxed) == turn;
}

void dns_sketch_merge(const struct dns_sketch_row *row, struct dns_sketch_row *rows, uint32_t *count, uint32_t most)
{
    for (uint32_t i = 0; i < *count; i++) {
        if (rows[i].size == row->size && memcmp(rows[i].bytes, row->bytes, row->size) == 0) {
            rows[i].count += row->count;
            rows[i].error += row->error;
            return;
        }
    }
    if (*count < most) {
        rows[(*count)++] = *row;
    }
}

static int dns_sketch_order(const void *a, const void *b)
{
    const uint64_t left = ((const struct dns_sketch_row *)a)->count;
    const uint64_t right = ((const struct dns_sketch_row *)b)->count;
    return left < right ? 1 : left > right ? -1 : 0;
}

void dns_sketch_sort(struct dns_sketch_row *rows, uint32_t count)
{
    qsort(rows, count, sizeof *rows, dns_sketch_order);
}
