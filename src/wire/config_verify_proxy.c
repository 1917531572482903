/* SPDX-License-Identifier: Apache-2.0
 * What spans several keys of `proxy`. */
#include "wire/config_verify_proxy.h"

static void config_verify_proxy_tls(const struct config_verify *verify)
{
    const struct config_proxy_tls *tls = &verify->config->proxy.tls;
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "proxy", "tls");
    if (tls->mode != CONFIG_PROXY_TLS_DISABLE && (tls->certificate == NULL || tls->key == NULL)) {
        config_problem_error(verify->problems, place.line, place.column,
                             "proxy.tls encrypts, but has no %s; expected certificate and key, two PEM files",
                             tls->certificate == NULL ? "certificate" : "key");
    }
}

static void config_verify_proxy_server_tls(const struct config_verify *verify)
{
    const struct config_proxy *proxy = &verify->config->proxy;
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "proxy", "server_tls");
    if (proxy->server_tls.mode >= CONFIG_PROXY_SERVER_TLS_VERIFY_CA && proxy->server_tls.ca == NULL) {
        config_problem_error(verify->problems, place.line, place.column,
                             "proxy.server_tls verifies, but trusts nobody; expected ca, a PEM file");
    }
    /* A client that can bind its channel says so to the server, who sees that the channel is not its own. */
    if (proxy->auth != CONFIG_PROXY_SCRAM && proxy->tls.mode != CONFIG_PROXY_TLS_DISABLE &&
        proxy->server_tls.mode != CONFIG_PROXY_SERVER_TLS_DISABLE) {
        config_problem_error(verify->problems, place.line, place.column,
                             "proxy.tls and proxy.server_tls encrypt, but log-ins pass from one side to the other: "
                             "servers take that for an attack; expected proxy.auth: scram");
    }
}

static void config_verify_proxy_file(const struct config_verify *verify, const char *key, const char *path)
{
    const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "proxy", key);
    if (path != NULL && verify->config->proxy.auth != CONFIG_PROXY_SCRAM) {
        config_problem_error(verify->problems, place.line, place.column,
                             "proxy.%s says who may log in at the proxy, but the proxy asks nobody; expected "
                             "proxy.auth: scram",
                             key);
    }
}

static void config_verify_proxy_lag(const struct config_verify *verify)
{
    const struct config_proxy *proxy = &verify->config->proxy;
    for (uint32_t i = 0; i < proxy->databases_count; i++) {
        const struct config_proxy_database *entry = &proxy->databases[i];
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "proxy", "databases", entry->name);
        if (entry->max_lag_ms > 0 && entry->route != CONFIG_ROUTE_READER) {
            config_problem_error(verify->problems, place.line, place.column,
                                 "proxy.databases.%s bounds the lag of a writer, which has none; expected route: "
                                 "reader, or no max_lag",
                                 entry->name);
        }
    }
}

void config_verify_proxy(const struct config_verify *verify)
{
    config_verify_proxy_lag(verify);
    config_verify_proxy_file(verify, "auth_file", verify->config->proxy.auth_file);
    config_verify_proxy_file(verify, "hba_file", verify->config->proxy.hba_file);
    config_verify_proxy_tls(verify);
    config_verify_proxy_server_tls(verify);
}
