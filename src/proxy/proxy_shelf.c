/* SPDX-License-Identifier: Apache-2.0
 * Texts of prepared statements. */
#include "proxy/proxy_shelf.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"

struct proxy_shelf *proxy_shelf_new(void)
{
    struct proxy_shelf *shelf = calloc(1, sizeof *shelf);
    for (uint32_t i = 0; shelf != NULL && i < PROXY_SHELF_BUCKETS; i++) {
        list_init(&shelf->buckets[i]);
    }
    return shelf;
}

void proxy_shelf_free(struct proxy_shelf *shelf)
{
    ASSERT(shelf == NULL || shelf->count == 0);
    free(shelf);
}

static struct list *proxy_shelf_bucket(struct proxy_shelf *shelf, struct span body)
{
    uint32_t hash = 2166136261U; /* FNV-1a */
    for (size_t i = 0; i < body.size; i++) {
        hash = (hash ^ body.data[i]) * 16777619U;
    }
    return &shelf->buckets[(hash ^ hash >> 16) % PROXY_SHELF_BUCKETS];
}

struct proxy_shelf_text *proxy_shelf_take(struct proxy_shelf *shelf, struct span body)
{
    struct list *bucket = proxy_shelf_bucket(shelf, body);
    LIST_EACH(link, bucket)
    {
        struct proxy_shelf_text *text = LIST_ENTRY(link, struct proxy_shelf_text, link);
        if (span_equal(span_of(text->body, text->size), body)) {
            text->users++;
            return text;
        }
    }
    struct proxy_shelf_text *text = malloc(sizeof *text + body.size);
    if (text != NULL) {
        *text = (struct proxy_shelf_text){.shelf = shelf, .number = ++shelf->last, .users = 1, .size = body.size};
        memcpy(text->body, body.data, body.size);
        list_init(&text->link);
        list_append(bucket, &text->link);
        shelf->count++;
    }
    return text;
}

void proxy_shelf_share(struct proxy_shelf_text *text)
{
    ASSERT(text->users > 0);
    text->users++;
}

void proxy_shelf_leave(struct proxy_shelf_text *text)
{
    if (text == NULL) {
        return;
    }
    ASSERT(text->users > 0);
    if (--text->users == 0) {
        list_remove(&text->link);
        text->shelf->count--;
        free(text);
    }
}

void proxy_shelf_name(const struct proxy_shelf_text *text, char name[PROXY_SHELF_NAME])
{
    snprintf(name, PROXY_SHELF_NAME, "holdfast_%" PRIu64, text != NULL ? text->number : 0);
}

struct proxy_shelf_copy *proxy_shelf_find(struct proxy_shelf_copies *copies, const struct proxy_shelf_text *text)
{
    for (uint32_t i = 0; i < copies->count; i++) {
        if (copies->data[i].text == text) {
            copies->data[i].used = ++copies->clock;
            return &copies->data[i];
        }
    }
    return NULL;
}

struct proxy_shelf_copy *proxy_shelf_add(struct proxy_shelf_copies *copies, struct proxy_shelf_text *text)
{
    if (copies->count == copies->capacity) {
        const uint32_t capacity = copies->capacity * 2 + 8;
        struct proxy_shelf_copy *data = realloc(copies->data, capacity * sizeof *data);
        if (data == NULL) {
            return NULL;
        }
        copies->data = data;
        copies->capacity = capacity;
    }
    proxy_shelf_share(text);
    struct proxy_shelf_copy *copy = &copies->data[copies->count++];
    *copy = (struct proxy_shelf_copy){.text = text, .used = ++copies->clock};
    return copy;
}

void proxy_shelf_leaves(struct proxy_shelf_copies *copies, struct proxy_shelf_copy *copy)
{
    copies->leaving += copy->leaving ? 0 : 1;
    copy->leaving = true;
}

void proxy_shelf_stays(struct proxy_shelf_copies *copies, struct proxy_shelf_copy *copy)
{
    copies->leaving -= copy->leaving ? 1 : 0;
    copy->leaving = false;
}

void proxy_shelf_remove(struct proxy_shelf_copies *copies, struct proxy_shelf_copy *copy)
{
    ASSERT(copies->count > 0 && copy >= copies->data && copy < copies->data + copies->count);
    proxy_shelf_stays(copies, copy);
    proxy_shelf_leave(copy->text);
    *copy = copies->data[--copies->count];
}

struct proxy_shelf_copy *proxy_shelf_oldest(const struct proxy_shelf_copies *copies, uint64_t since)
{
    struct proxy_shelf_copy *oldest = NULL;
    for (uint32_t i = 0; i < copies->count; i++) {
        struct proxy_shelf_copy *copy = &copies->data[i];
        if (!copy->leaving && copy->used <= since && (oldest == NULL || copy->used < oldest->used)) {
            oldest = copy;
        }
    }
    return oldest;
}

void proxy_shelf_clear(struct proxy_shelf_copies *copies)
{
    while (copies->count > 0) {
        proxy_shelf_remove(copies, &copies->data[copies->count - 1]);
    }
    free(copies->data);
    *copies = (struct proxy_shelf_copies){.data = NULL};
}
