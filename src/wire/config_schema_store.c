/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of `store`. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

static const struct config_schema_choice config_schema_stores[] = {
    {"sqlite", CONFIG_STORE_SQLITE, "a file on the controller's machine; for one controller"},
    {"etcd", CONFIG_STORE_ETCD, "an etcd cluster (3.4 or later) in several sites; for several controllers"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_store_tls_rows[] = {
    ROW("ca", PATH, config_store_tls, ca, .required = true,
        .prose = "A PEM file with the certificates that the members' certificates are signed with; read again each "
                 "minute."),
    ROW("certificate", PATH, config_store_tls, certificate,
        .prose = "This controller's own certificate, a PEM file, for members with --client-cert-auth."),
    ROW("key", PATH, config_store_tls, key, .prose = "The certificate's key, a PEM file."),
    ROW("server_name", DOMAIN, config_store_tls, server_name,
        .prose = "The name in the members' certificates; by default each one's address must be in its own."),
    END};
static const struct config_schema_section config_schema_store_tls =
    SECTION("tls", config_store_tls, config_schema_store_tls_rows,
            .prose = "Talk to etcd over TLS; without this section in the clear.");

static const struct config_schema_row config_schema_store_rows[] = {
    ROW("kind", ENUM, config_store, kind, .fallback = "sqlite", .choices = config_schema_stores,
        .prose = "Which store."),
    ROW("path", PATH, config_store, path, .fallback = "/var/lib/holdfast/holdfast.db",
        .prose = "The file of the sqlite store."),
    ROW("leader_lease", DURATION_MS, config_store, leader_lease_ms, .fallback = "2s", .min = MS(500), .max = MINUTES(1),
        .prose = "How long one of several controllers leads without renewing; another takes over that long, and a "
                 "little, after it was last heard of."),
    ROW("journal_entries", INTEGER, config_store, journal_entries, .fallback = "100000", .min = 0, .max = 10000000,
        .prose = "How many entries of the journal are kept: decisions, steps of runs, commands, notifications. The "
                 "oldest cease within minutes; 0: all are kept."),
    ROWS("endpoints", LIST, config_store, endpoints, .item = CONFIG_SCHEMA_ADDRESS, .min = 1,
         .max = CONFIG_STORE_ENDPOINTS,
         .prose = "Client addresses of the etcd members; the first one is asked first, another one when it does not "
                  "answer or is much slower."),
    ROW("prefix", TEXT, config_store, prefix, .max = 127,
        .prose = "What all keys in etcd begin with; ends with '/'. The default is holdfast/NAME/ with the service's "
                 "name."),
    ROW("tls", SECTION, config_store, tls, .section = &config_schema_store_tls, .prose = "TLS to the etcd members."),
    ROW("user", WORD, config_store, user,
        .prose = "A user of etcd with the permission readwrite on the prefix, where etcd has authentication."),
    ROW("password", SECRET, config_store, password, .prose = "Its password; read each time a token is asked for."),
    ROW("timeout", DURATION_MS, config_store, timeout_ms, .fallback = "1s", .min = MS(50), .max = SECONDS(30),
        .prose = "How long one etcd member is waited for before the next is asked; a request is given up after three "
                 "times this."),
    ROW("history", DURATION_MS, config_store, history_ms, .fallback = "10m", .min = 0, .max = DAYS(7),
        .prose = "What is older is compacted by the controllers, in the whole etcd; 0s: never, do it yourself."),
    END};
const struct config_schema_section config_schema_store =
    SECTION("store", config_store, config_schema_store_rows,
            .prose = "Where runs, decisions, events, leases and the configuration's hash are kept; used only where a "
                     "controller runs.");
