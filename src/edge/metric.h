/* SPDX-License-Identifier: Apache-2.0
 * What Prometheus reads from this process: one table of metrics, their series, and the text format 0.0.4.
 *
 * One registry per process, thread-safe, a mutex held for microseconds. A series comes to be when it is first touched;
 * a metric holds at most METRIC_SERIES of them: what comes beyond is dropped and counted in
 * holdfast_metric_series_dropped_total. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "base/buf.h"

enum {
    METRIC_SERIES = 1024,
    METRIC_LABELS = 6,
    METRIC_LABEL = 64, /* bytes of a label's value, terminator included; longer ones are cut */
    METRIC_BUCKETS = 14,
};

/* X(symbol, name behind "holdfast_", type, buckets, labels, help). Base units; `_total` on counters only; names are
 * never reused. */
#define METRIC_TABLE(X)                                                                                                \
    X(BUILD_INFO, "build_info", GAUGE, NONE, "version", "Always 1; the label is the version that runs")                \
    X(FAILOVER_EVENTS, "failover_events_total", COUNTER, NONE, "trigger,reason,source,target,outcome",                 \
      "Failovers that ended, by who started them, why, and how they ended")                                            \
    X(FAILOVER_DURATION, "failover_duration_seconds", HISTOGRAM, FAILOVER, "phase",                                    \
      "Time spent in each phase of a failover")                                                                        \
    X(FAILOVER_RTO, "failover_rto_seconds", GAUGE, NONE, "", "Recovery time of the last failover")                     \
    X(FAILOVER_RPO, "failover_rpo_seconds", GAUGE, NONE, "",                                                           \
      "Age of the oldest commit that the last failover left behind; 0: none")                                          \
    X(FAILOVER_RTO_DISTRIBUTION, "failover_rto_distribution_seconds", HISTOGRAM, FAILOVER, "",                         \
      "Recovery times of all failovers")                                                                               \
    X(FAILOVER_RPO_DISTRIBUTION, "failover_rpo_distribution_seconds", HISTOGRAM, FAILOVER, "",                         \
      "Recovery points of all failovers")                                                                              \
    X(HEALTH_CHECKS, "health_checks_total", COUNTER, NONE, "region,check,layer,severity,result",                       \
      "Probes that ended, by their result")                                                                            \
    X(HEALTH_CRITICAL_FAILED, "health_critical_failed", GAUGE, NONE, "region",                                         \
      "Critical checks of the region that are failed now")                                                             \
    X(HEALTH_OBSERVERS_HEALTHY, "health_observers_healthy_ratio", GAUGE, NONE, "region,check",                         \
      "Of the observers that have a fresh verdict about the check, the share that says PASSED")                        \
    X(FAILBACK_EVENTS, "failback_events_total", COUNTER, NONE, "trigger,outcome",                                      \
      "Failbacks that ended, by how they ended")                                                                       \
    X(FAILBACK_DURATION, "failback_duration_seconds", HISTOGRAM, FAILBACK, "phase",                                    \
      "Time spent in each phase of a failback")                                                                        \
    X(REGION_STATE, "region_state", GAUGE, NONE, "region,state", "1 for the state the region is in, 0 for the others") \
    X(ACTIVE_REGION, "active_region", GAUGE, NONE, "database,region", "1 for the region that holds the writer")        \
    X(TRAFFIC_SHARE, "traffic_share_ratio", GAUGE, NONE, "home,region",                                                \
      "Share of the clients of a home region that are sent to a region")                                               \
    X(REPLICATION_LAG_SECONDS, "replication_lag_seconds", GAUGE, NONE, "database,node",                                \
      "How far a standby is behind, in time")                                                                          \
    X(REPLICATION_LAG_BYTES, "replication_lag_bytes", GAUGE, NONE, "database,node",                                    \
      "How far a standby is behind, in write-ahead log")                                                               \
    X(REPLICATION_LAG_RECENT_SECONDS, "replication_lag_recent_seconds", GAUGE, NONE, "database,node,quantile",         \
      "How far a standby was behind over the last five to ten minutes, in time")                                       \
    X(REPLICATION_LAG_RECENT_BYTES, "replication_lag_recent_bytes", GAUGE, NONE, "database,node,quantile",             \
      "How far a standby was behind over the last five to ten minutes, in write-ahead log")                            \
    X(REPLICATION_PART, "replication_part", GAUGE, NONE, "database,node,part,upstream",                                \
      "1 for what the node is: writer, sync replica, async replica, regional leader, cascaded replica; and whom it "   \
      "streams from")                                                                                                  \
    X(REPLICATION_LAG_LIMIT_SECONDS, "replication_lag_limit_seconds", GAUGE, NONE, "database",                         \
      "max_lag of the database")                                                                                       \
    X(CONTROLLER_LEADER, "controller_leader", GAUGE, NONE, "site", "1 where this controller leads")                    \
    X(CONTROLLER_QUORUM_MEMBERS, "controller_quorum_members", GAUGE, NONE, "", "Sites that report now")                \
    X(DECISION_EVALUATIONS, "decision_evaluations_total", COUNTER, NONE, "decision,gate",                              \
      "Evaluations of the rules, by what they decided")                                                                \
    X(TRIGGER_DISTANCE, "trigger_distance_ratio", GAUGE, NONE, "region,rule",                                          \
      "How far a rule is from being met: 0 is met, 1 is far")                                                          \
    X(FENCE_EPOCH, "fence_epoch", GAUGE, NONE, "database", "The epoch of the present writer")                          \
    X(PROBE_AGE, "probe_age_seconds", GAUGE, NONE, "site,region,check", "Age of an observer's last result")            \
    X(PROBE_DURATION, "probe_duration_seconds", HISTOGRAM, PROBE, "region,check,phase", "Time a probe took, by phase") \
    X(NOTIFICATIONS, "notifications_total", COUNTER, NONE, "receiver", "Notifications that a receiver has accepted")   \
    X(NOTIFICATION_FAILURES, "notification_failures_total", COUNTER, NONE, "receiver",                                 \
      "Attempts to deliver that failed")                                                                               \
    X(NOTIFICATIONS_DROPPED, "notifications_dropped_total", COUNTER, NONE, "receiver",                                 \
      "Notifications given up: the spool was full or the receiver refused them")                                       \
    X(NOTIFICATION_SPOOL, "notification_spool", GAUGE, NONE, "receiver", "Notifications that wait for delivery")       \
    X(STORE_COMMITS, "store_commits_total", COUNTER, NONE, "result", "Commits answered by the store")                  \
    X(STORE_COMMIT_DURATION, "store_commit_duration_seconds", HISTOGRAM, PROBE, "",                                    \
      "Time from handing a commit over to its durable answer")                                                         \
    X(RUN_STATE, "run_state", GAUGE, NONE, "kind,state", "1 while a run of this kind is in this state")                \
    X(AUTOMATION_PAUSED, "automation_paused", GAUGE, NONE, "", "1 while a person has turned automation off")           \
    X(TARGET_READY, "failover_target_ready", GAUGE, NONE, "region",                                                    \
      "1 while the region that a failover of this one would go to is healthy")                                         \
    X(REGION_CAPACITY, "region_capacity_ratio", GAUGE, NONE, "region",                                                 \
      "Configured capacity of the region, of the demand of all regions that it may have to carry")                     \
    X(SERVICE_WORKS, "service_works", GAUGE, NONE, "service,region",                                                   \
      "1: the check of the TCP service has not failed in this region")                                                 \
    X(SERVICE_PRIMARY, "service_primary", GAUGE, NONE, "service,region",                                               \
      "1: clients of the cache are sent to the primary in this region")                                                \
    X(DATABASE_WRITERS, "database_writers", GAUGE, NONE, "database",                                                   \
      "Nodes that say they are the writer; more than 1: alarm")                                                        \
    X(DURABILITY_MEMBERS, "durability_members", GAUGE, NONE, "database",                                               \
      "Nodes that acknowledge commits beside the writer")                                                              \
    X(DURABILITY_DEGRADED, "durability_degraded", GAUGE, NONE, "database",                                             \
      "1: no standby can acknowledge, tier-1 commits go on alone")                                                     \
    X(DURABILITY_BLOCKED, "durability_blocked", GAUGE, NONE, "database",                                               \
      "1: no standby can acknowledge, tier-1 commits wait for one")                                                    \
    X(DURABILITY_LOWERED, "durability_lowered", GAUGE, NONE, "database",                                               \
      "Roles, databases, functions and settings that lower synchronous_commit where every commit was to wait")         \
    X(LAG_HELD, "lag_held", GAUGE, NONE, "database", "1 while sessions wait because the standbys are behind max_lag")  \
    X(GUARD_SLOTS, "guard_slots", GAUGE, NONE, "database",                                                             \
      "Guard slots that the writer keeps for salvage, one per database of its server")                                 \
    X(GUARD_SLOTS_MISSING, "guard_slots_missing", GAUGE, NONE, "database",                                             \
      "Databases of the writer's server without a guard slot")                                                         \
    X(GUARD_SLOTS_LOST, "guard_slots_lost", GAUGE, NONE, "database",                                                   \
      "Guard slots that passed max_slot_wal_keep_size since this node became the writer")                              \
    X(GUARD_RETAINED_BYTES, "guard_retained_bytes", GAUGE, NONE, "database",                                           \
      "Write-ahead log that the guard slots hold back")                                                                \
    X(GUARD_LIMIT_BYTES, "guard_limit_bytes", GAUGE, NONE, "database",                                                 \
      "Write-ahead log that the guard slots may hold back; 0: no limit")                                               \
    X(LEDGER_OPEN, "ledger_open_entries", GAUGE, NONE, "database",                                                     \
      "Transactions of a former writer that wait for a person's word")                                                 \
    X(SEEN_CONNECTIONS, "seen_connections", GAUGE, NONE, "site,server",                                                \
      "Connections that a site's proxies and relays have made to a server since they started")                         \
    X(SEEN_FAILURES, "seen_failures", GAUGE, NONE, "site,server",                                                      \
      "Connections that they could not make, or that broke, since they started")                                       \
    X(SEEN_WRONG, "seen_wrong", GAUGE, NONE, "site,server",                                                            \
      "Times that the server was not what the view says, since they started")                                          \
    X(SEEN_RTT, "seen_round_trip_seconds", GAUGE, NONE, "site,server",                                                 \
      "Round trip of a site's connections to a server")                                                                \
    X(LATENCY_NETWORKS, "latency_networks", GAUGE, NONE, "region",                                                     \
      "Client networks whose round trip to the region was measured")                                                   \
    X(LATENCY_NEWEST, "latency_newest_age_seconds", GAUGE, NONE, "region",                                             \
      "Since the last round trip between a client network and the region was measured")                                \
    X(TOLD_ANSWERED, "told_answered", GAUGE, NONE, "site,server",                                                      \
      "Calls that applications of a site told as answered by a server, since the process that hears them started")     \
    X(TOLD_FAILURES, "told_failures", GAUGE, NONE, "site,server",                                                      \
      "Calls for which they could not reach it, or that broke, likewise")                                              \
    X(TOLD_WRONG, "told_wrong", GAUGE, NONE, "site,server", "Calls for which it was not what the view says, likewise") \
    X(TOLD_CALL, "told_call_seconds", GAUGE, NONE, "site,server",                                                      \
      "What an answered call took them lately, on average")                                                            \
    X(CONTROLLER_QUORUM_SIZE, "controller_quorum_size", GAUGE, NONE, "", "Sites that are configured to report")        \
    X(HTTP_REQUESTS, "http_requests_total", COUNTER, NONE, "method,status", "Requests to this process's API")          \
    X(HEARTBEATS_RECEIVED, "heartbeats_received_total", COUNTER, NONE, "node", "Heartbeats of an agent taken here")    \
    X(HEARTBEATS_REJECTED, "heartbeats_rejected_total", COUNTER, NONE, "reason",                                       \
      "Datagrams on the heartbeats' port that were dropped: form, key, replay, or an unknown node")                    \
    X(HEARTBEAT_JITTER, "heartbeat_jitter_seconds", HISTOGRAM, PROBE, "node",                                          \
      "How much a heartbeat's way differed from that of the one before")                                               \
    X(HEARTBEAT_AGE, "heartbeat_age_seconds", GAUGE, NONE, "site,node",                                                \
      "Since the last heartbeat that a site heard of a node, as it last said")                                         \
    X(HEARTBEAT_SILENT, "heartbeat_silent", GAUGE, NONE, "site,node",                                                  \
      "1 where a site has heard no heartbeat of a node for the whole window")                                          \
    X(READER_AGE, "reader_age_seconds", GAUGE, NONE, "site,region,role",                                               \
      "Since a site's DNS server, proxy or relay was last heard of; it ends with the role")                            \
    X(READER_BEHIND, "reader_views_behind", GAUGE, NONE, "site,region,role",                                           \
      "How many views what it answers from is behind the present one")                                                 \
    X(METRIC_SERIES_DROPPED, "metric_series_dropped_total", COUNTER, NONE, "",                                         \
      "Updates of series beyond a metric's limit")

enum metric {
#define METRIC_ENUM(symbol, name, type, buckets, labels, help) METRIC_##symbol,
    METRIC_TABLE(METRIC_ENUM)
#undef METRIC_ENUM
        METRIC_COUNT
};

/* `labels`: as many values as the metric has labels, then NULL. METRIC_WITH(...) builds it; METRIC_WITH() for none.
 * Wrong kind of metric or wrong number of labels is our mistake: ASSERT. */
#define METRIC_WITH(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})

/* Counters. */
void metric_add(enum metric metric, uint64_t amount, const char *const *labels);

/* A counter that another process or the core counts: takes its present value, never lower than before. */
void metric_raise(enum metric metric, uint64_t value, const char *const *labels);

/* Gauges. */
void metric_set(enum metric metric, double value, const char *const *labels);

/* Histograms. */
void metric_observe(enum metric metric, double value, const char *const *labels);

/* Forgets every series of a gauge, before it is filled anew (a region that is no longer configured). */
void metric_clear(enum metric metric);

/* Content type "text/plain; version=0.0.4". Series appear in the order in which they came to be. buf->overflow: too
 * small a buffer. */
void metric_render(struct buf *buf);

/* For tests: an empty registry. */
void metric_reset(void);
