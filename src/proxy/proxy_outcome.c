/* SPDX-License-Identifier: Apache-2.0
 * Whether a transaction whose COMMIT was not answered has taken effect. */
#include "proxy/proxy_outcome.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/clock.h"
#include "edge/config_secret.h"
#include "edge/log.h"
#include "edge/sql.h"

enum proxy_outcome_state {
    PROXY_OUTCOME_FREE,
    PROXY_OUTCOME_WANTED,
    PROXY_OUTCOME_ASKED, /* the thread is at it, without the lock */
    PROXY_OUTCOME_KNOWN,
};

struct proxy_outcome_place {
    enum proxy_outcome_state state;
    bool forgotten;
    uint64_t order;
    const struct proxy_vault_account *account;
    struct proxy_outcome_question question;
    enum proxy_outcome_answer answer;
};

struct proxy_outcome {
    const struct proxy_vault_account *accounts;
    uint32_t accounts_count;
    void (*answered)(void *owner);
    void *owner;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wish;
    bool stop;
    uint64_t order;
    struct proxy_outcome_place places[PROXY_OUTCOME_QUESTIONS];
};

/* ---- asking PostgreSQL ---- */

enum proxy_outcome_answer proxy_outcome_judge(const struct proxy_outcome_question *question, const char *status,
                                              const char *first_xid)
{
    if (status == NULL) {
        return PROXY_OUTCOME_UNKNOWN;
    }
    if (!question->promoted) {
        const bool aborted = first_xid == NULL && strcmp(status, "aborted") == 0;
        return aborted ? PROXY_OUTCOME_ROLLED_BACK : PROXY_OUTCOME_UNKNOWN;
    }
    char *end = NULL;
    const unsigned long long first = first_xid != NULL ? strtoull(first_xid, &end, 10) : 0;
    const bool before = first_xid != NULL && *end == '\0' && question->xid < first;
    return before && strcmp(status, "committed") == 0 ? PROXY_OUTCOME_COMMITTED : PROXY_OUTCOME_UNKNOWN;
}

static const char *proxy_outcome_value(const PGresult *result, int column)
{
    return PQgetisnull(result, 0, column) != 0 ? NULL : PQgetvalue(result, 0, column);
}

static enum proxy_outcome_answer proxy_outcome_query(const struct proxy_outcome_place *place, const char *password)
{
    const struct proxy_outcome_question *question = &place->question;
    const struct mono deadline = time_add_ms(clock_mono(), PROXY_OUTCOME_ASK_MS);
    const struct sql_login login = {.address = question->server,
                                    .dbname = place->account->dbname,
                                    .user = place->account->user,
                                    .password = password,
                                    .application_name = "holdfast proxy",
                                    .sslmode = place->account->sslmode,
                                    .sslrootcert = place->account->sslrootcert};
    char xid[24];
    char epoch[24];
    snprintf(xid, sizeof xid, "%llu", (unsigned long long)question->xid);
    snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)question->epoch);
    const char *const parameters[] = {xid, epoch, NULL};
    struct sql sql;
    PGresult *result = NULL;
    enum err err = sql_open(&sql, &login, deadline);
    if (err == ERR_OK) {
        err = sql_query(&sql,
                        "SELECT pg_catalog.pg_xact_status($1::text::xid8), (SELECT pg_catalog.min(first_xid) FROM "
                        "holdfast.promotion WHERE epoch > $2::text::bigint)",
                        parameters, deadline, &result);
    }
    enum proxy_outcome_answer answer = PROXY_OUTCOME_UNKNOWN;
    if (err != ERR_OK) {
        LOG_N("database %s: the outcome of transaction %s is not known: %s", place->account->database, xid,
              sql.message);
    } else if (PQntuples(result) == 1 && PQnfields(result) == 2) {
        answer = proxy_outcome_judge(question, proxy_outcome_value(result, 0), proxy_outcome_value(result, 1));
    }
    PQclear(result);
    sql_close(&sql);
    return answer;
}

static enum proxy_outcome_answer proxy_outcome_find_out(const struct proxy_outcome_place *place)
{
    char password[CONFIG_SECRET_BYTES];
    enum proxy_outcome_answer answer = PROXY_OUTCOME_UNKNOWN;
    if (config_secret_read(&place->account->password, password, sizeof password) == ERR_OK) {
        answer = proxy_outcome_query(place, password);
    }
    explicit_bzero(password, sizeof password);
    return answer;
}

/* ---- the thread ---- */

static struct proxy_outcome_place *proxy_outcome_wanted(struct proxy_outcome *outcome)
{
    struct proxy_outcome_place *first = NULL;
    for (uint32_t i = 0; i < PROXY_OUTCOME_QUESTIONS; i++) {
        struct proxy_outcome_place *place = &outcome->places[i];
        if (place->state == PROXY_OUTCOME_WANTED && (first == NULL || place->order < first->order)) {
            first = place;
        }
    }
    return first;
}

static void *proxy_outcome_run(void *argument)
{
    struct proxy_outcome *outcome = argument;
    pthread_mutex_lock(&outcome->lock);
    while (!outcome->stop) {
        struct proxy_outcome_place *place = proxy_outcome_wanted(outcome);
        if (place == NULL) {
            pthread_cond_wait(&outcome->wish, &outcome->lock);
            continue;
        }
        place->state = PROXY_OUTCOME_ASKED;
        const struct proxy_outcome_place copy = *place;
        pthread_mutex_unlock(&outcome->lock);
        const enum proxy_outcome_answer answer = proxy_outcome_find_out(&copy);
        pthread_mutex_lock(&outcome->lock);
        ASSERT(place->state == PROXY_OUTCOME_ASKED);
        place->answer = answer;
        place->state = place->forgotten ? PROXY_OUTCOME_FREE : PROXY_OUTCOME_KNOWN;
        pthread_mutex_unlock(&outcome->lock);
        outcome->answered(outcome->owner);
        pthread_mutex_lock(&outcome->lock);
    }
    pthread_mutex_unlock(&outcome->lock);
    return NULL;
}

enum err proxy_outcome_start(const struct proxy_vault_account *accounts, uint32_t count, void (*answered)(void *owner),
                             void *owner, struct proxy_outcome **ret_outcome)
{
    struct proxy_outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome == NULL) {
        return ERR_NO_MEMORY;
    }
    outcome->accounts = accounts;
    outcome->accounts_count = count;
    outcome->answered = answered;
    outcome->owner = owner;
    pthread_mutex_init(&outcome->lock, NULL);
    pthread_cond_init(&outcome->wish, NULL);
    const int number = pthread_create(&outcome->thread, NULL, proxy_outcome_run, outcome);
    if (number != 0) {
        free(outcome);
        return err_from_errno(number);
    }
    *ret_outcome = outcome;
    return ERR_OK;
}

void proxy_outcome_stop(struct proxy_outcome *outcome)
{
    if (outcome == NULL) {
        return;
    }
    pthread_mutex_lock(&outcome->lock);
    outcome->stop = true;
    pthread_cond_signal(&outcome->wish);
    pthread_mutex_unlock(&outcome->lock);
    pthread_join(outcome->thread, NULL);
    pthread_cond_destroy(&outcome->wish);
    pthread_mutex_destroy(&outcome->lock);
    free(outcome);
}

/* ---- workers ---- */

enum err proxy_outcome_ask(struct proxy_outcome *outcome, const struct proxy_outcome_question *question,
                           uint32_t *ret_ticket)
{
    const struct proxy_vault_account *account = NULL;
    for (uint32_t i = 0; i < outcome->accounts_count; i++) {
        if (strcmp(outcome->accounts[i].database, question->database) == 0) {
            account = &outcome->accounts[i];
        }
    }
    if (account == NULL) {
        return ERR_NOT_FOUND;
    }
    enum err err = ERR_QUEUE_FULL;
    pthread_mutex_lock(&outcome->lock);
    for (uint32_t i = 0; i < PROXY_OUTCOME_QUESTIONS && err != ERR_OK; i++) {
        if (outcome->places[i].state == PROXY_OUTCOME_FREE) {
            outcome->places[i] = (struct proxy_outcome_place){
                .state = PROXY_OUTCOME_WANTED, .order = ++outcome->order, .account = account, .question = *question};
            *ret_ticket = i;
            err = ERR_OK;
        }
    }
    pthread_cond_signal(&outcome->wish);
    pthread_mutex_unlock(&outcome->lock);
    return err;
}

enum err proxy_outcome_look(struct proxy_outcome *outcome, uint32_t ticket, enum proxy_outcome_answer *ret_answer)
{
    ASSERT(ticket < PROXY_OUTCOME_QUESTIONS);
    struct proxy_outcome_place *place = &outcome->places[ticket];
    enum err err = ERR_UNAVAILABLE;
    pthread_mutex_lock(&outcome->lock);
    ASSERT(place->state != PROXY_OUTCOME_FREE && !place->forgotten);
    if (place->state == PROXY_OUTCOME_KNOWN) {
        *ret_answer = place->answer;
        place->state = PROXY_OUTCOME_FREE;
        err = ERR_OK;
    }
    pthread_mutex_unlock(&outcome->lock);
    return err;
}

void proxy_outcome_forget(struct proxy_outcome *outcome, uint32_t ticket)
{
    ASSERT(ticket < PROXY_OUTCOME_QUESTIONS);
    struct proxy_outcome_place *place = &outcome->places[ticket];
    pthread_mutex_lock(&outcome->lock);
    ASSERT(place->state != PROXY_OUTCOME_FREE && !place->forgotten);
    if (place->state == PROXY_OUTCOME_ASKED) {
        place->forgotten = true;
    } else {
        place->state = PROXY_OUTCOME_FREE;
    }
    pthread_mutex_unlock(&outcome->lock);
}
