/* SPDX-License-Identifier: Apache-2.0
 * The shape of `store` (wire/config.h). */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "wire/config_common.h"

struct config_store_tls {
    const char *ca;          /* NULL: no TLS */
    const char *certificate; /* NULL: none; its key likewise */
    const char *key;
    const char *server_name; /* NULL: the endpoints' addresses */
};

struct config_store {
    uint32_t kind; /* enum config_store_kind */
    const char *path;
    uint32_t leader_lease_ms;
    uint32_t journal_entries;         /* 0: all */
    struct config_address *endpoints; /* etcd, from here on */
    uint32_t endpoints_count;
    const char *prefix; /* NULL: "holdfast/" and the service's name and "/" */
    struct config_store_tls tls;
    const char *user; /* NULL: none */
    struct config_secret password;
    uint32_t timeout_ms;
    uint32_t history_ms; /* 0: for ever */
};
enum config_store_kind { CONFIG_STORE_SQLITE, CONFIG_STORE_ETCD };
