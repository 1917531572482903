/* SPDX-License-Identifier: Apache-2.0
 * What the admin console asks of the proxy, and the door through which operators come in. */
#include "proxy/proxy_desk.h"

#include <semaphore.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/text.h"
#include "edge/clock.h"
#include "edge/config_secret.h"
#include "edge/log.h"
#include "proxy/proxy_sum.h"
#include "wire/pg_scram_make.h"

enum {
    PROXY_DESK_CENSUS_S = 5, /* for a worker to count its sessions */
};

/* Those that have been started by now. */
static uint32_t proxy_desk_workers(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->announce_lock);
    const uint32_t count = proxy->workers_count;
    pthread_mutex_unlock(&proxy->announce_lock);
    return count;
}

static void proxy_desk_census(void *owner, struct proxy_census_row **ret_rows, uint32_t *ret_count)
{
    struct proxy *proxy = owner;
    const uint32_t workers = proxy_desk_workers(proxy);
    struct proxy_census_row *all = NULL;
    uint32_t count = 0;
    for (uint32_t i = 0; i < workers; i++) {
        struct proxy_census census = {.rows = NULL};
        struct timespec late;
        sem_init(&census.done, 0, 0);
        proxy_worker_ask(proxy->workers[i], &census);
        clock_gettime(CLOCK_REALTIME, &late);
        late.tv_sec += PROXY_DESK_CENSUS_S;
        if (sem_timedwait(&census.done, &late) != 0 && !proxy_worker_unask(proxy->workers[i])) {
            while (sem_wait(&census.done) != 0) { /* it is being filled */
            }
        }
        sem_destroy(&census.done);
        struct proxy_census_row *more = realloc(all, (count + census.count + 1) * sizeof *all);
        if (more != NULL) {
            all = more;
            if (census.count > 0) {
                memcpy(all + count, census.rows, census.count * sizeof *all);
            }
            count += census.count;
        }
        free(census.rows);
    }
    *ret_rows = all;
    *ret_count = count;
}

static void proxy_desk_metrics(void *owner, struct proxy_metrics_sum *ret_sum)
{
    proxy_sum_metrics(owner, ret_sum);
}

static int64_t proxy_desk_stats(void *owner, struct proxy_stat_sum *ret_now, struct proxy_stat_sum *ret_before)
{
    struct proxy *proxy = owner;
    proxy_sum_stat(proxy, ret_now);
    return proxy_stat_history_read(&proxy->history, clock_mono(), ret_before);
}

static void proxy_desk_target(void *owner, uint32_t route, struct proxy_route_target *ret_target)
{
    struct proxy *proxy = owner;
    pthread_mutex_lock(&proxy->box.lock);
    proxy_route_resolve(&proxy->box.edition.entries.routes[route], proxy->box.filled ? &proxy->box.view : NULL,
                        &proxy->box.edition.place, ret_target);
    pthread_mutex_unlock(&proxy->box.lock);
}

static uint32_t proxy_desk_pause(void *owner, uint32_t route, bool paused)
{
    struct proxy *proxy = owner;
    const uint32_t workers = proxy_desk_workers(proxy);
    atomic_store(&proxy->box.paused[route], paused);
    const uint32_t change = atomic_fetch_add(&proxy->box.pauses, 1) + 1;
    for (uint32_t i = 0; i < workers; i++) {
        proxy_worker_wake(proxy->workers[i]);
    }
    return change;
}

static uint32_t proxy_desk_kill(void *owner, uint32_t route)
{
    struct proxy *proxy = owner;
    atomic_fetch_add(&proxy->box.kills[route], 1);
    return proxy_desk_pause(owner, route, true);
}

static uint32_t proxy_desk_renew(void *owner, uint32_t route)
{
    struct proxy *proxy = owner;
    atomic_fetch_add(&proxy->box.renewals[route], 1);
    return proxy_desk_pause(owner, route, atomic_load(&proxy->box.paused[route]));
}

static bool proxy_desk_quiet(void *owner, uint32_t change)
{
    struct proxy *proxy = owner;
    const uint32_t workers = proxy_desk_workers(proxy);
    bool quiet = true;
    for (uint32_t i = 0; i < workers; i++) {
        quiet = quiet && proxy_worker_paused(proxy->workers[i]) >= change;
    }
    return quiet;
}

static bool proxy_desk_paused(void *owner, uint32_t route)
{
    struct proxy *proxy = owner;
    return atomic_load(&proxy->box.paused[route]);
}

static void proxy_desk_entries(void *owner, struct proxy_entries *ret_entries)
{
    struct proxy *proxy = owner;
    proxy_switch_entries(&proxy->box, ret_entries);
}

static void proxy_desk_settings(void *owner, void (*take)(void *taker, const struct proxy_console_setting *setting),
                                void *taker)
{
    struct proxy *proxy = owner;
    pthread_mutex_lock(&proxy->box.lock);
    for (uint32_t i = 0; i < proxy->settings_count; i++) {
        take(taker, &proxy->settings[i]);
    }
    pthread_mutex_unlock(&proxy->box.lock);
}

/* As from the service manager: the process's first thread reads it (edge/daemon.h). */
static void proxy_desk_reload(void *owner)
{
    (void)owner;
    (void)kill(getpid(), SIGHUP);
}

static enum err proxy_desk_operator(const struct proxy_operator *from, struct proxy_door_user *to)
{
    char password[CONFIG_SECRET_BYTES];
    uint8_t salt[PG_SCRAM_MAKE_SALT];
    text_copy(to->name, sizeof to->name, from->name);
    enum err err = config_secret_read(&from->password, password, sizeof password);
    if (err == ERR_OK) {
        err = getrandom(salt, sizeof salt, 0) == (ssize_t)sizeof salt ? ERR_OK : ERR_INTERNAL;
    }
    if (err == ERR_OK) {
        err = pg_scram_make_verifier(password, salt, to->verifier);
    }
    explicit_bzero(password, sizeof password);
    return err;
}

enum err proxy_desk_operators(const struct proxy_options *options, struct proxy_edition *edition)
{
    edition->operators_count = 0;
    for (uint32_t i = 0; i < options->operators_count; i++) {
        const enum err err =
            proxy_desk_operator(&options->operators[i], &edition->operators[edition->operators_count++]);
        if (err != ERR_OK) {
            LOG_E("proxy.console.users: %s: %s", options->operators[i].name, err_text(err));
            return err;
        }
    }
    return ERR_OK;
}

enum err proxy_desk_open(struct proxy *proxy)
{
    const struct proxy_options *options = &proxy->options;
    struct proxy_door *door = &proxy->door;
    if (options->console[0] == '\0') {
        return ERR_OK;
    }
    const struct proxy_console_source source = {.max_clients = options->max_clients,
                                                .entries = proxy_desk_entries,
                                                .settings = proxy_desk_settings,
                                                .reload = proxy_desk_reload,
                                                .census = proxy_desk_census,
                                                .metrics = proxy_desk_metrics,
                                                .stats = proxy_desk_stats,
                                                .target = proxy_desk_target,
                                                .pause = proxy_desk_pause,
                                                .quiet = proxy_desk_quiet,
                                                .kill = proxy_desk_kill,
                                                .paused = proxy_desk_paused,
                                                .renew = proxy_desk_renew,
                                                .owner = proxy};
    const enum err err = proxy_console_start(&source, &proxy->console);
    if (err != ERR_OK) {
        LOG_E("proxy.console: %s", err_text(err));
        return err;
    }
    text_copy(door->database, sizeof door->database, options->console);
    door->enter = proxy_console_enter;
    door->owner = proxy->console;
    proxy->shared.door = door;
    return ERR_OK;
}

void proxy_desk_close(struct proxy *proxy)
{
    proxy_console_stop(proxy->console);
}
