/* SPDX-License-Identifier: Apache-2.0
 * The shape of `proxy` (wire/config.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config_common.h"

enum config_route { CONFIG_ROUTE_WRITER, CONFIG_ROUTE_READER };

enum config_pool { CONFIG_POOL_NONE, CONFIG_POOL_SESSION, CONFIG_POOL_TRANSACTION };

struct config_proxy_pool {
    uint32_t mode; /* enum config_pool */
    uint32_t size;
    uint32_t reserve;
    uint32_t reserve_timeout_ms;
    uint32_t minimum;
    uint32_t max_connections; /* 0: no limit; likewise the following */
    uint32_t max_clients;
    uint32_t wait_timeout_ms;
    uint32_t idle_timeout_ms;
    uint32_t lifetime_ms;
    uint32_t max_prepared_statements; /* 0: clients' names are kept */
};

struct config_proxy_database {
    const char *name; /* `database` of the start-up packet */
    uint32_t database;
    uint32_t route;      /* enum config_route */
    uint32_t max_lag_ms; /* of a reader's standby; 0: any */
    struct config_proxy_pool pool;
    uint32_t spares;
    uint32_t max_spares;
};

enum config_proxy_auth { CONFIG_PROXY_LOGIN, CONFIG_PROXY_PASSTHROUGH, CONFIG_PROXY_SCRAM };

enum config_proxy_tls_mode { CONFIG_PROXY_TLS_DISABLE, CONFIG_PROXY_TLS_ALLOW, CONFIG_PROXY_TLS_REQUIRE };

struct config_proxy_tls {
    uint32_t mode; /* enum config_proxy_tls_mode */
    const char *certificate;
    const char *key;
    const char *client_ca; /* NULL: no certificate is asked for */
};

enum config_proxy_server_tls_mode {
    CONFIG_PROXY_SERVER_TLS_DISABLE,
    CONFIG_PROXY_SERVER_TLS_PREFER,
    CONFIG_PROXY_SERVER_TLS_REQUIRE,
    CONFIG_PROXY_SERVER_TLS_VERIFY_CA,
    CONFIG_PROXY_SERVER_TLS_VERIFY_FULL,
};

struct config_proxy_server_tls {
    uint32_t mode; /* enum config_proxy_server_tls_mode */
    const char *ca;
};

struct config_proxy_operator {
    const char *name;
    struct config_secret password;
};

struct config_proxy_console {
    const char *database; /* of the start-up packet */
    struct config_proxy_operator *users;
    uint32_t users_count; /* 0: no console */
};

struct config_proxy {
    struct config_proxy_database *databases;
    uint32_t databases_count;
    uint32_t max_clients;
    uint32_t workers;      /* 0: by the number of CPUs */
    uint32_t auth;         /* enum config_proxy_auth */
    const char *auth_file; /* NULL: none */
    const char *hba_file;  /* NULL: none */
    struct config_proxy_tls tls;
    struct config_proxy_server_tls server_tls;
    struct config_proxy_console console;
};
