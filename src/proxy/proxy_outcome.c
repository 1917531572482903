/* SPDX-License-Identifier: Apache-2.0
 * Whether a transaction whose COMMIT was not answered has taken effect. */
#include "proxy/proxy_outcome.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "edge/log.h"

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
    const struct proxy_asker_account *account;
    struct proxy_outcome_question question;
    enum proxy_outcome_answer answer;
};

struct proxy_outcome {
    struct proxy_asker asker;
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

static enum proxy_outcome_answer proxy_outcome_find_out(const struct proxy_outcome_place *place)
{
    char xid[24];
    char epoch[24];
    snprintf(xid, sizeof xid, "%llu", (unsigned long long)place->question.xid);
    snprintf(epoch, sizeof epoch, "%llu", (unsigned long long)place->question.epoch);
    const char *const parameters[] = {xid, epoch, NULL};
    const struct proxy_asker_question question = {
        .server = place->question.server,
        .text = "SELECT pg_catalog.pg_xact_status($1::text::xid8), (SELECT pg_catalog.min(first_xid) FROM "
                "holdfast.promotion WHERE epoch > $2::text::bigint)",
        .parameters = parameters,
        .limit_ms = PROXY_OUTCOME_ASK_MS};
    char message[PROXY_ASKER_MESSAGE];
    PGresult *result = NULL;
    if (proxy_asker_query(place->account, &question, &result, message) != ERR_OK) {
        LOG_N("database %s: the outcome of transaction %s is not known: %s", place->account->database, xid, message);
        return PROXY_OUTCOME_UNKNOWN;
    }
    const bool whole = PQntuples(result) == 1 && PQnfields(result) == 2;
    const enum proxy_outcome_answer answer =
        whole ? proxy_outcome_judge(&place->question, proxy_outcome_value(result, 0), proxy_outcome_value(result, 1))
              : PROXY_OUTCOME_UNKNOWN;
    PQclear(result);
    return answer;
}

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

static bool proxy_outcome_work(void *owner)
{
    struct proxy_outcome *outcome = owner;
    struct proxy_outcome_place *place = proxy_outcome_wanted(outcome);
    if (place == NULL) {
        return false;
    }
    place->state = PROXY_OUTCOME_ASKED;
    const struct proxy_outcome_place copy = *place;
    proxy_asker_unlock(&outcome->asker);
    const enum proxy_outcome_answer answer = proxy_outcome_find_out(&copy);
    proxy_asker_lock(&outcome->asker);
    ASSERT(place->state == PROXY_OUTCOME_ASKED);
    place->answer = answer;
    place->state = place->forgotten ? PROXY_OUTCOME_FREE : PROXY_OUTCOME_KNOWN;
    return true;
}

enum err proxy_outcome_start(const struct proxy_asker_account *accounts, uint32_t count, void (*answered)(void *caller),
                             void *caller, struct proxy_outcome **ret_outcome)
{
    struct proxy_outcome *outcome = calloc(1, sizeof *outcome);
    if (outcome == NULL) {
        return ERR_NO_MEMORY;
    }
    outcome->asker = (struct proxy_asker){.accounts = accounts,
                                          .accounts_count = count,
                                          .work = proxy_outcome_work,
                                          .answered = answered,
                                          .caller = caller,
                                          .owner = outcome};
    const enum err err = proxy_asker_start(&outcome->asker);
    if (err != ERR_OK) {
        free(outcome);
        return err;
    }
    *ret_outcome = outcome;
    return ERR_OK;
}

void proxy_outcome_stop(struct proxy_outcome *outcome)
{
    if (outcome == NULL) {
        return;
    }
    proxy_asker_stop(&outcome->asker);
    free(outcome);
}

/* ---- workers ---- */

enum err proxy_outcome_ask(struct proxy_outcome *outcome, const struct proxy_outcome_question *question,
                           uint32_t *ret_ticket)
{
    const struct proxy_asker_account *account = proxy_asker_find(&outcome->asker, question->database);
    if (account == NULL) {
        return ERR_NOT_FOUND;
    }
    enum err err = ERR_QUEUE_FULL;
    proxy_asker_lock(&outcome->asker);
    for (uint32_t i = 0; i < PROXY_OUTCOME_QUESTIONS && err != ERR_OK; i++) {
        if (outcome->places[i].state == PROXY_OUTCOME_FREE) {
            outcome->places[i] = (struct proxy_outcome_place){
                .state = PROXY_OUTCOME_WANTED, .order = ++outcome->order, .account = account, .question = *question};
            *ret_ticket = i;
            err = ERR_OK;
        }
    }
    proxy_asker_wake(&outcome->asker);
    proxy_asker_unlock(&outcome->asker);
    return err;
}

enum err proxy_outcome_look(struct proxy_outcome *outcome, uint32_t ticket, enum proxy_outcome_answer *ret_answer)
{
    ASSERT(ticket < PROXY_OUTCOME_QUESTIONS);
    struct proxy_outcome_place *place = &outcome->places[ticket];
    enum err err = ERR_UNAVAILABLE;
    proxy_asker_lock(&outcome->asker);
    ASSERT(place->state != PROXY_OUTCOME_FREE && !place->forgotten);
    if (place->state == PROXY_OUTCOME_KNOWN) {
        *ret_answer = place->answer;
        place->state = PROXY_OUTCOME_FREE;
        err = ERR_OK;
    }
    proxy_asker_unlock(&outcome->asker);
    return err;
}

void proxy_outcome_forget(struct proxy_outcome *outcome, uint32_t ticket)
{
    ASSERT(ticket < PROXY_OUTCOME_QUESTIONS);
    struct proxy_outcome_place *place = &outcome->places[ticket];
    proxy_asker_lock(&outcome->asker);
    ASSERT(place->state != PROXY_OUTCOME_FREE && !place->forgotten);
    if (place->state == PROXY_OUTCOME_ASKED) {
        place->forgotten = true;
    } else {
        place->state = PROXY_OUTCOME_FREE;
    }
    proxy_asker_unlock(&outcome->asker);
}
