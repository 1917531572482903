/* SPDX-License-Identifier: Apache-2.0
 * Merges lists of networks into ranges. */
#include "dns/dns_networks_merge.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

enum { DNS_NETWORKS_MERGE_LISTS = 256, DNS_NETWORKS_MERGE_DEPTH = 129 * DNS_NETWORKS_MERGE_LISTS };

/* A network around the present address. */
struct dns_networks_frame {
    struct dns_networks_key end; /* the first address behind it; 0: it reaches to the end of the address space */
    uint32_t before;             /* the state without it */
};

struct dns_networks_sweep {
    struct dns_networks_merge *merge;
    struct dns_networks_frame *stack;
    uint32_t depth;
    uint32_t state;
    struct dns_networks_key *starts; /* of the ranges so far */
    uint16_t *classes;
    size_t count;
    size_t capacity;
};

enum err dns_networks_merge_add(struct dns_networks_merge *merge, uint32_t family,
                                const struct dns_networks_entry *entry)
{
    struct dns_networks_pile *pile = &merge->piles[family == 4 ? 0 : 1];
    ASSERT(entry->bits <= (family == 4 ? 32 : 128));
    if (pile->count == DNS_NETWORKS_MOST) {
        return ERR_TOO_LARGE;
    }
    if (pile->count == pile->capacity) {
        const size_t capacity = pile->capacity > 0 ? pile->capacity * 2 : 1024;
        struct dns_networks_entry *entries = realloc(pile->entries, capacity * sizeof *entries);
        if (entries == NULL) {
            return ERR_NO_MEMORY;
        }
        pile->entries = entries;
        pile->capacity = capacity;
    }
    pile->entries[pile->count++] = *entry;
    return ERR_OK;
}

void dns_networks_merge_fini(struct dns_networks_merge *merge)
{
    for (uint32_t i = 0; i < 2; i++) {
        free(merge->piles[i].entries);
        merge->piles[i] = (struct dns_networks_pile){0};
    }
}

/* ---- order ---- */

static int dns_networks_merge_keys(const struct dns_networks_key *a, const struct dns_networks_key *b)
{
    if (a->high != b->high) {
        return a->high < b->high ? -1 : 1;
    }
    return a->low < b->low ? -1 : a->low > b->low;
}

/* Networks before those that they hold; then by list. */
static int dns_networks_merge_order(const void *left, const void *right)
{
    const struct dns_networks_entry *a = left;
    const struct dns_networks_entry *b = right;
    const int order = dns_networks_merge_keys(&a->start, &b->start);
    if (order != 0) {
        return order;
    }
    return a->bits != b->bits ? (int)a->bits - (int)b->bits : (int)a->list - (int)b->list;
}

/* Files are nearly always sorted, and then this is all. */
static bool dns_networks_merge_sorted(const struct dns_networks_pile *pile)
{
    for (size_t i = 1; i < pile->count; i++) {
        if (dns_networks_merge_order(&pile->entries[i - 1], &pile->entries[i]) > 0) {
            return false;
        }
    }
    return true;
}

/* Sorted, and each network of a list once. */
static enum err dns_networks_merge_sort(struct dns_networks_merge *merge, struct dns_networks_pile *pile)
{
    if (!dns_networks_merge_sorted(pile)) {
        qsort(pile->entries, pile->count, sizeof *pile->entries, dns_networks_merge_order);
    }
    size_t kept = 0;
    for (size_t i = 0; i < pile->count; i++) {
        const struct dns_networks_entry *entry = &pile->entries[i];
        if (kept > 0 && dns_networks_merge_order(&pile->entries[kept - 1], entry) == 0) {
            if (pile->entries[kept - 1].value != entry->value) {
                merge->twice[0] = pile->entries[kept - 1];
                merge->twice[1] = *entry;
                return ERR_EXISTS;
            }
            continue;
        }
        pile->entries[kept++] = *entry;
    }
    pile->count = kept;
    return ERR_OK;
}

/* ---- the sweep ---- */

/* From `start` on the present state holds. */
static enum err dns_networks_merge_emit(struct dns_networks_sweep *sweep, const struct dns_networks_key *start)
{
    const uint16_t class = sweep->merge->class(sweep->merge->context, sweep->state);
    if (sweep->count > 0 && dns_networks_merge_keys(&sweep->starts[sweep->count - 1], start) == 0) {
        sweep->count--; /* what ended and began at the same place left nothing between */
    }
    if (sweep->count > 0 && sweep->classes[sweep->count - 1] == class) {
        return ERR_OK;
    }
    if (sweep->count == sweep->capacity) {
        const size_t capacity = sweep->capacity > 0 ? sweep->capacity * 2 : 256;
        struct dns_networks_key *starts = realloc(sweep->starts, capacity * sizeof *starts);
        sweep->starts = starts != NULL ? starts : sweep->starts;
        uint16_t *classes = realloc(sweep->classes, capacity * sizeof *classes);
        sweep->classes = classes != NULL ? classes : sweep->classes;
        if (starts == NULL || classes == NULL) {
            return ERR_NO_MEMORY;
        }
        sweep->capacity = capacity;
    }
    sweep->starts[sweep->count] = *start;
    sweep->classes[sweep->count++] = class;
    return ERR_OK;
}

/* Leaves the networks that end at or before the key (NULL: all). */
static enum err dns_networks_merge_leave(struct dns_networks_sweep *sweep, const struct dns_networks_key *key)
{
    enum err err = ERR_OK;
    while (sweep->depth > 0 && err == ERR_OK) {
        const struct dns_networks_frame *frame = &sweep->stack[sweep->depth - 1];
        const bool endless = frame->end.high == 0 && frame->end.low == 0;
        if (key != NULL && (endless || dns_networks_merge_keys(&frame->end, key) > 0)) {
            break;
        }
        sweep->depth--;
        sweep->state = frame->before;
        err = endless ? ERR_OK : dns_networks_merge_emit(sweep, &frame->end);
    }
    return err;
}

static enum err dns_networks_merge_enter(struct dns_networks_sweep *sweep, const struct dns_networks_entry *entry)
{
    uint32_t state = 0;
    enum err err = dns_networks_merge_leave(sweep, &entry->start);
    if (err != ERR_OK) {
        return err;
    }
    if (!sweep->merge->step(sweep->merge->context, sweep->state, entry, &state)) {
        return ERR_TOO_LARGE;
    }
    ASSERT(sweep->depth < DNS_NETWORKS_MERGE_DEPTH);
    sweep->stack[sweep->depth++] =
        (struct dns_networks_frame){dns_networks_end(&entry->start, entry->bits), sweep->state};
    sweep->state = state;
    return dns_networks_merge_emit(sweep, &entry->start);
}

static enum err dns_networks_merge_sweep(struct dns_networks_sweep *sweep, const struct dns_networks_pile *pile)
{
    static const struct dns_networks_key zero;
    enum err err = dns_networks_merge_emit(sweep, &zero);
    for (size_t i = 0; i < pile->count && err == ERR_OK; i++) {
        err = dns_networks_merge_enter(sweep, &pile->entries[i]);
    }
    return err == ERR_OK ? dns_networks_merge_leave(sweep, NULL) : err;
}

/* ---- the whole ---- */

static enum err dns_networks_merge_side(struct dns_networks_merge *merge, uint32_t index, struct dns_networks *networks)
{
    struct dns_networks_sweep sweep = {.merge = merge};
    enum err err = dns_networks_merge_sort(merge, &merge->piles[index]);
    sweep.stack = malloc(DNS_NETWORKS_MERGE_DEPTH * sizeof *sweep.stack);
    if (err == ERR_OK && sweep.stack == NULL) {
        err = ERR_NO_MEMORY;
    }
    if (err == ERR_OK) {
        err = dns_networks_merge_sweep(&sweep, &merge->piles[index]);
    }
    const struct dns_networks_ranges ranges = {sweep.starts, sweep.classes, sweep.count};
    if (err == ERR_OK) {
        err = index == 0 ? dns_networks_four_make(&ranges, &networks->four)
                         : dns_networks_six_make(&ranges, &networks->six);
    }
    free(sweep.stack);
    free(sweep.starts);
    free(sweep.classes);
    return err;
}

enum err dns_networks_merge(struct dns_networks_merge *merge, struct dns_networks **ret_networks)
{
    struct dns_networks *networks = calloc(1, sizeof *networks);
    if (networks == NULL) {
        return ERR_NO_MEMORY;
    }
    enum err err = dns_networks_merge_side(merge, 0, networks);
    if (err == ERR_OK) {
        err = dns_networks_merge_side(merge, 1, networks);
    }
    if (err != ERR_OK) {
        dns_networks_free(networks);
        return err;
    }
    *ret_networks = networks;
    return ERR_OK;
}
