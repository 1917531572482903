/* SPDX-License-Identifier: Apache-2.0
 * Writer leases in the store. */
#include "control/leases.h"

#include <stdio.h>
#include <string.h>

#include <jansson.h>

#include "base/assert.h"
#include "base/text.h"

enum {
    LEASES_VALUE = 512,
    LEASES_KEY = 64,
    LEASES_TRIES = 8, /* others may renew between our read and our write; each try is one of their writes */
};

static const char *const leases_states[] = {"none", "held", "revoked"};

static bool leases_number(const json_t *json, const char *name, uint64_t *ret_number)
{
    const json_t *value = json_object_get(json, name);
    if (!json_is_integer(value) || json_integer_value(value) < 0) {
        return false;
    }
    *ret_number = (uint64_t)json_integer_value(value);
    return true;
}

static bool leases_name(const json_t *json, const char *key, char name[LIMITS_NAME])
{
    const json_t *value = json_object_get(json, key);
    if (!json_is_string(value) || json_string_length(value) >= LIMITS_NAME) {
        return false;
    }
    text_copy(name, LIMITS_NAME, json_string_value(value));
    return true;
}

enum err leases_parse(const char *text, size_t size, struct desk_lease *ret_lease)
{
    json_t *json = json_loadb(text, size, JSON_REJECT_DUPLICATES, NULL);
    struct desk_lease lease = {0};
    const char *state = json_string_value(json_object_get(json, "state"));
    bool good = state != NULL;
    for (size_t i = 0; good && strcmp(state, leases_states[lease.state]) != 0; i++) {
        lease.state = (enum desk_lease_state)(i + 1 < 3 ? i + 1 : 0);
        good = i + 1 < 3;
    }
    good = good && leases_name(json, "holder", lease.holder) && leases_name(json, "candidate", lease.candidate) &&
           leases_number(json, "epoch", &lease.epoch) && leases_number(json, "next", &lease.next) &&
           leases_number(json, "replaced", &lease.replaced);
    json_decref(json);
    if (!good) {
        return ERR_INVALID;
    }
    *ret_lease = lease;
    return ERR_OK;
}

void leases_print(const struct desk_lease *lease, char *text, size_t size)
{
    const int written =
        snprintf(text, size,
                 "{\"state\":\"%s\",\"holder\":\"%s\",\"epoch\":%llu,\"candidate\":\"%s\",\"next\":%llu,"
                 "\"replaced\":%llu}",
                 leases_states[lease->state], lease->holder, (unsigned long long)lease->epoch, lease->candidate,
                 (unsigned long long)lease->next, (unsigned long long)lease->replaced);
    ASSERT(written > 0 && (size_t)written < size);
}

static void leases_key(const char *database, char key[LEASES_KEY])
{
    snprintf(key, LEASES_KEY, "lease/%.31s", database);
}

enum err leases_get(struct store *store, const char *database, struct desk_lease *ret_lease)
{
    char key[LEASES_KEY];
    char value[LEASES_VALUE];
    uint64_t revision = 0;
    leases_key(database, key);
    enum err err = store_get(store, key, value, sizeof value, &revision);
    if (err == ERR_NOT_FOUND) {
        *ret_lease = (struct desk_lease){.state = DESK_LEASE_NONE};
        return ERR_OK;
    }
    if (err == ERR_OK) {
        err = leases_parse(value, strlen(value), ret_lease);
        ret_lease->revision = revision;
    }
    return err;
}

static enum err leases_put(struct store *store, const char *database, struct desk_lease *lease)
{
    char key[LEASES_KEY];
    char value[LEASES_VALUE];
    leases_key(database, key);
    leases_print(lease, value, sizeof value);
    return store_put_if(store, key, span_text(value), lease->revision, &lease->revision);
}

enum err leases_renew(struct store *store, const char *database, const char *node, uint64_t epoch,
                      struct desk_lease *ret_lease)
{
    for (int i = 0; i < LEASES_TRIES; i++) {
        enum err err = leases_get(store, database, ret_lease);
        if (err != ERR_OK) {
            return err;
        }
        if (ret_lease->state == DESK_LEASE_NONE) {
            return ERR_NOT_FOUND; /* the store was lost or replaced: nobody took anything from the holder */
        }
        if (ret_lease->state != DESK_LEASE_HELD || ret_lease->epoch != epoch || strcmp(ret_lease->holder, node) != 0) {
            return ERR_CONFLICT;
        }
        err = leases_put(store, database, ret_lease);
        if (err != ERR_CONFLICT) {
            return err;
        }
    }
    return ERR_UNAVAILABLE;
}

static bool leases_may_take(const struct desk_lease *lease, const char *node, uint64_t epoch, const char *first)
{
    if (lease->state == DESK_LEASE_NONE) {
        return lease->revision == 0 && epoch == 1 && strcmp(node, first) == 0;
    }
    return lease->state == DESK_LEASE_REVOKED && lease->next == epoch && strcmp(lease->candidate, node) == 0;
}

enum err leases_acquire(struct store *store, const char *database, const char *node, uint64_t epoch, const char *first,
                        struct desk_lease *ret_lease)
{
    for (int i = 0; i < LEASES_TRIES; i++) {
        enum err err = leases_get(store, database, ret_lease);
        if (err != ERR_OK) {
            return err;
        }
        const bool has =
            ret_lease->state == DESK_LEASE_HELD && ret_lease->epoch == epoch && strcmp(ret_lease->holder, node) == 0;
        if (!has && !leases_may_take(ret_lease, node, epoch, first)) {
            return ERR_CONFLICT;
        }
        struct desk_lease taken = {.state = DESK_LEASE_HELD, .epoch = epoch, .revision = ret_lease->revision};
        text_copy(taken.holder, sizeof taken.holder, node);
        err = leases_put(store, database, &taken);
        if (err == ERR_OK) {
            *ret_lease = taken;
        }
        if (err != ERR_CONFLICT) {
            return err;
        }
    }
    return ERR_UNAVAILABLE;
}

enum err leases_revoke(struct store *store, const char *database, const char *candidate, uint64_t next,
                       struct desk_lease *ret_lease)
{
    for (int i = 0; i < LEASES_TRIES; i++) {
        enum err err = leases_get(store, database, ret_lease);
        if (err != ERR_OK) {
            return err;
        }
        const bool same = ret_lease->state == DESK_LEASE_REVOKED && ret_lease->next == next &&
                          strcmp(ret_lease->candidate, candidate) == 0;
        if (same) {
            return ERR_OK;
        }
        if (ret_lease->epoch >= next || (ret_lease->state == DESK_LEASE_REVOKED && ret_lease->next > next)) {
            return ERR_CONFLICT;
        }
        struct desk_lease revoked = *ret_lease;
        if (revoked.state != DESK_LEASE_REVOKED) {
            revoked.replaced = revoked.revision;
        }
        revoked.state = DESK_LEASE_REVOKED;
        revoked.next = next;
        text_copy(revoked.candidate, sizeof revoked.candidate, candidate);
        err = leases_put(store, database, &revoked);
        if (err == ERR_OK) {
            *ret_lease = revoked;
        }
        if (err != ERR_CONFLICT) {
            return err;
        }
    }
    return ERR_UNAVAILABLE;
}
