/* SPDX-License-Identifier: Apache-2.0
 * The role `proxy` of a site: from the configuration to the proxy's options. */
#include "bin/serve_proxy.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/assert.h"
#include "base/text.h"
#include "bin/verb.h"
#include "edge/config_file.h"
#include "edge/figure.h"
#include "edge/latency_watch.h"
#include "edge/log.h"
#include "edge/publish.h"
#include "edge/publish_file.h"
#include "proxy/proxy_serve.h"
#include "wire/config_show.h"

enum {
    SERVE_PROXY_SETTINGS = 64, /* room for so many at first */
    SERVE_PROXY_MESSAGE = 64 * 1024,
};

static bool serve_proxy_text(char *to, size_t size, const char *text, const char *what)
{
    const size_t length = strlen(text);
    if (length >= size) {
        LOG_E("%s '%s' is too long: at most %zu characters", what, text, size - 1);
        return false;
    }
    memcpy(to, text, length + 1);
    return true;
}

static bool serve_proxy_listen(const struct config_site *site, struct proxy_options *options)
{
    if (site->proxy.listen_count == 0 || site->proxy.listen_count > PROXY_WORKER_LISTENERS) {
        LOG_E("site %s: proxy.listen needs 1 to %d addresses", site->name, PROXY_WORKER_LISTENERS);
        return false;
    }
    for (uint32_t i = 0; i < site->proxy.listen_count; i++) {
        const struct config_address *from = &site->proxy.listen[i];
        struct view_address *to = &options->listen[i];
        ASSERT(from->family == CONFIG_FAMILY_IPV4 || from->family == CONFIG_FAMILY_IPV6);
        memcpy(to->bytes, from->bytes, sizeof to->bytes);
        to->port = from->port;
        to->family = from->family;
    }
    options->listen_count = site->proxy.listen_count;
    return true;
}

static void serve_proxy_pool(const struct config_proxy_pool *from, struct proxy_route_pool *to)
{
    static const enum proxy_route_pooling modes[] = {
        [CONFIG_POOL_NONE] = PROXY_ROUTE_UNPOOLED,
        [CONFIG_POOL_SESSION] = PROXY_ROUTE_SESSION,
        [CONFIG_POOL_TRANSACTION] = PROXY_ROUTE_TRANSACTION,
    };
    *to = (struct proxy_route_pool){
        .mode = modes[from->mode],
        .size = from->size,
        .reserve = from->reserve,
        .reserve_after_ms = from->reserve_timeout_ms,
        .minimum = from->minimum,
        .connections = from->max_connections,
        .clients = from->max_clients,
        .wait_timeout_ms = from->wait_timeout_ms,
        .idle_timeout_ms = from->idle_timeout_ms,
        .lifetime_ms = from->lifetime_ms,
        .statements = from->max_prepared_statements,
    };
}

static bool serve_proxy_routes(const struct config *config, struct proxy_options *options)
{
    if (config->proxy.databases_count > PROXY_ROUTES) {
        LOG_E("proxy.databases: at most %d entries", PROXY_ROUTES);
        return false;
    }
    for (uint32_t i = 0; i < config->proxy.databases_count; i++) {
        const struct config_proxy_database *from = &config->proxy.databases[i];
        struct proxy_route *to = &options->routes[i];
        const char *cluster = config->databases[from->database].name;
        if (!serve_proxy_text(to->name, sizeof to->name, from->name, "proxy database") ||
            !serve_proxy_text(to->database, sizeof to->database, cluster, "database")) {
            return false;
        }
        to->max_lag_ms = from->max_lag_ms;
        to->kind = from->route == CONFIG_ROUTE_READER ? PROXY_ROUTE_READER : PROXY_ROUTE_WRITER;
        serve_proxy_pool(&from->pool, &to->pool);
        to->spares = from->spares;
        to->spares_limit = from->max_spares;
    }
    options->routes_count = config->proxy.databases_count;
    return true;
}

/* With proxy.auth: login or scram, the superuser of each database is asked for the verifiers of roles. */
static bool serve_proxy_accounts(const struct config *config, struct proxy_options *options)
{
    options->challenge = config->proxy.auth == CONFIG_PROXY_SCRAM;
    const char *path = config->proxy.auth_file != NULL ? config->proxy.auth_file : "";
    const char *rules = config->proxy.hba_file != NULL ? config->proxy.hba_file : "";
    if (!serve_proxy_text(options->auth_file, sizeof options->auth_file, path, "proxy.auth_file") ||
        !serve_proxy_text(options->hba_file, sizeof options->hba_file, rules, "proxy.hba_file")) {
        return false;
    }
    options->login = config->proxy.auth == CONFIG_PROXY_LOGIN || options->challenge;
    for (uint32_t i = 0; i < config->databases_count && options->login; i++) {
        const struct config_database *from = &config->databases[i];
        ASSERT(options->accounts_count < PROXY_ACCOUNTS);
        struct proxy_asker_account *to = &options->accounts[options->accounts_count++];
        if (!serve_proxy_text(to->database, sizeof to->database, from->name, "database") ||
            !serve_proxy_text(to->dbname, sizeof to->dbname, from->dbname, "dbname") ||
            !serve_proxy_text(to->user, sizeof to->user, from->superuser.name, "superuser")) {
            return false;
        }
        to->password = from->superuser.password;
    }
    return true;
}

static bool serve_proxy_tls(const struct config *config, struct proxy_options *options)
{
    static const enum proxy_tls_mode modes[] = {[CONFIG_PROXY_TLS_DISABLE] = PROXY_TLS_DISABLE,
                                                [CONFIG_PROXY_TLS_ALLOW] = PROXY_TLS_ALLOW,
                                                [CONFIG_PROXY_TLS_REQUIRE] = PROXY_TLS_REQUIRE};
    const struct config_proxy_tls *from = &config->proxy.tls;
    struct proxy_tls_files *to = &options->tls_files;
    ASSERT(from->mode < sizeof modes / sizeof modes[0]);
    options->tls_mode = modes[from->mode];
    if (options->tls_mode == PROXY_TLS_DISABLE) {
        return true;
    }
    const char *ca = from->client_ca != NULL ? from->client_ca : "";
    return serve_proxy_text(to->certificate, sizeof to->certificate, from->certificate, "proxy.tls.certificate") &&
           serve_proxy_text(to->key, sizeof to->key, from->key, "proxy.tls.key") &&
           serve_proxy_text(to->ca, sizeof to->ca, ca, "proxy.tls.client_ca");
}

static bool serve_proxy_server_tls(const struct config *config, struct proxy_options *options)
{
    static const enum proxy_tls_server_mode modes[] = {[CONFIG_PROXY_SERVER_TLS_DISABLE] = PROXY_TLS_SERVER_DISABLE,
                                                       [CONFIG_PROXY_SERVER_TLS_PREFER] = PROXY_TLS_SERVER_PREFER,
                                                       [CONFIG_PROXY_SERVER_TLS_REQUIRE] = PROXY_TLS_SERVER_REQUIRE,
                                                       [CONFIG_PROXY_SERVER_TLS_VERIFY_CA] = PROXY_TLS_SERVER_VERIFY_CA,
                                                       [CONFIG_PROXY_SERVER_TLS_VERIFY_FULL] =
                                                           PROXY_TLS_SERVER_VERIFY_FULL};
    const struct config_proxy_server_tls *from = &config->proxy.server_tls;
    ASSERT(from->mode < sizeof modes / sizeof modes[0]);
    options->server_tls_mode = modes[from->mode];
    return serve_proxy_text(options->server_ca, sizeof options->server_ca, from->ca != NULL ? from->ca : "",
                            "proxy.server_tls.ca");
}

static bool serve_proxy_console(const struct config *config, struct proxy_options *options)
{
    const struct config_proxy_console *from = &config->proxy.console;
    if (from->users_count == 0) {
        return true;
    }
    for (uint32_t i = 0; i < from->users_count; i++) {
        ASSERT(options->operators_count < PROXY_DOOR_USERS);
        struct proxy_operator *to = &options->operators[options->operators_count++];
        to->password = from->users[i].password;
        if (!serve_proxy_text(to->name, sizeof to->name, from->users[i].name, "proxy.console.users")) {
            return false;
        }
    }
    for (uint32_t i = 0; i < options->routes_count; i++) {
        if (strcmp(options->routes[i].name, from->database) == 0) {
            LOG_E("proxy.console.database: '%s' is an entry of proxy.databases as well", from->database);
            return false;
        }
    }
    return serve_proxy_text(options->console, sizeof options->console, from->database, "proxy.console.database");
}

/* Its own region, then those that stand in for it, in their order. */
static bool serve_proxy_place(const struct config *config, const struct config_site *site,
                              struct proxy_route_place *place)
{
    if (site->region == CONFIG_NONE) {
        return true;
    }
    const struct config_region *own = &config->regions[site->region];
    bool good = serve_proxy_text(place->regions[place->count++], LIMITS_NAME, own->name, "region");
    for (uint32_t i = 0; i < own->backup_count && place->count < LIMITS_REGIONS && good; i++) {
        const char *name = config->regions[own->backup[i]].name;
        good = serve_proxy_text(place->regions[place->count++], LIMITS_NAME, name, "region");
    }
    return good;
}

static bool serve_proxy_options(const struct config *config, const struct config_site *site,
                                struct proxy_options *options)
{
    /* "/proxy" behind the site's name, cut where it is too long: it only names the reader. */
    snprintf(options->name, sizeof options->name, "%.*s/proxy", PROXY_NAME - 7, site->name);
    snprintf(options->view_memory, sizeof options->view_memory, "%s/" PUBLISH_NAME, site->state_dir);
    snprintf(options->view_file, sizeof options->view_file, "%s/" PUBLISH_FILE_NAME, site->state_dir);
    snprintf(options->latency_file, sizeof options->latency_file, "%s/" LATENCY_WATCH_PROXY, site->state_dir);
    snprintf(options->figures, sizeof options->figures, "%s/" FIGURE_PROXY_NAME, site->state_dir);
    if (strlen(site->state_dir) > PROXY_PATH - 16) {
        LOG_E("site %s: state_dir is too long", site->name);
        return false;
    }
    options->max_clients = config->proxy.max_clients;
    options->workers = config->proxy.workers;
    return serve_proxy_place(config, site, &options->place) && serve_proxy_listen(site, options) &&
           serve_proxy_routes(config, options) && serve_proxy_accounts(config, options) &&
           serve_proxy_tls(config, options) && serve_proxy_server_tls(config, options) &&
           serve_proxy_console(config, options);
}

/* ---- what the console shows of the configuration ---- */

struct serve_proxy_settings {
    char own[CONFIG_SHOW_PATH]; /* what belongs to the site begins so */
    struct proxy_console_setting *list;
    uint32_t count;
    uint32_t room;
};

static void serve_proxy_setting(void *owner, const char *path, const char *value, const char *fallback)
{
    struct serve_proxy_settings *settings = owner;
    if (strncmp(path, "proxy.", 6) != 0 && strncmp(path, settings->own, strlen(settings->own)) != 0) {
        return;
    }
    if (settings->count == settings->room) {
        const uint32_t room = settings->room * 2 + SERVE_PROXY_SETTINGS;
        struct proxy_console_setting *list = realloc(settings->list, room * sizeof *list);
        if (list == NULL) {
            return; /* then it is not shown */
        }
        settings->list = list;
        settings->room = room;
    }
    struct proxy_console_setting *setting = &settings->list[settings->count++];
    text_copy(setting->key, sizeof setting->key, path);
    text_copy(setting->value, sizeof setting->value, value);
    text_copy(setting->standard, sizeof setting->standard, fallback);
}

static void serve_proxy_settings(const struct config *config, const struct config_site *site,
                                 struct serve_proxy_settings *settings)
{
    const struct config_show_listener listener = {.take = serve_proxy_setting, .owner = settings};
    snprintf(settings->own, sizeof settings->own, "sites.%s.proxy.", site->name);
    config_show_each(config, &listener);
}

/* ---- SIGHUP ---- */

struct serve_proxy {
    const char *path;
    const char *site;
    struct config *config; /* read last; options borrow from it */
    struct serve_proxy_settings settings;
};

static bool serve_proxy_take(struct serve_proxy *serve, const struct config *config, uint32_t site,
                             struct proxy_options *options)
{
    if (!serve_proxy_options(config, &config->sites[site], options)) {
        return false;
    }
    free(serve->settings.list);
    serve->settings = (struct serve_proxy_settings){.list = NULL};
    serve_proxy_settings(config, &config->sites[site], &serve->settings);
    options->settings = serve->settings.list;
    options->settings_count = serve->settings.count;
    return true;
}

static bool serve_proxy_read(void *context, struct proxy_options *ret_options)
{
    struct serve_proxy *serve = context;
    static char message[SERVE_PROXY_MESSAGE];
    struct buf messages;
    struct config *config = NULL;
    buf_init(&messages, message, sizeof message);
    const enum err err = config_file_load(serve->path, &messages, &config);
    if (err != ERR_OK) {
        LOG_E("%s is wrong, the proxy's entries stay as they were: %s", serve->path, buf_string(&messages));
        return false;
    }
    config_free(serve->config);
    serve->config = config;
    const uint32_t site = config_site_find(config, serve->site);
    if (site == CONFIG_NONE) {
        LOG_E("no site '%s' in %s any more", serve->site, serve->path);
        return false;
    }
    return serve_proxy_take(serve, config, site, ret_options);
}

int serve_proxy_run(const struct config *config, uint32_t site, const char *path)
{
    ASSERT(site < config->sites_count);
    struct proxy_options *options = calloc(1, sizeof *options);
    if (options == NULL) {
        return VERB_FAILED;
    }
    char role[64];
    snprintf(role, sizeof role, "proxy %s", config->sites[site].name);
    log_init(role, LOG_INFO);
    int exit_code = VERB_CONFIG;
    struct serve_proxy serve = {.path = path, .site = config->sites[site].name};
    if (serve_proxy_take(&serve, config, site, options)) {
        exit_code = proxy_serve_run(options, serve_proxy_read, &serve) == ERR_OK ? VERB_OK : VERB_FAILED;
    }
    config_free(serve.config);
    free(serve.settings.list);
    free(options);
    return exit_code;
}
