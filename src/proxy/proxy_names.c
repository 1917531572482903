/* SPDX-License-Identifier: Apache-2.0
 * The names under which a client of a pool has prepared statements. */
#include "proxy/proxy_names.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

void proxy_names_init(struct proxy_names *names)
{
    *names = (struct proxy_names){.data = NULL};
    memset(names->chains, 0xff, sizeof names->chains);
}

void proxy_names_free(struct proxy_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        proxy_shelf_leave(names->data[i].text);
    }
    free(names->data);
    proxy_names_init(names);
}

static uint32_t proxy_names_chain(struct span name)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < name.size; i++) {
        hash = (hash ^ name.data[i]) * 16777619U;
    }
    return (hash ^ hash >> 16) % PROXY_NAMES_CHAINS;
}

uint32_t proxy_names_find(const struct proxy_names *names, struct span name)
{
    if (names->count == 0) {
        return PROXY_NAMES_NONE;
    }
    uint32_t index = names->chains[proxy_names_chain(name)];
    while (index != PROXY_NAMES_NONE) {
        const struct proxy_names_entry *entry = &names->data[index];
        if (!entry->gone && !entry->dead && span_equal(span_of(entry->name, entry->name_size), name)) {
            break;
        }
        index = entry->next;
    }
    return index;
}

static bool proxy_names_room(struct proxy_names *names)
{
    if (names->count < names->capacity) {
        return true;
    }
    const uint32_t capacity = names->capacity * 2 + 4;
    struct proxy_names_entry *data = realloc(names->data, capacity * sizeof *data);
    if (data == NULL) {
        return false;
    }
    names->data = data;
    names->capacity = capacity;
    return true;
}

uint32_t proxy_names_add(struct proxy_names *names, struct span name, struct proxy_shelf_text *text)
{
    ASSERT(proxy_names_find(names, name) == PROXY_NAMES_NONE);
    if (name.size > PROXY_NAMES_NAME || names->count >= PROXY_NAMES_LIMIT ||
        names->bytes + text->size > PROXY_NAMES_BYTES || !proxy_names_room(names)) {
        return PROXY_NAMES_NONE;
    }
    const uint32_t index = names->count++;
    uint16_t *chain = &names->chains[proxy_names_chain(name)];
    struct proxy_names_entry *entry = &names->data[index];
    *entry = (struct proxy_names_entry){.text = text, .next = *chain, .name_size = (uint8_t)name.size, .made = true};
    memcpy(entry->name, name.data, name.size);
    *chain = (uint16_t)index;
    names->bytes += text->size;
    names->changed++;
    return index;
}

static struct proxy_names_entry *proxy_names_change(struct proxy_names *names, uint32_t index)
{
    ASSERT(index < names->count);
    names->changed++; /* a number that is only compared with none */
    return &names->data[index];
}

void proxy_names_close(struct proxy_names *names, uint32_t index)
{
    proxy_names_change(names, index)->gone = true;
}

void proxy_names_reopen(struct proxy_names *names, uint32_t index)
{
    proxy_names_change(names, index)->gone = false;
}

void proxy_names_fail(struct proxy_names *names, uint32_t index)
{
    proxy_names_change(names, index)->dead = true;
}

void proxy_names_close_all(struct proxy_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        proxy_names_close(names, i);
    }
}

/* Only those that count are left, in new chains. */
void proxy_names_settle(struct proxy_names *names)
{
    if (names->changed == 0) {
        return;
    }
    uint32_t kept = 0;
    memset(names->chains, 0xff, sizeof names->chains);
    for (uint32_t i = 0; i < names->count; i++) {
        struct proxy_names_entry entry = names->data[i];
        if (entry.gone || entry.dead) {
            names->bytes -= entry.text->size;
            proxy_shelf_leave(entry.text);
            continue;
        }
        uint16_t *chain = &names->chains[proxy_names_chain(span_of(entry.name, entry.name_size))];
        entry.made = false;
        entry.next = *chain;
        names->data[kept] = entry;
        *chain = (uint16_t)kept++;
    }
    names->count = kept;
    names->changed = 0;
    if (kept == 0) {
        free(names->data);
        proxy_names_init(names);
    }
}

void proxy_names_undo(struct proxy_names *names)
{
    for (uint32_t i = 0; i < names->count; i++) {
        names->data[i].gone = false;
        names->data[i].dead = names->data[i].made;
        names->changed++;
    }
    proxy_names_settle(names);
}
