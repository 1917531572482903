/* SPDX-License-Identifier: Apache-2.0
 * Cancel keys. */
#include "proxy/proxy_cancel.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>

#include "base/assert.h"
#include "wire/pg_message.h"

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

enum err proxy_cancel_add(struct proxy_cancel *cancel, size_t secret_size, struct proxy_cancel_entry **ret_entry)
{
    ASSERT(secret_size >= PG_STARTUP_SECRET_MINIMUM && secret_size <= PG_STARTUP_SECRET);
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
    entry->key = (struct proxy_cancel_key){
        .pid = (uint32_t)entry->generation << 16 | index,
        .secret_size = (uint16_t)secret_size,
    };
    proxy_cancel_random(entry->key.secret, entry->key.secret_size);
    proxy_cancel_busy(entry, false);
    proxy_cancel_serve(entry, NULL);
    pthread_mutex_unlock(&cancel->lock);
    *ret_entry = entry;
    return ERR_OK;
}

void proxy_cancel_remove(struct proxy_cancel *cancel, struct proxy_cancel_entry *entry)
{
    pthread_mutex_lock(&cancel->lock);
    ASSERT(entry->used);
    entry->used = false;
    explicit_bzero(&entry->key, sizeof entry->key);
    proxy_cancel_serve(entry, NULL);
    entry->next_free = cancel->first_free;
    cancel->first_free = (uint32_t)(entry - cancel->entries);
    pthread_mutex_unlock(&cancel->lock);
}

/* ---- servers ---- */

enum err proxy_cancel_server_new(const struct view_address *address, struct span body,
                                 struct proxy_cancel_server **ret_server)
{
    uint32_t pid = 0;
    struct span secret;
    if (pg_message_key_parse(body, &pid, &secret) != ERR_OK) {
        return ERR_PROTOCOL;
    }
    struct proxy_cancel_server *server = calloc(1, sizeof *server);
    if (server == NULL) {
        return ERR_NO_MEMORY;
    }
    ASSERT(secret.size <= sizeof server->key.secret);
    server->address = *address;
    server->key.pid = pid;
    server->key.secret_size = (uint16_t)secret.size;
    memcpy(server->key.secret, secret.data, secret.size);
    *ret_server = server;
    return ERR_OK;
}

static void proxy_cancel_server_free(struct proxy_cancel_server *server)
{
    explicit_bzero(server, sizeof *server);
    free(server);
}

void proxy_cancel_server_end(struct proxy_cancel *cancel, struct proxy_cancel_server *server)
{
    pthread_mutex_lock(&cancel->lock);
    server->ended = true;
    const bool last = proxy_cancel_server_quiet(server);
    pthread_mutex_unlock(&cancel->lock);
    if (last) {
        proxy_cancel_server_free(server);
    }
}

/* ---- cancels ---- */

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

/* A cancel sets out: counted first, then looked at once more, so that either the session's worker sees the count when
 * it lets go of the server, or we see that it has let go. */
static enum err proxy_cancel_set_out(struct proxy_cancel_entry *entry, struct proxy_cancel_ticket *ret_ticket)
{
    struct proxy_cancel_server *server = atomic_load(&entry->server);
    if (server == NULL || !atomic_load_explicit(&entry->busy, memory_order_relaxed)) {
        return ERR_UNAVAILABLE;
    }
    /* It cannot be freed now: proxy_cancel_server_end takes the lock that we have. */
    atomic_fetch_add(&server->coming, 1);
    if (atomic_load(&entry->server) != server) {
        atomic_fetch_sub(&server->coming, 1);
        return ERR_UNAVAILABLE;
    }
    *ret_ticket = (struct proxy_cancel_ticket){.pid = entry->key.pid, .server = server};
    return ERR_OK;
}

enum err proxy_cancel_find(struct proxy_cancel *cancel, uint32_t pid, struct span secret,
                           struct proxy_cancel_ticket *ret_ticket)
{
    const uint32_t index = pid & 0xffff;
    if (index >= cancel->limit) {
        return ERR_NOT_FOUND;
    }
    enum err err = ERR_NOT_FOUND;
    pthread_mutex_lock(&cancel->lock);
    struct proxy_cancel_entry *entry = &cancel->entries[index];
    if (entry->used && entry->key.pid == pid && proxy_cancel_same(&entry->key, secret)) {
        err = proxy_cancel_set_out(entry, ret_ticket);
    }
    pthread_mutex_unlock(&cancel->lock);
    return err;
}

bool proxy_cancel_wanted(struct proxy_cancel *cancel, const struct proxy_cancel_ticket *ticket)
{
    pthread_mutex_lock(&cancel->lock);
    const struct proxy_cancel_entry *entry = &cancel->entries[ticket->pid & 0xffff];
    const bool wanted = entry->used && entry->key.pid == ticket->pid && !ticket->server->ended &&
                        atomic_load(&entry->server) == ticket->server &&
                        atomic_load_explicit(&entry->busy, memory_order_relaxed);
    pthread_mutex_unlock(&cancel->lock);
    return wanted;
}

void proxy_cancel_done(struct proxy_cancel *cancel, struct proxy_cancel_ticket *ticket)
{
    struct proxy_cancel_server *server = ticket->server;
    ticket->server = NULL;
    pthread_mutex_lock(&cancel->lock);
    const bool last = atomic_fetch_sub(&server->coming, 1) == 1 && server->ended;
    pthread_mutex_unlock(&cancel->lock);
    if (last) {
        proxy_cancel_server_free(server);
    }
}
