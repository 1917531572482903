/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of `proxy`. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

static const struct config_schema_choice config_schema_routes[] = {
    {"writer", CONFIG_ROUTE_WRITER, "to the database's writer"},
    {"reader", CONFIG_ROUTE_READER,
     "to a healthy standby, the proxy's own region's first, then by the order of its backup regions; else to the "
     "writer"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_proxy_database_rows[] = {
    ROW("database", REFERENCE, config_proxy_database, database, .required = true, .target = CONFIG_SCHEMA_DATABASE,
        .prose = "The PostgreSQL cluster that such sessions go to."),
    ROW("route", ENUM, config_proxy_database, route, .fallback = "writer", .choices = config_schema_routes,
        .prose = "To which of its nodes."),
    ROW("max_lag", DURATION_MS, config_proxy_database, max_lag_ms, .min = SECONDS(1), .max = HOURS(1),
        .prose =
            "Of route reader: a standby that is further behind gets no sessions, and those it has leave it between "
            "two transactions, as far as they can be moved. Where every standby is, they go to the writer; while "
            "there is none they wait for one. The view tells lags in steps of 1s, 2s, 4s and so on, so these are "
            "the bounds that differ. Not given: any standby will do."),
    ROW("pool", SECTION, config_proxy_database, pool, .section = &config_schema_pool,
        .prose = "How sessions share server connections."),
    ROW("spares", INTEGER, config_proxy_database, spares, .fallback = "0", .min = 0, .max = 1000,
        .prose = "So many connections per user and start-up parameters stand at each healthy standby, logged in, for "
                 "the sessions of a writer that is lost. Needs proxy.auth: login or scram, and route: writer. Each "
                 "worker of the proxy has its share, one at least; likewise max_spares."),
    ROW("max_spares", INTEGER, config_proxy_database, max_spares, .fallback = "20", .min = 1, .max = 10000,
        .prose = "Spares of all users of this entry at one standby."),
    END};
static const struct config_schema_section config_schema_proxy_database =
    SECTION("proxy_database", config_proxy_database, config_schema_proxy_database_rows, .key = CONFIG_SCHEMA_WORD,
            .prose = "Where sessions go, by the database name of their start-up packet.");

static const struct config_schema_choice config_schema_proxy_auths[] = {
    {"login", CONFIG_PROXY_LOGIN,
     "the proxy learns from each log-in how to do it again, and sessions outlive their server"},
    {"passthrough", CONFIG_PROXY_PASSTHROUGH, "a session ends with its server"},
    {"scram", CONFIG_PROXY_SCRAM,
     "the proxy itself asks clients for their passwords, by SCRAM-SHA-256 or, for roles with such a verifier, md5; "
     "then "
     "it logs in for them"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_proxy_tls_modes[] = {
    {"disable", CONFIG_PROXY_TLS_DISABLE, "requests for encryption are declined"},
    {"allow", CONFIG_PROXY_TLS_ALLOW, "clients choose"},
    {"require", CONFIG_PROXY_TLS_REQUIRE, "sessions that are not encrypted are refused"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_proxy_tls_rows[] = {
    ROW("mode", ENUM, config_proxy_tls, mode, .fallback = "disable", .choices = config_schema_proxy_tls_modes,
        .prose = "Whether clients may or must be encrypted: TLS 1.2 or later, by request or from the first byte."),
    ROW("certificate", PATH, config_proxy_tls, certificate,
        .prose = "PEM file with the proxy's certificate and its chain; read again on SIGHUP."),
    ROW("key", PATH, config_proxy_tls, key, .prose = "PEM file with its private key; nobody else may read it."),
    ROW("client_ca", PATH, config_proxy_tls, client_ca,
        .prose = "PEM file with the authorities that vouch for clients: a client may show a certificate then, and is "
                 "refused with one that they do not vouch for."),
    END};
static const struct config_schema_section config_schema_proxy_tls =
    SECTION("proxy_tls", config_proxy_tls, config_schema_proxy_tls_rows, .prose = "Encryption towards clients.");

static const struct config_schema_choice config_schema_proxy_server_tls_modes[] = {
    {"disable", CONFIG_PROXY_SERVER_TLS_DISABLE, "in clear"},
    {"prefer", CONFIG_PROXY_SERVER_TLS_PREFER, "encrypted where the server can"},
    {"require", CONFIG_PROXY_SERVER_TLS_REQUIRE, "encrypted, whoever the server is"},
    {"verify-ca", CONFIG_PROXY_SERVER_TLS_VERIFY_CA, "and its certificate is vouched for by ca"},
    {"verify-full", CONFIG_PROXY_SERVER_TLS_VERIFY_FULL, "and is for the node's address (a subjectAltName of type IP)"},
    {NULL, 0, NULL}};

static const struct config_schema_row config_schema_proxy_server_tls_rows[] = {
    ROW("mode", ENUM, config_proxy_server_tls, mode, .fallback = "disable",
        .choices = config_schema_proxy_server_tls_modes,
        .prose =
            "Whether connections to PostgreSQL are encrypted, cancel requests and questions for verifiers included."),
    ROW("ca", PATH, config_proxy_server_tls, ca,
        .prose = "PEM file with the authorities that vouch for the servers; read again on SIGHUP."),
    END};
static const struct config_schema_section config_schema_proxy_server_tls =
    SECTION("proxy_server_tls", config_proxy_server_tls, config_schema_proxy_server_tls_rows,
            .prose = "Encryption towards PostgreSQL.");

static const struct config_schema_row config_schema_proxy_rows[] = {
    ROWS("databases", MAP, config_proxy, databases, .max = 64, .section = &config_schema_proxy_database,
         .prose = "By the database name of the start-up packet; other names are refused."),
    ROW("max_clients", INTEGER, config_proxy, max_clients, .fallback = "1000", .min = 1, .max = 100000,
        .prose = "Sessions at a time, for each proxy; more are refused."),
    ROW("workers", INTEGER, config_proxy, workers, .fallback = "0", .min = 0, .max = 32,
        .prose = "Threads that relay; 0: one for every two CPUs, at most 8. A thread that has more to do wakes up less "
                 "often, so fewer cost less as long as they keep up; pools are divided among them."),
    ROW("auth", ENUM, config_proxy, auth, .fallback = "login", .choices = config_schema_proxy_auths,
        .prose =
            "What the proxy does with log-ins. With login and passthrough the server lets clients in or not, by its "
            "pg_hba.conf. With scram every client needs a password, and the server sees the proxy's address. For login "
            "and scram the proxy asks the database, as its superuser, for the verifiers of roles with passwords."),
    ROW("auth_file", PATH, config_proxy, auth_file,
        .prose =
            "With auth: scram, a file of roles and their secrets in the format of PgBouncer's userlist.txt: SCRAM or "
            "md5 as in pg_authid.rolpassword, or passwords. Roles that are not in it are asked of the database. Read "
            "again on SIGHUP."),
    ROW("hba_file", PATH, config_proxy, hba_file,
        .prose =
            "With auth: scram, rules in the format of PostgreSQL's pg_hba.conf: the first one that matches a client "
            "decides (trust, reject, md5, scram-sha-256 or cert), and a client without one is refused. Without the "
            "file every client is asked for its password. Read again on SIGHUP."),
    ROW("tls", SECTION, config_proxy, tls, .section = &config_schema_proxy_tls, .prose = "Encryption towards clients."),
    ROW("server_tls", SECTION, config_proxy, server_tls, .section = &config_schema_proxy_server_tls,
        .prose = "Encryption towards PostgreSQL."),
    ROW("console", SECTION, config_proxy, console, .section = &config_schema_console, .prose = "The admin console."),
    END};
const struct config_schema_section config_schema_proxy =
    SECTION("proxy", config_proxy, config_schema_proxy_rows, .prose = "Where SQL sessions go.");
