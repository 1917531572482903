/* SPDX-License-Identifier: Apache-2.0
 * The roles of the auth file. */
#include "proxy/proxy_roster.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "proxy/proxy_file.h"
#include "wire/pg_userlist.h"

struct proxy_roster_role {
    struct pg_userlist_entry entry;
    bool made; /* `verifier` was made of the password */
    char verifier[PG_SCRAM_VERIFIER];
};

struct proxy_roster_list {
    struct proxy_roster_role *roles; /* by name */
    size_t count;
    size_t capacity;
};

struct proxy_roster {
    char path[PROXY_ROSTER_PATH];
    pthread_mutex_t lock;
    struct proxy_roster_list list;
};

static void proxy_roster_list_free(struct proxy_roster_list *list)
{
    if (list->roles != NULL) {
        explicit_bzero(list->roles, list->capacity * sizeof *list->roles);
        free(list->roles);
    }
    *list = (struct proxy_roster_list){.roles = NULL};
}

/* realloc would leave secrets behind. */
static struct proxy_roster_role *proxy_roster_room(struct proxy_roster_list *list)
{
    if (list->count == list->capacity) {
        const struct proxy_roster_list larger = {.capacity = list->capacity * 2 + 16, .count = list->count};
        struct proxy_roster_role *roles = calloc(larger.capacity, sizeof *roles);
        if (roles == NULL) {
            return NULL;
        }
        if (list->count > 0) {
            memcpy(roles, list->roles, list->count * sizeof *roles);
        }
        proxy_roster_list_free(list);
        *list = larger;
        list->roles = roles;
    }
    return &list->roles[list->count];
}

static int proxy_roster_compare(const void *a, const void *b)
{
    const struct proxy_roster_role *left = a;
    const struct proxy_roster_role *right = b;
    return strcmp(left->entry.name, right->entry.name);
}

static enum err proxy_roster_parse(const char *path, struct span text, char message[PROXY_ROSTER_MESSAGE],
                                   struct proxy_roster_list *list)
{
    struct pg_userlist reader;
    pg_userlist_init(&reader, text);
    for (;;) {
        struct proxy_roster_role *role = proxy_roster_room(list);
        if (role == NULL) {
            return ERR_NO_MEMORY;
        }
        const enum err err = pg_userlist_next(&reader, &role->entry);
        if (err == ERR_NOT_FOUND) {
            break;
        }
        if (err != ERR_OK || list->count == PROXY_ROSTER_ROLES) {
            snprintf(message, PROXY_ROSTER_MESSAGE, "%.120s:%u: %s", path, reader.line,
                     err != ERR_OK ? reader.problem : "too many roles, at most 10000");
            return ERR_INVALID;
        }
        list->count++;
    }
    qsort(list->roles, list->count, sizeof *list->roles, proxy_roster_compare);
    for (size_t i = 1; i < list->count; i++) {
        if (proxy_roster_compare(&list->roles[i - 1], &list->roles[i]) == 0) {
            snprintf(message, PROXY_ROSTER_MESSAGE, "%.120s: role \"%.63s\" is there twice", path,
                     list->roles[i].entry.name);
            return ERR_INVALID;
        }
    }
    return ERR_OK;
}

static enum err proxy_roster_load(const char *path, char message[PROXY_ROSTER_MESSAGE], struct proxy_roster_list *list)
{
    uint8_t *data = NULL;
    size_t size = 0;
    *list = (struct proxy_roster_list){.roles = NULL};
    enum err err = proxy_file_read(path, &data, &size);
    if (err != ERR_OK) {
        snprintf(message, PROXY_ROSTER_MESSAGE, "%.150s: %s", path, err_text(err));
        return err;
    }
    err = proxy_roster_parse(path, span_of(data, size), message, list);
    proxy_file_free(data, size);
    if (err != ERR_OK) {
        proxy_roster_list_free(list);
    }
    return err;
}

enum err proxy_roster_new(const char *path, char message[PROXY_ROSTER_MESSAGE], struct proxy_roster **ret_roster)
{
    message[0] = '\0';
    struct proxy_roster *roster = calloc(1, sizeof *roster);
    if (roster == NULL) {
        return ERR_NO_MEMORY;
    }
    snprintf(roster->path, sizeof roster->path, "%s", path);
    const enum err err = proxy_roster_load(path, message, &roster->list);
    if (err != ERR_OK) {
        free(roster);
        return err;
    }
    pthread_mutex_init(&roster->lock, NULL);
    *ret_roster = roster;
    return ERR_OK;
}

void proxy_roster_free(struct proxy_roster *roster)
{
    if (roster != NULL) {
        proxy_roster_list_free(&roster->list);
        pthread_mutex_destroy(&roster->lock);
        free(roster);
    }
}

enum err proxy_roster_reload(struct proxy_roster *roster, char message[PROXY_ROSTER_MESSAGE])
{
    struct proxy_roster_list list;
    message[0] = '\0';
    const enum err err = proxy_roster_load(roster->path, message, &list);
    if (err != ERR_OK) {
        return err;
    }
    pthread_mutex_lock(&roster->lock);
    struct proxy_roster_list old = roster->list;
    roster->list = list;
    pthread_mutex_unlock(&roster->lock);
    proxy_roster_list_free(&old);
    return ERR_OK;
}

/* Under the lock. NULL: no such role. */
static struct proxy_roster_role *proxy_roster_role(struct proxy_roster *roster, const char *role)
{
    size_t low = 0;
    size_t high = roster->list.count;
    while (low < high) {
        const size_t middle = low + (high - low) / 2;
        const int order = strcmp(roster->list.roles[middle].entry.name, role);
        if (order == 0) {
            return &roster->list.roles[middle];
        }
        low = order < 0 ? middle + 1 : low;
        high = order > 0 ? middle : high;
    }
    return NULL;
}

/* The first log-in of a role with a password costs 4096 rounds; they are remembered. */
static enum err proxy_roster_make(struct proxy_roster_role *role)
{
    const enum err err = role->made ? ERR_OK : proxy_learn_verifier_make(role->entry.secret, role->verifier);
    role->made = err == ERR_OK;
    return err;
}

enum err proxy_roster_find(struct proxy_roster *roster, const char *name, char ret_text[PG_SCRAM_VERIFIER])
{
    pthread_mutex_lock(&roster->lock);
    struct proxy_roster_role *role = proxy_roster_role(roster, name);
    enum err err = role != NULL ? ERR_OK : ERR_NOT_FOUND;
    if (role != NULL && role->entry.kind == PG_USERLIST_PASSWORD) {
        err = proxy_roster_make(role);
    }
    if (err == ERR_OK) {
        const char *text = role->entry.kind == PG_USERLIST_PASSWORD ? role->verifier : role->entry.secret;
        ASSERT(strlen(text) < PG_SCRAM_VERIFIER);
        memcpy(ret_text, text, strlen(text) + 1);
    }
    pthread_mutex_unlock(&roster->lock);
    return err;
}

void proxy_roster_teach(struct proxy_roster *roster, const char *name, struct proxy_learn *learn)
{
    pthread_mutex_lock(&roster->lock);
    const struct proxy_roster_role *role = proxy_roster_role(roster, name);
    if (role != NULL && role->entry.kind == PG_USERLIST_PASSWORD) {
        proxy_learn_password(learn, name, role->entry.secret);
    }
    pthread_mutex_unlock(&roster->lock);
}
