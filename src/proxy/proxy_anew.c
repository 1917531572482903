/* SPDX-License-Identifier: Apache-2.0
 * What is read again while the proxy runs. */
#include "proxy/proxy_anew.h"

#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "edge/log.h"
#include "proxy/proxy_desk.h"

/* ---- the configuration ---- */

#define PROXY_ANEW_FIXED(path, member)                                                                                 \
    {                                                                                                                  \
        path, offsetof(struct proxy_options, member), sizeof(((struct proxy_options *)NULL)->member)                   \
    }

/* What workers were built with. */
static const struct {
    const char *path;
    size_t offset;
    size_t size;
} proxy_anew_fixed[] = {
    PROXY_ANEW_FIXED("sites.*.proxy.listen", listen_count),
    PROXY_ANEW_FIXED("sites.*.proxy.listen", listen),
    PROXY_ANEW_FIXED("proxy.auth_file", auth_file),
    PROXY_ANEW_FIXED("proxy.hba_file", hba_file),
    PROXY_ANEW_FIXED("proxy.tls.mode", tls_mode),
    PROXY_ANEW_FIXED("proxy.tls", tls_files),
    PROXY_ANEW_FIXED("proxy.server_tls.mode", server_tls_mode),
    PROXY_ANEW_FIXED("proxy.server_tls.ca", server_ca),
    PROXY_ANEW_FIXED("proxy.console.database", console),
    PROXY_ANEW_FIXED("proxy.max_clients", max_clients),
};

/* Whether sessions are asked for by the same accounts; their passwords are read each time. */
static bool proxy_anew_accounts(const struct proxy_options *now, const struct proxy_options *wanted)
{
    bool same = now->accounts_count == wanted->accounts_count;
    for (uint32_t i = 0; same && i < now->accounts_count; i++) {
        const struct proxy_asker_account *a = &now->accounts[i];
        const struct proxy_asker_account *b = &wanted->accounts[i];
        same =
            strcmp(a->database, b->database) == 0 && strcmp(a->dbname, b->dbname) == 0 && strcmp(a->user, b->user) == 0;
    }
    return same;
}

static void proxy_anew_told(bool same, const char *path)
{
    if (!same) {
        LOG_W("%s: the proxy goes on with what it was started with; restart it for this change", path);
    }
}

/* `now` has its defaults already. */
static void proxy_anew_compare(const struct proxy_options *now, const struct proxy_options *wanted)
{
    for (size_t i = 0; i < sizeof proxy_anew_fixed / sizeof proxy_anew_fixed[0]; i++) {
        const size_t offset = proxy_anew_fixed[i].offset;
        const int order = memcmp((const char *)now + offset, (const char *)wanted + offset, proxy_anew_fixed[i].size);
        proxy_anew_told(order == 0, proxy_anew_fixed[i].path);
    }
    const bool login = wanted->login || wanted->challenge;
    proxy_anew_told(now->challenge == wanted->challenge && now->login == login, "proxy.auth");
    proxy_anew_told(wanted->workers == 0 || now->workers == wanted->workers, "proxy.workers");
    proxy_anew_told(proxy_anew_accounts(now, wanted), "databases.*: superuser, dbname");
}

/* The closed entries on which nothing stands in any worker. A worker takes an entry out of these only when it copies an
 * edition in which it is open, so this holds until the next one is published. */
static uint64_t proxy_anew_left(struct proxy *proxy)
{
    uint64_t left = UINT64_MAX;
    pthread_mutex_lock(&proxy->box.lock);
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        left &= proxy_worker_left(proxy->workers[i]);
    }
    pthread_mutex_unlock(&proxy->box.lock);
    return left;
}

static enum err proxy_anew_make(struct proxy *proxy, const struct proxy_options *options, struct proxy_edition *edition,
                                uint64_t *ret_reused)
{
    edition->place = options->place;
    const enum err err = proxy_entries_replace(&edition->entries, options->routes, options->routes_count,
                                               proxy_anew_left(proxy), ret_reused);
    if (err != ERR_OK) {
        LOG_E("proxy.databases: %u entries do not fit beside those that were taken out and still have sessions or "
              "connections: there is room for %d in all",
              options->routes_count, PROXY_ROUTES);
        return err;
    }
    return proxy_desk_operators(options, edition);
}

/* Workers copy the edition when they wake up; the console reads settings in place. */
static void proxy_anew_publish(struct proxy *proxy, const struct proxy_edition *edition, uint64_t reused,
                               struct proxy_console_setting *settings, uint32_t settings_count)
{
    pthread_mutex_lock(&proxy->box.lock);
    proxy->box.edition = *edition;
    for (; reused != 0; reused &= reused - 1) { /* the former entry may have been paused, by KILL for example */
        atomic_store(&proxy->box.paused[__builtin_ctzll(reused)], false);
        atomic_fetch_add(&proxy->box.pauses, 1);
    }
    free(proxy->settings);
    proxy->settings = settings;
    proxy->settings_count = settings_count;
    atomic_fetch_add_explicit(&proxy->box.editions, 1, memory_order_release);
    pthread_mutex_unlock(&proxy->box.lock);
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        proxy_worker_wake(proxy->workers[i]);
    }
}

enum err proxy_anew_edition(struct proxy *proxy, const struct proxy_options *options)
{
    struct proxy_edition *edition = malloc(sizeof *edition);
    struct proxy_console_setting *settings = calloc(options->settings_count + 1, sizeof *settings);
    uint64_t reused = 0;
    enum err err = ERR_NO_MEMORY;
    if (edition == NULL || settings == NULL) {
        LOG_E("the configuration: %s", err_text(err));
    } else {
        *edition = proxy->box.edition; /* nobody else writes it */
        err = proxy_anew_make(proxy, options, edition, &reused);
    }
    if (err == ERR_OK) {
        for (uint32_t i = 0; i < options->settings_count; i++) {
            settings[i] = options->settings[i];
        }
        proxy_anew_compare(&proxy->options, options);
        proxy_anew_publish(proxy, edition, reused, settings, options->settings_count);
        settings = NULL;
    }
    free(settings);
    free(edition);
    return err;
}

/* ---- files ---- */

static void proxy_anew_one(struct proxy_tls_context *tls, const char *which)
{
    char message[PROXY_TLS_MESSAGE];
    if (tls == NULL) {
        return;
    }
    const enum err err = proxy_tls_context_reload(tls, message);
    if (err == ERR_OK) {
        LOG_N("%s: the certificates were read again", which);
    } else {
        LOG_E("%s: %s; the proxy goes on with what it has read before", which,
              message[0] != '\0' ? message : err_text(err));
    }
}

static void proxy_anew_file(enum err err, const char *which, const char *message)
{
    if (err == ERR_OK) {
        LOG_N("%s: it was read again", which);
    } else {
        LOG_E("%s: %s; the proxy goes on with what it has read before", which,
              message[0] != '\0' ? message : err_text(err));
    }
}

static void proxy_anew_rolls(const struct proxy_worker_shared *shared)
{
    char message[PROXY_RULES_MESSAGE];
    if (shared->roster != NULL) {
        proxy_anew_file(proxy_roster_reload(shared->roster, message), "proxy.auth_file", message);
    }
    if (shared->rules != NULL) {
        proxy_anew_file(proxy_rules_reload(shared->rules, message), "proxy.hba_file", message);
    }
}

void proxy_anew_files(struct proxy *proxy)
{
    proxy_anew_one(proxy->shared.tls, "proxy.tls");
    proxy_anew_one(proxy->shared.server_tls, "proxy.server_tls");
    proxy_anew_rolls(&proxy->shared);
}
