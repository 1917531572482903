/* SPDX-License-Identifier: Apache-2.0
 * Policies as a tree: what is done for a query. */
#include "dns/dns_steer.h"

#include <stdlib.h>

#include "base/assert.h"
#include "base/hash.h"

/* A child's part of a draw; `idle`: those of weight 0 have their turn. */
static uint64_t dns_steer_weight(const struct dns_steer_node *node, uint32_t child, bool idle)
{
    if (idle) {
        return node->weights[child] == 0 ? 1 : 0;
    }
    return node->weights[child];
}

/* Which of these weights holds the hash; DNS_STEER_CHILDREN: all are 0. */
static uint32_t dns_steer_place(const uint64_t *weights, uint32_t count, uint64_t hash)
{
    uint64_t sum = 0;
    for (uint32_t i = 0; i < count; i++) {
        sum += weights[i];
    }
    /* The upper half of the hash as a fraction: a child keeps its place when all weights double. */
    uint64_t point = (hash >> 32) * sum >> 32;
    for (uint32_t i = 0; i < count && sum > 0; i++) {
        if (point < weights[i]) {
            return i;
        }
        point -= weights[i];
    }
    return DNS_STEER_CHILDREN;
}

/* A draw among the policy's children of these bits; those of weight 0 have their turn when there is nobody else.
 * DNS_STEER_NONE: no bits. */
static uint8_t dns_steer_lot(const struct dns_steer_node *node, uint32_t among, uint64_t hash, bool *chance)
{
    uint64_t weights[DNS_STEER_CHILDREN];
    for (int idle = 0; idle < 2; idle++) {
        uint32_t candidates = 0;
        for (uint32_t i = 0; i < node->children_count; i++) {
            weights[i] = (among >> i & 1) != 0 ? dns_steer_weight(node, i, idle != 0) : 0;
            candidates += weights[i] > 0 ? 1 : 0;
        }
        const uint32_t place = dns_steer_place(weights, node->children_count, hash);
        if (place != DNS_STEER_CHILDREN) {
            *chance = *chance || candidates > 1;
            return node->children[place];
        }
    }
    return DNS_STEER_NONE;
}

struct dns_steer_drawn dns_steer_weighted(const struct dns_steer *steer, const struct dns_steer_table *table,
                                          uint32_t class, uint32_t mask, uint32_t node, uint64_t hash)
{
    const struct dns_steer_node *weighted = &steer->nodes[node];
    struct dns_steer_drawn drawn = {.chance = false};
    uint32_t alive = 0;
    hash ^= weighted->hash; /* draws of different policies have nothing to do with each other */
    hash = hash_bytes(&hash, sizeof hash);
    for (uint32_t i = 0; i < weighted->children_count; i++) {
        const bool can = (dns_steer_reach(steer, table, class, mask, weighted->children[i]) & DNS_STEER_ALIVE) != 0;
        alive |= (uint32_t)can << i;
    }
    drawn.first = dns_steer_lot(weighted, UINT32_MAX, hash, &drawn.chance);
    drawn.taken = drawn.first;
    if (alive != 0 && (dns_steer_reach(steer, table, class, mask, drawn.first) & DNS_STEER_ALIVE) == 0) {
        drawn.taken = dns_steer_lot(weighted, alive, hash_bytes(&hash, sizeof hash), &drawn.chance);
    }
    return drawn;
}

/* Follows a reference down to regions; at most DNS_STEER_DEPTH deep. */
static void dns_steer_follow(const struct dns_steer *steer, const struct dns_steer_table *table, uint32_t mask,
                             uint64_t hash, uint32_t ref, struct dns_steer_pick *pick)
{
    for (uint32_t depth = 0; depth <= DNS_STEER_DEPTH; depth++) {
        ref = dns_steer_reach(steer, table, pick->class, mask, ref) & (uint32_t)~DNS_STEER_ALIVE;
        if (ref < DNS_STEER_REGIONS) {
            pick->regions |= (uint8_t)(1U << ref);
            return;
        }
        const struct dns_steer_node *node = &steer->nodes[ref - DNS_STEER_REGIONS];
        if (node->kind == DNS_STEER_MULTIVALUE) {
            const bool alive = (dns_steer_reach(steer, table, pick->class, mask, ref) & DNS_STEER_ALIVE) != 0;
            pick->policy = (uint8_t)(ref - DNS_STEER_REGIONS);
            for (uint32_t i = 0; i < node->children_count; i++) {
                const uint32_t child = node->children[i];
                if (!alive || (dns_steer_reach(steer, table, pick->class, mask, child) & DNS_STEER_ALIVE) != 0) {
                    dns_steer_follow(steer, table, mask, hash, child, pick);
                }
            }
            return;
        }
        ASSERT(node->kind == DNS_STEER_WEIGHTED);
        const struct dns_steer_drawn drawn =
            dns_steer_weighted(steer, table, pick->class, mask, ref - DNS_STEER_REGIONS, hash);
        pick->drawn = pick->drawn || drawn.chance;
        ref = drawn.taken;
    }
    ASSERT(false); /* the configuration allows DNS_STEER_DEPTH policies below each other */
}

bool dns_steer_look(const struct dns_steer *steer, uint32_t node, const struct view_address *client, uint32_t mask,
                    struct dns_steer_pick *ret_pick)
{
    ASSERT(node < steer->nodes_count && steer->nodes[node].table < steer->tables_count);
    const struct dns_steer_table *table = &steer->tables[steer->nodes[node].table];
    struct dns_networks_found found = {.bits = 0};
    if (table->networks != NULL) {
        found = dns_networks_find(table->networks, client);
    }
    const uint32_t reached = dns_steer_cell(steer, table, found.class, mask, node);
    const uint32_t ref = reached & (uint32_t)~DNS_STEER_ALIVE;
    ret_pick->policy = DNS_STEER_NONE;
    ret_pick->class = found.class;
    ret_pick->scope_bits = found.bits;
    ret_pick->alive = (reached & DNS_STEER_ALIVE) != 0;
    ret_pick->drawn = false;
    ret_pick->regions = ref < DNS_STEER_REGIONS ? (uint8_t)(1U << ref) : 0;
    return ref < DNS_STEER_REGIONS;
}

void dns_steer_draw(const struct dns_steer *steer, uint32_t node, uint32_t mask, uint64_t hash,
                    struct dns_steer_pick *pick)
{
    const struct dns_steer_table *table = &steer->tables[steer->nodes[node].table];
    dns_steer_follow(steer, table, mask, hash, DNS_STEER_REGIONS + node, pick);
}

struct dns_steer_pick dns_steer_pick(const struct dns_steer *steer, uint32_t node, const struct view_address *client,
                                     uint32_t mask, uint64_t hash)
{
    struct dns_steer_pick pick;
    if (!dns_steer_look(steer, node, client, mask, &pick)) {
        dns_steer_draw(steer, node, mask, hash, &pick);
    }
    return pick;
}

const char *dns_steer_name(const struct dns_steer *steer, uint32_t ref)
{
    return ref < DNS_STEER_REGIONS ? steer->regions[ref] : steer->nodes[ref - DNS_STEER_REGIONS].name;
}

void dns_steer_free(struct dns_steer *steer)
{
    if (steer == NULL) {
        return;
    }
    for (uint32_t i = 0; i < steer->tables_count; i++) {
        dns_networks_free(steer->tables[i].networks);
        free(steer->tables[i].chains);
        free(steer->tables[i].cells);
    }
    for (uint32_t i = 0; i < steer->labels_count; i++) {
        free(steer->labels[i]);
    }
    free(steer->labels);
    free(steer);
}
