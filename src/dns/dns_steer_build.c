/* SPDX-License-Identifier: Apache-2.0
 * Works out the tables of a policy tree. */
#include "dns/dns_steer_build.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

/* The networks around an address, from the smallest outwards. */
struct dns_steer_state {
    uint32_t outer; /* the state without the smallest; LIMITS_NONE: no network at all */
    uint32_t value;
    uint32_t list;
};

void dns_steer_build_append(struct dns_steer_chain *chain, uint32_t ref, uint32_t label)
{
    ASSERT(ref < DNS_STEER_REFS);
    for (uint32_t i = 0; i < chain->count; i++) {
        if (chain->refs[i] == ref) {
            return;
        }
    }
    ASSERT(chain->count < DNS_STEER_REFS);
    chain->refs[chain->count] = (uint8_t)ref;
    chain->labels[chain->count++] = (uint16_t)label;
}

/* ---- classes ---- */

static void dns_steer_build_extend(const struct dns_steer_build *build, uint32_t number, struct dns_steer_chain *chain)
{
    const struct dns_steer_chain *fragment = dns_intern_at(&build->fragments, number);
    for (uint32_t i = 0; i < fragment->count; i++) {
        dns_steer_build_append(chain, fragment->refs[i], fragment->labels[i]);
    }
}

/* The order of one policy in a state. */
static void dns_steer_build_chain(const struct dns_steer_build *build, uint32_t state, uint32_t node, uint32_t slot,
                                  struct dns_steer_chain *chain)
{
    uint32_t place = 0;
    const struct dns_steer_state *at = dns_intern_at(&build->states, state);
    for (; at->outer != LIMITS_NONE; at = dns_intern_at(&build->states, at->outer)) {
        if (at->list == node || at->list == DNS_STEER_MEASURED + node) {
            dns_steer_build_extend(build, at->value, chain);
        } else if (at->list == DNS_STEER_GEO && place == 0) {
            const uint32_t *places = dns_intern_at(&build->places, at->value);
            place = places[slot];
        }
    }
    if (place != 0) {
        dns_steer_build_extend(build, place - 1, chain);
    }
    dns_steer_build_append(chain, build->steer->nodes[node].otherwise, 0);
}

/* What is reached from the table's policy with these orders, a bit each. */
static uint64_t dns_steer_build_reached(const struct dns_steer_build *build, const struct dns_steer_chain *chains)
{
    const struct dns_steer *steer = build->steer;
    uint64_t reached = UINT64_C(1) << build->table->root;
    for (uint64_t before = 0; before != reached;) {
        before = reached;
        for (uint32_t i = 0; i < steer->nodes_count; i++) {
            const struct dns_steer_node *node = &steer->nodes[i];
            const bool ordered = (build->table->nodes >> i & 1) != 0;
            const struct dns_steer_chain *chain = &chains[build->table->slots[i]];
            if ((reached >> i & 1) == 0) {
                continue;
            }
            reached |= ordered ? 0 : node->below;
            for (uint32_t j = 0; j < chain->count && ordered; j++) {
                reached |=
                    chain->refs[j] >= DNS_STEER_REGIONS ? UINT64_C(1) << (chain->refs[j] - DNS_STEER_REGIONS) : 0;
            }
            if (node->fallback != DNS_STEER_NONE && node->fallback >= DNS_STEER_REGIONS) {
                reached |= UINT64_C(1) << (node->fallback - DNS_STEER_REGIONS);
            }
        }
    }
    return reached;
}

/* The orders of a state, without those that nobody asks for: they must not tell classes apart. */
static void dns_steer_build_chains(const struct dns_steer_build *build, uint32_t state, struct dns_steer_chain *chains)
{
    const struct dns_steer_table *table = build->table;
    for (uint32_t node = 0; node < build->steer->nodes_count; node++) {
        if ((table->nodes >> node & 1) != 0) {
            dns_steer_build_chain(build, state, node, table->slots[node], &chains[table->slots[node]]);
        }
    }
    const uint64_t reached = dns_steer_build_reached(build, chains);
    for (uint32_t node = 0; node < build->steer->nodes_count; node++) {
        if ((table->nodes >> node & 1) != 0 && (reached >> node & 1) == 0) {
            memset(&chains[table->slots[node]], 0, sizeof *chains);
        }
    }
}

/* ---- cells ---- */

/* The first of an order that can answer, else its first. */
static uint8_t dns_steer_build_first(const struct dns_steer_build *build, uint32_t mask, const uint8_t *refs,
                                     uint32_t count)
{
    for (uint32_t i = 0; i < count; i++) {
        const uint8_t reached = dns_steer_reach(build->steer, &build->scratch, 0, mask, refs[i]);
        if ((reached & DNS_STEER_ALIVE) != 0) {
            return reached;
        }
    }
    return dns_steer_reach(build->steer, &build->scratch, 0, mask, refs[0]);
}

static uint8_t dns_steer_build_cell(const struct dns_steer_build *build, uint32_t mask, uint32_t index)
{
    const struct dns_steer_node *node = &build->steer->nodes[index];
    const struct dns_steer_table *table = &build->scratch;
    uint8_t reached;
    if (node->kind == DNS_STEER_GEOLOCATION || node->kind == DNS_STEER_LATENCY) {
        const struct dns_steer_chain *chain = &table->chains[table->slots[index]];
        if (chain->count == 0) {
            return 0; /* not reached by this class */
        }
        reached = dns_steer_build_first(build, mask, chain->refs, chain->count);
    } else {
        reached = dns_steer_build_first(build, mask, node->children, node->children_count);
        if (node->kind != DNS_STEER_FAILOVER) {
            reached = (uint8_t)((reached & DNS_STEER_ALIVE) | (DNS_STEER_REGIONS + index));
        }
    }
    if ((reached & DNS_STEER_ALIVE) == 0 && node->fallback != DNS_STEER_NONE) {
        const uint8_t fallback = dns_steer_reach(build->steer, table, 0, mask, node->fallback);
        return (fallback & DNS_STEER_ALIVE) != 0 ? fallback : reached;
    }
    return reached;
}

/* Whether everything that a policy leads to has its cell. */
static bool dns_steer_build_ready(const struct dns_steer_build *build, uint64_t done, uint32_t index)
{
    const struct dns_steer *steer = build->steer;
    const struct dns_steer_node *node = &steer->nodes[index];
    for (uint32_t ref = DNS_STEER_REGIONS; ref < DNS_STEER_REGIONS + steer->nodes_count; ref++) {
        if ((node->below >> (ref - DNS_STEER_REGIONS) & 1) != 0 && (done >> (ref - DNS_STEER_REGIONS) & 1) == 0) {
            return false;
        }
    }
    return true;
}

/* Those below first. Their number is less than DNS_STEER_NODES when there is a cycle. */
static uint32_t dns_steer_build_order(const struct dns_steer_build *build, uint8_t order[DNS_STEER_NODES])
{
    uint64_t done = 0;
    uint32_t count = 0;
    for (uint32_t before = UINT32_MAX; before != count;) {
        before = count;
        for (uint32_t i = 0; i < build->steer->nodes_count; i++) {
            if ((done >> i & 1) == 0 && dns_steer_build_ready(build, done, i)) {
                done |= UINT64_C(1) << i;
                order[count++] = (uint8_t)i;
            }
        }
    }
    return count;
}

/* What a class is told apart by: everything that a query may ask its cells. A cell that none asks is zero. */
static void dns_steer_build_visible(const struct dns_steer_build *build)
{
    const struct dns_steer *steer = build->steer;
    const uint32_t masks = 1U << steer->regions_count;
    uint64_t asked = UINT64_C(1) << build->table->root;
    for (uint64_t before = 0; before != asked;) {
        before = asked;
        for (uint32_t i = 0; i < steer->nodes_count * masks; i++) {
            const uint32_t ref = build->scratch.cells[i] & (uint32_t)~DNS_STEER_ALIVE;
            if ((asked >> i % steer->nodes_count & 1) != 0 && ref >= DNS_STEER_REGIONS) {
                /* Weighted or multivalue: it and its children are asked as well. */
                asked |= UINT64_C(1) << (ref - DNS_STEER_REGIONS);
                asked |= steer->nodes[ref - DNS_STEER_REGIONS].below;
            }
        }
    }
    for (uint32_t i = 0; i < steer->nodes_count * masks; i++) {
        build->scratch.cells[i] = (asked >> i % steer->nodes_count & 1) != 0 ? build->scratch.cells[i] : 0;
    }
}

/* The cells of the scratch class, of those below first. */
static void dns_steer_build_cells(const struct dns_steer_build *build)
{
    const struct dns_steer *steer = build->steer;
    for (uint32_t mask = 0; mask < 1U << steer->regions_count; mask++) {
        uint8_t *cells = build->scratch.cells + (size_t)mask * steer->nodes_count;
        for (uint32_t i = 0; i < steer->nodes_count; i++) {
            cells[build->order[i]] = dns_steer_build_cell(build, mask, build->order[i]);
        }
    }
}

/* The class of a state. States that make no difference to any query are one. */
static bool dns_steer_build_class(struct dns_steer_build *build, uint32_t state)
{
    uint32_t class = 0;
    if (state >= build->state_capacity) {
        const uint32_t capacity = build->state_capacity > 0 ? build->state_capacity * 2 : 256;
        uint16_t *classes = realloc(build->state_class, capacity * sizeof *classes);
        if (classes == NULL) {
            return false;
        }
        build->state_class = classes;
        build->state_capacity = capacity;
    }
    memset(build->scratch.chains, 0, build->chains_bytes);
    dns_steer_build_chains(build, state, build->scratch.chains);
    dns_steer_build_cells(build);
    if (!build->labelled) {
        dns_steer_build_visible(build); /* explaining asks them all */
    }
    const bool put = dns_intern_put(&build->classes, build->record, &class);
    build->too_many = build->too_many || !put;
    build->state_class[state] = (uint16_t) class;
    return put;
}

static bool dns_steer_build_put(struct dns_steer_build *build, uint32_t outer, uint32_t value, uint32_t list,
                                uint32_t *ret_state)
{
    const struct dns_steer_state state = {outer, value, list};
    const uint32_t before = build->states.count;
    if (!dns_intern_put(&build->states, &state, ret_state)) {
        build->too_many = true;
        return false;
    }
    return build->states.count == before || dns_steer_build_class(build, *ret_state);
}

static bool dns_steer_build_step(void *context, uint32_t state, const struct dns_networks_entry *entry,
                                 uint32_t *ret_state)
{
    return dns_steer_build_put(context, state, entry->value, entry->list, ret_state);
}

static uint16_t dns_steer_build_class_of(const void *context, uint32_t state)
{
    const struct dns_steer_build *build = context;
    return build->state_class[state];
}

/* ---- the whole ---- */

/* The scratch class lies in `record`: its cells, then its orders. */
static enum err dns_steer_build_room(struct dns_steer_build *build)
{
    const struct dns_steer *steer = build->steer;
    const struct dns_steer_table *table = build->table;
    const size_t cells_bytes = (size_t)steer->nodes_count << steer->regions_count;
    const size_t most = DNS_STEER_CELLS / cells_bytes;
    build->chains_bytes = table->slots_count * sizeof(struct dns_steer_chain);
    build->cells_bytes = cells_bytes;
    build->classes = (struct dns_intern){.size = cells_bytes + (build->labelled ? build->chains_bytes : 0),
                                         .most = (uint32_t)(most < DNS_NETWORKS_CLASSES ? most : DNS_NETWORKS_CLASSES)};
    build->record = calloc(1, cells_bytes + build->chains_bytes);
    if (build->record == NULL) {
        return ERR_NO_MEMORY;
    }
    build->scratch = *table;
    build->scratch.cells = build->record;
    build->scratch.chains = (void *)(build->record + cells_bytes); /* an even number: there is a region */
    return ERR_OK;
}

enum err dns_steer_build_init(struct dns_steer_build *build, struct dns_steer *steer, struct dns_steer_table *table,
                              bool labelled)
{
    uint32_t state;
    *build = (struct dns_steer_build){.steer = steer, .table = table, .labelled = labelled};
    for (uint32_t i = 0; i < steer->nodes_count; i++) {
        if ((table->nodes >> i & 1) != 0) {
            table->slots[i] = (uint8_t)table->slots_count++;
        }
    }
    const uint32_t slots = table->slots_count > 0 ? table->slots_count : 1;
    build->fragments = (struct dns_intern){.size = sizeof(struct dns_steer_chain), .most = DNS_STEER_FRAGMENTS};
    build->places = (struct dns_intern){.size = slots * sizeof(uint32_t), .most = DNS_STEER_FRAGMENTS};
    build->states = (struct dns_intern){.size = sizeof(struct dns_steer_state), .most = DNS_STEER_STATES};
    build->merge.step = dns_steer_build_step;
    build->merge.class = dns_steer_build_class_of;
    build->merge.context = build;
    const uint32_t ordered = dns_steer_build_order(build, build->order);
    ASSERT(ordered == steer->nodes_count); /* the configuration was verified */
    if (dns_steer_build_room(build) != ERR_OK || !dns_steer_build_put(build, LIMITS_NONE, 0, 0, &state)) {
        dns_steer_build_fini(build);
        return ERR_NO_MEMORY;
    }
    return ERR_OK;
}

void dns_steer_build_fini(struct dns_steer_build *build)
{
    dns_networks_merge_fini(&build->merge);
    dns_intern_fini(&build->fragments);
    dns_intern_fini(&build->places);
    dns_intern_fini(&build->states);
    dns_intern_fini(&build->classes);
    free(build->state_class);
    free(build->record);
    build->state_class = NULL;
    build->record = NULL;
}

enum err dns_steer_build_fragment(struct dns_steer_build *build, const struct dns_steer_chain *fragment,
                                  uint32_t *ret_fragment)
{
    return dns_intern_put(&build->fragments, fragment, ret_fragment) ? ERR_OK : ERR_TOO_LARGE;
}

/* The records of the classes, orders and cells apart. */
static enum err dns_steer_build_table(struct dns_steer_build *build)
{
    struct dns_steer_table *table = build->table;
    table->classes_count = build->classes.count;
    table->cells = malloc(table->classes_count * build->cells_bytes);
    table->chains = build->labelled ? malloc(table->classes_count * build->chains_bytes + 1) : NULL;
    if (table->cells == NULL || (build->labelled && table->chains == NULL)) {
        return ERR_NO_MEMORY;
    }
    for (uint32_t class = 0; class < table->classes_count; class ++) {
        const uint8_t *record = dns_intern_at(&build->classes, class);
        memcpy(table->cells + class * build->cells_bytes, record, build->cells_bytes);
        if (build->labelled) {
            memcpy(table->chains + (size_t) class * table->slots_count, record + build->cells_bytes,
                   build->chains_bytes);
        }
    }
    return ERR_OK;
}

enum err dns_steer_build_finish(struct dns_steer_build *build)
{
    if (build->table->slots_count > 0) {
        const enum err err = dns_networks_merge(&build->merge, &build->table->networks);
        if (err != ERR_OK) {
            return err == ERR_TOO_LARGE && !build->too_many ? ERR_NO_MEMORY : err;
        }
    }
    return dns_steer_build_table(build);
}
