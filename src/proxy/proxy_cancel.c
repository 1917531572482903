/* SPDX-License-Identifier: Apache-2.0
 * Cancel keys. */
#include "proxy/proxy_cancel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"

enum {
    PROXY_CANCEL_GENERATIONS = 0x7fff, /* the upper half; a process id is a positive number for some drivers */
};

struct proxy_cancel {
    pthread_mutex_t lock;
    uint32_t limit;
    uint32_t first_free; /* UINT32_MAX: none */
    struct proxy_cancel_entry entries[];
};

struct proxy_cancel *proxy_cancel_new(uint32_t limit)
{
    ASSERT(limit > 0 && limit <= PROXY_CANCEL_LIMIT);
    struct proxy_cancel *cancel = calloc(1, sizeof *cancel + limit * sizeof cancel->entries[0]);
    if (cancel == NULL) {
        return NULL;
    }
    pthread_mutex_init(&cancel->lock, NULL);
    cancel->limit = limit;
    for (uint32_t i = 0; i < limit; i++) {
        cancel->entries[i].next_free = i + 1 < limit ? i + 1 : UINT32_MAX;
    }
    return cancel;
}

void proxy_cancel_free(struct proxy_cancel *cancel)
{
    if (cancel != NULL) {
        pthread_mutex_destroy(&cancel->lock);
        explicit_bzero(cancel->entries, cancel->limit * sizeof cancel->entries[0]);
        free(cancel);
    }
}

static void proxy_cancel_random(uint8_t *data, size_t size)
{
    const ssize_t got = getrandom(data, size, 0); /* up to 256 bytes never come in part (getrandom(2)) */
    ASSERT(got == (ssize_t)size);
}

enum err proxy_cancel_add(struct proxy_cancel *cancel, const struct proxy_cancel_target *target,
                          struct proxy_cancel_entry **ret_entry)
{
    ASSERT(target->key.secret_size >= PG_STARTUP_SECRET_MINIMUM && target->key.secret_size <= PG_STARTUP_SECRET);
    pthread_mutex_lock(&cancel->lock);
    const uint32_t index = cancel->first_free;
    if (index == UINT32_MAX) {
        pthread_mutex_unlock(&cancel->lock);
        return ERR_QUEUE_FULL;
    }
    struct proxy_cancel_entry *entry = &cancel->entries[index];
    ASSERT(!entry->used);
    cancel->first_free = entry->next_free;
    entry->used = true;
    entry->generation = (uint16_t)(entry->generation % PROXY_CANCEL_GENERATIONS + 1);
    entry->target = *target;
    entry->key = (struct proxy_cancel_key){
        .pid = (uint32_t)entry->generation << 16 | index,
        .secret_size = target->key.secret_size,
    };
    proxy_cancel_random(entry->key.secret, entry->key.secret_size);
    proxy_cancel_busy(entry, false);
    pthread_mutex_unlock(&cancel->lock);
    *ret_entry = entry;
    return ERR_OK;
}

enum err proxy_cancel_retarget(struct proxy_cancel *cancel, struct proxy_cancel_entry *entry,
                               const struct proxy_cancel_target *target)
{
    if (target->key.secret_size != entry->key.secret_size) {
        return ERR_PROTOCOL; /* one cluster speaks one version of the protocol */
    }
    pthread_mutex_lock(&cancel->lock);
    ASSERT(entry->used);
    entry->target = *target;
    proxy_cancel_busy(entry, false);
    pthread_mutex_unlock(&cancel->lock);
    return ERR_OK;
}

void proxy_cancel_remove(struct proxy_cancel *cancel, struct proxy_cancel_entry *entry)
{
    pthread_mutex_lock(&cancel->lock);
    ASSERT(entry->used);
    entry->used = false;
    explicit_bzero(&entry->key, sizeof entry->key);
    explicit_bzero(&entry->target, sizeof entry->target);
    entry->next_free = cancel->first_free;
    cancel->first_free = (uint32_t)(entry - cancel->entries);
    pthread_mutex_unlock(&cancel->lock);
}

/* Takes the same time wherever the first difference is. */
static bool proxy_cancel_same(const struct proxy_cancel_key *key, struct span secret)
{
    if (secret.size != key->secret_size) {
        return false;
    }
    uint8_t difference = 0;
    for (size_t i = 0; i < secret.size; i++) {
        difference |= (uint8_t)(secret.data[i] ^ key->secret[i]);
    }
    return difference == 0;
}

enum err proxy_cancel_find(struct proxy_cancel *cancel, uint32_t pid, struct span secret,
                           struct proxy_cancel_target *ret_target)
{
    const uint32_t index = pid & 0xffff;
    if (index >= cancel->limit) {
        return ERR_NOT_FOUND;
    }
    enum err err = ERR_NOT_FOUND;
    pthread_mutex_lock(&cancel->lock);
    const struct proxy_cancel_entry *entry = &cancel->entries[index];
    if (entry->used && entry->key.pid == pid && proxy_cancel_same(&entry->key, secret)) {
        err = atomic_load_explicit(&entry->busy, memory_order_relaxed) ? ERR_OK : ERR_UNAVAILABLE;
    }
    if (err == ERR_OK) {
        *ret_target = entry->target;
    }
    pthread_mutex_unlock(&cancel->lock);
    return err;
}
