/* SPDX-License-Identifier: Apache-2.0
 * The store: keys of the other kind, halves of pairs, time-outs against leases. */
#include "wire/config_verify_store.h"

#include <stdbool.h>
#include <string.h>

enum {
    CONFIG_VERIFY_STORE_TRIES = 3, /* times the time-out: when a request to etcd is given up */
};

static bool config_verify_store_given(const struct config_verify *verify, const char *key)
{
    const struct config_tree *store = config_tree_find(verify->root, "store");
    return store != NULL && config_tree_find(store, key) != NULL;
}

/* Keys with a default are not looked at: the effective configuration, which may be read again, shows them all. */
static void config_verify_store_sqlite(const struct config_verify *verify)
{
    static const char *const keys[] = {"endpoints", "prefix", "tls", "user", "password"};
    for (uint32_t i = 0; i < sizeof keys / sizeof keys[0]; i++) {
        if (config_verify_store_given(verify, keys[i])) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "store", keys[i]);
            config_problem_error(verify->problems, place.line, place.column,
                                 "%s does not belong to the sqlite store; expected kind: etcd beside it", keys[i]);
        }
    }
}

static void config_verify_store_pair(const struct config_verify *verify, const char *section, const char *first,
                                     const char *second, const bool given[2])
{
    if (given[0] != given[1]) {
        const struct config_verify_place place =
            section[0] != '\0' ? CONFIG_VERIFY_AT(verify, "store", section, given[0] ? first : second)
                               : CONFIG_VERIFY_AT(verify, "store", given[0] ? first : second);
        config_problem_error(verify->problems, place.line, place.column, "%s without %s; expected both, or none",
                             given[0] ? first : second, given[0] ? second : first);
    }
}

static void config_verify_store_secrets(const struct config_verify *verify)
{
    const struct config_store *store = &verify->config->store;
    const bool files[2] = {store->tls.certificate != NULL, store->tls.key != NULL};
    const bool account[2] = {store->user != NULL, store->password.file != NULL || store->password.env != NULL};
    config_verify_store_pair(verify, "tls", "certificate", "key", files);
    config_verify_store_pair(verify, "", "user", "password", account);
    if (account[0] && store->tls.ca == NULL) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "store", "user");
        config_problem_warning(verify->problems, place.line, place.column,
                               "the password for etcd travels in the clear; expected tls: { ca: ... } beside it");
    }
}

/* A renewal that takes longer than the lease comes too late, although etcd would have taken it. */
static void config_verify_store_timeout(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    for (uint32_t i = 0; i < config->databases_count; i++) {
        const struct config_database *database = &config->databases[i];
        const uint64_t longest_ms = (uint64_t)CONFIG_VERIFY_STORE_TRIES * config->store.timeout_ms;
        if (longest_ms > database->lease_ms && database->lease_ms > 0) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "store", "timeout");
            config_problem_warning(
                verify->problems, place.line, place.column,
                "three times the timeout of the store is longer than the lease of database '%.40s'; "
                "expected at most a third of it; a member that hangs would cost the writer its lease",
                database->name);
            return; /* once is enough */
        }
    }
}

static void config_verify_store_etcd(const struct config_verify *verify)
{
    const struct config_store *store = &verify->config->store;
    if (store->endpoints_count == 0 && !config_verify_store_given(verify, "endpoints")) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "store", "kind");
        config_problem_error(verify->problems, place.line, place.column,
                             "the etcd store has no endpoints; expected endpoints: [ \"10.1.0.5:2379\", ... ], the "
                             "client addresses of its members");
    }
    if (store->prefix != NULL && (store->prefix[0] == '\0' || store->prefix[strlen(store->prefix) - 1] != '/')) {
        const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "store", "prefix");
        config_problem_error(verify->problems, place.line, place.column,
                             "prefix '%.60s' has no '/' at its end; expected '%.60s/'", store->prefix, store->prefix);
    }
    config_verify_store_secrets(verify);
    config_verify_store_timeout(verify);
}

/* A site's member is one of the store's. */
static void config_verify_store_sites(const struct config_verify *verify)
{
    const struct config *config = verify->config;
    for (uint32_t i = 0; i < config->sites_count; i++) {
        const struct config_site *site = &config->sites[i];
        if (site->etcd.family != CONFIG_FAMILY_NONE && config_site_member(config, i) == CONFIG_NONE) {
            const struct config_verify_place place = CONFIG_VERIFY_AT(verify, "sites", site->name, "etcd");
            config_problem_error(verify->problems, place.line, place.column,
                                 "'%.60s' is no member of the store; expected one of store.endpoints", site->etcd.text);
        }
    }
}

void config_verify_store(const struct config_verify *verify)
{
    config_verify_store_sites(verify);
    if (verify->config->store.kind == CONFIG_STORE_SQLITE) {
        config_verify_store_sqlite(verify);
    } else {
        config_verify_store_etcd(verify);
    }
}
