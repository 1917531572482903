/* SPDX-License-Identifier: Apache-2.0
 * The schema: the rows of `databases`. */
#include "wire/config_schema.h"
#include "wire/config_schema_row.h"

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
const struct config_schema_section config_schema_database =
    SECTION("database", config_database, config_schema_database_rows, .key = CONFIG_SCHEMA_NAME,
            .prose = "One PostgreSQL cluster.");
