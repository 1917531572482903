/* SPDX-License-Identifier: Apache-2.0
 * The configuration of every role, as plain data: one YAML file becomes one struct config.
 *
 * What each key means stands in the schema table (wire/config_schema.h), from which the parser, `holdfast config
 * schema`, `holdfast config show` and holdfast.yaml(5) come. Here is only the shape. A parsed configuration is complete
 * and consistent: defaults filled in, every reference resolved to an index, every limit kept. Text that was not given
 * is NULL, an address that was not given has family 0, a reference that was not given is CONFIG_NONE.
 *
 * Owner: whoever called config_parse (edge/config_file.h reads a file); freed whole by config_free. Never changed after
 * parsing, so any thread may read it. Secrets are references only: no secret is ever in here. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"
#include "base/err.h"
#include "base/span.h"

/* "none" for an index. */
#define CONFIG_NONE UINT32_MAX

/* The same numbers as core/limits.h, which this folder cannot see; edge/config_model.c asserts that they agree. */
enum {
    CONFIG_NAME = 32, /* bytes of a name, terminator included */
    CONFIG_REGIONS = 8,
    CONFIG_SITES = 16,
    CONFIG_CHECKS = 64,
    CONFIG_PROBES = 256,
    CONFIG_DATABASES = 4,
    CONFIG_NODES = 32,     /* over all databases */
    CONFIG_ENDPOINTS = 64, /* addresses over all regions */
    CONFIG_COMMAND = 1024, /* bytes of an exec check's command, with a terminator behind each part */
    CONFIG_NETWORKS = 64,  /* client networks over all regions */
    CONFIG_DATABASE_CLIENTS = 16,
    CONFIG_SERVICES = 16,
    CONFIG_TARGETS = 64, /* addresses over all services */
    CONFIG_DNS_POLICIES = 64,
    CONFIG_DNS_CHILDREN = 32, /* of one policy */
    CONFIG_DNS_DEPTH = 8,     /* policies below each other */
    CONFIG_DNS_VALUES = 64,   /* what a multivalue policy comes down to */
};

/* Limits of parsing, none of which a sane file comes near. */
enum {
    CONFIG_STORE_ENDPOINTS = 8,
    CONFIG_FILE_BYTES = 1024 * 1024,
    CONFIG_DEPTH = 16,             /* nested mappings and lists */
    CONFIG_TREE_NODES = 32768,     /* scalars, lists and mappings */
    CONFIG_ENTRIES = 1024,         /* of one mapping or list */
    CONFIG_PROBLEMS = 200,         /* reported in one run */
    CONFIG_MESSAGES = 256 * 1024,  /* bytes that hold every message of one run */
    CONFIG_SHOW_BYTES = 512 * 1024 /* bytes that hold any effective configuration */
};

enum config_family { CONFIG_FAMILY_NONE = 0, CONFIG_FAMILY_UNIX = 1, CONFIG_FAMILY_IPV4 = 4, CONFIG_FAMILY_IPV6 = 6 };

/* IPv4 in the first four bytes, or IPv6; network byte order. A unix socket has only a text, its path. */
struct config_address {
    const char *text; /* as written: "127.1.0.80:8080", "[::1]:53", "/run/haproxy.sock" */
    uint8_t bytes[16];
    uint16_t port;   /* host byte order */
    uint16_t family; /* enum config_family */
};

struct config_network {
    struct config_address address; /* port 0; bits behind the prefix are zero */
    uint32_t prefix_bits;
};

/* http or https; no user, no fragment. */
struct config_url {
    const char *text; /* NULL: not given */
    const char *host; /* name or literal address, without brackets */
    const char *path; /* from the slash on, with the query; "/" when none was written */
    uint16_t port;
    bool tls;
};

/* A limit in millionths: "10%" is 100,000, "500ms" is 500,000 (durations count in seconds), "3" is 3,000,000. 0: none.
 */
struct config_limit {
    uint32_t ppm;
    uint32_t form; /* enum config_form: how it was written */
};
enum config_form { CONFIG_FORM_DECIMAL, CONFIG_FORM_SHARE, CONFIG_FORM_DURATION };

/* Where a secret is, never the secret. Exactly one is set, or none when the secret was not given. */
struct config_secret {
    const char *file;
    const char *env;
};

struct config_account {
    const char *name;
    struct config_secret password;
};

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

/* An endpoint name of a region with its addresses: what DNS answers. */
struct config_endpoint {
    const char *name;
    struct config_address *addresses;
    uint32_t addresses_count;
};

struct config_load_balancer {
    struct config_address haproxy; /* family 0: the region has none */
    const char *backend;
};

struct config_region {
    const char *name;
    uint32_t *backup; /* regions, in order */
    uint32_t backup_count;
    uint32_t capacity_ppm;
    uint32_t weight;
    struct config_network *clients;
    uint32_t clients_count;
    struct config_endpoint *endpoints;
    uint32_t endpoints_count;
    struct config_load_balancer load_balancer;
};

/* Bits of config_site.roles. */
enum config_role {
    CONFIG_ROLE_CONTROL = 1,
    CONFIG_ROLE_OBSERVER = 2,
    CONFIG_ROLE_DNS = 4,
    CONFIG_ROLE_PROXY = 8,
    CONFIG_ROLE_SERVICE = 16,
};

struct config_api {
    struct config_address listen;
};

struct config_listen {
    struct config_address *listen;
    uint32_t listen_count;
};

struct config_site {
    const char *name;
    uint32_t region; /* CONFIG_NONE: a witness */
    uint32_t roles;  /* enum config_role, or-ed */
    const char *state_dir;
    struct config_address etcd; /* the member that stands there; family NONE: none is known to */
    struct config_api api;
    struct config_address beats; /* UDP; family NONE: not given (wire/config_beat.h) */
    struct config_listen dns;
    struct config_address dns_metrics; /* family NONE: not served */
    struct config_listen proxy;
    bool feedback; /* applications may tell what they meet with */
};

struct config_durability {
    uint32_t *members; /* indices into the database's nodes */
    uint32_t members_count;
    uint32_t required;
    uint32_t on_empty; /* enum config_empty */
    bool every_commit;
};

enum config_empty { CONFIG_EMPTY_DEGRADE, CONFIG_EMPTY_BLOCK };

/* Heartbeats of a database's agents. What was not written follows from the lease (wire/config_beat.h). */
struct config_heartbeat {
    uint32_t period_ms;  /* 0: not given */
    uint32_t silence_ms; /* 0: not given */
    bool failover;
};

struct config_node {
    const char *name;
    uint32_t region;
    struct config_address agent;
    struct config_address postgres;
    const char *data;
    const char *bin;
    const char *run_as;
    uint32_t priority;
    bool nofailover;
};

/* A PostgreSQL parameter, written as it is. */
struct config_setting {
    const char *name;
    const char *value;
};

enum config_lag_action { CONFIG_LAG_ALERT, CONFIG_LAG_HOLD };

struct config_database {
    const char *name;
    uint32_t lease_ms;
    uint32_t margin_ms;
    struct config_heartbeat heartbeat;
    bool tier1;
    struct config_durability durability;
    bool cascade;
    uint32_t max_lag_ms;
    uint32_t max_lag_action;        /* enum config_lag_action */
    struct config_network *clients; /* where roles other than our own come from; none: from everywhere */
    uint32_t clients_count;
    struct config_account superuser;
    struct config_account replication;
    const char *dbname;
    uint64_t wal_segment_bytes;
    uint32_t initial_writer; /* index into nodes */
    struct config_node *nodes;
    uint32_t nodes_count;
    struct config_setting *parameters;
    uint32_t parameters_count;
};

enum config_kind {
    CONFIG_KIND_TCP,
    CONFIG_KIND_HTTP,
    CONFIG_KIND_HTTPS,
    CONFIG_KIND_POSTGRES,
    CONFIG_KIND_REDIS,
    CONFIG_KIND_KAFKA,
    CONFIG_KIND_DNS,
    CONFIG_KIND_PROMETHEUS,
    CONFIG_KIND_HAPROXY,
    CONFIG_KIND_EXEC,
    CONFIG_KIND_HEARTBEAT,
    CONFIG_KIND_COUNT
};

enum config_severity { CONFIG_CRITICAL, CONFIG_IMPORTANT, CONFIG_INFORMATIONAL };
enum config_component {
    CONFIG_COMPONENT_NONE,
    CONFIG_COMPONENT_DB,
    CONFIG_COMPONENT_APP,
    CONFIG_COMPONENT_CACHE,
    CONFIG_COMPONENT_QUEUE
};
enum config_figure { CONFIG_FIGURE_NONE, CONFIG_FIGURE_ERROR_RATE, CONFIG_FIGURE_P95, CONFIG_FIGURE_PODS_DOWN };
enum config_record {
    CONFIG_RECORD_A,
    CONFIG_RECORD_AAAA,
    CONFIG_RECORD_CNAME,
    CONFIG_RECORD_TXT,
    CONFIG_RECORD_SOA,
    CONFIG_RECORD_NS
};

/* One region that a check watches. Which member is set depends on the check's kind. */
struct config_target {
    const char *region_name;
    uint32_t region;
    struct config_address address; /* tcp http https redis kafka dns heartbeat; haproxy: also a unix socket */
    struct config_url url;         /* prometheus */
    uint32_t database;             /* postgres */
    const char **arguments;        /* exec: behind the command's own */
    uint32_t arguments_count;
};

/* A check with the keys of every kind; those of other kinds than its own keep their zero. */
struct config_check {
    const char *name;
    uint32_t kind;      /* enum config_kind */
    uint32_t severity;  /* enum config_severity */
    uint32_t layer;     /* 1-3 */
    uint32_t component; /* enum config_component */
    uint32_t interval_ms;
    uint32_t timeout_ms;
    uint32_t failure_threshold;
    uint32_t success_threshold;
    uint32_t latency_limit_us;         /* 0: none */
    uint32_t figure;                   /* prometheus: enum config_figure */
    struct config_limit limit;         /* prometheus, haproxy: above it the check failed */
    const char *path;                  /* http https */
    uint32_t expect_status;            /* http https; 0: any 2xx */
    const char *expect_body;           /* http https: a substring; NULL: any */
    uint64_t body_limit_bytes;         /* http https: how much of the body is read */
    const char *host;                  /* http https: Host header and TLS server name; NULL: the address */
    const char *ca_file;               /* https; NULL: the system's */
    uint32_t certificate_min_valid_ms; /* https; 0: only not expired */
    const char *query;                 /* postgres: a further statement; prometheus: an expression */
    uint32_t max_lag_ms;               /* postgres: a standby's; 0: any */
    struct config_secret password;     /* redis */
    const char *key;                   /* redis; NULL: a default */
    const char *topic;                 /* kafka */
    const char *dns_name;              /* dns */
    uint32_t dns_type;                 /* dns: enum config_record */
    const char *expect;                /* dns: one record of the answer, in text form; NULL: any */
    const char *metric;                /* prometheus */
    uint32_t quantile_ppm;             /* prometheus */
    const char *backend;               /* haproxy */
    const char **command;              /* exec: program and arguments, no shell */
    uint32_t command_count;
    struct config_target *targets;
    uint32_t targets_count;
};

struct config_dns_name {
    const char *name; /* relative to the zone; "@" is the zone itself */
    const char *endpoint;
    const char *policy; /* NULL: the split alone */
    uint32_t ttl_ms;
};

enum config_dns_parent { CONFIG_PARENT_PUBLISH, CONFIG_PARENT_DELETE, CONFIG_PARENT_SILENT };

struct config_dnssec {
    const char *keys; /* NULL: the zone is unsigned */
    uint32_t ttl_ms;
    uint32_t parent; /* enum config_dns_parent */
    uint32_t parent_ttl_ms;
    uint32_t spread_ms;
};

struct config_dns_zone {
    const char *name;
    const char *file;
    struct config_dnssec dnssec;
    struct config_network *allow; /* none: as dns.allow says */
    uint32_t allow_count;
    struct config_dns_name *names;
    uint32_t names_count;
};

struct config_dns_cookies {
    struct config_secret secret; /* none: one of its own for each process */
    bool require;
};

struct config_dns_key {
    const char *name;
    uint32_t algorithm; /* enum config_dns_algorithm */
    struct config_secret secret;
};
enum config_dns_algorithm { CONFIG_HMAC_SHA256, CONFIG_HMAC_SHA384, CONFIG_HMAC_SHA512 };

struct config_dns_transfer {
    struct config_network *allow;
    uint32_t allow_count;
    struct config_address *notify;
    uint32_t notify_count;
};

struct config_dns_rate {
    uint32_t per_second; /* 0: no limit */
    uint32_t slip;
    struct config_network *exempt;
    uint32_t exempt_count;
};

/* What a policy leads on to is named: a region, or another policy (what belongs to another kind is empty). */
struct config_dns_area {
    const char *name;
    struct config_network *networks;
    uint32_t networks_count;
    const char *file; /* NULL: none */
    const char *to;
};

struct config_dns_code {
    const char *name; /* of a country, continent or subdivision: ISO 3166, "TW", "AS", "US-CA" */
    const char *to;
};

struct config_dns_geolocation {
    struct config_dns_area *networks;
    uint32_t networks_count;
    struct config_dns_code *subdivisions;
    uint32_t subdivisions_count;
    struct config_dns_code *countries;
    uint32_t countries_count;
    struct config_dns_code *continents;
    uint32_t continents_count;
    const char *otherwise; /* NULL: the policy is of another kind */
};

struct config_dns_time {
    const char *name; /* region or policy */
    uint32_t ms;
};

struct config_dns_latency_row {
    const char *name;
    struct config_network *networks;
    uint32_t networks_count;
    struct config_dns_time *times;
    uint32_t times_count;
};

struct config_dns_latency {
    struct config_dns_latency_row *networks;
    uint32_t networks_count;
    const char **measured; /* regions whose measured times count */
    uint32_t measured_count;
    const char *file;      /* NULL: none */
    const char *otherwise; /* NULL: the policy is of another kind */
};

struct config_dns_weight {
    const char *name; /* region or policy */
    uint32_t weight;
};

struct config_dns_policy {
    const char *name;
    struct config_dns_geolocation geolocation;
    struct config_dns_latency latency;
    struct config_dns_weight *weighted;
    uint32_t weighted_count;
    const char **failover;
    uint32_t failover_count;
    const char **multivalue;
    uint32_t multivalue_count;
    const char *fallback; /* NULL: none */
};

enum config_dns_kind {
    CONFIG_DNS_GEOLOCATION,
    CONFIG_DNS_LATENCY,
    CONFIG_DNS_WEIGHTED,
    CONFIG_DNS_FAILOVER,
    CONFIG_DNS_MULTIVALUE,
    CONFIG_DNS_KINDS,
};

struct config_dns {
    const char *zone; /* NULL: no DNS */
    const char *zone_file;
    struct config_dnssec dnssec;
    struct config_dns_name *names;
    uint32_t names_count;
    struct config_dns_zone *zones; /* more of them */
    uint32_t zones_count;
    bool identify;
    const char *version; /* NULL: not told */
    struct config_dns_cookies cookies;
    struct config_dns_key *keys;
    uint32_t keys_count;
    struct config_dns_transfer transfer;
    struct config_dns_rate rate_limit;
    uint32_t ttl_floor_ms;
    struct config_network *allow; /* none: everybody may ask */
    uint32_t allow_count;
    bool sandbox;
    uint32_t workers; /* 0: one per core */
    struct config_dns_policy *policies;
    uint32_t policies_count;
    uint32_t latency_max_age_ms;
    const char *geo_database; /* NULL: none */
};

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

/* Where one site relays a service, and its servers in one region. */
struct config_service_listen {
    const char *site_name;
    uint32_t site;
    struct config_address *addresses;
    uint32_t addresses_count;
};

struct config_service_target {
    const char *region_name;
    uint32_t region;
    struct config_address *addresses;
    uint32_t addresses_count;
};

/* What becomes of connections to a region where the service has failed. */
enum config_failure { CONFIG_FAILURE_CUT, CONFIG_FAILURE_LEAVE };

enum config_service_kind { CONFIG_SERVICE_TCP, CONFIG_SERVICE_REDIS };

struct config_service {
    const char *name;
    uint32_t kind; /* enum config_service_kind */
    struct config_service_listen *listen;
    uint32_t listen_count;
    struct config_service_target *targets;
    uint32_t targets_count;
    uint32_t check;      /* CONFIG_NONE: none */
    uint32_t on_failure; /* enum config_failure */
    uint32_t drain_ms;
    uint32_t max_connections;
    uint32_t connect_timeout_ms;
    uint32_t connect_wait_ms;
    uint32_t idle_timeout_ms; /* 0: none */
    uint32_t initial_primary; /* redis: region; CONFIG_NONE: not given */
    struct config_secret password;
};

enum config_profile { CONFIG_STANDARD, CONFIG_ADR_039 };
enum config_automation { CONFIG_AUTO, CONFIG_APPROVE, CONFIG_OFF };

/* By reason of the automatic rules 3-6; each an enum config_automation. */
struct config_automations {
    uint32_t complete_regional_failure;
    uint32_t database_master_failure;
    uint32_t high_error_rate;
    uint32_t critical_service_failure;
};

struct config_policy {
    uint32_t profile; /* enum config_profile */
    uint32_t cooldown_ms;
    struct config_automations automation;
    uint32_t error_rate_automatic_ppm;
    uint32_t error_rate_duration_ms;
    uint32_t error_rate_review_ppm;
    uint32_t error_rate_monitor_ppm;
    uint32_t p95_monitor_us;
    uint32_t pods_down_ppm;
    uint32_t database_failures;
    uint32_t rpo_limit_ms;
    uint32_t rpo_database_limit_ms;
    uint32_t flapping_transitions;
    uint32_t target_capacity_ppm;
};

struct config_stage {
    uint32_t share_ppm;
    uint32_t hold_ms;
};

struct config_failback {
    bool approval;
    uint32_t min_stable_ms;
    struct config_stage canary;
    struct config_stage ramp;
    uint32_t max_error_ppm;
    uint32_t max_p95_us;
    uint32_t max_lag_ms;
    uint32_t min_requests;
};

struct config_webhook {
    const char *name;
    struct config_url url;
    struct config_secret secret;
};

struct config_notify {
    uint32_t spool;
    struct config_webhook *webhooks;
    uint32_t webhooks_count;
    const char **on_call;
    uint32_t on_call_count;
};

struct config_security {
    struct config_secret token;
};

struct config_memory;

struct config {
    struct config_memory *memory; /* everything below points into it */
    const char *name;
    struct config_security security;
    struct config_store store;
    struct config_region *regions;
    uint32_t regions_count;
    struct config_site *sites;
    uint32_t sites_count;
    struct config_database *databases;
    uint32_t databases_count;
    struct config_check *checks;
    uint32_t checks_count;
    struct config_dns dns;
    struct config_proxy proxy;
    struct config_service *services;
    uint32_t services_count;
    struct config_policy policy;
    struct config_failback failback;
    struct config_notify notify;
};

/* Reads the YAML text. Every problem becomes "FILE:LINE:COLUMN: error: what; expected ...; hint" with the source line
 * and a caret in `messages` (CONFIG_MESSAGES bytes hold all; cut beyond), sorted by line, warnings among them.
 * ERR_OK: a configuration, perhaps with warnings; the caller frees it. ERR_INVALID: errors, show the messages to the
 * operator. ERR_NO_MEMORY. Never crashes on any bytes. `file` is only a name for the messages. */
enum err config_parse(const char *file, struct span text, struct buf *messages, struct config **ret_config) ERR_CHECK;

/* Frees it whole; NULL is fine. */
void config_free(struct config *config);

/* Indices by name; CONFIG_NONE when there is none. */
uint32_t config_region_find(const struct config *config, const char *name);
uint32_t config_site_find(const struct config *config, const char *name);
uint32_t config_database_find(const struct config *config, const char *name);
uint32_t config_node_find(const struct config_database *database, const char *name);
/* The index in store.endpoints of the etcd member that stands at the site; CONFIG_NONE: none, or it is not among them.
 */
uint32_t config_site_member(const struct config *config, uint32_t site);
uint32_t config_check_find(const struct config *config, const char *name);
uint32_t config_service_find(const struct config *config, const char *name);
uint32_t config_dns_policy_find(const struct config *config, const char *name);

/* What a policy is; CONFIG_NONE: nothing, or more than one kind. */
uint32_t config_dns_policy_kind(const struct config_dns_policy *policy);
