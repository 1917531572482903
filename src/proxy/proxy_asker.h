/* SPDX-License-Identifier: Apache-2.0
 * A thread beside the workers that asks PostgreSQL, as a cluster's superuser, one question after the other.
 *
 * Workers never wait: they lock, leave a question where `work` finds it, wake the thread, go on, and are woken by
 * `answered`. Who owns the asker owns the places for questions and answers; its lock guards them. */
#pragma once

#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>

#include <libpq-fe.h>

#include "base/err.h"
#include "core/view.h"
#include "proxy/proxy_route.h"
#include "wire/config.h"

/* Who asks, for one cluster. Borrowed, outlives the asker. */
struct proxy_asker_account {
    char database[LIMITS_NAME]; /* the cluster in the view */
    char dbname[PROXY_ROUTE_NAME];
    char user[PROXY_ROUTE_NAME];
    struct config_secret password;
    const char *sslmode; /* libpq's words; NULL: its default */
    const char *sslrootcert;
};

struct proxy_asker_question {
    struct view_address server;
    const char *text;
    const char *const *parameters; /* ends with NULL */
    int64_t limit_ms;              /* log-in included */
};

enum { PROXY_ASKER_MESSAGE = 256 };

/* The fields down to `owner` are set before the start. */
struct proxy_asker {
    const struct proxy_asker_account *accounts;
    uint32_t accounts_count;
    bool (*work)(void *owner);      /* with the lock, which it gives back while it asks; false: nothing is wanted */
    void (*answered)(void *caller); /* without it, after each work */
    void *caller;
    void *owner;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t wish;
    bool stop;
};

/* The errors of pthread_create. The asker stays where it is until it is stopped. */
ERR_CHECK enum err proxy_asker_start(struct proxy_asker *asker);

/* Waits for the question under way. */
void proxy_asker_stop(struct proxy_asker *asker);

void proxy_asker_lock(struct proxy_asker *asker);
void proxy_asker_unlock(struct proxy_asker *asker);

/* With the lock: a question was left. */
void proxy_asker_wake(struct proxy_asker *asker);

/* NULL: nobody may ask of this cluster. */
const struct proxy_asker_account *proxy_asker_find(const struct proxy_asker *asker, const char *database);

/* In a session of its own; blocks. Else than with ERR_OK `message` says why, and there is no result. */
ERR_CHECK enum err proxy_asker_query(const struct proxy_asker_account *account,
                                     const struct proxy_asker_question *question, PGresult **ret_result,
                                     char message[PROXY_ASKER_MESSAGE]);
