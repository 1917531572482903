/* SPDX-License-Identifier: Apache-2.0
 * The verifiers of roles. */
#include "proxy/proxy_vault.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/config_secret.h"
#include "edge/log.h"
#include "edge/sql.h"

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
    uint32_t account;
    char name[PROXY_ROUTE_NAME];
    struct view_address server;
    struct mono at; /* of the answer, or of the wish */
    char text[PG_SCRAM_VERIFIER];
};

struct proxy_vault {
    const struct proxy_vault_account *accounts;
    uint32_t accounts_count;
    void (*answered)(void *owner);
    void *owner;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wish;
    bool stop;
    struct proxy_vault_role roles[PROXY_VAULT_ROLES];
};

/* ---- asking PostgreSQL ---- */

static enum err proxy_vault_take(PGresult *result, char text[PG_SCRAM_VERIFIER])
{
    if (PQntuples(result) != 1 || PQnfields(result) != 1 || PQgetisnull(result, 0, 0) != 0) {
        return ERR_NOT_FOUND;
    }
    const int size = PQgetlength(result, 0, 0);
    if (size <= 0 || size >= PG_SCRAM_VERIFIER) {
        return ERR_NOT_FOUND;
    }
    memcpy(text, PQgetvalue(result, 0, 0), (size_t)size);
    text[size] = '\0';
    return ERR_OK;
}

static enum err proxy_vault_query(const struct proxy_vault_account *account, const struct proxy_vault_role *role,
                                  const char *password, char text[PG_SCRAM_VERIFIER])
{
    const struct mono deadline = time_add_ms(clock_mono(), PROXY_VAULT_ASK_MS);
    const struct sql_login login = {.address = role->server,
                                    .dbname = account->dbname,
                                    .user = account->user,
                                    .password = password,
                                    .application_name = "holdfast proxy",
                                    .sslmode = account->sslmode,
                                    .sslrootcert = account->sslrootcert};
    const char *const parameters[] = {role->name, NULL};
    struct sql sql;
    PGresult *result = NULL;
    enum err err = sql_open(&sql, &login, deadline);
    if (err == ERR_OK) {
        err = sql_query(&sql,
                        "SELECT rolpassword FROM pg_catalog.pg_authid WHERE rolname = $1 AND (rolvaliduntil IS NULL OR "
                        "rolvaliduntil > pg_catalog.now())",
                        parameters, deadline, &result);
    }
    if (err != ERR_OK) {
        LOG_W(
            "database %s: cannot ask for the verifier of a role as %s: %s; sessions of that role do not outlive their "
            "server",
            account->database, account->user, sql.message);
    } else {
        err = proxy_vault_take(result, text);
    }
    PQclear(result);
    sql_close(&sql);
    return err;
}

static enum proxy_vault_state proxy_vault_find_out(const struct proxy_vault *vault, struct proxy_vault_role *role)
{
    const struct proxy_vault_account *account = &vault->accounts[role->account];
    char password[CONFIG_SECRET_BYTES];
    enum err err = config_secret_read(&account->password, password, sizeof password);
    if (err == ERR_OK) {
        err = proxy_vault_query(account, role, password, role->text);
    }
    explicit_bzero(password, sizeof password);
    return err == ERR_OK ? PROXY_VAULT_KNOWN : err == ERR_NOT_FOUND ? PROXY_VAULT_NONE : PROXY_VAULT_FAILED;
}

/* ---- the thread ---- */

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

static void *proxy_vault_run(void *argument)
{
    struct proxy_vault *vault = argument;
    pthread_mutex_lock(&vault->lock);
    while (!vault->stop) {
        struct proxy_vault_role *role = proxy_vault_wanted(vault);
        if (role == NULL) {
            pthread_cond_wait(&vault->wish, &vault->lock);
            continue;
        }
        role->state = PROXY_VAULT_ASKED;
        struct proxy_vault_role copy = *role;
        pthread_mutex_unlock(&vault->lock);
        copy.state = proxy_vault_find_out(vault, &copy);
        copy.at = clock_mono();
        pthread_mutex_lock(&vault->lock);
        ASSERT(role->state == PROXY_VAULT_ASKED);
        *role = copy;
        explicit_bzero(copy.text, sizeof copy.text);
        pthread_mutex_unlock(&vault->lock);
        vault->answered(vault->owner);
        pthread_mutex_lock(&vault->lock);
    }
    pthread_mutex_unlock(&vault->lock);
    return NULL;
}

enum err proxy_vault_start(const struct proxy_vault_account *accounts, uint32_t count, void (*answered)(void *owner),
                           void *owner, struct proxy_vault **ret_vault)
{
    struct proxy_vault *vault = calloc(1, sizeof *vault);
    if (vault == NULL) {
        return ERR_NO_MEMORY;
    }
    vault->accounts = accounts;
    vault->accounts_count = count;
    vault->answered = answered;
    vault->owner = owner;
    pthread_mutex_init(&vault->lock, NULL);
    pthread_cond_init(&vault->wish, NULL);
    const int number = pthread_create(&vault->thread, NULL, proxy_vault_run, vault);
    if (number != 0) {
        free(vault);
        return err_from_errno(number);
    }
    *ret_vault = vault;
    return ERR_OK;
}

void proxy_vault_stop(struct proxy_vault *vault)
{
    if (vault == NULL) {
        return;
    }
    pthread_mutex_lock(&vault->lock);
    vault->stop = true;
    pthread_cond_signal(&vault->wish);
    pthread_mutex_unlock(&vault->lock);
    pthread_join(vault->thread, NULL);
    pthread_cond_destroy(&vault->wish);
    pthread_mutex_destroy(&vault->lock);
    explicit_bzero(vault, sizeof *vault);
    free(vault);
}

/* ---- asking the vault ---- */

static uint32_t proxy_vault_account_find(const struct proxy_vault *vault, const char *database)
{
    for (uint32_t i = 0; i < vault->accounts_count; i++) {
        if (strcmp(vault->accounts[i].database, database) == 0) {
            return i;
        }
    }
    return LIMITS_NONE;
}

/* The role's place; or the place to give it: an empty one, else the one with the oldest answer. NULL: all wait. */
static struct proxy_vault_role *proxy_vault_place(struct proxy_vault *vault, uint32_t account, struct span name)
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

/* Whether the answer that is there still counts. */
static bool proxy_vault_fresh(const struct proxy_vault_role *role, struct mono now, int64_t fresh_ms)
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
        return age_ms < PROXY_VAULT_RETRY_MS;
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
    const uint32_t account = proxy_vault_account_find(vault, database);
    if (account == LIMITS_NONE) {
        return ERR_NOT_FOUND;
    }
    if (role.size >= PROXY_ROUTE_NAME || memchr(role.data, 0, role.size) != NULL) {
        return ERR_TOO_LARGE;
    }
    const struct mono now = clock_mono();
    pthread_mutex_lock(&vault->lock);
    struct proxy_vault_role *place = proxy_vault_place(vault, account, role);
    if (place != NULL && !proxy_vault_fresh(place, now, fresh_ms)) {
        place->state = PROXY_VAULT_WANTED;
        place->server = *server;
        place->at = now;
        pthread_cond_signal(&vault->wish);
    }
    const enum err err = place == NULL ? ERR_QUEUE_FULL : proxy_vault_answer(place, ret_text);
    pthread_mutex_unlock(&vault->lock);
    return err;
}

void proxy_vault_doubt(struct proxy_vault *vault, const char *database, struct span role, int64_t older_ms)
{
    const struct mono now = clock_mono();
    pthread_mutex_lock(&vault->lock);
    for (uint32_t i = 0; i < PROXY_VAULT_ROLES; i++) {
        struct proxy_vault_role *place = &vault->roles[i];
        if (place->state == PROXY_VAULT_KNOWN && time_since_ms(now, place->at) >= older_ms &&
            span_is(role, place->name) && strcmp(vault->accounts[place->account].database, database) == 0) {
            explicit_bzero(place, sizeof *place);
        }
    }
    pthread_mutex_unlock(&vault->lock);
}
