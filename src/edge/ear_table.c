/* SPDX-License-Identifier: Apache-2.0
 * Who was heard when. */
#include "edge/ear_table.h"

#include <string.h>

#include "base/assert.h"

enum { EAR_TABLE_PAUSE_PARTS = 3 }; /* a longer part of a window than this one of so many is a pause */

static struct ear_table_node *ear_table_find(struct ear_table *table, const char *name)
{
    for (uint32_t i = 0; i < table->count; i++) {
        if (strcmp(table->nodes[i].name, name) == 0) {
            return &table->nodes[i];
        }
    }
    return NULL;
}

void ear_table_set(struct ear_table *table, const struct ear_table_node *nodes, uint32_t count)
{
    struct ear_table fresh = {.count = count, .turned_at = table->turned_at};
    ASSERT(count <= LIMITS_NODES);
    for (uint32_t i = 0; i < count; i++) {
        const struct ear_table_node *before = ear_table_find(table, nodes[i].name);
        fresh.nodes[i] = before != NULL ? *before : nodes[i];
        fresh.nodes[i].window_ms = nodes[i].window_ms;
    }
    *table = fresh;
}

enum err ear_table_take(struct ear_table *table, const struct beat *beat, struct mono now,
                        struct ear_table_news *ret_news)
{
    struct ear_table_node *node = ear_table_find(table, beat->node);
    if (node == NULL) {
        return ERR_NOT_FOUND;
    }
    const bool same = node->life.any && node->life.boot == beat->boot;
    const enum err err = beat_life_take(&node->life, beat);
    if (err != ERR_OK) {
        return err;
    }
    struct ear_table_news news = {.node = (uint32_t)(node - table->nodes), .jitter_us = -1};
    if (same && node->any) {
        const int64_t came_us = time_since_us(now, node->heard_at);
        const int64_t sent_us = (int64_t)(beat->mono_us - node->mono_us);
        news.jitter_us = came_us > sent_us ? came_us - sent_us : sent_us - came_us;
    }
    if ((beat->state & BEAT_DIED) != 0) {
        news.died = node->said_boot != beat->boot || node->said_epoch != beat->epoch;
        node->said_boot = beat->boot;
        node->said_epoch = beat->epoch;
    } else {
        node->said_boot = 0; /* it lives again: another death is another news */
    }
    node->any = (beat->state & BEAT_LEAVING) == 0;
    node->gone = (beat->state & (BEAT_DIED | BEAT_FENCED)) != 0 ? beat->epoch : 0;
    node->heard_at = now;
    node->mono_us = beat->mono_us;
    *ret_news = news;
    return ERR_OK;
}

static bool ear_table_paused(const struct ear_table *table, const struct ear_table_node *node, struct mono now)
{
    return table->turned_at.us == 0 ||
           time_since_us(now, table->turned_at) > (int64_t)node->window_ms * TIME_US_PER_MS / EAR_TABLE_PAUSE_PARTS;
}

void ear_table_turn(struct ear_table *table, struct mono now)
{
    for (uint32_t i = 0; i < table->count; i++) {
        struct ear_table_node *node = &table->nodes[i];
        if (ear_table_paused(table, node, now)) {
            node->since = now;
        }
    }
    table->turned_at = now;
}

void ear_table_look(const struct ear_table *table, struct mono now, struct ear_table_word *ret_word)
{
    ASSERT(table->count <= LIMITS_NODES);
    *ret_word = (struct ear_table_word){.heard = 0};
    for (uint32_t i = 0; i < table->count; i++) {
        const struct ear_table_node *node = &table->nodes[i];
        if (!node->any) {
            continue;
        }
        const int64_t age_ms = time_since_ms(now, node->heard_at);
        const bool heard = age_ms < node->window_ms;
        /* Whoever looks may be awake before the listener is. */
        const bool listened = time_since_ms(now, node->since) >= node->window_ms && !ear_table_paused(table, node, now);
        ret_word->age_ms[i] = (uint32_t)(age_ms < 0 ? 0 : age_ms < INT32_MAX ? age_ms : INT32_MAX);
        ret_word->heard |= (uint32_t)heard << i;
        ret_word->gone |= (uint32_t)(heard && node->gone != 0) << i;
        ret_word->silent |= (uint32_t)(!heard && listened) << i;
    }
}
