/* SPDX-License-Identifier: Apache-2.0
 * Why a policy led a client where it did, and what would change that. */
#include "dns/dns_explain_policy.h"

#include <string.h>

#include "base/assert.h"

/* On the way down. Chains and labels are of the steer that was made for this client; its cells say the same. */
struct dns_explain_walk {
    const struct dns_steer *steer;
    const struct dns_steer_table *table;
    uint32_t class;
    uint32_t mask;
    uint64_t hash; /* of the client's network and the name */
    struct buf *buf;
    uint32_t depth;
};

static bool dns_explain_alive(const struct dns_explain_walk *walk, uint32_t ref)
{
    return (dns_steer_reach(walk->steer, walk->table, walk->class, walk->mask, ref) & DNS_STEER_ALIVE) != 0;
}

static const char *dns_explain_kind(const struct dns_steer_node *node)
{
    static const char *const kinds[] = {"geolocation", "latency", "weighted", "failover", "multivalue"};
    ASSERT((uint32_t)node->kind < sizeof kinds / sizeof *kinds);
    return kinds[node->kind];
}

static void dns_explain_child(const struct dns_explain_walk *walk, uint32_t ref, const char *why, const char *what)
{
    buf_printf(walk->buf, "%*s%-16s %s%s%s\n", (int)(12 + walk->depth * 2), "", dns_steer_name(walk->steer, ref), why,
               why[0] != 0 ? ": " : "", what);
}

/* The children of a policy in the order in which they count for this client. */
static struct dns_steer_chain dns_explain_children(const struct dns_explain_walk *walk, uint32_t index)
{
    const struct dns_steer_node *node = &walk->steer->nodes[index];
    if (node->kind == DNS_STEER_GEOLOCATION || node->kind == DNS_STEER_LATENCY) {
        return walk->table->chains[(size_t)walk->class * walk->table->slots_count + walk->table->slots[index]];
    }
    struct dns_steer_chain chain = {.count = (uint16_t)node->children_count};
    memcpy(chain.refs, node->children, node->children_count);
    return chain;
}

/* The first child that can answer; DNS_STEER_NONE: none can. */
static uint32_t dns_explain_first(const struct dns_explain_walk *walk, const struct dns_steer_chain *chain)
{
    for (uint32_t i = 0; i < chain->count; i++) {
        if (dns_explain_alive(walk, chain->refs[i])) {
            return chain->refs[i];
        }
    }
    return DNS_STEER_NONE;
}

/* Failover, geolocation and latency. */
static void dns_explain_ordered(const struct dns_explain_walk *walk, const struct dns_steer_node *node,
                                const struct dns_steer_chain *chain, uint32_t taken)
{
    bool before = true;
    for (uint32_t i = 0; i < chain->count; i++) {
        const uint32_t ref = chain->refs[i];
        const bool alive = dns_explain_alive(walk, ref);
        const char *why = chain->labels[i] != 0    ? walk->steer->labels[chain->labels[i] - 1]
                          : ref == node->otherwise ? "default"
                                                   : "";
        const char *what = alive ? "not needed" : "not needed; nothing in it can answer";
        if (ref == taken) {
            what = alive ? "taken" : "taken: nothing can answer, its is the last-standing answer";
        } else if (before) {
            what = "skipped: nothing in it can answer";
        }
        before = before && (ref != taken || !alive);
        dns_explain_child(walk, ref, why, what);
    }
}

/* The child that was taken. */
static uint32_t dns_explain_weighted(const struct dns_explain_walk *walk, uint32_t index)
{
    const struct dns_steer_node *node = &walk->steer->nodes[index];
    const struct dns_steer_drawn drawn =
        dns_steer_weighted(walk->steer, walk->table, walk->class, walk->mask, index, walk->hash);
    for (uint32_t i = 0; i < node->children_count; i++) {
        const uint32_t ref = node->children[i];
        char weight[32];
        struct buf text;
        buf_init(&text, weight, sizeof weight);
        buf_printf(&text, "weight %u", node->weights[i]);
        const char *what = "not drawn";
        if (ref == drawn.taken) {
            what = ref == drawn.first ? "drawn by the client's network" : "drawn again, in place of the first";
        } else if (!dns_explain_alive(walk, ref)) {
            what = ref == drawn.first ? "drawn first, skipped: nothing in it can answer" : "nothing in it can answer";
        }
        dns_explain_child(walk, ref, buf_string(&text), what);
    }
    return drawn.taken;
}

static void dns_explain_node(struct dns_explain_walk *walk, uint32_t ref);

static void dns_explain_down(struct dns_explain_walk *walk, uint32_t ref)
{
    walk->depth++;
    dns_explain_node(walk, ref);
    walk->depth--;
}

static void dns_explain_multivalue(struct dns_explain_walk *walk, const struct dns_steer_chain *chain, bool any)
{
    for (uint32_t i = 0; i < chain->count; i++) {
        const bool taken = !any || dns_explain_alive(walk, chain->refs[i]);
        dns_explain_child(walk, chain->refs[i], "", taken ? "taken" : "skipped: nothing in it can answer");
        if (taken) {
            dns_explain_down(walk, chain->refs[i]);
        }
    }
}

/* A policy with its children, then what was taken; recursion ends with the depth of the tree. */
static void dns_explain_node(struct dns_explain_walk *walk, uint32_t ref)
{
    if (ref < DNS_STEER_REGIONS) {
        return;
    }
    const uint32_t index = ref - DNS_STEER_REGIONS;
    const struct dns_steer_node *node = &walk->steer->nodes[index];
    const struct dns_steer_chain chain = dns_explain_children(walk, index);
    const uint32_t first = dns_explain_first(walk, &chain);
    const bool fallback =
        first == DNS_STEER_NONE && node->fallback != DNS_STEER_NONE && dns_explain_alive(walk, node->fallback);
    uint32_t taken = first != DNS_STEER_NONE ? first : fallback ? node->fallback : chain.refs[0];
    ASSERT(walk->depth <= DNS_STEER_DEPTH);
    buf_printf(walk->buf, "%-9s %*s%s, %s\n", walk->depth == 0 ? "policy" : "", (int)(walk->depth * 2), "", node->name,
               dns_explain_kind(node));
    if (node->kind == DNS_STEER_MULTIVALUE && !fallback) {
        dns_explain_multivalue(walk, &chain, first != DNS_STEER_NONE);
        return;
    }
    if (node->kind == DNS_STEER_WEIGHTED && !fallback) {
        taken = dns_explain_weighted(walk, index);
    } else {
        dns_explain_ordered(walk, node, &chain, taken);
    }
    if (node->fallback != DNS_STEER_NONE) {
        dns_explain_child(walk, node->fallback, "fallback", fallback ? "taken: nothing else can answer" : "not taken");
    }
    dns_explain_down(walk, taken);
}

static void dns_explain_regions(const struct dns_steer *steer, uint32_t regions, struct buf *buf)
{
    const char *separator = "";
    for (uint32_t i = 0; i < steer->regions_count; i++) {
        if ((regions >> i & 1) != 0) {
            buf_printf(buf, "%s%s", separator, steer->regions[i]);
            separator = ", ";
        }
    }
}

/* What would be answered if one region became healthy or unhealthy. */
static void dns_explain_change(const struct dns_explain_question *question, const struct dns_explain_walk *walk,
                               uint32_t root, const struct dns_steer_pick *now)
{
    const struct dns_steer *steer = question->steer;
    const char *head = "change";
    for (uint32_t i = 0; i < steer->regions_count; i++) {
        const uint32_t mask = walk->mask ^ 1U << i;
        const struct dns_steer_pick pick = dns_steer_pick(steer, root, &question->client, mask, walk->hash);
        if (pick.regions == now->regions && pick.alive == now->alive) {
            continue;
        }
        buf_printf(walk->buf, "%-9s ", head);
        dns_explain_regions(steer, pick.regions, walk->buf);
        buf_printf(walk->buf, " would be answered%s if region %s became %s\n",
                   pick.alive ? "" : " (the last-standing answer)", steer->regions[i],
                   (mask >> i & 1) != 0 ? "healthy" : "unhealthy");
        head = "";
    }
    if (head[0] != 0) {
        buf_printf(walk->buf, "%-9s no change of one region's health would change it\n", head);
    }
}

void dns_explain_policy(const struct dns_explain_question *question, const struct dns_policy *policy,
                        const struct dns_policy_choice *choice, struct buf *buf)
{
    const uint32_t index = question->index;
    const uint32_t root = policy->steer_names[index] - 1;
    const uint32_t mask = policy->steer_masks[index];
    const uint64_t hash = dns_policy_hash(policy, index, &question->client);
    const struct dns_steer_pick labelled = dns_steer_pick(question->labelled, root, &question->client, mask, hash);
    if (labelled.regions != choice->pick.regions) {
        buf_text(buf, "policy    a file changed in between, ask again\n");
        return;
    }
    struct dns_explain_walk walk = {.steer = question->labelled,
                                    .table = &question->labelled->tables[question->labelled->nodes[root].table],
                                    .class = labelled.class,
                                    .mask = mask,
                                    .hash = hash,
                                    .buf = buf};
    dns_explain_node(&walk, DNS_STEER_REGIONS + root);
    dns_explain_change(question, &walk, root, &choice->pick);
}
