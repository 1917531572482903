/* SPDX-License-Identifier: Apache-2.0
 * A thread beside the workers that asks PostgreSQL. */
#include "proxy/proxy_asker.h"

#include <stdio.h>
#include <string.h>

#include "edge/clock.h"
#include "edge/config_secret.h"
#include "edge/sql.h"

static void *proxy_asker_run(void *argument)
{
    struct proxy_asker *asker = argument;
    proxy_asker_lock(asker);
    while (!asker->stop) {
        if (!asker->work(asker->owner)) {
            pthread_cond_wait(&asker->wish, &asker->lock);
            continue;
        }
        proxy_asker_unlock(asker);
        asker->answered(asker->caller);
        proxy_asker_lock(asker);
    }
    proxy_asker_unlock(asker);
    return NULL;
}

enum err proxy_asker_start(struct proxy_asker *asker)
{
    pthread_mutex_init(&asker->lock, NULL);
    pthread_cond_init(&asker->wish, NULL);
    return err_from_errno(pthread_create(&asker->thread, NULL, proxy_asker_run, asker));
}

void proxy_asker_stop(struct proxy_asker *asker)
{
    proxy_asker_lock(asker);
    asker->stop = true;
    proxy_asker_wake(asker);
    proxy_asker_unlock(asker);
    pthread_join(asker->thread, NULL);
    pthread_cond_destroy(&asker->wish);
    pthread_mutex_destroy(&asker->lock);
}

void proxy_asker_lock(struct proxy_asker *asker)
{
    pthread_mutex_lock(&asker->lock);
}

void proxy_asker_unlock(struct proxy_asker *asker)
{
    pthread_mutex_unlock(&asker->lock);
}

void proxy_asker_wake(struct proxy_asker *asker)
{
    pthread_cond_signal(&asker->wish);
}

const struct proxy_asker_account *proxy_asker_find(const struct proxy_asker *asker, const char *database)
{
    for (uint32_t i = 0; i < asker->accounts_count; i++) {
        if (strcmp(asker->accounts[i].database, database) == 0) {
            return &asker->accounts[i];
        }
    }
    return NULL;
}

enum err proxy_asker_query(const struct proxy_asker_account *account, const struct proxy_asker_question *question,
                           PGresult **ret_result, char message[PROXY_ASKER_MESSAGE])
{
    const struct mono deadline = time_add_ms(clock_mono(), question->limit_ms);
    char password[CONFIG_SECRET_BYTES];
    enum err err = config_secret_read(&account->password, password, sizeof password);
    if (err != ERR_OK) {
        snprintf(message, PROXY_ASKER_MESSAGE, "the password of %s: %s", account->user, err_text(err));
        return err;
    }
    const struct sql_login login = {.address = question->server,
                                    .dbname = account->dbname,
                                    .user = account->user,
                                    .password = password,
                                    .application_name = "holdfast proxy",
                                    .sslmode = account->sslmode,
                                    .sslrootcert = account->sslrootcert};
    struct sql sql;
    err = sql_open(&sql, &login, deadline);
    explicit_bzero(password, sizeof password);
    if (err == ERR_OK) {
        err = sql_query(&sql, question->text, question->parameters, deadline, ret_result);
    }
    if (err != ERR_OK) {
        snprintf(message, PROXY_ASKER_MESSAGE, "%s", sql.message);
    }
    sql_close(&sql);
    return err;
}
