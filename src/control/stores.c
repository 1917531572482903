/* SPDX-License-Identifier: Apache-2.0
 * Opening the store by its kind. */
#include "control/stores.h"

#include <stdio.h>

#include "edge/store_etcd.h"
#include "edge/store_sqlite.h"

enum {
    STORES_PREFIX = 128,
};

_Static_assert((int)STORE_ETCD_MEMBERS >= (int)CONFIG_STORE_ENDPOINTS, "every endpoint has its place");

static enum err stores_open_etcd(const struct config *config, const char *site, char *message, size_t size,
                                 struct store **ret_store)
{
    const struct config_store *store = &config->store;
    char prefix[STORES_PREFIX];
    snprintf(prefix, sizeof prefix, "holdfast/%s/", config->name);
    struct store_etcd_config etcd = {.endpoint_count = store->endpoints_count,
                                     .prefix = store->prefix != NULL ? store->prefix : prefix,
                                     .owner = site,
                                     .timeout_ms = store->timeout_ms,
                                     .history_ms = store->history_ms,
                                     .ca = store->tls.ca,
                                     .certificate = store->tls.certificate,
                                     .key = store->tls.key,
                                     .server_name = store->tls.server_name,
                                     .user = store->user,
                                     .password = store->password};
    for (uint32_t i = 0; i < store->endpoints_count; i++) {
        etcd.endpoints[i] = store->endpoints[i].text;
    }
    return store_etcd_open(&etcd, message, size, ret_store);
}

enum err stores_open(const struct config *config, const char *site, char *message, size_t size,
                     struct store **ret_store)
{
    if (config->store.kind == CONFIG_STORE_ETCD) {
        return stores_open_etcd(config, site, message, size, ret_store);
    }
    const struct store_sqlite_config sqlite = {.path = config->store.path};
    return store_sqlite_open(&sqlite, message, size, ret_store);
}
