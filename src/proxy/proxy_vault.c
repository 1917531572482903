/* SPDX-License-Identifier: Apache-2.0
 * The verifiers of roles. */
#include "proxy/proxy_vault.h"

#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/log.h"

enum proxy_vault_state {
    PROXY_VAULT_EMPTY,
    PROXY_VAULT_WANTED,
    PROXY_VAULT_ASKED, /* the thread is at it, without the lock */
    PROXY_VAULT_KNOWN,
    PROXY_VAULT_NONE, /* the role has no password */
    PROXY_VAULT_FAILED,
};

struct proxy_vault_role {
    enum proxy_vault_state state;
    const struct proxy_asker_account *account;
    char name[PROXY_ROUTE_NAME];
    struct view_address server;
    struct mono at; /* of the answer, or of the wish */
    char text[PG_SCRAM_VERIFIER];
};

struct proxy_vault {
    struct proxy_asker asker;
    struct proxy_vault_role roles[PROXY_VAULT_ROLES];
};

/* ---- asking PostgreSQL ---- */

static enum proxy_vault_state proxy_vault_take(const PGresult *result, char text[PG_SCRAM_VERIFIER])
{
    if (PQntuples(result) != 1 || PQnfields(result) != 1 || PQgetisnull(result, 0, 0) != 0) {
        return PROXY_VAULT_NONE;
    }
    const int size = PQgetlength(result, 0, 0);
    if (size <= 0 || size >= PG_SCRAM_VERIFIER) {
        return PROXY_VAULT_NONE;
    }
    memcpy(text, PQgetvalue(result, 0, 0), (size_t)size);
    text[size] = '\0';
    return PROXY_VAULT_KNOWN;
}

static enum proxy_vault_state proxy_vault_find_out(struct proxy_vault_role *role)
{
    const char *const parameters[] = {role->name, NULL};
    const struct proxy_asker_question question = {
        .server = role->server,
        .text = "SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1 AND (rolvaliduntil IS NULL OR "
                "rolvaliduntil > pg_catalog.now())",
        .parameters = parameters,
        .limit_ms = PROXY_VAULT_ASK_MS};
    char message[PROXY_ASKER_MESSAGE];
    PGresult *result = NULL;
    if (proxy_asker_query(role->account, &question, &result, message) != ERR_OK) {
        LOG_W("database %s: cannot ask for the verifier of a role as %s: %s; sessions of that role do not outlive "
              "their server",
              role->account->database, role->account->user, message);
        return PROXY_VAULT_FAILED;
    }
    const enum proxy_vault_state state = proxy_vault_take(result, role->text);
    PQclear(result);
    return state;
}

static struct proxy_vault_role *proxy_vault_wanted(struct proxy_vault *vault)
{
    struct proxy_vault_role *first = NULL;
    for (uint32_t i = 0; i < PROXY_VAULT_ROLES; i++) {
        struct proxy_vault_role *role = &vault->roles[i];
        if (role->state == PROXY_VAULT_WANTED && (first == NULL || role->at.us < first->at.us)) {
            first = role;
        }
    }
    return first;
}

static bool proxy_vault_work(void *owner)
{
    struct proxy_vault *vault = owner;
    struct proxy_vault_role *role = proxy_vault_wanted(vault);
    if (role == NULL) {
        return false;
    }
    role->state = PROXY_VAULT_ASKED;
    struct proxy_vault_role copy = *role;
    proxy_asker_unlock(&vault->asker);
    copy.state = proxy_vault_find_out(&copy);
    copy.at = clock_mono();
    proxy_asker_lock(&vault->asker);
    ASSERT(role->state == PROXY_VAULT_ASKED);
    *role = copy;
    explicit_bzero(copy.text, sizeof copy.text);
    return true;
}

enum err proxy_vault_start(const struct proxy_asker_account *accounts, uint32_t count, void (*answered)(void *caller),
                           void *caller, struct proxy_vault **ret_vault)
{
    struct proxy_vault *vault = calloc(1, sizeof *vault);
    if (vault == NULL) {
        return ERR_NO_MEMORY;
    }
    vault->asker = (struct proxy_asker){.accounts = accounts,
                                        .accounts_count = count,
                                        .work = proxy_vault_work,
                                        .answered = answered,
                                        .caller = caller,
                                        .owner = vault};
    const enum err err = proxy_asker_start(&vault->asker);
    if (err != ERR_OK) {
        free(vault);
        return err;
    }
    *ret_vault = vault;
    return ERR_OK;
}

void proxy_vault_stop(struct proxy_vault *vault)
{
    if (vault == NULL) {
        return;
    }
    proxy_asker_stop(&vault->asker);
    explicit_bzero(vault, sizeof *vault);
    free(vault);
}

/* ---- asking the vault ---- */

/* The role's place; or the place to give it: an empty one, else the one with the oldest answer. NULL: all wait. */
static struct proxy_vault_role *proxy_vault_place(struct proxy_vault *vault, const struct proxy_asker_account *account,
                                                  struct span name)
{
    struct proxy_vault_role *place = NULL;
    for (uint32_t i = 0; i < PROXY_VAULT_ROLES; i++) {
        struct proxy_vault_role *role = &vault->roles[i];
        if (role->state != PROXY_VAULT_EMPTY && role->account == account && span_is(name, role->name)) {
            return role;
        }
        const bool busy = role->state == PROXY_VAULT_WANTED || role->state == PROXY_VAULT_ASKED;
        if (!busy && (place == NULL || role->at.us < place->at.us)) {
            place = role;
        }
    }
    if (place != NULL) {
        explicit_bzero(place, sizeof *place);
        place->account = account;
        memcpy(place->name, name.data, name.size);
    }
    return place;
}

/* Whether the answer that is there still counts. That one server did not answer says nothing of another. */
static bool proxy_vault_fresh(const struct proxy_vault_role *role, const struct view_address *server, struct mono now,
                              int64_t fresh_ms)
{
    const int64_t age_ms = time_since_ms(now, role->at);
    switch (role->state) {
    case PROXY_VAULT_WANTED:
    case PROXY_VAULT_ASKED:
        return true;
    case PROXY_VAULT_KNOWN:
    case PROXY_VAULT_NONE:
        return age_ms < fresh_ms;
    case PROXY_VAULT_FAILED:
        return age_ms < PROXY_VAULT_RETRY_MS && memcmp(&role->server, server, sizeof *server) == 0;
    case PROXY_VAULT_EMPTY:
        break;
    }
    return false;
}

static enum err proxy_vault_answer(const struct proxy_vault_role *role, char ret_text[PG_SCRAM_VERIFIER])
{
    if (role->state == PROXY_VAULT_KNOWN) {
        memcpy(ret_text, role->text, sizeof role->text);
        return ERR_OK;
    }
    if (role->state == PROXY_VAULT_FAILED) {
        return ERR_UNREACHABLE;
    }
    return role->state == PROXY_VAULT_NONE ? ERR_NOT_FOUND : ERR_UNAVAILABLE;
}

enum err proxy_vault_ask(struct proxy_vault *vault, const char *database, struct span role,
                         const struct view_address *server, int64_t fresh_ms, char ret_text[PG_SCRAM_VERIFIER])
{
    const struct proxy_asker_account *account = proxy_asker_find(&vault->asker, database);
    if (account == NULL) {
        return ERR_NOT_FOUND;
    }
    if (role.size >= PROXY_ROUTE_NAME || memchr(role.data, 0, role.size) != NULL) {
        return ERR_TOO_LARGE;
    }
    const struct mono now = clock_mono();
    proxy_asker_lock(&vault->asker);
    struct proxy_vault_role *place = proxy_vault_place(vault, account, role);
    if (place != NULL && !proxy_vault_fresh(place, server, now, fresh_ms)) {
        place->state = PROXY_VAULT_WANTED;
        place->server = *server;
        place->at = now;
        proxy_asker_wake(&vault->asker);
    }
    const enum err err = place == NULL ? ERR_QUEUE_FULL : proxy_vault_answer(place, ret_text);
    proxy_asker_unlock(&vault->asker);
    return err;
}

void proxy_vault_doubt(struct proxy_vault *vault, const char *database, struct span role, int64_t older_ms)
{
    const struct mono now = clock_mono();
    proxy_asker_lock(&vault->asker);
    for (uint32_t i = 0; i < PROXY_VAULT_ROLES; i++) {
        struct proxy_vault_role *place = &vault->roles[i];
        if (place->state == PROXY_VAULT_KNOWN && time_since_ms(now, place->at) >= older_ms &&
            span_is(role, place->name) && strcmp(place->account->database, database) == 0) {
            explicit_bzero(place, sizeof *place);
        }
    }
    proxy_asker_unlock(&vault->asker);
}
