/* SPDX-License-Identifier: Apache-2.0
 * The SQL plane: the workers, and the watcher that brings them the view. */
#include "proxy/proxy.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <sys/sysinfo.h>

#include "base/assert.h"
#include "base/buf.h"
#include "base/text.h"
#include "edge/clock.h"
#include "edge/daemon.h"
#include "edge/log.h"
#include "edge/publish_file.h"
#include "edge/tcp.h"
#include "proxy/proxy_anew.h"
#include "proxy/proxy_desk.h"
#include "proxy/proxy_latency.h"
#include "proxy/proxy_sum.h"

enum {
    PROXY_BEAT_MS = 200, /* the watcher's sign of life */
    PROXY_WORKERS_DEFAULT = 8,
    PROXY_CLIENTS_DEFAULT = 1000,
    PROXY_CLIENTS_LIMIT = 65000, /* below PROXY_CANCEL_LIMIT */
    PROXY_STATUS = 2048,
    PROXY_GRACE_MS = 4000, /* a second less than the supervisor waits before it kills: for our last words */
};

/* ---- the announcement ---- */

static uint64_t proxy_lowest(const struct proxy *proxy)
{
    uint64_t lowest = UINT64_MAX;
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        const uint64_t version = proxy_worker_version(proxy->workers[i]);
        lowest = version < lowest ? version : lowest;
    }
    return proxy->workers_count > 0 ? lowest : 0;
}

/* By whoever carried out a version last, and by the watcher as a sign of life. */
static void proxy_announce(void *owner)
{
    struct proxy *proxy = owner;
    pthread_mutex_lock(&proxy->announce_lock);
    publish_reader_idle(&proxy->announcer, proxy_lowest(proxy));
    pthread_mutex_unlock(&proxy->announce_lock);
}

/* What the workers have met with, for whoever publishes the view. */
static void proxy_tell(struct proxy *proxy)
{
    struct sight_sum sum[SIGHT_SERVERS];
    uint32_t count = 0;
    pthread_mutex_lock(&proxy->announce_lock);
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        proxy_worker_sight(proxy->workers[i], sum, &count);
    }
    sight_tell(&proxy->announcer, sum, count);
    pthread_mutex_unlock(&proxy->announce_lock);
}

uint64_t proxy_version(struct proxy *proxy)
{
    pthread_mutex_lock(&proxy->announce_lock);
    const uint64_t version = proxy_lowest(proxy);
    pthread_mutex_unlock(&proxy->announce_lock);
    return version;
}

/* ---- what entries have done ---- */

static void proxy_remember(struct proxy *proxy)
{
    const struct mono now = clock_mono();
    if (proxy_stat_history_due(&proxy->history, now)) {
        struct proxy_stat_sum sum;
        proxy_sum_stat(proxy, &sum);
        proxy_stat_history_take(&proxy->history, now, &sum);
    }
}

/* ---- the view ---- */

static void proxy_fill(struct proxy *proxy, const struct view *view)
{
    pthread_mutex_lock(&proxy->box.lock);
    proxy->box.view = *view;
    proxy->box.filled = true;
    atomic_store_explicit(&proxy->box.version, view->version, memory_order_release);
    pthread_mutex_unlock(&proxy->box.lock);
}

/* Takes the published view, when there is a whole one that is newer. */
static bool proxy_look(struct proxy *proxy)
{
    const struct view *view = publish_reader_enter(&proxy->scout);
    const bool newer = view != NULL && view->version > atomic_load(&proxy->box.version);
    if (newer) {
        proxy_fill(proxy, view);
    }
    publish_reader_leave(&proxy->scout);
    return newer;
}

static void proxy_cold_start(struct proxy *proxy)
{
    if (proxy_look(proxy) || proxy->options.view_file[0] == '\0') {
        return;
    }
    static struct view view; /* too large for the stack; one proxy starts at a time */
    const enum err err = publish_file_load(proxy->options.view_file, &view);
    if (err == ERR_OK) {
        proxy_fill(proxy, &view);
        LOG_N("no published view yet: version %llu from %s", (unsigned long long)view.version,
              proxy->options.view_file);
    } else {
        LOG_W("no view yet, sessions wait: %s: %s", proxy->options.view_file, err_text(err));
    }
}

static void *proxy_watch(void *argument)
{
    struct proxy *proxy = argument;
    uint64_t seen = atomic_load(&proxy->box.version);
    while (!atomic_load(&proxy->stop)) {
        uint64_t version = 0;
        if (publish_reader_wait(&proxy->scout, seen, PROXY_BEAT_MS, &version) == ERR_OK) {
            seen = version;
            if (proxy_look(proxy)) {
                for (uint32_t i = 0; i < proxy->workers_count; i++) {
                    proxy_worker_wake(proxy->workers[i]);
                }
            }
        }
        publish_reader_beat(&proxy->scout);
        proxy_tell(proxy);
        proxy_remember(proxy);
        proxy_figure_look(&proxy->figure, &proxy->shared, proxy->workers, proxy->workers_count);
        proxy_announce(proxy);
    }
    return NULL;
}

/* A verifier or an outcome has come: whoever waits for it may look. */
static void proxy_answered(void *owner)
{
    struct proxy *proxy = owner;
    pthread_mutex_lock(&proxy->announce_lock);
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        proxy_worker_wake(proxy->workers[i]);
    }
    pthread_mutex_unlock(&proxy->announce_lock);
}

/* ---- start and stop ---- */

static uint32_t proxy_default(uint32_t value, uint32_t otherwise)
{
    return value != 0 ? value : otherwise;
}

static void proxy_defaults(struct proxy *proxy)
{
    struct proxy_options *options = &proxy->options;
    /* Most of what a statement costs us is being woken up for it: a worker that has several to see to at a time is
     * woken less often (doc/performance.md). */
    const int half = get_nprocs() / 2;
    const uint32_t workers = half < 1 ? 1 : half > PROXY_WORKERS_DEFAULT ? PROXY_WORKERS_DEFAULT : (uint32_t)half;
    options->workers = proxy_default(options->workers, workers);
    options->max_clients = proxy_default(options->max_clients, PROXY_CLIENTS_DEFAULT);
    ASSERT(options->workers <= PROXY_WORKERS && options->max_clients <= PROXY_CLIENTS_LIMIT);
    ASSERT(options->routes_count <= PROXY_ROUTES && options->listen_count <= PROXY_WORKER_LISTENERS);
    options->login = options->login || options->challenge;
    const ssize_t got = getrandom(proxy->mock_secret, sizeof proxy->mock_secret, 0);
    ASSERT(got == (ssize_t)sizeof proxy->mock_secret);
    proxy->shared = (struct proxy_worker_shared){
        .box = &proxy->box,
        .clients = &proxy->clients,
        .route_clients = proxy->route_clients,
        .workers = options->workers,
        .single = options->single,
        .login = options->login,
        .challenge = options->challenge,
        .mock_secret = proxy->mock_secret,
        .tls_mode = options->tls_mode,
        .listen = options->listen,
        .listen_count = options->listen_count,
        .max_clients = options->max_clients,
        .buffer_bytes = proxy_default(options->buffer_bytes, 64 * 1024),
        .connect_wait_ms = proxy_default(options->connect_wait_ms, 10000),
        .connect_timeout_ms = proxy_default(options->connect_timeout_ms, 1000),
        .startup_timeout_ms = proxy_default(options->startup_timeout_ms, 10000),
        .auth_timeout_ms = proxy_default(options->auth_timeout_ms, 60000),
        .hold_timeout_ms = proxy_default(options->hold_timeout_ms, 30000),
        .acknowledged = proxy_announce,
        .owner = proxy,
    };
    options->grace_ms = proxy_default(options->grace_ms, PROXY_GRACE_MS);
}

/* Two descriptors per client and some of our own. */
static void proxy_descriptors(const struct proxy_options *options)
{
    const uint64_t wanted = 2 * (uint64_t)options->max_clients + 1024;
    const uint64_t limit = daemon_descriptors(wanted);
    if (limit < wanted) {
        LOG_W("%u clients need %" PRIu64 " file descriptors, the limit is %" PRIu64
              ": raise it (ulimit -n, LimitNOFILE=)",
              options->max_clients, wanted, limit);
    }
}

static enum err proxy_ports(const struct proxy_options *options)
{
    for (uint32_t i = 0; i < options->listen_count; i++) {
        const enum err err = tcp_free(&options->listen[i]);
        if (err != ERR_OK) {
            char text[TCP_ADDRESS];
            tcp_print(&options->listen[i], text);
            LOG_E("cannot listen on %s: %s; stop what listens there (`ss -lntp` names it) or choose another address "
                  "(setting sites.*.proxy.listen)",
                  text, err_text(err));
            return err;
        }
    }
    return ERR_OK;
}

static enum err proxy_readers(struct proxy *proxy)
{
    const struct proxy_options *options = &proxy->options;
    char scout[LIMITS_NAME];
    snprintf(scout, sizeof scout, "%s/view", options->name);
    enum err err = publish_reader_open(&proxy->scout, options->view_memory, PUBLISH_LIB, scout);
    if (err == ERR_OK) {
        err = publish_reader_open(&proxy->announcer, options->view_memory, PUBLISH_PROXY, options->name);
    }
    if (err != ERR_OK) {
        LOG_E("the view's memory %s: %s", options->view_memory, err_text(err));
    }
    return err;
}

static enum err proxy_workers_start(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->options.workers; i++) {
        struct proxy_worker *worker = NULL;
        const enum err err = proxy_worker_start(&proxy->shared, i, &worker);
        if (err != ERR_OK) {
            LOG_E("worker %u: %s", i, err_text(err));
            return err;
        }
        pthread_mutex_lock(&proxy->announce_lock);
        proxy->workers[proxy->workers_count++] = worker;
        pthread_mutex_unlock(&proxy->announce_lock);
    }
    return ERR_OK;
}

static enum err proxy_certificates(struct proxy *proxy)
{
    const struct proxy_options *options = &proxy->options;
    char message[PROXY_TLS_MESSAGE] = "";
    enum err err = ERR_OK;
    const char *which = "proxy.tls";
    if (options->tls_mode != PROXY_TLS_DISABLE) {
        err = proxy_tls_context_new(&options->tls_files, message, &proxy->shared.tls);
    }
    if (err == ERR_OK && options->server_tls_mode != PROXY_TLS_SERVER_DISABLE) {
        which = "proxy.server_tls";
        err = proxy_tls_context_servers_new(options->server_tls_mode, options->server_ca, message,
                                            &proxy->shared.server_tls);
    }
    if (err != ERR_OK) {
        LOG_E("%s: %s", which, message[0] != '\0' ? message : err_text(err));
    }
    return err;
}

/* Those who ask are encrypted as sessions are. */
static void proxy_accounts(struct proxy *proxy)
{
    struct proxy_options *options = &proxy->options;
    for (uint32_t i = 0; i < options->accounts_count; i++) {
        options->accounts[i].sslmode = proxy_tls_server_mode_name(options->server_tls_mode);
        options->accounts[i].sslrootcert = options->server_ca[0] != '\0' ? options->server_ca : NULL;
    }
}

static enum err proxy_rolls(struct proxy *proxy)
{
    const struct proxy_options *options = &proxy->options;
    char message[PROXY_RULES_MESSAGE] = "";
    const char *which = "proxy.auth_file";
    enum err err = ERR_OK;
    if (options->auth_file[0] != '\0') {
        err = proxy_roster_new(options->auth_file, message, &proxy->shared.roster);
    }
    if (err == ERR_OK && options->hba_file[0] != '\0') {
        which = "proxy.hba_file";
        err = proxy_rules_new(options->hba_file, message, &proxy->shared.rules);
    }
    if (err != ERR_OK) {
        LOG_E("%s: %s", which, message[0] != '\0' ? message : err_text(err));
    }
    return err;
}

static enum err proxy_begin(struct proxy *proxy)
{
    proxy_descriptors(&proxy->options);
    enum err err = proxy_ports(&proxy->options);
    if (err == ERR_OK) {
        err = proxy_readers(proxy);
    }
    if (err != ERR_OK) {
        return err;
    }
    proxy_cold_start(proxy);
    proxy_figure_open(&proxy->figure, proxy->options.figures);
    err = proxy_certificates(proxy);
    if (err == ERR_OK) {
        err = proxy_rolls(proxy);
    }
    if (err != ERR_OK) {
        return err;
    }
    proxy->shared.cancel = proxy_cancel_new(proxy->options.max_clients);
    if (proxy->shared.cancel == NULL) {
        return ERR_NO_MEMORY;
    }
    if (proxy->options.login && proxy->options.accounts_count > 0) {
        proxy_accounts(proxy);
        err = proxy_vault_start(proxy->options.accounts, proxy->options.accounts_count, proxy_answered, proxy,
                                &proxy->shared.vault);
        if (err == ERR_OK) {
            err = proxy_outcome_start(proxy->options.accounts, proxy->options.accounts_count, proxy_answered, proxy,
                                      &proxy->shared.outcome);
        }
        if (err != ERR_OK) {
            return err;
        }
    }
    err = proxy_anew_edition(proxy, &proxy->options);
    err = err == ERR_OK ? proxy_desk_open(proxy) : err;
    if (err == ERR_OK) {
        err = proxy_workers_start(proxy);
    }
    if (err != ERR_OK) {
        return err;
    }
    proxy->latency = proxy_latency_start(proxy->options.latency_file, proxy->workers, proxy->workers_count);
    const int number = pthread_create(&proxy->watcher, NULL, proxy_watch, proxy);
    proxy->watching = number == 0;
    return number == 0 ? ERR_OK : err_from_errno(number);
}

enum err proxy_start(const struct proxy_options *options, struct proxy **ret_proxy)
{
    struct proxy *proxy = calloc(1, sizeof *proxy);
    if (proxy == NULL) {
        return ERR_NO_MEMORY;
    }
    proxy->options = *options;
    proxy->scout.fd = -1;
    proxy->announcer.fd = -1;
    pthread_mutex_init(&proxy->box.lock, NULL);
    pthread_mutex_init(&proxy->announce_lock, NULL);
    proxy_stat_history_init(&proxy->history, clock_mono());
    proxy_defaults(proxy);
    const enum err err = proxy_begin(proxy);
    if (err != ERR_OK) {
        proxy->options.grace_ms = 0;
        proxy_stop(proxy);
        return err;
    }
    LOG_N("serving %u databases to at most %u clients with %u workers", options->routes_count,
          proxy->options.max_clients, proxy->workers_count);
    *ret_proxy = proxy;
    return ERR_OK;
}

void proxy_stop(struct proxy *proxy)
{
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        proxy_worker_stop(proxy->workers[i], proxy->options.grace_ms);
    }
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        proxy_worker_join(proxy->workers[i]);
    }
    latency_watch_stop(proxy->latency);
    proxy_desk_close(proxy);
    /* Epochs count until the last session has ended, so the watcher goes after the workers. */
    atomic_store(&proxy->stop, true);
    if (proxy->watching) {
        pthread_join(proxy->watcher, NULL);
    }
    proxy_vault_stop(proxy->shared.vault);
    proxy_outcome_stop(proxy->shared.outcome);
    for (uint32_t i = 0; i < proxy->workers_count; i++) {
        proxy_worker_free(proxy->workers[i]);
    }
    proxy_figure_close(&proxy->figure);
    publish_reader_close(&proxy->announcer);
    publish_reader_close(&proxy->scout);
    proxy_cancel_free(proxy->shared.cancel);
    proxy_tls_context_free(proxy->shared.tls);
    proxy_tls_context_free(proxy->shared.server_tls);
    proxy_roster_free(proxy->shared.roster);
    proxy_rules_free(proxy->shared.rules);
    explicit_bzero(proxy->mock_secret, sizeof proxy->mock_secret);
    pthread_mutex_destroy(&proxy->announce_lock);
    proxy_stat_history_fini(&proxy->history);
    free(proxy->settings);
    pthread_mutex_destroy(&proxy->box.lock);
    free(proxy);
}

void proxy_reload(struct proxy *proxy, const struct proxy_options *options)
{
    proxy_anew_files(proxy);
    if (options != NULL && proxy_anew_edition(proxy, options) == ERR_OK) {
        LOG_N("the configuration was read again: %u databases", options->routes_count);
    }
}

/* ---- telling ---- */

void proxy_metrics_read(struct proxy *proxy, struct proxy_metrics_sum *ret_sum)
{
    proxy_sum_metrics(proxy, ret_sum);
}

void proxy_log_status(struct proxy *proxy)
{
    struct proxy_metrics_sum sum;
    proxy_metrics_read(proxy, &sum);
    char memory[PROXY_STATUS];
    struct buf line;
    buf_init(&line, memory, sizeof memory);
    for (int i = 0; i < PROXY_METRICS_COUNT; i++) {
        if (sum.values[i] != 0) {
            buf_printf(&line, " %s=%llu", proxy_metrics_name((enum proxy_metrics_kind)i),
                       (unsigned long long)sum.values[i]);
        }
    }
    LOG_N("status version=%llu%s", (unsigned long long)proxy_version(proxy), buf_string(&line));
}
