/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows. Read from the bottom: the root comes last, because a section must be known before it is used.
 */
#include "wire/config_schema.h"

#include "wire/config_schema_row.h"

#define KIND(name)    (1U << CONFIG_KIND_##name)
#define KINDS_HTTP    (KIND(HTTP) | KIND(HTTPS))
#define KINDS_ADDRESS (KIND(TCP) | KINDS_HTTP | KIND(REDIS) | KIND(KAFKA) | KIND(DNS) | KIND(HEARTBEAT))

static const struct config_schema_choice config_schema_stores[] = {
    {"sqlite", CONFIG_STORE_SQLITE, "a file on the controller's machine; for one controller"},
    {"etcd", CONFIG_STORE_ETCD, "an etcd cluster (3.4 or later) in several sites; for several controllers"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_roles[] = {
    {"control", CONFIG_ROLE_CONTROL, "decides and acts, keeps the store, serves the API; observes as well"},
    {"observer", CONFIG_ROLE_OBSERVER, "runs the checks and reports to the controller"},
    {"dns", CONFIG_ROLE_DNS, "answers DNS"},
    {"proxy", CONFIG_ROLE_PROXY, "relays SQL sessions"},
    {"service", CONFIG_ROLE_SERVICE, "relays other TCP services"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_severities[] = {
    {"critical", CONFIG_CRITICAL, "its failure can cause a failover"},
    {"important", CONFIG_IMPORTANT, "its failure is watched"},
    {"informational", CONFIG_INFORMATIONAL, "its failure is shown"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_components[] = {
    {"none", CONFIG_COMPONENT_NONE, "proves no part"}, {"db", CONFIG_COMPONENT_DB, "the database"},
    {"app", CONFIG_COMPONENT_APP, "the application"},  {"cache", CONFIG_COMPONENT_CACHE, "the cache"},
    {"queue", CONFIG_COMPONENT_QUEUE, "the queue"},    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_figures[] = {
    {"none", CONFIG_FIGURE_NONE, "feeds no figure"},
    {"error_rate", CONFIG_FIGURE_ERROR_RATE, "the share of requests that fail"},
    {"p95", CONFIG_FIGURE_P95, "the response time that 95 % of requests stay below"},
    {"pods_down", CONFIG_FIGURE_PODS_DOWN, "the share of a service's instances that are down"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_records[] = {
    {"A", CONFIG_RECORD_A, "IPv4 addresses"},
    {"AAAA", CONFIG_RECORD_AAAA, "IPv6 addresses"},
    {"CNAME", CONFIG_RECORD_CNAME, "aliases"},
    {"TXT", CONFIG_RECORD_TXT, "texts"},
    {"SOA", CONFIG_RECORD_SOA, "the zone's start of authority"},
    {"NS", CONFIG_RECORD_NS, "its name servers"},
    {NULL, 0, NULL}};

const struct config_schema_choice config_schema_kinds[] = {
    {"tcp", CONFIG_KIND_TCP, "a connection is accepted"},
    {"http", CONFIG_KIND_HTTP, "a request is answered as expected"},
    {"https", CONFIG_KIND_HTTPS, "as http, over TLS with a valid certificate"},
    {"postgres", CONFIG_KIND_POSTGRES,
     "the region's node that the view names: a writer where the region holds one, else a "
     "healthy standby; connect, log in, query, role"},
    {"redis", CONFIG_KIND_REDIS, "a key is written and read back"},
    {"kafka", CONFIG_KIND_KAFKA, "a message is produced and acknowledged"},
    {"dns", CONFIG_KIND_DNS, "a name server answers"},
    {"prometheus", CONFIG_KIND_PROMETHEUS, "a figure of a Prometheus server or of a /metrics page is within its limit"},
    {"haproxy", CONFIG_KIND_HAPROXY, "the error rate of a backend is within its limit; feeds error rate and requests"},
    {"exec", CONFIG_KIND_EXEC, "a program ends with 0 (passed), 1 (warning, passed), 2 (failed) or 3 (unknown)"},
    {"heartbeat", CONFIG_KIND_HEARTBEAT, "another Holdfast process answers /healthz"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_routes[] = {
    {"writer", CONFIG_ROUTE_WRITER, "to the database's writer"},
    {"reader", CONFIG_ROUTE_READER,
     "to a healthy standby, the proxy's own region's first, then by the order of its backup regions; else to the "
     "writer"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_empties[] = {
    {"degrade", CONFIG_EMPTY_DEGRADE,
     "tier-1 commits go on alone, told loudly; nobody may then be promoted without loss"},
    {"block", CONFIG_EMPTY_BLOCK, "tier-1 commits wait until one of them is back"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_lag_actions[] = {
    {"alert", CONFIG_LAG_ALERT, "it is told"},
    {"hold", CONFIG_LAG_HOLD,
     "sessions wait at the proxies, three seconds of every four, until a standby is less than four fifths of max_lag "
     "behind; where no standby streams nothing waits"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_profiles[] = {
    {"standard", CONFIG_STANDARD, "the rules and gates of this system"},
    {"adr-039", CONFIG_ADR_039,
     "the rules of the architecture decision record to the letter, defects included; for "
     "comparison"},
    {NULL, 0, NULL}};

static const struct config_schema_choice config_schema_automations[] = {
    {"auto", CONFIG_AUTO, "a failover starts by itself"},
    {"approve", CONFIG_APPROVE, "a person must approve it"},
    {"off", CONFIG_OFF, "never by itself, only reported"},
    {NULL, 0, NULL}};

/* Sections, inner ones first. */

static const struct config_schema_row config_schema_security_rows[] = {
    ROW("token", SECRET, config_security, token, .required = true,
        .prose = "The token that every change and every call between processes carries."),
    END};
static const struct config_schema_section config_schema_security =
    SECTION("security", config_security, config_schema_security_rows, .prose = "Who may change anything.");

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
static const struct config_schema_section config_schema_store =
    SECTION("store", config_store, config_schema_store_rows,
            .prose = "Where runs, decisions, events, leases and the configuration's hash are kept; used only where a "
                     "controller runs.");

static const struct config_schema_row config_schema_endpoint_rows[] = {
    ROWS("addresses", LIST, config_endpoint, addresses, .item = CONFIG_SCHEMA_ADDRESS, .required = true, .min = 1,
         .max = CONFIG_ENDPOINTS,
         .prose = "Addresses that DNS answers for this endpoint, and that are verified after a shift."),
    END};
static const struct config_schema_section config_schema_endpoint =
    SECTION("endpoint", config_endpoint, config_schema_endpoint_rows, .bare = true, .key = CONFIG_SCHEMA_NAME,
            .prose = "A named set of addresses of a region.");

static const struct config_schema_row config_schema_load_balancer_rows[] = {
    ROW("haproxy", SOCKET, config_load_balancer, haproxy, .required = true,
        .prose = "Its runtime socket: `stats socket ... level admin`."),
    ROW("backend", WORD, config_load_balancer, backend, .required = true,
        .prose = "The backend whose servers get the weights."),
    END};
static const struct config_schema_section config_schema_load_balancer =
    SECTION("load_balancer", config_load_balancer, config_schema_load_balancer_rows,
            .prose = "An HAProxy whose weights follow the split.");

static const struct config_schema_row config_schema_region_rows[] = {
    ROWS("backup", LIST, config_region, backup, .item = CONFIG_SCHEMA_REFERENCE, .max = CONFIG_REGIONS,
         .target = CONFIG_SCHEMA_REGION,
         .prose = "Where its traffic may go, in the order in which a target is looked for."),
    ROW("capacity", DECIMAL, config_region, capacity_ppm, .fallback = "1", .min = 0, .max = UINT64_C(1000000000),
        .prose = "Its capacity divided by the whole service's present demand."),
    ROW("weight", INTEGER, config_region, weight, .fallback = "100", .min = 0, .max = 10000,
        .prose =
            "Its share, relative to the other regions' weights, of the clients without a home region in steady state."),
    ROWS("clients", LIST, config_region, clients, .item = CONFIG_SCHEMA_NETWORK, .max = CONFIG_NETWORKS,
         .prose = "Networks whose home region this is; the longest prefix wins."),
    ROWS("endpoints", MAP, config_region, endpoints, .max = CONFIG_ENDPOINTS, .section = &config_schema_endpoint,
         .prose = "Named sets of addresses, which dns.names refer to."),
    ROW("load_balancer", SECTION, config_region, load_balancer, .section = &config_schema_load_balancer,
        .prose = "An HAProxy whose weights follow the split."),
    END};
static const struct config_schema_section config_schema_region =
    SECTION("region", config_region, config_schema_region_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "A place that can carry the whole service.");

static const struct config_schema_row config_schema_api_rows[] = {
    ROW("listen", ADDRESS, config_api, listen, .required = true,
        .prose = "Where the controller's API listens; agents and observers call it here."),
    END};
static const struct config_schema_section config_schema_api =
    SECTION("api", config_api, config_schema_api_rows, .prose = "The controller's API.");

static const struct config_schema_row config_schema_listen_rows[] = {
    ROWS("listen", LIST, config_listen, listen, .item = CONFIG_SCHEMA_ADDRESS, .required = true, .min = 1, .max = 8,
         .prose = "Where it listens."),
    END};
static const struct config_schema_section config_schema_listen =
    SECTION("listen", config_listen, config_schema_listen_rows, .prose = "Where a role listens.");

static const struct config_schema_row config_schema_site_rows[] = {
    ROW("region", REFERENCE, config_site, region, .target = CONFIG_SCHEMA_REGION,
        .prose = "The region it stands in; without one it is a witness."),
    ROW("roles", FLAGS, config_site, roles, .required = true, .choices = config_schema_roles,
        .prose = "What runs there."),
    ROW("state_dir", PATH, config_site, state_dir, .fallback = "/var/lib/holdfast",
        .prose = "The directory for the last view and other state of this site's processes."),
    ROW("etcd", ADDRESS, config_site, etcd,
        .prose = "The etcd member that stands there, as in store.endpoints: the controllers keep etcd's leader out of "
                 "the region "
                 "of the writer."),
    ROW("api", SECTION, config_site, api, .section = &config_schema_api,
        .prose = "The controller's API; required with the role control."),
    ROW("beats", ADDRESS, config_site, beats,
        .prose =
            "Where it listens for the agents' heartbeats, UDP; not given: the address of its api, when it has one. "
            "A site with neither has no word about a writer's silence."),
    ROW("dns", SECTION, config_site, dns, .section = &config_schema_listen,
        .prose = "Where DNS listens, UDP and TCP; required with the role dns."),
    ROW("dns_metrics", ADDRESS, config_site, dns_metrics,
        .prose = "Where the DNS server's own metrics are served over HTTP (/metrics); on a private address."),
    ROW("proxy", SECTION, config_site, proxy, .section = &config_schema_listen,
        .prose = "Where the SQL proxy listens; required with the role proxy."),
    ROW("feedback", BOOLEAN, config_site, feedback, .fallback = "false",
        .prose =
            "Whether applications with libholdfast on this host may tell its controller or observer how their calls "
            "went; shown, and checks are made at once where it gets worse."),
    END};
static const struct config_schema_section config_schema_site =
    SECTION("site", config_site, config_schema_site_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "A place where Holdfast runs: an observer and a vote.");

static const struct config_schema_row config_schema_durability_rows[] = {
    ROWS("members", LIST, config_durability, members, .item = CONFIG_SCHEMA_REFERENCE, .max = CONFIG_NODES,
         .target = CONFIG_SCHEMA_NODE,
         .prose =
             "Nodes that acknowledge tier-1 commits while they are standbys; only they may be promoted without loss."),
    ROW("required", INTEGER, config_durability, required, .fallback = "1", .min = 1, .max = CONFIG_NODES,
        .prose = "How many of them must acknowledge."),
    ROW("on_empty", ENUM, config_durability, on_empty, .fallback = "degrade", .choices = config_schema_empties,
        .prose = "What the leading controller does with tier-1 commits when no member is left that can acknowledge. "
                 "Without a controller that leads nothing changes: commits wait."),
    ROW("every_commit", BOOLEAN, config_durability, every_commit, .fallback = "false",
        .prose =
            "A promise that every commit of the cluster waits for the set: the agent makes it the servers' default and "
            "looks for roles, databases, functions and settings that lower it. While it is kept and the set requires "
            "all of its members, a lost writer is replaced without waiting for the end of its lease: required must be "
            "as many as the standbys that may acknowledge. The proxies refuse a session that lowers synchronous_commit "
            "by itself; who does not come through them must be kept out (clients)."),
    END};
static const struct config_schema_section config_schema_durability = SECTION(
    "durability", config_durability, config_schema_durability_rows, .prose = "The durability set at first boot.");

static const struct config_schema_row config_schema_superuser_rows[] = {
    ROW("name", WORD, config_account, name, .fallback = "postgres", .prose = "Its name in PostgreSQL."),
    ROW("password", SECRET, config_account, password, .required = true, .prose = "Its password."), END};
static const struct config_schema_section config_schema_superuser = SECTION(
    "superuser", config_account, config_schema_superuser_rows, .prose = "The account of agents, checks and proofs.");

static const struct config_schema_row config_schema_replication_rows[] = {
    ROW("name", WORD, config_account, name, .fallback = "replicator", .prose = "Its name in PostgreSQL."),
    ROW("password", SECRET, config_account, password, .required = true, .prose = "Its password."), END};
static const struct config_schema_section config_schema_replication = SECTION(
    "replication", config_account, config_schema_replication_rows, .prose = "The account that standbys stream with.");

static const struct config_schema_row config_schema_node_rows[] = {
    ROW("region", REFERENCE, config_node, region, .required = true, .target = CONFIG_SCHEMA_REGION,
        .prose = "The region it stands in."),
    ROW("agent", ADDRESS, config_node, agent, .required = true, .prose = "Where its agent listens."),
    ROW("postgres", ADDRESS, config_node, postgres, .required = true, .prose = "Where its PostgreSQL listens."),
    ROW("data", PATH, config_node, data, .required = true, .prose = "Its data directory; the agent creates it."),
    ROW("bin", PATH, config_node, bin, .fallback = "/usr/lib/postgresql/15/bin",
        .prose = "Where PostgreSQL's programs are."),
    ROW("run_as", WORD, config_node, run_as, .fallback = "postgres",
        .prose = "The user that PostgreSQL runs as when its agent is started as root."),
    ROW("priority", INTEGER, config_node, priority, .fallback = "100", .min = 0, .max = 1000,
        .prose = "Among equally advanced candidates the higher one is promoted."),
    ROW("nofailover", BOOLEAN, config_node, nofailover, .fallback = "false",
        .prose =
            "Never a candidate: neither a rule nor an operator's order promotes it. It may acknowledge commits, serve "
            "reads and lead its region's replicas."),
    END};
static const struct config_schema_section config_schema_node =
    SECTION("node", config_node, config_schema_node_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "One PostgreSQL server with its agent.");

static const struct config_schema_row config_schema_parameter_rows[] = {
    ROW("value", TEXT, config_setting, value, .required = true, .max = 1024, .prose = "Its value, as text."), END};
static const struct config_schema_section config_schema_parameter =
    SECTION("parameter", config_setting, config_schema_parameter_rows, .bare = true, .key = CONFIG_SCHEMA_WORD,
            .prose = "A PostgreSQL setting.");

static const struct config_schema_row config_schema_heartbeat_rows[] = {
    ROW("period", DURATION_MS, config_heartbeat, period_ms, .min = MS(5), .max = MS(1000),
        .prose = "Time between two heartbeats; not given: a twentieth of the lease, 10ms to 100ms."),
    ROW("silence", DURATION_MS, config_heartbeat, silence_ms, .min = MS(100), .max = MINUTES(5),
        .prose =
            "So long without a heartbeat is silence; not given: eight tenths of the lease. At least three periods. "
            "Longer than the lease it makes failovers longer than they must be."),
    ROW("failover", BOOLEAN, config_heartbeat, failover, .fallback = "true",
        .prose = "Whether a silence of the writer's node, which most sites confirm, starts a failover inside its "
                 "region without waiting for checks."),
    END};
static const struct config_schema_section config_schema_heartbeat =
    SECTION("heartbeat", config_heartbeat, config_schema_heartbeat_rows,
            .prose = "The small UDP messages by which agents say that they live.");

static const struct config_schema_row config_schema_database_rows[] = {
    ROW("lease", DURATION_MS, config_database, lease_ms, .fallback = "3s", .min = MS(500), .max = MINUTES(5),
        .prose = "The writer's time-limited right, renewed three times per lease."),
    ROW("margin", DURATION_MS, config_database, margin_ms, .fallback = "300ms", .min = MS(50), .max = MINUTES(1),
        .prose = "Waited on top of the lease before anybody else may become writer."),
    ROW("heartbeat", SECTION, config_database, heartbeat, .section = &config_schema_heartbeat,
        .prose = "How often the agents say that they live, and how long a silence is news."),
    ROW("tier1", BOOLEAN, config_database, tier1, .required = true,
        .prose =
            "Whether it holds data that must never be lost: then only members of the durability set are promoted."),
    ROW("durability", SECTION, config_database, durability, .section = &config_schema_durability,
        .prose = "Which standbys must acknowledge tier-1 commits; required with tier1."),
    ROW("cascade", BOOLEAN, config_database, cascade, .fallback = "false",
        .prose = "In each region but the writer's one node streams from the writer and leads: the region's other nodes "
                 "stream from it. Members of the durability set stream from the writer itself."),
    ROW("max_lag", DURATION_MS, config_database, max_lag_ms, .fallback = "5s", .min = MS(1), .max = HOURS(24),
        .prose = "A standby's lag above which there is an alert (tier 2)."),
    ROW("max_lag_action", ENUM, config_database, max_lag_action, .fallback = "alert",
        .choices = config_schema_lag_actions,
        .prose = "What follows when even the freshest standby has not received what is older than max_lag."),
    ROWS("clients", LIST, config_database, clients, .item = CONFIG_SCHEMA_NETWORK, .max = CONFIG_DATABASE_CLIENTS,
         .prose = "Networks from which roles other than superuser and replication may connect to the servers; default "
                  "everywhere. With every_commit: the addresses that the proxies connect from, and nothing else. In an "
                  "adopted cluster pg_hba.local.conf says it instead."),
    ROW("superuser", SECTION, config_database, superuser, .required = true, .section = &config_schema_superuser,
        .prose = "The account of agents, checks and proofs."),
    ROW("replication", SECTION, config_database, replication, .required = true, .section = &config_schema_replication,
        .prose = "The account that standbys stream with."),
    ROW("dbname", WORD, config_database, dbname, .fallback = "postgres",
        .prose = "The database inside the cluster that checks and proofs connect to."),
    ROW("wal_segment", SIZE, config_database, wal_segment_bytes, .fallback = "16MB", .min = 1024 * 1024,
        .max = 16 * 1024 * 1024,
        .prose = "Size of the log's files in a cluster that the agent founds, a power of two: a promotion copies one, "
                 "so 1MB makes it shorter by what the disk needs for the rest. An existing cluster keeps its own."),
    ROW("initial_writer", REFERENCE, config_database, initial_writer, .required = true, .target = CONFIG_SCHEMA_NODE,
        .prose = "The node that is writer at the very first start."),
    ROWS("nodes", MAP, config_database, nodes, .required = true, .min = 1, .max = CONFIG_NODES,
         .section = &config_schema_node, .prose = "Its PostgreSQL servers, one agent beside each."),
    ROWS("parameters", MAP, config_database, parameters, .max = 128, .section = &config_schema_parameter,
         .prose = "PostgreSQL settings that the agent writes on top of its own."),
    END};
static const struct config_schema_section config_schema_database =
    SECTION("database", config_database, config_schema_database_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "One PostgreSQL cluster.");

static const struct config_schema_row config_schema_target_rows[] = {
    ROW("address", ADDRESS, config_target, address, .required = true, .kinds = KINDS_ADDRESS,
        .prose = "What is probed."),
    ROW("address", SOCKET, config_target, address, .required = true, .kinds = KIND(HAPROXY),
        .prose = "The HAProxy's runtime socket."),
    ROW("url", URL, config_target, url, .required = true, .kinds = KIND(PROMETHEUS),
        .prose = "The Prometheus server (with query), or the page with the metric."),
    ROW("database", REFERENCE, config_target, database, .required = true, .kinds = KIND(POSTGRES),
        .target = CONFIG_SCHEMA_DATABASE, .prose = "The database whose node in this region is probed."),
    ROWS("arguments", LIST, config_target, arguments, .item = CONFIG_SCHEMA_TEXT, .max = 16, .kinds = KIND(EXEC),
         .prose = "Appended to the command."),
    END};
static const struct config_schema_section config_schema_check_target = SECTION(
    "target", config_target, config_schema_target_rows, .key = CONFIG_SCHEMA_REFERENCE, .target = CONFIG_SCHEMA_REGION,
    .key_offset = offsetof(struct config_target, region), .prose = "What a check looks at in one region.");

static const struct config_schema_row config_schema_check_rows[] = {
    ROW("kind", ENUM, config_check, kind, .required = true, .choices = config_schema_kinds, .prose = "What is done."),
    ROW("severity", ENUM, config_check, severity, .required = true, .choices = config_schema_severities,
        .prose = "What its failure means."),
    ROW("layer", INTEGER, config_check, layer, .required = true, .min = 1, .max = 3,
        .prose = "1 infrastructure, 2 service, 3 business figure."),
    ROW("component", ENUM, config_check, component, .fallback = "none", .choices = config_schema_components,
        .prose = "Which part of a region's fitness as a target it proves."),
    ROW("interval", DURATION_MS, config_check, interval_ms, .fallback = "1s", .min = MS(100), .max = HOURS(1),
        .prose = "Time between two probes."),
    ROW("timeout", DURATION_MS, config_check, timeout_ms, .fallback = "800ms", .min = MS(10), .max = MINUTES(5),
        .prose = "A probe without an answer by then has failed."),
    ROW("failure_threshold", INTEGER, config_check, failure_threshold, .fallback = "3", .min = 1, .max = 100,
        .prose = "Failures in a row until the verdict is FAILED."),
    ROW("success_threshold", INTEGER, config_check, success_threshold, .fallback = "2", .min = 1, .max = 100,
        .prose = "Successes in a row until the verdict is PASSED again."),
    ROW("latency_limit", DURATION_US, config_check, latency_limit_us, .min = MS(1), .max = MINUTES(5),
        .prose = "A good answer that took longer is a failure."),
    ROW("path", TEXT, config_check, path, .fallback = "/", .kinds = KINDS_HTTP,
        .prose = "The path of the request, from the slash on."),
    ROW("host", DOMAIN, config_check, host, .kinds = KINDS_HTTP,
        .prose = "The Host header and the TLS server name; the address when not given."),
    ROW("expect_status", INTEGER, config_check, expect_status, .min = 100, .max = 599, .kinds = KINDS_HTTP,
        .prose = "The status of a good answer; any 2xx when not given."),
    ROW("expect_body", TEXT, config_check, expect_body, .kinds = KINDS_HTTP,
        .prose = "Text that the body of a good answer contains."),
    ROW("body_limit", SIZE, config_check, body_limit_bytes, .fallback = "64kB", .min = 1024, .max = 16 * 1024 * 1024,
        .kinds = KINDS_HTTP, .prose = "How much of the body is read."),
    ROW("ca_file", PATH, config_check, ca_file, .kinds = KIND(HTTPS),
        .prose = "Certificates that are trusted instead of the system's."),
    ROW("certificate_min_valid", DURATION_MS, config_check, certificate_min_valid_ms, .min = MINUTES(1),
        .max = DAYS(45), .kinds = KIND(HTTPS), .prose = "A certificate that ends sooner is a failure."),
    ROW("query", TEXT, config_check, query, .max = 1023, .kinds = KIND(POSTGRES),
        .prose = "A further statement that must succeed."),
    ROW("max_lag", DURATION_MS, config_check, max_lag_ms, .min = MS(1), .max = HOURS(24), .kinds = KIND(POSTGRES),
        .prose = "A standby with a greater lag is a failure."),
    ROW("key", TEXT, config_check, key, .max = 128, .kinds = KIND(REDIS),
        .prose = "What the key that is written and read back starts with; the default names site, check and region."),
    ROW("password", SECRET, config_check, password, .kinds = KIND(REDIS),
        .prose = "The server's password, if it has one."),
    ROW("topic", WORD, config_check, topic, .fallback = "holdfast-health", .kinds = KIND(KAFKA),
        .prose = "The topic that is written to."),
    ROW("name", DOMAIN, config_check, dns_name, .required = true, .kinds = KIND(DNS), .prose = "The name asked for."),
    ROW("type", ENUM, config_check, dns_type, .fallback = "A", .choices = config_schema_records, .kinds = KIND(DNS),
        .prose = "The type asked for."),
    ROW("expect", TEXT, config_check, expect, .max = 255, .kinds = KIND(DNS),
        .prose = "A record that a good answer contains, in text form."),
    ROW("figure", ENUM, config_check, figure, .fallback = "none", .choices = config_schema_figures,
        .kinds = KIND(PROMETHEUS), .prose = "Which figure of the region the value is."),
    ROW("query", TEXT, config_check, query, .max = 1023, .kinds = KIND(PROMETHEUS),
        .prose = "An expression for a Prometheus server; its answer is one number. Either query or metric."),
    ROW("metric", TEXT, config_check, metric, .max = 255, .kinds = KIND(PROMETHEUS),
        .prose = "A metric of a plain /metrics page: a histogram or a gauge. Either query or metric."),
    ROW("quantile", SHARE, config_check, quantile_ppm, .fallback = "95%", .min = 10000, .max = 999999,
        .kinds = KIND(PROMETHEUS), .prose = "Of a histogram: the quantile over what was added since the last sample."),
    ROW("backend", WORD, config_check, backend, .required = true, .kinds = KIND(HAPROXY),
        .prose = "The backend that is looked at."),
    ROW("limit", LIMIT, config_check, limit, .kinds = KIND(PROMETHEUS) | KIND(HAPROXY),
        .prose = "A value above it is a failure: a percentage, a duration (for seconds) or a number."),
    ROWS("command", LIST, config_check, command, .item = CONFIG_SCHEMA_TEXT, .required = true, .min = 1, .max = 16,
         .kinds = KIND(EXEC), .prose = "The program by its absolute path, and its arguments; no shell."),
    ROWS("targets", MAP, config_check, targets, .required = true, .min = 1, .max = CONFIG_REGIONS,
         .section = &config_schema_check_target, .prose = "The regions it is run against, and what it looks at there."),
    END};
static const struct config_schema_section config_schema_check =
    SECTION("check", config_check, config_schema_check_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "One probe of one thing in each of its regions, from every observer.");

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
static const struct config_schema_section config_schema_proxy =
    SECTION("proxy", config_proxy, config_schema_proxy_rows, .prose = "Where SQL sessions go.");

#define AUTOMATION(reason, member, text)                                                                               \
    ROW(reason, ENUM, config_automations, member, .fallback = "auto", .choices = config_schema_automations,            \
        .prose = text)
static const struct config_schema_row config_schema_automation_rows[] = {
    AUTOMATION("COMPLETE_REGIONAL_FAILURE", complete_regional_failure,
               "Rule 3: every critical check failed, or every one of layer 1."),
    AUTOMATION("DATABASE_MASTER_FAILURE", database_master_failure, "Rule 4: the check database-master failed."),
    AUTOMATION("HIGH_ERROR_RATE", high_error_rate, "Rule 5: the error rate is high for long."),
    AUTOMATION("CRITICAL_SERVICE_FAILURE", critical_service_failure,
               "Rule 6: a critical service is down with most of its instances."),
    END};
static const struct config_schema_section config_schema_automation =
    SECTION("automation", config_automations, config_schema_automation_rows,
            .prose = "What happens when a rule wants an automatic failover.");

static const struct config_schema_row config_schema_policy_rows[] = {
    ROW("profile", ENUM, config_policy, profile, .fallback = "standard", .choices = config_schema_profiles,
        .prose = "Which set of rules decides."),
    ROW("cooldown", DURATION_MS, config_policy, cooldown_ms, .fallback = "1h", .min = 0, .max = DAYS(7),
        .prose = "Time after a failover in which the next one needs a person."),
    ROW("automation", SECTION, config_policy, automation, .section = &config_schema_automation,
        .prose = "What happens when a rule wants an automatic failover, by reason."),
    ROW("error_rate_automatic", SHARE, config_policy, error_rate_automatic_ppm, .fallback = "10%", .min = 1,
        .max = 1000000, .prose = "Rule 5: an error rate above it, for error_rate_duration, is a reason to fail over."),
    ROW("error_rate_duration", DURATION_MS, config_policy, error_rate_duration_ms, .fallback = "5m", .min = SECONDS(1),
        .max = HOURS(24), .prose = "Rule 5: for how long without a break."),
    ROW("error_rate_review", SHARE, config_policy, error_rate_review_ppm, .fallback = "5%", .min = 1, .max = 1000000,
        .prose = "Rule 9: from this error rate on a person is asked."),
    ROW("error_rate_monitor", SHARE, config_policy, error_rate_monitor_ppm, .fallback = "1%", .min = 1, .max = 1000000,
        .prose = "Rule 11: from this error rate on the decision is MONITOR."),
    ROW("p95_monitor", DURATION_US, config_policy, p95_monitor_us, .fallback = "200ms", .min = MS(1), .max = MINUTES(5),
        .prose = "Rule 11: from this 95th percentile of the response time on the decision is MONITOR."),
    ROW("pods_down", SHARE, config_policy, pods_down_ppm, .fallback = "50%", .min = 1, .max = 1000000,
        .prose = "Rules 6 and 11: a service is down with more than this share of its instances."),
    ROW("database_failures", INTEGER, config_policy, database_failures, .fallback = "3", .min = 1, .max = 1000,
        .prose = "Rule 4: from this many failures of database-master in a row on, as each of a majority counts them."),
    ROW("rpo_limit", DURATION_MS, config_policy, rpo_limit_ms, .fallback = "60s", .min = MS(1), .max = HOURS(24),
        .prose = "Gate RPO_AT_RISK: from this replication lag of the target on a person is asked."),
    ROW("rpo_database_limit", DURATION_MS, config_policy, rpo_database_limit_ms, .fallback = "30s", .min = MS(1),
        .max = HOURS(24), .prose = "The same for DATABASE_MASTER_FAILURE."),
    ROW("flapping_transitions", INTEGER, config_policy, flapping_transitions, .fallback = "4", .min = 1, .max = 1000,
        .prose = "Gate FLAPPING: from this many changes of verdict in ten minutes on a person is asked."),
    ROW("target_capacity", DECIMAL, config_policy, target_capacity_ppm, .fallback = "1", .min = 0,
        .max = UINT64_C(1000000000),
        .prose = "Gate TARGET_CAPACITY: below this capacity of the target, divided by the demand, a person is asked; a "
                 "failover of confidence HIGH goes on with a warning."),
    END};
static const struct config_schema_section config_schema_policy =
    SECTION("policy", config_policy, config_schema_policy_rows,
            .prose = "How decisions are made; every threshold is optional.");

static const struct config_schema_row config_schema_canary_rows[] = {
    ROW("share", SHARE, config_stage, share_ppm, .fallback = "10%", .min = 100, .max = 1000000,
        .prose = "How much of the traffic comes home, in steps of 0.01%."),
    ROW("hold", DURATION_MS, config_stage, hold_ms, .fallback = "30m", .min = MS(100), .max = HOURS(24),
        .prose = "For how long it is watched."),
    END};
static const struct config_schema_section config_schema_canary =
    SECTION("canary", config_stage, config_schema_canary_rows, .prose = "The first stage.");

static const struct config_schema_row config_schema_ramp_rows[] = {
    ROW("share", SHARE, config_stage, share_ppm, .fallback = "50%", .min = 100, .max = 1000000,
        .prose = "How much of the traffic comes home, in steps of 0.01%."),
    ROW("hold", DURATION_MS, config_stage, hold_ms, .fallback = "30m", .min = MS(100), .max = HOURS(24),
        .prose = "For how long it is watched."),
    END};
static const struct config_schema_section config_schema_ramp =
    SECTION("ramp", config_stage, config_schema_ramp_rows, .prose = "The second stage.");

static const struct config_schema_row config_schema_failback_rows[] = {
    ROW("approval", BOOLEAN, config_failback, approval, .fallback = "true",
        .prose = "Whether a person must approve it."),
    ROW("min_stable", DURATION_MS, config_failback, min_stable_ms, .fallback = "10m", .min = 0, .max = DAYS(7),
        .prose = "How long the original region must have been healthy."),
    ROW("canary", SECTION, config_failback, canary, .section = &config_schema_canary, .prose = "The first stage."),
    ROW("ramp", SECTION, config_failback, ramp, .section = &config_schema_ramp, .prose = "The second stage."),
    ROW("max_error_rate", SHARE, config_failback, max_error_ppm, .fallback = "2%", .min = 0, .max = 1000000,
        .prose = "An error rate above it in a stage aborts."),
    ROW("max_p95", DURATION_US, config_failback, max_p95_us, .fallback = "500ms", .min = MS(1), .max = MINUTES(5),
        .prose = "A 95th percentile of the response time above it in a stage aborts."),
    ROW("max_lag", DURATION_MS, config_failback, max_lag_ms, .fallback = "5s", .min = MS(1), .max = HOURS(24),
        .prose = "A replication lag above it refuses the start, and aborts in a stage."),
    ROW("min_requests", INTEGER, config_failback, min_requests, .fallback = "100", .min = 0, .max = 1000000000,
        .prose = "A stage does not end before this many requests were seen."),
    END};
static const struct config_schema_section config_schema_failback =
    SECTION("failback", config_failback, config_schema_failback_rows, .prose = "How traffic comes home.");

static const struct config_schema_row config_schema_webhook_rows[] = {
    ROW("url", URL, config_webhook, url, .required = true, .prose = "Where messages are posted."),
    ROW("secret", SECRET, config_webhook, secret,
        .prose = "The key of the signature (HMAC-SHA-256) that each message carries."),
    END};
static const struct config_schema_section config_schema_webhook =
    SECTION("webhook", config_webhook, config_schema_webhook_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "A receiver of notifications.");

static const struct config_schema_row config_schema_notify_rows[] = {
    ROW("spool", INTEGER, config_notify, spool, .fallback = "10000", .min = 1, .max = 1000000,
        .prose = "Messages kept while receivers are away; the oldest go first."),
    ROWS("webhooks", MAP, config_notify, webhooks, .max = 16, .section = &config_schema_webhook,
         .prose = "Receivers by name."),
    ROWS("on_call", LIST, config_notify, on_call, .item = CONFIG_SCHEMA_TEXT, .max = 32,
         .prose = "Who is on call; named in each message."),
    END};
static const struct config_schema_section config_schema_notify =
    SECTION("notify", config_notify, config_schema_notify_rows, .prose = "Who is told.");

static const struct config_schema_row config_schema_rows[] = {
    ROW("name", NAME, config, name, .required = true, .prose = "The service's name; in every notification and metric."),
    ROW("security", SECTION, config, security, .required = true, .section = &config_schema_security,
        .prose = "Who may change anything."),
    ROW("store", SECTION, config, store, .section = &config_schema_store,
        .prose = "Where the controller keeps its journal."),
    ROWS("regions", MAP, config, regions, .required = true, .min = 1, .max = CONFIG_REGIONS,
         .section = &config_schema_region, .prose = "The places that carry the service."),
    ROWS("sites", MAP, config, sites, .required = true, .min = 1, .max = CONFIG_SITES, .section = &config_schema_site,
         .prose = "The places where Holdfast runs; no region may hold half of them, so two regions need a witness."),
    ROWS("databases", MAP, config, databases, .max = CONFIG_DATABASES, .section = &config_schema_database,
         .prose = "PostgreSQL clusters."),
    ROWS("checks", MAP, config, checks, .required = true, .min = 1, .max = CONFIG_CHECKS,
         .section = &config_schema_check, .prose = "What is watched."),
    ROW("dns", SECTION, config, dns, .section = &config_schema_dns,
        .prose = "Authoritative names; required by the role dns."),
    ROW("proxy", SECTION, config, proxy, .section = &config_schema_proxy,
        .prose = "Where SQL sessions go; required by the role proxy."),
    ROWS("services", MAP, config, services, .max = CONFIG_SERVICES, .section = &config_schema_service,
         .prose = "TCP services that are relayed; required by the role service."),
    ROW("policy", SECTION, config, policy, .section = &config_schema_policy, .prose = "How decisions are made."),
    ROW("failback", SECTION, config, failback, .section = &config_schema_failback, .prose = "How traffic comes home."),
    ROW("notify", SECTION, config, notify, .section = &config_schema_notify, .prose = "Who is told."),
    END};
const struct config_schema_section config_schema_root =
    SECTION("configuration", config, config_schema_rows, .prose = "One file for every process of every site.");
